"""Our PostgreSQL backend with connections that outlast a test.

To open one, and have it learn of the tables, costs as much as a small test. They are cut where one
is left in use, or in a transaction.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from tortoise import Tortoise
from tortoise.connection import get_connection

from app.database import config, is_sqlite
from models import postgres
from models.database import ask

NAME: Final = "kept"
"""Of the application, by which PostgreSQL knows its connections."""

_pools: Final[dict[tuple[int, str | None], asyncpg.Pool]] = {}
"""By the server's port and the name of the database."""


class Client(postgres.Client):
    async def create_pool(self, **options: Any) -> asyncpg.Pool:
        there = (self.port, self.database)
        if there not in _pools:
            options["server_settings"] = options["server_settings"] | {"application_name": NAME}
            _pools[there] = await super().create_pool(**options)
        return _pools[there]

    async def _close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None and not await _is_idle(pool):
            pool.terminate()
            _pools.pop((self.port, self.database), None)


client_class = Client


async def _is_idle(pool: asyncpg.Pool) -> bool:
    if pool.get_idle_size() < pool.get_size():
        return False
    return not any(each._con and each._con.is_in_transaction() for each in pool._holders)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[None]:
    """As the application is, but for the connections."""
    settings = config(url)
    if not is_sqlite(url):
        settings["connections"]["default"]["engine"] = __name__
    context = await Tortoise.init(config=settings, _enable_global_fallback=True)
    ask(get_connection("default"))
    try:
        yield
    finally:
        await context.close_connections()


async def let_go() -> None:
    for pool in _pools.values():
        await pool.close()
    _pools.clear()
