"""The database: where it is, and how its schema is brought up to date."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
from tortoise import BaseDBAsyncClient, Tortoise
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.connection import get_connection
from tortoise.exceptions import DBConnectionError
from tortoise.transactions import in_transaction

from app.migrating import Executor
from app.settings import Settings
from models.database import ask, look

MODELS: Final = "models"
MIGRATIONS: Final = "models.migrations"
MIGRATION_LOCK: Final = 0x63616E6F70790001
"""Of PostgreSQL's advisory locks: one machine migrates, the others wait for it."""
UNREACHABLE: Final = (
    OSError,
    DBConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
)
SQLITE: Final = {"busy_timeout": 30_000, "synchronous": "FULL"}


def config(url: str, **options: Any) -> dict[str, Any]:
    """What `Tortoise.init` takes; `options` are pragmas of SQLite, or for asyncpg's pool."""
    connection = expand_db_url(url)
    credentials = connection["credentials"]
    if is_sqlite(url):
        connection["engine"] = "models.sqlite"
        credentials = SQLITE | credentials
        Path(credentials["file_path"]).parent.mkdir(parents=True, exist_ok=True)
    else:
        connection["engine"] = "models.postgres"
        if "sslmode" in credentials:  # libpq's name, which asyncpg takes in URLs alone
            credentials["ssl"] = credentials.pop("sslmode")
    connection["credentials"] = credentials | options
    return {
        "connections": {"default": connection},
        "apps": _apps(MIGRATIONS),
    }


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite:")


@asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[BaseDBAsyncClient]:
    """A live connection, closed at the end; seen by every task of this process."""
    context = await Tortoise.init(config=config(url, **options), _enable_global_fallback=True)
    connection = get_connection("default")
    ask(connection)
    try:
        yield connection
    finally:
        await context.close_connections()


def opened(settings: Settings) -> AbstractAsyncContextManager[BaseDBAsyncClient]:
    """As `connected`, with as many connections as this process may have."""
    pool = {} if is_sqlite(settings.database_url) else {"max_size": settings.max_connections}
    return connected(settings.database_url, **pool)


async def pending(connection: BaseDBAsyncClient) -> list[str]:
    """The migrations that this database has not had yet."""
    await look()  # raises; of a failed look Tortoise makes nothing
    return [step.migration.name for step in await _executor(connection).plan()]


async def migrate(
    url: str,
    told: Callable[[str], object] = lambda name: None,
    *,
    migrations: str = MIGRATIONS,
) -> None:
    """Bring the database up to date, in one transaction; any number of machines may try at once.

    SQLite rebuilds a table by dropping it, and with foreign keys on that would delete the rows that
    refer to it: they are off while it migrates, and checked before it commits.
    """
    options = {"foreign_keys": "OFF"} if is_sqlite(url) else {"min_size": 1, "max_size": 1}
    async with connected(url, **options), in_transaction() as transaction:
        if not is_sqlite(url):
            await transaction.execute_query(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        executor = _executor(transaction, migrations)
        # Its own look for a table that is not there would abort PostgreSQL's transaction.
        await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
        await executor.migrate(
            progress=lambda event, _, name: told(name) if event == "apply_done" else None
        )
        if is_sqlite(url):
            await _check_foreign_keys(transaction)


async def _check_foreign_keys(connection: BaseDBAsyncClient) -> None:
    orphans = await connection.execute_query_dict("PRAGMA foreign_key_check")
    if orphans:
        raise RuntimeError(f"The migration would leave rows without what they refer to: {orphans}")


def _executor(connection: BaseDBAsyncClient, migrations: str = MIGRATIONS) -> Executor:
    return Executor(connection, _apps(migrations))


def _apps(migrations: str) -> dict[str, dict[str, Any]]:
    return {
        MODELS: {
            "models": ["models.registry"],
            "default_connection": "default",
            "migrations": migrations,
        }
    }
