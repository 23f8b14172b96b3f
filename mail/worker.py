"""The worker: sends what is due, again and again, whatever happens around it."""

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import partial
from typing import Final
from uuid import UUID

from mail import leases
from mail.messages import compose, sender_of
from mail.transport import Accepted, Deferred, Refused, Result, ServerTrouble, Transport
from models.base import is_within
from models.outbox import Notification, NotificationTemplate

GIVES_UP_AFTER: Final = timedelta(hours=24)
FEWEST_ATTEMPTS: Final = 5
"""A mail that could not leave for a day because the server was down still gets a few minutes."""
FIRST_RETRY: Final = timedelta(seconds=20)
LAST_RETRY: Final = timedelta(hours=2)
LONGEST_ERROR: Final = 500

_ADDRESS: Final = re.compile(r"""[^\s<>"'(),:;\[\]]+@[^\s<>"'(),:;\[\]]+""")

Note = Callable[[], Awaitable[bool]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How a worker goes about it."""

    poll: float = 1.0
    """Seconds between two looks at an outbox that had nothing due."""
    lease: timedelta = timedelta(seconds=90)
    """How long a mail waits for another worker after its own was killed. Longer than a sending."""
    batch: int = 50
    pause: float = 10.0
    """Seconds until it tries again after the mail server or the database failed as a whole."""
    note_again: float = 0.5
    """Seconds until it tries again to note what became of a mail."""


class Worker:
    """Sends the mails of the outbox. Any number may run, on any number of machines.

    To cancel `run` is safe at any moment; only `stop` lets the mail in hand be noted.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        public_url: str,
        mail_from: str,
        clock: Callable[[], datetime],
        pace: Pace = Pace(),
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`chance` spreads retries, from 0 to 1. Raises ValueError for a `mail_from` that is none,
        and for a lease in which no sending fits."""
        sender_of(mail_from)
        if pace.lease <= transport.longest:
            raise ValueError(f"A lease must be longer than a sending may take: {transport.longest}")
        self.sent = 0
        self._transport = transport
        self._public_url = public_url
        self._mail_from = mail_from
        self._clock = clock
        self._pace = pace
        self._chance = chance
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox now, for something has been promised."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then the mail in hand is finished and the rest is left to other workers."""
        try:
            while not stop.is_set():
                self._woken.clear()
                try:
                    mails = await self._lease()
                    await self._send(mails, stop)
                except ServerTrouble as trouble:
                    logger.warning("No mail can be sent: %s", trouble)
                    await _rest(self._pace.pause, stop)
                except Exception as error:  # noqa: BLE001 - mail must go on after anything
                    logger.error("The outbox cannot be worked on: %s", _kind(error))
                    await _rest(self._pace.pause, stop)
                else:
                    if not mails:
                        await _rest(self._pace.poll, stop, self._woken)
        finally:
            await self._transport.close()

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

    async def _lease(self) -> list[Notification]:
        now = self._clock()
        return await leases.lease(now, now + self._pace.lease, self._pace.batch)

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
            await leases.release(list(left.values()), trouble)

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
                logger.error("Notification %s cannot be written: %s", mail.id, _kind(fault))
                error = "The mail could not be written."
        await self._note(partial(leases.note_failed, mail, error, tried=False))
        return None

    async def _handed_over(self, mail: Notification, message: EmailMessage) -> Result:
        try:
            return await self._transport.send(message)
        except ServerTrouble:
            raise
        except Exception as fault:  # noqa: BLE001 - one delivery
            logger.error("Notification %s cannot be sent: %s", mail.id, _kind(fault))
            return Deferred("The mail could not be handed over.")

    def _outcome(self, mail: Notification, result: Result) -> Note:
        """What to note, decided once, however often it is tried to note it."""
        now = self._clock()
        match result:
            case Accepted():
                self.sent += 1
                return partial(leases.note_sent, mail, now)
            case Refused(reason):
                logger.warning("Notification %s was refused", mail.id)
                return partial(leases.note_failed, mail, _fit(reason, mail), tried=True)
            case Deferred(reason):
                return self._later(mail, _fit(reason, mail), now)

    def _later(self, mail: Notification, error: str, now: datetime) -> Note:
        attempts = mail.attempts + 1
        end = mail.created_at + GIVES_UP_AFTER
        if now >= end and attempts >= FEWEST_ATTEMPTS:
            logger.warning("Notification %s was given up", mail.id)
            return partial(leases.note_failed, mail, error, tried=True)
        logger.info("Notification %s failed for now", mail.id)
        delay = min(FIRST_RETRY * 2 ** min(attempts - 1, 16), LAST_RETRY)
        until = now + delay * (1 + self._chance()) / 2
        return partial(leases.note_deferred, mail, error, min(until, end) if now < end else until)

    async def _note(self, note: Note) -> None:
        """Until the database takes it: a mail that was accepted, and not noted, would go twice."""
        while True:
            try:
                held = await note()
            except Exception as error:  # noqa: BLE001 - see above
                logger.error("What became of a mail cannot be noted: %s", _kind(error))
                await asyncio.sleep(self._pace.note_again)
            else:
                if not held:
                    logger.warning("A lease ran out before its mail was noted")
                return


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


def _kind(error: Exception) -> str:
    """Not the message: it may hold an address."""
    return type(error).__name__


async def _rest(seconds: float, *alarms: asyncio.Event) -> None:
    """Until the time is over or an alarm goes off."""
    waiting = [asyncio.ensure_future(alarm.wait()) for alarm in alarms]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
