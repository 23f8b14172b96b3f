"""Where the ORM has no words: conditions in SQL, and one statement that asks for many keys."""

import re
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, count, groupby, islice
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

import orjson
from pypika_tortoise.context import SqlContext
from pypika_tortoise.enums import Boolean
from pypika_tortoise.terms import ComplexCriterion, Criterion, Parameterizer
from tortoise.expressions import Q, ResolveContext
from tortoise.fields import UUIDField
from tortoise.models import Model
from tortoise.query_utils import QueryModifier
from tortoise.queryset import QuerySet

from models import database
from models.base import new_id, where
from models.conditions import Condition
from models.database import as_id, is_sqlite
from models.errors import BadUserInput
from models.rows import Table, joined_class, row_class
from resolvers.reading.shapes import Shapeless, shape_of

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
REMEMBERED: Final = 500_000
"""Characters of all texts that are remembered by their shape."""
SHORT: Final = 15_000
"""Characters of each. Only long filters make longer ones, no two of which need be alike: they would
push out what all others ask, and take much memory. asyncpg prepares none of them for good either.
"""
ABREAST: Final = 32
"""Alternatives that stand side by side. SQLite takes neither brackets nor chains much deeper."""

SLOTS: Final = (str(new_id()), str(new_id()))
"""Stand in a condition for what differs from key to key; nobody else can know them."""
COUNTED: Final = "total_"
"""The column of a number of other rows."""
UUIDS: Final = "text::uuid"
"""Sent as text, for asyncpg looks at each item of a list several times."""
_KEY: Final = itemgetter("key_")
_PLACEHOLDER: Final = re.compile(r"\$(\d+)")


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
    def of(
        cls, query: QuerySet[Any], then: str = "", columns: tuple[str, ...] | None = None
    ) -> "Select":
        """Raises BadUserInput if its filter makes it longer than a database takes."""
        try:
            shape = shape_of(query)
        except Shapeless:
            return cls._written(query.only(*columns) if columns else query, then)
        key = (is_sqlite(), shape.key, columns, then)
        text = _TEXTS.get(key)
        if text is not None:
            return cls(text, shape.values)
        select = cls._written(query.only(*columns) if columns else query, then)
        if select.values == shape.values and len(select.text) <= SHORT:
            _TEXTS.keep(key, select.text)
        return select

    def then(self, condition: str, value: Any) -> "Select":
        """With more at its end, where `{}` stands for the value."""
        values = [*self.values, value]
        return Select(self.text + condition.format(f"${len(values)}"), values)

    def with_list(self, values: Sequence[Any]) -> tuple[str, list[Any]]:
        """Its text, and its values with many in the slot for a list."""
        given = listed(values, as_uuids=True)
        return self.text, [given if value == SLOTS[0] else value for value in self.values]

    def joined(self, table: str, joins: Sequence["Join"], order: str) -> "Select":
        """With what stands beside those of `table`, where that is in sight."""
        parts = tuple((each.prefix, each.key, each.columns, each.rows.text) for each in joins)
        values = [*self.values, *chain.from_iterable(each.rows.values for each in joins)]
        counts = tuple(len(each.rows.values) for each in joins)
        return Select(_joined(self.text, len(self.values), table, parts, counts, order), values)

    def counting(self, rows: "Select") -> "Select":
        """With the number of other rows in each of its own, in their order. Raises BadUserInput if
        both together are longer than a database takes."""
        counted = f"(SELECT COUNT(*) FROM ({_shifted(rows.text, len(self.values))}) AS r)"  # noqa: S608
        text = f"SELECT b.*, {counted} AS {COUNTED} FROM ({self.text}) AS b"  # noqa: S608
        return Select._that_fits(text, [*self.values, *rows.values])

    @classmethod
    def _written(cls, query: QuerySet[Any], then: str) -> "Select":
        query.sql()  # builds it
        values = Parameterizer(lambda number: f"${number}")
        text, _ = query.query.get_parameterized_sql(
            query.query.QUERY_CLS.SQL_CONTEXT.copy(parameterizer=values)
        )
        return cls._that_fits(text + then, values.values)

    @classmethod
    def _that_fits(cls, text: str, values: Sequence[Any]) -> "Select":
        if len(text) > LONGEST or len(values) > MOST_VALUES:
            raise BadUserInput("This filter is too long.", "filter")
        return cls(text, values)


class Join(NamedTuple):
    """Rows by id: `key` has the id, and `prefix` stands before the names of the columns. Without a
    key there is one for each row, which it names itself; SQLite has no such join."""

    prefix: str
    key: str | None
    columns: tuple[str, ...]
    rows: Select


def _remembering(write: Callable[..., str]) -> Callable[..., str]:
    """Remembers what a function writes around statements, if they are short."""
    remembered = lru_cache(maxsize=500)(write)

    def written(text: str, *others: Any) -> str:
        how: Callable[..., str] = remembered if len(text) <= SHORT else write
        return how(text, *others)

    return written


