"""How often one may ask: by token, by address, and far less often where something can be guessed.

Processes that share a PostgreSQL tell each other once a second what they counted: a limit is one
for all of them, and no request waits for the database to be counted.
"""

import asyncio
import ipaddress
import logging
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from limits import RateLimitItem
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.requests import HTTPConnection

from app.metrics import limited
from app.requests import BadRequest
from app.settings import Settings
from models.database import AWAY
from models.sessions import TallyKind, digest
from resolvers.tallies import add_up

PAUSE: Final = 1.0
"""Seconds between two exchanges with the other processes."""
MOST_KEPT: Final = 100_000
"""Subjects that are counted at once; one takes some 300 bytes."""
BY_ADDRESS: Final = 5
"""So many tokens may ask at full rate from one address."""
GUESSES: Final = frozenset({"signIn", "requestPasswordReset", "setPassword"})
"""Mutations that tell somebody who guesses whether they guessed right."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Count:
    until: float
    total: int = 0
    untold: int = 0
    """What the other processes have not been told yet."""


class Counts(Storage):
    """Counts by windows of the clock, which begin at the same instant in every process."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self._counts: dict[str, Count] = {}

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return ()

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        count = self._running(key, expiry)
        count.total += amount
        count.untold += amount
        return count.total

    async def get(self, key: str) -> int:
        count = self._counts.get(key)
        return count.total if count and count.until > self._now() else 0

    async def get_expiry(self, key: str) -> float:
        count = self._counts.get(key)
        return count.until if count else self._now()

    async def check(self) -> bool:
        return True

    async def reset(self) -> int:
        number = len(self._counts)
        self._counts.clear()
        return number

    async def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    async def exchange(self) -> None:
        untold = {
            digest(key): count
            for key, count in self._counts.items()
            if count.untold and count.until > self._now()
        }
        told = {key: count.untold for key, count in untold.items()}
        if not told:
            return
        totals = await add_up(
            TallyKind.RATE,
            {key: (count.untold, _instant(count.until)) for key, count in untold.items()},
        )
        for key, count in untold.items():
            count.untold -= told[key]
            count.total = totals[key] + count.untold

    def _running(self, key: str, expiry: float) -> Count:
        now = self._now()
        count = self._counts.get(key)
        if count is None or count.until <= now:
            if len(self._counts) >= MOST_KEPT:
                self._forget(now)
            count = Count(until=(math.floor(now / expiry) + 1) * expiry)
            self._counts[key] = count
        return count

    def _forget(self, now: float) -> None:
        """What has run out; and all, where that is not enough: it does not pay to fill this."""
        self._counts = {key: count for key, count in self._counts.items() if count.until > now}
        if len(self._counts) >= MOST_KEPT:
            self._counts.clear()

    def _now(self) -> float:
        return self._clock().timestamp()


class Rates:
    """The limits of a process, or of all that share its database. Raises BadRequest beyond them."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._counts = Counts(clock)
        self._clock = clock
        self._limiter = FixedWindowRateLimiter(self._counts)
        self._per_token = settings.rate
        self._per_address = _times(settings.rate, BY_ADDRESS)
        self._guesses = settings.guess_rate

    async def count_address(self, address: str) -> None:
        await self._count(self._per_address, "address", address)

    async def count_token(self, id: object) -> None:
        await self._count(self._per_token, "token", str(id))

    async def count_guesses(self, address: str, number: int) -> None:
        """Sign-ins, passwords and tokens that somebody at this address may be trying out."""
        if number:
            await self._count(self._guesses, "guesses", address, number)

    async def _count(
        self, limit: RateLimitItem | None, kind: str, subject: str, number: int = 1
    ) -> None:
        if limit is None or await self._limiter.hit(limit, kind, subject, cost=number):
            return
        limited.labels(kind).inc()
        until = (await self._limiter.get_window_stats(limit, kind, subject)).reset_time
        seconds = max(1, math.ceil(until - self._clock().timestamp()))
        raise BadRequest(
            429,
            "RATE_LIMITED",
            f"More than {limit} from this {WHOSE[kind]}: wait {seconds} s.",
            {"Retry-After": str(seconds)},
        )

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Exchanges counts with the other processes meanwhile."""
        task = asyncio.create_task(self._exchange())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def exchange(self) -> None:
        """Tell the other processes what was counted here, and hear what they counted."""
        await self._counts.exchange()

    async def _exchange(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await self.exchange()
            except AWAY:
                log.warning("Rates are counted here alone: the database does not answer.")


WHOSE: Final = {
    "token": "token",
    "address": "address",
    "guesses": "address, of what can be guessed",
}


def address(request: HTTPConnection) -> str:
    """Whoever asks, as far as the network tells: of IPv6 the network that a household has."""
    client = request.scope.get("client")
    return _subject(client[0]) if client else ""


@lru_cache(maxsize=1_000)
def _subject(host: str) -> str:
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(parsed, ipaddress.IPv4Address):
        return host
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))


def _times(limit: RateLimitItem | None, factor: int) -> RateLimitItem | None:
    return limit and type(limit)(limit.amount * factor, limit.multiples, limit.namespace)


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
