"""What PostgreSQL expects of lists that it plans once for all: by that it enters an index and reads
in its order, or does not.
"""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import orjson
import pytest
import pytest_asyncio
from tortoise.transactions import in_transaction

from app.clock import utc_now
from app.database import connected
from app.seeding.filling import seed
from app.seeding.tree import Size
from app.settings import load
from models.base import Entity, global_id
from models.companies import Company
from models.database import rows
from models.licenses import License
from models.orders import Order, OrderStatus
from models.users import User
from tests.factories import Make
from tests.graphql.api import Api, application
from tests.statements import statements

pytestmark = pytest.mark.parametrize("databases", ["postgres"], indirect=True)

SIZE: Final = Size(companies=400, learners=400, licenses=800)
TREE: Final = """
query($id: ID!) {
  company(id: $id) {
    children(first: 9) { edges { node { children(first: 9) { edges { node { name } } } } } }
  }
}"""
REQUESTS: Final = (
    "{ orders(first: 9, filter: {status: [REQUESTED]}) { edges { node { number } } } }"
)
PLACEHOLDER: Final = re.compile(r"\$\d+")


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    await seed(load(database_url=database_url), utc_now, SIZE, seed=1)
    async with connected(database_url), application(Make(utc_now), utc_now) as api:
        yield api


async def test_as_many_children_are_expected_as_a_company_has(api: Api) -> None:
    root = await Company.get(parent_id=None)
    [*_, children] = await lists(api, TREE, id=global_id("Company", root.id))

    of_any = await expected("SELECT FROM companies WHERE parent_id = $1", "companies")
    assert await expected(children, "companies") >= 0.9 * of_any > 1


async def test_as_many_requests_are_expected_as_there_are(api: Api) -> None:
    [requests] = await lists(api, REQUESTS)

    there = await Order.filter(status=OrderStatus.REQUESTED).count()
    assert await expected(requests, "orders") >= 0.9 * there > 1


@pytest.mark.parametrize("kind", [License, User])
async def test_a_plan_for_all_subtrees_is_thought_dear(api: Api, kind: type[Entity]) -> None:
    """It would go through the whole table in the order of the list, which reads large subtrees
    best, and small ones a thousand times slower than a plan of their own. So it is not told how
    small a page is: for a tenth of the list PostgreSQL expects to pay more than for its own plans.
    """
    table = kind._meta.db_table
    [page] = await lists(api, f"{{ {table}(first: 9) {{ edges {{ node {{ id }} }} }} }}")

    plan = await planned(page)
    assert plan["Node Type"] == "Limit"
    assert plan["Plan Rows"] == pytest.approx(0.1 * await kind.all().count(), rel=0.1)


@pytest.mark.parametrize("status", ["EXPIRED", "NONE"])
async def test_people_without_a_license_are_expected_to_be_many(api: Api, status: str) -> None:
    document = "{ users(first: 9, filter: {licenseStatus: [STATUS]}) { edges { node { id } } } }"
    [people] = await lists(api, document.replace("STATUS", status))

    assert await expected(people, "users") >= 0.9 * await User.all().count() > 1


async def lists(api: Api, document: str, **variables: str) -> list[str]:
    """The statements that lists are read by, for somebody at the root."""
    somebody = await User.filter(company__parent_id=None).first()
    with statements() as sent:
        await api.send(somebody, document, **variables)
    texts = [message.rpartition(": [")[0] for message in sent]
    return [text for text in texts if " LIMIT " in text]


async def expected(statement: str, table: str) -> float:
    """Rows that are read of the table, before any are left out for being too many."""
    [read] = nodes(await planned(statement), table)
    return float(read["Plan Rows"])


async def planned(statement: str) -> dict[str, Any]:
    """The plan for all values."""
    values = ", ".join("NULL" for _ in set(PLACEHOLDER.findall(statement)))
    async with in_transaction() as connection:
        await connection.execute_script(
            f"SET LOCAL plan_cache_mode = force_generic_plan; PREPARE asked AS {statement}"
        )
        [told] = await rows(f"EXPLAIN (FORMAT JSON) EXECUTE asked ({values})")
        await connection.execute_script("DEALLOCATE asked")
    plan: dict[str, Any] = orjson.loads(told["QUERY PLAN"])[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any], table: str) -> Iterator[dict[str, Any]]:
    if plan.get("Relation Name") == table:
        yield plan
    for beneath in plan.get("Plans", ()):
        yield from nodes(beneath, table)
