"""Many licenses at once: minted, handed over and taken back with few statements, however many."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from models.base import new_id
from models.database import is_sqlite, rows
from models.licenses import ReleaseReason
from models.orders import Order

BATCH: Final = 10_000
"""Licenses that one statement mints: the event loop has its turn in between."""


async def mint(order: Order, count: int) -> list[UUID]:
    """Bring `count` licenses of the order, as last assigned, into its company's pool; their ids."""
    ids = [new_id() for _ in range(count)]
    for made in range(0, count, BATCH):
        await rows(
            f"""
            INSERT INTO licenses
                (id, order_id, company_id, path, type, assigned_at, expires_at, updated_at)
            SELECT id, $2, $3, $4, $5, $6, $7, $6 FROM ({_ids()}) AS new
            """,  # noqa: S608
            *_each(ids[made : made + BATCH]),
            str(order.id),
            str(order.company_id),
            order.path,
            order.license_type,
            order.assigned_at,
            order.expires_at,
        )
    return ids


async def hand_over(pairs: Sequence[tuple[UUID, UUID]], *, by: UUID, at: datetime) -> None:
    """Give each license to its learner, and begin the stays: pairs of ids of what is free.

    Joined, and not looked up for each: a plan that PostgreSQL kept from when there were few stays
    would read all of them for each of many.
    """
    given = orjson.dumps([(new_id(), *pair) for pair in pairs], default=str).decode()
    await rows(
        f"""
        INSERT INTO allocations (id, license_id, user_id, allocated_at, allocated_by_id)
        WITH stay AS ({_stays()})
        SELECT id, license, holder, {_later("$2", "of_license.ended", "of_learner.ended")}, $3
        FROM stay
        LEFT JOIN ({_ended("license_id", "license")}) AS of_license ON of_license.key_ = license
        LEFT JOIN ({_ended("user_id", "holder")}) AS of_learner ON of_learner.key_ = holder
        """,  # noqa: S608
        given,
        at,
        str(by),
    )
    await rows(
        f"""
        UPDATE licenses
        SET holder_id = stay.holder, updated_at = $2, allocated_at = allocations.allocated_at
        FROM ({_stays()}) AS stay JOIN allocations ON allocations.id = stay.id
        WHERE licenses.id = stay.license
        """,  # noqa: S608
        given,
        at,
    )


async def take_back(license_ids: Sequence[UUID], reason: ReleaseReason, at: datetime) -> None:
    """Free the licenses, and write down the end of the stays."""
    await rows(
        f"""
        UPDATE allocations SET released_at = {_later("$2", "allocated_at")}, release_reason = $3
        WHERE released_at IS NULL AND license_id IN ({_ids()})
        """,  # noqa: S608
        *_each(license_ids, at, reason),
    )
    await rows(
        f"""
        UPDATE licenses SET holder_id = NULL, allocated_at = NULL, updated_at = $2
        WHERE id IN ({_ids()})
        """,  # noqa: S608
        *_each(license_ids, at),
    )


async def write_down_expired(user_ids: Sequence[UUID], now: datetime) -> None:
    """End the stays of these people that the clock has ended, at the instant it did."""
    await rows(
        f"""
        UPDATE allocations SET released_at = licenses.expires_at, release_reason = $3
        FROM licenses WHERE licenses.id = allocations.license_id
        AND allocations.released_at IS NULL AND licenses.expires_at <= $2
        AND allocations.user_id IN ({_ids()})
        """,  # noqa: S608
        *_each(user_ids, now, ReleaseReason.EXPIRED),
    )


async def expired_learners(company_id: UUID, now: datetime) -> list[UUID]:
    """Those with no live license whose last one ran out, or was ended by an upgrade; by name.

    `IS NOT TRUE` keeps PostgreSQL from looking up all that have not expired, once for each person.
    """
    found = await rows(
        """
        SELECT users.id AS id FROM users
        WHERE users.company_id = $1 AND users.removed_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM licenses WHERE licenses.holder_id = users.id
            AND licenses.voided_at IS NULL AND (licenses.expires_at <= $2) IS NOT TRUE
        ) AND (
            SELECT COALESCE(allocations.release_reason, 'EXPIRED') FROM allocations
            WHERE allocations.user_id = users.id
            ORDER BY allocations.allocated_at DESC, allocations.id DESC LIMIT 1
        ) IN ('EXPIRED', 'UPGRADED')
        ORDER BY users.name_key, users.id
        """,
        str(company_id),
        now,
    )
    return [row["id"] if isinstance(row["id"], UUID) else UUID(row["id"]) for row in found]


# A clock may be set back, and machines' clocks differ: a stay ends no earlier than it began, and
# begins no earlier than those before it ended.
def _ended(column: str, those: str) -> str:
    """When the last stay of each of those ended."""
    return (
        f"SELECT {column} AS key_, MAX(released_at) AS ended FROM allocations"  # noqa: S608
        f" WHERE {column} IN (SELECT {those} FROM stay) GROUP BY {column}"
    )


def _later(at: str, *others: str) -> str:
    """The latest of these instants; the others may be null."""
    latest = "MAX" if is_sqlite() else "GREATEST"
    return f"{latest}({at}, {', '.join(f'COALESCE({other}, {at})' for other in others)})"


def _stays() -> str:
    if is_sqlite():
        return (
            "SELECT value ->> 0 AS id, value ->> 1 AS license, value ->> 2 AS holder"
            " FROM json_each($1)"
        )
    return (
        "SELECT (value ->> 0)::uuid AS id, (value ->> 1)::uuid AS license,"
        " (value ->> 2)::uuid AS holder FROM jsonb_array_elements($1::jsonb)"
    )


def _ids() -> str:
    if is_sqlite():
        return "SELECT value AS id FROM json_each($1)"
    return "SELECT value::uuid AS id FROM jsonb_array_elements_text($1::jsonb) AS value"


def _each(ids: Sequence[UUID], *values: Any) -> tuple[Any, ...]:
    return (orjson.dumps(ids, default=str).decode(), *values)
