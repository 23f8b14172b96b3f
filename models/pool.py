"""Many licenses at once: minted, handed over and taken back with few statements, however many."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from models.base import new_id
from models.database import as_id, is_sqlite, read, rows
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
            SELECT id, $2, $3, $4, $5, $6, $7, $6 FROM {_new()}
            """,  # noqa: S608
            _list(ids[made : made + BATCH]),
            str(order.id),
            str(order.company_id),
            order.path,
            order.license_type,
            order.assigned_at,
            order.expires_at,
        )
    return ids


class Learner(NamedTuple):
    """Somebody of a company, as its pool knows them."""

    id: UUID
    is_licensed: bool = False
    """Holds a live license."""
    is_overdue: bool = False
    """Has a stay that the clock has ended, and nobody has written down."""
    free_since: Any = None
    """When the last stay ended that was written down, as the database tells it."""


async def learners(
    company_id: UUID, column: str, values: Sequence[Any], now: datetime
) -> dict[Any, Learner]:
    """People of the company, by what they have in the column; who is removed is none of them."""
    found = await read(
        f"""
        SELECT users.id, {"" if column == "id" else f"users.{column},"} COUNT(held.id) AS held,
            COUNT(stay.id) - COUNT(stay.released_at) AS stays, MAX(stay.released_at) AS free_since
        FROM users
        LEFT JOIN allocations AS stay ON stay.user_id = users.id
        LEFT JOIN licenses AS held ON held.id = stay.license_id AND stay.released_at IS NULL
            AND (held.expires_at IS NULL OR held.expires_at > $2)
        WHERE users.company_id = $1 AND users.removed_at IS NULL AND users.{column} {_among("$3")}
        GROUP BY users.id
        """,  # noqa: S608
        [company_id, now, _list(values)],
    )
    known = [
        Learner(as_id(row["id"]), row["held"] > 0, row["stays"] > row["held"], row["free_since"])
        for row in found
    ]
    if column == "id":
        return {learner.id: learner for learner in known}
    return {row[column]: learner for row, learner in zip(found, known, strict=True)}


async def hand_over(
    license_ids: Sequence[UUID], people: Sequence[Learner], *, by: UUID, at: datetime
) -> None:
    """Give each free license to one of the people, and begin the stays.

    A clock may be set back, and machines' clocks differ: a stay begins no earlier than the last one
    of its learner ended, and than its license was changed.
    """
    begun = _later("$1", "licenses.updated_at", "since")
    handed = f"""
        UPDATE licenses SET holder_id = learner, allocated_at = {begun}, updated_at = {begun}
        FROM {_given()} WHERE licenses.id = license"""  # noqa: S608
    stays = """
        INSERT INTO allocations (id, license_id, user_id, allocated_at, allocated_by_id)
        SELECT stay, id, holder_id, allocated_at, $2 FROM """
    told = (
        [new_id() for _ in license_ids],
        license_ids,
        [one.id for one in people],
        [one.free_since for one in people],
    )
    if is_sqlite():
        values = (at, str(by), orjson.dumps([*zip(*told, strict=True)], default=str).decode())
        await rows(handed, *values)
        await rows(f"{stays} licenses JOIN {_given()} ON licenses.id = license", *values)
    else:
        back = "RETURNING stay, licenses.id, holder_id, allocated_at"
        await rows(f"WITH handed AS ({handed} {back}) {stays} handed", at, by, *told)


async def take_back(license_ids: Sequence[UUID], reason: ReleaseReason, at: datetime) -> None:
    """Free the licenses, and write down the end of the stays, none before it began."""
    ended = _later("$1", "allocated_at")
    stays = f"""
        UPDATE allocations SET released_at = {ended}, release_reason = $2
        WHERE released_at IS NULL AND license_id {_among("$3")}"""  # noqa: S608
    licenses = f"""
        UPDATE licenses SET holder_id = NULL, allocated_at = NULL, updated_at = {ended}
        WHERE id {_among("$3")}"""  # noqa: S608
    values = (at, reason, _list(license_ids))
    if is_sqlite():
        await rows(stays, *values)
        await rows(licenses, *values)
    else:
        await rows(f"WITH ended AS ({stays}) {licenses}", *values)


async def write_down_expired(user_ids: Sequence[UUID], now: datetime) -> None:
    """End the stays of these people that the clock has ended, at the instant it did."""
    await rows(
        f"""
        UPDATE allocations SET released_at = licenses.expires_at, release_reason = $1
        FROM licenses WHERE licenses.id = allocations.license_id
        AND allocations.released_at IS NULL AND licenses.expires_at <= $2
        AND allocations.user_id {_among("$3")}
        """,  # noqa: S608
        ReleaseReason.EXPIRED,
        now,
        _list(user_ids),
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
    return [as_id(row["id"]) for row in found]


def _later(at: str, *others: str) -> str:
    """The latest of these instants; the others may be null."""
    latest = "MAX" if is_sqlite() else "GREATEST"
    return f"{latest}({at}, {', '.join(f'COALESCE({other}, {at})' for other in others)})"


def _new() -> str:
    if is_sqlite():
        return "(SELECT value AS id FROM json_each($1)) AS new"
    return "unnest($1::uuid[]) AS new (id)"


def _given() -> str:
    """Stays to be, told by one value on SQLite, and by a list for each column on PostgreSQL."""
    if is_sqlite():
        columns = ("stay", "license", "learner", "since")
        told = ", ".join(f"value ->> {place} AS {name}" for place, name in enumerate(columns))
        return f"(SELECT {told} FROM json_each($3)) AS given"  # noqa: S608
    return (
        "unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[])"
        " AS given (stay, license, learner, since)"
    )


def _among(place: str) -> str:
    return f"IN (SELECT value FROM json_each({place}))" if is_sqlite() else f"= ANY ({place})"  # noqa: S608


def _list(values: Sequence[Any]) -> Any:
    return orjson.dumps(values, default=str).decode() if is_sqlite() else values
