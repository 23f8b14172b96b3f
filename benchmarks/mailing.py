"""10,000 mails through a real SMTP server on loopback, sent by one `canopy worker`."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from typing import Final

from app.clock import utc_now
from app.database import connected, migrate
from benchmarks.servers import FOR_SERVERS, TICK, environment_of, ticks
from models.database import rows
from tests.factories import Make
from tests.smtp import Catcher

MAILS: Final = 10_000
PATIENCE: Final = 150.0
PROMISE: Final = f"""
INSERT INTO notifications (id, template, status, company_id, path, user_id, recipient, subject,
    facts, batch, attempts, next_attempt_at, created_at)
SELECT uuidv7(), 'LICENSES_EXPIRING', 'QUEUED', company_id, path, id, email, 'Licenses expire',
    $1::jsonb, uuidv7(), 0, now(), now()
FROM users, generate_series(1, {MAILS}) WHERE users.id = $2"""
FACTS: Final = (
    '{"quantity": 25, "licenseType": "PREMIUM", "allocated": 20, "day": "2027-03-01", "later": 0,'
    ' "lastAt": "2027-03-01T09:30:00+00:00"}'
)


async def mailing(url: str, say: Callable[[str], None]) -> None:
    await migrate(url)
    async with connected(url), Catcher() as catcher:
        make = Make(utc_now)
        manager = await make.manager(await make.company())
        await rows(PROMISE, FACTS, str(manager.id))
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.cli", "worker"),
            env={
                **environment_of(),
                "CANOPY_DATABASE_URL": url,
                "CANOPY_SMTP_URL": catcher.url,
            },
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        os.sched_setaffinity(worker.pid, FOR_SERVERS)
        try:
            took = await _caught(catcher)
            used = 1000 * ticks(worker.pid) / TICK / len(catcher.mails)
        finally:
            worker.terminate()
            await worker.wait()
        count, twice = len(catcher.mails), len(catcher.mails) - len(set(catcher.ids))
    say(
        f"{count:,} of {MAILS:,} mails by one worker: {count / took:.0f}/s from the first to the "
        f"last, {used:.2f} ms of its CPU each, {twice} twice."
    )


async def _caught(catcher: Catcher) -> float:
    """Seconds from the first mail to the last, or until patience ends."""
    end = time.monotonic() + PATIENCE
    first = 0.0
    while len(catcher.mails) < MAILS and time.monotonic() < end:
        if catcher.mails and not first:
            first = time.monotonic()
        await asyncio.sleep(0.02)
    assert first, "no mail has come"
    return time.monotonic() - first
