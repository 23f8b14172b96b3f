"""What filters let through, on both databases alike."""

from datetime import timedelta
from typing import Any

import pytest

from models.companies import Company
from models.licenses import Allocation, License, LicenseType, ReleaseReason
from models.orders import OrderStatus
from models.users import User
from schema.ids import global_id
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import Api
from tests.scene import Scene

COMPANIES = (
    "query($f: CompanyFilter) { companies(filter: $f) { totalCount edges { node { name } } } }"
)
USERS = "query($f: UserFilter) { users(filter: $f) { totalCount edges { node { name } } } }"
ORDERS = "query($f: OrderFilter) { orders(filter: $f) { totalCount edges { node { number } } } }"
LICENSES = "query($f: LicenseFilter) { licenses(filter: $f) { totalCount edges { node { id } } } }"


async def names(api: Api, user: User, document: str, filter: Any) -> list[str]:
    """Of what is found; the count must say the same."""
    page = await (await api.of(user)).ask(document, f=filter)
    found = [next(iter(edge["node"].values())) for edge in page["edges"]]
    assert page["totalCount"] == len(found)
    return found


NAMED = ["100% Äpfel", "Apfel_saft", "apfelXsaft", "Straße", "Zoë \\ Söhne"]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"name": {"eq": "Straße"}}, ["Straße"]),
        ({"name": {"eq": "straße"}}, []),
        ({"name": {"in": ["Straße", "100% Äpfel", "nobody"]}}, ["100% Äpfel", "Straße"]),
        ({"name": {"in": []}}, []),
        ({"name": {"contains": "%"}}, ["100% Äpfel"]),
        ({"name": {"contains": "_"}}, ["Apfel_saft"]),
        ({"name": {"contains": "\\"}}, ["Zoë \\ Söhne"]),
        ({"name": {"contains": "ÄPFEL"}}, ["100% Äpfel"]),
        ({"name": {"contains": "A\u0308pfel"}}, ["100% Äpfel"]),
        ({"name": {"contains": "STRASSE"}}, ["Straße"]),
        ({"name": {"contains": ""}}, NAMED),
        ({"name": {"startsWith": "APFEL"}}, ["Apfel_saft", "apfelXsaft"]),
        ({"name": {"startsWith": "apfel", "contains": "_"}}, ["Apfel_saft"]),
        ({"name": {}}, NAMED),
        ({"name": None, "kind": None}, NAMED),
        ({"kind": []}, []),
        ({"kind": ["CUSTOMER", "CUSTOMER"]}, NAMED),
        ({"kind": ["PARTNER"]}, []),
        ({"name": {"contains": "\0"}}, []),
        ({"name": {"eq": "x" * 100_000}}, []),
        ({"name": {"contains": "%" * 2_001}}, []),
        ({"country": {"startsWith": "d"}}, ["Straße"]),
        ({"country": {"eq": "DE"}}, ["Straße"]),
        ({"externalId": {"contains": "%_"}}, ["Apfel_saft"]),
        ({"or": []}, []),
        ({"or": [{}]}, NAMED),
        ({"or": [{"name": {"eq": "Straße"}}, {"country": {"eq": "DE"}}]}, ["Straße"]),
        (
            {"name": {"contains": "apfel"}, "or": [{"externalId": {"eq": "a%_b"}}, {"plan": []}]},
            ["Apfel_saft"],
        ),
        ({"createdAt": {"gte": "2026-03-02T09:30:00Z"}}, NAMED),
        ({"createdAt": {"gte": "2026-03-02T10:30:00+01:00"}}, NAMED),
        ({"createdAt": {"lt": "2026-03-02T09:30:00Z"}}, []),
        ({"createdAt": {"isNull": True}}, []),
        ({"updatedAt": {"isNull": False, "gte": "0001-01-01T00:00:00Z"}}, NAMED),
        ({"updatedAt": {"lt": "9999-12-31T23:59:59.999999Z"}}, NAMED),
    ],
)
async def test_companies(make: Make, api: Api, filter: Any, expected: list[str]) -> None:
    partner = await make.partner(name="Partner")
    manager = await make.manager(partner)
    made = {name: await make.company(partner, name=name) for name in NAMED}
    await Company.filter(id=made["Straße"].id).update(country="DE")
    await Company.filter(id=made["Apfel_saft"].id).update(external_id="a%_b")

    found = await names(api, manager, COMPANIES, filter)

    assert [name for name in found if name != "Partner"] == expected


