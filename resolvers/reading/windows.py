"""Which part of a list is asked for, and in what order."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self, TypedDict

from tortoise.expressions import Q

from models.base import where
from models.errors import BadUserInput
from resolvers.reading.cursors import Cursor, Position, decode, encode, wrong
from resolvers.reading.filters import Filter

DEFAULT_SIZE: Final = 50
LARGEST: Final = 200
SORT: Final = "sort_"
"""The column of what is sorted by, where it is another table's."""


class Scope(StrEnum):
    """Of which companies: the acting one, those beneath it, or both."""

    OWN = "OWN"
    BELOW = "BELOW"
    SUBTREE = "SUBTREE"


class SortDirection(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


class Asked(TypedDict, total=False):
    """What a list is asked for. `want` names what is selected of the page, two levels deep;
    `columns` are those that its rows must tell, and `along` the rows that come with them.
    """

    first: int | None
    after: str | None
    last: int | None
    before: str | None
    scope: Scope | None
    filter: Filter | None
    order_by: tuple[str, SortDirection] | None
    want: frozenset[str]
    columns: frozenset[str] | None
    along: tuple[Any, ...]


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

    def cursor(self, of_list: str, row: Any) -> str:
        return encode(of_list, self.name, Position(self.sort.value(row), row.id))


@dataclass(frozen=True)
class Window:
    """Which part of a list: `size` rows behind `after` and before `before`, from one end."""

    size: int
    backward: bool
    after: Cursor | None
    before: Cursor | None

    @classmethod
    def of(cls, asked: Asked, order: Order) -> Self:
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

    @property
    def is_bounded(self) -> bool:
        return self.after is not None or self.before is not None

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
