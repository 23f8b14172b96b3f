"""People at work on a running Canopy, who note what was acknowledged, and what was not."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx

from tests.http.client import ADD_USERS, ALLOCATE, ASSIGN, ORDERS, REQUEST, SUMMARY, Client
from tests.http.server import Server
from tests.http.stage import Stage

AT_ONCE: Final = 4
LICENSES: Final = 3
WELL: Final = "well: all that must always hold does\n"


@dataclass
class Load:
    """Requests, assigns and allocates without end, for one customer."""

    partner: Client
    customer: str
    assigned: dict[str, str] = field(default_factory=dict)
    """Acknowledged: numbers of orders by their ids."""
    licensed: set[str] = field(default_factory=set)
    """Acknowledged: addresses of learners."""
    failures: Counter[str] = field(default_factory=Counter)

    async def acknowledged(self, more: int) -> None:
        """Until so many more rounds were served."""
        enough = len(self.licensed) + more
        async with asyncio.timeout(120):
            while len(self.licensed) < enough:  # noqa: ASYNC110 - several add to it
                await asyncio.sleep(0.02)

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
        await self._done(ASSIGN, {"orderId": order["id"], "idempotencyKey": f"a{key}"})
        self.assigned[order["id"]] = order["number"]
        email = f"{key}@customer.example"
        people = {"companyId": self.customer, "users": [{"email": email}], "allocate": False}
        await self._done(ADD_USERS, people)
        await self._done(ALLOCATE, {"companyId": self.customer, "emails": [email]})
        self.licensed.add(email)

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


async def all_is_well(stage: Stage, load: Load) -> None:
    """All that was acknowledged is there, and `canopy verify` finds nothing wrong."""
    assert await verified(stage.server) == WELL
    assigned = {"companyId": load.customer, "status": ["ASSIGNED"]}
    page = await load.partner.ask(ORDERS, filter=assigned)
    summary = (await load.partner.ask(SUMMARY, id=load.customer))["licenseSummary"]
    assert page["totalCount"] >= len(load.assigned)
    assert summary["total"] == page["totalCount"] * LICENSES
    assert summary["allocated"] >= len(load.licensed)


async def verified(server: Server) -> str:
    """What `canopy verify` says; this process goes on meanwhile."""
    return await asyncio.to_thread(server.run, "verify")