@pytest.mark.parametrize(
    "filter",
    [
        {"name": {"in": ["x"] * 1_001}},
        {"kind": ["PARTNER"] * 1_001},
        {"or": [{"name": {"eq": "x"}}] * 1_001},
        {"or": [{"or": [{"or": [{"or": [{"or": [{"or": [{}]}]}]}]}]}]},
        {"or": [{"name": {"in": ["x" * 20] * 1_000}}] * 40},
    ],
    ids=["in", "enum", "or", "depth", "all together"],
)
async def test_a_filter_has_its_limits(make: Make, api: Api, filter: Any) -> None:
    scene = await Scene.set(make)

    answer = await api.send(scene.pam, COMPANIES, f=filter)

    [error] = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "filter"}


async def test_a_filter_may_be_as_large_as_allowed(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    many: list[Any] = [{"name": {"contains": f"nobody {number}"}} for number in range(999)]
    wide = {"or": [*many, {"name": {"eq": scene.customer.name}}]}
    deep: dict[str, Any] = {"or": [*many[:100], {"name": {"eq": scene.customer.name}}]}
    for _ in range(4):
        deep = {"or": [*many[:100], deep]}
    long = {"name": {"in": [*(f"nobody {number}" for number in range(999)), scene.customer.name]}}

    for filter in (wide, deep, long):
        assert await names(api, scene.pam, COMPANIES, filter) == [scene.customer.name]


async def test_archived_companies_are_found_where_status_names_them(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    old = await make.company(scene.partner, name="Old", is_archived=True)
    asked = {
        "none": {"kind": ["CUSTOMER"]},
        "archived": {"status": ["ARCHIVED"]},
        "both": {"kind": ["CUSTOMER"], "status": ["ARCHIVED", "ACTIVE"]},
        "one entry names it": {"or": [{"status": ["ARCHIVED"]}, {"name": {"eq": "Old"}}]},
        "another entry does not": {"or": [{"status": ["ACTIVE"]}, {"name": {"eq": "Old"}}]},
        "the filter names it for all": {
            "status": ["ACTIVE", "ARCHIVED"],
            "or": [{"name": {"eq": "Old"}}],
        },
    }

    found = {name: await names(api, scene.pam, COMPANIES, filter) for name, filter in asked.items()}

    assert old.is_archived
    new = scene.customer.name
    assert {name: sorted(each) for name, each in found.items()} == {
        "none": [new],
        "archived": ["Old"],
        "both": sorted([new, "Old"]),
        "one entry names it": ["Old"],
        "another entry does not": sorted([new, scene.partner.name]),
        "the filter names it for all": ["Old"],
    }


async def test_companies_with_open_requests(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    await make.order(scene.customer)
    await make.order(scene.partner, status=OrderStatus.DECLINED)

    with_some = await names(api, scene.pam, COMPANIES, {"hasRequestedOrders": True})
    with_none = await names(api, scene.pam, COMPANIES, {"hasRequestedOrders": False})

    assert (with_some, with_none) == ([scene.customer.name], [scene.partner.name])


async def test_an_account_manager_out_of_sight_finds_nothing(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    by_pam = {"accountManagerId": global_id("User", scene.pam.id)}
    await make.order(scene.customer)

    assert await names(api, scene.pam, COMPANIES, by_pam) == [scene.customer.name]
    assert await names(api, scene.cora, COMPANIES, by_pam) == []
    assert len(await names(api, scene.pam, ORDERS, by_pam)) == 1
    assert await names(api, scene.cora, ORDERS, by_pam) == []


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"name": {"eq": "Zoë Äther"}}, ["Zoë Äther"]),
        ({"name": {"eq": "Zoë"}}, []),
        ({"name": {"eq": "zoë äther"}}, []),
        (
            {"name": {"in": ["Zoë Äther", "nameless@example.com"]}},
            ["nameless@example.com", "Zoë Äther"],
        ),
        ({"name": {"startsWith": "ZOË Ä"}}, ["Zoë Äther"]),
        ({"email": {"eq": "ZOE@Example.com"}}, ["Zoë Äther"]),
        ({"email": {"in": ["zoe@EXAMPLE.com"]}}, ["Zoë Äther"]),
        ({"email": {"contains": "O_E"}}, []),
        ({"email": {"startsWith": "NAME"}}, ["nameless@example.com"]),
        ({"department": {"contains": "VERKÄUFE"}}, ["Zoë Äther"]),
        ({"department": {"eq": "verkäufe"}}, []),
        ({"neverSignedIn": False}, ["Zoë Äther"]),
        ({"neverSignedIn": True}, ["nameless@example.com"]),
        ({"lastSignInAt": {"isNull": False}}, ["Zoë Äther"]),
        ({"lastSignInAt": {"gte": "2026-03-02T09:30:00Z"}}, ["Zoë Äther"]),
        ({"lastSignInAt": {"lt": "2026-03-02T09:30:00Z"}}, []),
        ({"status": ["REMOVED"]}, ["Gone"]),
        ({"status": ["ACTIVE"]}, ["Zoë Äther"]),
        ({"status": ["INVITED", "REMOVED"]}, ["Gone", "nameless@example.com"]),
        ({"role": ["MANAGER"]}, ["Carl", "Cora"]),
        ({"externalId": {"eq": "E-1"}}, ["Zoë Äther"]),
    ],
)
async def test_users(make: Make, api: Api, filter: Any, expected: list[str]) -> None:
    scene = await Scene.set(make)
    await make.user(
        scene.customer,
        email="Zoe@example.com",
        first_name="Zoë",
        last_name="Äther",
        department="Verkäufe",
        external_id="E-1",
        last_sign_in_at=make.clock(),
        password_hash="hash",
    )
    await make.user(scene.customer, email="nameless@example.com", first_name="")
    await make.user(scene.customer, first_name="Gone", removed_at=make.clock())
    both = {"role": ["LEARNER"]} | filter

    found = await names(api, scene.pam, USERS, both)

    assert found == expected


