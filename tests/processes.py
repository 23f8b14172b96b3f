"""The command `canopy` in processes of its own, each with its own environment and folder.

They are forked from one that has imported Canopy: from nothing, each would work for more than a
second before it begins.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import Final

PATIENCE: Final = 60.0
"""Seconds for a command that ends by itself."""
NOWHERE: Final = Path(os.devnull)
EXECUTOR: Final = "CANOPY_EXECUTOR"
_forks: Final = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.settled", __name__])


def environment(**settings: str) -> dict[str, str]:
    """That of the tests, without its own settings but the one that a whole run may be made with."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == EXECUTOR or not name.startswith("CANOPY_")
    }
    return kept | settings


class Running:
    """A process, which ends at the latest when the tests do."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """What it has ended with, if it has; below zero, by which signal."""
        return self._process.exitcode

    def wait(self, seconds: float = PATIENCE) -> int:
        """Raises TimeoutError."""
        self._process.join(seconds)
        ended = self.poll()
        if ended is None:
            raise TimeoutError
        return ended

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    *arguments: str | socket,
    environment: Mapping[str, str],
    output: Path,
    errors: Path | None = None,
    told: Path = NOWHERE,
    folder: Path | None = None,
) -> Running:
    """A socket among the arguments is open there too, and told by its number.

    What it says is added to the files `output` and `errors`, or all to the one, which are there at
    once.
    """
    errors = errors or output
    for heard in (output, errors):
        heard.touch()
    process = _forks.Process(
        target=_become,
        args=(arguments, dict(environment), (told, output, errors), folder),
        daemon=True,
    )
    process.start()
    return Running(process)


def run(
    *arguments: str, environment: Mapping[str, str], folder: Path | None = None, told: str = ""
) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself. Raises TimeoutError."""
    with TemporaryDirectory() as heard:
        told_in, output, errors = (Path(heard, name) for name in ("told", "output", "errors"))
        told_in.write_text(told)
        process = start(
            *arguments,
            environment=environment,
            output=output,
            errors=errors,
            told=told_in,
            folder=folder,
        )
        try:
            ended = process.wait()
        finally:
            process.kill()
        return subprocess.CompletedProcess(arguments, ended, output.read_text(), errors.read_text())


def _become(
    arguments: tuple[str | socket, ...],
    environment: dict[str, str],
    files: tuple[Path, Path, Path],
    folder: Path | None,
) -> None:
    from app.cli import main

    for number, (file, mode) in enumerate(zip(files, ("rb", "ab", "ab"), strict=True)):
        with file.open(mode) as opened:
            os.dup2(opened.fileno(), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it is open for as long as the process runs
    os.environ.clear()
    os.environ.update(environment)
    if folder is not None:
        os.chdir(folder)
    words = (each if isinstance(each, str) else str(each.fileno()) for each in arguments)
    sys.argv = ["canopy", *words]
    main()
