"""A PostgreSQL with the data of `canopy seed`; it may be kept from one run to the next."""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from app.database import migrate
from app.seeding.tree import Size
from benchmarks.servers import ALL_CORES
from tests import postgres
from tests.postgres import Postgres

PER_COMPANY: Final = (25, 43)
"""Learners and licenses: 500,000 and 860,000 with 20,000 companies."""


def size_of(companies: int) -> Size:
    learners, licenses = (companies * each for each in PER_COMPANY)
    return Size(companies, learners, licenses)


class Kept(Postgres):
    """A server whose data are copied from a folder, if they are there, and into it by `keep`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(durable=True)
        self._folder = folder

    @property
    def is_filled(self) -> bool:
        return (self._folder / "password").exists()

    def keep(self) -> None:
        assert self.home is not None
        self.stop()
        shutil.copytree(self.home / "data", self._folder / "data")
        shutil.copy(self.home / "password", self._folder)
        self.start()

    def _make_cluster(self, home: Path) -> None:
        if not self.is_filled:
            super()._make_cluster(home)
            return
        self._password = (self._folder / "password").read_text()
        shutil.copytree(self._folder / "data", home / "data")
        if postgres._stranger() is not None:
            self._programs = postgres._copy_wheel(home) / postgres.PROGRAMS
            postgres._hand_over(home)


async def seeded(server: Postgres, sizes: Mapping[str, Size]) -> dict[str, str]:
    """The URLs of databases, migrated and filled."""
    if isinstance(server, Kept) and server.is_filled:
        urls = {name: server.url(name) for name in sizes}
        for url in urls.values():
            await migrate(url)  # what was kept may be of a version before
        return urls
    urls = {name: server.create_database(name) for name in sizes}
    for name, size in sizes.items():
        await migrate(urls[name])
        await _seed(urls[name], size)
    if isinstance(server, Kept):
        server.keep()
    return urls


async def _seed(url: str, size: Size) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", "seed", "--companies", str(size.companies)),
        *("--learners", str(size.learners), "--licenses", str(size.licenses)),
        env={**os.environ, "CANOPY_DATABASE_URL": url},
    )
    os.sched_setaffinity(process.pid, ALL_CORES)
    assert await process.wait() == 0
