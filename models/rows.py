"""Rows made of what a database sends.

Those that may be changed are Tortoise's models, in less than half the time it takes. Those that
are only read are what the driver makes, with a model's attributes and rules: nothing is converted
before it is asked for.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from itertools import chain
from operator import attrgetter, itemgetter
from types import CodeType, FunctionType, MappingProxyType
from typing import Any, ClassVar, Final, TypeVar, overload

import asyncpg
from tortoise.fields.base import Field
from tortoise.fields.data import CharEnumFieldInstance, DatetimeField, UUIDField
from tortoise.models import MetaInfo, Model

from models.database import is_sqlite

M = TypeVar("M", bound=Model)
Convert = Callable[[Any], Any]
Rows = Sequence[Any]
Columns = Callable[[str], Sequence[Any]]
"""Of some rows: a column by its name."""
MODEL: Final = "__model__"
"""Of a class of rows: the model that they read like."""
COLUMNS: Final = "__columns__"
"""Of a class of rows: what reads an attribute of many of them, by its name."""
TOLD_TOGETHER: Final[dict[type[Model], Mapping[str, Callable[[Columns], Sequence[Any]]]]] = {}
"""What is told of many rows of a model from their columns, quicker than of each."""


class Reading:
    """How the columns of a model are read on one of the databases."""

    def __init__(self, meta: MetaInfo) -> None:
        self.native = len(meta.db_native_fields)
        self.columns = len(meta.db_fields)
        self._converts = _converts(meta)
        generated = meta.db_pk_column in meta.generated_db_fields
        self._state = {
            "_partial": False,
            "_saved_in_db": True,
            "_custom_generated_pk": not generated,
        }

    def is_for(self, meta: MetaInfo) -> bool:
        """The same models are read from another database later on, where others are native."""
        return self.native == len(meta.db_native_fields)

    def fill(self, row: Model, columns: Mapping[str, Any]) -> None:
        """Raises KeyError for a column that is missing, or a value that none of an enum has."""
        held = row.__dict__
        held.update(self._state)
        held["_await_when_save"] = {}
        held.update(columns)
        for name, convert in self._converts.items():
            held[name] = convert(held[name])


def row_class(model: type[M], beside: Sequence[str] = ()) -> type[M]:
    """The class of a driver's rows that read like `model`; `beside` are columns of other tables.

    To mypy they are models, and they are all that a reader of one asks for.
    """
    known = (model, beside, is_sqlite())
    if known not in _CLASSES:
        columns = {*model._meta.fields_db_projection, *beside}
        driver = sqlite3.Row if is_sqlite() else asyncpg.Record
        _CLASSES[known] = _class(model, {name: name for name in columns}, driver)
    found: type[M] = _CLASSES[known]
    return found


class Joined(tuple[Any, ...]):
    """A row that came along with another: the values of the columns that were asked for."""

    __slots__ = ()
    columns_: ClassVar[tuple[str, ...]]


def joined_class(model: type[Model], columns: tuple[str, ...]) -> type[Joined]:
    """The class of rows that read like `model`, as far as the columns go."""
    return _joined_class(model, columns, is_sqlite())


@lru_cache(maxsize=500)
def _joined_class(model: type[Model], columns: tuple[str, ...], _: bool) -> type[Joined]:
    places = {name: at for at, name in enumerate(columns)}
    made: type[Joined] = _class(model, places, Joined, {"columns_": columns})
    return made


class Table(Sequence[Any]):
    """Rows of one kind, by their columns: these are read at once. A row is made where somebody asks
    for it, and only once, for rows are keys.
    """

    __slots__ = ("_parts", "_rows", "columns", "kind")

    def __init__(self, kind: type[tuple[Any, ...]], columns: Sequence[Sequence[Any]]) -> None:
        self.kind = kind
        self.columns = columns
        self._rows: list[Any] | None = None
        self._parts: Sequence[Table] = ()

    @classmethod
    def of(cls, model: type[Model], rows: Rows) -> "Table":
        """Of a driver's rows, of which there must be one at least."""
        return cls(joined_class(model, tuple(rows[0].keys())), list(zip(*rows, strict=True)))

    @classmethod
    def chained(cls, tables: Sequence["Table"]) -> "Table":
        """The rows of tables of one kind, one after the other; of one table, that itself."""
        if len(tables) == 1:
            return tables[0]
        columns = zip(*(table.columns for table in tables), strict=True)
        found = cls(tables[0].kind, [list(chain.from_iterable(column)) for column in columns])
        found._parts = tables
        return found

    @property
    def rows(self) -> list[Any]:
        if self._rows is None:
            make = partial(tuple.__new__, self.kind)
            made = self._parts or (map(make, zip(*self.columns, strict=True)),)
            self._rows = list(chain.from_iterable(made))
        return self._rows

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    @overload
    def __getitem__(self, at: int) -> Any: ...

    @overload
    def __getitem__(self, at: slice) -> "Table": ...

    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return Table(self.kind, [column[at] for column in self.columns])
        return self.rows[at]


