"""More than one process can take: what it serves, what it refuses and how quickly, and its memory.

One `canopy serve` on SQLite, at a loopback port. First as many clients as it takes operations at
once, then twice and four times as many; each asks again when it has its answer, and who is refused
a tenth of a second later. What is served must not fall, and memory stay as it is.
"""

import asyncio
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import orjson

from app.database import migrate
from tests.http.server import Server

AT_ONCE = 50
SECONDS = 5.0
PAUSE = 0.1
DOCUMENT = """query Overload { __typename viewer { user { id } }
    __schema { types { name fields { name type { name kind } args { name } } } } }"""
BODY = orjson.dumps({"query": DOCUMENT})
REQUEST = (
    b"POST /graphql HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


async def main() -> None:
    print(f"Overload: {AT_ONCE} operations at once are served")
    with TemporaryDirectory() as folder:
        url = f"sqlite://{folder}/bench.sqlite3"
        await migrate(url)
        settings = {
            "CANOPY_EMBEDDED_WORKER": "false",
            "CANOPY_MAX_OPERATIONS": str(AT_ONCE),
            "CANOPY_MAX_QUERY_COST": "1000000",
        }
        async with Server(url, 1, Path(folder) / "log", **settings) as server:
            for clients in (AT_ONCE, AT_ONCE, 2 * AT_ONCE, 4 * AT_ONCE, AT_ONCE):
                await _measure(server, clients)


async def _measure(server: Server, clients: int) -> None:
    took: dict[int, list[float]] = defaultdict(list)
    end = time.monotonic() + SECONDS
    asking = [_ask(server.port, end, took) for _ in range(clients)]
    _, peak = await asyncio.gather(asyncio.gather(*asking), _peak(server.pid, end))
    served, refused = took.pop(200, []), took.pop(503, [])
    assert served, "nothing was served"
    assert not took, f"neither served nor refused: {took.keys()}"
    print(
        f"  {clients:>4} clients: {len(served) / SECONDS:>5.0f}/s served in {_ms(served)}, "
        f"{len(refused) / SECONDS:>5.0f}/s refused in {_ms(refused)}, {peak:.0f} MiB at most"
    )


async def _ask(port: int, end: float, took: dict[int, list[float]]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (began := time.monotonic()) < end:
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
            status = int(head.split(b" ", 2)[1])
            took[status].append(time.monotonic() - began)
            if status != 200:
                await asyncio.sleep(PAUSE)
    finally:
        writer.close()


def _length(head: bytes) -> int:
    [line] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(line.partition(b":")[2])


async def _peak(pid: int, end: float) -> float:
    """MiB that the process holds at most."""
    most = 0.0
    while time.monotonic() < end:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()  # noqa: ASYNC240 - no disk
        [held] = [line.split()[1] for line in lines if line.startswith("VmRSS")]
        most = max(most, int(held) / 1024)
        await asyncio.sleep(0.2)
    return most


def _ms(seconds: list[float]) -> str:
    if not seconds:
        return "-"
    ordered = sorted(seconds)
    late = ordered[int(len(ordered) * 0.99)]
    return f"{1000 * median(ordered):.0f} ms (99 %: {1000 * late:.0f})"
