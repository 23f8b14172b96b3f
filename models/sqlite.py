"""Tortoise's SQLite backend, with transactions that wait their turn and scripts that stay in them.

Its own opens a transaction with a plain BEGIN: with a second process at work, reading and then
writing fails at once with SQLITE_BUSY_SNAPSHOT, whatever `busy_timeout` says. `executescript`
commits whatever transaction is open. And a task that is cancelled while it opens a connection or a
transaction leaves them locked.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import aiosqlite
from tortoise.backends.base.client import (
    ConnectionWrapper,
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError
from tortoise.migrations.schema_editor import SqliteSchemaEditor

from models.errors import Busy

UNICODE: Final[dict[str, Callable[[str], str]]] = {"UPPER": str.upper, "LOWER": str.lower}
"""SQLite's own know ASCII alone, and search without case needs the rest."""


sqlite3.register_adapter(UUID, str)


class Held(ConnectionWrapper[aiosqlite.Connection]):
    """The connection, for one statement; let go of when it cannot be opened.

    A statement whose task is cancelled is cut off: its thread would work on it to the end, and all
    others wait for it.
    """

    async def __aenter__(self) -> aiosqlite.Connection:
        await self._lock.acquire()
        try:
            await self.ensure_connection()
        except BaseException:
            self._lock.release()
            raise
        return self.connection

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is asyncio.CancelledError:
            self.connection._conn.interrupt()
        await super().__aexit__(kind, error, trace)


class Reads:
    """Of a client: rows as sqlite3 makes them."""

    async def read(
        self: Any, statement: str, values: Sequence[Any], kind: type[sqlite3.Row] | None
    ) -> list[sqlite3.Row]:
        """The rows of a statement with $1, $2, …, of class `kind`."""
        statement = statement.replace("$", "?")
        sent = [str(value) if isinstance(value, UUID) else value for value in values]
        async with self.acquire_connection() as connection:
            self.log.debug("%s: %s", statement, sent)
            try:
                found: list[sqlite3.Row] = await connection._execute(
                    _fetched, connection._conn, statement, sent, kind or sqlite3.Row
                )
            except sqlite3.OperationalError as error:
                raise OperationalError(error) from error
        return found


class ImmediateTransaction(Reads, SqliteTransactionWrapper):
    def acquire_connection(self) -> Held:
        return Held(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(ImmediateTransaction(self))

    async def begin(self) -> None:
        """Raises Busy when others went on writing for as long as `busy_timeout` lets it wait."""
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise Busy from error
            raise OperationalError(error) from error

    async def savepoint_rollback(self) -> None:
        """A write that was cut off has ended the whole transaction, by the time this comes after
        it."""
        try:
            await super().savepoint_rollback()
        except sqlite3.OperationalError:
            if self._connection.in_transaction:
                raise

    async def execute_script(self, query: str) -> None:
        for statement in _statements(query):
            await self.execute_query(statement)


class ImmediateTransactionContext(SqliteTransactionContext):
    async def __aenter__(self) -> TransactionalDBClient:
        """Lets go of the connection again when the database stays busy, or the task is cancelled.

        A cancelled BEGIN is carried out all the same, by the connection's own thread; a statement
        sent after it comes after it.
        """
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            try:
                await self.connection.begin()
            except BaseException:
                await self.connection.rollback()
                raise
        except BaseException:
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return self.connection  # type: ignore[no-any-return]


class Client(Reads, SqliteClient):
    def acquire_connection(self) -> Held:
        return Held(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return ImmediateTransactionContext(ImmediateTransaction(self), self._lock)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        """In a transaction that also ends when the task is cancelled."""
        async with self._in_transaction() as transaction:
            await transaction.execute_many(query, values)

    async def create_connection(self, with_db: bool) -> None:
        """With every pragma set, or not at all: a connection keeps foreign keys, or it is none."""
        if self._connection is not None:
            return
        try:
            await super().create_connection(with_db)
            await self._add_functions()
        except BaseException:
            await self.close()
            raise

    async def _add_functions(self) -> None:
        assert self._connection is not None
        for name, function in UNICODE.items():
            await self._connection.create_function(name, 1, _of_text(function), deterministic=True)


class Editor(SqliteSchemaEditor):
    """Tortoise's own rebuilds a table to change it, and forgets its indexes.

    An index over a column that goes must be dropped first, or the migration fails.
    """

    async def _remake_table(self, model: Any, *changes: Any, **named: Any) -> None:
        _, indexes = await self.client.execute_query(
            "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql NOT NULL",
            [model._meta.db_table],
        )
        await super()._remake_table(model, *changes, **named)
        for index in indexes:
            await self.client.execute_query(index["sql"])


def _fetched(
    connection: sqlite3.Connection, statement: str, values: list[Any], kind: type[sqlite3.Row]
) -> list[sqlite3.Row]:
    """In the connection's own thread."""
    cursor = connection.cursor()
    cursor.row_factory = kind
    try:
        return cursor.execute(statement, values).fetchall()
    finally:
        cursor.close()


def _of_text(function: Callable[[str], str]) -> Callable[[Any], Any]:
    return lambda value: function(value) if isinstance(value, str) else value


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n;"):
                yield statement
            statement = ""


client_class = Client
