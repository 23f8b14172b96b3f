"""Counts of licenses, for any number of companies with one statement for each table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tortoise.expressions import F
from tortoise.queryset import QuerySet

from models.access import visible
from models.base import successor
from models.companies import Company
from models.database import is_sqlite
from models.licenses import EXPIRING, Allocation, License
from models.orders import OPEN, Order
from resolvers.reading.companies import shown
from resolvers.reading.pages import Scope
from resolvers.reading.reader import Reader
from resolvers.reading.sql import Row, Select, chunks, run

DAY: Final = timedelta(days=1) // timedelta(microseconds=1)
COMPANIES_AT_ONCE: Final = 1_000
COUNTS: Final = frozenset(
    {"total", "available", "allocated", "expiring", "expired", "nextExpiryAt"}
)
USED: Final = frozenset({"licenseDaysUsed", "licenseDaysIdle"})
ELAPSED: Final = frozenset({"licenseDaysElapsed", "licenseDaysIdle"})
Span = tuple[str, str]
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
    found: dict[Company, dict[str, Any]] = {company: {} for company in keys}
    for some in chunks(shown(reader, keys), COMPANIES_AT_ONCE):
        spans = [_span(company.path, scope) for company in some]
        for ask, wanted in _QUESTIONS.items():
            if want & wanted:
                for row in await ask(reader, spans):
                    found[some[row.pop("key")]] |= row
    return {company: Summary(company.id, scope, **facts) for company, facts in found.items()}


def _span(path: str, scope: Scope) -> tuple[str, str]:
    """From where to where paths go; `!` stands before every label."""
    match scope:
        case Scope.OWN:
            return path, f"{path}!"
        case Scope.BELOW:
            return f"{path}!", successor(path)
        case Scope.SUBTREE:
            return path, successor(path)


async def _counts(reader: Reader, spans: Sequence[Span]) -> list[Row]:
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
    found = await _told(reader, spans, _licenses(reader), columns)
    expiry = License._meta.fields_map["expires_at"]
    for row in found:
        row["next_expiry_at"] = expiry.to_python_value(row["next_expiry_at"])
    return found


async def _requested(reader: Reader, spans: Sequence[Span]) -> list[Row]:
    orders = visible(Order, reader.caller).filter(status__in=OPEN)
    return await _told(reader, spans, orders, ["SUM(quantity - assigned_quantity) AS requested"])


async def _elapsed(reader: Reader, spans: Sequence[Span]) -> list[Row]:
    licenses = _licenses(reader).filter(expires_at__isnull=False)
    columns = _lasted("assigned_at", f"{_least()}(expires_at, {{now}})")
    found = await _told(reader, spans, licenses, columns)
    return [{"key": row["key"], "license_days_elapsed": _days(row)} for row in found]


async def _used(reader: Reader, spans: Sequence[Span]) -> list[Row]:
    stays = (
        visible(Allocation, reader.caller)
        .filter(license__expires_at__isnull=False, license__voided_at__isnull=True)
        .annotate(path=F("license__path"), expires_at=F("license__expires_at"))
    )
    end = f"{_least()}(COALESCE(released_at, {{now}}), expires_at, {{now}})"
    found = await _told(reader, spans, stays, _lasted("allocated_at", end))
    return [{"key": row["key"], "license_days_used": _days(row)} for row in found]


_QUESTIONS: Final = {
    _counts: COUNTS,
    _requested: frozenset({"requested"}),
    _elapsed: ELAPSED,
    _used: USED,
}


def _licenses(reader: Reader) -> QuerySet[License]:
    return visible(License, reader.caller).filter(voided_at__isnull=True)


async def _told(
    reader: Reader, spans: Sequence[Span], rows: QuerySet[Any], columns: Sequence[str]
) -> list[Row]:
    """The columns for each span, told from the rows in it; they may hold `{now}` and `{soon}`."""
    select = Select.of(rows)
    values = [*select.values]

    def place(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    told = ", ".join(columns)
    clock = {"now": reader.now, "soon": reader.now + EXPIRING}
    told = told.format(**{name: place(at) for name, at in clock.items() if f"{{{name}}}" in told})
    table = ", ".join(
        f"({number}, {place(low)}, {place(high)})" for number, (low, high) in enumerate(spans)
    )
    return await run(
        f"WITH span(key, low, high) AS (VALUES {table})"  # noqa: S608
        f" SELECT span.key AS key, {told} FROM span"
        f" JOIN ({select.text}) AS r ON r.path >= span.low AND r.path < span.high"
        " GROUP BY span.key",
        values,
    )


def _least() -> str:
    return "MIN" if is_sqlite() else "LEAST"


def _lasted(start: str, end: str) -> list[str]:
    """How long in sum: seconds, and microseconds beside them where the text must be taken apart."""
    if not is_sqlite():
        return [f"SUM(EXTRACT(EPOCH FROM {end} - {start})) AS seconds", "0 AS micros"]
    second = "CAST(STRFTIME('%s', SUBSTR({}, 1, 19)) AS INTEGER)"
    micro = "CAST(CASE WHEN SUBSTR({0}, 20, 1) = '.' THEN SUBSTR({0}, 21, 6) ELSE 0 END AS INTEGER)"
    return [
        f"SUM({_put(part, end)} - {_put(part, start)}) AS {name}"
        for name, part in (("seconds", second), ("micros", micro))
    ]


def _put(part: str, expression: str) -> str:
    return part.replace("{0}", expression).replace("{}", expression)


def _days(row: Row) -> int:
    return int(row["seconds"] * 1_000_000 + row["micros"]) // DAY
