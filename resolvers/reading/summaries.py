"""Counts of licenses, for any number of companies with a statement for each table."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from tortoise.expressions import F
from tortoise.queryset import QuerySet

from models.access import visible
from models.base import where
from models.companies import Company
from models.database import is_sqlite
from models.licenses import EXPIRING, Allocation, License
from models.orders import OPEN, Order
from resolvers.reading.companies import shown, spans_of
from resolvers.reading.reader import Reader
from resolvers.reading.sql import SLOTS, Row
from resolvers.reading.windows import Scope
from resolvers.reading.within import Within, told

K = TypeVar("K")

DAY: Final = timedelta(days=1) // timedelta(microseconds=1)
EXPIRY: Final = "license_expires_at"
ELAPSED_DAYS: Final = "license_days_elapsed"
USED_DAYS: Final = "license_days_used"
COUNTS: Final = frozenset(
    {"total", "available", "allocated", "expiring", "expired", "nextExpiryAt"}
)
USED: Final = frozenset({"licenseDaysUsed", "licenseDaysIdle"})
ELAPSED: Final = frozenset({"licenseDaysElapsed", "licenseDaysIdle"})
Found = Mapping[Company, Row]
EVERYTHING: Final = COUNTS | USED | ELAPSED | {"requested"}


class Summary(NamedTuple):
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
    seen = shown(reader, keys)
    facts: dict[Company, dict[str, Any]] = {company: {} for company in keys}
    for ask, wanted in _QUESTIONS.items():
        if seen and want & wanted:
            for company, row in (await ask(reader, scope, seen)).items():
                facts[company] |= _read(row)
    return {company: Summary(company.id, scope, **known) for company, known in facts.items()}


async def _counts(reader: Reader, scope: Scope, seen: Sequence[Company]) -> Found:
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
    within = _within(scope)
    return await told(_licenses(reader, within), within, seen, columns, _clock(reader))


async def _requested(reader: Reader, scope: Scope, seen: Sequence[Company]) -> Found:
    by_key = scope is Scope.OWN
    orders = visible(Order, reader.caller, by_key=by_key).filter(status__in=OPEN)
    columns = ["COALESCE(SUM(quantity - assigned_quantity), 0) AS requested"]
    return await told(orders, _within(scope), seen, columns)


async def _elapsed(reader: Reader, scope: Scope, seen: Sequence[Company]) -> Found:
    return await _days_elapsed(reader, _within(scope), seen)


async def _used(reader: Reader, scope: Scope, seen: Sequence[Company]) -> Found:
    return await _days_used(reader, _within(scope, "license__"), seen)


_QUESTIONS: Final[Mapping[Callable[..., Awaitable[Found]], frozenset[str]]] = {
    _counts: COUNTS,
    _requested: frozenset({"requested"}),
    _elapsed: ELAPSED,
    _used: USED,
}


async def order_days_elapsed(reader: Reader, keys: Sequence[Order]) -> Mapping[Order, int]:
    """License-days since assignment of what an order brought."""
    found = await _days_elapsed(reader, Within.owner("", "order_id"), keys)
    return {order: _read(found[order])[ELAPSED_DAYS] if order in found else 0 for order in keys}


async def order_days_used(reader: Reader, keys: Sequence[Order]) -> Mapping[Order, int]:
    """Of these, the days with a learner."""
    found = await _days_used(reader, Within.owner("", "license__order_id"), keys)
    return {order: _read(found[order])[USED_DAYS] if order in found else 0 for order in keys}


async def order_days_idle(reader: Reader, keys: Sequence[Order]) -> Mapping[Order, int]:
    """The rest. The reader asks for the other two once, whoever else wants them."""
    elapsed = [reader.load(order_days_elapsed, order) for order in keys]
    used = [reader.load(order_days_used, order) for order in keys]
    days = await asyncio.gather(*elapsed, *used)
    return {order: days[at] - days[at + len(keys)] for at, order in enumerate(keys)}


async def _days_elapsed(reader: Reader, within: Within, keys: Sequence[K]) -> Mapping[K, Row]:
    licenses = _licenses(reader, within).filter(expires_at__isnull=False)
    columns = _lasted("assigned_at", f"{_least()}(expires_at, {{now}})", ELAPSED_DAYS)
    return await told(licenses, within, keys, columns, _clock(reader))


async def _days_used(reader: Reader, within: Within, keys: Sequence[K]) -> Mapping[K, Row]:
    stays = (
        visible(Allocation, reader.caller)
        .filter(license__expires_at__isnull=False, license__voided_at__isnull=True)
        .annotate(**{EXPIRY: F("license__expires_at")})
    )
    end = f"{_least()}(COALESCE(released_at, {{now}}), {EXPIRY}, {{now}})"
    columns = _lasted("allocated_at", end, USED_DAYS)
    return await told(stays, within, keys, columns, _clock(reader))


def _clock(reader: Reader) -> dict[str, datetime]:
    return {"now": reader.now, "soon": reader.now + EXPIRING}


def _licenses(reader: Reader, within: Within) -> QuerySet[License]:
    by_key = within.column is not None
    return visible(License, reader.caller, by_key=by_key).filter(voided_at__isnull=True)


def _within(scope: Scope, through: str = "") -> Within:
    """The rows of a company, of those beneath it, or of both."""
    if scope is Scope.OWN:
        return Within.owner("", f"{through}company_id")
    start = f"{through}path__{'gte' if scope is Scope.SUBTREE else 'gt'}"
    spans = where(**{start: SLOTS[0], f"{through}path__lt": SLOTS[1]})
    return Within("", spans, spans_of)


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


def _read(row: Row) -> dict[str, Any]:
    """What a row says, as a summary has it."""
    facts = {name: value for name, value in dict(row).items() if name != "key_"}
    for name in (ELAPSED_DAYS, USED_DAYS):
        if f"{name}_seconds" in facts:
            seconds, micros = facts.pop(f"{name}_seconds"), facts.pop(f"{name}_micros")
            facts[name] = int((seconds or 0) * 1_000_000 + (micros or 0)) // DAY
    if "next_expiry_at" in facts:
        expiry = License._meta.fields_map["expires_at"]
        facts["next_expiry_at"] = expiry.to_python_value(facts["next_expiry_at"])
    return facts
