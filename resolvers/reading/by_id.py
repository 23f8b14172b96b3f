"""Rows by their ids: asked for by themselves, or joined to the rows that name them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress, repeat
from operator import is_not
from types import NoneType
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.access import Caller
from models.database import is_sqlite
from models.rows import Table, column, joined_class, needed, row_class
from resolvers.reading.reader import AtHand, Reader, tells_at_most
from resolvers.reading.sql import IDS_AT_ONCE, SLOTS, Join, Select, chunks, in_list, run

M = TypeVar("M", bound=Model)

ID: Final = ("id",)


@dataclass(frozen=True, eq=False)
class ById(Generic[M]):
    """A batch function: those of the ids that the reader has in `sight`, each as `told` tells of
    it; None tells them as they are.

    `reads` are the attributes of a row that `told` reads; None where it tells the row itself.
    """

    model: type[M]
    sight: Callable[..., QuerySet[M]]
    told: Callable[[Reader, Sequence[M]], Sequence[Any]] | None = None
    reads: Sequence[str] | None = None
    always: Sequence[str] = ("id",)
    """The columns that `told` reads of a row that it tells."""

    async def __call__(
        self, reader: Reader, ids: Sequence[Any], *, tells: frozenset[str] | None = None
    ) -> Mapping[Any, Any]:
        """The rows of the ids, which `tells` says what they must tell; None is anything."""
        names = _names(self, tells)
        select = _of_ids(self, reader.caller, names, is_sqlite())
        found: list[M] = []
        for some in chunks(ids, IDS_AT_ONCE):
            text, values = select.with_list(some)
            if names is None:
                found += await run(text, values, row_class(self.model))
            elif rows := await run(text, values):
                found += Table.of(self.model, rows).rows
        told = self.told(reader, found) if self.told else found
        return dict(zip(column(found, "id"), told, strict=True))

    @property
    def __name__(self) -> str:
        return f"{self.model.__name__}ById"

    def rows(self, caller: Caller | None) -> QuerySet[M]:
        return self.sight(self.model, caller, by_key=True)

    def columns(self, asked: frozenset[str] | None) -> frozenset[str] | None:
        """What is to be read, of what is asked of a row; None is all."""
        if self.reads is not None:
            asked = frozenset().union(*(needed(self.model, name) for name in self.reads))
        return None if asked is None else asked.union(self.always)


@lru_cache(maxsize=500)
def _of_ids(
    batch: ById[Any], caller: Caller | None, columns: tuple[str, ...] | None, _: bool
) -> Select:
    """Told by who asks and what must be told, and by nothing else; the ids have a slot."""
    rows = batch.rows(caller).filter(in_list(batch.model, "id", SLOTS[0]))
    return Select.of(rows, columns=columns)


@lru_cache(maxsize=1_000)
def _names(batch: ById[Any], asked: frozenset[str] | None) -> tuple[str, ...] | None:
    """The columns to be read, of what is asked of a row; None is all."""
    columns = batch.columns(asked)
    return None if columns is None else tuple(sorted(columns))


def prime(reader: Reader, batch: ById[Any], ids: Iterable[UUID]) -> None:
    """Hand on the ids of rows that were just found in sight: to who asks for nothing else of them.

    Who else asks is answered as ever.
    """
    kind = joined_class(batch.model, ID)
    ids = list(ids)
    rows = AtHand(ids, [kind((id,)) for id in ids], tells_at_most(frozenset(ID)))
    reader.primed.setdefault(batch, []).append(rows)


@dataclass(frozen=True, slots=True)
class Along:
    """A row that comes with each row that has its id in `key`. Where `columns` is None, it may
    have to tell anything."""

    key: str
    batch: ById[Any]
    columns: frozenset[str] | None

    @property
    def _names(self) -> tuple[str, ...]:
        return _names(self.batch, self.columns) or tuple(sorted(self.batch.model._meta.db_fields))

    def may_come(self, reader: Reader) -> bool:  # noqa: ARG002
        return True

    def join(self, prefix: str, reader: Reader) -> Join:
        columns, caller = self._names, reader.caller
        return Join(prefix, self.key, columns, _in_sight(self.batch, caller, columns, is_sqlite()))

    def at_hand(self, prefix: str, reader: Reader, rows: Table) -> AtHand:
        """What came along with the rows; None where that is not in sight."""
        keys, values = column(rows, self.key), self._came(prefix, reader, rows)
        if NoneType in set(map(type, keys)):
            has_key = [key is not None for key in keys]
            keys, values = list(compress(keys, has_key)), list(compress(values, has_key))
        return AtHand(keys, values, tells_at_most(self.columns))

    def _came(self, prefix: str, reader: Reader, rows: Table) -> Sequence[Any]:
        names = self._names
        columns = [column(rows, f"{prefix}{name}") for name in names]
        is_there = list(map(is_not, columns[names.index("id")], repeat(None)))
        if not all(is_there):
            columns = [list(compress(each, is_there)) for each in columns]
        there: Sequence[Any] = Table(joined_class(self.batch.model, names), columns)
        if self.batch.told:
            there = self.batch.told(reader, there)
        if len(there) == len(rows):
            return there
        left = iter(there)
        return [next(left) if each else None for each in is_there]


@lru_cache(maxsize=500)
def _in_sight(batch: ById[Any], caller: Caller | None, columns: tuple[str, ...], _: bool) -> Select:
    """Those that come along with other rows are told by who asks, and by nothing else."""
    return Select.of(batch.rows(caller), columns=columns)
