"""The shape of a query: all that its text depends on, but for the values that are sent with it.

Tortoise takes half a millisecond to write a statement, and writes the same one for every query of a
shape. So it is asked once; from then on the values alone are gathered, in the order of the text.
What is not known here has no shape, and is written anew each time.
"""

import operator
from collections.abc import Callable, Hashable
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from pypika_tortoise.terms import Term
from tortoise import filters
from tortoise.expressions import Expression, F, Q, Subquery
from tortoise.models import Model
from tortoise.queryset import QuerySet, ValuesQuery

from models.conditions import Condition

COMPARED: Final = frozenset({operator.eq, operator.lt, operator.le, operator.gt, operator.ge})
AMONG: Final = frozenset({filters.is_in})
MISSING: Final = frozenset({filters.is_null, filters.not_null})


class Shapeless(Exception):
    """Its text may depend on more than is known here."""


class Shape(NamedTuple):
    key: Hashable
    values: list[Any]


class Leaf(NamedTuple):
    """How one word of a filter takes its value."""

    way: Callable[..., Any]
    encode: Callable[[Any], Any]


def shape_of(query: QuerySet[Any]) -> Shape:
    """Raises Shapeless."""
    walk = _Walk()
    walk.rows(query)
    return Shape(tuple(walk.told), walk.values)


class _Walk:
    def __init__(self) -> None:
        self.told: list[Any] = []
        self.values: list[Any] = []

    def rows(self, query: QuerySet[Any]) -> None:
        if (
            type(query) is not QuerySet
            or query._limit is not None
            or query._offset is not None
            or query._having
            or query._group_bys
            or query._select_related
            or query._select_for_update
        ):
            raise Shapeless
        self.told += [
            query.model,
            tuple(query._fields_for_select),
            tuple(query._orderings),
            query._distinct,
        ]
        for name, annotation in query._annotations.items():
            self.told += [name, _column(annotation)]
        self._conditions(query.model, query._q_objects)

    def _values(self, query: Any) -> None:
        """A query in a condition."""
        if (
            type(query) is not ValuesQuery
            or query._limit
            or query._offset
            or query._annotations
            or query._group_bys
            or query._distinct
        ):
            raise Shapeless
        self.told += [query.model, tuple(query._fields_for_select.items())]
        self._conditions(query.model, query._q_objects)

    def _conditions(self, model: type[Model], conditions: list[Q]) -> None:
        self.told.append(len(conditions))
        for condition in conditions:
            self._condition(model, condition)

    def _condition(self, model: type[Model], condition: Q) -> None:
        if isinstance(condition, Condition):
            self.told.append(condition.parts)
            for value in condition.values:
                self._send(value)
            return
        kind, children = type(condition), condition.children
        self.told += [kind, condition.join_type, condition._is_negated]
        self.told += [len(condition.filters), len(children)]
        for name, value in condition.filters.items():
            self._word(model, name, value)
        for child in children:
            self._condition(model, child)

    def _word(self, model: type[Model], name: str, value: Any) -> None:
        self.told.append(name)
        if isinstance(value, Subquery):
            self._values(value.query)
        elif isinstance(value, F):
            self.told.append(_column(value))
        elif isinstance(value, Term | Expression | Model):
            raise Shapeless
        else:
            self._given(_leaf(model, name), value)

    def _given(self, leaf: Leaf, value: Any) -> None:
        if leaf.way in MISSING:
            self.told.append(bool(value))
        elif leaf.way in AMONG:
            values = leaf.encode(value)
            self.told.append(len(values))
            for each in values:
                self._send(each)
        elif value is None:
            self.told.append(None)
        else:
            self._send(leaf.encode(value))

    def _send(self, value: Any) -> None:
        """Some values are written into the text by the ORM."""
        if value is None or isinstance(value, Enum) or value == "*":
            self.told.append(value)
        else:
            self.told.append(...)
            self.values.append(value)


def _column(of: Any) -> str:
    if type(of) is not F:
        raise Shapeless
    return of.name


@lru_cache(maxsize=1_000)
def _leaf(model: type[Model], name: str) -> Leaf:
    meta = model._meta
    if name not in meta.filters:
        relation, _, rest = name.partition("__")
        if relation not in meta.fetch_fields or not rest:
            raise Shapeless
        return _leaf(meta.fields_map[relation].related_model, rest)  # type: ignore[attr-defined]
    told = meta.get_filter(name)
    way = told["operator"]
    if "table" in told or way not in COMPARED | AMONG | MISSING:
        raise Shapeless
    field = meta.fields_map[told["field"]]
    encode = told.get("value_encoder")
    if encode is None:
        return Leaf(way, lambda value: field.to_db_value(value, model))
    return Leaf(way, lambda value: encode(value, model, field))
