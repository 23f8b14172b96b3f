"""What the counts and the license-days of the whole tree cost.

On PostgreSQL, with 20,000 companies, 600,000 licenses and as many stays.
"""

import statistics
import time
from datetime import UTC, datetime

import asyncpg

from app.database import connected, migrate
from benchmarks.paths import FILL
from benchmarks.tree import CUSTOMERS_EACH, PARTNERS
from models.access import Caller
from models.companies import Company
from models.users import UserRole
from resolvers.reading.reader import Reader
from resolvers.reading.summaries import COUNTED, ELAPSED, EVERYTHING, USED, license_summaries
from resolvers.reading.windows import Scope
from tests.postgres import Postgres

LICENSES = 600_000
ROUNDS = 5

LICENSED = f"""
INSERT INTO users (id, company_id, path, email, email_key, first_name, last_name, name_key, role,
    muted_templates, created_at, updated_at)
SELECT gen_random_uuid(), id, path, id || '@example.com', id || '@example.com', '', '', '',
    'LEARNER', '[]', now(), now() FROM companies WHERE kind = 'CUSTOMER';
INSERT INTO licenses (id, order_id, company_id, path, type, assigned_at, expires_at, updated_at)
SELECT gen_random_uuid(), bought.id, bought.company_id, bought.path, 'PREMIUM',
    now() - n * interval '30 days', now() - n * interval '30 days' + interval '1 year', now()
FROM (SELECT DISTINCT ON (company_id) id, company_id, path FROM orders ORDER BY company_id, id)
    AS bought, generate_series(1, {LICENSES // (PARTNERS * CUSTOMERS_EACH)}) AS n;
INSERT INTO allocations
    (id, license_id, user_id, allocated_at, released_at, release_reason)
SELECT gen_random_uuid(), licenses.id, users.id, assigned_at + interval '1 day',
    assigned_at + interval '9 days', 'RELEASED'
FROM licenses JOIN users ON users.company_id = licenses.company_id;
ANALYZE;
"""


async def main() -> None:
    with Postgres() as server:
        url = server.create_database("days")
        await migrate(url)
        connection = await asyncpg.connect(url)
        await connection.execute(FILL)
        await connection.execute(LICENSED)
        await connection.close()
        print(f"{PARTNERS * CUSTOMERS_EACH:,} companies, {LICENSES:,} licenses, each with a stay")
        async with connected(url):
            companies = {
                "the root": await Company.get(parent_id=None),
                "a partner": await Company.filter(kind="PARTNER").order_by("path").first(),
            }
            for name, company in companies.items():
                assert company is not None
                for what, want in {
                    "counts": frozenset(COUNTED),
                    "days elapsed": ELAPSED - USED,
                    "days used": USED - ELAPSED,
                    "all of it": EVERYTHING,
                }.items():
                    taken = await _median(company, want)
                    print(f"{what} of {name}: {taken:.0f} ms")


async def _median(company: Company, want: frozenset[str]) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await license_summaries(_reader(company), [company], scope=Scope.SUBTREE, want=want)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


def _reader(company: Company) -> Reader:
    caller = Caller(
        session_id=company.id,
        user_id=company.id,
        role=UserRole.ACCOUNT_MANAGER,
        company_id=company.id,
        path=company.path,
        home_id=company.id,
    )
    return Reader(caller, datetime.now(UTC))
