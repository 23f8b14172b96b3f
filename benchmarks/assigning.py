"""Assigning 10,000 licenses with one call, against one INSERT … SELECT of the same rows by hand.

In this process, on both databases, in turn. Beside it, how many statements the large operations
send: that number does not grow with the rows.
"""

import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from tortoise.transactions import in_transaction

from app.clock import utc_now
from app.database import connected, migrate
from models.access import Caller
from models.base import new_id
from models.companies import Company
from models.database import is_sqlite, rows
from models.licenses import LicenseType, expiry
from models.orders import Order
from models.users import User
from resolvers.licenses import Learners, Wanted, allocate_licenses
from resolvers.orders import assign_order
from resolvers.performing import perform
from tests.factories import Make
from tests.statements import statements

NUMBER: Final = 10_000
IDS: Final = {
    False: f"SELECT uuidv7() AS id FROM generate_series(1, {NUMBER})",
    True: f"""
        WITH RECURSIVE counted (n) AS (
            SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {NUMBER}
        )
        SELECT printf('%s-7%03x-8%03x-%s', $7, n / 4096, n % 4096, lower(hex(randomblob(6)))) AS id
        FROM counted""",
}
FLOOR: Final = """
INSERT INTO licenses (id, order_id, company_id, path, type, assigned_at, expires_at, updated_at)
SELECT id, $1, $2, $3, $4, $5, $6, $5 FROM ({ids}) AS new"""


async def assigning(url: str, rounds: int, say: Callable[[str], None]) -> float:
    """How many times as long as the floor it takes."""
    await migrate(url)
    async with connected(url):
        make = Make(utc_now)
        partner = await make.partner()
        caller = await make.caller(await make.manager(partner))
        company = await make.company(partner)
        taken: list[tuple[float, float]] = []
        for number in range(rounds + 1):
            order = await make.order(company, NUMBER)
            both = (_assign(caller, order), _floor(company, await make.order(company, NUMBER)))
            ours, floor = [await _timed(each) for each in both]
            if number:  # the first one only warms up
                taken.append((ours, floor))
        name = "SQLite" if is_sqlite() else "PostgreSQL"
        ratio = statistics.median(ours / floor for ours, floor in taken)
        ours, floor = (statistics.median(each) * 1000 for each in zip(*taken, strict=True))
        counted = await _count(make, partner, caller)
        say(
            f"Assigning {NUMBER:,} on {name}: {ours:.0f} ms, one INSERT … SELECT {floor:.0f} ms, "
            f"{ratio:.2f} times; {counted['assign']} statements. "
            f"Allocating {NUMBER:,}: {counted['allocate']} statements."
        )
        return ratio


async def _assign(caller: Caller, order: Order) -> None:
    await perform(caller, utc_now, assign_order, order.id)


async def _floor(company: Company, order: Order) -> None:
    at = datetime.now(UTC)
    values = (
        *(str(order.id), str(company.id), company.path, LicenseType.PREMIUM.value),
        *(at, expiry(LicenseType.PREMIUM, at)),
    )
    prefix = (str(new_id())[:13],) if is_sqlite() else ()
    async with in_transaction():
        await rows(FLOOR.format(ids=IDS[is_sqlite()]), *values, *prefix)


async def _count(make: Make, partner: Company, caller: Caller) -> dict[str, int]:
    company = await make.company(partner)
    order = await make.order(company, NUMBER)
    with statements() as assigned:
        await _assign(caller, order)
    await _people(company)
    ids = [user.id for user in await User.filter(company_id=company.id)]
    with statements() as allocated:
        await perform(
            caller, utc_now, allocate_licenses, company.id, Learners(user_ids=ids), Wanted()
        )
    return {"assign": len(assigned), "allocate": len(allocated)}


async def _people(company: Company) -> None:
    from benchmarks.allocating import add_learners

    await add_learners(company, NUMBER)


async def _timed(each: Awaitable[None]) -> float:
    began = time.perf_counter()
    await each
    return time.perf_counter() - began
