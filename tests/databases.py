"""Empty, migrated databases for tests, each migrated once."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final, Protocol

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


# Emptying takes a tenth of the time that copying a template does. Without their triggers, foreign
# keys ask for no order.
EMPTY: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;
DO $$
    DECLARE name text;
    BEGIN
        FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'tortoise_migrations'
        LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    END
$$
"""


class PostgresDatabases:
    """One for all, emptied in between: nothing in it may outlast a test but rows."""

    def __init__(self, server: Postgres) -> None:
        self._server = server

    async def prepare(self) -> None:
        self._server.drop_database("canopy")
        await migrate(self._server.create_database("canopy"))

    @contextmanager
    def fresh(self) -> Iterator[str]:
        yield self._server.url("canopy")
        self._server.run_sql("canopy", EMPTY)
