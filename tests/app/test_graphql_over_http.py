"""What /graphql makes of requests, whatever schema is behind it; over a real socket."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import strawberry
from starlette.applications import Starlette
from starlette.routing import Route

from app import logs
from app.clock import utc_now
from app.graphql import GraphQL
from app.places import Places
from app.rates import Rates
from app.requests import GRAPHQL_RESPONSE, JSON
from app.settings import load
from schema.context import Context
from tests.app.live import serving

SECRET = "ann@example.com"


reading_ended = threading.Event()


async def never(*_: object) -> dict[int, str]:
    try:
        await asyncio.Event().wait()
    finally:
        reading_ended.set()
    return {}


@strawberry.type
class Query:
    @strawberry.field
    def word(self, of: str = "leaf") -> str:
        return of

    @strawberry.field
    def number(self, of: int = 1) -> int:
        return of

    @strawberry.field
    async def wrong(self) -> str | None:
        raise RuntimeError(f"the database says\nDETAIL: {SECRET} is there")

    @strawberry.field
    async def same(self) -> "Query":
        return self

    @strawberry.field
    async def endless(self) -> str | None:
        await asyncio.Event().wait()
        return None

    @strawberry.field
    async def read(self, info: strawberry.Info[Context, None]) -> str | None:
        found: str | None = await info.context.reader.load(never, 1)
        return found

    @strawberry.field
    def many(self) -> list["Query"]:
        return [Query()] * 50


@strawberry.type
class Mutation:
    @strawberry.mutation
    def grow(self) -> bool:
        return True


class Schema(strawberry.Schema):
    def process_errors(self, *_: Any) -> None:
        """The endpoint tells of them; Strawberry's own log quotes what people sent."""


@contextmanager
def served(**settings: Any) -> Iterator[httpx.Client]:
    told = load(_env_file=None, rate_limit="off", **settings)
    endpoint = GraphQL(Schema(Query, Mutation), told, utc_now, Rates(told, utc_now), Places(told))
    with (
        serving(Starlette(routes=[Route("/graphql", endpoint)])) as address,
        httpx.Client(base_url=address, timeout=20) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with served(max_body_bytes=1_000_000) as client:
        yield client


@pytest.fixture(scope="module")
def strict() -> Iterator[httpx.Client]:
    with served(
        max_query_depth=5,
        max_query_root_fields=2,
        max_query_aliases=2,
        max_query_directives=2,
        max_query_cost=1_000,
        max_errors=3,
    ) as client:
        yield client


def post(client: httpx.Client, body: Any, **headers: str) -> httpx.Response:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    return client.post("/graphql", **sent, headers={"Content-Type": JSON} | headers)


def codes(response: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json()["errors"]]


def test_a_query_by_post_is_answered(client: httpx.Client) -> None:
    response = post(
        client,
        {
            "query": "query A { word } query B($of: Int!) { number(of: $of) }",
            "variables": {"of": 7},
            "operationName": "B",
            "extensions": {},
        },
    )

    assert response.status_code == 200
    assert response.json() == {"data": {"number": 7}}
    assert response.headers["content-type"] == "application/json; charset=utf-8"


def test_a_query_by_get_is_answered(client: httpx.Client) -> None:
    parameters = {
        "query": "query A($of: String!) { word(of: $of) }",
        "variables": '{"of": "Blatt & Ähre"}',
        "operationName": "A",
    }

    response = client.get("/graphql", params=parameters)

    assert (response.status_code, response.json()) == (200, {"data": {"word": "Blatt & Ähre"}})


MALFORMED = {
    "nothing": b"",
    "null": b"null",
    "a string": b'"{ word }"',
    "a number": b"1",
    "an array": b'[{"query": "{ word }"}]',
    "an empty object": b"{}",
    "not JSON": b"{query}",
    "cut off": b'{"query": "{ wo',
    "not UTF-8": b'{"query": "{ word(of: \\"\xff\\") }"}',
    "UTF-16": '{"query": "{ word }"}'.encode("utf-16"),
    "half a surrogate pair": b'{"query": "{ word }", "variables": {"a": "\\ud800"}}',
    "NaN": b'{"query": "{ word }", "variables": {"a": NaN}}',
    "a query that is null": b'{"query": null}',
    "a query that is a number": b'{"query": 1}',
    "a query of blanks": b'{"query": "  "}',
    "variables in an array": b'{"query": "{ word }", "variables": []}',
    "variables in a string": b'{"query": "{ word }", "variables": "{}"}',
    "variables that are a number": b'{"query": "{ word }", "variables": 0}',
    "extensions in a string": b'{"query": "{ word }", "extensions": "{}"}',
    "an operation name that is a number": b'{"query": "{ word }", "operationName": 1}',
    "an operation name that is false": b'{"query": "{ word }", "operationName": false}',
    "10,000 levels": b'{"query": "{ word }", "variables": {"a": '
    + b"[" * 10_000
    + b"]" * 10_000
    + b"}}",
    "10,000 objects": b'{"variables": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
}


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_RESPONSE])
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_body_is_a_clean_400(client: httpx.Client, body: bytes, accept: str) -> None:
    response = post(client, body, Accept=accept)

    assert response.status_code == 400
    assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    assert codes(response) == ["BAD_REQUEST"]
    assert response.json().keys() == {"errors"}


