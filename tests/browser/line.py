"""What lies between the browser and Canopy, and may break."""

import asyncio
from typing import Self
from urllib.parse import urlsplit


class Line:
    """Passes on what is said both ways; breaks when the answer to an operation begins to come."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._operation = b""
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self.broken = 0

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def lose_answers_to(self, operation: str) -> None:
        """From now on: the server has heard what was asked, and done it."""
        self._operation = operation.encode()

    def mend(self) -> None:
        self._operation = b""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for talk in self._talks:
            talk.cancel()

    async def _connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, there = await asyncio.open_connection(self._to.hostname, self._to.port)
        talk = Talk(self)
        for passing in (talk.ask(near, there), talk.answer(far, back)):
            task = asyncio.create_task(passing)
            self._talks.add(task)
            task.add_done_callback(self._talks.discard)

    def is_to_lose(self, asked: bytes) -> bool:
        return bool(self._operation) and self._operation in asked


class Talk:
    """One connection."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._asked = b""

    async def ask(self, near: asyncio.StreamReader, there: asyncio.StreamWriter) -> None:
        try:
            while said := await near.read(65_536):
                self._asked += said
                there.write(said)
                await there.drain()
        except OSError:
            pass
        finally:
            there.transport.abort()

    async def answer(self, far: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            while said := await far.read(65_536):
                if self._line.is_to_lose(self._asked):
                    self._line.broken += 1
                    break
                self._asked = b""
                back.write(said)
                await back.drain()
        except OSError:
            pass
        finally:
            back.transport.abort()
