"""What one call changed, and that all of it is written down: plain Python on two snapshots.

No row of history is lost or rewritten, each change has its event, and each mail goes to somebody
who may have it.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.access import Caller
from models.licenses import LicenseType, ReleaseReason
from models.orders import OrderOrigin
from models.outbox import UNMUTABLE
from models.users import UserRole
from tests.snapshots import Snapshot

Row = dict[str, Any]
SILENT: Final = frozenset({"Tally", "IdempotencyKey"})
"""Tables that change without an event."""
FOR_GOOD: Final[dict[str, tuple[str, ...]]] = {
    "Company": ("kind", "created_at"),
    "User": ("company_id", "created_at"),
    "Order": ("number", "company_id", "license_type", "origin", "requested_by_id", "requested_at"),
    "License": ("order_id", "company_id", "type", "assigned_at"),
    "Allocation": ("license_id", "user_id", "allocated_at", "allocated_by_id"),
    "AuditEvent": ("action", "at", "actor_id", "company_id", "subject_id", "count", "facts"),
    "Notification": ("template", "company_id", "order_id", "user_id", "batch", "created_at"),
}
"""What never changes of a row that is there; and no row goes."""


class Changes:
    """Between two snapshots: rows that are new, and rows that differ."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self.after = after
        self._before = {name: _by_id(rows) for name, rows in before.items()}
        self._company_of = {row["id"]: row["company_id"] for row in after["License"]}
        self.events = self.new("AuditEvent")

    def new(self, table: str) -> list[Row]:
        return [row for row in self.after[table] if row["id"] not in self._before[table]]

    def changed(self, table: str, *columns: str) -> list[tuple[Row, Row]]:
        """Each as it was and as it is; in any column but the path, if none is named."""
        found = []
        for row in self.after[table]:
            was = self._before[table].get(row["id"])
            names = columns or (row.keys() - {"path"})
            if was is not None and any(was[name] != row[name] for name in names):
                found.append((was, row))
        return found

    def became(self, table: str, column: str) -> list[Row]:
        """Rows in which it was null and is not any more, new ones among them."""
        known = self._before[table]
        return [
            row
            for row in self.after[table]
            if row[column] is not None and known.get(row["id"], {}).get(column) is None
        ]

    def counted(self, *actions: str) -> Counter[UUID]:
        """How many rows the events of these actions tell of, by company."""
        told: Counter[UUID] = Counter()
        for event in self.events:
            if event["action"] in actions:
                told[event["company_id"]] += 1 if event["count"] is None else event["count"]
        return told

    def subjects(self, *actions: str) -> set[Any]:
        return {event["subject_id"] for event in self.events if event["action"] in actions}

    def company_of(self, stay: Row) -> UUID:
        company: UUID = self._company_of[stay["license_id"]]
        return company

    def check(self, caller: Caller | None, now: datetime) -> None:
        if not self.events:
            silent = [name for name in self.after if self._is_changed(name)]
            assert silent == [], "something changed without an event"
        self.check_rows(caller, now)
        _tell_of_orders(self)
        _tell_of_companies(self)

    def check_rows(self, caller: Caller | None, now: datetime) -> None:
        """But for what only somebody changes, and the clock by itself does not."""
        _keep_history(self)
        for event in self.events:
            assert event["at"] == now
            if caller is not None:
                assert event["actor_id"] == caller.user_id
                for_whom = caller.company_id if caller.managing else None
                assert event["on_behalf_of_id"] == for_whom
        _count_licenses(self, now)
        _count_people(self)
        _mail_whom_it_concerns(self, caller, now)

    def _is_changed(self, table: str) -> bool:
        return table not in SILENT and _by_id(self.after[table]) != self._before[table]

    def lost(self, table: str) -> set[Any]:
        return self._before[table].keys() - {row["id"] for row in self.after[table]}


def _keep_history(changes: Changes) -> None:
    for table, columns in FOR_GOOD.items():
        assert changes.lost(table) == set(), table
        assert changes.changed(table, *columns) == [], table
    for was, row in changes.changed("Allocation"):
        assert was["released_at"] is None, f"an ended stay was changed: {row}"
    for was, row in changes.changed("User"):
        assert was["erased_at"] is None, f"somebody erased was changed: {row}"
    for was, row in changes.changed("Order", "assigned_quantity"):
        assert was["assigned_quantity"] < row["assigned_quantity"]


