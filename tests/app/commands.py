"""The command `canopy` as people run it: in a process of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.postgres import free_port
from tests.processes import PATIENCE, Running, environment, run, start

CANOPY = Path(sys.executable).with_name("canopy")
Process = Running | subprocess.Popen[bytes]


def canopy(
    *arguments: str, folder: Path, told: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    return run(*arguments, environment=environment(**settings), folder=folder, told=told)


@contextmanager
def running(*arguments: str, folder: Path, **settings: str) -> Iterator[Running]:
    """Ended at the latest when the test is; what it says is in `folder / "said"`."""
    said = folder / "said"
    said.write_text("")
    process = start(*arguments, environment=environment(**settings), output=said, folder=folder)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def installed(*arguments: str, folder: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """As `running`, by the script that pip made: it starts from nothing."""
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            (CANOPY, *arguments),
            cwd=folder,
            env=environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """The address of a demo, with its data in the folder."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with running("demo", "--port", str(port), folder=folder) as process:
        with answering(address, process):
            pass
        yield address


@contextmanager
def answering(address: str, process: Process) -> Iterator[httpx.Client]:
    """A client of a server, when it has begun to answer."""
    with httpx.Client(base_url=address, timeout=20) as client:
        deadline = time.monotonic() + PATIENCE
        while not _answers(client):
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)
        yield client


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health/live").is_success
    except httpx.TransportError:
        return False
