"""2,000 documents by chance, sent to a server: see tests/faults/fuzzing.py."""

from datetime import datetime
from pathlib import Path

import httpx

from app.clock import utc_now
from tests.conftest import Clock
from tests.databases import left_open
from tests.factories import Make
from tests.faults.estate import Estate
from tests.faults.fuzzing import Fuzz
from tests.faults.load import WELL, verified
from tests.http.server import Server
from tests.smtp import Catcher


class Real(Clock):
    """Goes as the server's does."""

    @property
    def now(self) -> datetime:
        return utc_now()

    @now.setter
    def now(self, _: datetime) -> None:
        """Nobody sets it."""


QUIET = {"CANOPY_EMBEDDED_WORKER": "false"}
"""Nobody writes but those who ask."""


async def test_no_document_is_an_internal_error_of_a_server(
    database: str, tmp_path: Path, rounds: int
) -> None:
    clock = Real()
    estate = await Estate.grow(Make(clock), clock)
    log = tmp_path / "log"
    async with (
        Catcher() as catcher,
        Server(database, catcher.port, log, **QUIET) as server,
        httpx.AsyncClient(base_url=server.url, timeout=60) as http,
    ):
        fuzz = await Fuzz.begin(http, estate)
        await fuzz.run(2 + rounds)
        await fuzz.subscribe(server.url, rounds)
        left = await left_open(database)
        told = await verified(server)

    assert [line for line in log.read_text().splitlines() if " ERROR " in line] == []
    assert not fuzz.wrong, "\n".join(fuzz.wrong[:3])
    assert fuzz.told["data"] > fuzz.sent / 2
    assert fuzz.sent >= 100 * rounds
    assert left == []
    assert told == WELL
