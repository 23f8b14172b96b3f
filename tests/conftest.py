"""What every test may ask for. Tests of the database run on SQLite and on PostgreSQL alike."""

import gc
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from tortoise.backends.base.executor import EXECUTOR_CACHE

from app.memory import settle
from tests.databases import Databases, postgres_databases, sqlite_files
from tests.factories import Make
from tests.graphql.api import Api, application
from tests.kept import connected
from tests.postgres import Postgres


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--deep",
        type=int,
        default=0,
        metavar="LIVES",
        help="so many lives at random in tests/properties/test_machine.py; "
        "so many worlds, looked at whole, in tests/isolation",
    )
    parser.addoption("--worlds", type=int, default=1, help="in tests/isolation, to draw from")
    parser.addoption("--seed", type=int, default=0, help="of the first world in tests/isolation")
    parser.addoption("--rounds", type=int, default=1, help="of each fault in tests/faults")
    parser.addoption(
        "--documents", type=int, default=60, help="how many documents both executors are to answer"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: many a test waits, for the clock or for a process."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """As a server does: what is imported by now is not looked through again."""
    settle()


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def documents(request: pytest.FixtureRequest) -> int:
    """How many documents by chance a test is to go through."""
    number: int = request.config.getoption("documents")
    return number


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a fault is brought about."""
    number: int = request.config.getoption("rounds")
    return number


@pytest.fixture
def swept() -> Iterator[None]:
    """What a test leaves behind goes with it, and is held against no other."""
    yield
    gc.collect()


@pytest.fixture
def uncollected() -> Iterator[None]:
    """What is left goes by itself, or not at all."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest_asyncio.fixture(scope="session", params=["sqlite", "postgres"])
async def databases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Databases]:
    """Both kinds, one after the other: every test that needs a database runs on each."""
    if request.param == "sqlite":
        source = sqlite_files(tmp_path_factory.mktemp("sqlite"))
    else:
        source = postgres_databases(request.getfixturevalue("postgres"))
    async with source as databases:
        EXECUTOR_CACHE.clear()  # of statements, by the name of the connection: always "default"
        yield databases
        gc.collect()  # connections that were cut say so when they go


@pytest_asyncio.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    async with databases.fresh() as url:
        yield url


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """A migrated, empty database that this process is connected to."""
    async with connected(database_url):
        yield database_url


@pytest.fixture
def make(database: str, clock: Clock) -> Make:
    return Make(clock)


@pytest_asyncio.fixture
async def api(make: Make, clock: Clock) -> AsyncIterator[Api]:
    async with application(make, clock) as api:
        yield api
