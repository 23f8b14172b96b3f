"""A server that ends answers what was on its way to it."""

import asyncio
import socket
from pathlib import Path

from tests.faults.processes import Sharing
from tests.smtp import Catcher


async def test_a_connection_that_is_kept_may_ask_once_more(
    database_url: str, tmp_path: Path
) -> None:
    """What its client had sent before it knew of the end is answered, with a last word."""
    async with Catcher() as catcher:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = Sharing(listening, database_url, catcher.port, tmp_path / "log")
            await server.start()
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            first = await _asked(reader, writer)
            ending = asyncio.create_task(server.stop())
            await server.said("Shutting down")
            second = await _asked(reader, writer)
            writer.close()
            await ending

    assert server.ended_well
    assert (b"200 OK" in first, b"connection: close" in first) == (True, False)
    assert (b"200 OK" in second, b"connection: close" in second) == (True, True)


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The head of the answer."""
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: canopy\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(len(b'{"status":"ok"}'))
    return head
