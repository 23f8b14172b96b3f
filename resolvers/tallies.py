"""Tallies of refused attempts: the one thing that a refused call leaves behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

import orjson

from models.base import new_id
from models.database import rows
from models.errors import Refusal
from models.sessions import Tally, TallyKind


@dataclass(frozen=True)
class Attempt:
    """`number` attempts of one kind by, or on, one subject; forgotten at `until`."""

    kind: TallyKind
    subject: str
    at: datetime
    until: datetime
    number: int = 1
    extends: bool = False
    """Whether another attempt puts `until` off."""
    most: int | None = None
    beyond: Refusal | None = None
    """What is answered instead, once the count is more than `most`."""


async def count(attempt: Attempt) -> int:
    """Add to the tally, or begin it anew when it had run out; the count so far."""
    counted = await rows(
        """
        INSERT INTO tallies (id, kind, subject, count, until) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (kind, subject) DO UPDATE SET
            count = excluded.count + CASE WHEN tallies.until > $6 THEN tallies.count ELSE 0 END,
            until = CASE WHEN tallies.until > $6 AND $7 = 0
                THEN tallies.until ELSE excluded.until END
        RETURNING count
        """,
        str(new_id()),
        attempt.kind,
        attempt.subject,
        attempt.number,
        attempt.until,
        attempt.at,
        int(attempt.extends),
    )
    return int(counted[0]["count"])


async def add_up(kind: TallyKind, counts: Mapping[str, tuple[int, datetime]]) -> dict[str, int]:
    """Add a number to the tally of each subject, which begins anew with a new `until`; the sums.

    On PostgreSQL alone: no others share a SQLite.
    """
    new = [(new_id(), subject, number, until) for subject, (number, until) in counts.items()]
    sums = await rows(
        """
        INSERT INTO tallies (id, kind, subject, count, until)
        SELECT (new ->> 0)::uuid, $2, new ->> 1, (new ->> 2)::int, (new ->> 3)::timestamptz
        FROM jsonb_array_elements($1::jsonb) AS new
        ON CONFLICT (kind, subject) DO UPDATE SET
            count = excluded.count
                + CASE WHEN tallies.until = excluded.until THEN tallies.count ELSE 0 END,
            until = excluded.until
        RETURNING subject, count
        """,
        orjson.dumps(sorted(new, key=itemgetter(1)), default=str).decode(),
        kind,
    )
    return {row["subject"]: int(row["count"]) for row in sums}


async def counted(kind: TallyKind, subject: str, now: datetime) -> Tally | None:
    """The tally that is still running."""
    return await Tally.get_or_none(kind=kind, subject=subject, until__gt=now)


async def forget(kind: TallyKind, subject: str) -> None:
    await Tally.filter(kind=kind, subject=subject).delete()
