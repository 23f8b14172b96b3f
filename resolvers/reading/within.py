"""Which rows belong to which key, and what is told of all of them together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import NoneType
from typing import Any, Final, Self, TypeVar

from tortoise.expressions import F, Q
from tortoise.queryset import QuerySet

from models.base import beneath, where
from models.database import as_id
from resolvers.reading.reader import Reader
from resolvers.reading.sql import (
    ANYTHING,
    IDS_AT_ONCE,
    SLOTS,
    Row,
    Select,
    for_each,
    in_list,
    is_in,
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


def of_keys(rows: QuerySet[Any], within: Within) -> Select:
    """The rows of the keys, by slots."""
    if within.column is None:
        return Select.of(rows if within.rows is ANYTHING else narrowed(rows, within.rows))
    if "__" in within.column:
        return Select.of(rows.annotate(**{OWNER: F(within.column)}))
    return Select.of(narrowed(rows, in_list(rows.model, within.column, SLOTS[0])))


async def told(
    rows: Select,
    within: Within,
    keys: Sequence[K],
    columns: Sequence[str],
    values: Mapping[str, Any] | None = None,
) -> dict[K, Row]:
    """Columns told from all `rows` of each key; of an owner that has none, nothing.

    `{now}` in a column stands for the value of that name.
    """
    if within.column is not None:
        return await _by_owner(rows, within, keys, columns, values or {})
    select = telling(rows, columns, values or {})
    found = await for_each(select, keys, within.slots(keys))
    return {key: row for key, [row] in found.items()}


async def _by_owner(
    rows: Select,
    within: Within,
    keys: Sequence[K],
    columns: Sequence[str],
    values: Mapping[str, Any],
) -> dict[K, Row]:
    """One scan of an index for all keys."""
    is_related = "__" in str(within.column)
    owner = f"r.{OWNER}" if is_related else f'r."{within.column}"'
    select = telling(rows, [f"{owner} AS key_", *columns], values)
    if is_related:
        select = select.then(f" WHERE {is_in(owner, as_uuids=True)}", SLOTS[0])
    select = Select(f"{select.text} GROUP BY {owner}", select.values)
    [ids] = within.slots(keys)
    found: dict[K, Any] = {}
    for start in range(0, len(keys), IDS_AT_ONCE):
        some = slice(start, start + IDS_AT_ONCE)
        theirs = ids[some]
        told = await run(*select.with_list(theirs))
        by_id = {as_id(row["key_"]): row for row in told}
        found.update(zip(keys[some], map(by_id.get, theirs), strict=True))
    if NoneType not in set(map(type, found.values())):
        return found
    return {key: row for key, row in found.items() if row is not None}


def telling(rows: Select, columns: Sequence[str], values: Mapping[str, Any]) -> Select:
    """Columns told from all `rows`, in whose texts `{now}` stands for the value of that name."""
    told, sent = ", ".join(columns), [*rows.values]
    for name, value in values.items():
        if f"{{{name}}}" in told:
            sent.append(value)
            told = told.replace(f"{{{name}}}", f"${len(sent)}")
    return Select(f"SELECT {told} FROM ({rows.text}) AS r", sent)  # noqa: S608
