"""Lists by subtree: the path copied onto the row against a join with its company.

On PostgreSQL, with 20,000 companies beneath 200 partners, and 200,000 orders. Each list is asked
for the root, which sees all, for a partner with 100 companies, and for one customer.
"""

import statistics
import time
from typing import Any

import asyncpg

from app.database import migrate
from benchmarks.tree import COMPANIES, CUSTOMERS_EACH, PARTNERS
from models.base import successor
from tests.postgres import Postgres

ORDERS = 200_000
ROUNDS = 15

FILL = f"""{COMPANIES}
INSERT INTO orders (id, number, company_id, path, license_type, quantity, assigned_quantity, status,
    origin, requested_at, updated_at)
SELECT gen_random_uuid(), 'ORD-' || n, company.id, company.path, 'PREMIUM', 5,
    CASE WHEN n % 10 = 0 THEN 0 ELSE 5 END,
    CASE WHEN n % 10 = 0 THEN 'REQUESTED' ELSE 'ASSIGNED' END, 'CUSTOMER_REQUEST',
    now() - n * interval '1 minute', now()
FROM (SELECT id, path, row_number() OVER (ORDER BY md5(path)) AS at FROM companies
    WHERE kind = 'CUSTOMER') AS company
JOIN generate_series(1, {ORDERS}) AS n ON company.at = n % {PARTNERS * CUSTOMERS_EACH} + 1;
ANALYZE;
"""
COPIED = """
SELECT o.* FROM orders o WHERE o.path >= $1 AND o.path < $2 AND o.status = 'REQUESTED'
ORDER BY o.requested_at DESC, o.id DESC LIMIT 51
"""
JOINED = """
SELECT o.* FROM orders o JOIN companies c ON c.id = o.company_id
WHERE c.path >= $1 AND c.path < $2 AND o.status = 'REQUESTED'
ORDER BY o.requested_at DESC, o.id DESC LIMIT 51
"""
COPIED_COUNT = """
SELECT count(*) FROM orders o WHERE o.path >= $1 AND o.path < $2 AND o.status = 'REQUESTED'
"""
JOINED_COUNT = """
SELECT count(*) FROM orders o JOIN companies c ON c.id = o.company_id
WHERE c.path >= $1 AND c.path < $2 AND o.status = 'REQUESTED'
"""
SUBTREES = {
    "the root": "00000000/",
    "a partner": "00000000/00000042/",
    "a customer": "00000000/00000042/00000007/",
}


async def main() -> None:
    with Postgres() as server:
        url = server.create_database("paths")
        await migrate(url)
        connection = await asyncpg.connect(url)
        await connection.execute(FILL)
        print(f"{PARTNERS * CUSTOMERS_EACH:,} companies, {ORDERS:,} orders; medians of {ROUNDS}")
        for name, path in SUBTREES.items():
            await _compare(connection, f"50 open orders of {name}", COPIED, JOINED, path)
            await _compare(connection, f"their count for {name}", COPIED_COUNT, JOINED_COUNT, path)
        await connection.close()


async def _compare(
    connection: "asyncpg.Connection[Any]", what: str, copied: str, joined: str, path: str
) -> None:
    """In turn, so that a noisy moment meets both alike."""
    taken: dict[str, list[float]] = {copied: [], joined: []}
    for _ in range(ROUNDS):
        for statement, times in taken.items():
            began = time.perf_counter()
            await connection.fetch(statement, path, successor(path))
            times.append(time.perf_counter() - began)
    by_copy, by_join = (statistics.median(times) * 1000 for times in taken.values())
    print(
        f"{what}: copied {by_copy:.2f} ms, joined {by_join:.2f} ms, {by_join / by_copy:.1f} times"
    )


if __name__ == "__main__":
    import asyncio

    asyncio.run(main())
