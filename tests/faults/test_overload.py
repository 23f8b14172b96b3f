"""More is asked of a server than it has places for, at once and without a pause."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
import pytest_asyncio

from app.clock import utc_now
from models.base import global_id
from models.orders import Order
from tests.factories import Make
from tests.faults.load import WELL, verified
from tests.http.client import ADD_USERS, ASSIGN, REQUEST, Client, Json
from tests.http.server import Server
from tests.scene import Scene

PLACES: Final = 8
CLIENTS: Final = 2 * PLACES
HELD: Final = 20
FREE: Final = 40
"""Licenses."""
ENOUGH: Final = 40
"""Answers, with refusals beside them."""
MOST_MEMORY: Final = 8.0
"""MiB more than a server held that was asked as much by a few who wait."""
LICENSES: Final = """
query($id: ID!) {
  licenses(first: 100, filter: {companyId: $id}) {
    totalCount edges { node { id status user { email } order { number company { name } } } }
  }
  companies { totalCount edges { node { name users(first: 5) { totalCount } } } }
}"""
WHO: Final = "query($id: ID!) { viewer { user { id } } company(id: $id) { name } }"


@dataclass
class Crowd:
    """Asks the same again and again: two lists, who one is, and for licenses."""

    http: httpx.AsyncClient
    customer: str
    tokens: list[str | None]
    answers: dict[str, list[Json]] = field(default_factory=dict)
    refused: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    served: int = 0

    async def ask(self, number: int) -> None:
        """As somebody who is signed in; every fourth as nobody."""
        document = (LICENSES, LICENSES, REQUEST, WHO)[number % 4]
        token = None if document == WHO else self.tokens[number % len(self.tokens)]
        order = {"input": {"companyId": self.customer, "quantity": 1}}
        body = {
            "query": document,
            "variables": order if document == REQUEST else {"id": self.customer},
        }
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self.http.post("/graphql", json=body, headers=headers)
        told: Json = answer.json()
        if answer.status_code == 200:
            self.answers.setdefault(document, []).append(told)
            self.served += 1
        else:
            [error] = told["errors"]
            assert told.keys() == {"errors"}
            code = error["extensions"]["code"]
            self.refused[answer.status_code, code, answer.headers["retry-after"]] += 1

    async def by(self, clients: int) -> None:
        """Until enough was served to so many who wait for nobody but themselves."""
        enough = self.served + ENOUGH

        async def client(first: int) -> None:
            number = first
            while self.served < enough:
                await self.ask(number)
                number += 1

        async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
            for first in range(clients):
                tasks.create_task(client(first))

    def orders(self) -> list[Any]:
        """Of each that was acknowledged, its id."""
        payloads = [answer["data"]["requestLicenses"] for answer in self.answers[REQUEST]]
        assert [payload["errors"] for payload in payloads] == [[]] * len(payloads)
        return [payload["order"]["id"] for payload in payloads]


@dataclass
class Busy:
    server: Server
    log: Path
    crowd: Crowd

    def took(self, status: int) -> list[float]:
        """Milliseconds, as the server says, of all that it answered so."""
        return [
            float(ms) for ms in re.findall(rf"/graphql {status} ([\d.]+) ms", self.log.read_text())
        ]

    def memory(self) -> float:
        """MiB that the server holds."""
        lines = Path(f"/proc/{self.server.pid}/status").read_text().splitlines()
        [held] = [line.split()[1] for line in lines if line.startswith("VmRSS")]
        return int(held) / 1024


@pytest_asyncio.fixture
async def busy(database: str, tmp_path: Path) -> AsyncIterator[Busy]:
    make = Make(utc_now)
    scene = await Scene.set(make)
    settings = {"CANOPY_EMBEDDED_WORKER": "false", "CANOPY_MAX_CONNECTIONS": "2"}
    settings["CANOPY_MAX_OPERATIONS"] = str(PLACES)
    limits = httpx.Limits(max_connections=None)
    async with (
        Server(database, 1, tmp_path / "log", **settings) as server,
        httpx.AsyncClient(base_url=server.url, timeout=60, limits=limits) as http,
    ):
        customer = global_id("Company", scene.customer.id)
        pam, cora, carl = [
            Client(http, await make.token(user)) for user in (scene.pam, scene.cora, scene.carl)
        ]
        asked = await cora.done(REQUEST, input={"companyId": customer, "quantity": HELD + FREE})
        await pam.done(ASSIGN, input={"orderId": asked["order"]["id"]})
        learners = [{"email": f"learner{number}@example.com"} for number in range(HELD)]
        await cora.done(ADD_USERS, input={"users": learners})
        yield Busy(server, tmp_path / "log", Crowd(http, customer, [cora.token, carl.token]))
    assert "Traceback" not in (tmp_path / "log").read_text()


async def test_what_finds_no_place_is_refused_and_the_rest_is_served_as_ever(busy: Busy) -> None:
    crowd = busy.crowd
    await crowd.by(PLACES)
    refused_before, held = crowd.refused.total(), busy.memory()
    await crowd.by(CLIENTS)
    grown, refused = busy.memory() - held, crowd.refused.total()
    await crowd.by(PLACES)

    assert refused_before == 0
    assert crowd.refused == {(503, "OVERLOADED", "1"): refused}
    assert median(busy.took(503)) < median(busy.took(200))
    for document in (LICENSES, WHO):
        first, *others = crowd.answers[document]
        assert all(other == first for other in others)
    assert crowd.answers[WHO][0]["data"] == {"viewer": None, "company": None}
    assert crowd.answers[LICENSES][0]["data"]["licenses"]["totalCount"] == HELD + FREE
    acknowledged = crowd.orders()
    there = [global_id("Order", order.id) for order in await Order.filter(status="REQUESTED")]
    assert sorted(there) == sorted(acknowledged)
    assert await verified(busy.server) == WELL
    assert grown < MOST_MEMORY
