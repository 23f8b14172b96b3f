"""Which mails a worker holds, and what it notes of them. Any number of workers may run.

A mail is held by the exact instant until which it is leased: each new lease of it ends later. Who
notes something of a mail that it does not hold any more changes nothing. The machines' clocks must
agree to within the length of a lease.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from models.database import is_sqlite, rows
from models.outbox import Notification, NotificationStatus

LEASE_LOCK: Final = 0x63616E6F70790003
"""Of PostgreSQL's advisory locks: one worker chooses at a time, so that each sees what the others
have chosen; SQLite has one writer anyway."""
ONE_CHOOSES: Final = f"""
SELECT set_config('idle_in_transaction_session_timeout', '10000', true),
pg_advisory_xact_lock({LEASE_LOCK})
"""
"""The time-out, in milliseconds, is for a machine that vanishes with the lock in its hand."""

# 'QUEUED' is a literal so that SQLite, too, knows the partial index by it.
DUE: Final = """
SELECT id FROM notifications AS mail
WHERE status = 'QUEUED' AND next_attempt_at <= $1
AND (leased_until IS NULL OR leased_until <= $1)
AND NOT EXISTS (
    SELECT 1 FROM notifications AS earlier
    WHERE earlier.status = 'QUEUED' AND earlier.batch = mail.batch AND earlier.id < mail.id
    AND (earlier.leased_until > $1 OR (earlier.attempts > 0 AND earlier.user_id = mail.user_id))
)
ORDER BY next_attempt_at, id LIMIT $2
"""
"""Mails of one transaction leave in order: none while another worker has an earlier one, and none
before an earlier one to the same person that failed for now."""
WHAT_A_MAIL_SAYS: Final = ("user__company", "actor", "company", "order__requested_by")


async def lease(now: datetime, until: datetime, most: int) -> list[Notification]:
    """Hold up to `most` of the mails that are due, in the order in which they must leave."""
    if not await rows(DUE, now, 1):
        return []
    async with in_transaction():
        locking = "" if is_sqlite() else "FOR UPDATE SKIP LOCKED"
        if locking:
            await rows(ONE_CHOOSES)
        ids = [row["id"] for row in await rows(DUE + locking, now, most)]
        await Notification.filter(id__in=ids).update(leased_until=until)
    mails = Notification.filter(id__in=ids).select_related(*WHAT_A_MAIL_SAYS)
    return await mails.order_by("next_attempt_at", "id")


async def release(mails: Sequence[Notification], error: str | None = None) -> None:
    """Leave the mails to any worker, with the `error` for which they could not be tried."""
    if not mails:
        return
    noted = {"last_error": error} if error else {}
    held = Notification.filter(
        id__in=[mail.id for mail in mails],
        status=NotificationStatus.QUEUED,
        leased_until=mails[0].leased_until,
    )
    await held.update(leased_until=None, **noted)


async def note_sent(mail: Notification, at: datetime) -> bool:
    """True if the mail was still held; so of the next two."""
    return await _note(
        mail, status=NotificationStatus.SENT, sent_at=at, last_error=None, token=None
    )


async def note_failed(mail: Notification, error: str, *, tried: bool) -> bool:
    return await _note(mail, tried, status=NotificationStatus.FAILED, last_error=error, token=None)


async def note_deferred(mail: Notification, error: str, until: datetime) -> bool:
    return await _note(mail, last_error=error, next_attempt_at=until)


async def _note(mail: Notification, tried: bool = True, **values: Any) -> bool:
    held: QuerySet[Notification] = Notification.filter(
        id=mail.id, status=NotificationStatus.QUEUED, leased_until=mail.leased_until
    )
    attempts = mail.attempts + tried
    return await held.update(attempts=attempts, leased_until=None, **values) == 1
