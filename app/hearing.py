"""Hears what other processes commit: by LISTEN on PostgreSQL, by the file's counter on SQLite."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from tortoise.connection import get_connection

from models.database import AWAY
from models.postgres import Client
from resolvers.changes import CHANNEL, committed

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0
"""Seconds between attempts to listen again; each is twice as long as the one before."""
HEARTBEAT: Final = 20.0
"""Seconds after which a connection is asked whether it still is one."""
PATIENCE: Final = 10.0
"""Seconds in which it must answer."""
LOOK: Final = 1.0
"""Seconds between looks at SQLite's counter."""

log = logging.getLogger(__name__)


@asynccontextmanager
async def hearing() -> AsyncIterator[None]:
    """Those who wait in this process hear what others commit, for as long as this lasts."""
    connection = get_connection("default")
    work = _listen(connection) if isinstance(connection, Client) else _look(connection)
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _listen(client: Client) -> None:
    """On a connection of its own; a new one when it breaks."""
    pause = FIRST_PAUSE
    while True:
        try:
            connection = await asyncio.wait_for(client.connect_aside(), PATIENCE)
        except (*AWAY, TimeoutError):
            log.warning("Cannot listen to the other processes; trying again in %.1f s.", pause)
        else:
            pause = FIRST_PAUSE
            await _hear(connection)
            log.warning("Lost the connection that listens to the other processes.")
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


async def _hear(connection: Any) -> None:
    """Until the connection breaks. Before it began something may have been missed."""
    try:
        await connection.add_listener(CHANNEL, lambda *told: committed.hear(told[-1]))
        committed.miss()
        await _until_broken(connection)
    except (*AWAY, TimeoutError):
        pass
    finally:
        connection.terminate()


async def _until_broken(connection: Any) -> None:
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    while not connection.is_closed():
        try:
            await asyncio.wait_for(ended.wait(), HEARTBEAT)
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=PATIENCE)


async def _look(connection: Any) -> None:
    """SQLite counts the commits of other connections, of which there is one a process."""
    known = None
    while True:
        try:
            [row] = await connection.execute_query_dict("PRAGMA data_version")
            if known != row["data_version"]:
                known = row["data_version"]
                committed.miss()
        except AWAY:
            log.warning("Cannot look whether other processes committed.")
        await asyncio.sleep(LOOK)
