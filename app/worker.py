"""The mail worker of this process: on its own, or inside the server."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from app.settings import Settings
from mail.transport import Transport
from mail.worker import Worker
from resolvers.work import Clock

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


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[None]:
    """The worker runs beside whatever is done in here, and ends after it."""
    stop = asyncio.Event()
    run = asyncio.create_task(worker.run(stop))
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
        log.critical("The mail worker died; mail waits for another one.", exc_info=error)
