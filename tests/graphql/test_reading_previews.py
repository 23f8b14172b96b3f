"""A preview answers all that is selected, nested edges too, and leaves nothing behind."""

from typing import Any

import pytest

from models.orders import Order, OrderStatus
from schema.ids import global_id
from tests.factories import Make
from tests.graphql.api import Api
from tests.scene import Scene
from tests.snapshots import snapshot
from tests.stepping import settled

PAYLOAD = """{ order { status assignedQuantity
    licenses { totalCount edges { node { status company { name } } } }
    company { plan licenseSummary { total available requested } } }
    notifications { template recipient } errors { code } }"""
WAYS = {
    "a literal": ("($id: ID!)", "{orderId: $id, preview: true}", {}),
    "a variable": ("($id: ID!, $p: Boolean!)", "{orderId: $id, preview: $p}", {"p": True}),
    "its default": ("($id: ID!, $p: Boolean! = true)", "{orderId: $id, preview: $p}", {}),
    "the whole input": ("($i: AssignOrderInput!)", "$i", {"i": {"preview": True}}),
}

ASSIGN = "mutation($id: ID!) { assignOrder(input: {orderId: $id}) { errors { code } } }"
ENDED = {"decline": "DECLINED", "cancel": "CANCELLED", "return": "RETURNED"}


async def prepared(make: Make) -> tuple[Scene, str]:
    scene = await Scene.set(make)
    order = await make.order(scene.customer, 3, requested_by_id=scene.cora.id)
    return scene, global_id("Order", order.id)


def variables(given: dict[str, Any], id: str) -> dict[str, Any]:
    if "i" in given:
        return {"i": {"orderId": id, **given["i"]}}
    return {"id": id, **given}


@pytest.mark.parametrize(("declared", "input", "given"), WAYS.values(), ids=WAYS.keys())
async def test_a_preview_is_answered_and_undone(
    make: Make, api: Api, declared: str, input: str, given: dict[str, Any]
) -> None:
    scene, id = await prepared(make)
    client = await api.of(scene.pam)
    before = await snapshot()

    payload = await client.ask(
        f"mutation{declared} {{ assignOrder(input: {input}) {PAYLOAD} }}", **variables(given, id)
    )

    license = {"status": "AVAILABLE", "company": {"name": scene.customer.name}}
    assert payload == {
        "order": {
            "status": "ASSIGNED",
            "assignedQuantity": 3,
            "licenses": {"totalCount": 3, "edges": [{"node": license}] * 3},
            "company": {
                "plan": "PREMIUM",
                "licenseSummary": {"total": 3, "available": 3, "requested": 0},
            },
        },
        "notifications": [
            {"template": "ORDER_ASSIGNED", "recipient": f"{name}@example.com"}
            for name in ("cora", "carl")
        ],
        "errors": [],
    }
    assert await snapshot() == before


@pytest.mark.parametrize("deed", ENDED)
async def test_how_an_order_ends_is_previewed(make: Make, api: Api, deed: str) -> None:
    scene, id = await prepared(make)
    client = await api.of(scene.pam)
    if deed == "return":
        await client.done(ASSIGN, id=id)
    before = await snapshot()

    payload = await client.ask(
        f"""mutation($i: {deed.capitalize()}OrderInput!) {{ {deed}Order(input: $i) {{
            order {{ status decisionReason }} notifications {{ recipient }} errors {{ code }}
        }} }}""",
        i={"orderId": id, "reason": "Why", "preview": True},
    )

    assert payload == {
        "order": {"status": ENDED[deed], "decisionReason": "Why"},
        "notifications": [{"recipient": f"{name}@example.com"} for name in ("cora", "carl")],
        "errors": [],
    }
    assert await snapshot() == before


async def test_what_is_no_preview_is_done(make: Make, api: Api) -> None:
    scene, id = await prepared(make)
    client = await api.of(scene.pam)

    await client.done(
        f"""mutation($id: ID!, $p: Boolean = false, $no: Boolean = false) {{
            ... {{ assignOrder(input: {{orderId: $id, preview: $p}}) {PAYLOAD} }}
            skipped: assignOrder(input: {{orderId: $id, preview: true}}) @include(if: $no) {PAYLOAD}
        }}""".replace("$p: Boolean =", "$p: Boolean! ="),
        id=id,
    )

    [order] = await Order.all()
    assert order.status is OrderStatus.ASSIGNED


