"""Requests to /graphql, by the GraphQL-over-HTTP specification, before GraphQL sees them.

https://graphql.github.io/graphql-over-http/draft/
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from app.manifest import Manifest
from app.settings import Settings

JSON: Final = "application/json"
GRAPHQL_RESPONSE: Final = "application/graphql-response+json"
OBJECTS: Final = ("variables", "extensions")
PARAMETERS: Final = 16
"""A GET has no more of them; six are known."""
DEEPEST_FILTER: Final = 24
"""Levels of JSON: more than those of `or` that lists take."""
DOCUMENT_ID: Final = ("documentId", "doc_id")
REMEMBERED: Final = 100
"""Values of a header that were understood before; clients of one kind send the same."""
SMALL: Final = 64 * 1024
"""Bytes of a body that are held without being counted: uvicorn holds as many of each request."""
_CHARSET: Final = re.compile(r';\s*charset\s*=\s*"?([^";\s]*)', re.IGNORECASE)
_QUALITY: Final = re.compile(r";\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)", re.IGNORECASE)


class BadRequest(Exception):
    """The request is refused as a whole: a status of 4xx, a code, and how to mend it."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of one GraphQL request."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """By their names in lower case; of several by one name the first."""
    return dict(reversed(scope["headers"]))


async def asked(
    request: Request, settings: Settings, trusted: Manifest | None, hold: Callable[[int], None]
) -> Asked:
    """What a request by GET or POST asks; `hold` is told the bytes of a large body.

    Raises BadRequest, and ClientDisconnect.
    """
    if request.method != "POST":
        return question(_parameters(request.scope["query_string"]), settings, trusted)
    headers = headers_of(request.scope)
    _must_be_json(headers.get(b"content-type", b""))
    _must_be_plain(headers.get(b"content-encoding", b"identity"))
    body = await _body(headers, request.receive, settings.max_body_bytes, hold)
    brackets = _must_be_few(body, settings.max_json_brackets)
    return question(_members(body), settings, trusted, brackets)


def question(
    members: dict[str, Any],
    settings: Settings,
    trusted: Manifest | None,
    brackets: int | None = None,
) -> Asked:
    """What the members of a request ask; `brackets` open in its text. Raises BadRequest."""
    if brackets is None or brackets > settings.max_json_depth:
        _must_be_shallow(members, settings.max_json_depth)
    for name in OBJECTS:
        if (value := members.get(name)) is not None and not isinstance(value, dict):
            raise _malformed(f"`{name}` must be an object.")
    operation_name = members.get("operationName")
    if operation_name is not None and not isinstance(operation_name, str):
        raise _malformed("`operationName` must be a string.")
    query = members.get("query")
    if query is None or query == "":
        query = _named(members, trusted)
    else:
        _must_be_text(query, settings.max_query_length)
        _must_be_allowed(query, trusted)
    return Asked(query, members.get("variables"), operation_name or None)


def message(text: str, settings: Settings) -> dict[str, Any]:
    """A message of a WebSocket. Raises BadRequest."""
    body = text.encode(errors="surrogatepass")
    _must_be_few(body, settings.max_json_brackets)
    members = _decoded(body, "The message")
    if not isinstance(members, dict):
        raise _malformed("A message is a JSON object.")
    return members


@lru_cache(REMEMBERED)
def answer_type(accept: bytes) -> str:
    """The media type that the client likes best of the two. Raises BadRequest if it likes neither.

    Where it has no preference, the older one: clients that know the newer ask for it by name.
    """
    ranges = dict(_ranges(accept.decode("latin-1") or "*/*"))
    wild = ranges.get("application/*", ranges.get("*/*", 0.0))
    newer, older = ranges.get(GRAPHQL_RESPONSE, wild), ranges.get(JSON, wild)
    if max(newer, older) == 0:
        raise BadRequest(406, "NOT_ACCEPTABLE", f"The answer is {GRAPHQL_RESPONSE} or {JSON}.")
    if newer == older:
        return GRAPHQL_RESPONSE if GRAPHQL_RESPONSE in ranges else JSON
    return GRAPHQL_RESPONSE if newer > older else JSON


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        quality = _QUALITY.search(part)
        yield part.partition(";")[0].strip().lower(), float(quality[1]) if quality else 1.0


@lru_cache(REMEMBERED)
def _must_be_json(content_type: bytes) -> None:
    sent = content_type.decode("latin-1")
    charset = _CHARSET.search(sent)
    if sent.partition(";")[0].strip().lower() != JSON:
        raise _unsupported(f"Send the request as Content-Type: {JSON}.")
    if charset and charset[1].lower() not in {"utf-8", "utf8"}:
        raise _unsupported("JSON is sent in UTF-8.")


def _must_be_plain(encoding: bytes) -> None:
    if encoding.lower() != b"identity":
        raise _unsupported("Send the body uncompressed.")


def _unsupported(message: str) -> BadRequest:
    return BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", message)


