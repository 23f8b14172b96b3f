"""One operation, one transaction: all of it or nothing, once, whatever happens meanwhile."""

from itertools import count
from typing import Any

import pytest
from tortoise.connection import get_connection

from models.audit import AuditEvent
from models.licenses import License
from models.orders import Order
from models.outbox import Notification
from resolvers.orders import assign_order
from tests.conftest import Clock
from tests.factories import Make
from tests.invariants import breaches
from tests.scene import Do, Scene
from tests.stepping import Cut, cut_short


def is_idle() -> bool:
    """Whether no transaction and no lock is left behind."""
    connection: Any = get_connection("default")
    if connection.capabilities.dialect == "sqlite":
        return not (connection._lock.locked() or connection._connection.in_transaction)
    return bool(connection._pool.get_idle_size() == connection._pool.get_size())


@pytest.mark.parametrize("cut", Cut)
async def test_an_operation_cut_short_anywhere_has_happened_whole_or_not_at_all(
    scene: Scene, do: Do, make: Make, clock: Clock, cut: Cut
) -> None:
    for place in count(1):
        order = await make.order(scene.customer, 3)

        was_cut = await cut_short(do(scene.pam, assign_order, order.id, key=f"{place}"), place, cut)

        effects = (
            await License.filter(order_id=order.id).count(),
            await Notification.filter(order_id=order.id).count(),
            await AuditEvent.filter(subject_id=order.id).count(),
            (await Order.get(id=order.id)).assigned_quantity,
        )
        assert effects in {(3, 2, 1, 3), (0, 0, 0, 0)}, f"cut short at {place}"
        assert is_idle(), f"cut short at {place}"
        if not was_cut:
            assert effects == (3, 2, 1, 3)
            break
        await do(scene.pam, assign_order, order.id, key=f"{place}")
        assert await Notification.filter(order_id=order.id).count() == 2

    assert place > 10
    assert await breaches(clock.now) == {}
