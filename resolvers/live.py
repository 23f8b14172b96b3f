"""What subscribers are told: read anew, each time, with the rights of that moment."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from tortoise.expressions import Q

from models.access import Caller, caller_again, visible
from models.base import beneath, within
from models.companies import Company
from models.errors import NotFound
from models.licenses import EXPIRING, License
from models.orders import Order
from resolvers.changes import Watch, committed
from resolvers.reading.reader import Reader
from resolvers.reading.summaries import COUNTED, Summary, license_summaries
from resolvers.reading.windows import Scope
from resolvers.work import Clock

T = TypeVar("T")

AT_ONCE: Final = 4
"""Reads for all subscribers of this process together; requests have the rest of the database."""
MARGIN: Final = timedelta(minutes=1)
"""How much later than others a transaction may commit whose clock was read before theirs."""
PAGE: Final = 500
"""Orders that are looked for at once."""
APART: Final = 1.0
"""Seconds between two values of the same counts, at least."""
FIRST: Final = UUID(int=0)


class SessionEnded(Exception):
    """Whoever subscribed is signed in no more."""


class Turns:
    """A few reads at once for all subscribers; equal ones that still wait are one. Each takes
    `longest` seconds at most."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._few = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[Hashable, asyncio.Future[Any]] = {}

    async def read(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        """What `load` finds, begun after this call: it is never older than the question.

        Raises TimeoutError.
        """
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = asyncio.ensure_future(self._take(key, load))
        found: T = await asyncio.shield(waiting)
        return found

    async def _take(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        async with self._few:
            del self._waiting[key]
            async with asyncio.timeout(self._longest):
                return await load()


@dataclass(frozen=True, slots=True)
class Subscriber:
    """For whom is read; after each read `reader` is whoever the caller is by then.

    After `every` seconds all is read again though nothing was heard: rights may be lost, and what
    another process did may not have been told.
    """

    reader: Reader
    clock: Clock
    turns: Turns
    every: float

    async def read(self, load: Callable[..., Awaitable[T]], *about: Hashable) -> T:
        """What `load(reader, *about)` finds. Raises SessionEnded."""
        caller = self.reader.asking

        async def anew() -> tuple[Caller, datetime, T]:
            now = self.clock()
            again = await caller_again(caller, now)
            if again is None:
                raise SessionEnded
            return again, now, await load(Reader(again, now), *about)

        again, now, found = await self.turns.read((load, caller, about), anew)
        self.reader.renew(again, now)
        return found


async def order_changes(
    subscriber: Subscriber, company_id: UUID | None
) -> AsyncGenerator[Order, None]:
    """Each order of the company or beneath it, once it was requested or changed.

    Raises NotFound when the company is out of sight, and SessionEnded.
    """
    company_id = company_id or subscriber.reader.asking.company_id
    with committed.watch() as watch:
        orders = _Orders(subscriber, company_id, watch)
        heard = orders.since_subscribing()
        while True:
            async for order_id in heard:
                order = await orders.read(order_id)
                if order is not None:
                    yield order
            heard = orders.heard()


class _Orders:
    """Which orders of a company, and beneath it, are to be told of next."""

    def __init__(self, subscriber: Subscriber, company_id: UUID, watch: Watch) -> None:
        self._subscriber = subscriber
        self._company_id = company_id
        self._watch = watch
        self._asked_at = subscriber.reader.now
        self._since = self._asked_at - MARGIN
        self._told: dict[UUID, datetime] = {}
        self._looked_at = 0.0

    async def since_subscribing(self) -> AsyncIterator[UUID]:
        """The first look: news is only what changed after the subscription was asked for."""
        async for id in self.missed():
            if self._told[id] > self._asked_at:
                yield id

    async def heard(self) -> AsyncIterator[UUID]:
        """Waits for the next; those that were named, or all that changed if some may be missed."""
        every = self._subscriber.every
        await self._watch.wait(self._looked_at + every - _now())
        ids, has_missed = self._watch.take()
        for id in sorted(ids):
            yield id
        if has_missed or _now() >= self._looked_at + every:
            async for id in self.missed():
                yield id

    async def missed(self) -> AsyncIterator[UUID]:
        """All that changed since the last look, and was not told as it is now."""
        begun, since = self._subscriber.clock(), (self._since, FIRST)
        while page := await self._page(*since):
            for id, at in page:
                if self._told.get(id) != at:
                    self._told[id] = at
                    yield id
            since = page[-1][1], page[-1][0]
        self._since = begun - MARGIN
        self._told = {id: at for id, at in self._told.items() if at >= self._since}
        self._looked_at = _now()

    async def read(self, order_id: UUID) -> Order | None:
        """The order as it is now; None where it is out of sight, or of another company."""
        self._watch.forget(order_id)
        path, order = await self._subscriber.read(_order, self._company_id, order_id)
        self._follow(path)
        if order is not None:
            self._told[order.id] = order.updated_at
        return order

    async def _page(self, since: datetime, after: UUID) -> list[tuple[UUID, datetime]]:
        path, page = await self._subscriber.read(_changed, self._company_id, since, after)
        self._follow(path)
        return page

    def _follow(self, path: str) -> None:
        """The company may have moved, and what happened there meanwhile was not heard."""
        if self._watch.path not in (path, ""):
            self._watch.miss()
        self._watch.path = path


async def summary_changes(
    subscriber: Subscriber, company_id: UUID, scope: Scope, want: frozenset[str]
) -> AsyncGenerator[Summary, None]:
    """The counts at once, and again when any of those wanted differs, by the clock too; or may have
    differed since: what else was read meanwhile may be from then.

    Raises NotFound when the company is out of sight, and SessionEnded.
    """
    told, known = None, 0
    with committed.watch(alone=scope is Scope.OWN) as watch:
        while True:
            watch.take()
            heard = watch.heard
            path, summary, ends = await subscriber.read(_summary, company_id, scope, want)
            watch.path = path
            if summary != told or heard - known > 1:  # one change alone does not lead back
                told, known = summary, heard
                yield summary
            await asyncio.sleep(APART)
            await watch.wait(_until(ends, subscriber))


def _until(ends: datetime | None, subscriber: Subscriber) -> float:
    """Seconds until the clock alone changes the counts, or until all is read anyway."""
    if ends is None:
        return subscriber.every
    return min(subscriber.every, max(0.0, (ends - subscriber.clock()).total_seconds()))


async def _order(reader: Reader, company_id: UUID, order_id: UUID) -> tuple[str, Order | None]:
    company = await _company(reader, company_id)
    orders = visible(Order, reader.caller).filter(within(company.path))
    return company.path, await orders.get_or_none(id=order_id)


async def _changed(
    reader: Reader, company_id: UUID, since: datetime, after: UUID
) -> tuple[str, list[tuple[UUID, datetime]]]:
    """A page of what changed, by the time of the change."""
    company = await _company(reader, company_id)
    orders = visible(Order, reader.caller).filter(within(company.path))
    later = orders.filter(Q(updated_at__gt=since) | Q(updated_at=since, id__gt=after))
    page: Any = (
        later.filter(updated_at__gte=since)
        .order_by("updated_at", "id")
        .limit(PAGE)
        .values_list("id", "updated_at")
    )
    return company.path, list(await page)


async def _summary(
    reader: Reader, company_id: UUID, scope: Scope, want: frozenset[str]
) -> tuple[str, Summary, datetime | None]:
    """The counts, and when the clock changes them next."""
    company = await _company(reader, company_id)
    found = await license_summaries(reader, [company], scope=scope, want=want)
    changes_by_itself = not want.isdisjoint(COUNTED)
    ends = await _next_by_the_clock(reader, company, scope) if changes_by_itself else None
    return company.path, found[company], ends


async def _next_by_the_clock(reader: Reader, company: Company, scope: Scope) -> datetime | None:
    """When the next license expires, or comes to be expiring."""
    theirs = {
        Scope.OWN: Q(company_id=company.id),
        Scope.BELOW: beneath(company.path),
        Scope.SUBTREE: within(company.path),
    }[scope]
    licenses = visible(License, reader.caller).filter(theirs, voided_at__isnull=True)
    instants: list[datetime] = []
    for ahead in (timedelta(0), EXPIRING):
        ending = licenses.filter(expires_at__gt=reader.now + ahead).order_by("expires_at").limit(1)
        found: Any = await ending.values_list("expires_at", flat=True)
        instants += [at - ahead for at in found]
    return min(instants, default=None)


async def _company(reader: Reader, company_id: UUID) -> Company:
    company = await visible(Company, reader.caller).get_or_none(id=company_id)
    if company is None:
        raise NotFound("company", ("company_id",))
    return company


def _now() -> float:
    return asyncio.get_running_loop().time()
