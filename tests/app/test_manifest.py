"""Trusted documents: what a manifest has is run by its id, or as it is written; nothing else is."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from app.documents import Documents
from app.errors import Failed
from app.settings import load
from schema.build import schema
from tests.app.test_graphql_over_http import codes, post, served

WORD: Final = "query Word($of: String!) { word(of: $of) }"
GROW: Final = "mutation Grow { grow }"
RELAY: Final = {"2f5a": WORD, "77c0": GROW}
APOLLO: Final = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [
        {"id": "2f5a", "name": "Word", "type": "query", "body": WORD},
        {"id": "77c0", "name": "Grow", "type": "mutation", "body": GROW},
    ],
}
HASH: Final = sha256(WORD.encode()).hexdigest()
NAMED: Final[list[dict[str, Any]]] = [
    {"documentId": "2f5a"},
    {"documentId": f"sha256:{HASH}"},
    {"documentId": HASH, "query": None},
    {"doc_id": "2f5a", "query": ""},
    {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}},
    {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "2f5a"}}},
    {"query": WORD},
    {"query": WORD, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}},
]


def written(folder: Path, manifest: Any) -> str:
    path = folder / "manifest.json"
    path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return str(path)


@pytest.fixture(scope="module", params=[RELAY, APOLLO], ids=["relay", "apollo"])
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    path = written(tmp_path_factory.mktemp("manifest"), request.param)
    with served(documents=path) as client:
        yield client


@pytest.mark.parametrize("named", NAMED)
def test_a_document_is_run_that_is_named_in_any_way(
    client: httpx.Client, named: dict[str, Any]
) -> None:
    response = post(client, {**named, "variables": {"of": "birch"}})

    assert (response.status_code, response.json()) == (200, {"data": {"word": "birch"}})


def test_a_query_may_be_named_by_get_and_a_mutation_may_not(client: httpx.Client) -> None:
    query = client.get("/graphql", params={"documentId": "2f5a", "variables": '{"of": "birch"}'})
    mutation = client.get("/graphql", params={"documentId": "77c0"})

    assert query.json() == {"data": {"word": "birch"}}
    assert (mutation.status_code, codes(mutation)) == (405, ["METHOD_NOT_ALLOWED"])
    assert post(client, {"documentId": "77c0"}).json() == {"data": {"grow": True}}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"query": "{ word }"}, "PERSISTED_QUERY_ONLY"),
        ({"query": f"{WORD} "}, "PERSISTED_QUERY_ONLY"),
        ({"query": "{ __schema { types { name } } }"}, "PERSISTED_QUERY_ONLY"),
        ({"query": "no GraphQL"}, "PERSISTED_QUERY_ONLY"),
        ({"query": "{ word }", "documentId": "2f5a"}, "PERSISTED_QUERY_ONLY"),
        ({"documentId": "2f5b"}, "PERSISTED_QUERY_NOT_FOUND"),
        ({"documentId": f"sha256:{HASH[:-1]}0"}, "PERSISTED_QUERY_NOT_FOUND"),
        ({"documentId": ""}, "PERSISTED_QUERY_NOT_FOUND"),
        ({"documentId": 7}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": {"sha256Hash": [HASH]}}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": None}}, "BAD_REQUEST"),
        ({}, "BAD_REQUEST"),
    ],
)
def test_nothing_else_is_run(client: httpx.Client, asked: dict[str, Any], code: str) -> None:
    response = post(client, asked)

    assert (response.status_code, codes(response)) == (400, [code])
    assert "data" not in response.json()


def test_the_explorer_is_off_where_it_could_ask_nothing(client: httpx.Client) -> None:
    response = client.get("/graphql", headers={"Accept": "text/html, */*"})

    assert (response.status_code, codes(response)) == (400, ["BAD_REQUEST"])


def test_others_are_run_where_they_are_allowed(tmp_path: Path) -> None:
    with served(documents=written(tmp_path, RELAY), other_documents=True) as client:
        other = post(client, {"query": "{ word }"})
        named = post(client, {"documentId": "2f5a", "variables": {"of": "birch"}})
        unknown = post(client, {"documentId": "2f5b"})
        page = client.get("/graphql", headers={"Accept": "text/html, */*"})

    assert other.json() == {"data": {"word": "leaf"}}
    assert named.json() == {"data": {"word": "birch"}}
    assert codes(unknown) == ["PERSISTED_QUERY_NOT_FOUND"]
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def test_a_server_without_a_manifest_says_so_in_apollos_words() -> None:
    with served() as client:
        responses = [post(client, named) for named in NAMED[:6]]

    assert [codes(response) for response in responses] == [["PERSISTED_QUERY_NOT_SUPPORTED"]] * 6


UNREADABLE: Final = [
    ("", "is not JSON"),
    ("{", "is not JSON"),
    ([], "is no manifest"),
    ({}, "is no manifest"),
    ({"2f5a": ""}, "is no manifest"),
    ({"2f5a": {"body": WORD}}, "is no manifest"),
    ({**APOLLO, "version": 2}, "is no manifest"),
    ({**APOLLO, "format": "apollo-client-manifest"}, "is no manifest"),
    ({**APOLLO, "operations": []}, "is no manifest"),
    ({**APOLLO, "operations": [{"id": "2f5a", "name": "Word"}]}, "is no manifest"),
    ({**APOLLO, "operations": [{"id": "1", "body": WORD}, {"id": "1", "body": GROW}]}, "is no"),
]


@pytest.mark.parametrize(("manifest", "why"), UNREADABLE)
def test_a_file_that_is_no_manifest_is_named(tmp_path: Path, manifest: Any, why: str) -> None:
    path = written(tmp_path, manifest)

    with pytest.raises(Failed, match=f"^CANOPY_DOCUMENTS: {path} {why}"):
        Documents(schema._schema, load(_env_file=None, documents=path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "none.json")

    with pytest.raises(Failed, match=f"^CANOPY_DOCUMENTS: {path} cannot be read: No such file"):
        Documents(schema._schema, load(_env_file=None, documents=path))


def test_each_document_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    manifest = {"one": "{ viewer { user { id } } }", "two": "{ nothing }", "three": "{"}

    with pytest.raises(Failed) as failed:
        Documents(schema._schema, load(_env_file=None, documents=written(tmp_path, manifest)))

    assert str(failed.value).splitlines() == [
        "CANOPY_DOCUMENTS: the document two cannot be run: "
        "Cannot query field 'nothing' on type 'Query'.",
        "CANOPY_DOCUMENTS: the document three cannot be run: "
        "Syntax Error: Expected Name, found <EOF>.",
    ]
