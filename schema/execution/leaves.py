"""Scalars and enums, a column at a time.

What needs no second look, and what stock's own coercion is asked about.
"""

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from types import NoneType
from typing import Any, Final
from uuid import UUID

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
    UndefinedType,
)
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.schema_converter import CustomGraphQLEnumType

from schema.execution.columns import Column, present, with_nulls

EXACT: Final[dict[GraphQLLeafType, type]] = {
    GraphQLString: str,
    GraphQLID: str,
    GraphQLBoolean: bool,
    GraphQLInt: int,
    GraphQLFloat: float,
}
"""Of the scalars of GraphQL: the class whose values are their own answers."""
ALIKE: Final[dict[type, Callable[[Sequence[Any]], bool]]] = {
    int: lambda values: min(values) >= -(2**31) and max(values) < 2**31,
    float: lambda values: all(map(math.isfinite, values)),
}
"""Of these classes not all are: whether some are."""
PLAIN: Final[frozenset[type]] = frozenset(
    {str, int, float, bool, datetime, date, time, Decimal, UUID, dict}
)
"""Classes of values that are neither errors nor to be awaited."""


TOGETHER: Final[dict[Callable[..., Any], Column]] = {}
"""What does for many values as a coercion of a scalar does for each, and raises what that does. It
may leave values as they are that whoever writes the answers tells alike."""


class Unfit(Exception):
    """This value does not go well: stock completes it, and says what is wrong with it."""


def ordinary(value: Any) -> Any:
    """The value itself. Raises Unfit for what stock would treat in its own way."""
    if type(value) not in PLAIN and (
        value is None
        or value is Undefined
        or isinstance(value, Exception)
        or optimized_is_awaitable(value)
    ):
        raise Unfit
    return value


def column(leaf: GraphQLLeafType, *, nullable: bool) -> Column:
    """Turns values into answers. Null is left as it is, where it may be.

    Raises Unfit where there is no answer; and what stock's own coercion raises.
    """
    coerced = _coerced(leaf)
    each = _nullable(coerced) if nullable else coerced
    if isinstance(leaf, CustomGraphQLEnumType):
        return _members(leaf, each, nullable=nullable)
    if leaf in EXACT:
        return _exact(EXACT[leaf], each, nullable=nullable)
    return _plain(leaf.coerce_output_value, each, nullable=nullable)


def _plain(coerce: Callable[[Any], Any], each: Callable[[Any], Any], *, nullable: bool) -> Column:
    """Of other scalars: where none of the values is to be looked at, the answers are."""
    kinds = PLAIN | {NoneType} if nullable else PLAIN
    nothing = {NoneType, UndefinedType}
    coerced = TOGETHER.get(coerce) or (lambda values: list(map(coerce, values)))

    def told(values: Sequence[Any]) -> Sequence[Any]:
        if not kinds.issuperset(set(map(type, values))):
            return list(map(each, values))
        there = present(values)
        answers = coerced(there)
        if not nothing.isdisjoint(set(map(type, answers))):
            raise Unfit
        return with_nulls(values, there, answers)

    return told


def _exact(kind: type, each: Callable[[Any], Any], *, nullable: bool) -> Column:
    kinds = {kind, NoneType} if nullable else {kind}
    are_told = ALIKE.get(kind)

    def told(values: Sequence[Any]) -> Sequence[Any]:
        found = set(map(type, values))
        if kinds.issuperset(found):
            if are_told is None:
                return values
            there = present(values) if NoneType in found else values
            if not there or are_told(there):
                return values
        return list(map(each, values))

    return told


def _members(enum: CustomGraphQLEnumType, each: Callable[[Any], Any], *, nullable: bool) -> Column:
    """What GraphQL calls each member. They are told by what they are: their hash is Python's."""
    members: Any = enum.wrapped_cls
    names: dict[int, str | None] = {
        id(member): enum.coerce_output_value(member) for member in members
    }
    kinds = {enum.wrapped_cls, NoneType} if nullable else {enum.wrapped_cls}
    names[id(None)] = None

    def told(values: Sequence[Any]) -> Sequence[Any]:
        if kinds.issuperset(set(map(type, values))):
            return list(map(names.__getitem__, map(id, values)))
        return list(map(each, values))

    return told


def _nullable(coerced: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else coerced(value)


def _coerced(leaf: GraphQLLeafType) -> Callable[[Any], Any]:
    """Stock's own coercion. Raises Unfit where there is no value; and what it raises."""
    coerce = leaf.coerce_output_value

    def coerced(value: Any) -> Any:
        told = coerce(value if type(value) in PLAIN else ordinary(value))
        if told is None or told is Undefined:
            raise Unfit
        return told

    return coerced
