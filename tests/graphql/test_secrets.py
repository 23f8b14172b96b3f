"""Nothing that people send is in the log: every mutation is sent, with marks in all it takes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
)
from strawberry.relay import to_base64

from app import logs
from app.settings import load
from app.worker import workers
from models.base import new_id
from models.database import rows
from schema.build import schema
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import Api
from tests.scene import Scene

CORE: Final[GraphQLSchema] = schema._schema
assert CORE.mutation_type is not None
MUTATIONS: Final = CORE.mutation_type.fields
MARK: Final = "MARKED"
OURS: Final = ("app", "schema", "resolvers", "models", "mail", "canopy")
NUMBERS: Final = {"Int": 1, "Boolean": True}
EXACT: Final = {
    "country": "DE",
    "language": "de",
    "url": f"https://{MARK}.example/{MARK}",
    "csv": f"email,firstName\n{MARK}@{MARK}.csv.example,{MARK}\n",
}
"""Of what is not just any text."""
KNOWN: Final[dict[str, str]] = {}
"""Ids of the scene, by the name of the argument."""
_numbers: Final = count()


class Written(logging.Handler):
    """Every line that would be written, in both forms."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.forms = (logs.Json(), logs.Text("%(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [form.format(record) for form in self.forms]


@contextmanager
def written() -> Iterator[list[str]]:
    """What our own loggers say, down to DEBUG; and what others say at the level that is set."""
    root, handler = logging.getLogger(), Written()
    levels = {name: logging.getLogger(name).level for name in OURS}
    others = logging.Filter()
    others.filter = lambda record: record.levelno >= logging.WARNING or record.name.startswith(OURS)  # type: ignore[method-assign]
    handler.addFilter(others)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def value(kind: GraphQLInputType, name: str) -> Any:
    """One that can be, with the mark in it wherever there is room for text."""
    match kind:
        case GraphQLNonNull():
            return value(kind.of_type, name)
        case GraphQLList():
            return [value(kind.of_type, name)]
        case GraphQLEnumType():
            return next(iter(kind.values))
        case GraphQLInputObjectType():
            return {
                field: value(inner.type, field)
                for field, inner in kind.fields.items()
                if field not in {"preview", "expectedUpdatedAt"}
            }
    told = str(kind)
    if told in NUMBERS:
        return NUMBERS[told]
    if told == "ID":
        return KNOWN.get(name) or to_base64("Order", str(new_id()))
    if told == "DateTime":
        return "2027-01-01T00:00:00Z"
    if name in EXACT:
        return EXACT[name]
    if "email" in name.lower():
        return f"{MARK}{next(_numbers)}@{MARK}.example"
    return f"{MARK} {name} {next(_numbers)}"


def sent(name: str) -> dict[str, Any]:
    """The request of that mutation."""
    arguments = MUTATIONS[name].args
    if not arguments:
        return {"query": f"mutation {{ {name} {{ errors {{ code message }} }} }}"}
    kind = arguments["input"].type
    field = f"{name}(input: $input) {{ errors {{ code message }} }}"
    return {
        "query": f"mutation All($input: {kind}) {{ {field} }}",
        "variables": {"input": value(kind, name)},
    }


async def send_all(api: Api, scene: Scene, *tokens: str) -> list[str]:
    """The text of all answers."""
    answers = []
    KNOWN["companyId"] = KNOWN["parentId"] = to_base64("Company", str(scene.customer.id))
    KNOWN["newParentId"] = to_base64("Company", str(scene.vendor.id))
    KNOWN["userId"] = KNOWN["userIds"] = to_base64("User", str(scene.carl.id))
    for token in tokens:
        for name in sorted(MUTATIONS, key="signOut".__eq__):  # the end of the session last
            response = await api.http.post(
                "/graphql", json=sent(name), headers={"Authorization": f"Bearer {token}"}
            )
            answers.append(response.text)
    return answers


async def test_no_mutation_writes_what_it_was_sent(
    api: Api, scene: Scene, make: Make, clock: Clock
) -> None:
    token = await make.token(scene.vic)
    person = {"email": f"{MARK}@{MARK}.example", "password": f"{MARK}-password-of-somebody"}

    with written() as lines:
        answers = await send_all(api, scene, token, f"{MARK}-token")
        for document in (
            f'mutation {{ signIn(input: {{email: "{MARK}" password: }}) }}',
            f'mutation {{ signIn(input: {{email: "{MARK}", passwort: "{MARK}"}}) {{ x }} }}',
        ):
            await api.http.post("/graphql", json={"query": document, "variables": person})
        await api.http.post(f"/graphql?{MARK}={MARK}", content=f'{{"query": "{MARK}')
        await api.http.get(f"/export/{MARK}.csv", params={"companyId": MARK})
        for worker in workers(load(smtp_url="smtp://127.0.0.1:1"), clock):
            await worker.drain()  # type: ignore[attr-defined]

    assert len(answers) == 2 * len(MUTATIONS)
    assert len(lines) > 2 * len(answers)
    assert [line for line in lines if MARK in line or token in line] == []


async def test_no_failure_writes_what_it_failed_on(api: Api, scene: Scene, make: Make) -> None:
    """The database quotes values in its errors; so does every other exception here."""
    token = await make.token(scene.vic)
    await rows("ALTER TABLE audit_events RENAME TO elsewhere")
    try:
        with written() as lines:
            answers = await send_all(api, scene, token)
    finally:
        await rows("ALTER TABLE elsewhere RENAME TO audit_events")

    assert sum("INTERNAL_SERVER_ERROR" in answer for answer in answers) > 5
    assert any("Error" in line for line in lines)
    assert [line for line in lines if MARK in line or token in line] == []
    assert "audit_events" not in "".join(answers)
