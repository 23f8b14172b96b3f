"""Counts of licenses, and license-days, to the microsecond."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.access import Caller
from models.base import new_id
from models.companies import Company, CompanyKind
from models.licenses import Allocation, License, LicenseType, ReleaseReason
from models.orders import OrderStatus
from models.users import UserRole
from resolvers.reading.reader import Reader
from resolvers.reading.summaries import license_summaries
from resolvers.reading.windows import Scope
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import Api
from tests.scene import Scene
from tests.statements import statements

SUMMARY = """total available allocated expiring expired requested nextExpiryAt
    licenseDaysElapsed licenseDaysUsed licenseDaysIdle"""


async def summary(api: Api, scene: Scene, scope: str = "OWN") -> dict[str, Any]:
    viewer = await (await api.of(scene.pam)).ask(
        f"""{{ companies(filter: {{kind: [CUSTOMER]}}) {{ edges {{ node {{
            licenseSummary(scope: {scope}) {{ {SUMMARY} }} }} }} }} }}"""
    )
    found: dict[str, Any] = viewer["edges"][0]["node"]["licenseSummary"]
    return found


async def test_nothing(make: Make, api: Api) -> None:
    scene = await Scene.set(make)

    found = await summary(api, scene)

    assert found == {name: None if name == "nextExpiryAt" else 0 for name in SUMMARY.split()}


async def test_each_license_is_counted_where_it_belongs(make: Make, api: Api, clock: Clock) -> None:
    scene = await Scene.set(make)
    await make.licenses(scene.customer, 2, LicenseType.TRIAL)
    clock.move(days=30)
    free, held, void = await make.licenses(scene.customer, 3)
    await License.filter(id=void.id).update(voided_at=clock())
    await make.allocation(held, scene.carl)
    await make.order(scene.customer, 7)
    await make.order(scene.customer, 9, status=OrderStatus.PARTIALLY_ASSIGNED, assigned_quantity=4)
    await make.order(scene.customer, 50, status=OrderStatus.DECLINED)
    clock.move(days=10, hours=12)

    found = await summary(api, scene)

    assert free.expires_at is not None
    assert found == {
        "total": 4,
        "available": 1,
        "allocated": 1,
        "expiring": 0,
        "expired": 2,
        "requested": 12,
        "nextExpiryAt": "2027-04-01T09:30:00Z",
        "licenseDaysElapsed": 2 * 30 + 2 * 10.5,
        "licenseDaysUsed": 10,
        "licenseDaysIdle": 71,
    }


async def test_scopes_and_ids(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    await make.licenses(scene.vendor, 50, LicenseType.NFR)
    await make.licenses(scene.partner, 10, LicenseType.NFR)
    await make.licenses(scene.customer, 3)
    await make.licenses(await make.company(scene.partner), 4)
    await make.licenses(await make.company(), 100)

    viewer = await (await api.of(scene.pam)).ask(
        """{ viewer { company { default: licenseSummary { id total }
            null: licenseSummary(scope: null) { id }
            own: licenseSummary(scope: OWN) { id total licenseDaysElapsed nextExpiryAt }
            below: licenseSummary(scope: BELOW) { id total }
            subtree: licenseSummary(scope: SUBTREE) { id total } } } }"""
    )

    found = viewer["company"]
    assert found["default"]["id"] == found["null"]["id"] == found["own"]["id"]
    assert len({found[name]["id"] for name in ("own", "below", "subtree")}) == 3
    assert [found[name]["total"] for name in ("own", "below", "subtree")] == [10, 7, 17]
    assert (found["own"]["licenseDaysElapsed"], found["own"]["nextExpiryAt"]) == (0, None)


async def test_a_page_of_summaries_costs_a_statement_a_table(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    for _ in range(20):
        await make.company(scene.partner, licenses=1)
    client = await api.of(scene.pam)

    async def asked(selection: str) -> list[str]:
        with statements() as kept:
            await client.ask(
                f"{{ companies {{ edges {{ node {{ licenseSummary {{ {selection} }} }} }} }} }}"
            )
        return [statement for statement in kept if ") AS r" in statement]

    assert len(await asked("id")) == 0
    assert len(await asked("total available")) == 1
    assert len(await asked("requested")) == 1
    assert len(await asked("licenseDaysElapsed")) == 1
    assert len(await asked(SUMMARY)) == 4


instants = st.timedeltas(timedelta(0), timedelta(days=400)) | st.sampled_from(
    [timedelta(0), timedelta(microseconds=1), timedelta(seconds=1) - timedelta(microseconds=1)]
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    stays=st.lists(st.tuples(instants, instants, instants, st.booleans()), min_size=1, max_size=5),
    now=instants,
)
async def test_days_are_what_python_counts(
    make: Make, clock: Clock, stays: list[tuple[Any, ...]], now: timedelta
) -> None:
    """A license is assigned, lasts, and is with a learner for a while: until now, or it ends."""
    partner = await make.partner()
    company = Company.under(partner, CompanyKind.CUSTOMER, "Customer", at=clock())
    await company.save(force_create=True)
    at = clock() + timedelta(days=400) + now
    elapsed = used = timedelta(0)
    order = await make.order(company, len(stays))
    for lasts, wait, length, is_open in stays:
        assigned = clock()
        expires = assigned + lasts
        begun = min(assigned + wait, expires)
        ended = min(begun + length, at)
        user = await make.user(company)
        license = License(
            order_id=order.id,
            company_id=company.id,
            path=company.path,
            type=LicenseType.PREMIUM,
            assigned_at=assigned,
            expires_at=expires,
            updated_at=assigned,
        )
        await license.save(force_create=True)
        await Allocation.create(
            license_id=license.id,
            user_id=user.id,
            allocated_at=begun,
            released_at=None if is_open else ended,
            release_reason=None if is_open else ReleaseReason.RELEASED,
        )
        elapsed += min(expires, at) - assigned
        used += min(at if is_open else ended, expires, at) - begun
    reader = Reader(as_manager_of(partner), at)

    found = (await license_summaries(reader, [company], scope=Scope.OWN))[company]

    day = timedelta(days=1)
    assert (found.license_days_elapsed, found.license_days_used) == (elapsed // day, used // day)
    assert found.license_days_idle == elapsed // day - used // day


def as_manager_of(company: Company) -> Caller:
    return Caller(
        session_id=new_id(),
        user_id=new_id(),
        role=UserRole.ACCOUNT_MANAGER,
        company_id=company.id,
        path=company.path,
        home_id=company.id,
    )
