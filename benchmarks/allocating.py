"""Allocating 100 licenses with one call: Canopy's mutation, and the same writes by hand.

Eight companies, each asked by one client for one hundred of its learners after the other: a company
hands out its pool one call at a time. After each load all is as before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from app.clock import utc_now
from benchmarks.compare import Compared, answer_to, in_turn
from benchmarks.load import request
from benchmarks.servers import CLIENTS, Load, Process
from models.base import new_id
from models.companies import Company
from models.database import pour, rows
from models.tokens import ApiScope
from models.users import User
from schema.ids import global_id
from tests.factories import Make

NAME: Final = "allocate 100"
AT_ONCE: Final = 100
CALLS: Final = 10
"""Of each client in one load."""
DOCUMENT: Final = """
mutation Allocate($companyId: ID!, $userIds: [ID!]!) {
  allocateLicenses(input: {companyId: $companyId, userIds: $userIds}) {
    licenses { id } shortage errors { code }
  }
}"""
UNDO: Final = (
    "DELETE FROM allocations WHERE license_id IN"
    " (SELECT id FROM licenses WHERE company_id = ANY ($1::uuid[]))",
    "UPDATE licenses SET holder_id = NULL, allocated_at = NULL"
    " WHERE company_id = ANY ($1::uuid[]) AND holder_id IS NOT NULL",
    "DELETE FROM audit_events WHERE company_id = ANY ($1::uuid[])",
)


@dataclass(frozen=True)
class Pools:
    """Companies with learners to be licensed, and in whose name."""

    token: str
    by: UUID
    learners: Mapping[UUID, Sequence[UUID]]

    def streams(self, server: str) -> list[list[str]]:
        return [
            [self._request(server, company, people[at : at + AT_ONCE]) for at in _starts(people)]
            for company, people in self.learners.items()
        ]

    def _request(self, server: str, company: UUID, people: Sequence[UUID]) -> str:
        if server == "floor":
            told = {"companyId": str(company), "by": str(self.by), "userIds": [*map(str, people)]}
            return request("/allocate", told)
        variables = {
            "companyId": global_id("Company", company),
            "userIds": [global_id("User", id) for id in people],
        }
        return request("/graphql", {"query": DOCUMENT, "variables": variables}, self.token)

    async def undo(self) -> None:
        for statement in UNDO:
            await rows(statement, list(self.learners))


def _starts(people: Sequence[UUID]) -> range:
    return range(0, len(people), AT_ONCE)


async def pools(calls: int = CALLS) -> Pools:
    """New companies beneath a new partner, with as many licenses as learners."""
    make = Make(utc_now)
    partner = await make.partner()
    manager = await make.manager(partner, email=f"{new_id()}@pools.example")
    token = await make.api_token(manager, ApiScope.READ, ApiScope.LICENSES_ALLOCATE)
    number = AT_ONCE * calls
    learners = {}
    for _ in range(CLIENTS):
        company = await make.company(partner, licenses=number)
        learners[company.id] = await add_learners(company, number)
    return Pools(token, manager.id, learners)


async def add_learners(company: Company, number: int) -> list[UUID]:
    at = company.created_at
    people: list[tuple[Any, ...]] = []
    for _ in range(number):
        id = new_id()
        address = f"{id}@pools.example"
        told = (address, address, "", "", address, "LEARNER", "[]", at, at)
        people.append((id, company.id, company.path, *told))
    columns = (
        *("id", "company_id", "path", "email", "email_key", "first_name", "last_name", "name_key"),
        *("role", "muted_templates", "created_at", "updated_at"),
    )
    await pour(User._meta.db_table, columns, people)
    return [person[0] for person in people]


async def handed_over(server: Process, at: Pools) -> bytes:
    """What is said of the first hundred."""
    return await answer_to(server, at.streams(server.name)[0][0])


async def compare_allocating(servers: Sequence[Process], at: Pools, rounds: int) -> Compared:
    answers = {}
    for server in servers:
        answers[server.name] = await handed_over(server, at)
        await at.undo()
    assert len(set(answers.values())) == 1, answers
    loads = {server.name: partial(hand_over, server, at) for server in servers}
    await in_turn(loads, 1)  # which only warms up
    return Compared(NAME, await in_turn(loads, rounds))


async def hand_over(server: Process, at: Pools) -> Load:
    """All of it, and back. In a database that is connected."""
    load = await server.load(at.streams(server.name))
    await at.undo()
    return load
