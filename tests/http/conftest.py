from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from tests.http.server import Server
from tests.http.stage import Stage
from tests.smtp import Catcher


@pytest_asyncio.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with (
        Catcher() as catcher,
        Server(database_url, catcher.port, tmp_path / "log") as server,
        httpx.AsyncClient(base_url=server.url, timeout=60) as http,
    ):
        yield Stage(server, catcher, http)
