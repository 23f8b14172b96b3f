"""Plain SQL where the ORM has no words for it, alike on both databases."""

import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import asyncpg
from asyncpg.pgproto import pgproto
from tortoise.backends.base.client import BaseDBAsyncClient, NestedTransactionContext
from tortoise.connection import get_connection
from tortoise.exceptions import BaseORMException, IntegrityError
from tortoise.transactions import in_transaction

from models.errors import Conflict, Duplicate, Refusal
from models.postgres import PooledTransaction, Transaction

AWAY: Final = (
    OSError,
    BaseORMException,
    sqlite3.DatabaseError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What it may come to with a database that is away."""


class _Asked:
    """The database that this process is connected to."""

    is_sqlite = False


TREE_LOCK: Final = 0x63616E6F70790002
"""Of PostgreSQL's advisory locks: all writing shares it, what reshapes the tree has it alone."""


def ask(connection: BaseDBAsyncClient) -> None:
    """Say what is asked from now on: a process is connected to one database at a time."""
    _Asked.is_sqlite = connection.capabilities.dialect == "sqlite"


def is_sqlite() -> bool:
    return _Asked.is_sqlite


async def rows(statement: str, *values: Any) -> list[dict[str, Any]]:
    """Run one statement with $1, $2, … in the transaction that is open, if any."""
    connection = get_connection("default")
    if is_sqlite():
        statement = statement.replace("$", "?")
    return await connection.execute_query_dict(statement, list(values))


async def pour(table: str, columns: Sequence[str], records: Iterable[Sequence[Any]]) -> None:
    """Write very many rows, in the transaction that is open: by COPY, or one prepared statement."""
    connection: Any = get_connection("default")
    if is_sqlite():
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
        await connection.execute_many(statement, records)
        return
    async with connection.acquire_connection() as raw:
        await raw.copy_records_to_table(table, columns=columns, records=records)


async def analyze(tables: Iterable[str]) -> None:
    """Tell the planner what is in the tables now; PostgreSQL also which pages all may see."""
    await rows("ANALYZE" if is_sqlite() else f"VACUUM (ANALYZE) {', '.join(tables)}")


def as_id(value: UUID | str) -> UUID:
    """An id as it was read, or as it is written: SQLite keeps text.

    asyncpg's own class, which is read, told and looked up several times as fast as the standard
    one, and equals it. Raises ValueError.
    """
    return value if isinstance(value, UUID) else pgproto.UUID(value)


async def read(statement: str, values: Sequence[Any], kind: type[Any] | None = None) -> list[Any]:
    """The rows of one statement with $1, $2, …, as the driver makes them, of class `kind`.

    In the transaction that is open, if any.
    """
    connection: Any = get_connection("default")
    found: list[Any] = await connection.read(statement, values, kind)
    return found


async def look() -> None:
    """Raises what is `AWAY` of a database that cannot be read.

    SQLite answers from the pages that it keeps, whatever has become of its file: it is to forget
    them, and to read the first one.
    """
    if is_sqlite():
        await rows("PRAGMA shrink_memory")
        await rows("SELECT name FROM sqlite_master LIMIT 1")
    else:
        await rows("SELECT 1")


async def is_read_only() -> bool:
    """Whether PostgreSQL is a standby, or was set so. SQLite's file is this process's own."""
    if is_sqlite():
        return False
    [row] = await rows("SHOW transaction_read_only")
    return bool(row["transaction_read_only"] == "on")


@asynccontextmanager
async def changing(*, alone: bool) -> AsyncIterator[None]:
    """A transaction that shares the tree with all others, or has it `alone` until it ends.

    SQLite has one writer at a time anyway.
    """
    context = in_transaction()
    lock = f"SELECT pg_advisory_xact_lock{'' if alone else '_shared'}({TREE_LOCK})"
    if isinstance(context, PooledTransaction):
        context.begin_with(lock)
    async with context:
        if isinstance(context, NestedTransactionContext) and not is_sqlite():
            await rows(lock)  # for what it is within has begun before
        yield


def notify(channel: str, payloads: Sequence[str]) -> None:
    """Tell every process that listens, when the transaction commits; SQLite has no way to."""
    transaction = get_connection("default")
    if isinstance(transaction, Transaction):
        for told in payloads:
            transaction.end_with(f"SELECT pg_notify('{channel}', {_quoted(told)})")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_REFUSALS: Final = {
    "users_email": ("users.email_key", Duplicate("This address is taken.", ("email",))),
    "users_external_id": (
        "users.company_id, users.external_id",
        Duplicate(
            "Somebody in this company has this external id: choose another.", ("external_id",)
        ),
    ),
    "companies_one_root": (
        "companies.kind",
        Conflict("There is a vendor already: one tree has one root."),
    ),
}


def refusal_of(error: IntegrityError) -> Refusal | None:
    """The refusal that a broken constraint stands for, if any.

    PostgreSQL names the constraint; SQLite the columns of a unique index.
    """
    cause = error.__cause__ or error
    name = getattr(cause, "constraint_name", None)
    told = str(error)
    for constraint, (columns, refusal) in _REFUSALS.items():
        if name == constraint or (name is None and told.endswith(f"failed: {columns}")):
            return type(refusal)(refusal.message, refusal.path)
    return None
