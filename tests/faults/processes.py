"""Other processes of a Canopy than a server by itself."""

import asyncio
import socket
import time
from pathlib import Path
from typing import Final

from tests.http.server import PATIENCE, Server
from tests.processes import start

SERVING: Final = "Application startup complete"
AT_WORK: Final = "At work."


class Speaking(Server):
    """One whose log tells how far it is."""

    async def said(self, words: str, times: int = 1) -> None:
        """Until they are in its log so often."""
        deadline = time.monotonic() + PATIENCE
        while self._log.read_text().count(words) < times:
            assert time.monotonic() < deadline, self._log.read_text()
            await asyncio.sleep(0.02)


class Worker(Speaking):
    """`canopy worker`."""

    _starts = 0

    async def start(self) -> None:
        self._process = start("worker", environment=self._environment, output=self._log)
        self._starts += 1
        await self.said(AT_WORK, self._starts)


class Sharing(Speaking):
    """Takes what comes in at a socket that this process keeps open, beside any other: as a service
    manager has it done."""

    def __init__(
        self, listening: socket.socket, database_url: str, smtp_port: int, log: Path
    ) -> None:
        super().__init__(database_url, smtp_port, log)
        self._listening = listening

    @property
    def ended_well(self) -> bool:
        return self._process is not None and self._process.poll() == 0

    async def start(self) -> None:
        """Returns when it says that it serves: whoever asks may be answered by another one."""
        self._process = start(
            "serve", "--fd", self._listening, environment=self._environment, output=self._log
        )
        await self.said(SERVING)
        assert self._process.poll() is None, self._log.read_text()
