"""A backup of a database at work is whole, and serves: by the words of docs/operations.md."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.databases import file_of
from tests.faults.load import all_is_well, loaded, under_load
from tests.http.client import Client
from tests.http.server import Server
from tests.http.stage import Stage
from tests.postgres import Postgres

ROUNDS = 10
"""Of the journey, acknowledged before and after the backup is begun."""


async def test_a_backup_of_a_database_at_work_is_whole(
    stage: Stage, database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    load = await loaded(stage)

    async with under_load(load):
        await load.acknowledged(ROUNDS)
        kept = load.by_now()
        if database_url.startswith("sqlite:"):
            url = await asyncio.to_thread(_copied, file_of(database_url), tmp_path / "restored")
        else:
            server: Postgres = request.getfixturevalue("postgres")
            url = await asyncio.to_thread(server.restore, "restored", "canopy")
        await load.acknowledged(ROUNDS)

    async with (
        Server(url, stage.catcher.port, tmp_path / "log-of-restored") as another,
        httpx.AsyncClient(base_url=another.url, timeout=60) as http,
    ):
        assert "up to date" in await asyncio.to_thread(another.run, "migrate")
        kept.partner = Client(http, load.partner.token)
        await all_is_well(Stage(another, stage.catcher, http), kept)
    await all_is_well(stage, load)
    assert len(load.assigned) >= len(kept.assigned) + ROUNDS


def _copied(file: Path, to: Path) -> str:
    with closing(sqlite3.connect(file)) as database:
        database.execute("VACUUM INTO ?", [str(to)])
    return f"sqlite://{to}"
