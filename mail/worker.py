"""The worker of mail: sends what is due, one after the other, whatever happens around it."""

import asyncio
import logging
import random
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import partial
from typing import Final
from uuid import UUID

from mail.leases import Leases
from mail.loop import USUAL, Loop, Note, Pace, Patience, kind, rest
from mail.messages import compose, sender_of
from mail.transport import Accepted, Deferred, Refused, Result, ServerTrouble, Transport
from models.base import is_within
from models.outbox import Notification, NotificationStatus, NotificationTemplate

PATIENCE: Final = Patience(
    gives_up_after=timedelta(hours=24),
    fewest_attempts=5,
    first=timedelta(seconds=20),
    last=timedelta(hours=2),
)
"""A mail that could not leave for a day because the server was down still gets a few minutes."""
LONGEST_ERROR: Final = 500

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
LEASES: Final = Leases(Notification, DUE, WHAT_A_MAIL_SAYS)

_ADDRESS: Final = re.compile(r"""[^\s<>"'(),:;\[\]]+@[^\s<>"'(),:;\[\]]+""")

logger = logging.getLogger(__name__)


class Worker(Loop):
    """Sends the mails of the outbox."""

    def __init__(
        self,
        transport: Transport,
        *,
        public_url: str,
        mail_from: str,
        clock: Callable[[], datetime],
        pace: Pace = USUAL,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`chance` spreads retries, from 0 to 1. Raises ValueError for a `mail_from` that is none,
        and for a lease in which no sending fits."""
        sender_of(mail_from)
        super().__init__(clock=clock, pace=pace, longest=transport.longest, chance=chance)
        self._transport = transport
        self._public_url = public_url
        self._mail_from = mail_from

    async def drain(self) -> int:
        """Send all that is due now; how many have left. Raises what the database raises."""
        before = self.sent
        while mails := await self._lease():
            try:
                await self._send(mails, asyncio.Event())
            except ServerTrouble as trouble:
                logger.warning("No mail can be sent: %s", trouble)
                break
        return self.sent - before

    async def _work(self, stop: asyncio.Event) -> bool:
        mails = await self._lease()
        try:
            await self._send(mails, stop)
        except ServerTrouble as trouble:
            logger.warning("No mail can be sent: %s", trouble)
            await rest(self._pace.pause, stop)
            return True
        return bool(mails)

    async def _finish(self) -> None:
        """It is: one mail is in hand at a time."""

    async def _close(self) -> None:
        await self._transport.close()

    async def _lease(self) -> list[Notification]:
        now = self._clock()
        return await LEASES.lease(now, now + self._pace.lease, self._pace.batch)

    async def _send(self, mails: list[Notification], stop: asyncio.Event) -> None:
        """Send what the lease leaves time for, and release the rest. Raises ServerTrouble."""
        left = {mail.id: mail for mail in mails}
        waiting: set[tuple[UUID, UUID]] = set()
        trouble: str | None = None
        try:
            for mail in mails:
                if stop.is_set():
                    break
                if (mail.batch, mail.user_id) in waiting:
                    continue
                message = await self._composed(mail)
                if message is not None:
                    await self._transport.open()
                    if not self._has_time(mail):
                        break
                    result = await self._handed_over(mail, message)
                    await self._note(self._outcome(mail, result))
                    if isinstance(result, Deferred):
                        waiting.add((mail.batch, mail.user_id))
                del left[mail.id]
        except ServerTrouble as error:
            trouble = str(error)
            raise
        finally:
            await LEASES.release(list(left.values()), trouble)

    def _has_time(self, mail: Notification) -> bool:
        """Whether the lease outlasts a sending, however long that takes."""
        assert mail.leased_until is not None
        return self._clock() + self._transport.longest < mail.leased_until

    async def _composed(self, mail: Notification) -> EmailMessage | None:
        """None if this mail must not or cannot be sent, which is then noted."""
        error = _unwelcome(mail)
        if error is None:
            try:
                return compose(mail, self._public_url, self._mail_from)
            except Exception as fault:  # noqa: BLE001 - one mail that cannot be written
                logger.error("Notification %s cannot be written: %s", mail.id, kind(fault))
                error = "The mail could not be written."
        await self._note(_failed(mail, error, tried=False))
        return None

    async def _handed_over(self, mail: Notification, message: EmailMessage) -> Result:
        try:
            return await self._transport.send(message)
        except ServerTrouble:
            raise
        except Exception as fault:  # noqa: BLE001 - one delivery
            logger.error("Notification %s cannot be sent: %s", mail.id, kind(fault))
            return Deferred("The mail could not be handed over.")

    def _outcome(self, mail: Notification, result: Result) -> Note:
        """What to note, decided once, however often it is tried to note it."""
        now = self._clock()
        self.tell(type(result).__name__.lower())
        match result:
            case Accepted():
                self.sent += 1
                return partial(
                    LEASES.note,
                    mail,
                    status=NotificationStatus.SENT,
                    sent_at=now,
                    last_error=None,
                    token=None,
                )
            case Refused(reason):
                logger.warning("Notification %s was refused", mail.id)
                return _failed(mail, _fit(reason, mail))
            case Deferred(reason):
                return self._later(mail, _fit(reason, mail), now)

    def _later(self, mail: Notification, error: str, now: datetime) -> Note:
        until = PATIENCE.until(mail.attempts + 1, mail.created_at, now, self._chance())
        if until is None:
            logger.warning("Notification %s was given up", mail.id)
            return _failed(mail, error)
        logger.info("Notification %s failed for now", mail.id)
        return partial(LEASES.note, mail, last_error=error, next_attempt_at=until)


def _failed(mail: Notification, error: str, *, tried: bool = True) -> Note:
    failed = NotificationStatus.FAILED
    return partial(LEASES.note, mail, tried=tried, status=failed, last_error=error, token=None)


def _unwelcome(mail: Notification) -> str | None:
    """Why the mail must not be sent any more, if so."""
    if mail.user.removed_at is not None:
        return "The recipient has been removed."
    if mail.user.company.is_archived:
        return "The recipient's company has been archived."
    if not mail.user.is_manager and mail.template is not NotificationTemplate.PASSWORD_RESET:
        return "The recipient is no manager any more."
    if not is_within(mail.path, mail.user.path):
        return "The company is out of the recipient's reach."
    return None


def _fit(reason: str, mail: Notification) -> str:
    """The server's words as people may read them: without addresses or the secret of a link."""
    words = " ".join("".join(c if c.isprintable() else " " for c in reason[:2000]).split())
    for secret in (mail.token, mail.recipient):
        if secret:
            words = re.sub(re.escape(secret), "[…]", words, flags=re.IGNORECASE)
    return _ADDRESS.sub("[…]", words)[:LONGEST_ERROR]
