"""Counts of licenses, for any number of companies with a statement for each table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tortoise.expressions import F, Q
from tortoise.queryset import QuerySet

from models.access import visible
from models.base import successor, where
from models.companies import Company
from models.database import is_sqlite
from models.licenses import EXPIRING, Allocation, License
from models.orders import OPEN, Order
from resolvers.reading.companies import shown
from resolvers.reading.pages import Scope
from resolvers.reading.reader import Reader
from resolvers.reading.sql import SLOTS, Row, Select, for_each, narrowed

EXPIRY: Final = "license_expires_at"
DAY: Final = timedelta(days=1) // timedelta(microseconds=1)
COUNTS: Final = frozenset(
    {"total", "available", "allocated", "expiring", "expired", "nextExpiryAt"}
)
USED: Final = frozenset({"licenseDaysUsed", "licenseDaysIdle"})
ELAPSED: Final = frozenset({"licenseDaysElapsed", "licenseDaysIdle"})
EVERYTHING: Final = COUNTS | USED | ELAPSED | {"requested"}


@dataclass(frozen=True)
class Summary:
    """The licenses of a company, of those beneath it, or of both; what was not wanted is 0."""

    company_id: UUID
    scope: Scope
    total: int = 0
    available: int = 0
    allocated: int = 0
    expiring: int = 0
    expired: int = 0
    requested: int = 0
    next_expiry_at: datetime | None = None
    license_days_elapsed: int = 0
    license_days_used: int = 0

    @property
    def license_days_idle(self) -> int:
        return self.license_days_elapsed - self.license_days_used


async def license_summaries(
    reader: Reader,
    keys: Sequence[Company],
    *,
    scope: Scope | None = None,
    want: frozenset[str] = EVERYTHING,
) -> Mapping[Company, Summary]:
    scope = scope or Scope.OWN
    slots = {company: _slots(company, scope) for company in shown(reader, keys)}
    facts: dict[Company, dict[str, Any]] = {company: {} for company in keys}
    for ask, wanted in _QUESTIONS.items():
        if slots and want & wanted:
            for company, [row] in (await for_each(ask(reader, scope), slots)).items():
                facts[company] |= _told(row)
    return {company: Summary(company.id, scope, **told) for company, told in facts.items()}


def _counts(reader: Reader, scope: Scope) -> Select:
    live = "(expires_at IS NULL OR expires_at > {now})"
    counted = {
        "total": "1 = 1",
        "available": f"{live} AND holder_id IS NULL",
        "allocated": f"{live} AND holder_id IS NOT NULL",
        "expiring": f"{live} AND expires_at <= {{soon}}",
        "expired": "expires_at <= {now}",
    }
    columns = [f"COUNT(CASE WHEN {rule} THEN 1 END) AS {name}" for name, rule in counted.items()]
    columns.append(f"MIN(CASE WHEN {live} THEN expires_at END) AS next_expiry_at")
    return _select(reader, _licenses(reader, scope), columns)


def _requested(reader: Reader, scope: Scope) -> Select:
    orders = narrowed(visible(Order, reader.caller), _within(scope)).filter(status__in=OPEN)
    columns = ["COALESCE(SUM(quantity - assigned_quantity), 0) AS requested"]
    return _select(reader, orders, columns)


def _elapsed(reader: Reader, scope: Scope) -> Select:
    licenses = _licenses(reader, scope).filter(expires_at__isnull=False)
    end = f"{_least()}(expires_at, {{now}})"
    return _select(reader, licenses, _lasted("assigned_at", end, "elapsed"))


def _used(reader: Reader, scope: Scope) -> Select:
    stays = narrowed(visible(Allocation, reader.caller), _within(scope, "license__"))
    ended = stays.filter(license__expires_at__isnull=False, license__voided_at__isnull=True)
    end = f"{_least()}(COALESCE(released_at, {{now}}), {EXPIRY}, {{now}})"
    return _select(
        reader,
        ended.annotate(**{EXPIRY: F("license__expires_at")}),
        _lasted("allocated_at", end, "used"),
    )


_QUESTIONS: Final[Mapping[Callable[[Reader, Scope], Select], frozenset[str]]] = {
    _counts: COUNTS,
    _requested: frozenset({"requested"}),
    _elapsed: ELAPSED,
    _used: USED,
}


def _licenses(reader: Reader, scope: Scope) -> QuerySet[License]:
    licenses = narrowed(visible(License, reader.caller), _within(scope))
    return licenses.filter(voided_at__isnull=True)


def _within(scope: Scope, through: str = "") -> Q:
    """The rows of a company, of those beneath it, or of both; `_slots` fills it."""
    if scope is Scope.OWN:
        return where(**{f"{through}company_id": SLOTS[0]})
    from_here = "gte" if scope is Scope.SUBTREE else "gt"
    return where(**{f"{through}path__{from_here}": SLOTS[0], f"{through}path__lt": SLOTS[1]})


def _slots(company: Company, scope: Scope) -> Sequence[Any]:
    return (company.id,) if scope is Scope.OWN else (company.path, successor(company.path))


def _select(reader: Reader, rows: QuerySet[Any], columns: Sequence[str]) -> Select:
    """Columns told from all of the rows; `{now}` and `{soon}` may stand in them."""
    inner = Select.of(rows)
    told, values = ", ".join(columns), [*inner.values]
    for name, at in (("now", reader.now), ("soon", reader.now + EXPIRING)):
        if f"{{{name}}}" in told:
            values.append(at)
            told = told.replace(f"{{{name}}}", f"${len(values)}")
    return Select(f"SELECT {told} FROM ({inner.text}) AS r", values)  # noqa: S608


def _least() -> str:
    return "MIN" if is_sqlite() else "LEAST"


def _lasted(start: str, end: str, name: str) -> list[str]:
    """How long in sum: seconds, and microseconds beside them where the text must be taken apart."""
    if not is_sqlite():
        seconds = f"SUM(EXTRACT(EPOCH FROM {end} - {start}))"
        return [f"{seconds} AS {name}_seconds", f"0 AS {name}_micros"]
    second = "CAST(STRFTIME('%s', SUBSTR(|, 1, 19)) AS INTEGER)"
    micro = "CAST(CASE WHEN SUBSTR(|, 20, 1) = '.' THEN SUBSTR(|, 21, 6) ELSE 0 END AS INTEGER)"
    return [
        f"SUM({part.replace('|', end)} - {part.replace('|', start)}) AS {name}_{unit}"
        for unit, part in (("seconds", second), ("micros", micro))
    ]


def _told(row: Row) -> dict[str, Any]:
    """What a row says, as a summary has it."""
    told = {name: value for name, value in row.items() if name != "key_"}
    for name in ("elapsed", "used"):
        if f"{name}_seconds" in told:
            seconds, micros = told.pop(f"{name}_seconds"), told.pop(f"{name}_micros")
            told[f"license_days_{name}"] = int((seconds or 0) * 1_000_000 + (micros or 0)) // DAY
    if "next_expiry_at" in told:
        expiry = License._meta.fields_map["expires_at"]
        told["next_expiry_at"] = expiry.to_python_value(told["next_expiry_at"])
    return told