def not_there(seconds: float) -> BadRequest:
    return BadRequest(
        408,
        "REQUEST_TIMEOUT",
        f"The body was not there in {seconds:g} s (CANOPY_MAX_OPERATION_SECONDS).",
        {"Connection": "close"},
    )


async def _body(
    headers: Mapping[bytes, bytes], receive: Receive, most: int, hold: Callable[[int], None]
) -> bytes:
    """Stops reading at the limit, whatever the client announced."""
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced[:20]) > most:
        raise _too_large(most)
    body, is_more = bytearray(), True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, is_more = message.get("body", b""), message.get("more_body", False)
        body += chunk
        if len(body) > most:
            raise _too_large(most)
        if len(body) > SMALL:
            hold(len(chunk))
    return bytes(body)


def _too_large(most: int) -> BadRequest:
    return BadRequest(
        413, "BODY_TOO_LARGE", f"The body is larger than {most} bytes (CANOPY_MAX_BODY_BYTES)."
    )


def _decoded(text: bytes | str, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _malformed(f"{what} is not JSON in UTF-8.") from None


def filter_of(text: str) -> Any:
    """The value that a parameter has as JSON. Raises BadRequest."""
    value = _decoded(text, "`filter`")
    try:
        _must_be_shallow({"filter": value}, DEEPEST_FILTER)
    except BadRequest as deep:
        told = f"`filter` is nested deeper than {DEEPEST_FILTER} levels."
        raise BadRequest(deep.status, deep.code, told) from None
    return value


def _members(body: bytes) -> dict[str, Any]:
    members = _decoded(body, "The body")
    if isinstance(members, list):
        raise _malformed("The body is an array. Send one object: one operation a request.")
    if not isinstance(members, dict):
        raise _malformed("The body must be a JSON object.")
    return members


def _parameters(query_string: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=PARAMETERS)
    except ValueError:
        raise _malformed("The parameters of this address cannot be read.") from None
    members: dict[str, Any] = dict(pairs)
    if len(members) < len(pairs):
        raise _malformed("A parameter is given twice.")
    return members | {
        name: _decoded(members[name], f"`{name}`") for name in OBJECTS if name in members
    }


def _must_be_text(query: Any, longest: int) -> None:
    if not isinstance(query, str) or not query.strip():
        raise _malformed("`query` must be a string that holds a GraphQL document.")
    if len(query) > longest:
        raise BadRequest(
            400,
            "QUERY_TOO_LARGE",
            f"The document has {len(query):,} characters, and at most {longest:,} are read "
            "(CANOPY_MAX_QUERY_LENGTH). Send long values as variables.",
        )


def _must_be_allowed(query: str, trusted: Manifest | None) -> None:
    if trusted and not trusted.allows(query):
        raise BadRequest(
            400,
            "PERSISTED_QUERY_ONLY",
            "Only the documents of a manifest are run here, and this is none of them. "
            "Send `documentId`, or the text exactly as the manifest has it.",
        )


def _named(members: dict[str, Any], trusted: Manifest | None) -> str:
    """The text of a document that is named, not sent."""
    id = _document_id(members)
    if id is None:
        raise _malformed("`query` must be a string that holds a GraphQL document.")
    if not isinstance(id, str):
        raise _malformed("The id of a document must be a string.")
    if trusted is None:
        raise BadRequest(
            400, "PERSISTED_QUERY_NOT_SUPPORTED", "No documents are kept here: send `query`."
        )
    text = trusted.text(id)
    if text is None:
        raise BadRequest(
            400,
            "PERSISTED_QUERY_NOT_FOUND",
            "The manifest of this server has no document of that id. "
            "Serve the manifest that was made with this version of the client.",
        )
    return text


def _document_id(members: dict[str, Any]) -> Any:
    """As GraphQL over HTTP names it, as Relay's guide does, and as Apollo's clients do."""
    for name in DOCUMENT_ID:
        if members.get(name) is not None:
            return members[name]
    match members.get("extensions"):
        case {"persistedQuery": {"sha256Hash": id}}:
            return id
    return None


def _must_be_few(body: bytes, most: int) -> int:
    """Millions of empty arrays take seconds to read. Those in strings are counted, too."""
    brackets = body.count(b"[") + body.count(b"{")
    if brackets > most:
        raise BadRequest(
            400,
            "JSON_TOO_LARGE",
            f"The JSON has {brackets:,} opening brackets, and at most {most:,} are read "
            "(CANOPY_MAX_JSON_BRACKETS).",
        )
    return brackets


def _must_be_shallow(members: dict[str, Any], deepest: int) -> None:
    """Whatever reads the variables recursively can then do so."""
    level: list[Any] = [members]
    for _ in range(deepest):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in {dict, list}
        ]
        if not level:
            return
    raise BadRequest(
        400,
        "JSON_TOO_DEEP",
        f"The JSON is nested deeper than {deepest} levels (CANOPY_MAX_JSON_DEPTH).",
    )


def _malformed(message: str) -> BadRequest:
    return BadRequest(400, "BAD_REQUEST", message)