def test_json_nested_deeper_than_the_limit_is_refused(client: httpx.Client) -> None:
    body = b'{"query": "{ word }", "variables": {"a": ' + b"[" * 100 + b"]" * 100 + b"}}"

    response = post(client, body)

    assert (response.status_code, codes(response)) == (400, ["JSON_TOO_DEEP"])


def test_json_of_more_arrays_than_the_limit_is_refused(client: httpx.Client) -> None:
    response = post(client, b'{"query": "{ word }", "variables": {"a": [' + b"[]," * 250_000)

    assert (response.status_code, codes(response)) == (400, ["JSON_TOO_LARGE"])


@pytest.mark.parametrize("number", ["9" * 5_000, "1e999", "-1e400", "2147483648", "0.5"])
def test_a_number_out_of_range_is_bad_input(client: httpx.Client, number: str) -> None:
    query = "query A($of: Int!) { number(of: $of) }"
    body = f'{{"query": "{query}", "variables": {{"of": {number}}}}}'.encode()

    response = post(client, body, Accept=GRAPHQL_RESPONSE)

    assert response.status_code == 400
    assert codes(response)[0] in {"BAD_USER_INPUT", "BAD_REQUEST"}
    assert "data" not in response.json()


DOCUMENTS = {
    "no syntax": ("{ word", "GRAPHQL_PARSE_FAILED"),
    "an unknown field": ("{ leaf }", "GRAPHQL_VALIDATION_FAILED"),
    "a huge literal": ("{ number(of: " + "9" * 5_000 + ") }", "NUMBER_TOO_LONG"),
    "a variable left out": ("query A($of: Int!) { number(of: $of) }", "BAD_USER_INPUT"),
    "10,000 levels": ("{ same " * 10_000 + "{ word }" + "}" * 10_000, "QUERY_TOO_LARGE"),
    "500 levels": ("{ same " * 500 + "{ word }" + "}" * 500, "QUERY_TOO_LARGE"),
    "too many tokens": ("{" + " word" * 5_000 + "}", "QUERY_TOO_LARGE"),
    "too many comments": ("#\n" * 5_000 + "{ word }", "QUERY_TOO_LARGE"),
    "fragments in a circle": (
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "a type beside it": ("{ word } type Leaf { a: Int }", "GRAPHQL_VALIDATION_FAILED"),
}


@pytest.mark.parametrize(("document", "code"), DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_document_that_cannot_be_run(client: httpx.Client, document: str, code: str) -> None:
    older = post(client, {"query": document}, Accept=JSON)
    newer = post(client, {"query": document}, Accept=GRAPHQL_RESPONSE)

    assert (older.status_code, newer.status_code) == (200, 400)
    assert set(codes(older)) == set(codes(newer)) == {code}
    assert older.json().keys() == newer.json().keys() == {"errors"}


@pytest.mark.parametrize(
    ("document", "code", "figure", "limit"),
    [
        ("{" + "same {" * 5 + "word" + "}" * 6, "QUERY_TOO_DEEP", 6, 5),
        ("{ word number same { word } }", "TOO_MANY_ROOT_FIELDS", 3, 2),
        ("{ same { a: word b: word c: word } }", "TOO_MANY_ALIASES", 3, 2),
        (
            "{ word @include(if: true) @skip(if: false) number @skip(if: false) }",
            "TOO_MANY_DIRECTIVES",
            3,
            2,
        ),
        ("{ many { many { many { word } } } }", "QUERY_TOO_COSTLY", 2_110, 1_000),
        ("{ number(of: " + "9" * 101 + ") }", "NUMBER_TOO_LONG", 101, 100),
        ("query A($of: Float = 1." + "0" * 5_000 + ") { word }", "NUMBER_TOO_LONG", 5_002, 100),
        ("{" + " word" * 102 + "}", "TOO_MANY_MERGES", 5_001, 5_000),
    ],
)
def test_what_is_too_heavy_is_refused_with_its_figure(
    strict: httpx.Client, document: str, code: str, figure: int, limit: int
) -> None:
    older = post(strict, {"query": document}, Accept=JSON)
    newer = post(strict, {"query": document}, Accept=GRAPHQL_RESPONSE)

    assert (older.status_code, newer.status_code) == (200, 400)
    assert older.json() == newer.json()
    [error] = newer.json()["errors"]
    assert error["extensions"] == {"code": code, "figure": figure, "limit": limit}


@pytest.mark.parametrize(
    "document", ["{" + " word" * 120 + "}", "#\n" * 120 + "{ word }"], ids=["tokens", "comments"]
)
def test_a_document_of_too_many_tokens_is_refused_with_the_limit(document: str) -> None:
    with served(max_query_tokens=100) as client:
        response = post(client, {"query": document}, Accept=GRAPHQL_RESPONSE)

    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "QUERY_TOO_LARGE", "figure": 101, "limit": 100}
    assert "more than 100 tokens, or comments (CANOPY_MAX_QUERY_TOKENS)" in error["message"]


def test_what_is_as_heavy_as_may_be_is_run(strict: httpx.Client) -> None:
    document = "{ number @skip(if: false) same @include(if: false) { a: word b: word } }"

    response = post(strict, {"query": document})

    assert response.json() == {"data": {"number": 1}}


def test_what_takes_too_long_is_ended() -> None:
    with served(max_operation_seconds=0.1) as client:
        response = post(client, {"query": "{ endless }"})

    assert (response.status_code, codes(response)) == (503, ["OPERATION_TIMEOUT"])


def test_what_was_read_for_it_is_ended_too() -> None:
    with served(max_operation_seconds=0.5) as client:
        assert codes(post(client, {"query": "{ read }"})) == ["OPERATION_TIMEOUT"]

        assert reading_ended.wait(10)


def test_of_very_many_errors_the_first_are_told(strict: httpx.Client) -> None:
    answer = post(strict, {"query": "{ many { wrong } }"}).json()

    assert [error["path"] for error in answer["errors"]] == [["many", n, "wrong"] for n in range(3)]
    assert answer["extensions"] == {"errorsLeftOut": 47}
    assert answer["data"] == {"many": [{"wrong": None}] * 50}


def test_of_very_many_faults_of_a_document_the_first_are_told(strict: httpx.Client) -> None:
    response = post(strict, {"query": "{" + " leaf" * 10 + "}"})

    assert codes(response) == ["GRAPHQL_VALIDATION_FAILED"] * 3


def test_a_document_beyond_the_length_is_refused(client: httpx.Client) -> None:
    response = post(client, {"query": "{ word }" + " " * 100_000})

    assert (response.status_code, codes(response)) == (400, ["QUERY_TOO_LARGE"])
    assert "has 100,008 characters, and at most 100,000 " in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("query A { word } query B { number }", None),
        ("query A { word } query B { number }", ""),
        ("query A { word } query B { number }", "C"),
        ("{ word }", "A"),
        ("fragment a on Query { word }", None),
        ("type Leaf { a: Int }", None),
    ],
)
def test_it_must_be_clear_which_operation_is_meant(
    client: httpx.Client, document: str, name: str | None
) -> None:
    body = {"query": document, "operationName": name}

    response = post(client, body)

    assert (response.status_code, codes(response)) == (400, ["OPERATION_RESOLUTION_FAILURE"])


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(client: httpx.Client, is_chunked: bool) -> None:
    body = b" " * 3_000_000
    content = iter([body[:65_536]] * 40) if is_chunked else body

    response = client.post("/graphql", content=content, headers={"Content-Type": JSON})

    assert (response.status_code, codes(response)) == (413, ["BODY_TOO_LARGE"])
    assert post(client, {"query": "{ word }"}).status_code == 200


