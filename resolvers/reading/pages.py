"""Pages of lists, by keyset: a cursor says after which row, so a page costs the same anywhere."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import islice, repeat
from operator import or_
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from tortoise.expressions import F, Q
from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.access import visible
from models.database import is_sqlite
from models.errors import BadUserInput
from models.rows import Table, column
from resolvers.reading.cursors import Cursor
from resolvers.reading.filters import Words
from resolvers.reading.kept import Selects
from resolvers.reading.reader import AtHand, Batch, Primed, Reader
from resolvers.reading.sql import COUNTED, Join, Select, for_each, narrowed, tables_for_each
from resolvers.reading.windows import SORT, Asked, Order, Sort, SortDirection, Window
from resolvers.reading.within import Within, of_keys, told

M = TypeVar("M", bound=Model)
K = TypeVar("K")

OWNERS: Final = frozenset({"company_id", "order_id"})
"""Fields of filters that leave few rows."""
ROWS: Final = frozenset({"edges", "pageInfo"})
CURSORS: Final = frozenset({"edges.cursor", "pageInfo"})
ENDS: Final = frozenset({"pageInfo.hasNextPage", "pageInfo.hasPreviousPage"})


class ComesAlong(Protocol):
    """What may come with each row of a page, in the same statement."""

    @property
    def key(self) -> str:
        """The column of the row that tells which it is."""

    @property
    def batch(self) -> Batch:
        """Of the edge that is answered by it."""

    def may_come(self, reader: Reader) -> bool: ...

    def join(self, prefix: str, reader: Reader) -> Join: ...

    def at_hand(self, prefix: str, reader: Reader, rows: Table) -> AtHand:
        """What came along with rows."""


class Page(NamedTuple, Generic[M]):
    """Rows, and what is around them, as far as it was wanted."""

    rows: Sequence[M] = ()
    has_next: bool = False
    has_previous: bool = False
    total: int = 0
    cursor: Callable[[M], str] = str


_PAGE: Final = partial(tuple.__new__, Page)
"""A page of all that it holds, in this order."""


@dataclass(frozen=True, eq=False)
class Listing(Generic[M]):
    """A kind of list: what it holds, and how it may be sorted and filtered."""

    model: type[M]
    sorts: Mapping[str, Sort]
    default: tuple[str, SortDirection]
    words: Words
    related: Mapping[str, str] = field(default_factory=dict)
    """Columns of other tables that come with each row."""
    dress: Callable[[Reader, Sequence[M]], Sequence[M]] | None = None
    """Makes rows what this reader is shown of them; the very list, where that is all."""
    always: Sequence[str] | None = ("id",)
    """The columns that are read of a row that is dressed or has a cursor; None is all of any."""
    is_planned_anew: bool = False
    """Whether no plan serves small tenants and large ones alike. Then the size of a page is sent as
    a value: PostgreSQL thinks little of a plan made without it, and makes one for each statement.
    """
    counts_along: bool = False
    """Whether the statement of a first page counts all rows, too. PostgreSQL chooses for both at
    once then whether to plan anew, and goes by the count, beside which a page is nothing."""
    hides: frozenset[str] = frozenset()
    """The columns that `dress` may take away, and nothing else, where not all are read."""

    async def pages(
        self, reader: Reader, keys: Collection[K], within: Within, asked: Asked
    ) -> dict[K, Page[M] | BadUserInput]:
        """A page for each key, or why there is none. Raises BadUserInput."""
        name, direction = asked.get("order_by") or self.default
        order = Order(f"{name}:{direction}", self.sorts[name], direction is SortDirection.DESC)
        window = Window.of(asked, order)
        question: _Question[M, K] = _Question(self, reader, within, order, window, asked)
        answers: dict[K, Page[M] | BadUserInput] = {}
        for key in keys if window.is_bounded else ():
            try:
                window.check(within.list_of(key))
            except BadUserInput as error:
                answers[key] = error
        question.keys = [key for key in keys if key not in answers] if answers else list(keys)
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
    keys: Sequence[K] = ()

    @property
    def want(self) -> frozenset[str]:
        return self.asked.get("want", ROWS | ENDS)

    async def pages(self) -> dict[K, Page[M]]:
        tables = await self._fetch() if self.want & ROWS else {}
        rows = self._shown(tables)
        totals = await self._totals(tables) if "totalCount" in self.want else {}
        before = await self._are_there("hasPreviousPage", self.window.after, backward=True)
        behind = await self._are_there("hasNextPage", self.window.before, backward=False)
        keys, size, backward = self.keys, self.window.size, self.window.backward
        found: list[Sequence[M]] = list(map(rows.get, keys, repeat(())))
        goes_on = list(map(size.__lt__, map(len, found)))
        if any(goes_on):
            found = [each[:size] for each in found]
        if backward:
            found = [each[::-1] for each in found]
        ahead, back = map(behind.__contains__, keys), map(before.__contains__, keys)
        columns = (
            found,
            ahead if backward else map(or_, goes_on, ahead),
            map(or_, goes_on, back) if backward else back,
            map(totals.get, keys, repeat(0)),
            self._cursors(),
        )
        return dict(zip(keys, map(_PAGE, zip(*columns, strict=True)), strict=True))

    def _cursors(self) -> Iterable[Callable[[M], str]]:
        if not self._has_cursors:
            return repeat(str, len(self.keys))
        return map(partial, repeat(partial(_cursor, self.order, self.within)), self.keys)

    async def _fetch(self) -> Mapping[K, Table]:
        """One row more than the page holds where it is to be told whether it is the last."""
        select, primed = self._joined(self._first()), self.reader.primed
        slots, columns = self.within.slots(self.keys), self._columns if self._is_bare else None
        tables = await tables_for_each(select, self.keys, slots, self.listing.model, columns)
        if tables and self._along:
            self._hand_on(primed, Table.chained(list(tables.values())))
        return tables

    def _shown(self, tables: Mapping[K, Table]) -> Mapping[K, Sequence[M]]:
        if not tables or self._is_bare or not self.listing.dress:
            return tables
        found = Table.chained(list(tables.values()))
        dressed = self.listing.dress(self.reader, found)
        if dressed is found:
            return tables
        left = iter(dressed)
        return {key: list(islice(left, len(each))) for key, each in tables.items()}

    def _hand_on(self, primed: Primed, rows: Table) -> None:
        """What came along is known from now on; not to whoever reads by now, if that is another."""
        for at, along in enumerate(self._along):
            came = along.at_hand(f"j{at}.", self.reader, rows)
            primed.setdefault(along.batch, []).append(came)

    def _page(self) -> Select:
        window = self.window
        return self._select(window.rows(self.order), backward=window.backward, limit=self._most)

    def _first(self) -> Select:
        """The page, and how many rows there are if that fits in."""
        if self._is_counted_along:
            try:
                return self._kept("counted", lambda asked: asked._page().counting(asked._all()))
            except BadUserInput:
                self._is_counted_along = False
        return self._kept("page", _Question._page)

    def _all(self) -> Select:
        return of_keys(self._rows(), self.within)

    async def _totals(self, tables: Mapping[K, Table]) -> Mapping[K, int]:
        """Of a list without a row on its first page, nothing."""
        if self._is_counted_along:
            return {key: column(theirs, COUNTED)[0] for key, theirs in tables.items()}
        found = await told(
            self._kept("all", _Question._all), self.within, self.keys, ["COUNT(*) AS total"]
        )
        return {key: row["total"] for key, row in found.items()}

    async def _are_there(self, field: str, cursor: Cursor | None, *, backward: bool) -> set[K]:
        """The keys that have rows at the cursor, or on its other side."""
        if cursor is None or f"pageInfo.{field}" not in self.want:
            return set()
        past = self.order.past(cursor.position, backward=backward, or_there=True)
        select = self._select(past, backward=backward, limit=1)
        found = await for_each(select, self.keys, self.within.slots(self.keys))
        return {key for key, rows in found.items() if rows}

    def _kept(self, what: str, write: "Callable[[_Question[M, K]], Select]") -> Select:
        """What is written of a list from one of its ends, for the same caller."""
        reader, window = self.reader, self.window
        if window.is_bounded:
            return write(self)
        filter, order, listing = self.asked.get("filter"), self.order.name, self.listing
        asked = filter, self._columns, self._most, window.backward
        key = (what, is_sqlite(), reader.caller, listing, self.within.name, order, *asked)
        return _SELECTS.at(
            key,
            reader.now,
            lambda now: write(replace(self, reader=Reader(reader.caller, now))),
            filter,
        )

    def _select(self, rows: Q, *, backward: bool, limit: int) -> Select:
        table = self.listing.model._meta.db_table
        order = self.order.sql(table, backward=backward)
        found = narrowed(self._seen(), self.within.rows, self._words, rows)
        if self._beside:
            found = found.annotate(**{name: F(column) for name, column in self._beside.items()})
        if self.listing.is_planned_anew and not self._is_by_key:
            return Select.of(found, order, self._columns).then(" LIMIT {}", limit)
        return Select.of(found, f"{order} LIMIT {limit}", self._columns)

    def _joined(self, select: Select) -> Select:
        """With what comes along, which each reader sees by its own rules."""
        joins = [along.join(f"j{at}.", self.reader) for at, along in enumerate(self._along)]
        table = self.listing.model._meta.db_table
        order = self.order.sql(table, backward=self.window.backward)
        return select.joined(table, joins, order) if joins else select

    @property
    def _most(self) -> int:
        """Rows to be read of each list."""
        return self.window.size + (not self.want.isdisjoint(ENDS))

    @cached_property
    def _along(self) -> Sequence[ComesAlong]:
        return [each for each in self.asked.get("along", ()) if each.may_come(self.reader)]

    @cached_property
    def _columns(self) -> tuple[str, ...] | None:
        columns, always = self.asked.get("columns"), self.listing.always
        if columns is None or always is None:
            return None
        if self._is_bare:
            return tuple(sorted(columns)) or ("id",)
        sort = () if self.order.sort.is_related else (self.order.sort.column,)
        keys = (along.key for along in self._along)
        return tuple(sorted({*columns, *always, *sort, *keys}))

    @cached_property
    def _is_bare(self) -> bool:
        """Whether nobody reads more of a row than what is selected of it."""
        columns, hides = self.asked.get("columns"), self.listing.hides
        if columns is None or self.listing.always is None or self._along:
            return False
        return not self._has_cursors and (self.listing.dress is None or columns.isdisjoint(hides))

    @cached_property
    def _is_counted_along(self) -> bool:
        is_one = len(self.keys) == 1 and self.within.column is None
        is_first = self._most > 0 and not self.window.is_bounded
        is_wanted = "totalCount" in self.want and not self.want.isdisjoint(ROWS)
        return self.listing.counts_along and is_one and is_first and is_wanted

    @property
    def _has_cursors(self) -> bool:
        return not self.want.isdisjoint(CURSORS)

    def _rows(self) -> QuerySet[M]:
        return self._seen().filter(self._words)

    def _seen(self) -> QuerySet[M]:
        return visible(self.listing.model, self.reader.caller, by_key=self._is_by_key)

    @property
    def _is_by_key(self) -> bool:
        asked = {name for name, _ in self.asked.get("filter") or ()}
        return self.within.column is not None or not asked.isdisjoint(OWNERS)

    @cached_property
    def _words(self) -> Q:
        return self.listing.words.ask(self.reader, self.asked.get("filter"))

    @cached_property
    def _beside(self) -> dict[str, str]:
        sort = self.order.sort
        return {**self.listing.related, **({SORT: sort.column} if sort.is_related else {})}


def _cursor(order: Order, within: Within, key: object, row: object) -> str:
    return order.cursor(within.list_of(key), row)


_SELECTS: Final = Selects()
