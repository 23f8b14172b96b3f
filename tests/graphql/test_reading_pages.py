"""Pages over GraphQL: sizes, cursors, counts, and how many statements they cost."""

import base64
from typing import Any

import orjson
import pytest

from models.base import new_id
from models.companies import Company
from models.licenses import LicenseType
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import Api
from tests.scene import Scene
from tests.statements import statements

PAGE = "edges { cursor node { id } } pageInfo { startCursor endCursor }"
COMPANIES = f"""
query($after: String, $before: String, $first: Int, $last: Int, $order: CompanyOrder) {{
  companies(after: $after, before: $before, first: $first, last: $last, orderBy: $order) {{
    {PAGE}
  }}
}}"""


async def refused(api: Api, scene: Scene, document: str, **variables: Any) -> dict[str, Any]:
    answer = await api.send(scene.pam, document, **variables)
    [error] = answer["errors"]
    assert answer["data"] is None
    extensions: dict[str, Any] = error["extensions"]
    return extensions


@pytest.mark.parametrize(
    ("sizes", "argument"),
    [
        ({"first": -1}, "first"),
        ({"first": 201}, "first"),
        ({"first": 100_000}, "first"),
        ({"last": -1}, "last"),
        ({"last": 201}, "last"),
        ({"first": 1, "last": 1}, "last"),
        ({"first": 0, "last": 0}, "last"),
    ],
)
async def test_a_size_out_of_range(
    make: Make, api: Api, sizes: dict[str, int], argument: str
) -> None:
    scene = await Scene.set(make)

    assert await refused(api, scene, COMPANIES, **sizes) == {
        "code": "BAD_USER_INPUT",
        "argument": argument,
    }


async def test_the_sizes_there_are(make: Make, api: Api) -> None:
    partner = await make.partner()
    client = await api.of(await make.manager(partner))
    await Company.bulk_create([await unsaved(make, partner) for _ in range(204)])
    sizes: list[dict[str, Any]] = [
        {},
        {"first": 0},
        {"last": 0},
        {"first": 200},
        {"last": 3},
        {"first": None},
    ]

    pages = [await client.ask(COMPANIES, **size) for size in sizes]

    assert [len(page["edges"]) for page in pages] == [50, 0, 0, 200, 3, 50]
    assert pages[1]["pageInfo"] == {"startCursor": None, "endCursor": None}


async def unsaved(make: Make, partner: Company) -> Company:
    return Company.under(partner, "CUSTOMER", str(new_id()), at=make.clock())  # type: ignore[arg-type]


def forged(*parts: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode()


ID = "01890000-0000-7000-8000-000000000000"
CURSORS = {
    "empty": "",
    "no base64": "%%%",
    "not ASCII": "é",
    "no JSON": base64.b64encode(b"x").decode(),
    "null": base64.b64encode(b"null").decode(),
    "a number": base64.b64encode(b"1").decode(),
    "too few": forged("companies", "NAME:ASC"),
    "another list": forged("users", "NAME:ASC", "x", ID),
    "a list of a list": forged(["companies"], "NAME:ASC", "x", ID),
    "another field": forged("companies", "CREATED_AT:ASC", "2026-01-01T00:00:00+00:00", ID),
    "another direction": forged("companies", "NAME:DESC", "x", ID),
    "a null that cannot be": forged("companies", "NAME:ASC", None, ID),
    "a number for a name": forged("companies", "NAME:ASC", 1, ID),
    "a list for a name": forged("companies", "NAME:ASC", ["x"], ID),
    "NUL": forged("companies", "NAME:ASC", "\0", ID),
    "no id": forged("companies", "NAME:ASC", "x", "x"),
    "a number for an id": forged("companies", "NAME:ASC", "x", 7),
    "very long": forged("companies", "NAME:ASC", "x" * 100_000, ID),
    "very deep": base64.b64encode(b"[" * 100_000).decode(),
}


@pytest.mark.parametrize("argument", ["after", "before"])
@pytest.mark.parametrize("cursor", CURSORS.values(), ids=CURSORS.keys())
async def test_a_cursor_of_something_else(make: Make, api: Api, cursor: str, argument: str) -> None:
    scene = await Scene.set(make)

    assert await refused(api, scene, COMPANIES, **{argument: cursor}) == {
        "code": "BAD_USER_INPUT",
        "argument": argument,
    }


@pytest.mark.parametrize(
    "value",
    ["2026-01-01", "2026-01-01T00:00:00", "0001-01-01T00:00:00+23:00", "yesterday", "", 1, None],
)
async def test_a_forged_instant(make: Make, api: Api, value: Any) -> None:
    scene = await Scene.set(make)
    cursor = forged("companies", "CREATED_AT:ASC", value, ID)

    extensions = await refused(api, scene, COMPANIES, after=cursor, order={"field": "CREATED_AT"})

    assert extensions == {"code": "BAD_USER_INPUT", "argument": "after"}


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 10**18, True, 1.5, "1"])
async def test_a_forged_number(make: Make, api: Api, value: Any) -> None:
    scene = await Scene.set(make)
    cursor = forged("orders", "QUANTITY:DESC", value, ID)

    extensions = await refused(
        api,
        scene,
        "query($c: String) { orders(after: $c, orderBy: {field: QUANTITY}) { edges { cursor } } }",
        c=cursor,
    )

    assert extensions["code"] == "BAD_USER_INPUT"


