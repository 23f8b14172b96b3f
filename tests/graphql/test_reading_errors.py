"""Errors at the top have a code, and tell no more than they must; instants are RFC 3339."""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
import strawberry
from graphql import GraphQLError

from app import logs
from models.errors import BadUserInput, Forbidden, InsufficientLicenses, Refusals, Unauthenticated
from schema.build import schema
from schema.errors import UserError, coded
from schema.execution.leaves import TOGETHER
from schema.payloads import Payload
from schema.scalars import as_json, taken_in, told
from tests.factories import Make
from tests.graphql.api import Api
from tests.scene import Scene


async def codes(api: Api, scene: Scene, document: str, **variables: Any) -> list[str]:
    answer = await api.send(scene.pam, document, **variables)
    return [error["extensions"]["code"] for error in answer["errors"]]


@pytest.mark.parametrize(
    ("document", "variables", "code"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ('{ companies(first: "1") { totalCount } }', {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: Int!) { companies(first: $n) { totalCount } }", {}, "BAD_USER_INPUT"),
        ("query($n: Int) { companies(first: $n) { totalCount } }", {"n": 2**31}, "BAD_USER_INPUT"),
        (
            "query($f: CompanyFilter) { companies(filter: $f) { totalCount } }",
            {"f": {"kind": ["SCHOOL"]}},
            "BAD_USER_INPUT",
        ),
        (
            "query($f: CompanyFilter) { companies(filter: $f) { totalCount } }",
            {"f": {"createdAt": {"lt": "2026-03-01T09:30:00"}}},
            "BAD_USER_INPUT",
        ),
        (
            '{ companies(filter: {createdAt: {lt: "yesterday"}}) { totalCount } }',
            {},
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "query($n: [CompanyKind!]) { companies(filter: {kind: $n}) { totalCount } }",
            {"n": [None]},
            "BAD_USER_INPUT",
        ),
    ],
)
async def test_each_error_has_its_code(
    make: Make, api: Api, document: str, variables: dict[str, Any], code: str
) -> None:
    scene = await Scene.set(make)

    assert await codes(api, scene, document, **variables) == [code]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ a " * 3_000, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_the_schema_alone_codes_its_errors(document: str, code: str) -> None:
    result = await schema.execute(document)

    assert [error.extensions for error in result.errors or []] == [{"code": code}]


async def test_suggestions_are_not_made() -> None:
    result = await schema.execute("{ compannies { totalCount } }")

    assert [error.message for error in result.errors or []] == [
        "Cannot query field 'compannies' on type 'Query'."
    ]


@pytest.mark.parametrize(
    ("cause", "message", "extensions"),
    [
        (Unauthenticated(), "Sign in first.", {"code": "UNAUTHENTICATED"}),
        (BadUserInput("No."), "No.", {"code": "BAD_USER_INPUT"}),
        (BadUserInput("No.", "x"), "No.", {"code": "BAD_USER_INPUT", "argument": "x"}),
        (Forbidden("No."), "No.", {"code": "FORBIDDEN"}),
        (None, "of GraphQL", {"code": "BAD_USER_INPUT"}),
        (GraphQLError("inside"), "of GraphQL", {"code": "BAD_USER_INPUT"}),
    ],
)
def test_what_is_told(cause: Exception | None, message: str, extensions: dict[str, str]) -> None:
    error = coded(GraphQLError("of GraphQL", path=["a", 1], original_error=cause))

    assert (error.message, error.extensions, error.path) == (message, extensions, ["a", 1])


def test_what_nobody_foresaw_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.setFormatter(logs.Wordless())
    cause = RuntimeError("the table is on fire\nDETAIL: (ann@example.com)")

    with caplog.at_level(logging.ERROR):
        error = coded(GraphQLError("the table is on fire", original_error=cause))

    assert "fire" not in error.message
    assert error.extensions == {"code": "INTERNAL_SERVER_ERROR"}
    assert "RuntimeError at None" in caplog.text
    assert "fire" not in caplog.text
    assert "ann@example.com" not in caplog.text


def test_a_code_that_is_there_stays() -> None:
    error = GraphQLError("Too deep.", extensions={"code": "QUERY_TOO_DEEP"})

    assert coded(error) is error


@strawberry.type
class Shortage(Payload):
    shortage: int = 0


def test_a_refusal_is_data() -> None:
    nested, numbered = ("person", "first_name"), ("a", 3)
    refusal = Refusals([Forbidden("No."), Forbidden("No.", nested), Forbidden("No.", numbered)])

    errors = Payload.refused(refusal).errors

    assert [(error.code, error.path) for error in errors] == [
        ("FORBIDDEN", None),
        ("FORBIDDEN", ["input", "person", "firstName"]),
        ("FORBIDDEN", ["input", "a", "3"]),
    ]
    assert UserError.of(Forbidden("No.")).message == "No."


def test_a_shortage_says_how_many_are_missing() -> None:
    assert Shortage.refused(InsufficientLicenses(7, 3)).shortage == 4
    assert Shortage.refused(Forbidden("No.")).shortage == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z"),
        ("2026-03-01t09:30:00z", "2026-03-01T09:30:00Z"),
        ("2026-03-01T09:30:00+02:00", "2026-03-01T07:30:00Z"),
        ("2026-03-01T09:30:00.000000Z", "2026-03-01T09:30:00Z"),
        ("2026-03-01T09:30:00.5-00:30", "2026-03-01T10:00:00.500000Z"),
        ("2026-03-01T09:30:00.123456789Z", "2026-03-01T09:30:00.123456Z"),
    ],
)
def test_an_instant(text: str, expected: str) -> None:
    assert told(taken_in(text)) == expected
    assert orjson.loads(as_json(TOGETHER[told]([taken_in(text)] * 2))) == [expected] * 2


@pytest.mark.usefixtures("elsewhere")
def test_the_first_and_the_last_instant_need_no_zone() -> None:
    ends = [datetime.min, datetime.max]  # noqa: DTZ901 - as asyncpg makes them

    assert orjson.loads(as_json(TOGETHER[told](ends))) == [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
    ]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The host's own zone is another than UTC."""
    with monkeypatch.context() as here:
        here.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("first", [UTC, ZoneInfo("Asia/Kolkata")], ids=str)
def test_instants_of_any_zone_are_told_in_utc(first: tzinfo) -> None:
    here = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    instants = [here.astimezone(first), here.astimezone(timezone(timedelta(hours=-5)))]

    assert orjson.loads(as_json(TOGETHER[told](instants))) == ["2026-03-01T09:30:00Z"] * 2


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2026-03-01",
        "2026-03-01T09:30:00",
        "2026-03-01T09:30Z",
        "2026-13-01T09:30:00Z",
        "2026-02-30T09:30:00Z",
        "2026-03-01T09:30:60Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "\uff12026-03-01T09:30:00Z",
        "2026-W09-7T09:30:00Z",
        1772357400,
        1.5,
        True,
        None,
        ["2026-03-01T09:30:00Z"],
    ],
)
def test_no_instant(value: Any) -> None:
    with pytest.raises(GraphQLError):
        taken_in(value)
