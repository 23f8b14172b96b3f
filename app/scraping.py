"""The page /metrics, and what is only looked up for it."""

import asyncio
import hmac
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from tortoise.connection import get_connection

from app.auth import sent_token
from app.metrics import IS_SHARED, MAIL, WEBHOOK, pool_most, pool_size, pool_used, registry
from app.rates import Rates, address
from app.requests import BadRequest
from app.settings import Settings
from mail import webhooks, worker
from mail.leases import Backlog, Leases
from models.database import AWAY, look
from models.postgres import Client
from resolvers.work import Clock

PATIENCE: Final = 5.0
"""Seconds for the database to tell of the outbox."""
EVERY: Final = 2.0
"""Seconds between two looks at the pool, where another process tells of it."""
OUTBOX: Final[Mapping[str, Leases[Any]]] = {MAIL: worker.LEASES, WEBHOOK: webhooks.LEASES}
FRESH: Final = {"Cache-Control": "no-store"}


@asynccontextmanager
async def kept_fresh() -> AsyncIterator[None]:
    """What another process may tell of this one is written down meanwhile."""
    if not IS_SHARED:
        yield
        return
    _forget_the_dead()
    task = asyncio.create_task(_keep_looking())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Metrics:
    """The page /metrics: open in development, for who has the token elsewhere."""

    def __init__(self, settings: Settings, clock: Clock, rates: Rates) -> None:
        self._settings = settings
        self._clock = clock
        self._rates = rates

    async def page(self, request: Request) -> Response:
        if not await self._may_read(request):
            return Response("Not Found", 404, media_type="text/plain")
        _look_at_pool()
        text = generate_latest(_all()) + generate_latest(await self._of_outbox())
        return Response(text, 200, FRESH, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    async def _may_read(self, request: Request) -> bool:
        """Compared in constant time; what is wrong counts as a guess from that address."""
        token = self._settings.metrics_token
        if not token:
            return not self._settings.is_production
        sent = sent_token(request) or ""
        if hmac.compare_digest(sent.encode(), token.encode()):
            return True
        with suppress(BadRequest):
            await self._rates.count_guesses(address(request), 1)
        return False

    async def _of_outbox(self) -> CollectorRegistry:
        found, now = CollectorRegistry(), self._clock()
        try:
            async with asyncio.timeout(PATIENCE):
                await look()
                backlogs = {what: await leases.backlog(now) for what, leases in OUTBOX.items()}
        except AWAY:
            backlogs = {}
        found.register(Outbox(backlogs))
        return found


@dataclass(frozen=True, eq=False)
class Outbox(Collector):
    """Of all processes, for it is in the database. Empty where that does not answer."""

    backlogs: Mapping[str, Backlog]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        is_up = GaugeMetricFamily("canopy_database_up", "Whether the database answers.")
        is_up.add_metric([], bool(self.backlogs))
        queued = _by_what("canopy_outbox_queued", "What is still to leave.")
        retried = _by_what("canopy_outbox_retried", "What of it was tried in vain.")
        due = _by_what("canopy_outbox_due", "What of it is due.")
        age = _by_what("canopy_outbox_oldest_due_seconds", "For how long the oldest has been due.")
        for what, backlog in self.backlogs.items():
            queued.add_metric([what], backlog.queued)
            retried.add_metric([what], backlog.retried)
            due.add_metric([what], backlog.due)
            age.add_metric([what], backlog.age.total_seconds())
        return is_up, queued, retried, due, age


def _by_what(name: str, words: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, labels=["what"])


def _all() -> CollectorRegistry:
    if not IS_SHARED:
        return registry
    everywhere = CollectorRegistry()
    MultiProcessCollector(everywhere)  # type: ignore[no-untyped-call]
    return everywhere


def _look_at_pool() -> None:
    connection = get_connection("default")
    if isinstance(connection, Client) and (use := connection.pool_use()):
        for gauge, number in zip((pool_size, pool_used, pool_most), use, strict=True):
            gauge.set(number)


async def _keep_looking() -> None:
    while True:
        _look_at_pool()
        await asyncio.sleep(EVERY)


def _forget_the_dead() -> None:
    """What a process that is gone had open is open no more."""
    folder = Path(MultiProcessCollector(None)._path)  # type: ignore[no-untyped-call]
    for pid in {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*.db")}:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]
