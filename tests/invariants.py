"""What must always hold, checked on the database itself."""

from collections import Counter
from datetime import datetime
from typing import Any, Final

from tortoise.queryset import QuerySet

from models.base import is_within
from models.companies import Company
from models.database import rows
from models.licenses import License, LicenseStatus, has_status

LIVE: Final = (
    "licenses.voided_at IS NULL AND (licenses.expires_at IS NULL OR licenses.expires_at > $1)"
)
OVERLAP: Final = """
    SELECT one.id FROM allocations one JOIN allocations other
    ON other.{column} = one.{column} AND other.id <> one.id
    WHERE other.allocated_at < one.released_at
    AND (other.released_at IS NULL OR other.released_at > one.allocated_at)
"""
FILED: Final = ("users", "orders", "licenses", "notifications", "audit_events")

BREACHES: Final = {
    "an order has as many licenses as were assigned": """
        SELECT orders.id FROM orders LEFT JOIN licenses ON licenses.order_id = orders.id
        GROUP BY orders.id, orders.assigned_quantity
        HAVING COUNT(licenses.id) <> orders.assigned_quantity""",
    "a license is of its order's company and type": """
        SELECT licenses.id FROM licenses JOIN orders ON orders.id = licenses.order_id
        WHERE licenses.company_id <> orders.company_id OR licenses.type <> orders.license_type""",
    "the licenses of a returned order, and no others, are void": """
        SELECT licenses.id FROM licenses JOIN orders ON orders.id = licenses.order_id
        WHERE (orders.status = 'RETURNED') <> (licenses.voided_at IS NOT NULL)""",
    "an order expires with the last of its licenses": """
        SELECT orders.id FROM orders JOIN licenses ON licenses.order_id = orders.id
        GROUP BY orders.id, orders.expires_at
        HAVING MAX(licenses.expires_at) <> orders.expires_at""",
    "a learner holds at most one live license": f"""
        SELECT holder_id AS id FROM licenses WHERE {LIVE} AND holder_id IS NOT NULL
        GROUP BY holder_id HAVING COUNT(*) > 1""",
    "a license has at most one open stay": """
        SELECT license_id AS id FROM allocations WHERE released_at IS NULL
        GROUP BY license_id HAVING COUNT(*) > 1""",
    "a learner has at most one open stay": """
        SELECT user_id AS id FROM allocations WHERE released_at IS NULL
        GROUP BY user_id HAVING COUNT(*) > 1""",
    "a live license is with whoever has its open stay": f"""
        SELECT licenses.id FROM licenses LEFT JOIN allocations
        ON allocations.license_id = licenses.id AND allocations.released_at IS NULL
        WHERE {LIVE} AND NOT COALESCE(
            licenses.holder_id = allocations.user_id
            AND licenses.allocated_at = allocations.allocated_at,
            licenses.holder_id IS NULL AND allocations.id IS NULL)""",
    "a void license has never been with anybody": """
        SELECT licenses.id FROM licenses JOIN allocations ON allocations.license_id = licenses.id
        WHERE licenses.voided_at IS NOT NULL""",
    "a stay that the clock ended, ended with its license": """
        SELECT allocations.id FROM allocations JOIN licenses ON licenses.id = allocations.license_id
        WHERE allocations.release_reason = 'EXPIRED'
        AND allocations.released_at <> licenses.expires_at""",
    "no stay outlasts its license": """
        SELECT allocations.id FROM allocations JOIN licenses ON licenses.id = allocations.license_id
        WHERE allocations.released_at > licenses.expires_at
        OR allocations.allocated_at >= licenses.expires_at AND allocations.released_at IS NULL""",
    "stays of a license do not overlap": OVERLAP.format(column="license_id"),
    "stays of a learner do not overlap": OVERLAP.format(column="user_id"),
    "a holder is of the license's company": """
        SELECT licenses.id FROM licenses JOIN users ON users.id = licenses.holder_id
        WHERE users.company_id <> licenses.company_id""",
    "the holder of a live license is still there": f"""
        SELECT licenses.id FROM licenses JOIN users ON users.id = licenses.holder_id
        WHERE {LIVE} AND users.removed_at IS NOT NULL""",
    "a company's path leads through its parent's": """
        SELECT companies.id FROM companies JOIN companies parent ON parent.id = companies.parent_id
        WHERE SUBSTR(companies.path, 1, LENGTH(parent.path)) <> parent.path
        OR LENGTH(companies.path) <> LENGTH(parent.path) + 9""",
    **{
        f"{table} are filed under their company": f"""
        SELECT {table}.id FROM {table} JOIN companies ON companies.id = {table}.company_id
        WHERE {table}.path <> companies.path"""
        for table in FILED
    },
}

ALL: Final = " UNION ALL ".join(
    f"""SELECT '{rule.replace("'", "''")}' AS rule, CAST(breach.id AS TEXT) AS id
    FROM ({statement}) AS breach"""
    for rule, statement in BREACHES.items()
)


async def breaches(now: datetime) -> dict[str, list[str]]:
    """What does not hold at `now`, and for which ids; empty when all is well."""
    found: dict[str, list[str]] = {}
    for row in await rows(ALL, now):
        found.setdefault(row["rule"], []).append(row["id"])
    if wrong := await _miscounted(now):
        found["available + allocated + expired = total, at every scope"] = wrong
    return found


async def _miscounted(now: datetime) -> list[str]:
    counted: Counter[str] = Counter()
    for status in LicenseStatus:
        if status is not LicenseStatus.VOID:
            counted.update(await _paths(License.filter(has_status(status, now))))
    counted.subtract(await _paths(License.filter(voided_at__isnull=True)))
    return [
        str(company.id)
        for company in await Company.all()
        if sum(number for path, number in counted.items() if is_within(path, company.path))
    ]


async def _paths(licenses: QuerySet[License]) -> list[str]:
    paths: Any = await licenses.values_list("path", flat=True)
    return list(paths)
