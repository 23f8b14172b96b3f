"""What each caller may know, by the rules of docs and of nobody's code: from the rows alone.

The tree is walked by parents, not by paths, and what a row belongs to is its company: what the
product keeps besides, to be quick, is not looked at here.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from tests.isolation.world import Rows, Who

Row = dict[str, Any]

URL_SAFE: Final = str.maketrans("-_", "+/")
MARK: Final = re.compile(r"q\d{5}q")
NUMBER: Final = re.compile(r"ORD-[0-9A-Z]{8}")
HEX: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
SECRET: Final = {"password_hash", "token_hash", "token", "facts", "secret", "key"}
NAME: Final = ("first_name", "last_name", "email")
OWNED: Final = ("User", "Order", "License", "AuditEvent", "ManageSession")
ACTS: Final = ("requested_by_id", "assigned_by_id", "decided_by_id")
KEPT_INSIDE: Final = ("ApiToken", "WebhookEndpoint")


@dataclass
class Sight:
    """What may be told."""

    ids: set[UUID] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)

    def take(self, row: Row, *columns: str) -> None:
        """The texts of a row; of all columns unless some are named."""
        for name in columns or row:
            if name not in SECRET and isinstance(row[name], str):
                self.marks |= marks_in(row[name])

    def see(self, row: Row) -> None:
        self.ids.add(row["id"])
        self.take(row)

    def __or__(self, other: "Sight") -> "Sight":
        return Sight(self.ids | other.ids, self.marks | other.marks)


def marks_in(text: str) -> set[str]:
    return {*MARK.findall(text), *NUMBER.findall(text)}


class Oracle:
    """Knows all, and tells what one may know."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows.of
        self._by_id = {
            name: {row["id"]: row for row in listed} for name, listed in self.rows.items()
        }
        self.ids = rows.ids()
        self._known = {id for _, id in self.ids}

    def beneath(self, top: UUID) -> set[UUID]:
        """The company, and all beneath it."""
        found, more = set[UUID](), {top}
        while more:
            found |= more
            more = {row["id"] for row in self.rows["Company"] if row["parent_id"] in more}
        return found

    def above(self, company: UUID) -> list[UUID]:
        """The companies above, from the parent up."""
        found = []
        parent = self._by_id["Company"][company]["parent_id"]
        while parent is not None:
            found.append(parent)
            parent = self._by_id["Company"][parent]["parent_id"]
        return found

    def home(self, who: Who) -> UUID:
        """The company that somebody belongs to, wherever they act."""
        home: UUID = self._by_id["User"][who.user_id]["company_id"]
        return home

    def sight(self, who: Who) -> Sight:
        if who.acting is None:
            return Sight()
        return self._of_learner(who) if who.is_learner else self._of_manager(who, who.acting)

    def _of_learner(self, who: Who) -> Sight:
        sight = Sight()
        company = self._by_id["Company"][who.acting]
        sight.ids.add(company["id"])
        sight.take(company, "name")
        sight.see(self._by_id["User"][who.user_id])
        for row in self.rows["License"]:
            if row["holder_id"] == who.user_id:
                sight.see(row)
        for row in self.rows["Allocation"]:
            if row["user_id"] == who.user_id:
                sight.see(row)
        return sight

    def _of_manager(self, who: Who, acting: UUID) -> Sight:
        sight, within = Sight(), self.beneath(acting)
        for row in self._of_companies(within):
            sight.see(row)
        for row in self._kept_inside(acting) if self._may_look_inside(who, acting) else ():
            sight.see(row)
        for row in self.rows["Notification"]:
            if row["company_id"] in within and self._may_know_recipient(row, who, within):
                sight.see(row)
        for user in self.named_above(who):
            sight.take(user, *NAME)
        if who.is_visiting:
            oneself = self._by_id["User"][who.user_id]
            sight.see(oneself)
            sight.ids.add(oneself["company_id"])
            sight.take(self._by_id["Company"][oneself["company_id"]], "name")
        return sight

    def _of_companies(self, within: set[UUID]) -> Iterator[Row]:
        for name in ("Company", *OWNED):
            column = "id" if name == "Company" else "company_id"
            yield from (row for row in self.rows[name] if row[column] in within)
        for row in self.rows["Allocation"]:
            if self._by_id["License"][row["license_id"]]["company_id"] in within:
                yield row

    def _kept_inside(self, acting: UUID) -> Iterator[Row]:
        for name in KEPT_INSIDE:
            yield from (row for row in self.rows[name] if row["company_id"] == acting)
        for row in self.rows["WebhookDelivery"]:
            if self._by_id["WebhookEndpoint"][row["endpoint_id"]]["company_id"] == acting:
                yield row

    def _may_look_inside(self, who: Who, acting: UUID) -> bool:
        company = self._by_id["Company"][acting]
        is_run_by_partner = company["kind"] == "CUSTOMER" and company["plan"] == "MANAGED"
        return who.is_visiting or not is_run_by_partner

    def _may_know_recipient(self, mail: Row, who: Who, within: set[UUID]) -> bool:
        to = mail["user_id"]
        if to == who.user_id or self._by_id["User"][to]["company_id"] in within:
            return True
        company = self._by_id["Company"][mail["company_id"]]
        order = self._by_id["Order"].get(mail["order_id"], {})
        named = {company["account_manager_id"], *(order.get(act) for act in ACTS)}
        return to in named

    def named_above(self, who: Who) -> list[Row]:
        """People of the companies above who look after what is in sight, or acted on it."""
        assert who.acting is not None
        within, above = self.beneath(who.acting), set(self.above(who.acting))
        named: set[UUID | None] = set()
        for row in self.rows["Company"]:
            if row["id"] in within:
                named.add(row["account_manager_id"])
        for name, columns in (
            ("Order", ACTS),
            ("AuditEvent", ("actor_id",)),
            ("ManageSession", ("user_id",)),
            ("ApiToken", ("created_by_id",)),
        ):
            for row in self.rows[name]:
                if row["company_id"] in within:
                    named |= {row[column] for column in columns}
        for row in self.rows["Allocation"]:
            if self._by_id["License"][row["license_id"]]["company_id"] in within:
                named.add(row["allocated_by_id"])
        return [
            row for row in self.rows["User"] if row["id"] in named and row["company_id"] in above
        ]

    def leaks(self, told: object, sight: Sight) -> list[str]:
        """What of an answer is of somebody else's: ids and marks, be they hidden in a cursor."""
        marks, ids = set[str](), set[UUID]()
        for text in _texts(told):
            for each in (text, *_decoded(text)):
                marks |= marks_in(each)
                ids |= {UUID(found) for found in HEX.findall(each)}
        foreign = (ids & self._known) - sight.ids
        return sorted(
            [*(marks - sight.marks), *(f"{name} {id}" for name, id in self._named(foreign))]
        )

    def _named(self, ids: set[UUID]) -> Iterator[tuple[str, UUID]]:
        for name, rows in self._by_id.items():
            yield from ((name, id) for id in ids if id in rows)


def _texts(told: object) -> Iterable[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        for value in told.values():
            yield from _texts(value)
    elif isinstance(told, list):
        for value in told:
            yield from _texts(value)


def _decoded(text: str) -> Iterator[str]:
    """What a global id or a cursor holds."""
    for found in BASE64.findall(text):
        try:
            padded = found + "=" * (-len(found) % 4)
            yield base64.b64decode(
                padded, altchars=b"-_" if {"-", "_"} & set(found) else None
            ).decode()
        except ValueError:
            pass
