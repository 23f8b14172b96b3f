"""Lists as CSV: who may download what, how it looks in the file, and that half of it is seen."""

import csv
import io
import json
from typing import Any, Final
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from graphql import (
    GraphQLObjectType,
    build_schema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from strawberry.relay import to_base64

from app.export import EXPORTS, cell
from models.audit import AuditEvent
from models.companies import Company
from models.errors import Conflict
from models.licenses import License, LicenseType
from models.orders import Order
from models.tokens import ApiScope, ApiToken
from models.users import User
from resolvers.companies import move_company
from resolvers.reading.exports import PAGE, all_pages
from resolvers.reading.users import USERS
from resolvers.reading.windows import Scope as OfWhich
from schema.build import export_schema
from tests.conftest import Clock
from tests.crowds import crowd
from tests.factories import Make
from tests.graphql.api import Api
from tests.http.client import Client
from tests.http.server import Server
from tests.scene import Do, Scene
from tests.smtp import Catcher
from tests.snapshots import snapshot
from tests.statements import statements

COLUMNS: Final = {
    "licenses": "id type status assignedAt allocatedAt expiresAt daysRemaining updatedAt"
    " companyId companyName orderId userId userEmail",
    "orders": "id number licenseType quantity assignedQuantity status origin purchaseOrder note"
    " requestedAt updatedAt assignedAt expiresAt decidedAt decisionReason remindedAt"
    " companyId companyName licenseDaysElapsed licenseDaysUsed licenseDaysIdle",
    "users": "id email firstName lastName name department role status externalId lastSignInAt"
    " createdAt updatedAt companyId companyName",
}
"""As they stand in people's scripts: an old one keeps its place, a new one is added at the end."""
TYPES: Final = {"licenses": "License", "orders": "Order", "users": "User"}


@pytest_asyncio.fixture
async def scene(make: Make) -> Scene:
    return await Scene.set(make)


@pytest.fixture
def do(clock: Clock) -> Do:
    return Do(clock)


async def get(client: Client, name: str, method: str = "GET", **asked: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {client.token}"} if client.token else {}
    return await client.http.request(method, f"/export/{name}.csv", params=asked, headers=headers)


async def download(client: Client, name: str, **asked: str) -> list[dict[str, str]]:
    response = await get(client, name, **asked)
    assert response.status_code == 200, response.text
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


def global_id(row: Any) -> str:
    return to_base64(type(row).__name__, str(row.id))


@pytest.mark.parametrize("name", EXPORTS)
def test_columns_keep_their_places(name: str) -> None:
    assert list(EXPORTS[name].columns) == COLUMNS[name].split()


@pytest.mark.parametrize("name", EXPORTS)
def test_every_scalar_of_the_type_is_a_column(name: str) -> None:
    kind = build_schema(export_schema()).type_map[TYPES[name]]
    assert isinstance(kind, GraphQLObjectType)

    scalars = {
        field
        for field, definition in kind.fields.items()
        if is_leaf_type(get_named_type(definition.type))
        and not is_list_type(get_nullable_type(definition.type))
    }

    assert scalars - set(EXPORTS[name].columns) == set()


async def test_licenses_are_told_with_whose_they_are(
    scene: Scene, make: Make, api: Api, clock: Clock
) -> None:
    free, held = await make.licenses(scene.customer, 2)
    learner = await make.user(scene.customer, email="ann@example.com")
    await make.allocation(held, learner)
    order = await Order.get()
    clock.move(days=1)

    rows = await download(await api.of(scene.cora), "licenses")

    of_company = {
        "type": "PREMIUM",
        "assignedAt": "2026-03-02T09:30:00Z",
        "expiresAt": "2027-03-02T09:30:00Z",
        "daysRemaining": "364",
        "updatedAt": "2026-03-02T09:30:00Z",
        "companyId": global_id(scene.customer),
        "companyName": "Customer",
        "orderId": global_id(order),
    }
    assert rows == [
        {
            **of_company,
            "id": global_id(free),
            "status": "AVAILABLE",
            "allocatedAt": "",
            "userId": "",
            "userEmail": "",
        },
        {
            **of_company,
            "id": global_id(held),
            "status": "ALLOCATED",
            "allocatedAt": "2026-03-02T09:30:00Z",
            "userId": global_id(learner),
            "userEmail": "ann@example.com",
        },
    ]


async def test_orders_and_users_are_told(scene: Scene, make: Make, api: Api) -> None:
    order = await make.order(scene.customer, 3, purchase_order="PO-7", note='Two\nlines, "quoted"')
    ann = await make.user(scene.customer, email="ann@example.com", external_id="007")
    cora = await api.of(scene.cora)

    [told] = await download(cora, "orders")
    people = {row["email"]: row for row in await download(cora, "users")}

    filled = {name: value for name, value in told.items() if value}
    assert filled == {
        "id": global_id(order),
        "number": order.number,
        "licenseType": "PREMIUM",
        "quantity": "3",
        "assignedQuantity": "0",
        "status": "REQUESTED",
        "origin": "CUSTOMER_REQUEST",
        "purchaseOrder": "PO-7",
        "note": 'Two\nlines, "quoted"',
        "requestedAt": "2026-03-02T09:30:00Z",
        "updatedAt": "2026-03-02T09:30:00Z",
        "companyId": global_id(scene.customer),
        "companyName": "Customer",
        "licenseDaysElapsed": "0",
        "licenseDaysUsed": "0",
        "licenseDaysIdle": "0",
    }
    assert set(people) == {"cora@example.com", "carl@example.com", "ann@example.com"}
    assert people["ann@example.com"] == {
        "id": global_id(ann),
        "email": "ann@example.com",
        "firstName": ann.first_name,
        "lastName": "",
        "name": ann.name,
        "department": "",
        "role": "LEARNER",
        "status": "INVITED",
        "externalId": "007",
        "lastSignInAt": "",
        "createdAt": "2026-03-02T09:30:00Z",
        "updatedAt": "2026-03-02T09:30:00Z",
        "companyId": global_id(scene.customer),
        "companyName": "Customer",
    }


async def test_what_is_gone_is_left_out_as_in_lists(
    scene: Scene, make: Make, api: Api, clock: Clock
) -> None:
    await make.user(scene.customer, removed_at=clock())
    await make.licenses(scene.customer, 1)
    await Order.all().update(status="RETURNED")
    await make.licenses(scene.customer, 1, LicenseType.MANAGED)
    await License.filter(type=LicenseType.PREMIUM).update(voided_at=clock())
    cora = await api.of(scene.cora)

    assert len(await download(cora, "users")) == 2
    assert [row["type"] for row in await download(cora, "licenses")] == ["MANAGED"]
    assert [row["status"] for row in await download(cora, "orders")] == ["RETURNED", "ASSIGNED"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["Partner", "Customer", "Beside"]),
        ({"scope": "OWN"}, ["Partner"]),
        ({"scope": "BELOW"}, ["Customer", "Beside"]),
        ({"companyId": "customer"}, ["Customer"]),
        ({"companyId": "customer", "scope": "BELOW"}, []),
        ({"companyId": "partner", "scope": "OWN"}, ["Partner"]),
    ],
)
async def test_the_company_and_the_scope_say_of_whom(
    scene: Scene, make: Make, api: Api, asked: dict[str, str], found: list[str]
) -> None:
    beside = await make.company(scene.partner, name="Beside")
    for company in (scene.vendor, scene.partner, scene.customer, beside):
        await make.licenses(company, 1)
    given = dict(asked)
    if "companyId" in given:
        given["companyId"] = global_id(getattr(scene, given["companyId"]))

    rows = await download(await api.of(scene.pam), "licenses", **given)

    assert sorted(row["companyName"] for row in rows) == sorted(found)


