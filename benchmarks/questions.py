"""What is asked: the pages of the issue, of whom, and in whose name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Final

from app.clock import utc_now
from benchmarks import peer
from benchmarks.load import request
from benchmarks.servers import CLIENTS
from models.base import within
from models.companies import Company
from models.database import rows
from models.orders import Order, OrderStatus
from models.tokens import ApiScope
from models.users import User, UserRole
from schema.ids import global_id
from tests.factories import Make

DOCUMENTS: Final = {
    "Q1": """
query Tree($id: ID!) {
  company(id: $id) { name kind children(first: 50) { edges { node {
    name
    licenseSummary { available allocated expiring expired }
    children(first: 10) { edges { node { name } } }
  } } } }
}""",
    "Q2": """
query Requests {
  orders(filter: {status: [REQUESTED]}, first: 50) {
    edges { node {
      number status quantity requestedAt company { name } requestedBy { name email }
    } }
    totalCount
  }
}""",
    "Q3": """
query Licenses($companyId: ID!) {
  licenses(first: 100, filter: {companyId: $companyId, status: [ALLOCATED]}) {
    edges { node { id status expiresAt user { name email } order { number } } }
  }
}""",
}
TITLES: Final = {
    "Q1": "company tree page",
    "Q2": "orders in a subtree",
    "Q3": "licenses page",
    "allocate": "allocate 100",
}


@dataclass(frozen=True)
class Question:
    """One request, to Canopy and to the floor."""

    name: str
    tokens: Sequence[str]
    """Of the clients, one each."""
    variables: Mapping[str, Any]
    plain: Mapping[str, Any]
    """What the floor is told."""

    @property
    def body(self) -> dict[str, Any]:
        return {"query": DOCUMENTS[self.name], "variables": dict(self.variables)}

    def streams(self, server: str, clients: int = CLIENTS) -> list[list[str]]:
        """What each client asks over and over."""
        return [[self.to(server, token)] for token in islice(cycle(self.tokens), clients)]

    def to(self, server: str, token: str | None = None) -> str:
        token = token or self.tokens[0]
        if server == "floor":
            return request(f"/{self.name}", self.plain)
        if server == peer.NAME:
            told = {"query": peer.DOCUMENTS[self.name], "variables": dict(self.plain)}
            return request("/graphql", told, token)
        return request("/graphql", self.body, token)


async def questions(requests: int | None = None) -> dict[str, Question]:
    """Q1 to Q3 of a large distributor, the partner with the most requests, and a customer.

    Q2 also of the root, and of a partner with about so many `requests`.
    """
    distributor = await _one(
        """SELECT above.id FROM companies above JOIN companies ON companies.parent_id = above.id
        WHERE above.kind = 'DISTRIBUTOR' GROUP BY above.id ORDER BY count(*) DESC, above.id"""
    )
    partner = await _partner("count(*) DESC")
    alike = await _partner(f"abs(count(*) - {requests})") if requests else partner
    customer = await _one(
        """SELECT companies.id FROM companies JOIN licenses ON licenses.company_id = companies.id
        WHERE companies.kind = 'CUSTOMER' AND NOT companies.is_archived AND voided_at IS NULL
        AND holder_id IS NOT NULL AND expires_at > now()
        GROUP BY companies.id ORDER BY count(*) < 100, count(*), companies.id"""
    )
    root = await Company.get(parent_id=None)
    seller = await Company.get(id=customer.parent_id)
    return {
        "Q1": Question(
            "Q1",
            await _tokens(distributor),
            {"id": global_id("Company", distributor.id)},
            {"id": str(distributor.id)},
        ),
        "Q2": Question("Q2", await _tokens(partner), {}, {"path": partner.path}),
        "Q3": Question(
            "Q3",
            await _tokens(seller),
            {"companyId": global_id("Company", customer.id)},
            {"companyId": str(customer.id)},
        ),
        "Q2 of the root": Question("Q2", await _tokens(root), {}, {"path": root.path}),
        "Q2 of a partner": Question("Q2", await _tokens(alike), {}, {"path": alike.path}),
    }


async def requests_of(question: Question) -> int:
    """How many there are in the subtree that it asks of."""
    path = question.plain["path"]
    return await Order.filter(within(path), status=OrderStatus.REQUESTED).count()


async def _partner(order: str) -> Company:
    """The first one in an order by its requests."""
    return await _one(
        f"""SELECT above.id FROM companies above JOIN orders
        ON orders.path >= above.path AND orders.path < rtrim(above.path, '/') || '0'
        WHERE above.kind = 'PARTNER' AND orders.status = 'REQUESTED'
        GROUP BY above.id ORDER BY {order}, above.id"""
    )


async def _one(statement: str) -> Company:
    [found] = await rows(f"{statement} LIMIT 1")
    return await Company.get(id=found["id"])


async def _tokens(company: Company) -> list[str]:
    """API tokens of one of its account managers."""
    manager = (
        await User.filter(company_id=company.id, role=UserRole.ACCOUNT_MANAGER)
        .order_by("id")
        .first()
    )
    assert manager is not None
    make = Make(utc_now)
    return [await make.api_token(manager, ApiScope.READ) for _ in range(CLIENTS)]
