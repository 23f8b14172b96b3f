"""How much one process does at once, and how it says at once that it can do no more.

So many operations have a place; fewer are at work, the others wait for their turn. One begins in
each turn of the event loop: whoever is refused meanwhile waits for the first step of one operation,
not for those of all.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from uuid import UUID

from app import metrics
from app.requests import BadRequest
from app.settings import Settings

OF_A_CONNECTION: Final = 2
"""Operations at work for each connection to the database: one asks, one makes its answer."""
LARGE_BODIES: Final = 4
"""As many of the largest bodies are held at once, of all requests together."""
DOWNLOADS: Final = 4
"""Of one person at once: a download has its place for as long as its reader takes."""


class Places:
    """Of one process. Raises BadRequest where there is none left."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.max_operations
        self._longest = settings.max_operation_seconds
        self._taken = 0
        self._turns = asyncio.Semaphore(OF_A_CONNECTION * settings.max_connections)
        self._first = asyncio.Lock()
        self._most_held = LARGE_BODIES * settings.max_body_bytes
        self._held = 0
        self._downloads: Counter[UUID] = Counter()

    def must_be_free(self) -> None:
        """Before anything is read of a request that would only wait."""
        if self._taken >= self._most:
            raise _overloaded()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """One place, for an operation that waits or is at work."""
        self.must_be_free()
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """While one is at work, after those who came before; whether it had to be waited for."""
        waits = self._turns.locked()
        with metrics.counted(metrics.waiting):
            await self._turns.acquire()
        try:
            with metrics.counted(metrics.running):
                async with self._first:
                    await asyncio.sleep(0)
                yield waits
        finally:
            self._turns.release()

    @asynccontextmanager
    async def turn_in_time(self) -> AsyncIterator[bool]:
        """As `turn`, with the wait for it no longer than an operation may take."""
        limit = asyncio.timeout(self._longest)
        try:
            async with limit, self.turn() as waited:
                yield waited
        except TimeoutError:
            if not limit.expired():
                raise
            raise timed_out(self._longest) from None

    @contextmanager
    def baggage(self) -> Iterator[Callable[[int], None]]:
        """What is told the bytes of a large body, which are held until the end."""
        held = 0

        def hold(number: int) -> None:
            nonlocal held
            if self._held + number > self._most_held:
                raise _overloaded()
            held += number
            self._held += number

        try:
            yield hold
        finally:
            self._held -= held

    @contextmanager
    def download(self, user_id: UUID) -> Iterator[None]:
        """One of the few that a person may have under way."""
        if self._downloads[user_id] >= DOWNLOADS:
            raise BadRequest(
                429,
                "RATE_LIMITED",
                f"You have {DOWNLOADS} downloads under way: end one first.",
                {"Retry-After": "10"},
            )
        self._downloads[user_id] += 1
        try:
            yield
        finally:
            self._downloads[user_id] -= 1
            if not self._downloads[user_id]:
                del self._downloads[user_id]


def timed_out(seconds: float) -> BadRequest:
    return BadRequest(
        503,
        "OPERATION_TIMEOUT",
        f"This took longer than {seconds:g} s (CANOPY_MAX_OPERATION_SECONDS) and was ended. "
        "Ask for less at once; repeat a mutation with the same idempotencyKey.",
    )


def _overloaded() -> BadRequest:
    return BadRequest(
        503, "OVERLOADED", "Too much is asked just now: ask again.", {"Retry-After": "1"}
    )
