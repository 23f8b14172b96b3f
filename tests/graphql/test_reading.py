"""Who is shown what: a learner, a manager, a visitor in manage mode, nobody."""

from typing import Any

import pytest

from models.companies import Company, CompanyPlan
from models.licenses import LicenseType
from models.users import User
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import Api
from tests.http.client import Client
from tests.scene import Scene

COMPANY = """
    name kind status plan createdAt updatedAt depth
    industry employeeCount country language externalId
    parent { id } accountManager { name } ancestors { id } managers { id }
    children { totalCount edges { node { id } } }
    descendants { totalCount edges { node { id } } }
    users { totalCount edges { node { id } } pageInfo { hasNextPage } }
    orders { totalCount edges { node { id } } }
    licenses { totalCount edges { node { id } } }
    licenseSummary(scope: SUBTREE) { total available requested nextExpiryAt licenseDaysElapsed }
    viewerCan { requestLicenses { allowed reason } addUsers { allowed reason } }
"""
PLAIN: dict[str, Any] = {
    **dict.fromkeys(("industry", "employeeCount", "country", "language", "externalId")),
    "parent": None,
    "accountManager": None,
    "ancestors": [],
    "managers": [],
    "depth": 0,
    **{
        name: {"totalCount": 0, "edges": []}
        for name in ("children", "descendants", "orders", "licenses")
    },
    "users": {"totalCount": 0, "edges": [], "pageInfo": {"hasNextPage": False}},
    "licenseSummary": {
        "total": 0,
        "available": 0,
        "requested": 0,
        "nextExpiryAt": None,
        "licenseDaysElapsed": 0,
    },
}
DETAILS: dict[str, Any] = {
    "industry": "Fish",
    "employee_count": 7,
    "country": "DE",
    "language": "de",
    "external_id": "X-1",
}


async def described(company: Company) -> None:
    await Company.filter(id=company.id).update(**DETAILS)


