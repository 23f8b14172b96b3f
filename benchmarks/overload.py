"""More than one process can take: what it serves, what it refuses and how soon, and its memory.

One `canopy serve`, on SQLite and on PostgreSQL, at a loopback port, asked for a list by somebody
who is signed in. First by a few who ask again when they have their answer: that is all it can do.
Then at the same rate, at twice, and at four times that, whether or not anybody has an answer yet.
What is served must not fall, who is refused must hear so soon, and memory stay as it is.
"""

import asyncio
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import orjson
from tortoise.backends.base.executor import EXECUTOR_CACHE

from app.clock import utc_now
from app.database import connected, migrate
from tests.factories import Make
from tests.http.server import Server
from tests.postgres import Postgres

AT_ONCE = 20
CLIENTS = 8
SECONDS = 6.0
LICENSES, LEARNERS = 200, 50
DOCUMENT = """query Overload { licenses(first: 100) { totalCount edges { node {
    id status expiresAt user { name email } order { number company { name } } } } } }"""
BODY = orjson.dumps({"query": DOCUMENT})
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def main() -> None:
    print(f"Overload: {AT_ONCE} operations have a place")
    with TemporaryDirectory() as folder, Postgres() as postgres:
        sqlite = f"sqlite://{folder}/bench.sqlite3"
        for name, url in (("SQLite", sqlite), ("PostgreSQL", postgres.create_database("bench"))):
            await migrate(url)
            await _of(name, url, Path(folder, name))


async def _of(name: str, url: str, log: Path) -> None:
    request = _request(await _token(url))
    settings = {"CANOPY_EMBEDDED_WORKER": "false", "CANOPY_MAX_OPERATIONS": str(AT_ONCE)}
    async with Server(url, 1, log, **settings) as server:
        await Asking(server, request).by_patient_clients()
        most = await Asking(server, request).by_patient_clients()
        print(f"  {name}, all it can do: {most:.0f}/s")
        for times in (1, 2, 4, 1):
            await Asking(server, request).at_rate(times, most)


async def _token(url: str) -> str:
    """Of a manager whose company has licenses, and learners for some."""
    EXECUTOR_CACHE.clear()
    async with connected(url):
        make = Make(utc_now)
        company = await make.company()
        licenses = await make.licenses(company, LICENSES)
        for license, user in zip(licenses, await make.learners(company, LEARNERS), strict=False):
            await make.allocation(license, user)
        return await make.token(await make.manager(company))


def _request(token: str) -> bytes:
    return (
        b"POST /graphql HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
        % (token.encode(), len(BODY), BODY)
    )


class Asking:
    """One measurement."""

    def __init__(self, server: Server, request: bytes) -> None:
        self._server = server
        self._request = request
        self._took: dict[int, list[float]] = defaultdict(list)
        self._free: list[Connection] = []

    async def by_patient_clients(self) -> float:
        """How many a second are served to a few who wait for their answers."""
        end = time.monotonic() + SECONDS

        async def client() -> None:
            while time.monotonic() < end:
                await self._ask()

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        self._leave()
        assert self._took.keys() == {200}, "somebody was refused"
        return len(self._took[200]) / SECONDS

    async def at_rate(self, times: float, most: float) -> None:
        """So many times what it can do, whether or not there is an answer yet."""
        before, began = self._memory(), time.monotonic()
        due = [began + number / (times * most) for number in range(int(times * most * SECONDS))]
        async with asyncio.TaskGroup() as asking:
            for at in due:
                await asyncio.sleep(at - time.monotonic())
                asking.create_task(self._ask(at))
            until = asyncio.create_task(asyncio.sleep(began + SECONDS - time.monotonic()))
        await until
        seconds = time.monotonic() - began
        self._leave()
        served, refused = self._took.pop(200, []), self._took.pop(503, [])
        assert served, "nothing was served"
        assert not self._took, f"neither served nor refused: {self._took.keys()}"
        print(
            f"  asked {times} times as much: {len(served) / seconds / most:.2f} of it served in "
            f"{_ms(served)}, {len(refused) / len(due):.0%} refused in {_ms(refused)}, "
            f"memory {self._memory() - before:+.1f} MiB"
        )

    async def _ask(self, due: float | None = None) -> None:
        began = due or time.monotonic()
        reader, writer = self._kept() or await self._connected()
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        self._took[int(head.split(b" ", 2)[1])].append(time.monotonic() - began)
        await reader.readexactly(_length(head))
        self._free.append((reader, writer))

    def _kept(self) -> Connection | None:
        """A connection that is free, and that the server has not closed meanwhile."""
        while self._free:
            reader, writer = self._free.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return None

    async def _connected(self) -> Connection:
        return await asyncio.open_connection("127.0.0.1", self._server.port)

    def _leave(self) -> None:
        for _, writer in self._free:
            writer.close()

    def _memory(self) -> float:
        """MiB that the process holds."""
        lines = Path(f"/proc/{self._server.pid}/status").read_text().splitlines()
        [held] = [line.split()[1] for line in lines if line.startswith("VmRSS")]
        return int(held) / 1024


def _length(head: bytes) -> int:
    [line] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(line.partition(b":")[2])


def _ms(seconds: list[float]) -> str:
    if not seconds:
        return "-"
    ordered = sorted(seconds)
    late = ordered[int(len(ordered) * 0.99)]
    return f"{1000 * median(ordered):.0f} ms (99 %: {1000 * late:.0f})"
