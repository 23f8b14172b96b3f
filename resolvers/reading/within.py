"""Which rows belong to which key, and what is told of all of them together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, Self, TypeVar

from tortoise.expressions import F, Q
from tortoise.queryset import QuerySet

from models.base import beneath, where
from resolvers.reading.reader import Reader
from resolvers.reading.sql import (
    ANYTHING,
    IDS_AT_ONCE,
    SLOTS,
    Row,
    Select,
    among,
    chunks,
    for_each,
    narrowed,
    run,
)
from resolvers.reading.windows import Scope

K = TypeVar("K")

_ID: Final = attrgetter("id")
OWNER: Final = "owner_"
"""The column of the owner's id, where it is another table's."""


@dataclass(frozen=True)
class Within:
    """Which rows belong to a key: those with its id in a column, or a condition with slots.

    `name` is what cursors are told by, together with the key's id where it has one. `slots` has a
    value of each key for each slot.
    """

    name: str
    rows: Q = ANYTHING
    slots: Callable[[Sequence[Any]], Sequence[Sequence[Any]]] = lambda keys: ()
    column: str | None = None

    @classmethod
    def owner(cls, name: str, column: str) -> Self:
        """The rows whose owner is the key."""
        return cls(name, where(**{column: SLOTS[0]}), lambda keys: [list(map(_ID, keys))], column)

    def list_of(self, key: Any) -> str:
        return f"{self.name}:{key.id}" if hasattr(key, "id") else self.name


def of_scope(name: str, reader: Reader, scope: Scope | None) -> Within:
    """The rows of the acting company, of those beneath it, or of both."""
    caller, scope = reader.asking, scope or Scope.SUBTREE
    name = f"{name}:{scope}"
    match scope:
        case Scope.OWN:
            return Within(name, where(company_id=caller.company_id))
        case Scope.BELOW:
            return Within(name, beneath(caller.path))
        case Scope.SUBTREE:
            return Within(name)


async def told(
    rows: QuerySet[Any],
    within: Within,
    keys: Iterable[K],
    columns: Sequence[str],
    values: Mapping[str, Any] | None = None,
) -> dict[K, Row]:
    """Columns told from all rows of each key, for keys that have any.

    `{now}` in a column stands for the value of that name.
    """
    if within.column is not None:
        return await _by_owner(rows, within.column, keys, columns, values or {})
    return await each_told(telling(rows, within, columns, values or {}), within, keys)


def telling(
    rows: QuerySet[Any], within: Within, columns: Sequence[str], values: Mapping[str, Any]
) -> Select:
    theirs = rows if within.rows is ANYTHING else narrowed(rows, within.rows)
    return _select(theirs, columns, values)


async def each_told(select: Select, within: Within, keys: Iterable[K]) -> dict[K, Row]:
    keys = list(keys)
    found = await for_each(select, keys, within.slots(keys))
    return {key: row for key, [row] in found.items()}


async def _by_owner(
    rows: QuerySet[Any],
    column: str,
    keys: Iterable[K],
    columns: Sequence[str],
    values: Mapping[str, Any],
) -> dict[K, Row]:
    """One scan of an index for all keys."""
    owner = f'r."{column}"'
    if "__" in column:
        rows, owner = rows.annotate(**{OWNER: F(column)}), f"r.{OWNER}"
    found: dict[K, Row] = {}
    for some in chunks(keys, IDS_AT_ONCE):
        by_id: dict[str, list[Any]] = {}
        for key in some:
            by_id.setdefault(str(key.id), []).append(key)  # type: ignore[attr-defined]
        theirs = narrowed(rows, among(rows.model, column, list(by_id)))
        select = _select(theirs, [f"{owner} AS key_", *columns], values)
        for row in await run(f"{select.text} GROUP BY {owner}", select.values):
            found.update(dict.fromkeys(by_id[str(row["key_"])], row))
    return found


def _select(rows: QuerySet[Any], columns: Sequence[str], values: Mapping[str, Any]) -> Select:
    inner = Select.of(rows)
    told, sent = ", ".join(columns), [*inner.values]
    for name, value in values.items():
        if f"{{{name}}}" in told:
            sent.append(value)
            told = told.replace(f"{{{name}}}", f"${len(sent)}")
    return Select(f"SELECT {told} FROM ({inner.text}) AS r", sent)  # noqa: S608