async def test_a_learner_downloads_what_lists_show_them(scene: Scene, make: Make, api: Api) -> None:
    ann, _ = await make.learners(scene.customer, 2)
    held, _ = await make.licenses(scene.customer, 2)
    await make.allocation(held, ann)
    client = await api.of(ann)

    assert [row["email"] for row in await download(client, "users")] == [ann.email]
    assert await download(client, "orders") == []
    [license] = await download(client, "licenses")
    assert (license["id"], license["userEmail"], license["orderId"]) == (
        global_id(held),
        ann.email,
        "",
    )


@pytest.mark.parametrize("name", EXPORTS)
async def test_nothing_of_another_branch_is_downloaded(
    scene: Scene, make: Make, api: Api, name: str
) -> None:
    other = await make.company(await make.partner(), licenses=1)
    await make.manager(other)
    cora = await api.of(scene.cora)
    before = await snapshot()

    foreign = [global_id(each) for each in (other, scene.partner, scene.vendor)]
    answers = [
        await get(cora, name, companyId=id)
        for id in (*foreign, to_base64("Company", str(scene.cora.id)), global_id(scene.cora), "x")
    ]

    assert {(answer.status_code, answer.content) for answer in answers} == {
        (
            404,
            b'{"errors":[{"message":"There is no such company here.",'
            b'"extensions":{"code":"NOT_FOUND"}}]}',
        )
    }
    assert await snapshot() == before
    assert {row["companyName"] for row in await download(cora, name)} <= {"Customer"}