@pytest.mark.parametrize(
    "sent",
    ["", "text/plain", "multipart/form-data; boundary=a", "application/json; charset=latin1"],
)
def test_what_is_not_json_is_not_read(client: httpx.Client, sent: str) -> None:
    response = client.post(
        "/graphql", content=b'{"query": "{ word }"}', headers={"Content-Type": sent}
    )

    assert (response.status_code, codes(response)) == (415, ["UNSUPPORTED_MEDIA_TYPE"])


def test_a_compressed_body_is_not_read(client: httpx.Client) -> None:
    response = post(client, b"\x1f\x8b", **{"Content-Encoding": "gzip"})

    assert (response.status_code, codes(response)) == (415, ["UNSUPPORTED_MEDIA_TYPE"])


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(client: httpx.Client, method: str) -> None:
    response = client.request(method, "/graphql")

    assert (response.status_code, codes(response)) == (405, ["METHOD_NOT_ALLOWED"])
    assert response.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_mutation_goes_by_post_alone(client: httpx.Client, method: str) -> None:
    response = client.request(method, "/graphql", params={"query": "mutation { grow }"})

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


def test_a_subscription_by_post_is_a_clean_400(client: httpx.Client) -> None:
    response = post(client, {"query": "subscription { word }"})

    assert response.status_code == 400
    assert response.json().keys() == {"errors"}


