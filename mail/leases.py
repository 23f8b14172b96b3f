"""What a worker holds of the outbox, and what it notes of it. Any number of workers may run.

A row is held by the exact instant until which it is leased: each new lease of it ends later. Who
notes something of a row that it does not hold any more changes nothing. The machines' clocks must
agree to within the length of a lease.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from tortoise.transactions import in_transaction

from models.database import is_sqlite, rows
from models.outbox import Outgoing

LEASE_LOCK: Final = 0x63616E6F70790003
"""Of PostgreSQL's advisory locks: one worker chooses at a time, so that each sees what the others
have chosen; SQLite has one writer anyway."""
ONE_CHOOSES: Final = f"""
SELECT set_config('idle_in_transaction_session_timeout', '10000', true),
pg_advisory_xact_lock({LEASE_LOCK})
"""
"""The time-out, in milliseconds, is for a machine that vanishes with the lock in its hand."""
NOBODY: Final = UUID(int=0)
QUEUED: Final = "QUEUED"

R = TypeVar("R", bound=Outgoing)


@dataclass(frozen=True)
class Backlog:
    """What is to be sent: all of it, what of it was tried in vain, what is due, and for how long
    the oldest has been."""

    queued: int
    retried: int
    due: int
    age: timedelta


class Leases(Generic[R]):
    """Of one table. `due` chooses at $1 up to $2 ids, in order, and may hold `{but}`: other ids to
    choose nothing of. `loads` are the relations that come with each row."""

    def __init__(self, model: type[R], due: str, loads: Sequence[str]) -> None:
        self._model = model
        self._due = due
        self._loads = loads

    async def lease(
        self, now: datetime, until: datetime, most: int, but: Sequence[UUID] = ()
    ) -> list[R]:
        """Hold up to `most` of the rows that are due, in the order in which they must leave."""
        but = (NOBODY, *but)
        due = self._due.format(but=", ".join(f"${number}" for number in range(3, 3 + len(but))))
        left_alone = [str(id) for id in but] if "{but}" in self._due else []
        if not await rows(due, now, 1, *left_alone):
            return []
        async with in_transaction():
            locking = "" if is_sqlite() else "FOR UPDATE SKIP LOCKED"
            if locking:
                await rows(ONE_CHOOSES)
            ids = [row["id"] for row in await rows(due + locking, now, most, *left_alone)]
            await self._model.filter(id__in=ids).update(leased_until=until)
        leased = self._model.filter(id__in=ids).select_related(*self._loads)
        return await leased.order_by("next_attempt_at", "id")

    async def release(self, held: Sequence[R], error: str | None = None) -> None:
        """Leave the rows to any worker, with the `error` for which they could not be tried."""
        if not held:
            return
        noted = {"last_error": error} if error else {}
        still = self._model.filter(
            id__in=[row.id for row in held], status=QUEUED, leased_until=held[0].leased_until
        )
        await still.update(leased_until=None, **noted)

    async def backlog(self, now: datetime) -> Backlog:
        queued = self._model.filter(status=QUEUED)
        due = queued.filter(next_attempt_at__lte=now)
        oldest = await due.order_by("next_attempt_at").first()
        age = now - oldest.next_attempt_at if oldest else timedelta()
        retried = queued.filter(last_error__isnull=False)
        return Backlog(await queued.count(), await retried.count(), await due.count(), age)

    async def note(self, row: R, *, tried: bool = True, **values: Any) -> bool:
        """What became of the row; true if it was still held."""
        held = self._model.filter(id=row.id, status=QUEUED, leased_until=row.leased_until)
        attempts = row.attempts + tried
        return await held.update(attempts=attempts, leased_until=None, **values) == 1
