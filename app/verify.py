"""`canopy verify`: what must always hold, asked of one snapshot of the database."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from tortoise.transactions import in_transaction

from app.database import connected, is_sqlite
from app.settings import Settings
from models.audit import AuditEvent
from models.invariants import MOST, breaches
from resolvers.work import Clock


async def verify(settings: Settings, clock: Clock, say: Callable[[str], object]) -> bool:
    """Say what is wrong, a line for each id; true if nothing is. Writes nothing, whoever writes."""
    async with _snapshot(settings.database_url):
        found = await breaches(await _latest(clock()))
    for rule, ids in found.items():
        for id in ids:
            say(f"wrong: {rule}: not {id}")
        if len(ids) == MOST:
            say(f"wrong: {rule}: and perhaps more, for no more than {MOST} are shown")
    if not found:
        say("well: all that must always hold does")
    return not found


async def _latest(now: datetime) -> datetime:
    """What has been written down was so by then, even if the clock was set back meanwhile."""
    event = await AuditEvent.all().order_by("-at").first()
    return max(now, event.at) if event else now


@asynccontextmanager
async def _snapshot(url: str) -> AsyncIterator[None]:
    """All that is read in here is of one instant; nobody waits for it."""
    if is_sqlite(url):
        async with connected(url, query_only="ON") as connection:
            await connection.execute_query("BEGIN")
            yield
            await connection.execute_query("ROLLBACK")
        return
    async with connected(url, min_size=1, max_size=1), in_transaction() as transaction:
        await transaction.execute_query(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        )
        yield
