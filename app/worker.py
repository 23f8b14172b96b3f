"""The worker of this process: on its own, or inside the server."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from app.daily import keep_up
from app.settings import Settings
from mail.transport import Transport
from mail.worker import Worker
from resolvers.work import WAKES, Clock

GRACE: Final = 10.0
"""Seconds that the worker has for the mail in its hand, when the server stops."""

log = logging.getLogger(__name__)


def mail_worker(settings: Settings, clock: Clock) -> Worker:
    return Worker(
        Transport(settings.smtp_url),
        public_url=settings.public_url,
        mail_from=settings.mail_from,
        clock=clock,
    )


async def work(worker: Worker, clock: Clock, stop: asyncio.Event) -> None:
    """Send mail and do the daily jobs, until `stop`."""
    WAKES.add(worker.wake)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.run(stop))
            tasks.create_task(keep_up(clock, stop))
    finally:
        WAKES.discard(worker.wake)


@asynccontextmanager
async def working(worker: Worker, clock: Clock) -> AsyncIterator[None]:
    """The worker runs beside whatever is done in here, and ends after it."""
    stop = asyncio.Event()
    run = asyncio.create_task(work(worker, clock, stop))
    run.add_done_callback(_tell)
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait([run], timeout=GRACE)
        run.cancel()
        await asyncio.wait([run])  # it releases its leases, while there is a database


def _tell(run: asyncio.Task[None]) -> None:
    if not run.cancelled() and (error := run.exception()):
        log.critical("The worker died; mail and daily jobs wait for another one.", exc_info=error)
