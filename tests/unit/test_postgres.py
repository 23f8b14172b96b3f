import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.http.server import Server
from tests.postgres import PATIENCE, PORTS, Postgres, PostgresFailed

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


CRASH = """
import os, signal
from tests.postgres import Postgres

server = Postgres()
server.start()
print(server.home, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


async def ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_upper_case_goes_beyond_ascii(server: Postgres) -> None:
    url = server.create_database("letters")

    assert await ask(url, "SELECT upper('é')") == "É"


async def test_a_database_is_copied_from_a_template(server: Postgres) -> None:
    template = server.create_database("original")
    await ask(template, "CREATE TABLE leaf AS SELECT 7 AS number")

    url = server.create_database("copy", template="original")

    assert await ask(url, "SELECT number FROM leaf") == 7


async def test_a_database_is_dropped_under_its_connections(server: Postgres) -> None:
    connection = await asyncpg.connect(server.create_database("gone"))

    server.drop_database("gone")
    server.drop_database("gone")

    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(server.url("gone"))
    connection.terminate()


async def test_data_and_address_outlive_a_restart(server: Postgres) -> None:
    url = server.create_database("kept")
    await ask(url, "CREATE TABLE leaf AS SELECT 7 AS number")

    server.restart()

    assert await ask(url, "SELECT number FROM leaf") == 7


async def test_servers_beside_each_other_do_not_meet(server: Postgres) -> None:
    with Postgres(durable=True, max_connections=20) as other:
        url = other.create_database("mine")
        settings = [await ask(url, f"SHOW {name}") for name in ("fsync", "max_connections")]

        assert settings == ["on", "20"]
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await asyncpg.connect(server.url("mine"))


def test_a_server_listens_where_no_outgoing_connection_does(tmp_path: Path) -> None:
    """From the choice of its port until it listens, a second or two, many connections are made."""
    with socket.socket() as outgoing:
        outgoing.bind(("127.0.0.1", 0))

        assert outgoing.getsockname()[1] not in PORTS
        assert Server("sqlite://", 1, tmp_path / "log").port in PORTS


def test_a_name_taken_is_said(server: Postgres) -> None:
    server.create_database("taken")

    with pytest.raises(PostgresFailed, match="already exists"):
        server.create_database("taken")


def test_nothing_is_left_of_a_run_that_was_killed() -> None:
    run = subprocess.run(
        [sys.executable, "-c", CRASH], cwd=ROOT, stdout=subprocess.PIPE, check=False
    )
    home = Path(run.stdout.decode().strip())

    deadline = time.monotonic() + PATIENCE
    while home.exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    assert run.returncode == -signal.SIGKILL
    assert home.name.startswith("canopy-postgres-")
    assert not home.exists()
