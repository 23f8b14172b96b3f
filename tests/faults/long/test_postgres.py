"""PostgreSQL crashes under load, does not answer, or has too few connections for all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from app.database import migrate
from tests.faults.load import Load, all_is_well, loaded, under_load
from tests.faults.wire import Wire
from tests.http.server import Server
from tests.http.stage import Stage
from tests.postgres import Postgres
from tests.smtp import Catcher


@pytest_asyncio.fixture(scope="module")
async def crashing(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Postgres, str]]:
    """A server of its own, for the others are in use."""
    with Postgres(durable=True) as server:
        url = server.create_database("canopy")
        await migrate(url)
        yield server, url


async def test_a_crash_loses_nothing_and_is_outlived(
    crashing: tuple[Postgres, str], tmp_path: Path, rounds: int
) -> None:
    server, url = crashing
    async with Wire(url) as wire, _stage(wire.url, tmp_path) as (stage, load):
        for _ in range(rounds):
            async with under_load(load):
                await asyncio.sleep(0.5)
                await asyncio.to_thread(server.crash)
                await asyncio.to_thread(server.start)
                await load.acknowledged(3)
            await all_is_well(stage, load)

        # Cut off: nothing arrives any more, and nobody is told.
        async with under_load(load):
            wire.cut()
            await asyncio.sleep(min(rounds, 20))
            wire.mend()
            await load.acknowledged(3)
        await all_is_well(stage, load)

        # More at once than there are connections wait for their turn.
        before = load.failures.total()
        async with under_load(load, at_once=16):
            await load.acknowledged(20)
        await all_is_well(stage, load)
        assert load.failures.total() == before


@asynccontextmanager
async def _stage(url: str, folder: Path) -> AsyncIterator[tuple[Stage, Load]]:
    few = {"CANOPY_MAX_CONNECTIONS": "2"}
    async with (
        Catcher() as catcher,
        Server(url, catcher.port, folder / "log", **few) as server,
        httpx.AsyncClient(base_url=server.url, timeout=60) as http,
    ):
        stage = Stage(server, catcher, http)
        yield stage, await loaded(stage)
