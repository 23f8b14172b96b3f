"""The daily jobs over 20,000 companies with 600,000 licenses, alone and two at once.

On PostgreSQL. Every company has a notice due: a third have just expired, a third expire within 72
hours, a third within 30 days; two thirds of the licenses are with learners.
"""

import asyncio
import resource
import sys
import time
from collections import Counter
from datetime import UTC, datetime

import asyncpg

from app.database import connected, migrate
from benchmarks.tree import COMPANIES, CUSTOMERS_EACH, PARTNERS
from models.outbox import Notification
from resolvers.daily import run
from tests.postgres import Postgres
from tests.statements import statements

LICENSES_EACH = 30
NOW = datetime(2027, 3, 2, 12, tzinfo=UTC)

FILL = f"""{COMPANIES}
INSERT INTO users (id, company_id, path, email, email_key, first_name, last_name, name_key, role,
    muted_templates, created_at, updated_at)
SELECT gen_random_uuid(), id, path, path || n || '@example.com', path || n || '@example.com', 'A',
    'B', 'a b', CASE WHEN n > 1 THEN 'LEARNER' WHEN kind = 'CUSTOMER' THEN 'MANAGER'
    ELSE 'ACCOUNT_MANAGER' END, '[]', now(), now()
FROM companies, generate_series(1, CASE WHEN kind = 'CUSTOMER' THEN 21 ELSE 1 END) AS n;
UPDATE companies SET account_manager_id = users.id FROM users
WHERE users.company_id = companies.parent_id AND users.role = 'ACCOUNT_MANAGER';
INSERT INTO orders (id, number, company_id, path, license_type, quantity, assigned_quantity, status,
    origin, requested_at, updated_at, assigned_at, expires_at)
SELECT gen_random_uuid(), 'ORD-' || n, id, path, 'PREMIUM', {LICENSES_EACH}, {LICENSES_EACH},
    'ASSIGNED', 'CUSTOMER_REQUEST', ends - interval '1 year', now(), ends - interval '1 year', ends
FROM (
    SELECT *, $1::timestamptz + CASE n % 3 WHEN 0 THEN interval '-1 hour'
        WHEN 1 THEN interval '2 days' ELSE interval '29 days' END AS ends
    FROM (SELECT id, path, row_number() OVER (ORDER BY id) AS n FROM companies
        WHERE kind = 'CUSTOMER') AS customer
) AS due;
INSERT INTO licenses (id, order_id, company_id, path, type, assigned_at, expires_at, updated_at,
    holder_id, allocated_at)
SELECT gen_random_uuid(), o.id, o.company_id, o.path, 'PREMIUM', o.assigned_at, o.expires_at, now(),
    u.id, CASE WHEN u.id IS NULL THEN NULL ELSE o.assigned_at END
FROM orders AS o JOIN generate_series(1, {LICENSES_EACH}) AS n ON true LEFT JOIN (
    SELECT id, company_id, row_number() OVER (PARTITION BY company_id ORDER BY id) AS n
    FROM users WHERE role = 'LEARNER'
) AS u ON u.company_id = o.company_id AND u.n = n.n;
INSERT INTO allocations (id, license_id, user_id, allocated_at)
SELECT gen_random_uuid(), id, holder_id, allocated_at FROM licenses WHERE holder_id IS NOT NULL;
ANALYZE;
"""


async def main() -> None:
    with Postgres() as server:
        url = server.create_database("daily")
        await migrate(url)
        connection = await asyncpg.connect(url)
        await connection.execute(FILL.replace("$1", f"'{NOW.isoformat()}'"))
        await connection.close()
        server.create_database("daily_two", template="daily")
        print(
            f"{PARTNERS * CUSTOMERS_EACH:,} companies with {LICENSES_EACH} licenses each, all due"
        )
        await _alone(url)
        await _two_at_once(server.url("daily_two"))


async def _alone(url: str) -> None:
    async with connected(url):
        before = _peak()
        for what in ("the first run", "a run again"):
            began = time.perf_counter()
            with statements() as sent:
                done = await run(lambda: NOW)
            took = time.perf_counter() - began
            print(
                f"{what}: {done['mails']:,} mails, {done['expired']:,} licenses written down; "
                f"{took:.1f} s, {len(sent):,} statements, {_peak() - before:.0f} MB more"
            )


async def _two_at_once(url: str) -> None:
    """In processes of their own."""
    began = time.perf_counter()
    both = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.daily", url)
        for _ in range(2)
    ]
    await asyncio.gather(*(each.wait() for each in both))
    took = time.perf_counter() - began
    async with connected(url):
        told = Counter(await Notification.all().values_list("company_id", "user_id"))
    twice = sum(number > 1 for number in told.values())
    print(f"two at once: {told.total():,} mails, {twice} of them twice; {took:.1f} s")


async def _one(url: str) -> None:
    async with connected(url):
        await run(lambda: NOW)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    asyncio.run(_one(sys.argv[1]) if len(sys.argv) > 1 else main())
