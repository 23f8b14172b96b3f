"""Empty, migrated databases for tests, each migrated once."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

import asyncpg

from app.database import migrate
from tests import kept
from tests.postgres import Postgres

_number = count(1)

TEMPLATE: Final = "template"
"""Of PostgreSQL's databases: migrated, empty, and nobody is ever connected to it."""

UNSAFE: Final = "?synchronous=OFF"
"""Of SQLite: a commit does not wait for the disk, for no power failure is to be outlived."""

# Emptying takes a tenth of the time that copying a template does. Without their triggers, foreign
# keys ask for no order. A connection that is not kept is left over from a test.
EMPTY: Final = f"""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
AND application_name <> '{kept.NAME}';
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


LEFT_OPEN: Final = """
SELECT query FROM pg_stat_activity
WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""


async def left_open(url: str) -> list[str]:
    """The last statements of transactions that wait for nothing, as somebody else sees them."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(file_of(url), timeout=0.5)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as locked:
                return [str(locked)]
            return []
    connection = await asyncpg.connect(url)
    try:
        return [row["query"] for row in await connection.fetch(LEFT_OPEN)]
    finally:
        await connection.close()


async def read_from(url: str, *statements: str) -> list[list[tuple[Any, ...]]]:
    """The rows of each statement, as somebody else sees them."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(file_of(url))) as other:
            return [other.execute(statement).fetchall() for statement in statements]
    connection = await asyncpg.connect(url)
    try:
        return [[tuple(row) for row in await connection.fetch(each)] for each in statements]
    finally:
        await connection.close()


class Databases(Protocol):
    """Where tests get theirs from."""

    def fresh(self) -> AbstractAsyncContextManager[str]:
        """The URL of a migrated database, which is gone at the end."""
        ...


@asynccontextmanager
async def sqlite_files(folder: Path) -> AsyncIterator[Databases]:
    template = folder / "template.sqlite3"
    await migrate(f"sqlite://{template}{UNSAFE}")
    yield SqliteFiles(folder, template)


@asynccontextmanager
async def postgres_databases(server: Postgres) -> AsyncIterator[Databases]:
    server.drop_database("canopy")
    server.drop_database(TEMPLATE)
    await migrate(server.create_database(TEMPLATE))
    url = server.create_database("canopy", TEMPLATE)
    databases = PostgresDatabases(url, await asyncpg.connect(url))
    try:
        yield databases
    finally:
        await databases.close()


class SqliteFiles:
    def __init__(self, folder: Path, template: Path) -> None:
        self._folder = folder
        self._template = template

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[str]:
        file = self._folder / f"test-{next(_number)}.sqlite3"
        shutil.copy(self._template, file)
        yield f"sqlite://{file}{UNSAFE}"
        for left in self._folder.glob(f"{file.name}*"):
            left.unlink()


class PostgresDatabases:
    """One for all, emptied in between: nothing in it may outlast a test but rows."""

    def __init__(self, url: str, connection: asyncpg.Connection) -> None:
        self._url = url
        self._connection = connection

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[str]:
        yield self._url
        if self._connection.is_closed():  # a test has stopped the server meanwhile
            self._connection = await asyncpg.connect(self._url)
        await self._connection.execute(EMPTY)

    async def close(self) -> None:
        await kept.let_go()
        await self._connection.close()


def file_of(url: str) -> Path:
    """Of SQLite."""
    return Path(url.removeprefix("sqlite://").partition("?")[0])