async def test_users_by_license(make: Make, api: Api, clock: Clock) -> None:
    scene = await Scene.set(make)
    holder, released, upgraded, expired, late, never = [
        await make.user(scene.customer, first_name=name)
        for name in ("Holder", "Released", "Upgraded", "Expired", "Late", "Never")
    ]
    trials = await make.licenses(scene.customer, 4, LicenseType.TRIAL)
    stays = [
        await make.allocation(license, user)
        for license, user in zip(trials, (released, upgraded, expired, late), strict=True)
    ]
    await ended(stays[0], clock, ReleaseReason.RELEASED)
    await ended(stays[1], clock, ReleaseReason.UPGRADED)
    clock.move(days=31)
    [license, *_] = await make.licenses(scene.customer, 2)
    await ended(stays[2], clock, ReleaseReason.EXPIRED)
    await make.allocation(license, holder)
    learners = {"role": ["LEARNER"]}

    found = {
        status: await names(api, scene.pam, USERS, learners | {"licenseStatus": [status]})
        for status in ("LIVE", "EXPIRED", "NONE")
    }
    several = await names(api, scene.pam, USERS, {"licenseStatus": ["LIVE", "EXPIRED"]})

    assert never.name == "Never"
    assert found == {
        "LIVE": ["Holder"],
        "EXPIRED": ["Expired", "Late", "Upgraded"],
        "NONE": ["Never", "Released"],
    }
    assert several == ["Expired", "Holder", "Late", "Upgraded"]


async def ended(stay: Allocation, clock: Clock, reason: ReleaseReason) -> None:
    stay.released_at = clock()
    stay.release_reason = reason
    await stay.save()
    if reason is not ReleaseReason.EXPIRED:
        await License.filter(id=stay.license_id).update(holder_id=None, allocated_at=None)


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({}, ["free", "held", "old"]),
        ({"status": ["AVAILABLE"]}, ["free"]),
        ({"status": ["ALLOCATED"]}, ["held"]),
        ({"status": ["EXPIRED"]}, ["old"]),
        ({"status": ["VOID"]}, ["void"]),
        ({"status": ["VOID", "EXPIRED"]}, ["old", "void"]),
        ({"type": ["TRIAL"]}, ["old"]),
        ({"userName": {"contains": "ZOË"}}, ["held"]),
        ({"userName": {"eq": "Zoë"}}, ["held"]),
        ({"userEmail": {"eq": "ZOE@example.com"}}, ["held"]),
        ({"userDepartment": {"eq": "Sales"}}, ["held"]),
        ({"userNeverSignedIn": True}, ["held"]),
        ({"userNeverSignedIn": False}, []),
        ({"userEmail": {"contains": ""}}, ["held"]),
        ({"expiresWithinDays": 365}, ["free", "held"]),
        ({"expiresWithinDays": 300}, []),
        ({"expiresWithinDays": 0}, []),
        ({"expiresWithinDays": -1}, []),
        ({"expiresWithinDays": -(2**31)}, []),
        ({"expiresWithinDays": 2**31 - 1}, ["free", "held"]),
        ({"expiresAt": {"lt": "2026-04-02T09:30:00Z"}}, ["old"]),
        ({"allocatedAt": {"isNull": False}}, ["held"]),
        ({"or": [{"status": ["EXPIRED"]}, {"status": ["VOID"]}]}, ["old", "void"]),
    ],
)
async def test_licenses(
    make: Make, api: Api, clock: Clock, filter: Any, expected: list[str]
) -> None:
    scene = await Scene.set(make)
    [old] = await make.licenses(scene.customer, 1, LicenseType.TRIAL)
    clock.move(days=31)
    free, held, void = await make.licenses(scene.customer, 3)
    zoe = await make.user(
        scene.customer, first_name="Zoë", email="zoe@example.com", department="Sales"
    )
    await make.allocation(held, zoe)
    await License.filter(id=void.id).update(voided_at=clock())
    called: dict[str, str] = {
        global_id("License", license.id): name
        for name, license in {"free": free, "held": held, "old": old, "void": void}.items()
    }

    found = await names(api, scene.pam, LICENSES, filter)

    assert sorted(called[id] for id in found) == expected


