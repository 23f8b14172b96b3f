"""What is due by the clock: expiries of licenses, and requests that wait. Companies in pages.

Each page is a range of ids, so that statements and memory do not grow with the platform.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any, Final
from uuid import UUID

from models.chores import claim
from models.database import as_id, is_sqlite, rows
from models.licenses import EXPIRING, License, LicenseType
from models.orders import OrderStatus
from models.outbox import NotificationTemplate
from models.webhooks import KEPT_FOR

PAGE: Final = 500
"""Companies or orders of one transaction."""
FIRST: Final = UUID(int=0)
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
SOON: Final = timedelta(hours=72)
NEWS_FOR: Final = timedelta(days=30)
"""An expiry that nobody was told of for so long is no news any more."""
REMINDER: Final = timedelta(days=3)
SECOND_REMINDER: Final = timedelta(days=7)


class Lead(Enum):
    """How long before an expiry its notice is due."""

    DAYS_30 = "30d"
    HOURS_72 = "72h"
    NONE = "0"


@dataclass(frozen=True)
class Page:
    """Companies by their ids: those after `after`, up to `last`."""

    after: UUID
    last: UUID


@dataclass(frozen=True)
class Expiry:
    """The licenses of a company that run out on one day, in UTC: of a trial, or all others."""

    company_id: UUID
    is_trial: bool
    day: date
    first: datetime
    last: datetime
    quantity: int
    allocated: int
    later: int
    """Those that are still live at the instant it was asked."""
    license_type: LicenseType | None
    """None where they are of several."""

    def lead(self, now: datetime) -> Lead | None:
        """The notice that is due: of several, after an outage, the last; an older one says less."""
        if self.first <= now:
            return Lead.NONE if now - self.first < NEWS_FOR else None
        if self.first - now <= SOON:
            return Lead.HOURS_72
        if self.first - now <= EXPIRING and not self.is_trial:
            return Lead.DAYS_30
        return None

    def template(self, lead: Lead) -> NotificationTemplate:
        kind, what = "TRIAL" if self.is_trial else "LICENSES", "EXPIRING"
        return NotificationTemplate(f"{kind}_{'EXPIRED' if lead is Lead.NONE else what}")

    def key(self, lead: Lead) -> str:
        return notice_key(self.template(lead), self.company_id, self.day, lead)


def notice_key(template: NotificationTemplate, company_id: UUID, day: date, lead: Lead) -> str:
    return f"{template}:{company_id}:{day}:{lead.value}"


@dataclass(frozen=True)
class Ended:
    """The licenses of a company that ran out at one instant."""

    company_id: UUID
    at: datetime
    quantity: int

    @property
    def key(self) -> str:
        return ended_key(self.company_id, self.at)


def ended_key(company_id: UUID, at: datetime) -> str:
    return f"license.expired:{company_id}:{at.astimezone(UTC).isoformat()}"


async def settle_expiry(company_id: UUID, template: NotificationTemplate, at: datetime) -> None:
    """Licenses were ended by hand, and written down: no job comes back to them."""
    day = at.astimezone(UTC).date()
    await claim([notice_key(template, company_id, day, Lead.NONE), ended_key(company_id, at)], at)


async def next_page(after: UUID) -> Page | None:
    """The companies with the next ids; None where there are no more."""
    found = await rows(
        f"SELECT id FROM companies WHERE id > $1 ORDER BY id LIMIT {PAGE}",  # noqa: S608
        str(after),
    )
    return Page(after, as_id(found[-1]["id"])) if found else None


def utc_day(column: str) -> str:
    """The day of an instant, in SQL: 2027-03-01."""
    if is_sqlite():
        return f"SUBSTR({column}, 1, 10)"
    return f"TO_CHAR({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


async def expiries(page: Page, now: datetime) -> list[Expiry]:
    """All that a notice may be due for, whole days of them; archived companies get no mail."""
    found = await rows(
        f"""
        SELECT company_id, licenses.type = 'TRIAL' AS is_trial, {utc_day("expires_at")} AS day,
            MIN(expires_at) AS first, MAX(expires_at) AS last,
            COUNT(*) AS quantity, COUNT(holder_id) AS allocated,
            COUNT(CASE WHEN expires_at > $5 THEN 1 END) AS later,
            CASE WHEN MIN(type) = MAX(type) THEN MIN(type) END AS license_type
        FROM licenses JOIN companies ON companies.id = licenses.company_id
        WHERE company_id > $1 AND company_id <= $2 AND NOT companies.is_archived
        AND expires_at >= $3 AND expires_at < $4 AND voided_at IS NULL
        GROUP BY 1, 2, 3 ORDER BY 1, 3, 2
        """,  # noqa: S608
        str(page.after),
        str(page.last),
        _midnight(now - NEWS_FOR),
        _midnight(now + EXPIRING + timedelta(days=1)),
        now,
    )
    return [_expiry(row) for row in found]


async def ended(page: Page, since: datetime, now: datetime) -> list[Ended]:
    """What ran out after `since`."""
    found = await rows(
        """
        SELECT company_id, expires_at AS at, COUNT(*) AS quantity
        FROM licenses WHERE company_id > $1 AND company_id <= $2
        AND expires_at > $3 AND expires_at <= $4 AND voided_at IS NULL
        GROUP BY company_id, expires_at ORDER BY company_id, expires_at
        """,
        str(page.after),
        str(page.last),
        since,
        now,
    )
    return [
        Ended(as_id(row["company_id"]), _instant(row["at"]), int(row["quantity"])) for row in found
    ]


async def end_stays(page: Page, since: datetime, now: datetime) -> None:
    """Write down the end of every stay whose license ran out after `since`, as of that instant."""
    await rows(
        """
        UPDATE allocations SET released_at = licenses.expires_at, release_reason = 'EXPIRED'
        FROM licenses WHERE licenses.id = allocations.license_id
        AND allocations.released_at IS NULL
        AND licenses.company_id > $1 AND licenses.company_id <= $2
        AND licenses.expires_at > $3 AND licenses.expires_at <= $4
        """,
        str(page.after),
        str(page.last),
        since,
        now,
    )


def waiting_key(order_id: UUID, after: timedelta) -> str:
    return f"{NotificationTemplate.ORDER_WAITING}:{order_id}:{after.days}d"


async def waiting(after: timedelta, now: datetime) -> list[UUID]:
    """Orders of which nobody has been reminded that they are REQUESTED for so long.

    Those that are due for the second reminder get no first one any more.
    """
    until = NEWS_FOR + SECOND_REMINDER if after == SECOND_REMINDER else SECOND_REMINDER
    found = await rows(
        f"""
        SELECT orders.id AS id FROM orders JOIN companies ON companies.id = orders.company_id
        WHERE orders.status = '{OrderStatus.REQUESTED}' AND NOT companies.is_archived
        AND orders.requested_at <= $1 AND orders.requested_at > $2 AND NOT EXISTS (
            SELECT 1 FROM chores WHERE chores.key =
            '{NotificationTemplate.ORDER_WAITING}:' || CAST(orders.id AS TEXT) || ':{after.days}d'
        )
        ORDER BY orders.id LIMIT {PAGE}
        """,  # noqa: S608
        now - after,
        now - until,
    )
    return [as_id(row["id"]) for row in found]


@dataclass(frozen=True)
class Leftover:
    """Rows that nobody needs any more: SQL that says which, once `keep` has gone by."""

    table: str
    condition: str
    keep: timedelta = timedelta()


LEFTOVERS: Final[Sequence[Leftover]] = (
    Leftover("idempotency_keys", "created_at <= $1", timedelta(hours=24)),
    Leftover("tallies", "until <= $1"),
    Leftover("password_links", "(ended_at <= $1 OR expires_at <= $1)", keep=timedelta(days=30)),
    # Stays in manage mode are history, and so is the sign-in that they were entered from.
    Leftover(
        "sessions",
        "(ended_at <= $1 OR expires_at <= $1) AND company_id IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM sessions AS stay WHERE stay.entered_from_id = sessions.id)",
        keep=timedelta(days=30),
    ),
    # What has been delivered or given up; a message goes after its deliveries.
    Leftover("webhook_deliveries", "created_at <= $1 AND status <> 'QUEUED'", KEPT_FOR),
    Leftover(
        "webhook_messages",
        "created_at <= $1 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries"
        " WHERE webhook_deliveries.message_id = webhook_messages.id)",
        KEPT_FOR,
    ),
    # Longer than any notice is news.
    Leftover("chores", "done_at <= $1 AND held_until IS NULL", keep=3 * NEWS_FOR),
)
SWEPT: Final = 10_000
"""Rows that one statement deletes."""


async def sweep(leftover: Leftover, now: datetime) -> int:
    """Delete some of them; how many."""
    deleted = await rows(
        f"""
        DELETE FROM {leftover.table} WHERE id IN (
            SELECT id FROM {leftover.table} WHERE {leftover.condition} LIMIT {SWEPT}
        ) RETURNING id
        """,  # noqa: S608
        now - leftover.keep,
    )
    return len(deleted)


def _expiry(row: dict[str, Any]) -> Expiry:
    kind = row["license_type"]
    return Expiry(
        company_id=as_id(row["company_id"]),
        is_trial=bool(row["is_trial"]),
        day=date.fromisoformat(row["day"]),
        first=_instant(row["first"]),
        last=_instant(row["last"]),
        quantity=int(row["quantity"]),
        allocated=int(row["allocated"]),
        later=int(row["later"]),
        license_type=LicenseType(kind) if kind else None,
    )


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(), tzinfo=UTC)


def _instant(value: Any) -> datetime:
    """SQLite answers with text."""
    at: datetime = License._meta.fields_map["expires_at"].to_python_value(value)
    return at
