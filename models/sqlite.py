"""Tortoise's SQLite backend, with transactions that wait their turn and scripts that stay in them.

Its own opens a transaction with a plain BEGIN: with a second process at work, reading and then
writing fails at once with SQLITE_BUSY_SNAPSHOT, whatever `busy_timeout` says. And `executescript`
commits whatever transaction is open.
"""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, Final

from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError

UNICODE: Final[dict[str, Callable[[str], str]]] = {"UPPER": str.upper, "LOWER": str.lower}
"""SQLite's own know ASCII alone, and search without case needs the rest."""


class ImmediateTransaction(SqliteTransactionWrapper):
    async def begin(self) -> None:
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error

    async def execute_script(self, query: str) -> None:
        for statement in _statements(query):
            await self.execute_query(statement)


class ImmediateTransactionContext(SqliteTransactionContext):
    async def __aenter__(self) -> TransactionalDBClient:
        """Lets go of the connection again when the database stays busy."""
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            self.token = get_connections().set(self.connection_name, self.connection)
            try:
                await self.connection.begin()
            except BaseException:
                get_connections().reset(self.token)
                raise
        except BaseException:
            self._trxlock.release()
            raise
        return self.connection  # type: ignore[no-any-return]


class Client(SqliteClient):
    def _in_transaction(self) -> TransactionContext:
        return ImmediateTransactionContext(ImmediateTransaction(self), self._lock)

    async def create_connection(self, with_db: bool) -> None:
        is_new = self._connection is None
        await super().create_connection(with_db)
        if is_new and self._connection is not None:
            for name, function in UNICODE.items():
                await self._connection.create_function(
                    name, 1, _of_text(function), deterministic=True
                )


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
