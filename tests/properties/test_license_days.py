"""License-days and counts are what Python makes of the same rows, at every scope, to the day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.access import Caller
from models.base import new_id
from models.companies import Company
from models.licenses import Allocation, License, LicenseType, ReleaseReason
from models.orders import Order, OrderOrigin, OrderStatus
from models.users import User, UserRole
from resolvers.reading.reader import Reader
from resolvers.reading.summaries import (
    Summary,
    license_summaries,
    order_days_elapsed,
    order_days_idle,
    order_days_used,
)
from resolvers.reading.windows import Scope
from tests.conftest import Clock
from tests.factories import Make
from tests.properties.plain import DAY, MONTH, plain

spans = st.timedeltas(timedelta(0), timedelta(days=400)) | st.sampled_from(
    [
        timedelta(0),
        timedelta(microseconds=1),
        timedelta(seconds=1) - timedelta(microseconds=1),
        DAY,
        MONTH,
        MONTH + timedelta(microseconds=1),
    ]
)


@dataclass(frozen=True)
class Stay:
    """From `wait` after the stay before, for `length`."""

    wait: timedelta
    length: timedelta
    reason: ReleaseReason


@dataclass(frozen=True)
class Life:
    """Of one license. An upgrade, or the clock, ended it after `lasts`; NFR never ends."""

    order: int
    kind: LicenseType
    assigned: timedelta
    lasts: timedelta
    is_void: bool
    stays: list[Stay] = field(default_factory=list)
    is_held: bool = False


stays = st.builds(Stay, spans, spans, st.sampled_from(ReleaseReason))
lives = st.builds(
    Life,
    order=st.integers(0, 5),
    kind=st.sampled_from(LicenseType),
    assigned=spans,
    lasts=spans,
    is_void=st.integers(0, 4).map(lambda chance: chance == 0),
    stays=st.lists(stays, max_size=3),
    is_held=st.booleans(),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(lives=st.lists(lives, min_size=1, max_size=8), later=spans)
async def test_days_and_counts_are_what_python_makes_of_the_rows(
    make: Make, clock: Clock, lives: list[Life], later: timedelta
) -> None:
    """Two orders each of a partner, its customer and the customer of another partner beneath."""
    start, now = clock(), clock() + timedelta(days=400) + later
    companies = await family(make)
    orders = [placed(company, start) for company in companies for _ in range(2)]
    user = User.join(companies[0], {"email": f"{new_id().hex}@example.com"}, at=start)
    await user.save(force_create=True)
    await Order.bulk_create(orders)
    licenses, allocations = written(lives, orders, user, start, now)
    await License.bulk_create(licenses)
    await Allocation.bulk_create(allocations)
    reader = Reader(as_manager_of(companies[0]), now)

    for scope in Scope:
        found = await license_summaries(reader, companies, scope=scope)
        for company in companies:
            theirs = [license for license in licenses if is_in(license, company, scope)]
            assert found[company] == Summary(company.id, scope, **plain(theirs, allocations, now))
    elapsed, used, idle = [
        await batch(reader, orders)
        for batch in (order_days_elapsed, order_days_used, order_days_idle)
    ]
    for order in orders:
        theirs = [license for license in licenses if license.order_id == order.id]
        days = plain(theirs, allocations, now)
        assert (elapsed[order], used[order]) == (
            days["license_days_elapsed"],
            days["license_days_used"],
        )
        assert idle[order] == elapsed[order] - used[order]


def is_in(license: License, company: Company, scope: Scope) -> bool:
    if license.company_id == company.id:
        return scope is not Scope.BELOW
    return scope is not Scope.OWN and license.path.startswith(company.path)


async def family(make: Make) -> list[Company]:
    partner = await make.partner()
    beneath = await make.partner(partner)
    return [partner, beneath, await make.company(beneath)]


def placed(company: Company, at: datetime) -> Order:
    """The licenses are given below; what matters of an order here is its id."""
    order = Order.place(
        company, LicenseType.PREMIUM, 1, OrderOrigin.CUSTOMER_REQUEST, by=None, at=at
    )
    order.status = OrderStatus.DECLINED
    return order


def written(
    lives: Sequence[Life], orders: Sequence[Order], user: User, start: datetime, now: datetime
) -> tuple[list[License], list[Allocation]]:
    """A license, and its stays one after the other, none longer than the license."""
    licenses, allocations = [], []
    for life in lives:
        order, assigned = orders[life.order], start + life.assigned
        expires = None if life.kind is LicenseType.NFR else assigned + life.lasts
        end = min(expires or now, now)
        license = License(
            order_id=order.id,
            company_id=order.company_id,
            path=order.path,
            type=life.kind,
            assigned_at=assigned,
            expires_at=expires,
            voided_at=now if life.is_void else None,
            updated_at=assigned,
        )
        licenses.append(license)
        free_at = assigned
        for stay in life.stays:
            begun = min(free_at + stay.wait, end)
            free_at = min(begun + stay.length, end)
            allocations.append(
                Allocation(
                    license_id=license.id,
                    user_id=user.id,
                    allocated_at=begun,
                    released_at=free_at,
                    release_reason=stay.reason,
                )
            )
        if life.is_held and not life.is_void and not holds(licenses, user):
            license.holder_id, license.allocated_at = user.id, min(free_at, end)
            allocations.append(
                Allocation(license_id=license.id, user_id=user.id, allocated_at=min(free_at, end))
            )
    return licenses, allocations


def holds(licenses: Iterable[License], user: User) -> bool:
    """A learner has one open stay, whether or not the clock has ended it."""
    return any(license.holder_id == user.id for license in licenses)


def as_manager_of(company: Company) -> Caller:
    return Caller(
        session_id=new_id(),
        user_id=new_id(),
        role=UserRole.ACCOUNT_MANAGER,
        company_id=company.id,
        path=company.path,
        home_id=company.id,
    )
