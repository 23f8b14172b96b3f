"""Where the ORM has no words: conditions in SQL, and one statement that asks for many keys."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar
from uuid import UUID

from pypika_tortoise.context import SqlContext
from pypika_tortoise.enums import Boolean
from pypika_tortoise.terms import ComplexCriterion, Criterion, Parameterizer, ValueWrapper
from tortoise.expressions import Q, ResolveContext
from tortoise.models import Model
from tortoise.query_utils import QueryModifier
from tortoise.queryset import CountQuery, QuerySet

from models import database
from models.base import new_id, where
from models.errors import BadUserInput

T = TypeVar("T")
M = TypeVar("M", bound=Model)
Row = dict[str, Any]

AT_ONCE: Final = 400
"""Selects in one statement; SQLite takes 500."""
LONGEST: Final = 500_000
"""Characters of a statement; SQLite takes a million."""
MOST_VALUES: Final = 30_000
"""Values of a statement; SQLite takes 32,766 and PostgreSQL 32,767."""
IDS_AT_ONCE: Final = 10_000
ABREAST: Final = 32
"""Alternatives that stand side by side. SQLite takes neither brackets nor chains much deeper."""

SLOTS: Final = (str(new_id()), str(new_id()))
"""Stand in a condition for what differs from key to key; nobody else can know them."""
_PLACEHOLDER: Final = re.compile(r"\$(\d+)")


class Condition(Q):
    """A condition in SQL; `{}` stands for each value."""

    __hash__ = object.__hash__

    def __init__(self, sql: str, *values: Any) -> None:
        super().__init__()
        self._criterion = _Sql(sql, values)

    def __bool__(self) -> bool:
        return True

    def resolve(self, _: ResolveContext) -> QueryModifier:
        return QueryModifier(where_criterion=self._criterion)


class Either(Q):
    """At least one of the conditions holds, of which there may be many."""

    def __init__(self, conditions: Iterable[Q]) -> None:
        super().__init__(*conditions, join_type=Q.OR)

    def __bool__(self) -> bool:
        return True

    def resolve(self, resolve_context: ResolveContext) -> QueryModifier:
        resolved = [condition.resolve(resolve_context) for condition in self.children]
        joins = [join for each in resolved for join in each.joins]
        return QueryModifier(_any([each.where_criterion for each in resolved]), joins)


class _Sql(Criterion):
    def __init__(self, sql: str, values: Sequence[Any]) -> None:
        super().__init__()
        self._parts = sql.split("{}")
        self._values = values

    def get_sql(self, ctx: SqlContext) -> str:
        first, *rest = self._parts
        given = (ValueWrapper(value).get_sql(ctx) for value in self._values)
        return (
            "("
            + first
            + "".join(f"{value}{part}" for value, part in zip(given, rest, strict=True))
            + ")"
        )


class _InBrackets(Criterion):
    def __init__(self, inside: Criterion) -> None:
        super().__init__()
        self._inside = inside

    def get_sql(self, ctx: SqlContext) -> str:
        return "(" + self._inside.get_sql(ctx.copy(subcriterion=False)) + ")"


def _any(criteria: Sequence[Criterion]) -> Criterion:
    while len(criteria) > 1:
        criteria = [_abreast(criteria[i : i + ABREAST]) for i in range(0, len(criteria), ABREAST)]
    return criteria[0]


def _abreast(criteria: Sequence[Criterion]) -> Criterion:
    first, *rest = criteria
    for each in rest:
        first = ComplexCriterion(Boolean.or_, first, each)
    return _InBrackets(first)


ANYTHING: Final = Condition("1 = 1")
NOTHING: Final = Condition("1 = 0")


@dataclass(frozen=True)
class Select:
    """A select with placeholders $1, $2, … for its values."""

    text: str
    values: Sequence[Any]

    @classmethod
    def of(cls, query: QuerySet[Any] | CountQuery, then: str = "") -> "Select":
        """Raises BadUserInput if its filter makes it longer than a database takes."""
        query.sql()  # builds it
        values = Parameterizer(lambda number: f"${number}")
        text, _ = query.query.get_parameterized_sql(
            query.query.QUERY_CLS.SQL_CONTEXT.copy(parameterizer=values)
        )
        if len(text) > LONGEST or len(values.values) > MOST_VALUES:
            raise BadUserInput("This filter is too long.", "filter")
        return cls(text + then, values.values)


async def for_each(select: Select, keys: Mapping[T, Sequence[Any]]) -> dict[T, list[Row]]:
    """The rows of `select` for each key, with the key's values in the slots."""
    found: dict[T, list[Row]] = {key: [] for key in keys}
    at_once = max(1, min(AT_ONCE, LONGEST // len(select.text)))
    for some in chunks(keys.items(), at_once):
        for row in await _run(select, [slots for _, slots in some]):
            found[some[row["key_"]][0]].append(row)
    return found


async def run(statement: str, values: Sequence[Any]) -> list[Row]:
    """Run a statement with placeholders $1, $2, … for its values."""
    plain = (str(value) if isinstance(value, UUID) else value for value in values)
    return await database.rows(statement, *plain)


def narrowed(rows: QuerySet[M], condition: Q) -> QuerySet[M]:
    """As `filter`, but said first: SQLite enters an index by the first condition that fits."""
    found = rows.filter(condition)
    found._q_objects.insert(0, found._q_objects.pop())
    return found


async def rows_with(rows: QuerySet[M], column: str, values: Iterable[Any]) -> list[M]:
    """The rows that have one of many values."""
    found: list[M] = []
    for some in chunks(dict.fromkeys(values), IDS_AT_ONCE):
        found += await rows.filter(where(**{f"{column}__in": some}))
    return found


async def those_with(rows: QuerySet[Any], column: str, values: Iterable[Any]) -> set[Any]:
    """Which of many values any of the rows has."""
    found: set[Any] = set()
    for some in chunks(dict.fromkeys(values), IDS_AT_ONCE):
        theirs = rows.filter(where(**{f"{column}__in": some})).distinct()
        found.update(await theirs.values_list(column, flat=True))
    return found


def by_column(rows: Iterable[M], column: str = "id") -> dict[Any, M]:
    return {getattr(row, column): row for row in rows}


def grouped(rows: Iterable[M], column: str) -> defaultdict[Any, list[M]]:
    groups: defaultdict[Any, list[M]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, column)].append(row)
    return groups


def built(model: type[M], rows: Iterable[Row]) -> list[M]:
    return [model._init_from_db(**row) for row in rows]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


async def _run(select: Select, keys: Sequence[Sequence[Any]]) -> list[Row]:
    """One statement that holds the select once for each key; what they share is sent once."""
    shared = {at: value for at, value in enumerate(select.values, 1) if value not in SLOTS}
    values = list(shared.values())
    places = dict(zip(shared, range(1, len(shared) + 1), strict=True))
    branches = []
    for number, slots in enumerate(keys):
        for at, value in enumerate(select.values, 1):
            if at not in shared:
                values.append(slots[SLOTS.index(value)])
                places[at] = len(values)
        text = _PLACEHOLDER.sub(lambda found: f"${places[int(found[1])]}", select.text)
        branches.append(f"SELECT {number} AS key_, b.* FROM ({text}) AS b")  # noqa: S608
    return await run(" UNION ALL ".join(branches), values)
