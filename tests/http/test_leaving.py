"""A client leaves while it is being read for: what it asked is ended, and nothing else is."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.http.stage import Stage

ORDERS = "{ orders { totalCount } }"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
PATIENCE = 30.0
"""Seconds; an operation has 60."""


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
async def test_what_is_read_for_a_client_who_has_left_is_ended(
    stage: Stage, database_url: str, tmp_path: Path
) -> None:
    vendor = await stage.vendor()
    mine = await asyncpg.connect(database_url)
    try:
        async with mine.transaction():
            await mine.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
            left = [await asked(stage.server.url, vendor.token) for _ in range(30)]
            await until(mine, lambda waiting: waiting > 0)
            for each in left:
                each.close()
            await until(mine, lambda waiting: waiting == 0)
            meanwhile = await vendor.ask("{ viewer { company { name } } }")
    finally:
        await mine.close()
    after = await asyncio.gather(*(vendor.ask(ORDERS) for _ in range(30)))

    assert meanwhile == {"company": {"name": "Vendor"}}
    assert after == [{"totalCount": 0}] * 30
    log = (tmp_path / "log").read_text()
    assert complaints(log) == []
    assert set(re.findall(r"/graphql (\d+) ", log)) == {"200", "499"}


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
async def test_who_leaves_in_the_middle_of_asking_is_noted_as_such(
    stage: Stage, tmp_path: Path
) -> None:
    (await asked(stage.server.url, None, unsent=3)).close()
    async with asyncio.timeout(PATIENCE):
        while "/graphql 4" not in (log := (tmp_path / "log").read_text()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    assert "POST /graphql 499 " in log


async def asked(url: str, token: str | None, unsent: int = 0) -> asyncio.StreamWriter:
    """A request over a socket of its own, whose answer nobody has read; of its body, so many bytes
    are still to come."""
    at = urlsplit(url)
    _, writer = await asyncio.open_connection(at.hostname, at.port)
    body = json.dumps({"query": ORDERS}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body[: len(body) - unsent])
    await writer.drain()
    return writer


async def until(database: asyncpg.Connection, enough: Callable[[int], bool]) -> None:
    """That many statements wait for a lock."""
    async with asyncio.timeout(PATIENCE):
        while not enough(await database.fetchval(WAITING)):  # noqa: ASYNC110 - nobody says so
            await asyncio.sleep(0.02)


def complaints(log: str) -> list[str]:
    return [line for line in log.splitlines() if "ERROR" in line or "Traceback" in line]
