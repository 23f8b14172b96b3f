"""What the clock brings, and is done once, whichever worker comes to it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import orjson
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from models.base import Entity, new_id
from models.database import is_sqlite, rows

ROUND: Final = "round"
"""The key of the whole round of jobs: its `done_at` is when the last one ended."""


class Chore(Entity):
    """Something that the clock brings, by its key. Done for good, but for the round of all jobs."""

    key = fields.CharField(max_length=255)
    held_until = fields.DatetimeField(null=True)
    """A worker is at it, and is believed dead after that."""
    done_at = fields.DatetimeField(null=True)

    class Meta:
        table = "chores"
        constraints = (
            CheckConstraint(
                name="chores_held_or_done", check="held_until IS NOT NULL OR done_at IS NOT NULL"
            ),
        )


async def claim(keys: Iterable[str], at: datetime) -> set[str]:
    """Those that nobody has done. They are done now, if the transaction that is open commits.

    Whoever claims the same at once waits for the end of this transaction. In order, so that two
    do not wait for each other.
    """
    given = [[new_id(), key] for key in sorted(set(keys))]
    if not given:
        return set()
    claimed = await rows(
        f"""
        INSERT INTO chores (id, key, done_at) SELECT id, key, $2 FROM ({_given()}) AS given
        WHERE true ON CONFLICT (key) DO NOTHING RETURNING key
        """,  # noqa: S608
        orjson.dumps(given, default=str).decode(),
        at,
    )
    return {row["key"] for row in claimed}


async def begin_round(now: datetime, last: datetime, until: datetime) -> bool:
    """Hold the round until then, unless it was done since `last`, or another worker is at it."""
    held = await rows(
        """
        INSERT INTO chores (id, key, held_until) VALUES ($1, $2, $3)
        ON CONFLICT (key) DO UPDATE SET held_until = excluded.held_until
        WHERE (chores.held_until IS NULL OR chores.held_until <= $4)
        AND (chores.done_at IS NULL OR chores.done_at < $5 OR chores.done_at > $4)
        RETURNING key
        """,
        str(new_id()),
        ROUND,
        until,
        now,
        last,
    )
    return bool(held)


async def end_round(now: datetime) -> None:
    await Chore.filter(key=ROUND).update(held_until=None, done_at=now)


async def note_round(now: datetime) -> None:
    """All jobs were done, be it by hand: who is at a round goes on with it."""
    await rows(
        """
        INSERT INTO chores (id, key, done_at) VALUES ($1, $2, $3)
        ON CONFLICT (key) DO UPDATE SET done_at = excluded.done_at
        WHERE chores.done_at IS NULL OR chores.done_at < excluded.done_at
        """,
        str(new_id()),
        ROUND,
        now,
    )


async def last_round() -> datetime | None:
    """When the last whole round ended."""
    chore = await Chore.get_or_none(key=ROUND)
    return chore.done_at if chore else None


def _given() -> str:
    if is_sqlite():
        return "SELECT value ->> 0 AS id, value ->> 1 AS key FROM json_each($1)"
    return (
        "SELECT (value ->> 0)::uuid AS id, value ->> 1 AS key"
        " FROM jsonb_array_elements($1::jsonb) AS value"
    )