@_remembering
def _joined(
    text: str,
    sent: int,
    table: str,
    parts: tuple[tuple[str, str | None, tuple[str, ...], str], ...],
    counts: tuple[int, ...],
    order: str,
) -> str:
    columns, joins = [f'"{table}".*'], []
    for (prefix, key, names, rows), number in zip(parts, counts, strict=True):
        alias = prefix.rstrip(".")
        columns += [f'{alias}."{name}" AS "{prefix}{name}"' for name in names]
        inner = _shifted(rows, sent)
        if key is None:
            joins.append(f"CROSS JOIN LATERAL ({inner}) AS {alias}")
        else:
            joins.append(f'LEFT JOIN ({inner}) AS {alias} ON {alias}."id" = "{table}"."{key}"')
        sent += number
    return (
        f'SELECT {", ".join(columns)} FROM ({text}) AS "{table}" '  # noqa: S608
        f"{' '.join(joins)}{order}"
    )


def _shifted(text: str, by: int) -> str:
    return _PLACEHOLDER.sub(lambda found: f"${int(found[1]) + by}", text)


class Texts:
    """Statements by their shape, the longest unused forgotten first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, str] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> str | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def keep(self, key: Hashable, text: str) -> None:
        self._kept[key] = text
        self._length += len(text)
        while self._length > self._most:
            _, forgotten = self._kept.popitem(last=False)
            self._length -= len(forgotten)


_TEXTS: Final = Texts(REMEMBERED)


async def for_each(
    select: Select,
    keys: Sequence[T],
    slots: Sequence[Sequence[Any]],
    kind: type[Any] | None = None,
) -> dict[T, list[Any]]:
    """The rows of `select` for each key; one that has none may be left out. Each slot has a value
    for each key.
    """
    if len(keys) == 1:
        filled = dict(zip(SLOTS, slots, strict=False))
        values = [filled[value][0] if value in SLOTS else value for value in select.values]
        return {keys[0]: await run(select.text, values, kind)}
    found: dict[T, list[Any]] = {}
    at_once = max(1, min(AT_ONCE, LONGEST // len(select.text))) if is_sqlite() else IDS_AT_ONCE
    for start in range(0, len(keys), at_once):
        some = slice(start, start + at_once)
        theirs = [column[some] for column in slots]
        text, values = (
            _united(select, theirs, len(keys[some])) if is_sqlite() else _beside(select, theirs)
        )
        rows = await run(text, values, kind)
        found |= {keys[start + at]: list(theirs) for at, theirs in groupby(rows, _KEY)}
    return found


async def tables_for_each(
    select: Select,
    keys: Sequence[T],
    slots: Sequence[Sequence[Any]],
    model: type[Model],
    columns: tuple[str, ...] | None = None,
) -> dict[T, Table]:
    """As `for_each`, of rows that read like `model`; where nothing but `columns` is asked of many
    lists, PostgreSQL sends a row for each list, of which the driver makes half the work.
    """
    found: dict[T, Table] = {}
    if columns is None or is_sqlite() or len(keys) == 1:
        rows = await for_each(select, keys, slots)
        return {key: Table.of(model, theirs) for key, theirs in rows.items() if theirs}
    kind = joined_class(model, columns)
    for start in range(0, len(keys), IDS_AT_ONCE):
        some = slice(start, start + IDS_AT_ONCE)
        text, values = _beside(select, [column[some] for column in slots], columns)
        for at, *lists in await run(text, values):
            if lists[0] is not None:
                found[keys[start + at]] = Table(kind, lists)
    return found


async def run(statement: str, values: Sequence[Any], kind: type[Any] | None = None) -> list[Any]:
    """The rows of a statement with placeholders $1, $2, … for its values."""
    return await database.read(statement, values, kind)


def narrowed(rows: QuerySet[M], condition: Q, *more: Q) -> QuerySet[M]:
    """As `filter`, but said first: SQLite enters an index by the first condition that fits."""
    found = rows.filter(*more, condition)
    found._q_objects.insert(0, found._q_objects.pop())
    return found


async def models_of(rows: QuerySet[M], *, lock: bool = False) -> list[M]:
    """The rows, to be changed; locked, nobody else changes them until the transaction ends."""
    select = Select.of(rows, " FOR NO KEY UPDATE" if lock and not is_sqlite() else "")
    return [rows.model._init_from_db(**dict(row)) for row in await run(select.text, select.values)]


async def rows_with(rows: QuerySet[M], column: str, values: Iterable[Any]) -> list[M]:
    """The rows that have one of many values; they can be read, and not be changed."""
    found: list[M] = []
    kind = row_class(rows.model, tuple(rows._annotations))
    for some in chunks(dict.fromkeys(values), IDS_AT_ONCE):
        select = Select.of(rows.filter(among(rows.model, column, some)))
        found += await run(select.text, select.values, kind)
    return found


def among(model: type[Model], column: str, values: Sequence[Any]) -> Q:
    """The rows that have one of many values, in a text that does not grow with them."""
    if "__" in column:
        return where(**{f"{column}__in": values})
    return in_list(model, column, listed(values, as_uuids=_has_uuids(model, column)))


def _has_uuids(model: type[Model], column: str) -> bool:
    return isinstance(model._meta.fields_map[column], UUIDField)


def in_list(model: type[Model], column: str, given: Any) -> Q:
    """As `among`, of what is `listed`, or of a slot for it."""
    place = f'"{model._meta.db_table}"."{column}"'
    return Condition(is_in(place, as_uuids=_has_uuids(model, column)), given)


def is_in(place: str, *, as_uuids: bool) -> str:
    """A condition with a `{}` for what is `listed`."""
    if is_sqlite():
        return f"{place} IN (SELECT value FROM json_each({{}}))"  # noqa: S608
    return f"{place} = ANY({{}}::{UUIDS if as_uuids else 'text'}[])"


def listed(values: Sequence[Any], *, as_uuids: bool) -> Any:
    """Many values, as a database takes them for one."""
    if is_sqlite():
        return orjson.dumps([str(value) for value in values]).decode()
    return f"{{{','.join(map(str, values))}}}" if as_uuids else values


async def those_with(rows: QuerySet[Any], column: str, values: Iterable[Any]) -> set[Any]:
    """Which of many values any of the rows has."""
    found: set[Any] = set()
    for some in chunks(dict.fromkeys(values), IDS_AT_ONCE):
        theirs = rows.filter(where(**{f"{column}__in": some})).distinct()
        found.update(await theirs.values_list(column, flat=True))
    return found


async def ids_of(rows: QuerySet[Any], column: str = "id", then: str = "") -> list[UUID]:
    """The ids in one column of the rows; `then` may order and bound them."""
    select = Select.of(rows, then, (column,))
    return [as_id(row[column]) for row in await run(select.text, select.values)]


def by_column(rows: Iterable[M], column: str = "id") -> dict[Any, M]:
    rows = list(rows)
    return dict(zip(map(attrgetter(column), rows), rows, strict=True))


def grouped(rows: Iterable[M], column: str) -> defaultdict[Any, list[M]]:
    groups: defaultdict[Any, list[M]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, column)].append(row)
    return groups


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def _united(select: Select, slots: Sequence[Sequence[Any]], number: int) -> tuple[str, list[Any]]:
    """One statement that holds the select once for each key; what they share is sent once."""
    shared = {at: value for at, value in enumerate(select.values, 1) if value not in SLOTS}
    values = list(shared.values())
    places = dict(zip(shared, range(1, len(shared) + 1), strict=True))
    branches = []
    for key in range(number):
        for at, value in enumerate(select.values, 1):
            if at not in shared:
                values.append(slots[SLOTS.index(value)][key])
                places[at] = len(values)
        text = _PLACEHOLDER.sub(lambda found: f"${places[int(found[1])]}", select.text)
        branches.append(f"SELECT {key} AS key_, b.* FROM ({text}) AS b")  # noqa: S608
    return " UNION ALL ".join(branches), values


def _beside(
    select: Select, slots: Sequence[Sequence[Any]], lists: tuple[str, ...] = ()
) -> tuple[str, list[Any]]:
    """One statement that runs the select beside each row of a table of keys, of any length."""
    places = tuple(SLOTS.index(value) if value in SLOTS else None for value in select.values)
    are_ids = [isinstance(column[0], UUID) for column in slots]
    kinds = tuple(UUIDS if each else "text" for each in are_ids)
    shared = [value for value in select.values if value not in SLOTS]
    given = [listed(column, as_uuids=each) for column, each in zip(slots, are_ids, strict=True)]
    return _lateral(select.text, places, kinds, lists), [*shared, *given]


@_remembering
def _lateral(
    text: str, slots: tuple[int | None, ...], kinds: tuple[str, ...], listed: tuple[str, ...]
) -> str:
    """Where columns are `listed`, a key has one row, which lists them in the order of its rows."""
    sent = count(1)
    places = [f"k.slot{slot}" if slot is not None else f"${next(sent)}" for slot in slots]
    inner = _PLACEHOLDER.sub(lambda found: places[int(found[1]) - 1], text)
    if listed:
        told = ", ".join(f'array_agg(r."{name}")' for name in listed)
        inner = f"SELECT {told} FROM ({inner}) AS r"  # noqa: S608
    lists = ", ".join(f"${next(sent)}::{kind}[]" for kind in kinds)
    names = ", ".join(f"slot{number}" for number in range(len(kinds)))
    return (
        f"SELECT (k.key_ - 1)::int AS key_, b.* FROM unnest({lists})"  # noqa: S608
        f" WITH ORDINALITY AS k({names}, key_) CROSS JOIN LATERAL ({inner}) AS b"
    )