async def test_a_cursor_belongs_to_one_parent(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    others = [await make.company(scene.partner) for _ in range(2)]
    for company in (scene.customer, *others):
        await make.order(company)
    listed = """query($after: String) { companies(filter: {kind: [CUSTOMER]}) { edges { node {
        id orders(first: 1, after: $after) { edges { cursor } } } } } }"""
    client = await api.of(scene.pam)
    first = (await client.ask(listed))["edges"][0]["node"]
    cursor = first["orders"]["edges"][0]["cursor"]

    own = await client.ask(
        """query($id: ID!, $after: String) { company(id: $id) {
            orders(after: $after) { edges { cursor } pageInfo { hasPreviousPage } } } }""",
        id=first["id"],
        after=cursor,
    )
    answer = await client.send(listed, after=cursor)
    root = await client.send(
        "query($after: String) { orders(after: $after) { edges { cursor } } }", after=cursor
    )

    assert own["orders"] == {"edges": [], "pageInfo": {"hasPreviousPage": True}}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
    assert [error["extensions"]["code"] for error in root["errors"]] == ["BAD_USER_INPUT"]


async def test_a_cursor_outlives_its_row_and_another_filter(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    made = [await make.company(scene.partner, name=name) for name in ("b", "c", "d")]
    asked = """query($after: String, $f: CompanyFilter) {
        companies(first: 10, after: $after, filter: $f) {
            edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage } } }"""
    client = await api.of(scene.pam)
    some = {"name": {"in": ["b", "c", "d"]}}
    [_, c, _] = (await client.ask(asked, f=some))["edges"]
    await made[1].delete()

    behind = await client.ask(asked, after=c["cursor"], f=some)
    alone = await client.ask(asked, after=c["cursor"], f={"name": {"in": ["d"]}})

    assert [edge["node"]["name"] for edge in behind["edges"]] == ["d"]
    assert behind["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True}
    assert alone["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": False}


async def test_a_window_between_two_cursors(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    for name in "bcdef":
        await make.company(scene.partner, name=name)
    asked = """query($after: String, $before: String, $first: Int, $last: Int) {
        companies(after: $after, before: $before, first: $first, last: $last,
            filter: {name: {in: ["b", "c", "d", "e", "f"]}}) {
            edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage }
            totalCount } }"""
    client = await api.of(scene.pam)
    cursors = [edge["cursor"] for edge in (await client.ask(asked))["edges"]]
    between = {"after": cursors[0], "before": cursors[4]}

    pages = {
        name: await client.ask(asked, **between, **size)
        for name, size in {"all": {}, "first": {"first": 2}, "last": {"last": 2}}.items()
    }

    assert {
        name: "".join(edge["node"]["name"] for edge in page["edges"])
        for name, page in pages.items()
    } == {"all": "cde", "first": "cd", "last": "de"}
    around = {"hasNextPage": True, "hasPreviousPage": True}
    assert [(page["pageInfo"], page["totalCount"]) for page in pages.values()] == [(around, 5)] * 3


async def test_a_page_without_rows_tells_how_many_there_are(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    for name in "bcd":
        await make.company(scene.partner, name=name)
    asked = """query($after: String, $before: String, $first: Int, $last: Int, $f: [String!]!) {
        companies(after: $after, before: $before, first: $first, last: $last,
            filter: {name: {in: $f}}) { edges { cursor } totalCount } }"""
    client = await api.of(scene.pam)
    some = ["b", "c", "d"]
    cursors = [edge["cursor"] for edge in (await client.ask(asked, f=some))["edges"]]

    pages = [
        await client.ask(asked, **size)
        for size in (
            {"f": some, "after": cursors[-1]},
            {"f": some, "before": cursors[0]},
            {"f": some, "first": 0},
            {"f": some, "last": 0},
            {"f": ["e"]},
        )
    ]

    assert [page["edges"] for page in pages] == [[]] * 5
    assert [page["totalCount"] for page in pages] == [3, 3, 3, 3, 0]


async def test_a_long_filter_is_answered_with_or_without_how_many_there_are(
    make: Make, api: Api
) -> None:
    """One statement for both would send its values twice, and a database takes some 32,000."""
    scene = await Scene.set(make)
    order = await make.order(scene.customer)
    client = await api.of(scene.pam)
    names = [scene.customer.name, *(f"x{number}" for number in range(16_999))]
    filter = {
        "or": [{"companyName": {"in": names[at : at + 1_000]}} for at in range(0, 17_000, 1_000)]
    }
    asked = "query($f: OrderFilter) { orders(filter: $f) { totalCount edges { node { number } } } }"

    page = await client.ask(asked, f=filter)

    assert page == {"totalCount": 1, "edges": [{"node": {"number": order.number}}]}


SELECTIONS = {
    "__typename": (False, False),
    "edges { node { id } }": (True, False),
    "pageInfo { hasNextPage }": (True, False),
    "totalCount": (False, True),
    "...Count": (False, True),
    "...Deep ...Deep": (False, True),
    "... on CompanyConnection { totalCount }": (False, True),
    "totalCount @skip(if: $yes)": (False, False),
    "totalCount @skip(if: true)": (False, False),
    "... @include(if: $no) { totalCount }": (False, False),
    "...Count @include(if: $no)": (False, False),
    "totalCount @include(if: $yes)": (False, True),
    "count: totalCount edges { cursor }": (True, True),
}
COUNT = "fragment Count on CompanyConnection { totalCount }"
DEEP = f"""{COUNT}
fragment Deep on CompanyConnection {{ ...Deeper ...Deeper }}
fragment Deeper on CompanyConnection {{ ...Count ...Count }}"""


@pytest.mark.parametrize(("selection", "expected"), SELECTIONS.items())
async def test_what_is_not_selected_is_not_asked(
    make: Make, api: Api, selection: str, expected: tuple[bool, bool]
) -> None:
    """For rows, or how many there are; what is asked is asked with one statement."""
    scene = await Scene.set(make)
    client = await api.of(scene.pam)
    fragments = DEEP if "Deep" in selection else COUNT if "Count" in selection[:8] else ""
    document = f"""query($yes: Boolean = true, $no: Boolean = false) {{
        companies {{ {selection} }} here: __typename @include(if: $yes) @skip(if: $no)
    }} {fragments if "..." in selection else ""}"""

    with statements() as kept:
        answer = await client.send(document)

    assert "errors" not in answer
    lists = [each for each in kept if 'FROM "companies"' in each]
    sent = "".join(lists)
    assert (" LIMIT " in sent, "COUNT(*)" in sent) == expected
    assert len(lists) == any(expected)


EVERYTHING = """
query($first: Int) {
  companies(first: $first, filter: {kind: [CUSTOMER]}) { totalCount edges { cursor node {
    id name parent { name } ancestors { name } accountManager { name user { id } } managers { id }
    licenseSummary { total allocated requested licenseDaysIdle }
    below: licenseSummary(scope: SUBTREE) { total nextExpiryAt }
    viewerCan { upgradeTrial { reason } }
    children(first: 2) { totalCount edges { node { id } } }
    descendants(first: 2) { totalCount edges { node { id } } }
    users(first: 3) { totalCount edges { node {
      name license { id status } company { name }
      allocations(first: 3) { totalCount edges { node {
        license { type } user { name } allocatedBy { name }
      } } }
    } } }
    orders(first: 2, orderBy: {field: COMPANY_NAME}) { totalCount edges { node {
      number requestedBy { email } onBehalfOf { id } viewerCan { return { reason } }
      licenses(first: 2) { totalCount edges { node { id user { name } order { number } } } }
    } } }
    licenses(first: 2, filter: {status: [ALLOCATED], userName: {contains: "user"}}) {
      totalCount edges { node { id allocations(first: 1) { edges { node { id } } } } }
      pageInfo { hasNextPage }
    }
  } } }
}"""


async def test_fifty_parents_cost_as_many_statements_as_ten(
    make: Make, api: Api, clock: Clock
) -> None:
    scene = await Scene.set(make)
    for number in range(50):
        company = await make.company(scene.partner, account_manager_id=scene.pam.id)
        [license, _] = await make.licenses(company, 2, LicenseType.TRIAL)
        [learner] = await make.learners(company, 1)
        if number % 2:
            await make.allocation(license, learner)
        await make.order(company, requested_by_id=scene.pam.id)
    client = await api.of(scene.pam)

    async def cost(first: int) -> int:
        with statements() as kept:
            page = await client.ask(EVERYTHING, first=first)
        assert len(page["edges"]) == first
        return len(kept)

    few, many = await cost(10), await cost(50)

    assert few == many
    assert many < 50
