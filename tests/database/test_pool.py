"""Connections go from one statement to the next as they are, if they are well."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from tortoise.connection import get_connection

from app.database import connected
from models.database import read
from models.postgres import Pool

pytestmark = pytest.mark.parametrize("databases", ["postgres"], indirect=True)


@pytest_asyncio.fixture
async def pool(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pool]:
    """Of two connections. Nothing is looked over by the clock."""
    monkeypatch.setattr(Pool, "patience", 1_000)
    async with connected(database_url, min_size=1, max_size=2):
        connection: Any = get_connection("default")
        await connection.execute_query("SELECT 1")
        yield connection._pool


async def process_of(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT pg_backend_pid()"))


async def reading_process() -> int:
    [row] = await read("SELECT pg_backend_pid() AS pid", [])
    return int(row["pid"])


async def test_what_was_given_back_is_handed_on(pool: Pool) -> None:
    processes = [await process_of(pool), await reading_process(), await process_of(pool)]

    assert len(set(processes)) == 1
    assert (pool.get_size(), pool.get_idle_size()) == (1, 1)


async def test_a_transaction_left_open_ends_there(pool: Pool) -> None:
    left = await pool.acquire()
    await left.execute("BEGIN")

    await pool.release(left)

    assert await pool.fetchval("SELECT pg_current_xact_id_if_assigned() IS NULL")
    async with pool.acquire() as next_one:
        assert not next_one.is_in_transaction()


@pytest.mark.usefixtures("swept")
async def test_one_that_was_closed_is_not_handed_on(pool: Pool) -> None:
    before = await process_of(pool)
    async with pool.acquire() as connection:
        raw = connection._con
    raw.terminate()

    assert pool.get_idle_size() == 0
    assert await reading_process() != before


async def test_nobody_works_on_with_what_they_have_given_back(pool: Pool) -> None:
    given_back = await pool.acquire()
    await pool.release(given_back)
    await pool.release(given_back)

    async with pool.acquire() as one, pool.acquire() as other:
        assert await one.fetchval("SELECT 1") == 1
        assert await one.fetchval("SELECT pg_backend_pid()") != await other.fetchval(
            "SELECT pg_backend_pid()"
        )
        with pytest.raises(asyncpg.InterfaceError):
            await given_back.fetchval("SELECT 1")


async def test_whoever_waits_has_the_next_one(pool: Pool) -> None:
    held = [await pool.acquire() for _ in range(2)]
    waiting = [asyncio.create_task(process_of(pool)) for _ in range(3)]
    await asyncio.sleep(0)

    for each in held:
        await pool.release(each)

    async with asyncio.timeout(5):
        assert len(await asyncio.gather(*waiting)) == 3


async def test_they_are_looked_over_when_nobody_wants_them(pool: Pool) -> None:
    await process_of(pool)

    pool._give_back()
    await asyncio.gather(*pool._given_back)

    assert [each.is_idle() for each in pool._holders] == [True, True]


async def test_closing_waits_for_nobody_who_has_given_back(pool: Pool) -> None:
    await process_of(pool)

    async with asyncio.timeout(5):
        await pool.close()
