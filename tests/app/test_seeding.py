"""`canopy seed`: made-up rows in bulk, the same ones for the same seed, by all of the rules."""

from collections import Counter

import pytest

from app.database import connected
from app.errors import Failed
from app.seeding.filling import seed
from app.seeding.tree import Size
from app.settings import Settings, load
from app.verify import verify
from models.companies import Company, CompanyKind
from models.licenses import License, LicenseStatus, has_status
from models.orders import Order, OrderStatus
from models.tokens import ApiToken
from models.users import User, UserRole
from tests.conftest import Clock
from tests.databases import Databases
from tests.factories import Make
from tests.snapshots import Snapshot, snapshot

SMALL = Size(companies=60, learners=700, licenses=1_200)


def told(url: str) -> Settings:
    return load(database_url=url)


async def all_rows(databases: Databases, clock: Clock, random_seed: int) -> Snapshot:
    async with databases.fresh() as url:
        await seed(told(url), clock, Size(30, 100, 150), random_seed)
        async with connected(url):
            return await snapshot()


async def test_all_that_must_always_hold_does_after_it(database_url: str, clock: Clock) -> None:
    said: list[str] = []

    email = await seed(told(database_url), clock, SMALL, 1)

    assert await verify(told(database_url), clock, said.append)
    assert said == ["well: all that must always hold does"]
    async with connected(database_url):
        assert await Company.all().count() == SMALL.companies
        assert await User.filter(role=UserRole.LEARNER).count() == SMALL.learners
        assert await License.all().count() == SMALL.licenses
        kinds = Counter([company.kind for company in await Company.all()])
        assert kinds == {
            CompanyKind.VENDOR: 1,
            CompanyKind.DISTRIBUTOR: 1,
            CompanyKind.PARTNER: 2,
            CompanyKind.CUSTOMER: 56,
        }
        assert await ApiToken.filter(company__kind__not=CompanyKind.CUSTOMER).count() == 4
        assert await ApiToken.filter(company__kind=CompanyKind.CUSTOMER).exists()
        assert (await User.get(email=email).select_related("company")).company.parent_id is None


async def test_there_are_orders_and_licenses_of_every_kind(database_url: str, clock: Clock) -> None:
    await seed(told(database_url), clock, Size(400, 2_000, 9_000), 1)

    async with connected(database_url):
        assert set(await Order.all().distinct().values_list("status", flat=True)) == {*OrderStatus}
        for status in LicenseStatus:
            assert await License.filter(has_status(status, clock.now)).exists(), status


async def test_the_same_seed_gives_the_same_rows_all_day_long(
    databases: Databases, clock: Clock
) -> None:
    first = await all_rows(databases, clock, 1)
    clock.move(hours=3)

    assert await all_rows(databases, clock, 1) == first
    assert await all_rows(databases, clock, 2) != first


async def test_a_database_that_holds_companies_is_left_as_it_is(
    database_url: str, clock: Clock
) -> None:
    async with connected(database_url):
        await Make(clock).company()
        before = await snapshot()

    with pytest.raises(Failed, match="only an empty database is seeded"):
        await seed(told(database_url), clock, SMALL, 1)

    async with connected(database_url):
        assert await snapshot() == before
