"""People at work on a running Canopy, who note what was acknowledged, and what was not."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import uuid4

import httpx

from models.base import global_id
from tests.databases import read_from
from tests.http.client import ADD_USERS, ALLOCATE, ASSIGN, ORDERS, REQUEST, SUMMARY, Client
from tests.http.server import Server
from tests.http.stage import Stage

AT_ONCE: Final = 4
LICENSES: Final = 3
WELL: Final = "well: all that must always hold does\n"
HELD_ORDERS: Final = """
    SELECT orders.id, number, COUNT(licenses.id) FROM orders
    LEFT JOIN licenses ON licenses.order_id = orders.id GROUP BY orders.id, number"""
HELD_LEARNERS: Final = """
    SELECT email, users.id, licenses.id FROM users LEFT JOIN allocations
    ON allocations.user_id = users.id AND allocations.released_at IS NULL
    LEFT JOIN licenses ON licenses.id = allocations.license_id AND licenses.holder_id = users.id"""


@dataclass
class Load:
    """Requests, assigns and allocates without end, for one customer."""

    partner: Client
    customer: str
    requested: dict[str, str] = field(default_factory=dict)
    """Acknowledged: numbers of orders by their ids."""
    assigned: dict[str, str] = field(default_factory=dict)
    """Acknowledged: the same of those whose licenses there are."""
    added: dict[str, str] = field(default_factory=dict)
    """Acknowledged: ids of learners by their addresses."""
    licensed: dict[str, str] = field(default_factory=dict)
    """Acknowledged: ids of the licenses that learners hold, by their addresses."""
    failures: Counter[str] = field(default_factory=Counter)

    async def acknowledged(self, more: int) -> None:
        """Until so many more rounds were served."""
        enough = len(self.licensed) + more
        async with asyncio.timeout(120):
            while len(self.licensed) < enough:  # noqa: ASYNC110 - several add to it
                await asyncio.sleep(0.02)

    def by_now(self) -> "Load":
        """What is acknowledged after this is not in it."""
        return replace(
            self,
            requested=dict(self.requested),
            assigned=dict(self.assigned),
            added=dict(self.added),
            licensed=dict(self.licensed),
        )

    async def work(self) -> None:
        """One round of the journey. Raises nothing of what a fault may do to it."""
        try:
            await self._journey()
        except (httpx.TransportError, NotServed) as fault:
            self.failures[type(fault).__name__] += 1
            await asyncio.sleep(0.02)

    async def _journey(self) -> None:
        key = uuid4().hex
        asked = {"companyId": self.customer, "quantity": LICENSES, "idempotencyKey": f"r{key}"}
        order = (await self._done(REQUEST, asked))["order"]
        self.requested[order["id"]] = order["number"]
        await self._done(ASSIGN, {"orderId": order["id"], "idempotencyKey": f"a{key}"})
        self.assigned[order["id"]] = order["number"]
        email = f"{key}@customer.example"
        people = {"companyId": self.customer, "users": [{"email": email}], "allocate": False}
        [learner] = (await self._done(ADD_USERS, people))["users"]
        self.added[email] = learner["id"]
        wanted = {"companyId": self.customer, "emails": [email]}
        [license] = (await self._done(ALLOCATE, wanted))["licenses"]
        self.licensed[email] = license["id"]

    async def _done(self, document: str, given: dict[str, Any]) -> dict[str, Any]:
        answer = await self.partner.send(document, input=given)
        if "errors" in answer:
            codes = [error["extensions"]["code"] for error in answer["errors"]]
            raise NotServed(*codes)
        [payload] = answer["data"].values()
        if payload["errors"]:
            raise NotServed(*(error["code"] for error in payload["errors"]))
        done: dict[str, Any] = payload
        return done


class NotServed(Exception):
    """Clean, and for now: the codes say why."""


@contextlib.asynccontextmanager
async def under_load(load: Load, at_once: int = AT_ONCE) -> AsyncIterator[None]:
    """Beside whatever is done in here; at its end what is under way is finished."""
    stop = asyncio.Event()

    async def go_on() -> None:
        while not stop.is_set():
            await load.work()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(go_on())
        try:
            yield
        finally:
            stop.set()


async def loaded(stage: Stage) -> Load:
    partner = await stage.partner()
    return Load(partner, await stage.customer(partner))


@dataclass(frozen=True)
class There:
    """What a database itself holds; ids are those of the API."""

    orders: Mapping[str, tuple[str, int]]
    """By id, the number and how many licenses there are."""
    learners: Mapping[str, tuple[str, str | None]]
    """By address, the id and that of the license held."""

    @classmethod
    async def read(cls, url: str) -> "There":
        orders, learners = await read_from(url, HELD_ORDERS, HELD_LEARNERS)
        return cls(
            {global_id("Order", id): (number, licenses) for id, number, licenses in orders},
            {
                email: (global_id("User", id), global_id("License", held) if held else None)
                for email, id, held in learners
            },
        )


def lost(load: Load, there: There) -> list[str]:
    """What was acknowledged and is not there, each by itself: others do not make up for it."""
    nothing, nobody = ("", 0), ("", None)
    return [
        *(
            f"the order {number}"
            for id, number in load.requested.items()
            if there.orders.get(id, nothing)[0] != number
        ),
        *(
            f"licenses of {number}"
            for id, number in load.assigned.items()
            if there.orders.get(id, nothing) != (number, LICENSES)
        ),
        *(
            f"the learner {email}"
            for email, id in load.added.items()
            if there.learners.get(email, nobody)[0] != id
        ),
        *(
            f"the license of {email}"
            for email, id in load.licensed.items()
            if there.learners.get(email, nobody)[1] != id
        ),
    ]


async def all_is_well(stage: Stage, load: Load) -> None:
    """All that was acknowledged is there, and `canopy verify` finds nothing wrong."""
    assert await verified(stage.server) == WELL
    assigned = {"companyId": load.customer, "status": ["ASSIGNED"]}
    page = await load.partner.ask(ORDERS, filter=assigned)
    summary = (await load.partner.ask(SUMMARY, id=load.customer))["licenseSummary"]
    assert lost(load, await There.read(stage.server.database_url)) == []
    assert summary["total"] == page["totalCount"] * LICENSES


async def verified(server: Server) -> str:
    """What `canopy verify` says; this process goes on meanwhile."""
    return await asyncio.to_thread(server.run, "verify")
