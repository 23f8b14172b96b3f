"""What the daily jobs must have done between two snapshots: plain Python, apart from their SQL."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from models.licenses import LicenseType
from models.outbox import NotificationTemplate
from models.users import UserRole
from tests.properties.changes import Changes, Row
from tests.snapshots import Snapshot

DAY: Final = timedelta(days=1)
UNTOUCHED: Final = ("Company", "User", "License", "ManageSession", "ApiToken")


def check(before: Snapshot, after: Snapshot, now: datetime) -> None:
    changes = Changes(before, after)
    changes.check_rows(None, now)
    assert {event["action"] for event in changes.events} <= {"license.expired"}
    assert [table for table in UNTOUCHED if before.get(table) != after.get(table)] == []
    _expiries_are_written_down(after, now)
    house = _House(before)
    mails = changes.new("Notification")
    promised = {mail["key"] for mail in mails}
    assert len(promised) == len(mails)
    assert promised == set(house.notices(now)) | set(house.reminders(now))
    _reminders_are_shown(changes, now)


def _expiries_are_written_down(after: Snapshot, now: datetime) -> None:
    """Each once, and all stays have ended that the clock has ended."""
    ran_out = {row["id"]: row for row in after["License"] if _has_expired(row, now)}
    written: Counter[UUID] = Counter()
    for event in after["AuditEvent"]:
        if event["action"] == "license.expired":
            written[event["company_id"]] += event["count"]
    assert written == Counter(row["company_id"] for row in ran_out.values())
    for stay in after["Allocation"]:
        assert stay["released_at"] is not None or stay["license_id"] not in ran_out


def _has_expired(license: Row, now: datetime) -> bool:
    return (
        license["voided_at"] is None
        and license["expires_at"] is not None
        and now >= license["expires_at"]
    )


def _reminders_are_shown(changes: Changes, now: datetime) -> None:
    waiting = NotificationTemplate.ORDER_WAITING
    reminded = {
        mail["order_id"] for mail in changes.new("Notification") if mail["template"] == waiting
    }
    shown = changes.changed("Order")
    assert {row["id"] for _, row in shown} == reminded
    for was, row in shown:
        assert row == {**was, "reminded_at": now, "updated_at": now}


class _House:
    """The companies and people of a snapshot, and what they have been told."""

    def __init__(self, rows: Snapshot) -> None:
        self._rows = rows
        self._told = {row["key"] for row in rows["Chore"]}
        self._companies = {row["id"]: row for row in rows["Company"]}
        self._managers = [
            row
            for row in rows["User"]
            if row["role"] != UserRole.LEARNER and row["removed_at"] is None
        ]

    def notices(self, now: datetime) -> Iterable[str]:
        """The keys of the mails about expiries that are due: one a company, day and recipient."""
        first: dict[tuple[UUID, bool, date], datetime] = {}
        for row in self._rows["License"]:
            if row["voided_at"] is None and row["expires_at"] is not None:
                at = row["expires_at"].astimezone(UTC)
                group = (row["company_id"], row["type"] is LicenseType.TRIAL, at.date())
                first[group] = min(at, first.get(group, at))
        for (company_id, is_trial, day), at in first.items():
            company = self._companies[company_id]
            if company["is_archived"]:
                continue
            what, lead = "TRIAL" if is_trial else "LICENSES", _lead(at - now, is_trial)
            template = f"{what}_{'EXPIRED' if lead == '0' else 'EXPIRING'}"
            theirs = [user for user in self._managers if user["company_id"] == company_id]
            to = theirs + self._account_managers(company)
            if lead is not None:
                yield from self._keys(template, f"{company_id}:{day}:{lead}", to)

    def reminders(self, now: datetime) -> Iterable[str]:
        for order in self._rows["Order"]:
            company, age = self._companies[order["company_id"]], now - order["requested_at"]
            if order["status"] != "REQUESTED" or company["is_archived"]:
                continue
            to = self._account_managers(company)
            if 3 * DAY <= age < 7 * DAY:
                yield from self._keys("ORDER_WAITING", f"{order['id']}:3d", to)
            elif 7 * DAY <= age < 37 * DAY:
                above = [other for user in to[:1] for other in self._nearest(_above(user["path"]))]
                yield from self._keys("ORDER_WAITING", f"{order['id']}:7d", to + above)

    def _keys(self, template: str, key: str, to: list[Row]) -> Iterable[str]:
        if f"{template}:{key}" not in self._told:
            for user in to:
                if template not in user["muted_templates"]:
                    yield f"{template}:{key}:{user['id']}"

    def _account_managers(self, company: Row) -> list[Row]:
        """The dedicated one, else those of the next company above that has any at work."""
        named = company["account_manager_id"]
        found = [user for user in self._at_work() if user["id"] == named]
        return found or self._nearest(_above(company["path"]) or [company["path"]])

    def _nearest(self, paths: list[str]) -> list[Row]:
        for path in paths:
            if found := [user for user in self._at_work() if user["path"] == path]:
                return found
        return []

    def _at_work(self) -> Iterable[Row]:
        return (
            user
            for user in self._managers
            if not self._companies[user["company_id"]]["is_archived"]
        )


def _lead(left: timedelta, is_trial: bool) -> str | None:
    if left <= timedelta(0):
        return "0" if left > -30 * DAY else None
    if left <= 3 * DAY:
        return "72h"
    return "30d" if left <= 30 * DAY and not is_trial else None


def _above(path: str) -> list[str]:
    """The paths above that one, the nearest first."""
    labels: list[Any] = path.split("/")[:-1]
    return ["/".join(labels[:size]) + "/" for size in range(len(labels) - 1, 0, -1)]
