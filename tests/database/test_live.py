"""What subscribers are told, as operations commit, rights change and the clock goes on."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from typing import Any, Generic, TypeVar

import pytest
import pytest_asyncio
from tortoise.connection import get_connection

from models.access import Caller
from models.companies import Company
from models.errors import NotFound
from models.licenses import License, LicenseType
from models.orders import Order, OrderOrigin, OrderStatus
from models.postgres import Client
from models.users import User, UserRole
from resolvers.changes import CHANNEL, Change, committed
from resolvers.companies import archive_company, move_company
from resolvers.licenses import Learners, Wanted, allocate_licenses, release_licenses
from resolvers.live import SessionEnded, Subscriber, Turns, order_changes, summary_changes
from resolvers.orders import (
    assign_order,
    cancel_order,
    decline_order,
    request_licenses,
    return_order,
    update_order,
)
from resolvers.performing import previewing
from resolvers.reading.reader import Reader
from resolvers.reading.windows import Scope
from resolvers.sessions import sign_out
from tests.conftest import Clock
from tests.factories import Make
from tests.scene import Do, Scene
from tests.snapshots import refused
from tests.statements import statements

PREMIUM = LicenseType.PREMIUM
NEVER, SOON = 3600.0, 0.05
COUNTS = frozenset({"total", "available", "allocated", "expiring", "expired", "requested"})
T = TypeVar("T")


class Stream(Generic[T]):
    """Listens from the moment it is made."""

    def __init__(self, stream: AsyncGenerator[T, None]) -> None:
        self._stream = stream
        self._next = asyncio.ensure_future(anext(stream))

    async def next(self) -> T:
        async with asyncio.timeout(20):
            value = await self._next
        self._next = asyncio.ensure_future(anext(self._stream))
        return value

    async def end(self) -> None:
        self._next.cancel()
        await asyncio.wait([self._next])
        await self._stream.aclose()


class Ears:
    """Subscribes people, and sees to it that all of it ends."""

    def __init__(self, do: Do, clock: Clock) -> None:
        self._do = do
        self._clock = clock
        self._turns = Turns(longest=60)
        self._streams: list[Stream[Any]] = []

    async def orders(
        self, who: User | Caller, company: Company | None = None, every: float = NEVER
    ) -> Stream[Order]:
        subscriber = await self._subscriber(who, every)
        return await self._listen(order_changes(subscriber, company.id if company else None))

    async def counts(
        self, who: User | Caller, company: Company, scope: Scope = Scope.OWN, every: float = NEVER
    ) -> Stream[Any]:
        subscriber = await self._subscriber(who, every)
        return await self._listen(summary_changes(subscriber, company.id, scope, COUNTS))

    async def _subscriber(self, who: User | Caller, every: float) -> Subscriber:
        caller = await self._do.sign_in(who) if isinstance(who, User) else who
        return Subscriber(Reader(caller, self._clock()), self._clock, self._turns, every)

    async def _listen(self, stream: AsyncGenerator[T, None]) -> Stream[T]:
        listening = Stream(stream)
        self._streams.append(listening)
        await asyncio.sleep(0)  # it begins, and from then on it hears
        return listening

    async def close(self) -> None:
        for stream in self._streams:
            await stream.end()


@pytest_asyncio.fixture
async def ears(do: Do, clock: Clock) -> AsyncIterator[Ears]:
    ears = Ears(do, clock)
    yield ears
    await ears.close()
    assert committed._watches == set()


# ── Orders ───────────────────────────────────────────────────────────────────────────────────────


async def test_every_change_of_an_order_is_told_above_and_in_its_company(
    scene: Scene, do: Do, ears: Ears, clock: Clock
) -> None:
    streams = [await ears.orders(user) for user in (scene.vic, scene.pam, scene.cora)]
    told: list[list[Any]] = []

    async def hear() -> None:
        told.append([await stream.next() for stream in streams])
        clock.move(minutes=5)

    first = (await do(scene.cora, request_licenses, None, PREMIUM, 5)).order_id
    await hear()
    await do(scene.cora, update_order, first, {"quantity": 4})
    await hear()
    await do(scene.pam, assign_order, first, 3)
    await hear()
    await do(scene.cora, cancel_order, first)
    await hear()
    await do(scene.pam, return_order, first, "Too many.")
    await hear()
    second = (await do(scene.cora, request_licenses, None, PREMIUM, 6)).order_id
    await hear()
    await do(scene.pam, decline_order, second, "No.")
    await hear()

    said = [[(order.id, order.status, order.quantity) for order in orders] for orders in told]
    assert said == [
        [(first, OrderStatus.REQUESTED, 5)] * 3,
        [(first, OrderStatus.REQUESTED, 4)] * 3,
        [(first, OrderStatus.PARTIALLY_ASSIGNED, 4)] * 3,
        [(first, OrderStatus.ASSIGNED, 3)] * 3,
        [(first, OrderStatus.RETURNED, 3)] * 3,
        [(second, OrderStatus.REQUESTED, 6)] * 3,
        [(second, OrderStatus.DECLINED, 6)] * 3,
    ]


async def test_an_upgrade_ends_the_trial_and_tells_of_both_orders(
    scene: Scene, make: Make, do: Do, ears: Ears
) -> None:
    trial = await make.order(scene.customer, 2, LicenseType.TRIAL)
    await make.licenses(scene.customer, 2, LicenseType.TRIAL, order=trial)
    upgrade = await make.order(scene.customer, 2, origin=OrderOrigin.TRIAL_UPGRADE)
    stream = await ears.orders(scene.pam)

    await do(scene.pam, assign_order, upgrade.id)

    told = [(await stream.next()) for _ in range(2)]
    assert {order.id: order.expires_at == make.now for order in told} == {
        trial.id: True,
        upgrade.id: False,
    }


async def test_orders_of_others_are_never_told(
    scene: Scene, make: Make, do: Do, ears: Ears
) -> None:
    sibling = await make.company(scene.partner)
    above, beneath = await ears.orders(scene.pam, scene.customer), await ears.orders(scene.cora)
    await do(scene.pam, request_licenses, sibling.id, PREMIUM, 1)
    await do(scene.vic, request_licenses, scene.partner.id, PREMIUM, 2)

    await do(scene.cora, request_licenses, None, PREMIUM, 3)

    assert [(await stream.next()).quantity for stream in (above, beneath)] == [3, 3]


async def test_what_was_refused_previewed_or_repeated_is_not_told(
    scene: Scene, do: Do, ears: Ears
) -> None:
    first = await do(scene.cora, request_licenses, None, PREMIUM, 1, key="once")
    stream = await ears.orders(scene.pam)
    await refused(do(scene.cora, request_licenses, None, PREMIUM, 0))
    async with previewing():
        await do.done(scene.pam, assign_order, first.order_id, preview=True)
    await do(scene.cora, request_licenses, None, PREMIUM, 1, key="once")

    await do(scene.cora, request_licenses, None, PREMIUM, 3)

    assert (await stream.next()).quantity == 3


@pytest.mark.parametrize("every", [NEVER, SOON])
async def test_what_was_missed_is_told_once(
    scene: Scene, make: Make, do: Do, ears: Ears, clock: Clock, every: float
) -> None:
    """Committed by a process that could not tell of it; after a while, or when it may be so."""
    await make.order(scene.customer, 1)
    stream = await ears.orders(scene.pam, every=every)
    await do(scene.cora, request_licenses, None, PREMIUM, 2)
    assert (await stream.next()).quantity == 2
    clock.move(seconds=1)
    late = await make.order(scene.customer, 3, updated_at=clock() - timedelta(seconds=50))
    new = await make.order(scene.customer, 4)

    for _ in range(2 if every == NEVER else 0):
        committed.miss()

    told = {(await stream.next()).id for _ in range(2)}
    assert told == {late.id, new.id}  # a look may begin between the two
    committed.miss()
    await do(scene.cora, request_licenses, None, PREMIUM, 5)
    assert (await stream.next()).quantity == 5


async def test_a_company_that_moves_is_followed(
    scene: Scene, make: Make, do: Do, ears: Ears
) -> None:
    other = await make.partner(scene.vendor)
    stream = await ears.orders(scene.vic, scene.customer)
    await do(scene.vic, move_company, scene.customer.id, other.id)

    order = (await do(scene.cora, request_licenses, None, PREMIUM, 1)).order_id

    assert (await stream.next()).id == order


# ── Counts ───────────────────────────────────────────────────────────────────────────────────────


async def test_counts_come_at_once_and_when_they_change(
    scene: Scene, make: Make, do: Do, ears: Ears
) -> None:
    await make.licenses(scene.customer, 2)
    own = await ears.counts(scene.cora, scene.customer)
    below = await ears.counts(scene.vic, scene.vendor, Scope.BELOW)
    first = [(await stream.next()).available for stream in (own, below)]

    await do(scene.cora, request_licenses, None, PREMIUM, 3)
    second = [(await stream.next()).requested for stream in (own, below)]
    learners = Learners([scene.carl.id])
    await do(scene.cora, allocate_licenses, None, learners, Wanted())
    third = [(await stream.next()).allocated for stream in (own, below)]

    assert (first, second, third) == ([2, 2], [3, 3], [1, 1])


async def test_counts_that_are_equal_are_not_told_again(
    scene: Scene, make: Make, do: Do, ears: Ears
) -> None:
    """Nor is each of those that come within a second."""
    stream = await ears.counts(scene.pam, scene.customer)
    wide = await ears.counts(scene.pam, scene.partner, Scope.SUBTREE)
    await stream.next()
    await wide.next()
    committed.miss()
    await do(scene.pam, request_licenses, scene.partner.id, PREMIUM, 1)
    assert (await wide.next()).requested == 1  # by now the other has been read again

    for quantity in (3, 4, 5):
        await do(scene.cora, request_licenses, None, PREMIUM, quantity)

    assert (await stream.next()).requested == 12


async def test_counts_that_are_as_before_are_told_when_they_were_others_meanwhile(
    scene: Scene, make: Make, do: Do, ears: Ears
) -> None:
    """Who read a list between the two changes knows then that it is otherwise."""
    await make.licenses(scene.customer, 1)
    stream = await ears.counts(scene.pam, scene.customer)
    first = await stream.next()

    learners = Learners([scene.carl.id])
    allocated = await do(scene.cora, allocate_licenses, None, learners, Wanted())
    await do(scene.cora, release_licenses, allocated.licenses)

    while await stream.next() != first:
        pass  # a slow machine may be told of what was between
    await do(scene.cora, request_licenses, None, PREMIUM, 3)
    assert (await stream.next()).requested == 3


async def test_a_change_while_counts_are_first_read_is_heard(scene: Scene, do: Do) -> None:
    """Though until then it is not known where in the tree the company is."""
    with committed.watch(alone=True) as watch:
        order = (await do(scene.cora, request_licenses, None, PREMIUM, 3)).order_id
        async with asyncio.timeout(20):
            await watch.wait(NEVER)

        assert watch.heard == 1
        assert watch.take() == ({order}, False)


async def test_counts_change_by_the_clock(
    scene: Scene, make: Make, ears: Ears, clock: Clock
) -> None:
    """They are read when the next license expires, or comes to be expiring."""
    [expiring, _] = await make.licenses(scene.customer, 2)
    assert expiring.expires_at is not None
    clock.now = expiring.expires_at - timedelta(days=30, milliseconds=200)
    stream = await ears.counts(scene.pam, scene.customer)
    first = await stream.next()
    clock.move(milliseconds=200)
    second = await stream.next()
    await License.filter(id=expiring.id).update(expires_at=clock() + timedelta(milliseconds=200))
    committed.miss()
    clock.move(milliseconds=300)
    third = await stream.next()

    counts = [(each.expiring, each.expired) for each in (first, second, third)]
    assert counts == [(0, 0), (2, 0), (1, 1)]


async def test_a_move_changes_the_counts_of_both_places(
    scene: Scene, make: Make, do: Do, ears: Ears
) -> None:
    await make.licenses(scene.customer, 2)
    other = await make.partner(scene.vendor)
    old = await ears.counts(scene.vic, scene.partner, Scope.SUBTREE)
    new = await ears.counts(scene.vic, other, Scope.SUBTREE)
    before = [(await stream.next()).total for stream in (old, new)]

    await do(scene.vic, move_company, scene.customer.id, other.id)

    assert (before, [(await stream.next()).total for stream in (old, new)]) == ([2, 0], [0, 2])


# ── Rights ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("every", [NEVER, SOON])
async def test_whoever_lost_the_session_is_told_nothing_more(
    scene: Scene, do: Do, ears: Ears, every: float
) -> None:
    """With the next event, or after a while without one."""
    inside = await do.managing(scene.paul, scene.customer)
    streams: list[Stream[Any]] = [
        await ears.orders(scene.cora, every=every),
        await ears.orders(inside, every=every),
        await ears.counts(scene.carl, scene.customer, every=every),
    ]
    await streams[2].next()
    await do(scene.paul, sign_out)
    await do(scene.pam, archive_company, scene.customer.id)
    if every == NEVER:
        committed.tell([Change(scene.customer.path, None)])

    for stream in streams:
        with pytest.raises(SessionEnded):
            await stream.next()


async def test_a_company_that_is_out_of_reach_is_not_found_any_more(
    scene: Scene, make: Make, do: Do, ears: Ears
) -> None:
    other = await make.partner(scene.vendor)
    orders = await ears.orders(scene.pam, scene.customer)
    counts = await ears.counts(scene.pam, scene.customer)
    await counts.next()

    await do(scene.vic, move_company, scene.customer.id, other.id)
    await do(scene.cora, request_licenses, None, PREMIUM, 1)

    for stream in (orders, counts):
        with pytest.raises(NotFound):
            await stream.next()


async def test_one_who_becomes_a_learner_sees_no_orders(scene: Scene, do: Do, ears: Ears) -> None:
    stream = await ears.orders(scene.carl)
    colleague = await ears.orders(scene.cora)
    await User.filter(id=scene.carl.id).update(role=UserRole.LEARNER)
    await do(scene.cora, request_licenses, None, PREMIUM, 1)
    await colleague.next()
    await User.filter(id=scene.carl.id).update(role=UserRole.MANAGER)

    await do(scene.cora, request_licenses, None, PREMIUM, 2)

    assert (await stream.next()).quantity == 2


# ── Many ─────────────────────────────────────────────────────────────────────────────────────────


async def test_one_event_is_read_once_for_all_who_ask_alike(
    scene: Scene, do: Do, ears: Ears
) -> None:
    few = [await ears.orders(scene.pam)]

    async def sent(streams: list[Stream[Order]]) -> int:
        with statements() as kept:
            await do(scene.cora, request_licenses, None, PREMIUM, 1)
            for stream in streams:
                await stream.next()
        return len(kept)

    await sent(few)  # and the first look
    alone = await sent(few)
    many = [await ears.orders(scene.pam) for _ in range(100)]
    await sent(few + many)

    assert await sent(few + many) == alone


async def test_other_processes_are_told_when_it_commits(
    scene: Scene, do: Do, database: str
) -> None:
    connection = get_connection("default")
    if not isinstance(connection, Client):
        return  # SQLite has no way to
    heard: asyncio.Queue[str] = asyncio.Queue()
    aside = await connection.connect_aside()
    try:
        await aside.add_listener(CHANNEL, lambda *told: heard.put_nowait(told[-1]))
        await refused(do(scene.cora, request_licenses, None, PREMIUM, 0))
        async with previewing():
            await do.done(scene.cora, request_licenses, None, PREMIUM, 2, preview=True)
        order = (await do(scene.cora, request_licenses, None, PREMIUM, 3)).order_id
        async with asyncio.timeout(20):
            told = await heard.get()
        assert heard.empty()
        assert f'"path":"{scene.customer.path}","orders":["{order}"]' in told
    finally:
        await aside.close()