@pytest.mark.parametrize(
    "address",
    [
        "/graphql",
        "/graphql?query=",
        "/graphql?query=%ff",
        "/graphql?query={word}&query={word}",
        "/graphql?query={word}" + "".join(f"&a{number}=1" for number in range(16)),
        "/graphql?query={word}&variables=1",
        "/graphql?query={word}&variables={",
        "/graphql?" + "&".join(f"a{n}=1" for n in range(100)),
    ],
)
def test_a_malformed_get_is_a_clean_400(client: httpx.Client, address: str) -> None:
    response = client.get(address, headers={"Accept": JSON})

    assert (response.status_code, codes(response)) == (400, ["BAD_REQUEST"])


ACCEPTED = {
    None: JSON,
    "*/*": JSON,
    "application/*": JSON,
    "application/json": JSON,
    "application/json; charset=utf-8": JSON,
    GRAPHQL_RESPONSE: GRAPHQL_RESPONSE,
    f"{GRAPHQL_RESPONSE}, {JSON}": GRAPHQL_RESPONSE,
    f"{JSON}, {GRAPHQL_RESPONSE}": GRAPHQL_RESPONSE,
    f"{GRAPHQL_RESPONSE};q=0.5, {JSON}": JSON,
    f"{GRAPHQL_RESPONSE}, {JSON};q=0.9": GRAPHQL_RESPONSE,
    "text/html, */*;q=0.1": JSON,
}


@pytest.mark.parametrize(("accept", "media_type"), ACCEPTED.items())
def test_the_client_chooses_the_media_type(
    client: httpx.Client, accept: str | None, media_type: str
) -> None:
    headers = httpx.Headers({"Content-Type": JSON} | ({"Accept": accept} if accept else {}))
    request = client.build_request("POST", "/graphql", json={"query": "{ word }"}, headers=headers)
    if accept is None:
        del request.headers["accept"]

    response = client.send(request)

    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.json() == {"data": {"word": "leaf"}}


@pytest.mark.parametrize("accept", ["text/html", "text/event-stream", "application/json;q=0"])
def test_an_answer_that_nobody_could_read_is_not_made(client: httpx.Client, accept: str) -> None:
    response = post(client, {"query": "{ word }"}, Accept=accept)

    assert (response.status_code, codes(response)) == (406, ["NOT_ACCEPTABLE"])


def test_a_browser_is_shown_a_page(client: httpx.Client) -> None:
    response = client.get("/graphql", headers={"Accept": "text/html,*/*;q=0.8"})

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in response.headers["content-security-policy"]


def test_an_error_of_ours_is_told_without_its_words(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.setFormatter(logs.Wordless())

    response = post(client, {"query": "{ word wrong }"})

    assert response.status_code == 200
    assert response.json()["data"] == {"word": "leaf", "wrong": None}
    assert codes(response) == ["INTERNAL_SERVER_ERROR"]
    assert SECRET not in response.text
    assert "RuntimeError" in caplog.text
    assert SECRET not in caplog.text


def test_who_hangs_up_harms_nobody(client: httpx.Client) -> None:
    address = urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(
            b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )

    assert post(client, {"query": "{ word }"}).status_code == 200


async def test_many_at_once_are_answered(client: httpx.Client) -> None:
    async with httpx.AsyncClient(base_url=client.base_url) as many:
        sent = [{"query": f"{{ number(of: {n}) }}"} for n in range(100)]
        answers = await asyncio.gather(*(many.post("/graphql", json=body) for body in sent))

    assert [answer.json()["data"]["number"] for answer in answers] == list(range(100))
