"""Counts of licenses, for any number of companies with a statement for each table."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import repeat
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from tortoise.expressions import F
from tortoise.queryset import QuerySet

from models.access import Caller, visible
from models.base import where
from models.companies import Company
from models.database import is_sqlite
from models.licenses import EXPIRING, Allocation, License
from models.orders import OPEN, Order
from models.rows import COLUMNS, Table, column, columns_at
from resolvers.reading.companies import shown, spans_of
from resolvers.reading.reader import AtHand, Reader
from resolvers.reading.sql import SLOTS, Join, Row, Select
from resolvers.reading.windows import Scope
from resolvers.reading.within import Within, of_keys, telling, told

K = TypeVar("K")

DAY: Final = timedelta(days=1) // timedelta(microseconds=1)
EXPIRY: Final = "license_expires_at"
LIVE: Final = "(expires_at IS NULL OR expires_at > {now})"
COUNTED: Final = {
    "total": "COUNT(*) AS total",
    "available": f"COUNT(CASE WHEN {LIVE} AND holder_id IS NULL THEN 1 END) AS available",
    "allocated": f"COUNT(CASE WHEN {LIVE} AND holder_id IS NOT NULL THEN 1 END) AS allocated",
    "expiring": f"COUNT(CASE WHEN {LIVE} AND expires_at <= {{soon}} THEN 1 END) AS expiring",
    "expired": "COUNT(CASE WHEN expires_at <= {now} THEN 1 END) AS expired",
    "nextExpiryAt": f"MIN(CASE WHEN {LIVE} THEN expires_at END) AS next_expiry_at",
}
USED: Final = frozenset({"licenseDaysUsed", "licenseDaysIdle"})
ELAPSED: Final = frozenset({"licenseDaysElapsed", "licenseDaysIdle"})
EVERYTHING: Final = USED | ELAPSED | {*COUNTED, "requested"}
Facts = dict[str, Iterable[Any]]
"""Of a summary of each company: columns."""


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


setattr(Summary, COLUMNS, columns_at(Summary._fields))
_SUMMARY: Final = partial(tuple.__new__, Summary)
"""A summary of all that it tells, in this order."""


class _Summaries:
    """A batch function: a summary of each company, blank where its plain fields alone are shown."""

    __name__ = "license_summaries"

    async def __call__(
        self,
        reader: Reader,
        keys: Sequence[Company],
        *,
        scope: Scope | None = None,
        want: frozenset[str] = EVERYTHING,
    ) -> Mapping[Company, Summary]:
        scope = scope or Scope.OWN
        seen = shown(reader, keys)
        facts = await _facts(reader, scope, seen, want)
        summaries = dict(zip(seen, _of_facts(scope, seen, facts), strict=True))
        if len(seen) == len(keys):
            return summaries
        return {company: Summary(company.id, scope) for company in keys} | summaries

    def along(self, want: frozenset[str]) -> "CountsAlong | None":
        """What comes with companies of which no more is wanted than counts of their own."""
        counted = want & EVERYTHING
        return CountsAlong(self, want) if counted and counted <= COUNTED.keys() else None


license_summaries: Final = _Summaries()


@dataclass(frozen=True, slots=True)
class CountsAlong:
    """Counts of its own licenses, which come with each company."""

    batch: _Summaries
    want: frozenset[str]
    key: str = "id"

    def may_come(self, reader: Reader) -> bool:
        return not is_sqlite() and not reader.asking.is_learner

    def join(self, prefix: str, reader: Reader) -> Join:
        counts, columns = _beside_each(reader.caller, self.want, is_sqlite())
        clock = dict(zip(SLOTS, _clock(reader).values(), strict=True))
        values = [clock.get(value, value) for value in counts.values]
        return Join(prefix, None, columns, Select(counts.text, values))

    def at_hand(self, prefix: str, reader: Reader, rows: Table) -> AtHand:  # noqa: ARG002
        facts: Facts = {name: column(rows, f"{prefix}{name}") for name in _names(self.want)}
        summaries = list(_of_facts(Scope.OWN, rows, facts))
        return AtHand(column(rows, "id"), summaries, self._tells, _ids)

    def _tells(self, arguments: Mapping[str, Any]) -> bool:
        scope, want = arguments.get("scope"), arguments.get("want", EVERYTHING)
        return scope in {None, Scope.OWN} and want <= self.want


def _of_facts(scope: Scope, companies: Sequence[Company], facts: Facts) -> Iterable[Summary]:
    ids: Facts = {"company_id": _ids(companies), "scope": repeat(scope, len(companies))}
    blank = {name: repeat(value) for name, value in Summary._field_defaults.items()}
    told = blank | facts | ids
    return map(_SUMMARY, zip(*(told[name] for name in Summary._fields), strict=False))


def _ids(companies: Sequence[Company]) -> Sequence[UUID]:
    return column(companies, "id")


def _names(want: frozenset[str]) -> tuple[str, ...]:
    return tuple(each.rpartition(" ")[2] for name, each in COUNTED.items() if name in want)


@lru_cache(maxsize=500)
def _beside_each(
    caller: Caller | None, want: frozenset[str], _: bool
) -> tuple[Select, tuple[str, ...]]:
    """Counts of the licenses of one company, named by its row; slots are for now and soon."""
    columns = [each for name, each in COUNTED.items() if name in want]
    licenses = Select.of(_all_licenses(caller, _within(Scope.OWN)))
    counts = telling(licenses, columns, dict(zip(("now", "soon"), SLOTS, strict=True)))
    owned = f'{counts.text} WHERE r."company_id" = "companies"."id"'
    return Select(owned, counts.values), _names(want)


async def _facts(
    reader: Reader, scope: Scope, seen: Sequence[Company], want: frozenset[str]
) -> Facts:
    facts: Facts = {}
    if not seen:
        return facts
    if not want.isdisjoint(COUNTED):
        facts |= await _counts(reader, scope, seen, want)
    if "requested" in want:
        facts["requested"] = await _requested(reader, scope, seen)
    if want & ELAPSED:
        facts["license_days_elapsed"] = await _days_elapsed(reader, _within(scope), seen)
    if want & USED:
        facts["license_days_used"] = await _days_used(reader, _within(scope, "license__"), seen)
    return facts


async def _counts(
    reader: Reader, scope: Scope, seen: Sequence[Company], want: frozenset[str]
) -> Facts:
    columns = [each for name, each in COUNTED.items() if name in want]
    licenses = _licenses(reader.caller, scope, is_sqlite())
    found = await told(licenses, _within(scope), seen, columns, _clock(reader))
    names = _names(want)
    none = (None, *map(Summary._field_defaults.get, names))  # its key is not looked at
    told_of = zip(*map(found.get, seen, repeat(none)), strict=True)
    facts: Facts = dict(zip(names, list(told_of)[-len(names) :], strict=True))
    if "next_expiry_at" in facts:
        expiry = License._meta.fields_map["expires_at"]
        facts["next_expiry_at"] = map(expiry.to_python_value, facts["next_expiry_at"])
    return facts


async def _requested(reader: Reader, scope: Scope, seen: Sequence[Company]) -> Sequence[int]:
    within = _within(scope)
    by_key = within.column is not None
    orders = visible(Order, reader.caller, by_key=by_key).filter(status__in=OPEN)
    columns = ["COALESCE(SUM(quantity - assigned_quantity), 0) AS requested"]
    found = await told(of_keys(orders, within), within, seen, columns)
    return [found[company]["requested"] if company in found else 0 for company in seen]


async def order_days_elapsed(reader: Reader, keys: Sequence[Order]) -> Mapping[Order, int]:
    """License-days since assignment of what an order brought."""
    days = await _days_elapsed(reader, Within.owner("", "order_id"), keys)
    return dict(zip(keys, days, strict=True))


async def order_days_used(reader: Reader, keys: Sequence[Order]) -> Mapping[Order, int]:
    """Of these, the days with a learner."""
    days = await _days_used(reader, Within.owner("", "license__order_id"), keys)
    return dict(zip(keys, days, strict=True))


async def order_days_idle(reader: Reader, keys: Sequence[Order]) -> Mapping[Order, int]:
    """The rest. The reader asks for the other two once, whoever else wants them."""
    elapsed = [reader.load(order_days_elapsed, order) for order in keys]
    used = [reader.load(order_days_used, order) for order in keys]
    days = await asyncio.gather(*elapsed, *used)
    return {order: days[at] - days[at + len(keys)] for at, order in enumerate(keys)}


async def _days_elapsed(reader: Reader, within: Within, keys: Sequence[K]) -> Sequence[int]:
    licenses = _all_licenses(reader.caller, within).filter(expires_at__isnull=False)
    end = f"{_least()}(expires_at, {{now}})"
    return await _days(of_keys(licenses, within), within, keys, _lasted("assigned_at", end), reader)


async def _days_used(reader: Reader, within: Within, keys: Sequence[K]) -> Sequence[int]:
    stays = (
        visible(Allocation, reader.caller)
        .filter(license__expires_at__isnull=False, license__voided_at__isnull=True)
        .annotate(**{EXPIRY: F("license__expires_at")})
    )
    end = f"{_least()}(COALESCE(released_at, {{now}}), {EXPIRY}, {{now}})"
    return await _days(of_keys(stays, within), within, keys, _lasted("allocated_at", end), reader)


async def _days(
    rows: Select, within: Within, keys: Sequence[K], columns: Sequence[str], reader: Reader
) -> Sequence[int]:
    """Whole days of the seconds and microseconds of each key."""
    found = await told(rows, within, keys, columns, _clock(reader))
    none: Row = {"seconds": 0, "micros": 0}
    sums = (found.get(key, none) for key in keys)
    return [int((row["seconds"] or 0) * 1_000_000 + (row["micros"] or 0)) // DAY for row in sums]


def _clock(reader: Reader) -> dict[str, datetime]:
    return {"now": reader.now, "soon": reader.now + EXPIRING}


@lru_cache(maxsize=500)
def _licenses(caller: Caller | None, scope: Scope, _: bool) -> Select:
    """Told by who asks, and by nothing else."""
    within = _within(scope)
    return of_keys(_all_licenses(caller, within), within)


def _all_licenses(caller: Caller | None, within: Within) -> QuerySet[License]:
    by_key = within.column is not None
    return visible(License, caller, by_key=by_key).filter(voided_at__isnull=True)


def _within(scope: Scope, through: str = "") -> Within:
    """The rows of a company, of those beneath it, or of both."""
    if scope is Scope.OWN:
        return Within.owner("", f"{through}company_id")
    start = f"{through}path__{'gte' if scope is Scope.SUBTREE else 'gt'}"
    spans = where(**{start: SLOTS[0], f"{through}path__lt": SLOTS[1]})
    return Within("", spans, spans_of)


def _least() -> str:
    return "MIN" if is_sqlite() else "LEAST"


def _lasted(start: str, end: str) -> list[str]:
    """How long in sum: seconds, and microseconds beside them where the text must be taken apart."""
    if not is_sqlite():
        seconds = f"SUM(EXTRACT(EPOCH FROM {end} - {start}))"
        return [f"{seconds} AS seconds", "0 AS micros"]
    second = "CAST(STRFTIME('%s', SUBSTR(|, 1, 19)) AS INTEGER)"
    micro = "CAST(CASE WHEN SUBSTR(|, 20, 1) = '.' THEN SUBSTR(|, 21, 6) ELSE 0 END AS INTEGER)"
    return [
        f"SUM({part.replace('|', end)} - {part.replace('|', start)}) AS {unit}"
        for unit, part in (("seconds", second), ("micros", micro))
    ]
