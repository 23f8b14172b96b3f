"""A call that is ended takes its SQL with it."""

import asyncio

import pytest
from tortoise.transactions import in_transaction

from models.database import is_sqlite, rows
from resolvers.reading.reader import Reader
from tests.conftest import Clock
from tests.factories import Make

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
