"""Counts of licenses, and license-days; tests/properties has their arithmetic."""

from typing import Any

from models.companies import CompanyKind
from models.database import is_sqlite
from models.licenses import License, LicenseType
from models.orders import OrderStatus
from schema.ids import global_id
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


COUNTS = "total available allocated expiring expired nextExpiryAt"
ONE = {"total": 1, "available": 1, "allocated": 0, "expiring": 0, "expired": 0}


async def test_counts_of_its_own_come_along_with_each_company(
    make: Make, api: Api, clock: Clock
) -> None:
    """On PostgreSQL; SQLite needs a statement for them. Both tell the same."""
    scene = await Scene.set(make)
    above = await make.company(scene.partner, CompanyKind.PARTNER, name="Above")
    await make.licenses(above, 1, LicenseType.NFR)
    await make.licenses(scene.customer, 2, LicenseType.TRIAL)
    clock.move(days=20)
    held, _ = await make.licenses(scene.customer, 2, LicenseType.TRIAL)
    await make.allocation(held, scene.carl)
    _, _, void = await make.licenses(scene.customer, 3)
    await License.filter(id=void.id).update(voided_at=clock())
    await make.licenses(await make.company(above), 9)
    await make.licenses(scene.partner, 8, LicenseType.NFR)
    await make.order(scene.customer, 7)
    clock.move(days=15)
    client = await api.of(scene.pam)

    async def told(selection: str) -> tuple[int, list[Any]]:
        with statements() as kept:
            page = await client.ask(
                f"{{ companies(first: 3, filter: {{kind: [PARTNER, CUSTOMER]}}) {{"
                f" edges {{ node {{ {selection} }} }} pageInfo {{ hasNextPage }} }} }}"
            )
        assert page["pageInfo"] == {"hasNextPage": True}
        return len(kept), [edge["node"] for edge in page["edges"]]

    (plain, _), (with_counts, counts) = (
        await told("name"),
        await told(f"name licenseSummary {{ {COUNTS} }} again: licenseSummary {{ total }}"),
    )
    beneath = "subtree: licenseSummary(scope: SUBTREE) { total }"
    with_more, more = await told(f"licenseSummary {{ total requested }} {beneath}")

    assert with_counts - plain == (2 if is_sqlite() else 0)
    assert with_more - plain == 3
    assert counts == [
        {
            "name": "Above",
            "licenseSummary": ONE | {"nextExpiryAt": None},
            "again": {"total": 1},
        },
        {
            "name": "Company 1",
            "licenseSummary": ONE
            | {"total": 9, "available": 9, "nextExpiryAt": "2027-03-22T09:30:00Z"},
            "again": {"total": 9},
        },
        {
            "name": scene.customer.name,
            "licenseSummary": {
                "total": 6,
                "available": 3,
                "allocated": 1,
                "expiring": 2,
                "expired": 2,
                "nextExpiryAt": "2026-04-21T09:30:00Z",
            },
            "again": {"total": 6},
        },
    ]
    assert more == [
        {"licenseSummary": {"total": 1, "requested": 0}, "subtree": {"total": 10}},
        {"licenseSummary": {"total": 9, "requested": 0}, "subtree": {"total": 9}},
        {"licenseSummary": {"total": 6, "requested": 7}, "subtree": {"total": 6}},
    ]


ORDER_DAYS = "licenseDaysElapsed licenseDaysUsed licenseDaysIdle"


async def test_an_order_tells_the_days_of_the_licenses_that_it_brought(
    make: Make, api: Api, clock: Clock
) -> None:
    scene = await Scene.set(make)
    order = await make.order(scene.customer, 3)
    [_, held] = await make.licenses(scene.customer, 2, order=order)
    clock.move(days=10, hours=12)
    await make.licenses(scene.customer, 1, order=order)
    await make.licenses(scene.customer, 7)
    await make.allocation(held, scene.carl)
    open_order = await make.order(scene.customer, 4)
    clock.move(days=10)

    found = await (await api.of(scene.pam)).ask(
        f"""{{ orders(filter: {{quantity: {{lte: 4}}}}) {{
            edges {{ node {{ id {ORDER_DAYS} }} }} }} }}"""
    )

    assert [edge["node"] for edge in found["edges"]] == [
        {
            "id": global_id("Order", open_order.id),
            "licenseDaysElapsed": 0,
            "licenseDaysUsed": 0,
            "licenseDaysIdle": 0,
        },
        {
            "id": global_id("Order", order.id),
            "licenseDaysElapsed": 2 * 20.5 + 10,
            "licenseDaysUsed": 10,
            "licenseDaysIdle": 41,
        },
    ]


async def test_a_page_of_orders_costs_a_statement_a_table(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    for _ in range(20):
        await make.licenses(await make.company(scene.partner), 1)
    client = await api.of(scene.pam)

    async def asked(selection: str) -> list[str]:
        with statements() as kept:
            await client.ask(f"{{ orders {{ edges {{ node {{ {selection} }} }} }} }}")
        return [statement for statement in kept if ") AS r" in statement]

    assert len(await asked("licenseDaysUsed")) == 1
    assert len(await asked("licenseDaysIdle")) == 2
    assert len(await asked(ORDER_DAYS)) == 2
