"""A wire to PostgreSQL that can be cut."""

import asyncio
from typing import Self
from urllib.parse import urlsplit


class Wire:
    """Passes on what is said both ways; while it is cut, nothing, and nobody is told."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._whole = asyncio.Event()
        self._whole.set()
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user = self._to.netloc.rpartition("@")[0]
        return self._to._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
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
        for reader, writer in ((near, there), (far, back)):
            talk = asyncio.create_task(self._pass_on(reader, writer))
            self._talks.add(talk)
            talk.add_done_callback(self._talks.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while said := await reader.read(65_536):
                await self._whole.wait()
                writer.write(said)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()
