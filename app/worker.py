"""The workers of this process, of mail and of webhooks: on their own, or inside the server."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from app.daily import keep_up
from app.metrics import MAIL, WEBHOOK, note_delivery
from app.settings import Settings
from mail.loop import Loop
from mail.transport import Transport
from mail.web import Web
from mail.webhooks import WebhookWorker
from mail.worker import Worker
from resolvers.performing import WAKES, perform
from resolvers.webhooks import give_up_endpoint
from resolvers.work import Clock

GRACE: Final = 10.0
"""Seconds that workers have for what is in their hands, when the server stops."""

log = logging.getLogger(__name__)


def mail_worker(settings: Settings, clock: Clock) -> Worker:
    return Worker(
        Transport(settings.smtp_url),
        public_url=settings.public_url,
        mail_from=settings.mail_from,
        clock=clock,
    )


def webhook_worker(settings: Settings, clock: Clock) -> WebhookWorker:
    return WebhookWorker(
        Web(settings.destinations),
        give_up=partial(perform, None, clock, give_up_endpoint),
        clock=clock,
    )


def workers(settings: Settings, clock: Clock) -> list[Loop]:
    """All that one process runs."""
    mails, webhooks = mail_worker(settings, clock), webhook_worker(settings, clock)
    mails.tell, webhooks.tell = partial(note_delivery, MAIL), partial(note_delivery, WEBHOOK)
    return [mails, webhooks]


async def work(workers: Sequence[Loop], clock: Clock, stop: asyncio.Event) -> None:
    """Send mail and webhooks and do the daily jobs, until `stop`."""
    WAKES.update(worker.wake for worker in workers)
    try:
        async with asyncio.TaskGroup() as tasks:
            for worker in workers:
                tasks.create_task(worker.run(stop))
            tasks.create_task(keep_up(clock, stop))
    finally:
        WAKES.difference_update(worker.wake for worker in workers)


@asynccontextmanager
async def working(workers: Sequence[Loop], clock: Clock) -> AsyncIterator[None]:
    """The workers run beside whatever is done in here, and end after it."""
    stop = asyncio.Event()
    run = asyncio.create_task(work(workers, clock, stop))
    run.add_done_callback(_tell)
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait([run], timeout=GRACE)
        run.cancel()
        await asyncio.wait([run])  # they release their leases, while there is a database


def _tell(run: asyncio.Task[None]) -> None:
    if not run.cancelled() and (error := run.exception()):
        log.critical("The workers died; what they do waits for others.", exc_info=error)
