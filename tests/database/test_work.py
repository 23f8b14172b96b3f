"""One operation, one transaction: all of it or nothing, once, whatever happens meanwhile."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from app.database import connected, is_sqlite
from models.audit import AuditEvent, IdempotencyKey
from models.companies import Company
from models.errors import Busy, IdempotencyKeyReused, InvalidInput, Refusal, Unauthenticated
from models.licenses import License, LicenseType
from models.orders import Order, OrderOrigin
from models.outbox import Notification
from models.sessions import Tally
from models.users import User
from resolvers.licenses import Learners, Wanted, allocate_licenses
from resolvers.orders import (
    assign_order,
    cancel_order,
    decline_order,
    request_licenses,
    return_order,
    update_order,
    upgrade_trial,
)
from resolvers.people import Person
from resolvers.performing import ATTEMPTS, LONGEST_KEY, perform, previewing
from resolvers.users import add_users, remove_manager, remove_users
from resolvers.work import Work
from tests.conftest import Clock
from tests.databases import file_of
from tests.factories import Make
from tests.invariants import breaches
from tests.scene import Do, How, Scene
from tests.snapshots import mails, refused, snapshot
from tests.stepping import Cut, cut_short, is_idle, settled

PREMIUM = LicenseType.PREMIUM


# ── Idempotency ──────────────────────────────────────────────────────────────────────────────────


async def test_the_same_key_again_gives_the_first_result_and_does_nothing_twice(
    scene: Scene, do: Do, clock: Clock
) -> None:
    asked = (request_licenses, None, PREMIUM, 25, "PO-7", None)
    first = await do.done(scene.cora, *asked, key="once")
    before = await snapshot()
    clock.move(hours=24, microseconds=-1)

    again = await do.done(scene.cora, *asked, key="once")

    assert (again.result, again.notices) == (first.result, first.notices)
    assert again.at == clock.now
    assert len(first.notices) == 1
    assert await snapshot() == before


async def test_after_24_hours_a_key_is_a_new_one(scene: Scene, do: Do, clock: Clock) -> None:
    asked = (request_licenses, None, PREMIUM, 25, "PO-7", None)
    first = await do(scene.cora, *asked, key="once")
    clock.move(hours=24)

    second = await do(scene.cora, *asked, key="once")

    assert first.order_id != second.order_id
    assert await Order.all().count() == await Notification.all().count() == 2
    assert (await IdempotencyKey.get()).created_at == clock.now
    clock.move(hours=1)
    assert await do(scene.cora, *asked, key="once") == second


async def test_a_key_is_not_used_for_anything_else(scene: Scene, do: Do, make: Make) -> None:
    first = await do(scene.pam, request_licenses, scene.customer.id, PREMIUM, 25, key="once")
    inside = await do.managing(scene.pam, scene.customer)

    others: list[tuple[Any, ...]] = [
        (scene.pam, request_licenses, scene.customer.id, PREMIUM, 26),
        (scene.pam, request_licenses, scene.customer.id, PREMIUM, 25, "PO-7"),
        (scene.pam, upgrade_trial, scene.customer.id, PREMIUM, 25),
        (scene.pam, assign_order, first.order_id),
        (inside, request_licenses, scene.customer.id, PREMIUM, 25),
    ]
    for other in others:
        assert await refused(do(*other, key="once")) == [
            ("IDEMPOTENCY_KEY_REUSED", ("idempotency_key",))
        ]


async def test_another_persons_same_key_is_another_key(scene: Scene, do: Do) -> None:
    asked = (request_licenses, None, PREMIUM, 25)

    first = await do(scene.cora, *asked, key="once")
    second = await do(scene.carl, *asked, key="once")

    assert first.order_id != second.order_id
    assert await IdempotencyKey.all().count() == 2


async def test_a_refused_call_keeps_no_key(scene: Scene, do: Do, make: Make) -> None:
    order = await make.order(scene.customer, 5)

    assert await refused(do(scene.pam, assign_order, order.id, 6, key="once")) == [
        ("INVALID_INPUT", ("quantity",))
    ]
    await do(scene.pam, assign_order, order.id, 5, key="once")

    assert await License.all().count() == 5


async def test_a_call_without_a_key_keeps_none(scene: Scene, do: Do) -> None:
    await do(scene.cora, request_licenses, None, PREMIUM, 25)

    assert await IdempotencyKey.all().count() == 0


@pytest.mark.parametrize("key", ["", "7" * (LONGEST_KEY + 1), "a\x00b", "\ud800", "a\nb"])
async def test_a_key_is_short_and_printable(scene: Scene, do: Do, key: str) -> None:
    assert await refused(do(scene.cora, request_licenses, None, PREMIUM, 5, key=key)) == [
        ("INVALID_INPUT", ("idempotency_key",))
    ]


@pytest.mark.parametrize("key", ["7", "é" * LONGEST_KEY, "a key; with 'quotes\" and %"])
async def test_a_key_may_be_anything_else(scene: Scene, do: Do, key: str) -> None:
    first = await do(scene.cora, request_licenses, None, PREMIUM, 5, key=key)

    assert await do(scene.cora, request_licenses, None, PREMIUM, 5, key=key) == first


async def test_each_operation_that_takes_a_key_is_told_again_as_it_was(
    scene: Scene, do: Do, make: Make
) -> None:
    open_, other, third = [await make.order(scene.customer, 5) for _ in range(3)]
    await make.licenses(scene.customer, 2, LicenseType.TRIAL)
    [ann] = await make.learners(scene.customer, 1)
    calls: list[tuple[Any, ...]] = [
        (scene.cora, request_licenses, None, PREMIUM, 5),
        (scene.cora, upgrade_trial, None, PREMIUM, 5),
        (scene.pam, assign_order, open_.id, 2),
        (scene.pam, decline_order, other.id, "why"),
        (scene.cora, cancel_order, open_.id),
        (scene.pam, assign_order, third.id),
        (scene.vic, return_order, third.id, "why"),
        (scene.cora, allocate_licenses, None, Learners(user_ids=[ann.id]), Wanted()),
        (scene.cora, add_users, None, [Person("new@example.com")], Wanted()),
    ]
    first = [await do.done(*call, key=f"{place}") for place, call in enumerate(calls)]
    before = await snapshot()

    again = [await do.done(*call, key=f"{place}") for place, call in enumerate(calls)]

    assert again == first
    assert await snapshot() == before


async def test_two_calls_at_once_with_one_key_are_one(scene: Scene, do: Do) -> None:
    asked = (request_licenses, None, PREMIUM, 25)

    answers = await asyncio.gather(*(do.done(scene.cora, *asked, key="once") for _ in range(10)))

    assert all(answer == answers[0] for answer in answers)
    assert await Order.all().count() == 1
    assert await mails() == [("ORDER_REQUESTED", "pam@example.com")]
    assert await IdempotencyKey.all().count() == 1


async def test_of_two_calls_at_once_on_a_key_that_has_run_out_one_is_first(
    scene: Scene, do: Do, clock: Clock
) -> None:
    asked = (request_licenses, None, PREMIUM, 25)
    await do(scene.cora, *asked, key="once")
    clock.move(hours=25)

    answers = await asyncio.gather(*(do(scene.cora, *asked, key="once") for _ in range(10)))

    assert all(answer == answers[0] for answer in answers)
    assert await Order.all().count() == 2


async def test_when_the_first_of_two_is_refused_the_second_stands_for_itself(
    scene: Scene, do: Do, make: Make
) -> None:
    order = await make.order(scene.customer, 5)
    calls = [do(scene.pam, assign_order, order.id, 6, key="once") for _ in range(3)]
    calls.append(do(scene.pam, assign_order, order.id, 5, key="once"))

    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(answer) for answer in answers[:3]} <= {InvalidInput, IdempotencyKeyReused}
    assert answers[3] == order.id
    assert await License.all().count() == 5


# ── Preview ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_preview_does_all_the_work_and_leaves_every_table_as_it_was(
    scene: Scene, do: Do, make: Make
) -> None:
    order = await make.order(scene.customer, 3)
    before = await snapshot()

    async with previewing():
        done = await do.done(scene.pam, assign_order, order.id, preview=True)

        assert await License.filter(order_id=order.id).count() == 3
        assert await Notification.filter(id__in=done.notices).count() == 2

    assert await snapshot() == before
    await do(scene.pam, assign_order, order.id)
    assert await License.filter(order_id=order.id).count() == 3


async def test_a_preview_keeps_no_key_and_looks_none_up(scene: Scene, do: Do, make: Make) -> None:
    order = await make.order(scene.customer, 3)
    first = await do(scene.cora, request_licenses, None, PREMIUM, 25, key="once")
    before = await snapshot()

    async with previewing():
        await do.done(scene.pam, assign_order, order.id, key="other", preview=True)
        again = await do.done(
            scene.cora, request_licenses, None, PREMIUM, 25, key="once", preview=True
        )
        assert again.result != first
        assert await IdempotencyKey.all().count() == 1

    assert await snapshot() == before


async def test_a_refused_preview_leaves_everything_as_it_was(
    scene: Scene, do: Do, make: Make
) -> None:
    order = await make.order(scene.customer, 3)
    before = await snapshot()

    async with previewing():
        with pytest.raises(InvalidInput):
            await do.done(scene.pam, assign_order, order.id, 4, preview=True)
        assert await Order.get(id=order.id) == order

    assert await snapshot() == before


async def test_a_preview_counts_refused_attempts(scene: Scene, do: Do) -> None:
    before = await snapshot(but=Tally)

    async with previewing():
        with pytest.raises(Refusal):
            await do.done(
                scene.cora, add_users, None, [Person("pam@example.com")], None, preview=True
            )

    assert await snapshot(but=Tally) == before
    assert (await Tally.get()).count == 1


async def test_a_preview_needs_a_transaction_that_is_undone(scene: Scene, do: Do) -> None:
    with pytest.raises(RuntimeError):
        await do.done(scene.cora, request_licenses, None, PREMIUM, 25, preview=True)

    assert await Order.all().count() == 0


async def test_what_goes_wrong_in_a_preview_is_undone_too(scene: Scene, do: Do) -> None:
    async def preview() -> None:
        async with previewing():
            await do.done(scene.cora, request_licenses, None, PREMIUM, 25, preview=True)
            raise ZeroDivisionError

    before = await snapshot()

    with pytest.raises(ZeroDivisionError):
        await preview()

    assert await snapshot() == before
    assert is_idle()


# ── Cut short ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cut", Cut)
async def test_an_operation_cut_short_anywhere_has_happened_whole_or_not_at_all(
    scene: Scene, do: Do, make: Make, clock: Clock, cut: Cut
) -> None:
    for place in count(1):
        order = await make.order(scene.customer, 3)
        call = (scene.pam, assign_order, order.id)

        was_cut = await cut_short(do(*call, key=f"{place}"), place, cut)

        effects = (
            await License.filter(order_id=order.id).count(),
            await Notification.filter(order_id=order.id).count(),
            await AuditEvent.filter(subject_id=order.id).count(),
            (await Order.get(id=order.id)).assigned_quantity,
        )
        assert effects in {(3, 2, 1, 3), (0, 0, 0, 0)}, f"cut short at {place}"
        await settled()
        await do(*call, key=f"{place}")
        assert await Notification.filter(order_id=order.id).count() == 2
        if not was_cut:
            break

    assert place > 10
    assert await breaches(clock.now) == {}


@pytest.mark.parametrize("cut", Cut)
async def test_a_preview_cut_short_anywhere_leaves_nothing(
    scene: Scene, do: Do, make: Make, cut: Cut
) -> None:
    order = await make.order(scene.customer, 3)

    async def preview() -> None:
        async with previewing():
            await do.done(scene.pam, assign_order, order.id, preview=True)

    before = await snapshot()
    for place in count(1):
        was_cut = await cut_short(preview(), place, cut)

        await settled()
        assert await snapshot() == before, f"cut short at {place}"
        if not was_cut:
            break

    assert place > 10
    await do(scene.pam, assign_order, order.id)


@pytest.mark.parametrize("cut", Cut)
async def test_a_first_connection_cut_short_anywhere_is_made_again(
    database_url: str, cut: Cut
) -> None:
    for place in count(1):
        async with connected(database_url) as connection:
            was_cut = await cut_short(License.all().count(), place, cut)

            assert await asyncio.wait_for(License.all().count(), 10) == 0
            if is_sqlite(database_url):
                [pragma] = await connection.execute_query_dict("PRAGMA foreign_keys")
                assert pragma == {"foreign_keys": 1}
            await settled()
        if not was_cut:
            break

    assert place > 3


# ── Losing against others ────────────────────────────────────────────────────────────────────────

CANNOT_OPEN = (sqlite3.OperationalError, OperationalError)
ON_POSTGRES = pytest.mark.parametrize("databases", ["postgres"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)


class Rendezvous:
    """Where so many meet once; whoever comes later passes."""

    def __init__(self, number: int) -> None:
        self._missing = number
        self._complete = asyncio.Event()

    async def meet(self) -> None:
        self._missing -= 1
        if self._missing <= 0:
            self._complete.set()
        await self._complete.wait()


@asynccontextmanager
async def staged(url: str, clock: Clock, **options: Any) -> AsyncIterator[tuple[Scene, Do]]:
    """The usual scene, over connections with these options."""
    async with connected(url, **options):
        scene, do = await Scene.set(Make(clock)), Do(clock)
        await do.sign_in(*scene.people)
        yield scene, do


@ON_POSTGRES
async def test_a_deadlock_is_tried_again_and_never_reaches_the_caller(
    database_url: str, clock: Clock
) -> None:
    meeting, runs = Rendezvous(2), count()

    async def sign(work: Work, first: Company, second: Company) -> None:
        next(runs)
        await work.lock_company(first.id)
        await meeting.meet()
        company = await work.lock_company(second.id)
        company.external_id = "signed"
        await company.save()
        work.audit("company.updated", company, company)

    at_once = {"deadlock_timeout": "10ms"}
    async with staged(database_url, clock, server_settings=at_once) as (scene, do):
        await asyncio.gather(
            do(scene.vic, sign, scene.partner, scene.customer),
            do(scene.vic, sign, scene.customer, scene.partner),
        )

        assert next(runs) == 3
        assert await Company.filter(external_id="signed").count() == 2
        assert await AuditEvent.all().count() == 2


@ON_POSTGRES
async def test_a_serialization_failure_is_tried_again_and_never_reaches_the_caller(
    database_url: str, clock: Clock
) -> None:
    meeting, runs = Rendezvous(2), count()

    async def hire(work: Work, id: UUID) -> None:
        next(runs)
        company = await work.find(Company, id, ("id",))
        await meeting.meet()
        company.employee_count = (company.employee_count or 0) + 1
        await company.save()

    strict = {"default_transaction_isolation": "repeatable read"}
    async with staged(database_url, clock, server_settings=strict) as (scene, do):
        await asyncio.gather(*(do(scene.pam, hire, scene.customer.id) for _ in range(2)))

        assert next(runs) == 3
        assert (await Company.get(id=scene.customer.id)).employee_count == 2


@ON_POSTGRES
async def test_who_loses_without_end_is_told_so_and_nothing_is_written(
    database_url: str, clock: Clock
) -> None:
    impatient = {"lock_timeout": "1ms"}
    async with staged(database_url, clock, server_settings=impatient) as (scene, do):
        before = await snapshot()
        other = await asyncpg.connect(database_url)
        async with other.transaction():
            await other.execute("SELECT 1 FROM companies FOR UPDATE")

            with pytest.raises(Busy):
                await do(scene.cora, request_licenses, None, PREMIUM, 5)

        await other.close()
        assert await snapshot() == before
        await do(scene.cora, request_licenses, None, PREMIUM, 5)


@ON_SQLITE
async def test_a_database_that_another_process_keeps_locked_is_told_and_outlived(
    database_url: str, clock: Clock
) -> None:
    async with staged(f"{database_url}&busy_timeout=50", clock) as (scene, do):
        before = await snapshot()
        with closing(sqlite3.connect(file_of(database_url))) as other:
            other.execute("BEGIN IMMEDIATE")

            async with asyncio.timeout(10):
                with pytest.raises(Busy):
                    await do(scene.cora, request_licenses, None, PREMIUM, 5)
                with pytest.raises(Busy):
                    async with previewing():
                        pass

            assert await snapshot() == before  # reading goes on
            other.rollback()

        await do(scene.cora, request_licenses, None, PREMIUM, 5)
        assert is_idle()


@ON_SQLITE
async def test_a_writer_waits_for_another_process(database_url: str, clock: Clock) -> None:
    async with staged(database_url, clock) as (scene, do):
        with closing(sqlite3.connect(file_of(database_url))) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(do(scene.cora, request_licenses, None, PREMIUM, 5))
            await AuditEvent.all().count()
            other.rollback()

        assert (await waiting).similar == []


@ON_SQLITE
async def test_a_file_that_cannot_be_opened_is_told_each_time(
    database_url: str, tmp_path: Path, clock: Clock
) -> None:
    async with connected(f"sqlite://{tmp_path}"):
        for _ in range(2):
            with pytest.raises(CANNOT_OPEN):
                await asyncio.wait_for(Order.all().count(), 10)
        for _ in range(2):
            with pytest.raises(CANNOT_OPEN):
                await asyncio.wait_for(perform(None, clock, update_order), 10)


# ── Constraints ──────────────────────────────────────────────────────────────────────────────────


async def join(work: Work, company: Company, email: str, external_id: str | None) -> None:
    """Take somebody in without asking first."""
    work.audit("user.added", company)
    person = {"email": email, "external_id": external_id}
    await User.join(company, person, at=work.now).save(force_create=True)


async def found_another(work: Work) -> None:
    await Company.root("Another vendor", at=work.now).save(force_create=True)


async def test_a_broken_constraint_with_a_name_is_its_refusal(
    scene: Scene, do: Do, make: Make
) -> None:
    await make.user(scene.customer, email="ann@example.com", external_id="7")

    attempts: dict[tuple[Any, ...], tuple[str, tuple[str] | None]] = {
        (join, scene.customer, "ANN@example.com", None): ("DUPLICATE", ("email",)),
        (join, scene.customer, "bob@example.com", "7"): ("DUPLICATE", ("external_id",)),
        (found_another,): ("CONFLICT", None),
    }
    for attempt, expected in attempts.items():
        assert await refused(do(scene.cora, *attempt)) == [expected]


async def test_two_who_take_the_same_address_at_once_are_one_and_a_duplicate(
    scene: Scene, do: Do
) -> None:
    people = [Person("ann@example.com")]

    answers = await asyncio.gather(
        *(do(who, add_users, None, people, None) for who in (scene.cora, scene.carl, scene.pam)),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, Refusal) for answer in answers) == 2
    assert all(
        answer.all[0].code == "DUPLICATE" for answer in answers if isinstance(answer, Refusal)
    )
    assert await User.filter(email_key="ann@example.com").count() == 1


async def test_a_number_that_is_taken_is_drawn_again(scene: Scene, do: Do, make: Make) -> None:
    taken = await make.order(scene.customer, 5)
    numbers = iter([taken.number, taken.number, "ORD-00000000"])

    async def place(work: Work) -> str:
        order = Order.place(
            scene.customer, PREMIUM, 5, OrderOrigin.CUSTOMER_REQUEST, by=None, at=work.now
        )
        order.number = next(numbers)
        await order.save(force_create=True)
        work.audit("order.requested", scene.customer, order)
        return order.number

    assert await do(scene.cora, place) == "ORD-00000000"
    assert await AuditEvent.all().count() == 1


async def test_a_constraint_without_a_refusal_is_an_error_and_writes_nothing(
    scene: Scene, do: Do, make: Make
) -> None:
    taken = await make.order(scene.customer, 5)
    runs = count()
    before = await snapshot()

    async def spoil(work: Work) -> None:
        next(runs)
        work.audit("order.updated", scene.customer, taken)
        await Order.filter(id=taken.id).update(quantity=0)

    with pytest.raises(IntegrityError):
        await do(scene.cora, spoil)

    assert next(runs) == ATTEMPTS
    assert await snapshot() == before


# ── Whose work it is ─────────────────────────────────────────────────────────────────────────────


async def test_nobody_may_do_what_needs_somebody(clock: Clock, scene: Scene) -> None:
    with pytest.raises(Unauthenticated):
        await perform(None, clock, request_licenses, None, PREMIUM, 5)
    with pytest.raises(Unauthenticated):
        await perform(None, clock, request_licenses, None, PREMIUM, 5, how=How("once"))


async def test_rights_that_were_lost_since_the_request_came_in_are_lost(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    caller = await make.caller(scene.cora)
    await do(scene.carl, remove_manager, scene.cora.id)

    assert await refused(do(caller, request_licenses, None, PREMIUM, 5)) == [("FORBIDDEN", None)]

    await do(scene.carl, remove_users, [scene.cora.id])
    with pytest.raises(Unauthenticated):
        await do(caller, request_licenses, None, PREMIUM, 5)


async def test_mails_and_events_of_one_call_are_of_one_instant_and_batch(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 3)

    done = await do.done(scene.pam, assign_order, order.id)

    sent = await Notification.all().order_by("id")
    assert [mail.id for mail in sent] == done.notices
    assert len({mail.batch for mail in sent}) == 1
    assert {mail.created_at for mail in sent} == {mail.next_attempt_at for mail in sent}
    assert {mail.created_at for mail in sent} == {clock.now} == {done.at}
    assert {mail.actor_id for mail in sent} == {scene.pam.id}