@pytest.mark.parametrize(
    "query",
    ["scope=ALL", "scope=", "scope=OWN&scope=OWN", "status=VOID", "companyId=x&b=%ff", "a=1" * 20],
)
async def test_parameters_that_are_none_are_told(scene: Scene, api: Api, query: str) -> None:
    cora = await api.of(scene.cora)

    answer = await cora.http.get(
        f"/export/users.csv?{query}", headers={"Authorization": f"Bearer {cora.token}"}
    )

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    [error] = answer.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert await AuditEvent.all().count() == 0


WRONG = [
    *("", "x", "[]", '"name"', '{"nobody": {"eq": "x"}}', '{"name": "x"}', '{"role": ["BOSS"]}'),
    '{"or": ' * 30 + "[]" + "}" * 30,
    '{"or": [' * 7 + '{"role": ["LEARNER"]}' + "]}" * 7,
]


@pytest.mark.parametrize("filter", WRONG)
async def test_a_filter_that_is_none_is_told_before_anything_leaves(
    scene: Scene, api: Api, filter: str
) -> None:
    answer = await get(await api.of(scene.cora), "users", filter=filter)

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] in {"BAD_USER_INPUT", "BAD_REQUEST", "JSON_TOO_DEEP"}
    assert await AuditEvent.all().count() == 0


async def test_a_file_is_narrowed_by_the_filter_of_its_list(
    scene: Scene, make: Make, api: Api, clock: Clock
) -> None:
    ann, ben = await make.learners(scene.customer, 2)
    first, second = await make.licenses(scene.customer, 2)
    await make.allocation(first, ann)
    await User.filter(id=ben.id).update(removed_at=clock())
    order = await Order.get()
    pam = await api.of(scene.pam)

    async def ids(name: str, **filter: Any) -> set[str]:
        return {row["id"] for row in await download(pam, name, filter=json.dumps(filter))}

    assert len(await download(pam, "users", filter="null")) == 5
    assert await ids("users", role=["LEARNER"]) == {global_id(ann)}
    assert await ids("users", role=["LEARNER"], status=["REMOVED"]) == {global_id(ben)}
    assert await ids("users", email={"startsWith": "CAR"}) == {global_id(scene.carl)}
    assert await ids("users", companyId=global_id(scene.partner)) == {
        global_id(each) for each in (scene.pam, scene.paul)
    }
    assert await ids("licenses", userEmail={"eq": ann.email}) == {global_id(first)}
    assert await ids("licenses", status=["AVAILABLE"]) == {global_id(second)}
    assert await ids("orders", requestedAt={"lt": "2026-03-01T00:00:00Z"}) == set()
    assert await ids("orders", **{"or": [{"quantity": {"gte": 2}}, {"quantity": {"eq": 1}}]}) == {
        global_id(order)
    }


@pytest.mark.parametrize("name", EXPORTS)
async def test_nobody_downloads_nothing(api: Api, name: str) -> None:
    for client in (await api.of(None), api.by("cnp_nobody"), api.by("nobody")):
        answer = await get(client, name)

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_an_api_token_needs_read(scene: Scene, make: Make, api: Api) -> None:
    writes = await make.api_token(scene.cora, *(set(ApiScope) - {ApiScope.READ}))
    reads = await make.api_token(scene.cora, ApiScope.READ)

    answer = await get(api.by(writes), "users")

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    assert len(await download(api.by(reads), "users")) == 2
    _, token = await ApiToken.all().order_by("id")
    assert token.last_used_at == make.now
    event = await AuditEvent.get()
    assert (event.action, event.actor_id, event.api_token_id) == (
        "export.downloaded",
        scene.cora.id,
        token.id,
    )
    assert event.facts == {"what": "users", "scope": "SUBTREE", "filtered": False}


async def test_whether_it_was_narrowed_is_written_down_and_what_it_looked_for_is_not(
    scene: Scene, api: Api
) -> None:
    cora = await api.of(scene.cora)
    await download(cora, "users", filter='{"email": {"eq": "cora@example.com"}}')
    await download(cora, "users", filter="{}")

    told = await cora.ask("{ auditEvents(last: 2) { edges { node { summary } } } }")

    whose = scene.customer.name
    assert sorted(edge["node"]["summary"] for edge in told["edges"]) == [
        f"Cora downloaded a filtered export of {whose}.",
        f"Cora downloaded an export of {whose}.",
    ]
    assert sorted((event.facts for event in await AuditEvent.all()), key=str) == [
        {"what": "users", "scope": "SUBTREE", "filtered": False},
        {"what": "users", "scope": "SUBTREE", "filtered": True},
    ]


async def test_a_download_is_a_file_that_no_cache_keeps(scene: Scene, api: Api) -> None:
    answer = await get(await api.of(scene.cora), "orders")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == 'attachment; filename="orders.csv"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text == ",".join(COLUMNS["orders"].split()) + "\r\n"


