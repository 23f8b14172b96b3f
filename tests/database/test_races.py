"""Many at once on the same rows: as many win as there is to win, and what must hold, holds."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable
from uuid import UUID

import asyncpg
import pytest

from models.audit import AuditEvent
from models.companies import Company, CompanyKind
from models.errors import Refusal
from models.licenses import Allocation, License, LicenseType
from models.orders import Order, OrderStatus
from models.outbox import UNMUTABLE, Notification, NotificationTemplate
from models.users import User
from resolvers.companies import archive_company, move_company, restore_company
from resolvers.licenses import (
    Learners,
    ShortagePolicy,
    Wanted,
    allocate_licenses,
    reallocate_license,
    release_licenses,
)
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
from resolvers.users import add_users, remove_users, update_notification_preferences
from resolvers.work import Work
from tests.conftest import Clock
from tests.factories import Make
from tests.invariants import breaches
from tests.scene import Do, Scene

PREMIUM = LicenseType.PREMIUM
ANY = Wanted()
PARTIAL = Wanted(on_shortage=ShortagePolicy.PARTIAL)


async def at_once(*calls: Awaitable[object]) -> Counter[str]:
    """How often each answer came: what was refused by its code, all else as DONE."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    unforeseen = [
        answer
        for answer in answers
        if isinstance(answer, BaseException) and not isinstance(answer, Refusal)
    ]
    assert unforeseen == []
    return Counter(answer.code if isinstance(answer, Refusal) else "DONE" for answer in answers)


async def test_of_40_allocations_on_10_free_licenses_exactly_10_win(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 10)
    people = await make.learners(scene.customer, 40)

    answers = await at_once(
        *(
            do(scene.cora, allocate_licenses, None, Learners(user_ids=[user.id]), ANY)
            for user in people
        )
    )

    assert answers == {"DONE": 10, "INSUFFICIENT_LICENSES": 30}
    holders = {license.holder_id async for license in License.all()}
    assert len(holders) == 10
    assert holders <= {user.id for user in people}
    assert await Allocation.all().count() == 10
    assert await AuditEvent.filter(action="license.allocated").count() == 10
    assert await breaches(clock.now) == {}


async def test_batches_at_once_share_the_pool_and_no_license_twice(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 25)
    people = [user.id for user in await make.learners(scene.customer, 40)]

    answers = await asyncio.gather(
        *(
            do(
                scene.cora,
                allocate_licenses,
                None,
                Learners(user_ids=random.sample(people, 10)),
                PARTIAL,
            )
            for _ in range(12)
        )
    )

    allocated = [id for answer in answers for id in answer.licenses]
    held = await License.filter(holder_id__isnull=False).count()
    assert len(allocated) == len(set(allocated)) == held
    assert await breaches(clock.now) == {}


async def test_20_allocations_of_one_learner_give_one_license(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 20)
    [ann] = await make.learners(scene.customer, 1)

    answers = await asyncio.gather(
        *(
            do(who, allocate_licenses, scene.customer.id, Learners(user_ids=[ann.id]), ANY)
            for _ in range(10)
            for who in (scene.cora, scene.pam)
        )
    )

    assert sorted(len(answer.licenses) for answer in answers) == [0] * 19 + [1]
    assert sum(answer.already_licensed == [ann.id] for answer in answers) == 19
    assert await License.filter(holder_id=ann.id).count() == 1
    assert await Allocation.all().count() == 1
    assert await breaches(clock.now) == {}


async def test_of_20_assigns_of_one_order_one_wins(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 7)

    answers = await at_once(
        *(do(who, assign_order, order.id) for _ in range(10) for who in (scene.pam, scene.vic))
    )

    assert answers == {"DONE": 1, "ORDER_NOT_OPEN": 19}
    assert await License.all().count() == 7
    assert await Notification.filter(order_id=order.id).count() == 2
    assert await AuditEvent.all().count() == 1
    assert await breaches(clock.now) == {}


