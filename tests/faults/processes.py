"""Servers that share one open socket, as a service manager has them do."""

import asyncio
import socket
import time
from pathlib import Path
from typing import Final

from tests.http.server import PATIENCE, Server
from tests.processes import Running, start

SERVING: Final = "Application startup complete"


class Sharing(Server):
    """Takes what comes in at a socket that this process keeps open, beside any other."""

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
        self._process = self._begin()
        await self.said(SERVING)
        assert self._process.poll() is None, self._log.read_text()

    async def said(self, words: str) -> None:
        """Until they are in its log."""
        deadline = time.monotonic() + PATIENCE
        while words not in self._log.read_text():
            assert time.monotonic() < deadline, self._log.read_text()
            await asyncio.sleep(0.02)

    def _begin(self) -> Running:
        return start(
            "serve", "--fd", self._listening, environment=self._environment, output=self._log
        )