async def test_head_tells_the_headers_and_other_methods_are_none(scene: Scene, api: Api) -> None:
    cora = await api.of(scene.cora)

    head, post = await get(cora, "users", "HEAD"), await get(cora, "users", "POST")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-disposition"] == 'attachment; filename="users.csv"'
    assert "content-length" not in head.headers
    assert (post.status_code, post.headers["allow"]) == (405, "GET, HEAD")
    assert post.json()["errors"][0]["extensions"] == {"code": "METHOD_NOT_ALLOWED"}
    assert await AuditEvent.all().count() == 0


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30 1234", "'+49 30 1234"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"),
        ("a=1", "a=1"),
        ("", ""),
        (-1, -1),
        ("x;=1+1;y", "x;'=1+1;y"),
        ("x;-1;@y;\uff1d1", "x;'-1;'@y;'\uff1d1"),
        ("x\n+1\t=2", "x\n'+1\t'=2"),
        ("=1;=2", "'=1;'=2"),
        ("x; y-z=1, 2+3", "x; y-z=1, 2+3"),
        (None, None),
    ],
)
def test_no_text_is_a_formula_to_a_spreadsheet(value: object, told: object) -> None:
    assert cell(value) == told


async def test_names_from_outside_are_no_formulas_in_the_file(
    scene: Scene, make: Make, api: Api
) -> None:
    await make.user(scene.customer, first_name='=HYPERLINK("http", "x")', last_name="@Ann")
    await Company.filter(id=scene.customer.id).update(name="-Customer")

    *_, ann = await download(await api.of(scene.cora), "users")

    assert (ann["firstName"], ann["lastName"]) == ('\'=HYPERLINK("http", "x")', "'@Ann")
    assert ann["name"] == '\'=HYPERLINK("http", "x") @Ann'
    assert ann["companyName"] == "'-Customer"


async def test_every_row_is_told_once_page_by_page_with_as_many_statements_for_each(
    scene: Scene, make: Make, api: Api, clock: Clock
) -> None:
    beside = await make.company(scene.partner)
    ids = await crowd(scene.customer, 700, at=clock()) + await crowd(beside, 700, at=clock())
    client = await api.of(scene.pam)

    with statements() as for_one:
        await download(client, "users", scope="OWN")
    with statements() as for_many:
        rows = await download(client, "users")

    people = await User.filter(company_id__not=scene.vendor.id).values_list("id", flat=True)
    assert len(people) == len(ids) + 4
    assert sorted(row["id"] for row in rows) == sorted(to_base64("User", str(id)) for id in people)
    assert (
        len(for_many) - len(for_one) == 2 * 5
    )  # for each page more: rows, companies, the rights again, and whether anything moved


async def test_a_download_during_which_a_company_moves_is_seen_to_be_broken(
    scene: Scene, make: Make, do: Do, clock: Clock
) -> None:
    """Its rows would be left out, or told twice; and of one that is moved itself no more came."""
    caller = await do.sign_in(scene.vic)
    other = await make.partner()
    await crowd(scene.customer, PAGE + 1, at=clock())

    async def told(exported: Company, moved_to: Company | None = None) -> list[UUID]:
        found: list[UUID] = []
        exported = await Company.get(id=exported.id)
        async for _, rows in all_pages(caller, clock, USERS, exported, OfWhich.SUBTREE):
            found += [user.id for user in rows]
            if moved_to is not None:
                await do(scene.vic, move_company, scene.customer.id, moved_to.id)
        return found

    with pytest.raises(Conflict, match="was moved during the download"):
        await told(scene.customer, other)
    with pytest.raises(Conflict, match="was moved during the download"):
        await told(scene.vendor, scene.partner)
    assert len(set(await told(scene.partner))) == PAGE + 1 + 4


async def test_a_download_goes_on_no_longer_than_the_rights_and_is_seen_to_be_broken(
    make: Make, clock: Clock, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    company = await make.company()
    secret = await make.api_token(await make.manager(company))
    await crowd(company, 30_000, at=clock())
    log = tmp_path_factory.mktemp("export") / "log"
    headers = {"Authorization": f"Bearer {secret}"}

    async with (
        Catcher() as catcher,
        Server(database_url, catcher.port, log) as server,
        httpx.AsyncClient(base_url=server.url, timeout=60, headers=headers) as http,
        http.stream("GET", "/export/users.csv") as response,
    ):
        chunks = response.aiter_bytes()
        await anext(chunks)
        other = await http.get("/export/orders.csv")
        await ApiToken.all().update(revoked_at=clock())
        with pytest.raises(httpx.RemoteProtocolError):
            async for _ in chunks:
                pass

    assert (response.status_code, other.status_code) == (200, 200)
