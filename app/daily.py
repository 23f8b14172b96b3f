"""The daily jobs in this process: at once for the command, or by themselves beside a worker."""

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import Final

from app.clock import utc_now
from app.database import opened
from app.settings import Settings
from resolvers.daily import round_if_due, run
from resolvers.work import Clock

LOOKS_EVERY: Final = 60.0
"""Seconds between two looks whether a round is due."""

log = logging.getLogger(__name__)


async def at_once(settings: Settings, now: datetime | None) -> Counter[str]:
    """All jobs, as of `now`; what they did."""
    async with opened(settings):
        return await run((lambda: now) if now else utc_now)


async def keep_up(clock: Clock, stop: asyncio.Event, every: float = LOOKS_EVERY) -> None:
    """Until `stop`, whatever happens to the database."""
    while not stop.is_set():
        try:
            if await round_if_due(clock):
                log.info("The daily jobs are done")
        except Exception:
            log.exception("The daily jobs failed; they are tried again")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every)
