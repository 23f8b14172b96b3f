"""What a request made goes by itself once it is answered: nothing waits for the collector."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from starlette.types import ASGIApp, Message

from app.asgi import create_app
from app.settings import load
from schema.ids import global_id
from tests.conftest import Clock
from tests.factories import Make
from tests.scene import Scene

TREE = """query($id: ID!) { company(id: $id) { licenseSummary { total }
    children { totalCount edges { cursor node { name children { edges { node { id } } } } } } } }"""
ORDERS = "{ orders { edges { node { number company { name } requestedBy { name } } } } }"
ALLOCATE = """mutation($id: ID!, $users: [ID!]!) {
    allocateLicenses(input: {companyId: $id, userIds: $users}) {
        licenses { id user { name } } errors { code } } }"""

either_executor = pytest.mark.parametrize("executor", ["compiled", "standard"])


def by(executor: str, clock: Clock) -> ASGIApp:
    return create_app(load(rate_limit="off", executor=executor), clock)


async def ask(app: ASGIApp, token: str, document: str, **variables: Any) -> Any:
    """Without a client, which has cycles of its own."""
    body = orjson.dumps({"query": document, "variables": variables})
    headers = {
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "content-length": str(len(body)),
    }
    told = bytearray()
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop()

    async def send(message: Message) -> None:
        told.extend(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    return orjson.loads(told)


@contextmanager
def by_itself() -> Iterator[None]:
    """Without the collector, which finds nothing in the end."""
    gc.collect()
    gc.disable()
    try:
        yield
        left = gc.collect()
    finally:
        gc.enable()
    assert left == 0


@either_executor
@pytest.mark.parametrize("document", [TREE, ORDERS])
@pytest.mark.usefixtures("swept")
async def test_a_page_leaves_nothing_behind(
    make: Make, clock: Clock, document: str, executor: str
) -> None:
    scene = await Scene.set(make)
    await make.order(scene.customer, requested_by_id=scene.cora.id)
    app, token = by(executor, clock), await make.token(scene.pam)
    variables = {"id": global_id("Company", scene.partner.id)} if document is TREE else {}
    first = await ask(app, token, document, **variables)

    with by_itself():
        again = await ask(app, token, document, **variables)

    assert "errors" not in first
    assert again == first


@either_executor
@pytest.mark.usefixtures("swept")
async def test_a_mutation_leaves_nothing_behind(make: Make, clock: Clock, executor: str) -> None:
    scene = await Scene.set(make)
    await make.licenses(scene.customer, 3)
    learners = await make.learners(scene.customer, 3)
    app, token = by(executor, clock), await make.token(scene.cora)
    told = []

    async def allocate(at: int) -> None:
        ids = {
            "id": global_id("Company", scene.customer.id),
            "users": [global_id("User", learners[at].id)],
        }
        told.append((await ask(app, token, ALLOCATE, **ids))["data"]["allocateLicenses"])

    await allocate(0)
    with by_itself():
        await allocate(1)

    assert [each["errors"] for each in told] == [[], []]