TOGETHER = {
    "two": """a: assignOrder(input: $i) { errors { code } }
        b: assignOrder(input: $i) { errors { code } }""",
    "with another": "assignOrder(input: $i) { errors { code } } signOut { errors { code } }",
    "in a fragment": "...Both",
}
BOTH = """fragment Both on Mutation {
    assignOrder(input: $i) { errors { code } } ... on Mutation { signOut { errors { code } } } }"""


@pytest.mark.parametrize("fields", TOGETHER.values(), ids=TOGETHER.keys())
async def test_a_preview_is_alone(make: Make, api: Api, fields: str) -> None:
    scene, id = await prepared(make)
    client = await api.of(scene.pam)
    before = await snapshot()

    answer = await client.send(
        f"mutation($i: AssignOrderInput!) {{ {fields} }} {BOTH if 'Both' in fields else ''}",
        i={"orderId": id, "preview": True},
    )

    [error] = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert "data" not in answer or answer["data"] is None
    assert await snapshot() == before


async def test_the_same_field_twice_is_one(make: Make, api: Api) -> None:
    scene, id = await prepared(make)

    answer = await api.send(
        scene.pam,
        """mutation($i: AssignOrderInput!) { __typename
            assignOrder(input: $i) { order { status } }
            assignOrder(input: $i) { order { assignedQuantity } } }""",
        i={"orderId": id, "preview": True},
    )

    assert answer == {
        "data": {
            "__typename": "Mutation",
            "assignOrder": {"order": {"status": "ASSIGNED", "assignedQuantity": 3}},
        }
    }


async def test_a_refused_preview_says_why(make: Make, api: Api) -> None:
    scene, id = await prepared(make)
    before = await snapshot()

    payload = await (await api.of(scene.cora)).ask(
        f"mutation($i: AssignOrderInput!) {{ assignOrder(input: $i) {PAYLOAD} }}",
        i={"orderId": id, "preview": True},
    )

    assert payload == {"order": None, "notifications": [], "errors": [{"code": "FORBIDDEN"}]}
    assert len((await snapshot())["Order"]) == len(before["Order"]) == 1


ABOUT_COMPANIES = {
    "archiveCompany": ("ArchiveCompanyInput", "company { status }", {"status": "ARCHIVED"}),
    "restoreCompany": ("RestoreCompanyInput", "company { status }", {"status": "ACTIVE"}),
    "removeManager": ("RemoveManagerInput", "user { role }", {"role": "LEARNER"}),
}


@pytest.mark.parametrize("deed", ABOUT_COMPANIES)
async def test_what_is_done_to_a_company_is_previewed(make: Make, api: Api, deed: str) -> None:
    scene = await Scene.set(make)
    pam = await api.of(scene.pam)
    company = global_id("Company", scene.customer.id)
    kind, selected, told = ABOUT_COMPANIES[deed]
    about = {"userId": global_id("User", scene.cora.id)} if deed == "removeManager" else {}
    if deed == "restoreCompany":
        archive = "mutation($c: ID!) { archiveCompany(input: {companyId: $c}) { errors { code } } }"
        await pam.done(archive, c=company)
    before = await snapshot()

    payload = await pam.ask(
        f"mutation($i: {kind}!) {{ {deed}(input: $i) {{ {selected} errors {{ code }} }} }}",
        i=(about or {"companyId": company}) | {"preview": True},
    )

    assert payload == {selected.split()[0]: told, "errors": []}
    assert await snapshot() == before


FAILING = """mutation($id: ID!) { releaseLicenses(input: {licenseIds: [$id], preview: true}) {
    licenses {
        allocations(after: "none") { totalCount }
        user { lastSignInAt }
        company { orders { totalCount } children { totalCount } viewerCan { update { allowed } } }
    }
} }"""


async def test_a_preview_that_fails_has_nothing_under_way_when_it_is_undone(
    make: Make, api: Api
) -> None:
    """What fails takes the rest of the answer with it, which is being read by then."""
    scene, _ = await prepared(make)
    [license], [ann] = (
        await make.licenses(scene.customer, 1),
        await make.learners(scene.customer, 1),
    )
    await make.allocation(license, ann)
    client = await api.of(scene.pam)
    before = await snapshot()

    id = global_id("License", license.id)
    answers = [await client.send(FAILING, id=id) for _ in range(5)]

    codes = [[error["extensions"]["code"] for error in answer["errors"]] for answer in answers]
    assert codes == [["BAD_USER_INPUT"]] * 5
    await settled()
    assert await snapshot() == before
