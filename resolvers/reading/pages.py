"""Pages of lists, by keyset: a cursor says after which row, so a page costs the same anywhere."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, TypedDict, TypeVar

from tortoise.expressions import F, Q
from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.access import visible
from models.base import beneath, where
from models.errors import BadUserInput
from resolvers.reading.cursors import Cursor, Position, decode, encode, wrong
from resolvers.reading.filters import Filter, Words
from resolvers.reading.reader import Reader
from resolvers.reading.sql import Select, built, for_each, narrowed

M = TypeVar("M", bound=Model)
K = TypeVar("K")

DEFAULT_SIZE: Final = 50
LARGEST: Final = 200
SORT: Final = "sort_"
"""The column of what is sorted by, where it is another table's."""
ROWS: Final = frozenset({"edges", "pageInfo"})


class Scope(StrEnum):
    """Of which companies: the acting one, those beneath it, or both."""

    OWN = "OWN"
    BELOW = "BELOW"
    SUBTREE = "SUBTREE"


class SortDirection(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


class Asked(TypedDict, total=False):
    """What a list is asked for. `want` names what is selected of the page, two levels deep."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None
    scope: Scope | None
    filter: Filter | None
    order_by: tuple[str, SortDirection] | None
    want: frozenset[str]


@dataclass(frozen=True)
class Page(Generic[M]):
    """Rows, and what is around them."""

    rows: Sequence[M] = ()
    has_next: bool = False
    has_previous: bool = False
    total: int = 0
    cursor: Callable[[M], str] = field(default=str, compare=False)


@dataclass(frozen=True)
class Sort:
    """What a list is sorted by: a column, or a related one as in `company__name_key`."""

    column: str
    kind: type = datetime
    nullable: bool = False

    @property
    def is_related(self) -> bool:
        return "__" in self.column

    def value(self, row: Any) -> Any:
        return getattr(row, SORT if self.is_related else self.column)


@dataclass(frozen=True)
class Order:
    """By what, and which way round. Null is last both ways; ties go by id."""

    name: str
    sort: Sort
    descending: bool

    def sql(self, table: str, *, backward: bool) -> str:
        way = "ASC" if self.descending == backward else "DESC"
        column = f'"{SORT}"' if self.sort.is_related else f'"{table}"."{self.sort.column}"'
        nulls = f" NULLS {'FIRST' if backward else 'LAST'}" if self.sort.nullable else ""
        return f' ORDER BY {column} {way}{nulls}, "{table}"."id" {way}'

    def past(self, position: Position, *, backward: bool, or_there: bool = False) -> Q:
        """What stands behind a position, or before it; `or_there` takes its own row as well."""
        column = self.sort.column
        way = "gt" if self.descending == backward else "lt"
        tied = where(**{f"id__{way}{'e' if or_there else ''}": position.id})
        if position.value is None:
            nulls = where(**{f"{column}__isnull": True}) & tied
            return nulls | where(**{f"{column}__isnull": False}) if backward else nulls
        # Said twice, so that an index is entered where the page begins.
        past = where(**{f"{column}__{way}e": position.value}) & (
            where(**{f"{column}__{way}": position.value}) | tied
        )
        if self.sort.nullable and not backward:
            past |= where(**{f"{column}__isnull": True})
        return past

    def cursor(self, of_list: str) -> Callable[[Any], str]:
        return lambda row: encode(of_list, self.name, Position(self.sort.value(row), row.id))


@dataclass(frozen=True)
class Window:
    """Which part of a list: `size` rows behind `after` and before `before`, from one end."""

    size: int
    backward: bool
    after: Cursor | None
    before: Cursor | None

    @classmethod
    def of(cls, asked: Asked, order: Order) -> "Window":
        """Raises BadUserInput."""
        first, last = asked.get("first"), asked.get("last")
        if first is not None and last is not None:
            raise BadUserInput("Send `first` or `last`, not both.", "last")
        for name, size in (("first", first), ("last", last)):
            if size is not None and not 0 <= size <= LARGEST:
                raise BadUserInput(f"`{name}` goes from 0 to {LARGEST}.", name)
        return cls(
            size=DEFAULT_SIZE if first is None and last is None else (first or last or 0),
            backward=last is not None,
            after=_cursor("after", asked.get("after"), order),
            before=_cursor("before", asked.get("before"), order),
        )

    def check(self, of_list: str) -> None:
        """Raises BadUserInput for a cursor of another list."""
        for cursor in (self.after, self.before):
            if cursor is not None and cursor.of_list != of_list:
                raise wrong(cursor.argument)

    def rows(self, order: Order) -> Q:
        """What stands between the cursors."""
        bounds = [Q()]
        if self.after is not None:
            bounds.append(order.past(self.after.position, backward=False))
        if self.before is not None:
            bounds.append(order.past(self.before.position, backward=True))
        return Q(*bounds)


def _cursor(argument: str, text: str | None, order: Order) -> Cursor | None:
    if text is None:
        return None
    return decode(argument, text, order.name, order.sort.kind, nullable=order.sort.nullable)


@dataclass(frozen=True)
class Within:
    """Which rows belong to a key: a condition with slots, and what fills them.

    `name` is what cursors are told by, together with the key's id where it has one.
    """

    name: str
    rows: Q = field(default_factory=Q)
    slots: Callable[[Any], Sequence[Any]] = lambda key: ()

    def list_of(self, key: Any) -> str:
        return f"{self.name}:{key.id}" if hasattr(key, "id") else self.name


def of_scope(name: str, reader: Reader, asked: Asked) -> Within:
    """The rows of the acting company, of those beneath it, or of both."""
    caller, scope = reader.asking, asked.get("scope") or Scope.SUBTREE
    name = f"{name}:{scope}"
    match scope:
        case Scope.OWN:
            return Within(name, where(company_id=caller.company_id))
        case Scope.BELOW:
            return Within(name, beneath(caller.path))
        case Scope.SUBTREE:
            return Within(name)


@dataclass(frozen=True)
class Listing(Generic[M]):
    """A kind of list: what it holds, and how it may be sorted and filtered."""

    model: type[M]
    sorts: Mapping[str, Sort]
    default: tuple[str, SortDirection]
    words: Words
    related: Mapping[str, str] = field(default_factory=dict)
    """Columns of other tables that come with each row."""
    dress: Callable[[Reader, Sequence[M]], object] = lambda reader, rows: None
    """Makes rows what this reader is shown of them."""

    async def pages(
        self, reader: Reader, keys: Iterable[K], within: Within, asked: Asked
    ) -> dict[K, Page[M] | BadUserInput]:
        """A page for each key, or why there is none. Raises BadUserInput."""
        name, direction = asked.get("order_by") or self.default
        order = Order(f"{name}:{direction}", self.sorts[name], direction is SortDirection.DESC)
        window = Window.of(asked, order)
        question: _Question[M, K] = _Question(self, reader, within, order, window, asked)
        answers: dict[K, Page[M] | BadUserInput] = {}
        for key in keys:
            try:
                window.check(within.list_of(key))
            except BadUserInput as error:
                answers[key] = error
            else:
                question.keys[key] = within.slots(key)
        return answers | await question.pages()


@dataclass
class _Question(Generic[M, K]):
    """One list, asked for many keys at once: a statement for each thing that is wanted of it."""

    listing: Listing[M]
    reader: Reader
    within: Within
    order: Order
    window: Window
    asked: Asked
    keys: dict[K, Sequence[Any]] = field(default_factory=dict)

    @property
    def want(self) -> frozenset[str]:
        return self.asked.get("want", ROWS)

    async def pages(self) -> dict[K, Page[M]]:
        rows = await self._fetch() if self.want & ROWS else {}
        totals = await self._totals() if "totalCount" in self.want else {}
        before = await self._are_there("hasPreviousPage", self.window.after, backward=True)
        behind = await self._are_there("hasNextPage", self.window.before, backward=False)
        return {
            key: self._page(
                key, rows.get(key, []), totals.get(key, 0), key in before, key in behind
            )
            for key in self.keys
        }

    def _page(self, key: K, rows: list[M], total: int, before: bool, behind: bool) -> Page[M]:
        window = self.window
        is_cut = len(rows) > window.size
        rows = rows[: window.size]
        return Page(
            rows=rows[::-1] if window.backward else rows,
            has_next=behind or (is_cut and not window.backward),
            has_previous=before or (is_cut and window.backward),
            total=total,
            cursor=self.order.cursor(self.within.list_of(key)),
        )

    async def _fetch(self) -> dict[K, list[M]]:
        """One row more than the page holds, to tell whether it is the last."""
        select = self._select(
            self.window.rows(self.order), backward=self.window.backward, limit=self.window.size + 1
        )
        found = await for_each(select, self.keys)
        rows = {key: built(self.listing.model, each) for key, each in found.items()}
        for key, each in rows.items():
            for row, columns in zip(each, found[key], strict=True):
                for name in self._beside:
                    object.__setattr__(row, name, columns[name])
        self.listing.dress(self.reader, [row for each in rows.values() for row in each])
        return rows

    async def _totals(self) -> dict[K, int]:
        found = await for_each(Select.of(self._rows().count()), self.keys)
        return {key: tuple(row.values())[1] for key, [row] in found.items()}

    async def _are_there(self, field: str, cursor: Cursor | None, *, backward: bool) -> set[K]:
        """The keys that have rows at the cursor, or on its other side."""
        if cursor is None or f"pageInfo.{field}" not in self.want:
            return set()
        past = self.order.past(cursor.position, backward=backward, or_there=True)
        found = await for_each(self._select(past, backward=backward, limit=1), self.keys)
        return {key for key, rows in found.items() if rows}

    def _select(self, rows: Q, *, backward: bool, limit: int) -> Select:
        table = self.listing.model._meta.db_table
        order = self.order.sql(table, backward=backward)
        beside = {name: F(column) for name, column in self._beside.items()}
        return Select.of(self._rows().filter(rows).annotate(**beside), f"{order} LIMIT {limit}")

    def _rows(self) -> QuerySet[M]:
        words = self.listing.words.ask(self.reader, self.asked.get("filter"))
        rows = visible(self.listing.model, self.reader.caller)
        return narrowed(rows, self.within.rows).filter(words)

    @property
    def _beside(self) -> dict[str, str]:
        sort = self.order.sort
        return {**self.listing.related, **({SORT: sort.column} if sort.is_related else {})}
