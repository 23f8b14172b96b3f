"""Documents by chance about the whole schema, with ids that exist and values that nobody expects.

Their shapes are by two hands: hypothesis-graphql nests inputs and selections, our own writer makes
variables, fragments, directives and subscriptions. Values are always ours, for those of a library
name no row that there is, and everything would end at NOT_FOUND.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, Final, Self

import httpx
import hypothesis_graphql
from graphql import (
    ArgumentNode,
    DocumentNode,
    GraphQLInputField,
    GraphQLInputType,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationType,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
    parse_value,
    print_ast,
    visit,
)
from graphql.language import REMOVE
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from models.base import global_id
from tests.execution.documents import Document, Documents, Value, literal
from tests.faults.estate import Estate
from tests.http.client import Client, Json
from tests.http.sockets import Socket, signed_in
from tests.isolation.asking import lists

ROOT: Final = Path(__file__).parents[2]
SDL: Final[GraphQLSchema] = build_schema((ROOT / "schema" / "schema.graphql").read_text())
ROOTS: Final = [
    (of, name) for of in OperationType for name in getattr(SDL.get_root_type(of), "fields", {})
]

ASKED_ONCE: Final = (OperationType.QUERY, OperationType.MUTATION)

STRINGS: Final = [
    *(
        "",
        " ",
        "x",
        "Ann",
        "7",
        "null",
        "true",
        "0",
        "%",
        "_",
        "\\",
        "'",
        '"',
        "`",
        "{}",
        "[]",
        "*",
    ),
    *("a\x00b", "\x00", "\r\nBcc: x@example.com", "a\tb", "\x7f", "\x85", "\u2028", "\ufeff"),
    *("\U0001f600", "e\u0301", "\u0130\u0131\u00df", "\u202etxt.exe", "\U000e0041", "\ufffe"),
    *("'; DROP TABLE users; --", "${7*7}", "{{7*7}}", "<script>", "=1+1", "$1", "%s", "a://b"),
    *("x" * 300, "\U0001f600" * 2_000, "x" * 20_000),
    *("1" * 5_000, "-1", "1e400", "NaN", "../../etc/passwd", "2026-03-01T09:30:00Z"),
]
TOO_LARGE: Final = [2**31, -(2**31) - 1, 2**63, 10**30, 10**4_000]
INTS: Final = [
    *(1, 2, 3, 5, 10, 25, 100, 0, -1, 200, 1_000, 100_000, 2**31 - 1, -(2**31)),
]
HALVES: Final = ["\ud800", "\udfff\ud83d"]
MOMENTS: Final = [
    *("2026-03-01T09:30:00Z", "2026-03-02T09:31:00.123456+02:00", "2030-01-01T00:00:00Z"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00"),
    *("9999-12-31T23:59:59-14:00", "1900-02-29T00:00:00Z", "2026-03-01", "2026-03-01T09:30:00"),
    *("+275760-09-13T00:00:00Z", "-000001-01-01T00:00:00Z", "2026-06-30T23:59:60Z", "soon", ""),
    *("2026-03-01T09:30:00.1234567891Z", "2026-03-01T09:30:00+99:99", "1970-01-01T00:00:00\x00Z"),
]
EMAILS: Final = [
    *("ann@example.com", "cora@example.com", "LEARNER2@example.com", "a@b", "@", "a b@example.com"),
    *("x" * 65 + "@example.com", "\u00e9@example.com", "a@xn--.example", '"a b"@example.com'),
]
WORDS: Final[dict[str, list[str]]] = {
    "country": ["NL", "nl", "ZZ", "USA"],
    "language": ["nl", "de-AT", "zz", "x-y"],
    "url": ["https://hooks.example.com/a", "http://127.0.0.1/", "https://[::1]/", "https://a:b@c/"],
    "password": ["correct horse battery", "short", "x" * 10_000],
    "idempotencyKey": ["k1", "k2", "k3"],
    "csv": [
        "email\nnew1@example.com",
        "email;first name\nlearner3@example.com;Bo\nnew2@example.com;'=1+1",
        'email\n"a@example.com',
        "email,email\na@example.com,b@example.com",
        "\ufeffE-Mail\tName\r\nnew3@example.com\tJo\r\n",
        "email\n" + "\n".join(f"many{n}@example.com" for n in range(300)),
        "email\na\x00b@example.com",
    ],
}
PARENTS: Final = {"parentId": "Company", "newParentId": "Company", "accountManagerId": "User"}


@dataclass
class Values:
    """Fitting ones, and others that no client in its senses sends."""

    random: Random
    ids: Mapping[str, list[str]] = field(default_factory=dict)
    cursors: list[str] = field(default_factory=list)
    _wild: float = 0.0
    _depth: int = 0

    def begin(self) -> None:
        """A document; some are sensible, so that they are not refused at the first field."""
        self._wild = self.random.choice([0.0, 0.03, 0.4])

    def __call__(self, random: Random, name: str, kind: GraphQLInputType) -> Any:
        inner: Any = get_nullable_type(kind)
        if not is_non_null_type(kind) and self._chance(0.05):
            return None
        if is_list_type(inner):
            number = random.choice([0, 1, 1, 1, 2, 2, 3, 1 if self._depth > 2 else 40])
            return [self(random, name, inner.of_type) for _ in range(number)]
        if is_input_object_type(inner):
            return self._object(inner.fields)
        if is_enum_type(inner):
            return self.random.choice(list(inner.values))
        return getattr(self, f"_{inner.name.lower()}")(name)

    def _object(self, fields: dict[str, GraphQLInputField]) -> dict[str, Any]:
        self._depth += 1
        share = 0.3 / self._depth
        made = {
            name: self(self.random, name, each.type)
            for name, each in fields.items()
            if is_required_input_field(each) or self._chance(share)
        }
        self._depth -= 1
        return made

    def _id(self, name: str) -> Any:
        if not self._is_wild():
            fitting = name.lower().removeprefix("to").removeprefix("new")
            kinds = (kind for kind in self.ids if fitting.startswith(kind.lower()))
            return self._one_of(next(kinds, PARENTS.get(name) or self._kind()))
        unknown = global_id("Order", "00000000-0000-4000-8000-000000000000")
        junk = self.random.choice([unknown, unknown[:-1], "T3JkZXI6", 7, *STRINGS])
        return self.random.choice([junk, self._one_of(self._kind())])

    def _kind(self) -> str:
        return self.random.choice(list(self.ids))

    def _one_of(self, kind: str) -> str:
        return self.random.choice(self.ids[kind] or ["none"])

    def _string(self, name: str) -> str:
        if name in {"after", "before"} and not self._is_wild():
            return self.random.choice(self.cursors)
        if self._is_wild():
            return self.random.choice([*STRINGS, *STRINGS, *HALVES, *self._bent_cursors()])
        return self.random.choice(
            WORDS.get(name) or (EMAILS if "mail" in name.lower() else ["Ann", "Blue Fjord"])
        )

    def _bent_cursors(self) -> list[str]:
        cursor = self.random.choice(self.cursors)
        place = self.random.randrange(len(cursor))
        return [cursor[:place] + "A" + cursor[place + 1 :], cursor[:place]]

    def _int(self, _: str) -> int:
        if not self._is_wild():
            return self.random.randint(1, 9)
        return self.random.choice([*INTS, *INTS, *INTS, *TOO_LARGE])

    def _boolean(self, name: str) -> bool:
        return self._chance(0.15 if name == "preview" else 0.5)

    def _datetime(self, _: str) -> str:
        return self.random.choice(MOMENTS if self._is_wild() else MOMENTS[:3])

    def _is_wild(self) -> bool:
        return self._chance(self._wild)

    def _chance(self, share: float) -> bool:
        return self.random.random() < share


class Seasoned(Visitor):
    """Leaves out most of what is optional, and puts our values in."""

    def __init__(self, types: TypeInfo, random: Random, values: Value) -> None:
        super().__init__()
        self._types = types
        self._random = random
        self._values = values

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        told = self._types.get_argument()
        assert told is not None
        if not is_required_argument(told) and self._random.random() < 0.6:
            return REMOVE
        value = self._values(self._random, node.name.value, told.type)
        if value is ...:
            return REMOVE
        text = literal(value, told.type)
        try:
            return ArgumentNode(name=node.name, value=parse_value(text))
        except GraphQLSyntaxError:  # half a surrogate pair, which no tree can hold
            return REMOVE


def seasoned(shape: DocumentNode, random: Random, values: Value) -> Document:
    types = TypeInfo(SDL)
    put_in = TypeInfoVisitor(types, Seasoned(types, random, values))
    return Document(print_ast(visit(shape, put_in)), {})


@cache
def shapes(number: int, *kinds: OperationType) -> list[DocumentNode]:
    """So many of each root field."""
    found: list[DocumentNode] = []
    for of, name in ROOTS:
        if of in kinds:
            found += _shapes(number, name)
    return found


def _shapes(number: int, root: str) -> list[DocumentNode]:
    found: list[DocumentNode] = []
    moment = {"DateTime": st.just(StringValueNode(value=MOMENTS[0]))}
    strategy = hypothesis_graphql.from_schema(
        SDL, fields=[root], custom_scalars=moment, print_ast=lambda document: document
    )

    @seed(1)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def write(document: DocumentNode) -> None:
        found.append(document)

    write()
    return found


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────

CODES: Final = {
    *("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "INVALID_INPUT", "CONFLICT", "BAD_USER_INPUT"),
    *("BAD_REQUEST", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "QUERY_TOO_LARGE"),
    *("QUERY_TOO_DEEP", "QUERY_TOO_COSTLY", "TOO_MANY_ROOT_FIELDS", "TOO_MANY_ALIASES"),
    *("TOO_MANY_DIRECTIVES", "TOO_MANY_MERGES", "NUMBER_TOO_LONG"),
}
"""At the top of an answer. INTERNAL_SERVER_ERROR is none of them."""
INSIDE: Final = re.compile(
    r"Traceback|File \"|line \d+, in |0x[0-9a-f]{6}|asyncpg|sqlite|tortoise|strawberry|graphql\.|"
    r"select .* from|insert into|update \S+ set |delete from|violates|relation \"|syntax error at|"
    r"(Value|Type|Key|Index|Attribute|Runtime|Unicode\w+|Overflow|Recursion|Integrity|Operational)"
    r"Error|Exception|NoneType|coroutine|<class|object has no|set_int_max_str_digits",
    re.IGNORECASE,
)
"""Words of the program, and of the database, that no message says."""
MALFORMED: Final = 4400
A_WHILE: Final = 0.5
"""Seconds for a subscription to tell of what happens."""
MIX: Final = (*["vendor"] * 5, "account manager", "manager", "manage mode", "API token")


@dataclass
class Fuzz:
    """Sends documents, and keeps what was wrong with the answers."""

    http: httpx.AsyncClient
    estate: Estate
    values: Values
    wrong: list[str] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    """Codes at the top of the answers, and how many had data alone."""
    sent: int = 0

    @classmethod
    async def begin(cls, http: httpx.AsyncClient, estate: Estate) -> Self:
        fuzz = cls(http, estate, Values(Random(7)))
        client = Client(http, await estate.token("vic"))
        for name in lists():
            answer = await client.ask(f"{{ {name}(first: 5) {{ edges {{ cursor }} }} }}")
            fuzz.values.cursors += [edge["cursor"] for edge in answer["edges"]]
        return fuzz

    async def run(self, each: int) -> None:
        """Of each root field twice as many documents: by the library's hand, and by ours."""
        writer = Documents(SDL, self.values.random, self.values)
        ours = [(of, name) for _ in range(each) for of, name in ROOTS]
        written = [
            *(
                partial(seasoned, shape, self.values.random, self.values)
                for shape in shapes(each, *ASKED_ONCE)
            )
        ]
        written += [partial(writer.write, of, name) for of, name in ours]
        self.values.random.shuffle(written)
        for number, write in enumerate(written):
            if number % 25 == 0:
                self.values.ids = await self.estate.tended()
            self.values.begin()
            await self._send(write())

    async def _send(self, document: Document) -> None:
        body = json.dumps({"query": document.text, "variables": document.variables})
        response = await self.http.post(
            "/graphql",
            content=body.encode(),
            headers={
                "Authorization": f"Bearer {await self._token()}",
                "Content-Type": "application/json",
            },
        )
        self.sent += 1
        if response.status_code >= 500:
            self._note(f"status {response.status_code}", body, response.text)
        self._look_at(response.json().get("errors", []), body, response.text)

    async def _token(self) -> str:
        return await self.estate.token(self.values.random.choice(MIX))

    def _look_at(self, errors: list[Json], asked: str, answer: str) -> None:
        codes = {error["extensions"]["code"] for error in errors}
        self.told.update(codes or ["data"])
        if codes - CODES:
            self._note(f"{codes}", asked, answer)
        if found := INSIDE.search(answer):
            self._note(f"it says {found[0]}", asked, answer)

    def _note(self, fault: str, asked: str, answer: str) -> None:
        self.wrong.append(f"{fault}\n{asked}\n{answer[:2_000]}\n")

    # ── Subscriptions ────────────────────────────────────────────────────────────────────────

    async def subscribe(self, url: str, each: int) -> None:
        """Over a WebSocket; an order changes meanwhile."""
        writer = Documents(SDL, self.values.random, self.values)
        self.values.ids = await self.estate.tended()
        for name in each * [name for of, name in ROOTS if of is OperationType.SUBSCRIPTION]:
            self.values.begin()
            document = writer.write(OperationType.SUBSCRIPTION, name)
            asked = {"query": document.text, "variables": document.variables}
            async with signed_in(url, await self._token()) as socket:
                await socket.send(type="subscribe", id="1", payload=asked)
                await self._hear(socket, json.dumps(asked))

    async def _hear(self, socket: Socket, asked: str) -> None:
        self.sent += 1
        try:
            async with asyncio.timeout(A_WHILE):
                await socket.send(type="ping")
                await self._hear_of_order(socket, asked)
        except TimeoutError:
            self.told["nothing"] += 1
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            self.told[f"{code}"] += 1
            if code != MALFORMED:
                self._note(f"closed with {code}", asked, str(closed))

    async def _hear_of_order(self, socket: Socket, asked: str) -> None:
        """Until something was told after an order had changed."""
        while True:
            message = await socket.next()
            payload: Any = message.get("payload")
            match message["type"]:
                case "next" | "error":
                    errors = payload if isinstance(payload, list) else payload.get("errors", [])
                    self._look_at(errors, asked, json.dumps(message))
                    return
                case "pong":
                    await self.estate.order_changes()
