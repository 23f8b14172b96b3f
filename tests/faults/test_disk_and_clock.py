"""The disk is full; the clock is set back."""

from uuid import UUID

import pytest
from tortoise.exceptions import OperationalError

from models.database import is_sqlite, rows
from models.licenses import License, LicenseStatus, LicenseType, has_status
from resolvers.daily import round_if_due
from resolvers.licenses import (
    Learners,
    Wanted,
    allocate_licenses,
    reallocate_license,
    release_licenses,
)
from resolvers.orders import assign_order, request_licenses, upgrade_trial
from resolvers.users import remove_users
from tests.conftest import Clock
from tests.factories import Make
from tests.invariants import breaches
from tests.scene import Do, Scene


@pytest.fixture
def do(database: str, clock: Clock) -> Do:
    return Do(clock)


async def test_on_a_full_disk_an_order_is_assigned_whole_or_not_at_all(
    make: Make, do: Do, clock: Clock
) -> None:
    if not is_sqlite():
        return
    scene = await Scene.set(make)
    clock.move(minutes=1)
    order = await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 5_000)
    [size] = await rows("PRAGMA page_count")
    await rows(f"PRAGMA max_page_count = {size['page_count'] + 10}")

    with pytest.raises(OperationalError, match="full"):
        await do(scene.pam, assign_order, order.order_id)
    assert await breaches(clock.now) == {}
    assert await rows("SELECT id FROM licenses") == []

    await rows("PRAGMA max_page_count = 1000000")
    await do(scene.pam, assign_order, order.order_id)
    assert await breaches(clock.now) == {}
    assert len(await rows("SELECT id FROM licenses")) == 5_000


async def test_a_clock_that_is_set_back_an_hour_breaks_nothing(
    make: Make, do: Do, clock: Clock
) -> None:
    scene = await Scene.set(make)
    ann, bob = await make.learners(scene.customer, 2)
    clock.move(hours=2)
    await _journey(do, scene, clock, [ann.id])
    assert await round_if_due(clock)
    latest = clock.now

    clock.move(hours=-1)
    await _journey(do, scene, clock, [bob.id])
    await round_if_due(clock)

    assert await breaches(latest) == {}


async def test_what_began_before_the_clock_was_set_back_can_end(
    make: Make, do: Do, clock: Clock
) -> None:
    scene = await Scene.set(make)
    people = [user.id for user in await make.learners(scene.customer, 5)]
    clock.move(hours=2)
    licenses = await _journey(do, scene, clock, people[:3], quantity=3)
    latest = clock.now
    clock.move(hours=-1)

    await do(scene.cora, release_licenses, licenses[:1])
    await do(scene.cora, reallocate_license, licenses[1], people[3])
    await do(scene.cora, remove_users, [people[2]])
    [first_taken] = await make.licenses(scene.customer, 1)
    await do(
        scene.cora, allocate_licenses, None, Learners(user_ids=[people[0], people[4]]), Wanted()
    )

    assert await breaches(latest) == {}
    holders = dict(await License.filter(holder_id__isnull=False).values_list("id", "holder_id"))
    assert len(holders) == 3
    assert holders[first_taken.id] == people[0]  # whose last stay ended later than it was minted


async def test_a_trial_of_before_the_clock_was_set_back_can_be_upgraded(
    make: Make, do: Do, clock: Clock
) -> None:
    scene = await Scene.set(make)
    [ann] = await make.learners(scene.customer, 1)
    clock.move(hours=2)
    await make.licenses(scene.customer, 2, LicenseType.TRIAL)
    clock.move(minutes=1)
    await do(scene.cora, allocate_licenses, None, Learners(user_ids=[ann.id]), Wanted())
    latest = clock.now
    clock.move(hours=-1)

    order_id = await do(scene.cora, upgrade_trial, None, LicenseType.PREMIUM, 2)
    await do(scene.pam, assign_order, order_id)

    assert await breaches(latest) == {}
    live = has_status(LicenseStatus.AVAILABLE, latest) | has_status(LicenseStatus.ALLOCATED, latest)
    assert await License.filter(live, type=LicenseType.TRIAL).count() == 0


async def _journey(
    do: Do, scene: Scene, clock: Clock, ids: list[UUID], quantity: int = 2
) -> list[UUID]:
    order = await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, quantity)
    clock.move(minutes=1)
    await do(scene.pam, assign_order, order.order_id)
    done = await do(scene.cora, allocate_licenses, None, Learners(user_ids=ids), Wanted())
    return done.licenses
