"""The API as its users run it: `canopy serve` in a process of its own, on a free loopback port."""

import asyncio
import time
from pathlib import Path
from typing import Final, Self

import httpx

from tests.postgres import free_port
from tests.processes import Running, environment, run, start

PATIENCE: Final = 30.0
"""Seconds for the server to answer, or to stop."""


class Server:
    """Ends its own process, and no other."""

    def __init__(self, database_url: str, smtp_port: int, log: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        ours = {
            "CANOPY_DATABASE_URL": database_url,
            "CANOPY_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
            "CANOPY_PUBLIC_URL": self.url,
            "CANOPY_RATE_LIMIT": "off",
        }
        self._environment = environment(**ours | settings)
        self._process: Running | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Asks it to end; this process goes on meanwhile, for the mail server lives in it."""
        assert self._process is not None
        self.ask_to_end()
        await asyncio.to_thread(self._process.wait, PATIENCE)

    @property
    def database_url(self) -> str:
        return self._environment["CANOPY_DATABASE_URL"]

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def ask_to_end(self) -> None:
        assert self._process is not None
        self._process.terminate()

    async def start(self) -> None:
        """Returns when it answers; after a kill, on the same port."""
        self._process = self._begin()
        deadline = time.monotonic() + PATIENCE
        async with httpx.AsyncClient(base_url=self.url) as http:
            while not await _answers(http):
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                await asyncio.sleep(0.02)

    def _begin(self) -> Running:
        return start(
            "serve", "--port", str(self.port), environment=self._environment, output=self._log
        )

    def kill(self) -> None:
        """End the process in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)

    def run(self, *arguments: str, told: str = "") -> str:
        """Another command of `canopy` with the same settings; what it prints."""
        ended = run(*arguments, environment=self._environment, told=told)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False