def _count_licenses(changes: Changes, now: datetime) -> None:
    minted = Counter(row["company_id"] for row in changes.new("License"))
    assert minted == changes.counted("order.assigned")
    begun = Counter(changes.company_of(stay) for stay in changes.new("Allocation"))
    assert begun == changes.counted("license.allocated", "license.reallocated")

    def ended(*reasons: ReleaseReason) -> Counter[UUID]:
        return _companies(
            stay
            for stay in changes.became("Allocation", "released_at")
            if stay["release_reason"] in reasons
        )

    def _companies(stays: Iterable[Row]) -> Counter[UUID]:
        return Counter(changes.company_of(stay) for stay in stays)

    assert ended(ReleaseReason.RELEASED, ReleaseReason.USER_REMOVED) == changes.counted(
        "license.released"
    )
    assert ended(ReleaseReason.REALLOCATED) == changes.counted("license.reallocated")
    for stay in changes.became("Allocation", "released_at"):
        assert stay["released_at"] <= now
        if stay["release_reason"] is not ReleaseReason.EXPIRED:
            assert stay["released_at"] == now
    cut_short = Counter(
        row["company_id"]
        for _, row in changes.changed("License", "expires_at")
        if row["type"] is LicenseType.TRIAL and row["expires_at"] == now
    )
    assert cut_short.total() == len(changes.changed("License", "expires_at"))
    upgraded = _upgrades(changes)
    assert cut_short == upgraded
    assert ended(ReleaseReason.UPGRADED) <= upgraded
    voided = Counter(row["company_id"] for row in changes.became("License", "voided_at"))
    assert voided == changes.counted("order.returned")


def _upgrades(changes: Changes) -> Counter[UUID]:
    told: Counter[UUID] = Counter()
    for event in changes.events:
        if event["action"] == "license.expired" and event["facts"].get("reason") == "UPGRADED":
            told[event["company_id"]] += event["count"]
    return told


def _count_people(changes: Changes) -> None:
    new = changes.new("User")
    managers = changes.subjects("manager.added")
    joined = Counter(row["company_id"] for row in new if row["id"] not in managers)
    imported = changes.counted("user.imported")
    changed = _of(row for _, row in changes.changed("User") if row["company_id"] in imported)
    assert joined + changed == changes.counted("user.added") + imported
    assert _of(changes.became("User", "removed_at")) == changes.counted("user.removed")
    assert _of(changes.became("User", "erased_at")) == changes.counted("user.erased")
    for was, row in changes.changed("User", "role"):
        action = "manager.removed" if row["role"] is UserRole.LEARNER else "manager.added"
        assert row["id"] in changes.subjects(action), f"{was['role']} became {row['role']}"
    told = {(event["company_id"], event["subject_id"]) for event in changes.events}
    for _, row in changes.changed("User"):
        assert {(row["company_id"], row["id"]), (row["company_id"], None)} & told


def _tell_of_orders(changes: Changes) -> None:
    granted = {row["id"] for row in changes.new("Order") if row["origin"] is OrderOrigin.NFR_GRANT}
    placed = {row["id"] for row in changes.new("Order")} - granted
    assert placed == changes.subjects("order.requested")
    assert granted <= changes.subjects("order.assigned")
    upgraded = _upgrades(changes)
    told = {event["subject_id"] for event in changes.events}
    for _, row in changes.changed("Order"):
        is_ended_trial = row["license_type"] is LicenseType.TRIAL and upgraded[row["company_id"]]
        assert row["id"] in told or is_ended_trial


def _tell_of_companies(changes: Changes) -> None:
    assert {row["id"] for row in changes.new("Company")} == changes.subjects("company.created")
    moved = {row["id"] for _, row in changes.changed("Company", "parent_id")}
    assert moved == changes.subjects("company.moved")
    archived = {row["id"] for row in changes.became("Company", "archived_at")}
    assert archived == changes.subjects("company.archived")
    restored = {
        row["id"] for was, row in changes.changed("Company", "archived_at") if was["archived_at"]
    }
    assert restored == changes.subjects("company.restored")


def _mail_whom_it_concerns(changes: Changes, caller: Caller | None, now: datetime) -> None:
    people = _by_id(changes.after["User"])
    for mail in changes.new("Notification"):
        user = people[mail["user_id"]]
        assert (mail["status"], mail["attempts"], mail["created_at"]) == ("QUEUED", 0, now)
        assert mail["recipient"] == user["email"]
        assert user["removed_at"] is None
        assert user["role"] is not UserRole.LEARNER
        assert mail["path"].startswith(user["path"]), "out of the recipient's reach"
        assert mail["template"] in UNMUTABLE or mail["template"] not in user["muted_templates"]
        assert caller is None or user["id"] != caller.user_id


def _of(rows: Iterable[Row]) -> Counter[UUID]:
    return Counter(row["company_id"] for row in rows)


def _by_id(rows: Iterable[Row]) -> dict[Any, Row]:
    return {row["id"]: row for row in rows}
