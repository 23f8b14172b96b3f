"""The disk is full; the clock is set back."""

import pytest
from tortoise.exceptions import OperationalError

from models.database import is_sqlite, rows
from models.invariants import breaches
from models.licenses import LicenseType
from resolvers.daily import round_if_due
from resolvers.licenses import Learners, Wanted, allocate_licenses
from resolvers.orders import assign_order, request_licenses
from tests.conftest import Clock
from tests.factories import Make
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


async def _journey(do: Do, scene: Scene, clock: Clock, ids: list[object]) -> None:
    order = await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 2)
    clock.move(minutes=1)
    await do(scene.pam, assign_order, order.order_id)
    learners = Learners(user_ids=ids)  # type: ignore[arg-type]
    await do(scene.cora, allocate_licenses, None, learners, Wanted())