async def test_20_assigns_of_one_order_with_one_key_are_one(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 7)

    answers = await at_once(*(do(scene.pam, assign_order, order.id, key="k") for _ in range(20)))

    assert answers == {"DONE": 20}
    assert await License.all().count() == 7
    assert await Notification.all().count() == 2


async def test_parts_assigned_at_once_add_up(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 10)

    answers = await at_once(*(do(scene.pam, assign_order, order.id, 3) for _ in range(8)))

    assert answers == {"DONE": 3, "INVALID_INPUT": 5}
    after = await Order.get(id=order.id)
    assert (after.status, after.assigned_quantity) == (OrderStatus.PARTIALLY_ASSIGNED, 9)
    assert await breaches(clock.now) == {}


async def test_of_assign_decline_cancel_and_update_at_once_the_order_is_one_thing(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    orders = [await make.order(scene.customer, 4) for _ in range(8)]

    calls = [
        call
        for order in orders
        for call in (
            do(scene.pam, assign_order, order.id),
            do(scene.vic, decline_order, order.id, "why"),
            do(scene.cora, cancel_order, order.id),
            do(scene.carl, update_order, order.id, {"quantity": 6}),
        )
    ]
    random.shuffle(calls)
    answers = await at_once(*calls)

    assert answers["DONE"] + answers["ORDER_NOT_OPEN"] == 32
    assert 8 <= answers["DONE"] <= 16
    closing = ("order.assigned", "order.declined", "order.cancelled")
    assert await AuditEvent.filter(action__in=closing).count() == 8
    assert await breaches(clock.now) == {}


async def test_an_allocation_and_a_return_at_once_are_not_both(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    people = await make.learners(scene.customer, 6)
    orders = [(await make.licenses(scene.customer, 1))[0].order_id for _ in people]

    await at_once(
        *(
            call
            for order_id, user in zip(orders, people, strict=True)
            for call in (
                do(scene.pam, return_order, order_id, "why"),
                do(
                    scene.cora,
                    allocate_licenses,
                    None,
                    Learners(user_ids=[user.id]),
                    Wanted(order_id=order_id),
                ),
            )
        )
    )

    returned = await Order.filter(status=OrderStatus.RETURNED).count()
    assert returned + await License.filter(holder_id__isnull=False).count() == 6
    assert await breaches(clock.now) == {}


async def test_an_upgrade_ends_each_trial_that_is_handed_out_meanwhile(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 10, LicenseType.TRIAL)
    people = await make.learners(scene.customer, 10)
    order_id = await do(scene.cora, upgrade_trial, None, PREMIUM, 10)

    await at_once(
        *(
            do(scene.cora, allocate_licenses, None, Learners(user_ids=[user.id]), ANY)
            for user in people
        ),
        do(scene.pam, assign_order, order_id),
    )

    assert await License.filter(type=LicenseType.TRIAL, expires_at__gt=clock.now).count() == 0
    assert await breaches(clock.now) == {}


async def test_all_that_is_done_with_licenses_at_once_keeps_what_must_hold(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    chance = random.Random(7)
    sister = await make.company(scene.partner)
    homes = {scene.customer.id: scene.customer, sister.id: sister}
    for company in homes.values():
        await make.licenses(company, 8)
        for _ in range(3):
            await make.order(company, 3)
    people = [user for home in homes.values() for user in await make.learners(home, 12)]
    licenses = await License.all()
    orders = await Order.filter(status=OrderStatus.REQUESTED)

    def some(users: list[User], number: int) -> tuple[UUID, list[UUID]]:
        company_id = chance.choice(list(homes))
        theirs = [user.id for user in users if user.company_id == company_id]
        return company_id, chance.sample(theirs, number)

    async def one(number: int) -> object:
        company_id, named = some(people, 3)
        license = chance.choice(licenses)
        match number % 8:
            case 0 | 1:
                learners = Learners(user_ids=named)
                return await do(scene.pam, allocate_licenses, company_id, learners, PARTIAL)
            case 2 | 3:
                freed = [license.id for license in chance.sample(licenses, 3)]
                return await do(scene.pam, release_licenses, freed)
            case 4:
                return await do(scene.pam, reallocate_license, license.id, named[0])
            case 5:
                return await do(scene.pam, remove_users, named[:1])
            case 6:
                new = [Person(f"new{number}@example.com")]
                return await do(scene.pam, add_users, company_id, new, PARTIAL)
            case _:
                return await do(scene.pam, assign_order, chance.choice(orders).id, 1)

    answers = await at_once(*(one(number) for number in range(160)))

    assert answers["DONE"] >= 80
    assert set(answers) <= {
        "DONE",
        "NOT_FOUND",
        "CONFLICT",
        "ALREADY_LICENSED",
        "ORDER_NOT_OPEN",
        "INVALID_INPUT",
    }
    assert await breaches(clock.now) == {}


async def test_what_one_does_at_once_to_oneself_waits_for_nobody_else(
    scene: Scene, do: Do, clock: Clock
) -> None:
    templates = [template for template in NotificationTemplate if template not in UNMUTABLE]

    answers = await at_once(
        *(
            do(scene.pam, update_notification_preferences, None, [template])
            for template in templates
        )
    )

    assert answers == {"DONE": len(templates)}
    assert await AuditEvent.all().count() == len(templates)


async def test_what_is_written_while_companies_move_is_filed_where_they_went(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    other = await make.partner(scene.vendor)
    await make.licenses(scene.customer, 10)
    people = await make.learners(scene.customer, 10)

    answers = await at_once(
        *(
            call
            for number, user in enumerate(people)
            for call in (
                do(scene.cora, allocate_licenses, None, Learners(user_ids=[user.id]), ANY),
                do(scene.cora, request_licenses, None, PREMIUM, 1),
                do(
                    scene.vic,
                    move_company,
                    scene.customer.id,
                    (other if number % 2 else scene.partner).id,
                ),
                do(scene.cora, add_users, None, [Person(f"new{number}@example.com")], None),
            )
        )
    )

    assert answers == {"DONE": 40}
    assert await breaches(clock.now) == {}


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
async def test_a_move_waits_for_whoever_is_at_work_beneath(
    database: str, scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    """SQLite has one writer at a time anyway."""
    other = await make.partner(scene.vendor)
    entered = asyncio.Event()
    moving: asyncio.Task[UUID] | None = None

    async def found_a_branch(work: Work) -> UUID:
        parent = await work.find(Company, scene.partner.id, ("id",))
        entered.set()
        assert moving is not None
        while not (moving.done() or await somebody_waits(database)):
            pass
        branch = Company.under(parent, CompanyKind.CUSTOMER, "Branch", at=work.now)
        await branch.save(force_create=True)
        return branch.id

    founding = asyncio.create_task(do(scene.vic, found_a_branch))

    async def move() -> UUID:
        await entered.wait()
        return await do(scene.vic, move_company, scene.partner.id, other.id)

    moving = asyncio.create_task(move())
    branch_id = await founding
    await moving

    moved, branch = [await Company.get(id=id) for id in (scene.partner.id, branch_id)]
    assert branch.path.startswith(moved.path)
    assert moved.path.startswith(other.path)
    assert await breaches(clock.now) == {}


async def somebody_waits(url: str) -> bool:
    """For a lock of this database, told over a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        return bool(
            await connection.fetchval("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
        )
    finally:
        await connection.close()


async def test_nothing_is_done_in_a_company_once_it_is_archived(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 10)

    await at_once(
        *(do(scene.pam, assign_order, order.id, 1) for _ in range(5)),
        do(scene.vic, archive_company, scene.customer.id),
        *(do(scene.pam, assign_order, order.id, 1) for _ in range(5)),
    )

    written = [event.action for event in await AuditEvent.all().order_by("id")]
    assert written == [*["order.assigned"] * (len(written) - 1), "company.archived"]
    assert await License.all().count() == len(written) - 1
    await do(scene.vic, restore_company, scene.customer.id)
    assert await breaches(clock.now) == {}