@cache
def needed(model: type[Model], name: str) -> frozenset[str]:
    """The columns that an attribute of a row is told by, through its properties and methods."""
    found: set[str] = set()
    waiting, seen = [name], set()
    while waiting:
        each = waiting.pop()
        member = vars(model).get(each)
        if each in model._meta.fields_db_projection:
            found.add(each)
        elif each not in seen:
            seen.add(each)
            rule = member.fget if isinstance(member, property) else member
            waiting += _names(rule.__code__) if isinstance(rule, FunctionType) else ()
    return frozenset(found)


def _names(code: CodeType) -> Iterator[str]:
    """Those that a function uses, the functions and comprehensions in it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def columns_at(names: Sequence[str]) -> Mapping[str, Callable[[Rows], Sequence[Any]]]:
    """The `COLUMNS` of tuples that hold what is named in this order."""
    return {name: _column(at, None) for at, name in enumerate(names)}


def column(rows: Rows, name: str) -> Sequence[Any]:
    """An attribute of each."""
    kinds = {rows.kind} if isinstance(rows, Table) else set(map(type, rows))
    columns = getattr(kinds.pop(), COLUMNS, {}) if len(kinds) == 1 else {}
    return columns[name](rows) if name in columns else list(map(attrgetter(name), rows))


def as_model(row: M) -> M:
    """A row that can be changed, of one that cannot."""
    model = getattr(type(row), MODEL, None)
    if model is None:
        return copy(row)
    columns: Any = row
    if isinstance(columns, Joined):
        columns = zip(columns.columns_, columns, strict=True)
    made: M = model._init_from_db(**dict(columns))
    return made


def model_of(row: object) -> type:
    """What a row is, however it was made."""
    return getattr(type(row), MODEL, type(row))


def _class(
    model: type[Model],
    places: Mapping[str, str | int],
    driver: type,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """`places` say where in the driver's row each column is."""
    converts = _lean_converts(model._meta)
    rules = {
        name: member
        for name, member in vars(model).items()
        if isinstance(member, property | FunctionType) and not name.startswith("__")
    }
    told: dict[str, Any] = {
        "__slots__": (),
        "__hash__": object.__hash__,  # by identity, for rows are keys
        "__eq__": object.__eq__,
        MODEL: model,
    }
    values = {name: property(_reader(at, converts.get(name))) for name, at in places.items()}
    columns = {name: _column(at, converts.get(name)) for name, at in places.items()}
    for name, rule in TOLD_TOGETHER.get(model, {}).items():
        columns[name] = _together(rule, columns)
    told[COLUMNS] = columns
    return type(f"{model.__name__}Row", (driver,), {**told, **rules, **values, **more})


def _reader(place: str | int, convert: Convert | None) -> Callable[[Any], Any]:
    read = itemgetter(place)
    return read if convert is None else lambda row: convert(read(row))


def _column(place: str | int, convert: Convert | None) -> Callable[[Rows], Sequence[Any]]:
    read = itemgetter(place)

    def told(rows: Rows) -> Sequence[Any]:
        values = read(rows.columns) if type(rows) is Table else list(map(read, rows))
        return values if convert is None else list(map(convert, values))

    return told


def _together(
    rule: Callable[[Columns], Sequence[Any]],
    columns: Mapping[str, Callable[[Rows], Sequence[Any]]],
) -> Callable[[Rows], Sequence[Any]]:
    return lambda rows: rule(lambda name: columns[name](rows))


def _lean_converts(meta: MetaInfo) -> dict[str, Convert]:
    """As `_converts`; what asyncpg makes of ids and instants is as good as Tortoise's."""
    found = _converts(meta)
    if is_sqlite():
        return found
    made = (UUIDField, DatetimeField)
    return {k: each for k, each in found.items() if not isinstance(meta.fields_map[k], made)}


def _converts(meta: MetaInfo) -> dict[str, Convert]:
    """How columns are read that the driver does not make what they are."""
    return {
        **{name: _optional(field.field_type) for _, name, field in meta.db_default_fields},
        **{name: _convert(field) for _, name, field in meta.db_complex_fields},
    }


def _convert(field: Field[Any]) -> Convert:
    if isinstance(field, CharEnumFieldInstance):
        return {**field.enum_type._value2member_map_, None: None}.__getitem__
    if isinstance(field, DatetimeField):
        return _instant(field)
    return field.to_python_value


def _optional(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _instant(field: Field[Any]) -> Convert:
    def convert(value: Any) -> Any:
        if value is None or (type(value) is datetime and value.tzinfo is UTC):
            return value
        return field.to_python_value(value)

    return convert


READINGS: Final[dict[type[Model], Reading]] = {}
_CLASSES: Final[dict[tuple[type[Model], Sequence[str], bool], Any]] = {}
