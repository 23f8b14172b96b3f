"""A call that is ended takes its SQL with it."""

import asyncio
from contextlib import nullcontext

import pytest
from tortoise.transactions import in_transaction

from app.database import connected
from models.database import is_sqlite, rows
from models.postgres import Connection
from resolvers.reading.reader import Reader
from tests.conftest import Clock
from tests.factories import Make
from tests.faults.wire import Wire

ENDLESS_ON_SQLITE = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)
    SELECT count(*) AS n FROM numbers
"""


async def endless() -> None:
    await rows(ENDLESS_ON_SQLITE if is_sqlite() else "SELECT pg_sleep(100000)")


async def endless_in_a_transaction(make: Make) -> None:
    async with in_transaction():
        await make.root()
        await endless()


@pytest.mark.parametrize("inside", [False, True])
async def test_what_is_cancelled_stops_in_the_database_too(make: Make, inside: bool) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(endless_in_a_transaction(make) if inside else endless(), 0.2)

    assert await rows("SELECT name FROM companies") == []
    if not is_sqlite():
        asked = "SELECT query FROM pg_stat_activity WHERE query LIKE $1 AND state = 'active'"
        assert await rows(asked, "SELECT pg_sleep%") == []


@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
@pytest.mark.parametrize("inside", [False, True])
async def test_who_is_cut_off_from_the_database_waits_no_longer_than_they_would(
    database_url: str, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    """Not even to hear that the statement has ended; and the next one has another connection."""
    monkeypatch.setattr(Connection, "patience", 0.1)

    async def ask(wire: Wire) -> None:
        async with in_transaction() if inside else nullcontext():
            await rows("SELECT 1")
            wire.cut()
            await rows("SELECT 1")

    async with Wire(database_url) as wire, connected(wire.url, max_size=1, min_size=1):
        await rows("SELECT 1")
        async with asyncio.timeout(20):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ask(wire), 0.3)
        wire.mend()
        assert await rows("SELECT 1 AS number") == [{"number": 1}]


async def test_who_waits_for_a_reader_that_has_ended_waits_no_more(clock: Clock) -> None:
    """For what it was about to ask, as for what it asks."""
    reader, begun = Reader(None, clock.now), asyncio.Event()

    async def never(*_: object) -> dict[int, None]:
        begun.set()
        await asyncio.Event().wait()
        return {}

    asked = asyncio.create_task(reader.load(never, 1))
    await begun.wait()
    waiting = asyncio.create_task(reader.load(never, 2))
    await asyncio.sleep(0)

    await asyncio.wait(reader.end())

    _, still = await asyncio.wait([asked, waiting], timeout=5)
    assert still == set()
    assert asked.cancelled()
    assert waiting.cancelled()
