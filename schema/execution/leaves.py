"""Scalars and enums: what needs no second look, and what stock's own coercion is asked about."""

import math
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
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
)
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.schema_converter import CustomGraphQLEnumType

from schema.execution.writer import Writer

EXACT: Final[dict[GraphQLLeafType, str]] = {
    GraphQLString: "type({0}) is str",
    GraphQLID: "type({0}) is str",
    GraphQLBoolean: "type({0}) is bool",
    GraphQLInt: f"type({{0}}) is int and {-(2**31)} <= {{0}} < {2**31}",
    GraphQLFloat: "type({0}) is float and {1} < {0} < {2}",
}
"""Of the scalars of GraphQL: when a value is its own answer."""
PLAIN: Final[frozenset[type]] = frozenset(
    {str, int, float, bool, datetime, date, time, Decimal, UUID, dict}
)
"""Classes of values that are neither errors nor to be awaited."""


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


def coercion(leaf: GraphQLLeafType) -> Callable[[Any], Any]:
    """Stock's own coercion. Raises Unfit where there is no value; and what it raises."""
    coerce = leaf.coerce_output_value

    def coerced(value: Any) -> Any:
        told = coerce(value if type(value) in PLAIN else ordinary(value))
        if told is None or told is Undefined:
            raise Unfit
        return told

    return coerced


def write_leaf(code: Writer, leaf: GraphQLLeafType, name: str, *, nullable: bool) -> None:
    """Turn the variable `name` into the answer. Null is left as it is, where it may be."""
    coerce = f"{name} = {code.constant(coercion(leaf))}({name})"
    unless_null = f"{name} is not None"
    if isinstance(leaf, CustomGraphQLEnumType):
        members, names = code.constant(leaf.wrapped_cls), code.constant(_names(leaf))
        code.line(f"if type({name}) is {members}: {name} = {names}[{name}._name_]")
        code.line(f"elif {unless_null}: {coerce}" if nullable else f"else: {coerce}")
    elif leaf in EXACT:
        exact = EXACT[leaf].format(name, code.constant(-math.inf), code.constant(math.inf))
        code.line(f"if not ({exact}){f' and {unless_null}' if nullable else ''}: {coerce}")
    else:
        code.line(f"if {unless_null}: {coerce}" if nullable else coerce)


def _names(enum: CustomGraphQLEnumType) -> dict[str, str]:
    """What GraphQL calls each member, by its name in Python."""
    members: Any = enum.wrapped_cls
    return {member.name: enum.coerce_output_value(member) for member in members}
