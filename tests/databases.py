"""Empty, migrated databases for tests: copies of one that was migrated once."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

from app.database import migrate
from tests.postgres import Postgres

_number = count(1)


class Databases(Protocol):
    """Where tests get theirs from."""

    async def prepare(self) -> None: ...

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of a migrated database, which is gone at the end."""
        yield ""


class SqliteFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.sqlite3"

    async def prepare(self) -> None:
        await migrate(f"sqlite://{self._template}")

    @contextmanager
    def fresh(self) -> Iterator[str]:
        file = self._folder / f"test-{next(_number)}.sqlite3"
        shutil.copy(self._template, file)
        yield f"sqlite://{file}"
        for left in self._folder.glob(f"{file.name}*"):
            left.unlink()


class PostgresDatabases:
    def __init__(self, server: Postgres) -> None:
        self._server = server

    async def prepare(self) -> None:
        await migrate(self._server.create_database("template_canopy"))

    @contextmanager
    def fresh(self) -> Iterator[str]:
        name = f"test_{next(_number)}"
        yield self._server.create_database(name, template="template_canopy")
        self._server.drop_database(name)
