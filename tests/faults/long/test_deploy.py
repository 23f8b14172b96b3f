"""A deploy: a new process comes up while the old one drains, with not one failed request."""

import asyncio
import socket
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import httpx

from tests.databases import file_of
from tests.faults.load import Load, all_is_well, loaded, under_load
from tests.faults.processes import Sharing
from tests.http.client import REQUEST, Json
from tests.http.stage import Stage
from tests.smtp import Catcher

BODY: Final = b'{"query": "{ __typename }"}'
HEAD: Final = (
    b"POST /graphql HTTP/1.1\r\nHost: canopy\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)
ANSWER: Final = b'{"data":{"__typename":"Query"}}'
PATIENCE: Final = 90.0
MORE: Final = 5
"""Requests of each client after the old process has ended."""


class Client:
    """Asks without looking whether its connection is still open, as one does whose request is on
    its way when the server decides to end."""

    def __init__(
        self, address: tuple[str, int], say: Callable[["Client"], Awaitable[None]]
    ) -> None:
        self._address = address
        self._say = say
        self.reader = asyncio.StreamReader()
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self) -> str:
        try:
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection(*self._address)
            await self._say(self)
            return await self._answer()
        except (OSError, asyncio.IncompleteReadError) as error:
            self.leave()
            return repr(error)

    async def send(self, *parts: bytes) -> None:
        assert self.writer is not None
        for part in parts:
            self.writer.write(part)
        await self.writer.drain()

    def leave(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.writer = None

    async def _answer(self) -> str:
        head = await self.reader.readuntil(b"\r\n\r\n")
        answer = await self.reader.readexactly(len(ANSWER))
        if b"connection: close" in head.lower():
            self.leave()
        return head.split(b"\r\n")[0].decode() + " " + answer.decode()


async def at_once(client: Client) -> None:
    await client.send(HEAD + BODY)


async def now_and_then(client: Client) -> None:
    """On a connection that lies idle most of the time."""
    await asyncio.sleep(0.3)
    await client.send(HEAD + BODY)


async def in_parts(client: Client) -> None:
    """The process may be told to end between any two of them."""
    for part in (HEAD[:30], HEAD[30:], BODY[:9], BODY[9:]):
        await client.send(part)
        await asyncio.sleep(0.1)


async def test_a_new_process_takes_over_and_no_request_fails(
    database_url: str, tmp_path: Path
) -> None:
    """Of clients that keep their connection, of those that make a new one each time, of slow ones,
    and of one whose operation is at work in the database meanwhile."""
    answers, over = Counter[str](), asyncio.Event()

    async def go_on(client: Client, *, kept: bool) -> None:
        more = MORE
        while more:
            more -= over.is_set()
            answers[await client.ask()] += 1
            if not kept:
                client.leave()
        client.leave()

    async with Catcher() as catcher, asyncio.timeout(PATIENCE):
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
            address = listening.getsockname()
            url = f"http://127.0.0.1:{address[1]}"
            old = Sharing(listening, database_url, catcher.port, tmp_path / "old")
            new = Sharing(listening, database_url, catcher.port, tmp_path / "new")
            async with old, httpx.AsyncClient(base_url=url, timeout=30) as http:
                stage = Stage(old, catcher, http)
                load = await loaded(stage)
                clients = [
                    asyncio.create_task(go_on(Client(address, say), kept=kept))
                    for number, say, kept in (
                        (4, at_once, True),
                        (4, at_once, False),
                        (6, in_parts, True),
                        (20, now_and_then, True),
                    )
                    for _ in range(number)
                ]
                async with new:
                    async with under_load(load):
                        requested = await _handed_over(old, load, database_url)
                    over.set()
                    await asyncio.gather(*clients)
                    stage.server = new
                    await all_is_well(stage, load)

    assert old.ended_well
    assert list(answers) == [f"HTTP/1.1 200 OK {ANSWER.decode()}"], answers
    assert load.failures == {}
    assert requested["order"]["status"] == "REQUESTED"


async def _handed_over(old: Sharing, load: Load, database_url: str) -> Json:
    """What was asked before the old process was told to end, and could not be done before."""
    async with _locked(database_url):
        asked = {"companyId": load.customer, "quantity": 3}
        waiting = asyncio.create_task(load.partner.done(REQUEST, input=asked))
        await asyncio.sleep(0.2)
        ending = asyncio.create_task(old.stop())
        await old.said("Shutting down")
        assert not waiting.done()
    requested = await waiting
    await ending
    return requested


@asynccontextmanager
async def _locked(url: str) -> AsyncIterator[None]:
    """Nobody writes meanwhile; whoever wants to, waits."""
    if url.startswith("sqlite:"):
        other = sqlite3.connect(file_of(url), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.close()
        return
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()
