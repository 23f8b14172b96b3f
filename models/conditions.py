"""Conditions in SQL, where the ORM has no words for them."""

from collections.abc import Sequence
from typing import Any

from pypika_tortoise.context import SqlContext
from pypika_tortoise.terms import Criterion, ValueWrapper
from tortoise.expressions import Q, ResolveContext
from tortoise.query_utils import QueryModifier


class Condition(Q):
    """A condition in SQL; `{}` stands for each value."""

    __hash__ = object.__hash__

    def __init__(self, sql: str, *values: Any) -> None:
        super().__init__()
        self.parts = tuple(sql.split("{}"))
        self.values = values

    def __bool__(self) -> bool:
        return True

    def resolve(self, _: ResolveContext) -> QueryModifier:
        return QueryModifier(where_criterion=_Sql(self.parts, self.values))


class _Sql(Criterion):
    def __init__(self, parts: Sequence[str], values: Sequence[Any]) -> None:
        super().__init__()
        self._parts = parts
        self._values = values

    def get_sql(self, ctx: SqlContext) -> str:
        first, *rest = self._parts
        given = (ValueWrapper(value).get_sql(ctx) for value in self._values)
        return (
            "("
            + first
            + "".join(f"{value}{part}" for value, part in zip(given, rest, strict=True))
            + ")"
        )
