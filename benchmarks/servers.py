"""What is measured: a server on a core of its own, the database and the load on another."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryFile
from typing import Any, Final

import orjson

from benchmarks import load
from benchmarks.floor import URL as FLOOR_URL
from tests.postgres import free_port

Cores = frozenset[int]
ALL_CORES: Final = frozenset(os.sched_getaffinity(0))
FOR_SERVERS: Final = frozenset({min(ALL_CORES)})
FOR_OTHERS: Final = frozenset({max(ALL_CORES)})
TICK: Final = os.sysconf("SC_CLK_TCK")
PATIENCE: Final = 60.0
CLIENTS: Final = 8
"""Connections that ask at once."""
Started = AbstractAsyncContextManager["Process"]


def stand_on(cores: Cores) -> None:
    """This process, and all that it starts from now on, leaves the other cores alone."""
    os.sched_setaffinity(0, cores)


@dataclass
class Load:
    """What one load came to: requests a second, milliseconds of each, and what the server took."""

    rate: float
    taken: list[float]
    cpu: float
    """Milliseconds of the server's CPU for each request."""
    memory: float
    """MiB that the server holds."""

    @property
    def p50(self) -> float:
        return median(self.taken)

    @property
    def p99(self) -> float:
        return quantiles(self.taken, n=100)[98] if len(self.taken) > 1 else self.taken[0]


@dataclass
class Process:
    """A server that listens, and those that it has started."""

    name: str
    port: int
    pid: int

    async def load(self, streams: Sequence[Sequence[str]], seconds: float | None = None) -> Load:
        """One connection for each stream of requests; see benchmarks.load."""
        before = self._ticks()
        told = await run_load(self.port, streams, seconds)
        used, count = self._ticks() - before, len(told["taken"])
        return Load(
            rate=count / told["seconds"],
            taken=[1000 * took for took in told["taken"]],
            cpu=1000 * used / TICK / count,
            memory=self.memory,
        )

    @property
    def memory(self) -> float:
        """MiB that it holds."""
        return sum(_kilobytes(pid) for pid in self._pids()) / 1024

    async def settled(self) -> None:
        """Until all that it has started are up, and have nothing to do."""
        deadline, before = time.monotonic() + PATIENCE, 0
        while (now := self._ticks()) - before > TICK // 20 and time.monotonic() < deadline:
            before = now
            await asyncio.sleep(1)

    def _pids(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [self.pid, *map(int, children.split())]

    def _ticks(self) -> int:
        return sum(ticks(pid) for pid in self._pids())


async def run_load(
    port: int, streams: Sequence[Sequence[str]], seconds: float | None
) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-E", load.__file__),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    told = orjson.dumps({"port": port, "streams": streams, "seconds": seconds})
    out, _ = await process.communicate(told)
    assert process.returncode == 0, "the load generator failed"
    answer: dict[str, Any] = orjson.loads(out)
    return answer


def canopy(
    name: str,
    database_url: str,
    settings: Mapping[str, str] | None = None,
    *,
    workers: int = 1,
    cores: Cores = FOR_SERVERS,
) -> Started:
    """`canopy serve`, without limits on how often one may ask."""
    environment = {
        "CANOPY_DATABASE_URL": database_url,
        "CANOPY_EMBEDDED_WORKER": "false",
        "CANOPY_RATE_LIMIT": "off",
        **(settings or {}),
    }
    port = free_port()
    command = (
        *(sys.executable, "-m", "app.cli", "serve"),
        *("--port", str(port), "--workers", str(workers)),
    )
    return started(name, port, command, environment, cores)


def floor(database_url: str) -> Started:
    port = free_port()
    command = (
        *(sys.executable, "-m", "uvicorn", "--factory", "benchmarks.floor:app"),
        *("--port", str(port), "--log-level", "warning", "--no-access-log"),
    )
    return started("floor", port, command, {FLOOR_URL: database_url})


@asynccontextmanager
async def started(
    name: str,
    port: int,
    command: Sequence[str],
    environment: dict[str, str],
    cores: Cores = FOR_SERVERS,
) -> AsyncIterator[Process]:
    """On these cores, until it is left."""
    with TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            *command, env={**environment_of(), **environment}, stdout=said, stderr=said
        )
        os.sched_setaffinity(process.pid, cores)
        try:
            await _answers(process, port)
            yield Process(name, port, process.pid)
        except BaseException:
            said.seek(0)
            sys.stderr.buffer.write(said.read()[-5_000:])
            raise
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def environment_of() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CANOPY_")}


async def _answers(process: asyncio.subprocess.Process, port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            assert process.returncode is None, "the server has ended"
            assert time.monotonic() < deadline, "the server does not listen"
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def ticks(pid: int) -> int:
    """Of the CPU, in user and system mode."""
    parts = _told(pid, "stat").rpartition(")")[2].split()
    return int(parts[11]) + int(parts[12]) if parts else 0


def _kilobytes(pid: int) -> int:
    held = [line.split()[1] for line in _told(pid, "status").splitlines() if "VmRSS" in line]
    return int(held[0]) if held else 0


def _told(pid: int, what: str) -> str:
    """By the kernel; nothing of a process that has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/{what}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def ceiling(server: Process) -> str:
    """What the load generator reaches against a page that says nothing."""
    reached = await server.load([[load.request("/nothing", {})]] * CLIENTS, 1.0)
    return f"The load generator reaches {reached.rate:,.0f} requests a second of an empty page."
