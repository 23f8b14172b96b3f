"""Bad input gets a named refusal with a path, or is refused before; and nothing is written."""

from typing import Any

import pytest

from models.companies import CompanyKind
from tests.factories import Make
from tests.graphql.api import Api
from tests.snapshots import snapshot

REQUEST = """mutation($input: RequestLicensesInput!) {
  requestLicenses(input: $input) { order { id } errors { code path } } }"""
CREATE = """mutation($input: CreateCompanyInput!) {
  createCompany(input: $input) { company { id } errors { code path } } }"""
ADD = """mutation($input: AddUsersInput!) {
  addUsers(input: $input) { users { id } errors { code path } } }"""
IMPORT = """mutation($input: ImportUsersInput!) {
  importUsers(input: $input) { created rowErrors { line } errors { code path } } }"""

REFUSED: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = [
    (REQUEST, {"quantity": 0}, [{"code": "INVALID_INPUT", "path": ["input", "quantity"]}]),
    (REQUEST, {"quantity": -1}, [{"code": "INVALID_INPUT", "path": ["input", "quantity"]}]),
    (REQUEST, {"quantity": 100_001}, [{"code": "INVALID_INPUT", "path": ["input", "quantity"]}]),
    (
        REQUEST,
        {"quantity": 1, "licenseType": "NFR"},
        [{"code": "INVALID_INPUT", "path": ["input", "licenseType"]}],
    ),
    (
        REQUEST,
        {"quantity": 1, "note": "x" * 2_000_000},
        [{"code": "INVALID_INPUT", "path": ["input", "note"]}],
    ),
    (
        REQUEST,
        {"quantity": 1, "purchaseOrder": "two\nlines"},
        [{"code": "INVALID_INPUT", "path": ["input", "purchaseOrder"]}],
    ),
    (
        REQUEST,
        {"quantity": 1, "idempotencyKey": "k" * 256},
        [{"code": "INVALID_INPUT", "path": ["input", "idempotencyKey"]}],
    ),
    (
        CREATE,
        {"kind": "DISTRIBUTOR", "name": "Fits not"},
        [{"code": "INVALID_INPUT", "path": ["input", "kind"]}],
    ),
    (
        CREATE,
        {"kind": "CUSTOMER", "name": "https://example.com"},
        [{"code": "INVALID_INPUT", "path": ["input", "name"]}],
    ),
    (
        CREATE,
        {"kind": "CUSTOMER", "name": " "},
        [{"code": "INVALID_INPUT", "path": ["input", "name"]}],
    ),
    (
        CREATE,
        {"kind": "CUSTOMER", "name": "New", "manager": {"email": "TAKEN@Example.com"}},
        [{"code": "DUPLICATE", "path": ["input", "manager", "email"]}],
    ),
    (
        CREATE,
        {"kind": "CUSTOMER", "name": "New", "order": {"quantity": 0}},
        [{"code": "INVALID_INPUT", "path": ["input", "order", "quantity"]}],
    ),
    (
        ADD,
        {"users": [{"email": "a@example.com"}, {"email": "no address"}, {"email": ""}]},
        [
            {"code": "INVALID_INPUT", "path": ["input", "users", "1", "email"]},
            {"code": "INVALID_INPUT", "path": ["input", "users", "2", "email"]},
        ],
    ),
    (
        ADD,
        {"users": [{"email": "taken@example.com"}], "allocate": False},
        [{"code": "DUPLICATE", "path": ["input", "users", "0", "email"]}],
    ),
    (IMPORT, {"csv": ""}, [{"code": "INVALID_INPUT", "path": ["input", "csv"]}]),
    (IMPORT, {"csv": "name\nAnn"}, [{"code": "INVALID_INPUT", "path": ["input", "csv"]}]),
    (IMPORT, {"csv": "email\n\0"}, [{"code": "INVALID_INPUT", "path": ["input", "csv"]}]),
    (
        IMPORT,
        {"csv": "email\n", "columns": {"email": "email", "firstName": "Vorname"}},
        [{"code": "INVALID_INPUT", "path": ["input", "columns", "firstName"]}],
    ),
]