async def test_a_learner_sees_plain_fields_of_their_company(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    await described(scene.customer)
    await make.licenses(scene.customer, 3)
    [learner] = await make.learners(scene.customer, 1)

    viewer = await (await api.of(learner)).ask(f"{{ viewer {{ company {{ {COMPANY} }} }} }}")

    company = viewer["company"]
    assert {name: company[name] for name in PLAIN} == PLAIN
    assert company["name"] == scene.customer.name
    assert company["plan"] == "PREMIUM"
    assert not company["viewerCan"]["requestLicenses"]["allowed"]
    assert company["viewerCan"]["addUsers"]["reason"] == "Only managers may do this."


async def test_lists_hold_a_learner_and_what_is_theirs(make: Make, api: Api, clock: Clock) -> None:
    scene = await Scene.set(make)
    [license, *_] = await make.licenses(scene.customer, 3)
    learner, _ = await make.learners(scene.customer, 2)
    await make.allocation(license, learner)
    client = await api.of(learner)

    found = {
        name: (await client.ask(f"{{ {name} {{ totalCount }} }}"))["totalCount"]
        for name in ("companies", "users", "licenses", "orders", "notifications", "auditEvents")
    }
    held = await client.ask(
        """{ licenses { edges { node { status order { id } user { email }
             allocations { totalCount edges { node {
               releasedAt allocatedBy { name } user { email } license { type } } } } } } } }"""
    )

    assert found == {
        "companies": 1,
        "users": 1,
        "licenses": 1,
        "orders": 0,
        "notifications": 0,
        "auditEvents": 0,
    }
    stay = {
        "releasedAt": None,
        "allocatedBy": None,
        "user": {"email": learner.email},
        "license": {"type": "PREMIUM"},
    }
    assert held["edges"] == [
        {
            "node": {
                "status": "ALLOCATED",
                "order": None,
                "user": {"email": learner.email},
                "allocations": {"totalCount": 1, "edges": [{"node": stay}]},
            }
        }
    ]


async def test_a_learner_sees_a_license_they_had_but_not_who_has_it(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    [license] = await make.licenses(scene.customer, 1)
    before, after = await make.learners(scene.customer, 2)
    stay = await make.allocation(license, before)
    license.release(at=make.clock())
    stay.released_at, stay.release_reason = make.clock(), "REALLOCATED"  # type: ignore[assignment]
    await stay.save()
    await make.allocation(license, after)

    user = await (await api.of(before)).ask(
        """{ viewer { user { license { id } allocations { edges { node { releaseReason
             license { status allocatedAt user { id } allocations { totalCount } } } } } } } }"""
    )

    [edge] = user["user"]["allocations"]["edges"]
    assert user["user"]["license"] is None
    assert edge["node"] == {
        "releaseReason": "REALLOCATED",
        "license": {
            "status": "AVAILABLE",
            "allocatedAt": None,
            "user": None,
            "allocations": {"totalCount": 1},
        },
    }


@pytest.mark.parametrize(
    "filter",
    [
        '{country: {eq: "DE"}}',
        '{externalId: {startsWith: "X"}}',
        "{accountManagerId: $manager}",
        "{hasRequestedOrders: true}",
        "{hasRequestedOrders: false}",
        '{or: [{country: {contains: "D"}}]}',
    ],
)
async def test_a_learner_cannot_ask_for_what_is_null_to_them(
    make: Make, api: Api, filter: str
) -> None:
    scene = await Scene.set(make)
    await described(scene.customer)
    [learner] = await make.learners(scene.customer, 1)
    manager = f'"{(await pam_id(api, scene))}"'

    found = await (await api.of(learner)).ask(
        f"{{ companies(filter: {filter.replace('$manager', manager)}) {{ totalCount }} }}"
    )

    assert found["totalCount"] == 0


async def pam_id(api: Api, scene: Scene) -> str:
    viewer = await (await api.of(scene.pam)).ask("{ viewer { user { id } } }")
    return str(viewer["user"]["id"])


async def managing(api: Api, make: Make, user: User, company: Company) -> Client:
    client = await api.of(user)
    client.token = await make.manage_token(user, company)
    return client


async def test_a_visitor_sees_plain_fields_of_their_own_company(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    await described(scene.partner)
    await make.licenses(scene.partner, 2, LicenseType.NFR)
    await make.order(scene.customer)
    visitor = await managing(api, make, scene.pam, scene.customer)

    viewer = await visitor.ask(
        f"""{{ viewer {{
            user {{ email company {{ {COMPANY} }} license {{ id }} allocations {{ totalCount }} }}
            company {{ name parent {{ id }} ancestors {{ id }} depth orders {{ totalCount }} }}
            manageSession {{ actor {{ email user {{ email }} }} company {{ name }} endedAt }}
        }} }}"""
    )

    home = viewer["user"]["company"]
    assert {name: home[name] for name in PLAIN} == PLAIN
    assert home["name"] == scene.partner.name
    assert home["viewerCan"]["requestLicenses"] == {
        "allowed": False,
        "reason": "Out of your reach: you act in your own company and those beneath it.",
    }
    assert viewer["company"] == {
        "name": scene.customer.name,
        "parent": None,
        "ancestors": [],
        "depth": 0,
        "orders": {"totalCount": 1},
    }
    assert viewer["manageSession"] == {
        "actor": {"email": "pam@example.com", "user": {"email": "pam@example.com"}},
        "company": {"name": scene.customer.name},
        "endedAt": None,
    }


async def test_no_list_holds_the_visitor_or_their_company(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    visitor = await managing(api, make, scene.pam, scene.customer)

    companies = await visitor.ask("{ companies { totalCount edges { node { name } } } }")
    users = await visitor.ask("{ users { totalCount edges { node { email } } } }")

    assert companies == {"totalCount": 1, "edges": [{"node": {"name": scene.customer.name}}]}
    assert {edge["node"]["email"] for edge in users["edges"]} == {
        "cora@example.com",
        "carl@example.com",
    }


async def test_the_tree_begins_at_the_viewers_own_company(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    below = "name depth parent { name } ancestors { name }"

    tree = await (await api.of(scene.pam)).ask(
        f"{{ companies(orderBy: {{field: CREATED_AT}}) {{ edges {{ node {{ {below} }} }} }} }}"
    )

    assert [edge["node"] for edge in tree["edges"]] == [
        {"name": scene.partner.name, "depth": 0, "parent": None, "ancestors": []},
        {
            "name": scene.customer.name,
            "depth": 1,
            "parent": {"name": scene.partner.name},
            "ancestors": [{"name": scene.partner.name}],
        },
    ]


async def test_the_account_manager_is_told_but_is_no_user_in_sight(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    asked = "{ viewer { company { accountManager { name email user { id } } } } }"

    seen_from_below = await (await api.of(scene.cora)).ask(asked)
    beneath = await (await api.of(scene.vic)).ask(
        """{ companies(filter: {kind: [CUSTOMER]}) { edges { node {
             accountManager { email user { email } } } } } }"""
    )

    assert seen_from_below["company"]["accountManager"] == {
        "name": "Pam",
        "email": "pam@example.com",
        "user": None,
    }
    assert beneath["edges"][0]["node"]["accountManager"] == {
        "email": "pam@example.com",
        "user": {"email": "pam@example.com"},
    }


ROOTS = [
    'node(id: "x") { id }',
    'nodes(ids: ["x"]) { id }',
    'company(id: "x") { id }',
    "companies { totalCount }",
    "orders { totalCount }",
    "licenses { totalCount }",
    "users { totalCount }",
    "notifications { totalCount }",
    "auditEvents { totalCount }",
]


@pytest.mark.parametrize("root", ROOTS)
async def test_nobody_is_answered_nothing(api: Api, root: str) -> None:
    answer = await api.send(None, f"{{ {root} }}")

    [error] = answer["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    assert error["path"] == [root.split("(", maxsplit=1)[0].split(" ", maxsplit=1)[0]]


async def test_nobody_is_no_viewer(api: Api) -> None:
    assert await api.send(None, "{ viewer { user { id } } }") == {"data": {"viewer": None}}


@pytest.mark.parametrize(
    "id",
    ["", "x", "%", "é", "\0", "a" * 10_000, "Q29tcGFueTp4", "Q29tcGFueTo=", "VXNlcjo="],
)
async def test_junk_is_an_id_that_nobody_has(make: Make, api: Api, id: str) -> None:
    scene = await Scene.set(make)

    answer = await api.send(
        scene.pam,
        """query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } company(id: $id) { id }
           companies(filter: {accountManagerId: $id}) { totalCount }
           auditEvents(filter: {subjectId: $id, actorId: $id}) { totalCount } }""",
        id=id,
    )

    assert answer == {
        "data": {
            "node": None,
            "nodes": [None],
            "company": None,
            "companies": {"totalCount": 0},
            "auditEvents": {"totalCount": 0},
        }
    }


async def test_an_id_of_another_type_is_nobodys(make: Make, api: Api) -> None:
    scene = await Scene.set(make)

    found = await (await api.of(scene.pam)).ask(
        "query($id: ID!) { company(id: $id) { id } }", id=await pam_id(api, scene)
    )

    assert found is None


async def test_nodes_come_in_the_order_asked(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    [license] = await make.licenses(scene.customer, 1)
    stay = await make.allocation(license, scene.carl)
    client = await api.of(scene.pam)
    viewer = await client.ask("{ viewer { user { id } company { id } } }")
    licenses = await client.ask(
        "{ licenses { edges { node { id order { id } allocations { edges { node { id } } } } } } }"
    )
    held = licenses["edges"][0]["node"]
    ids = [
        held["allocations"]["edges"][0]["node"]["id"],
        viewer["user"]["id"],
        held["id"],
        "junk",
        viewer["company"]["id"],
        held["order"]["id"],
        viewer["user"]["id"],
    ]

    nodes = await client.ask("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=ids)

    names = ["Allocation", "User", "License", None, "Company", "Order", "User"]
    assert stay.license_id == license.id
    assert nodes == [
        {"__typename": name, "id": id} if name else None
        for name, id in zip(names, ids, strict=True)
    ]


async def test_more_than_a_thousand_nodes_are_refused(make: Make, api: Api) -> None:
    scene = await Scene.set(make)

    answer = await api.send(
        scene.pam, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 1_001
    )

    [error] = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "ids"}


async def test_a_license_ends_by_the_clock(make: Make, api: Api, clock: Clock) -> None:
    scene = await Scene.set(make)
    [license] = await make.licenses(scene.customer, 1, LicenseType.TRIAL)
    await make.allocation(license, scene.carl)
    asked = """{ licenses { edges { node { status daysRemaining expiresAt user { email }
        allocations { edges { node { releasedAt releaseReason } } } } } } }"""

    clock.move(days=30, microseconds=-1)
    last = (await (await api.of(scene.cora)).ask(asked))["edges"][0]["node"]
    clock.move(microseconds=1)
    over = (await (await api.of(scene.cora)).ask(asked))["edges"][0]["node"]

    assert (last["status"], last["daysRemaining"]) == ("ALLOCATED", 0)
    assert last["allocations"]["edges"][0]["node"] == {"releasedAt": None, "releaseReason": None}
    assert over == {
        "status": "EXPIRED",
        "daysRemaining": 0,
        "expiresAt": "2026-04-01T09:30:00Z",
        "user": {"email": "carl@example.com"},
        "allocations": {
            "edges": [{"node": {"releasedAt": "2026-04-01T09:30:00Z", "releaseReason": "EXPIRED"}}]
        },
    }


async def test_why_not_is_told_of_an_order(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    await make.order(scene.customer)
    can = "{ update { reason } assign { reason } decline { reason } cancel { reason } %s }"
    asked = "{ orders { edges { node { number viewerCan %s } } } }" % (
        can % "return { allowed reason }"
    )

    below = (await (await api.of(scene.cora)).ask(asked))["edges"][0]["node"]["viewerCan"]
    above = (await (await api.of(scene.pam)).ask(asked))["edges"][0]["node"]["viewerCan"]

    above_only = {"reason": "Orders are assigned by a company above the one that ordered."}
    assert [below[name] for name in ("assign", "decline")] == [above_only, above_only]
    assert below["update"] == below["cancel"] == {"reason": None}
    assert {above[name]["reason"] for name in ("update", "assign", "decline", "cancel")} == {None}
    assert not above["return"]["allowed"]
    assert "is still open" in above["return"]["reason"]


async def test_the_managed_plan_takes_a_managers_rights(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    await Company.filter(id=scene.customer.id).update(plan=CompanyPlan.MANAGED)
    asked = """{ viewer { company { viewerCan { requestLicenses { allowed } addUsers { allowed }
        createCompany { reason } upgradeTrial { reason } } } } }"""

    cora = (await (await api.of(scene.cora)).ask(asked))["company"]["viewerCan"]
    visitor = await managing(api, make, scene.pam, scene.customer)
    pam = (await visitor.ask(asked))["company"]["viewerCan"]

    assert (cora["requestLicenses"]["allowed"], cora["addUsers"]["allowed"]) == (True, False)
    assert (pam["requestLicenses"]["allowed"], pam["addUsers"]["allowed"]) == (True, True)
    assert (
        pam["upgradeTrial"]["reason"] == "This company has no trial to upgrade: request licenses."
    )
