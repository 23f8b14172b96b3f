"""A wire to PostgreSQL or to Canopy, which can be cut."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Self
from urllib.parse import urlsplit


class Wire:
    """Passes on what is said both ways; while it is cut, nothing, and nobody is told."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._whole = asyncio.Event()
        self._whole.set()
        self._fateful = b""
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self.broken = 0

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user, at, _ = self._to.netloc.rpartition("@")
        return self._to._replace(netloc=f"{user}{at}127.0.0.1:{port}").geturl()

    def cut(self) -> None:
        self._whole.clear()

    def lose_answers_to(self, asked: str) -> None:
        """From now on, break where one begins to come: what was asked is heard, and done."""
        self._fateful = asked.encode()

    def mend(self) -> None:
        self._fateful = b""
        self._whole.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for talk in self._talks:
            talk.cancel()

    async def _connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        try:
            far, there = await asyncio.open_connection(self._to.hostname, self._to.port)
        except OSError:
            back.transport.abort()
            return
        asked = bytearray()
        for reader, writer, hear in (
            (near, there, asked.extend),
            (far, back, partial(self._hear_answer, asked)),
        ):
            talk = asyncio.create_task(self._pass_on(reader, writer, hear))
            self._talks.add(talk)
            talk.add_done_callback(self._talks.discard)

    def _hear_answer(self, asked: bytearray, _: bytes) -> None:
        if self._fateful and self._fateful in asked:
            self.broken += 1
            raise ConnectionAbortedError
        asked.clear()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        hear: Callable[[bytes], None],
    ) -> None:
        try:
            while said := await reader.read(65_536):
                await self._whole.wait()
                hear(said)
                writer.write(said)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()