async def test_thirty_days_find_what_expiring_counts(make: Make, api: Api, clock: Clock) -> None:
    scene = await Scene.set(make)
    licenses = await make.licenses(scene.customer, 3)
    month = clock() + timedelta(days=30)
    moments = (month, month + timedelta(microseconds=1), clock())
    for license, at in zip(licenses, moments, strict=True):
        await License.filter(id=license.id).update(assigned_at=clock(), expires_at=at)

    found = await names(api, scene.pam, LICENSES, {"expiresWithinDays": 30})
    company = await (await api.of(scene.cora)).ask(
        "{ viewer { company { licenseSummary { expiring expired total } } } }"
    )

    assert found == [global_id("License", licenses[0].id)]
    assert company["company"]["licenseSummary"] == {"expiring": 1, "expired": 1, "total": 3}


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"quantity": {"gte": 5, "lte": 5}}, ["ORD-00000001"]),
        ({"quantity": {"eq": 6}}, ["ORD-00000002"]),
        ({"number": {"startsWith": "ord-0000"}}, ["ORD-00000002", "ORD-00000001"]),
        ({"number": {"in": ["ORD-00000001", "ORD-00000001 "]}}, ["ORD-00000001"]),
        ({"number": {"eq": "longer than any number"}}, []),
        ({"number": {"contains": "longer than any number"}}, []),
        ({"companyName": {"contains": "CUST"}}, ["ORD-00000001"]),
        ({"companyName": {"eq": "Customer"}}, ["ORD-00000001"]),
        ({"companyName": {"eq": "customer"}}, []),
        ({"status": ["REQUESTED"]}, ["ORD-00000002", "ORD-00000001"]),
        ({"requestedByEmail": {"eq": "Cora@example.com"}}, ["ORD-00000001"]),
        ({"requestedByEmail": {"contains": "@"}}, ["ORD-00000001"]),
        ({"purchaseOrder": {"contains": "po%"}}, ["ORD-00000002"]),
        ({"assignedAt": {"isNull": True}}, ["ORD-00000002", "ORD-00000001"]),
        ({"assignedAt": {"gte": "2020-01-01T00:00:00Z"}}, []),
    ],
)
async def test_orders(make: Make, api: Api, clock: Clock, filter: Any, expected: list[str]) -> None:
    scene = await Scene.set(make)
    await Company.filter(id=scene.customer.id).update(name="Customer", name_key="customer")
    await make.order(scene.customer, 5, number="ORD-00000001", requested_by_id=scene.cora.id)
    clock.move(seconds=1)
    stranger = await make.manager(await make.partner())
    await make.order(
        scene.partner,
        6,
        number="ORD-00000002",
        requested_by_id=stranger.id,
        purchase_order="PO%1",
    )

    assert await names(api, scene.pam, ORDERS, filter) == expected


async def test_scope(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    for company, quantity in ((scene.vendor, 1), (scene.partner, 2), (scene.customer, 3)):
        await make.order(company, quantity)
    document = """query($scope: Scope) { orders(scope: $scope, orderBy: {field: QUANTITY,
        direction: ASC}) { totalCount edges { node { quantity } } } }"""
    client = await api.of(scene.pam)

    found = {
        scope: [edge["node"]["quantity"] for edge in page["edges"]]
        for scope in ("OWN", "BELOW", "SUBTREE", None)
        if (page := await client.ask(document, scope=scope))
    }

    assert found == {"OWN": [2], "BELOW": [3], "SUBTREE": [2, 3], None: [2, 3]}
