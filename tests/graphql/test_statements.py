"""How many statements each list costs: as many for many rows, and in a large tree, as for few."""

from random import Random
from typing import Any, Final

from graphql import get_named_type

from models.base import global_id
from models.companies import CompanyKind
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import application
from tests.http.client import Client
from tests.isolation.asking import UNLIMITED, everything, fields_of, nodes
from tests.isolation.world import KINDS, World
from tests.statements import statements

CALLER: Final = 1
"""Of each answer: who asks, by their token."""
COSTS: Final = {
    "Query.companies": (17, 45),
    "Query.orders": (5, 24),
    "Query.licenses": (2, 25),
    "Query.users": (2, 22),
    "Query.notifications": (2, 23),
    "Query.auditEvents": (10, 54),
    "Query.apiTokens": (3, 20),
    "Query.webhookEndpoints": (2, 20),
    "Company.children": (18, 47),
    "Company.descendants": (18, 47),
    "Company.users": (3, 23),
    "Company.orders": (7, 26),
    "Company.licenses": (3, 26),
    "License.allocations": (3, 5),
    "Order.licenses": (3, 26),
    "User.allocations": (3, 4),
    "WebhookEndpoint.deliveries": (3, 3),
}
"""Statements: of all that the rows tell by themselves, and of all that they lead to as well."""


class Last(Random):
    """Leaves nothing out: where there is something or nothing to choose, nothing comes first."""

    def choice(self, seq: Any) -> Any:
        return seq[-1]


class Growing(World):
    """Begins with three companies, in which there is something of everything."""

    async def fill(self) -> None:
        await self._grow({"vendor": None, "partner": "vendor", "customer": "partner"})

    async def grow(self) -> None:
        """More of everything in each company, and more companies, wider and deeper."""
        last, more = "partner", dict[str, str | None]()
        for number in range(3):
            more |= {f"partner {number}": last, f"customer {number}": last}
            last = f"partner {number}"
        await self._grow(more)

    async def _grow(self, tree: dict[str, str | None]) -> None:
        for name, above in tree.items():
            await self.company(name, above, CompanyKind[name.split()[0].upper()])
        await self.people_of(tree)
        for name in tree:
            await self.business_of(name)
        await self.go_on(list(self.companies.values()), ())


def connections() -> list[str]:
    """Every list there is that is read by pages, of the root and of rows."""
    return [
        f"{parent}.{name}"
        for parent in ("Query", *(kind.name for kind in nodes()))
        for name, field in fields_of(parent).items()
        if get_named_type(field.type).name.endswith("Connection")
    ]


def test_every_list_has_its_costs() -> None:
    assert sorted(COSTS) == sorted(connections())


async def test_what_a_list_costs_grows_neither_with_its_rows_nor_with_the_tree(
    make: Make, clock: Clock
) -> None:
    world = Growing(make, Last(0))
    await world.fill()
    async with application(make, clock, **UNLIMITED) as api:
        client = await api.of(world.people["vendor"][1])

        few = {name: await costs(client, name, rows=30) for name in COSTS}
        await world.grow()
        many = {name: await costs(client, name, rows=60) for name in COSTS}

    assert few == many == COSTS


async def costs(client: Client, name: str, rows: int) -> tuple[int, int]:
    parent, field = name.split(".")
    owners: Any = [] if parent == "Query" else await KINDS[parent].all().order_by("id").limit(rows)
    kind: Any = get_named_type(fields_of(parent)[field].type)
    found = []
    for depth in (1, 2):
        asked = f"{field}(first: {rows}) {{ {everything(kind, depth)} }}"
        document = (
            f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {parent} {{ {asked} }} }} }}"
            if owners
            else f"{{ {asked} }}"
        )
        with statements() as kept:
            answer = await client.send(
                document, ids=[global_id(parent, each.id) for each in owners]
            )
        assert "errors" not in answer, answer
        found.append(len(kept) - CALLER)
    return found[0], found[1]
