"""How much one process does at once, and how it says at once that it can do no more.

So many operations have a place; fewer are at work, the others wait for their turn. One begins in
each turn of the event loop: whoever is refused meanwhile waits for the first step of one operation,
not for those of all.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Self
from uuid import UUID

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app import metrics
from app.requests import BadRequest
from app.settings import Settings

OF_A_CONNECTION: Final = 2
"""Operations at work for each connection to the database: one asks, one makes its answer."""
LARGE_BODIES: Final = 4
"""As many of the largest bodies are held at once, of all requests together."""
LONG: Final = 1.0
"""Seconds after which somebody looks whether the client is still there."""
DOWNLOADS: Final = 4
"""Of one person at once: a download has its place for as long as its reader takes."""


class Limit:
    """Ends what takes too long. Raises what `late` makes of the seconds that were given."""

    def __init__(self, seconds: float, late: Callable[[float], Exception]) -> None:
        self._seconds = seconds
        self._late = late
        self._timeout = asyncio.timeout(seconds)

    def begin_anew(self, late: Callable[[float], BadRequest]) -> None:
        """As many seconds from now on, for something else."""
        self._late = late
        until = asyncio.get_running_loop().time() + self._seconds
        if until != self._timeout.when():
            self._timeout.reschedule(until)

    def end(self, why: Exception) -> None:
        """At once, unless it is too late for that."""
        if not self._timeout.expired():
            self._late = lambda _: why
            self._timeout.reschedule(asyncio.get_running_loop().time())

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        try:
            await self._timeout.__aexit__(*raised)
        except TimeoutError:  # of this limit: others pass by
            raise self._late(self._seconds) from None


class Presence:
    """Ends what is read for a client who has left. Raises ClientDisconnect where `limit` ends.

    To look whether somebody is there costs something, so that only what takes long is looked at.
    """

    def __init__(self, receive: Receive, limit: Limit) -> None:
        self._receive = receive
        self._limit = limit
        self._looking: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LONG, self._look)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()

    def _look(self) -> None:
        self._looking = asyncio.ensure_future(self._until_left())

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._limit.end(ClientDisconnect())


class Place:
    """Of one request, which gives back in the end what it took."""

    def __init__(self, places: "Places") -> None:
        self._places = places
        self._taken = 0
        self._held = 0

    def hold(self, number: int) -> None:
        """So many bytes more of a large body."""
        if self._places.held + number > self._places.most_held:
            raise _overloaded()
        self._places.held += number
        self._held += number

    def take(self) -> None:
        """For an operation that waits or is at work."""
        self._places.must_be_free()
        self._places.taken += 1
        self._taken += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._places.taken -= self._taken
        self._places.held -= self._held


class Turn:
    """While one is at work, after those who came before; whether it had to be waited for."""

    def __init__(self, places: "Places") -> None:
        self._places = places

    async def __aenter__(self) -> bool:
        turns = self._places.turns
        waits = turns.locked()
        if waits:
            with metrics.counted(metrics.waiting):
                await turns.acquire()
        else:
            await turns.acquire()
        metrics.running.inc()
        try:
            await self._places.begin()
        except BaseException:
            self._end()
            raise
        return waits

    async def __aexit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        metrics.running.dec()
        self._places.turns.release()


class Places:
    """Of one process. Raises BadRequest where there is none left."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.max_operations
        self._longest = settings.max_operation_seconds
        self.taken = 0
        self.turns = asyncio.Semaphore(OF_A_CONNECTION * settings.max_connections)
        self._beginners: deque[asyncio.Future[None]] = deque()
        self._has_begun = False
        """In this turn of the event loop, by somebody."""
        self.most_held = LARGE_BODIES * settings.max_body_bytes
        self.held = 0
        self._downloads: Counter[UUID] = Counter()

    def must_be_free(self) -> None:
        """Before anything is read of a request that would only wait."""
        if self.taken >= self._most:
            raise _overloaded()

    def place(self) -> Place:
        """As yet without anything taken."""
        return Place(self)

    def turn(self) -> Turn:
        return Turn(self)

    @asynccontextmanager
    async def turn_in_time(self) -> AsyncIterator[bool]:
        """As `turn`, with the wait for it no longer than an operation may take."""
        async with Limit(self._longest, timed_out), self.turn() as waited:
            yield waited

    async def begin(self) -> None:
        """At once, or in the first turn of the event loop that is nobody's who came before."""
        loop = asyncio.get_running_loop()
        if self._has_begun:
            self._beginners.append(turn := loop.create_future())
            await turn
        else:
            self._has_begun = True
            loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        """Of whoever waits for it, and has not left."""
        while self._beginners:
            turn = self._beginners.popleft()
            if not turn.done():
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._next_turn)
                return
        self._has_begun = False

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
