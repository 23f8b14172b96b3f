"""The rules of an order: its states, its quantities, and what it brings."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from models.base import new_id
from models.companies import Company, CompanyKind, CompanyPlan
from models.errors import Conflict, InvalidInput, OrderNotOpen, Refusal
from models.licenses import LicenseType
from models.orders import (
    LARGEST,
    RETURN_WITHIN,
    Order,
    OrderOrigin,
    OrderStatus,
    check_quantity,
    may_request,
    new_number,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=2)
ANN, BOB = UUID(int=1), UUID(int=2)

REQUESTED = OrderStatus.REQUESTED
PARTIALLY = OrderStatus.PARTIALLY_ASSIGNED
ASSIGNED = OrderStatus.ASSIGNED
DECLINED = OrderStatus.DECLINED
CANCELLED = OrderStatus.CANCELLED
RETURNED = OrderStatus.RETURNED


def an_order(status: OrderStatus = REQUESTED, **columns: object) -> Order:
    """Of 5, of which 2 were assigned where it is partly, and 5 where it is wholly."""
    order = Order.place(
        Company(id=new_id(), path="root0000/"),
        LicenseType.PREMIUM,
        5,
        OrderOrigin.CUSTOMER_REQUEST,
        by=ANN,
        at=NOW,
    )
    order.status = status
    order.assigned_quantity = {PARTIALLY: 2, ASSIGNED: 5, RETURNED: 5}.get(status, 0)
    order.assigned_at = NOW if order.assigned_quantity else None
    for column, value in columns.items():
        setattr(order, column, value)
    return order


OPERATIONS: dict[str, Callable[[Order], object]] = {
    "update": lambda order: order.update(at=LATER, quantity=7, purchase_order=None, note=None),
    "assign all": lambda order: order.assign(None, by=BOB, at=LATER),
    "assign one": lambda order: order.assign(1, by=BOB, at=LATER),
    "decline": lambda order: order.decline("no budget", by=BOB, at=LATER),
    "cancel": lambda order: order.cancel(None, by=BOB, at=LATER),
    "return": lambda order: order.give_back("not wanted", used=False, by=BOB, at=LATER),
}
Outcome = tuple[OrderStatus, int, int] | type[Refusal]
"""Status, quantity and assigned quantity; or why not."""

STATES: dict[str, dict[OrderStatus, Outcome]] = {
    "update": {REQUESTED: (REQUESTED, 7, 0)},
    "assign all": {REQUESTED: (ASSIGNED, 5, 5), PARTIALLY: (ASSIGNED, 5, 5)},
    "assign one": {REQUESTED: (PARTIALLY, 5, 1), PARTIALLY: (PARTIALLY, 5, 3)},
    "decline": {REQUESTED: (DECLINED, 5, 0), PARTIALLY: (ASSIGNED, 2, 2)},
    "cancel": {REQUESTED: (CANCELLED, 5, 0), PARTIALLY: (ASSIGNED, 2, 2)},
    "return": {REQUESTED: Conflict, PARTIALLY: Conflict, ASSIGNED: (RETURNED, 5, 5)},
}


@pytest.mark.parametrize("status", OrderStatus)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_may_be_done_to_an_order(operation: str, status: OrderStatus) -> None:
    order = an_order(status)
    before = dict(vars(order))
    expected = STATES[operation].get(status, OrderNotOpen)

    if isinstance(expected, tuple):
        OPERATIONS[operation](order)

        assert (order.status, order.quantity, order.assigned_quantity) == expected
        assert order.updated_at == LATER
    else:
        with pytest.raises(expected) as refusal:
            OPERATIONS[operation](order)

        assert type(refusal.value) is expected
        assert vars(order) == before


@pytest.mark.parametrize("status", OrderStatus)
def test_what_is_open_of_an_order(status: OrderStatus) -> None:
    order = an_order(status)

    assert (order.is_open, order.open_quantity) == {
        REQUESTED: (True, 5),
        PARTIALLY: (True, 3),
    }.get(status, (False, 0))


@pytest.mark.parametrize("quantity", [1, 2, LARGEST])
def test_a_quantity_in_bounds_is_taken(quantity: int) -> None:
    assert check_quantity(quantity) == quantity


@pytest.mark.parametrize("quantity", [0, -1, LARGEST + 1, -(2**31), 2**31 - 1])
def test_a_quantity_out_of_bounds_is_refused(quantity: int) -> None:
    order = an_order()

    with pytest.raises(InvalidInput) as placed:
        Order.place(
            Company(id=new_id(), path="root0000/"),
            LicenseType.PREMIUM,
            quantity,
            OrderOrigin.CUSTOMER_REQUEST,
            by=ANN,
            at=NOW,
        )
    with pytest.raises(InvalidInput) as updated:
        order.update(at=LATER, quantity=quantity, purchase_order=None, note=None)
    with pytest.raises(InvalidInput) as assigned:
        order.assign(quantity, by=BOB, at=LATER)

    assert [refusal.value.path for refusal in (placed, updated, assigned)] == [("quantity",)] * 3
    assert (order.quantity, order.assigned_quantity, order.updated_at) == (5, 0, NOW)


def test_no_more_is_assigned_than_is_open() -> None:
    order = an_order(PARTIALLY)

    with pytest.raises(InvalidInput) as refusal:
        order.assign(4, by=BOB, at=LATER)

    assert refusal.value.path == ("quantity",)
    assert (order.status, order.assigned_quantity) == (PARTIALLY, 2)


def test_an_order_keeps_a_quantity() -> None:
    with pytest.raises(InvalidInput):
        an_order().update(at=LATER, quantity=None, purchase_order=None, note=None)


def test_an_update_that_changes_nothing_is_none() -> None:
    order = an_order(purchase_order="PO-1")

    assert not order.update(at=LATER, quantity=5, purchase_order=" PO-1 ", note="  ")
    assert order.updated_at == NOW


def test_an_assignment_says_who_when_and_until_when() -> None:
    order = an_order(license_type=LicenseType.MANAGED)

    assert order.assign(3, by=BOB, at=LATER) == 3
    assert order.assign(None, by=ANN, at=LATER + timedelta(days=1)) == 2

    last = LATER + timedelta(days=1)
    assert (order.assigned_by_id, order.assigned_at) == (ANN, last)
    assert order.expires_at == last.replace(year=2027)


def test_a_decision_says_who_when_and_why() -> None:
    order = an_order()

    order.decline("  no budget\r\nthis year ", by=BOB, at=LATER)

    assert (order.decided_by_id, order.decided_at, order.decision_reason) == (
        BOB,
        LATER,
        "no budget\nthis year",
    )


@pytest.mark.parametrize("reason", ["", " \n "])
def test_a_decline_and_a_return_need_a_reason(reason: str) -> None:
    open_order, assigned = an_order(), an_order(ASSIGNED)

    with pytest.raises(InvalidInput) as declined:
        open_order.decline(reason, by=BOB, at=LATER)
    with pytest.raises(InvalidInput) as returned:
        assigned.give_back(reason, used=False, by=BOB, at=LATER)

    assert declined.value.path == returned.value.path == ("reason",)
    assert (open_order.status, assigned.status) == (REQUESTED, ASSIGNED)


def test_an_order_is_returned_within_14_days_of_its_assignment() -> None:
    moment = timedelta(microseconds=1)
    in_time, late = an_order(ASSIGNED), an_order(ASSIGNED)

    in_time.give_back("why", used=False, by=BOB, at=NOW + RETURN_WITHIN - moment)
    with pytest.raises(Conflict):
        late.give_back("why", used=False, by=BOB, at=NOW + RETURN_WITHIN)

    assert timedelta(days=14) == RETURN_WITHIN
    assert (in_time.status, late.status) == (RETURNED, ASSIGNED)


def test_an_order_of_which_something_was_allocated_is_not_returned() -> None:
    order = an_order(ASSIGNED)

    with pytest.raises(Conflict):
        order.give_back("why", used=True, by=BOB, at=LATER)

    assert order.status is ASSIGNED


def test_a_number_is_short_and_by_chance() -> None:
    numbers = {new_number() for _ in range(5_000)}

    assert len(numbers) == 5_000
    assert all(re.fullmatch(r"ORD-[0-9A-HJKMNP-TV-Z]{8}", number) for number in numbers)
    assert len(set("".join(numbers)) - set("ORD-")) == 32 - len("ORD") + 1  # O is in no alphabet


@pytest.mark.parametrize("kind", CompanyKind)
def test_what_a_company_may_request(kind: CompanyKind) -> None:
    expected = {CompanyKind.CUSTOMER: (LicenseType.PREMIUM, LicenseType.MANAGED)}

    assert may_request(kind) == expected.get(kind, (LicenseType.PREMIUM,))


NONE, TRIAL, PREMIUM, MANAGED, NFR = CompanyPlan


@pytest.mark.parametrize(
    ("plan", "order", "after"),
    [
        (NONE, TRIAL, TRIAL),
        (NONE, PREMIUM, PREMIUM),
        (TRIAL, PREMIUM, PREMIUM),
        (TRIAL, MANAGED, MANAGED),
        (PREMIUM, MANAGED, MANAGED),
        (MANAGED, PREMIUM, MANAGED),
        (NFR, PREMIUM, PREMIUM),
        (NFR, NFR, NFR),
        (PREMIUM, NFR, PREMIUM),
    ],
)
def test_a_plan_follows_what_is_assigned(
    plan: CompanyPlan, order: CompanyPlan, after: CompanyPlan
) -> None:
    company = Company(plan=plan, updated_at=NOW)

    changed = company.follow_order(order, at=LATER)

    assert company.plan is after
    assert changed is (after is not plan)
