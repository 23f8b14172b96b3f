"""The worker of webhooks: sends to many receivers at once, so that a slow one holds up no other."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from standardwebhooks import Webhook

from mail.leases import Leases
from mail.loop import USUAL, Loop, Note, Pace, Patience, kind
from mail.web import Unanswered, Web
from models.base import is_within
from models.webhooks import WebhookDelivery, WebhookDeliveryStatus

PATIENCE: Final = Patience(
    gives_up_after=timedelta(days=3),
    fewest_attempts=5,
    first=timedelta(seconds=20),
    last=timedelta(hours=8),
)
AT_ONCE: Final = 64
"""Requests under way in one worker."""
AT_ONE_ENDPOINT: Final = 4
"""Of these; one while it fails."""
LINGER: Final = 5.0
"""Seconds for what is under way when the worker stops; after that other workers send it again."""
SUCCESS: Final = range(200, 300)
REDIRECT: Final = range(300, 400)

# One of each endpoint: whoever has much waiting takes turns with those who have little.
DUE: Final = """
SELECT id FROM webhook_deliveries WHERE id IN (
    SELECT (
        SELECT next.id FROM webhook_deliveries AS next
        WHERE next.endpoint_id = webhook_endpoints.id
        AND next.status = 'QUEUED' AND next.next_attempt_at <= $1
        AND (next.leased_until IS NULL OR next.leased_until <= $1)
        ORDER BY next.next_attempt_at, next.id LIMIT 1
    ) FROM webhook_endpoints WHERE webhook_endpoints.id NOT IN ({but})
)
ORDER BY next_attempt_at, id LIMIT $2
"""
LEASES: Final = Leases(WebhookDelivery, DUE, ("endpoint__company", "message__company"))

GiveUp = Callable[[UUID, datetime], Awaitable[object]]
"""Switches an endpoint off where nothing got through to it since then."""

logger = logging.getLogger(__name__)


class WebhookWorker(Loop):
    """Sends what is queued for webhooks. A receiver gets each message once at least."""

    def __init__(
        self,
        web: Web,
        *,
        give_up: GiveUp,
        clock: Callable[[], datetime],
        pace: Pace = USUAL,
        chance: Callable[[], float] = random.random,
        linger: float = LINGER,
    ) -> None:
        """Raises ValueError for a lease in which no sending fits."""
        super().__init__(clock=clock, pace=pace, longest=web.longest, chance=chance)
        self._web = web
        self._give_up = give_up
        self._linger = linger
        self._running: dict[asyncio.Task[None], UUID] = {}
        self._failing: set[UUID] = set()

    async def drain(self) -> int:
        """Send all that is due now; how many were delivered. Raises what the database raises."""
        before = self.sent
        while await self._work(asyncio.Event()) or self._running:
            if self._running:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        return self.sent - before

    async def _work(self, stop: asyncio.Event) -> bool:  # noqa: ARG002 - nothing is waited for
        found = await self._lease()
        for delivery in found:
            task = asyncio.create_task(self._deliver(delivery))
            self._running[task] = delivery.endpoint_id
            task.add_done_callback(self._ended)
        return bool(found)

    async def _finish(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=self._linger)

    async def _close(self) -> None:
        left = list(self._running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._web.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self.wake()
        if not task.cancelled() and (error := task.exception()):
            logger.error("A webhook was left to its lease: %s", type(error).__name__)

    async def _lease(self) -> list[WebhookDelivery]:
        free = AT_ONCE - len(self._running)
        if not free:
            return []
        now = self._clock()
        under_way = Counter(self._running.values())
        busy = [id for id, number in under_way.items() if number >= self._most(id)]
        return await LEASES.lease(now, now + self._pace.lease, free, busy)

    def _most(self, endpoint_id: UUID) -> int:
        return 1 if endpoint_id in self._failing else AT_ONE_ENDPOINT

    async def _deliver(self, delivery: WebhookDelivery) -> None:
        """Send, and note what became of it; whoever is cancelled leaves it to other workers."""
        error = _unwelcome(delivery)
        if error is not None:
            await self._note(_failed(delivery, error, tried=False))
            return
        try:
            note = await self._sent(delivery)
        except asyncio.CancelledError:
            await LEASES.release([delivery])
            raise
        await self._note(note)

    async def _sent(self, delivery: WebhookDelivery) -> Note:
        endpoint, message = delivery.endpoint, delivery.message
        headers = _headers(endpoint.secret, message.id, self._clock(), message.body)
        try:
            status = await self._web.post(endpoint.url, headers, message.body)
        except Unanswered as fault:
            return self._later(delivery, None, str(fault))
        except Exception as fault:  # noqa: BLE001 - one delivery
            logger.error("Webhook delivery %s cannot be sent: %s", delivery.id, kind(fault))
            return self._later(delivery, None, "The webhook could not be sent.")
        if status not in SUCCESS:
            return self._later(delivery, status, _refused(status))
        self._failing.discard(endpoint.id)
        self.tell("accepted")
        self.sent += 1
        return partial(
            LEASES.note,
            delivery,
            status=WebhookDeliveryStatus.DELIVERED,
            delivered_at=self._clock(),
            response_status=status,
            last_error=None,
        )

    def _later(self, delivery: WebhookDelivery, status: int | None, error: str) -> Note:
        """What to note, decided once, however often it is tried to note it."""
        now = self._clock()
        self.tell("deferred")
        self._failing.add(delivery.endpoint_id)
        until = PATIENCE.until(delivery.attempts + 1, delivery.queued_at, now, self._chance())
        if until is None:
            logger.warning("Webhook delivery %s was given up", delivery.id)
            return partial(self._given_up, delivery, status, error)
        logger.info("Webhook delivery %s failed for now", delivery.id)
        return partial(
            LEASES.note, delivery, response_status=status, last_error=error, next_attempt_at=until
        )

    async def _given_up(self, delivery: WebhookDelivery, status: int | None, error: str) -> bool:
        await self._give_up(delivery.endpoint_id, delivery.queued_at)
        return await _failed(delivery, error, response_status=status)()


def _failed(
    delivery: WebhookDelivery,
    error: str,
    *,
    tried: bool = True,
    response_status: int | None = None,
) -> Note:
    return partial(
        LEASES.note,
        delivery,
        tried=tried,
        status=WebhookDeliveryStatus.FAILED,
        response_status=response_status,
        last_error=error,
    )


def _unwelcome(delivery: WebhookDelivery) -> str | None:
    """Why it must not be sent any more, if so."""
    endpoint, happened_in = delivery.endpoint, delivery.message.company
    if not endpoint.enabled:
        return "The endpoint is switched off."
    if endpoint.company.is_archived:
        return "The endpoint's company has been archived."
    if not is_within(happened_in.path, endpoint.company.path):
        return "The company that it is about has been moved elsewhere."
    return None


def _headers(secret: str, id: UUID, at: datetime, body: str) -> dict[str, str]:
    """As Standard Webhooks has them; the id is the message's, however often it is sent."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "Canopy",
        "webhook-id": str(id),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(str(id), at, body),
    }


def _refused(status: int) -> str:
    ending = ": redirects are not followed" if status in REDIRECT else ""
    return f"The receiver answered {status}{ending}."
