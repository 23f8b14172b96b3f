"""The browser: Debian's Chromium, or the one that CHROMIUM names."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
QUIET: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
"""It is to ask nobody for anything but the pages, and finds nobody else."""


def path() -> str:
    """Installs the package where there is none and this may. Raises FileNotFoundError."""
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
    else:
        with _one_at_a_time():
            found = _installed() or _install()
    if not found:
        raise FileNotFoundError(f"No Chromium: {named or NAMES[0]}. CHROMIUM=… names one.")
    return found


def _installed() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Of the workers that run the tests: one installs it, and the others wait until it has."""
    lock = Path(tempfile.gettempdir()) / f"canopy-chromium-{os.geteuid()}.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _install() -> str | None:
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return None
    apt = ("apt-get", "--quiet", "--yes")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], env=quiet, check=True)
    subprocess.run([*apt, "install", "--no-install-recommends", "chromium"], env=quiet, check=True)
    return _installed()