@pytest.mark.parametrize(("document", "input", "errors"), REFUSED)
async def test_what_a_rule_refuses_names_the_argument_and_writes_nothing(
    make: Make, api: Api, document: str, input: dict[str, Any], errors: list[dict[str, Any]]
) -> None:
    partner = await make.partner()
    await make.user(partner, email="taken@example.com")
    account_manager = await api.of(await make.manager(partner))
    before = await snapshot()

    answer = await account_manager.send(document, input=input)

    [payload] = answer["data"].values()
    assert payload.pop("errors") == errors
    assert all(not value for value in payload.values())
    assert await snapshot() == before


REFUSED_BEFORE: list[tuple[str, dict[str, Any], str]] = [
    (REQUEST, {"input": {"quantity": 1, "licenseType": "GOLD"}}, "BAD_USER_INPUT"),
    (REQUEST, {"input": {"quantity": "one"}}, "BAD_USER_INPUT"),
    (REQUEST, {"input": {}}, "BAD_USER_INPUT"),
    ("{ orders(first: 100000) { totalCount } }", {}, "BAD_USER_INPUT"),
    ("{ orders(first: -1) { totalCount } }", {}, "BAD_USER_INPUT"),
    ("{ orders(first: 1, last: 1) { totalCount } }", {}, "BAD_USER_INPUT"),
    ('{ orders(after: "junk") { totalCount } }', {}, "BAD_USER_INPUT"),
    ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("{ orders(", {}, "GRAPHQL_PARSE_FAILED"),
]


@pytest.mark.parametrize(("document", "variables", "code"), REFUSED_BEFORE)
async def test_what_is_no_request_at_all_gets_an_error_with_a_code(
    make: Make, api: Api, document: str, variables: dict[str, Any], code: str
) -> None:
    account_manager = await api.of(await make.manager(await make.partner()))
    before = await snapshot()

    answer = await account_manager.send(document, **variables)

    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
    assert await snapshot() == before


SINCE = "query($since: DateTime!) { orders(filter: {updatedAt: {gte: $since}}) { totalCount } }"
PLACES: list[tuple[str, dict[str, Any], list[list[str]]]] = [
    (REQUEST, {"input": {"quantity": "one"}}, [["input", "quantity"]]),
    (REQUEST, {}, [["input"]]),
    (
        ADD,
        {"input": {"users": [{"email": "a@example.com"}, {"email": 3, "nothing": 1}]}},
        [["input", "users", "1", "email"], ["input", "users", "1"]],
    ),
    ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a", None]}, [["ids", "1"]]),
    (SINCE, {"since": "yesterday"}, [["since"]]),
]


@pytest.mark.parametrize(("document", "variables", "places"), PLACES)
async def test_a_variable_that_cannot_be_is_pointed_at(
    api: Api, document: str, variables: dict[str, Any], places: list[list[str]]
) -> None:
    answer = await api.send(None, document, **variables)

    assert [error["extensions"] for error in answer["errors"]] == [
        {"code": "BAD_USER_INPUT", "path": place} for place in places
    ]


@pytest.mark.parametrize(
    ("document", "column"),
    [
        ('{ orders(filter: {updatedAt: {gte: "yesterday"}}) { totalCount } }', 36),
        ("{ orders(filter: {updatedAt: {gte: 2027}}) { totalCount } }", 36),
        ("{ orders(first: true) { totalCount } }", 17),
    ],
)
async def test_a_literal_that_cannot_be_is_pointed_at(api: Api, document: str, column: int) -> None:
    [error] = (await api.send(None, document))["errors"]

    assert error["locations"] == [{"line": 1, "column": column}]
    assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


async def test_a_cursor_of_another_list_is_refused(make: Make, api: Api) -> None:
    account_manager = await make.manager(await make.partner())
    page = await api.send(account_manager, "{ users { edges { cursor } } }")
    [edge] = page["data"]["users"]["edges"]

    answer = await api.send(
        account_manager,
        "query($after: String) { companies(after: $after) { totalCount } }",
        after=edge["cursor"],
    )

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_nobody_is_answered_but_as_nobody(make: Make, api: Api) -> None:
    await make.manager(await make.company(kind=CompanyKind.CUSTOMER))

    viewer = await api.send(None, "{ viewer { user { id } } }")
    orders = await api.send(None, "{ orders { totalCount } }")
    request = await api.send(None, REQUEST, input={"quantity": 1})

    assert viewer == {"data": {"viewer": None}}
    codes = [
        error["extensions"]["code"] for answer in (orders, request) for error in answer["errors"]
    ]
    assert codes == ["UNAUTHENTICATED", "UNAUTHENTICATED"]
