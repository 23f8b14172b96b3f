"""What executing costs: three pages by the compiled executor and by the stock one, in turn.

First with rows at hand: no HTTP and no database, but what was read the first time; then through the
whole application on PostgreSQL, a token looked up and all rights checked. Each time the two answers
must be equal, byte for byte.
"""

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from graphql import DocumentNode, ExecutionResult, execute, parse
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from app.asgi import create_app
from app.database import connected, migrate
from app.settings import load
from benchmarks.questions import DOCUMENTS
from models.access import Caller, caller_of
from models.companies import Company, CompanyKind
from models.licenses import LicenseType
from models.orders import Order, OrderOrigin
from models.users import User
from resolvers.reading.reader import Batch, Reader
from resolvers.reading.users import user_by_id
from schema.build import Executor, schema
from schema.context import Context
from schema.ids import global_id
from tests.execution.answers import told
from tests.factories import Make
from tests.postgres import Postgres

NOW: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ROUNDS: Final = 15
REPEATS: Final = {"rows at hand": 4, "application": 4}
IS_AWAITABLE: Any = optimized_is_awaitable
Ask = Callable[[], Awaitable[bytes]]


class Remembering(Reader):
    """Reads from the database the first time, and from memory ever after."""

    read: dict[Any, Mapping[Any, Any]]
    broken: Batch | None = None
    """An edge of which every key fails."""

    async def load_all(
        self, batch: Batch, keys: Iterable[Any], **arguments: Any
    ) -> Mapping[Any, Any]:
        known = self.read.get((batch, *arguments.values()))
        if known is None:
            known = await super().load_all(batch, keys, **arguments)
            if batch is self.broken:
                known = {key: LookupError(f"{key} failed") for key in known}
            self.read[batch, *arguments.values()] = known
        return known


async def main() -> None:
    with Postgres() as server:
        url = server.create_database("execution")
        await migrate(url)
        async with connected(url, min_size=2):
            make = Make(lambda: NOW)
            manager, variables = await _filled(make)
            token = await make.token(manager)
            caller = await caller_of(token, NOW)
            assert caller is not None
            for name, document in DOCUMENTS.items():
                await _in_process(name, document, caller, variables)
            await _in_process(
                "Q3 of failing learners", DOCUMENTS["Q3"], caller, variables, user_by_id
            )
            await _through_the_application(token, variables)


async def _filled(make: Make) -> tuple[User, dict[str, str]]:
    """A partner with 50 partners of 10 customers each; 50 requests; one with 100 learners."""
    top = await make.partner()
    manager = await make.manager(top)
    at = make.now
    partners = [Company.under(top, CompanyKind.PARTNER, f"Partner {n}", at=at) for n in range(50)]
    customers = [
        Company.under(partner, CompanyKind.CUSTOMER, f"{partner.name} customer {n}", at=at)
        for partner in partners
        for n in range(10)
    ]
    await Company.bulk_create([*partners, *customers])
    origin = OrderOrigin.PARTNER_ON_BEHALF
    await Order.bulk_create(
        Order.place(each, LicenseType.PREMIUM, 5, origin, by=manager.id, at=at)
        for each in customers[::10]
    )
    customer = await Company.get(id=customers[0].id)
    learners = await make.learners(customer, 100)
    for license, learner in zip(await make.licenses(customer, 100), learners, strict=True):
        await make.allocation(license, learner)
    ids: dict[str, str] = {
        "id": global_id("Company", top.id),
        "companyId": global_id("Company", customer.id),
    }
    return manager, ids


async def _in_process(
    name: str,
    document: str,
    caller: Caller,
    variables: Mapping[str, str],
    broken: Batch | None = None,
) -> None:
    read: dict[Any, Mapping[Any, Any]] = {}
    parsed = parse(document)

    def by(executor: type[Stock]) -> Ask:
        async def ask() -> bytes:
            reader = Remembering(caller, NOW)
            reader.read, reader.broken = read, broken
            return told(await _executed(executor, parsed, Context(caller, reader, lambda: NOW)))

        async def _executed(
            executor: type[Stock], parsed: DocumentNode, context: Context
        ) -> ExecutionResult:
            done: Any = execute(
                schema._schema,
                parsed,
                context_value=context,
                variable_values=dict(variables),
                executor_class=executor,
                is_awaitable=IS_AWAITABLE,
            )
            result: ExecutionResult = await done
            return result

        return ask

    await _compare(f"{name}, rows at hand", by(Executor), by(Stock), REPEATS["rows at hand"])


async def _through_the_application(token: str, variables: Mapping[str, str]) -> None:
    clients = {
        name: httpx.AsyncClient(
            transport=httpx.ASGITransport(
                app=create_app(load(executor=name, embedded_worker=False), lambda: NOW)
            ),
            base_url="http://canopy.test",
            headers={"Authorization": f"Bearer {token}"},
        )
        for name in ("compiled", "standard")
    }

    def by(executor: str, document: str) -> Ask:
        asked = {"query": document, "variables": dict(variables)}

        async def ask() -> bytes:
            return (await clients[executor].post("/graphql", json=asked)).content

        return ask

    for name, document in DOCUMENTS.items():
        ways = (by("compiled", document), by("standard", document))
        await _compare(f"{name}, through the application", *ways, REPEATS["application"])


async def _compare(what: str, compiled: Ask, stock: Ask, repeats: int) -> None:
    """In turn, so that a noisy moment meets both alike."""
    assert await compiled() == await stock(), f"{what}: the answers differ"
    taken: dict[Ask, list[float]] = {compiled: [], stock: []}
    for _ in range(ROUNDS):
        for ask, times in taken.items():
            gc.collect()
            began = time.process_time()
            for _ in range(repeats):
                await ask()
            times.append((time.process_time() - began) / repeats)
    ours, theirs = (statistics.median(times) * 1000 for times in taken.values())
    print(f"{what}: compiled {ours:.2f} ms, stock {theirs:.2f} ms, {theirs / ours:.1f} times")


if __name__ == "__main__":
    import asyncio

    asyncio.run(main())
