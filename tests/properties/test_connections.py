"""Pages, forward and backward and of any size, hold exactly the rows in order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.access import Caller
from models.base import new_id
from models.companies import Company, CompanyKind
from models.licenses import License, LicenseType, expiry
from models.orders import Order, OrderOrigin, OrderStatus
from models.users import User, UserRole
from resolvers.reading.licenses import licenses, licenses_of_company
from resolvers.reading.orders import orders
from resolvers.reading.pages import Page
from resolvers.reading.reader import Reader
from resolvers.reading.users import users, users_of_company
from resolvers.reading.windows import SortDirection
from tests.conftest import Clock
from tests.factories import Make
from tests.properties.plain import in_order

WANT = frozenset(
    {"edges", "edges.cursor", "pageInfo.hasNextPage", "pageInfo.hasPreviousPage", "totalCount"}
)

days = st.integers(0, 3)
maybe_days = st.none() | days
words = st.text(alphabet="aAzZäßéЖ中 ", min_size=1, max_size=3).filter(lambda text: text.strip())


@dataclass(frozen=True)
class Facts:
    """What a company, a user, an order and a license of it are made from."""

    name: str
    created: int
    signed_in: int | None
    assigned: int | None
    quantity: int


facts = st.builds(Facts, words, days, maybe_days, maybe_days, st.integers(1, 3))


@dataclass(frozen=True)
class List:
    """A list, how it is sorted, and by what Python sorts the same rows."""

    batch: Callable[..., Any]
    field: str
    value: Callable[[Any, dict[Any, Company]], Any]
    of_company: bool = False


LISTS = {
    "users by name": List(users, "NAME", lambda user, _: user.name_key),
    "users by email": List(users, "EMAIL", lambda user, _: user.email_key),
    "users by creation": List(users, "CREATED_AT", lambda user, _: user.created_at),
    "users by sign-in": List(users, "LAST_SIGN_IN_AT", lambda user, _: user.last_sign_in_at),
    "users of a company": List(
        users_of_company, "LAST_SIGN_IN_AT", lambda user, _: user.last_sign_in_at, of_company=True
    ),
    "orders by request": List(orders, "REQUESTED_AT", lambda order, _: order.requested_at),
    "orders by assignment": List(orders, "ASSIGNED_AT", lambda order, _: order.assigned_at),
    "orders by number": List(orders, "NUMBER", lambda order, _: order.number),
    "orders by quantity": List(orders, "QUANTITY", lambda order, _: order.quantity),
    "orders by company": List(
        orders, "COMPANY_NAME", lambda order, companies: companies[order.company_id].name_key
    ),
    "licenses by expiry": List(licenses, "EXPIRES_AT", lambda license, _: license.expires_at),
    "licenses of a company": List(
        licenses_of_company, "EXPIRES_AT", lambda license, _: license.expires_at, of_company=True
    ),
}


@pytest.mark.parametrize("name", LISTS)
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(facts, max_size=9),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    direction=st.sampled_from(SortDirection),
)
async def test_pages_hold_the_rows_in_order(
    make: Make,
    clock: Clock,
    name: str,
    rows: list[Facts],
    sizes: list[int],
    direction: SortDirection,
) -> None:
    listed = LISTS[name]
    top, companies, made = await written(make, clock, rows)
    key = companies[0] if listed.of_company else "root"
    mine = [
        row
        for row in made[model_of(listed)]
        if not listed.of_company or row.company_id == companies[0].id
    ]
    by_id = {company.id: company for company in companies}
    expected = in_order(
        mine,
        lambda row: listed.value(row, by_id),
        descending=direction is SortDirection.DESC,
    )
    reader = Reader(as_manager_of(top), clock())

    async def page(**asked: Any) -> Page[Any]:
        order_by = (listed.field, direction)
        pages = await listed.batch(reader, [key], order_by=order_by, want=WANT, **asked)
        found: Page[Any] = pages[key]
        return found

    assert await forward(page, sizes) == expected
    assert await backward(page, sizes) == expected
    assert (await page(first=0)).total == len(expected)


async def forward(page: Callable[..., Any], sizes: Sequence[int]) -> list[Any]:
    """All pages behind one another; what each says of its neighbours is checked."""
    found: list[Any] = []
    after = None
    for size in cycle(sizes):
        here = await page(first=size, after=after)
        assert here.has_previous == bool(found)
        found += [row.id for row in here.rows]
        if not here.has_next:
            return found
        assert len(here.rows) == size
        after = here.cursor(here.rows[-1])
    raise AssertionError


async def backward(page: Callable[..., Any], sizes: Sequence[int]) -> list[Any]:
    found: list[Any] = []
    before = None
    for size in cycle(sizes):
        here = await page(last=size, before=before)
        assert here.has_next == bool(found)
        found = [row.id for row in here.rows] + found
        if not here.has_previous:
            return found
        assert len(here.rows) == size
        before = here.cursor(here.rows[0])
    raise AssertionError


def model_of(listed: List) -> type[Any]:
    return {"users": User, "orders": Order, "licenses": License}[
        listed.batch.__name__.removesuffix("_of_company")
    ]


def as_manager_of(company: Company) -> Caller:
    return Caller(
        session_id=new_id(),
        user_id=new_id(),
        role=UserRole.ACCOUNT_MANAGER,
        company_id=company.id,
        path=company.path,
        home_id=company.id,
    )


async def written(
    make: Make, clock: Clock, rows: Sequence[Facts]
) -> tuple[Company, list[Company], dict[type[Any], list[Any]]]:
    """A partner with two customers, which share the rows between them."""
    top = await make.partner()
    companies = [
        Company.under(top, CompanyKind.CUSTOMER, name, at=clock()) for name in ("Äpfel", "zebra")
    ]
    await Company.bulk_create(companies)
    made: dict[type[Any], list[Any]] = {User: [], Order: [], License: []}
    for each, company in zip(rows, cycle(companies), strict=False):
        made[User].append(user(company, each, clock))
        made[Order].append(order(company, each, clock))
        made[License] += licenses_from(made[Order][-1], each, clock)
    for model, theirs in made.items():
        await model.bulk_create(theirs)
    return top, companies, made


def at(clock: Clock, passed: int | None) -> Any:
    return None if passed is None else clock() + timedelta(days=passed, microseconds=passed % 2)


def user(company: Company, told: Facts, clock: Clock) -> User:
    email = f"{told.created}{new_id().hex}@example.com"
    person = {"email": email, "first_name": told.name}
    row = User.join(company, person, at=at(clock, told.created))
    row.last_sign_in_at = at(clock, told.signed_in)
    return row


def order(company: Company, told: Facts, clock: Clock) -> Order:
    row = Order.place(
        company,
        LicenseType.NFR if told.assigned is None else LicenseType.PREMIUM,
        told.quantity,
        OrderOrigin.CUSTOMER_REQUEST,
        by=None,
        at=at(clock, told.created),
    )
    if told.assigned is not None:
        row.assigned_quantity, row.status = told.quantity, OrderStatus.ASSIGNED
        row.assigned_at = at(clock, told.assigned)
    return row


def licenses_from(order: Order, told: Facts, clock: Clock) -> Iterator[License]:
    """Those of an order that was not assigned never expire; it matters to nobody here."""
    assigned_at = at(clock, told.assigned or 0)
    for _ in range(told.quantity):
        yield License(
            order_id=order.id,
            company_id=order.company_id,
            path=order.path,
            type=order.license_type,
            assigned_at=assigned_at,
            expires_at=expiry(order.license_type, assigned_at),
            updated_at=assigned_at,
        )
