"""Which classes of values stand for an object type, and which type a value of an abstract one is.

Both are asked of stock's own predicates, once for each class. What an application decides by more
than the class (its own `is_type_of` or `resolve_type`) is left to stock; `strawberry.cast`, which
marks single values, is banned by ruff.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from graphql import GraphQLAbstractType, GraphQLObjectType, GraphQLSchema, is_object_type
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.types.base import StrawberryObjectDefinition

from schema.execution.declared import READS
from schema.execution.fields import DEFINITION, Unknown
from schema.execution.leaves import Unfit, ordinary

Make: TypeAlias = Callable[[Any], Any]
"""Makes the value of what was found."""


class Asking(NamedTuple):
    """What stock's predicates read of `info`."""

    schema: GraphQLSchema
    field_name: str
    is_awaitable: Callable[[Any], bool] = optimized_is_awaitable


def definition_of(kind: GraphQLObjectType) -> StrawberryObjectDefinition:
    """Raises Unknown for a type that is not Strawberry's, or decides for itself what it is."""
    definition = kind.extensions.get(DEFINITION)
    if not isinstance(definition, StrawberryObjectDefinition) or definition.is_type_of:
        raise Unknown(kind.name)
    return definition


class Classes:
    """The classes whose values are of an object type."""

    def __init__(self, kind: GraphQLObjectType, make: Make | None) -> None:
        self._shown = getattr(definition_of(kind).origin, READS, None)
        self._is_type_of = kind.is_type_of
        self._make = make
        self.known: set[type] = set()

    def check(self, values: Iterable[Any]) -> None:
        """Raises Unfit where one is of another class, and what `make` raises."""
        for found in values:
            if type(found) not in self.known:
                self._check(found)

    def _check(self, found: Any) -> None:
        value = ordinary(found if self._make is None else self._make(found))
        if self._is_type_of is not None and not self._is_type_of(value, None):  # type: ignore[arg-type]
            raise Unfit
        if self._make and self._shown and getattr(value, self._shown) is not found:
            raise Unfit
        self.known.add(type(found))


class Types:
    """The object types of an interface or union, by the class of a value."""

    def __init__(
        self, schema: GraphQLSchema, kind: GraphQLAbstractType, field_name: str, make: Make | None
    ) -> None:
        definition = kind.extensions.get(DEFINITION)
        if kind.resolve_type is None or getattr(definition, "resolve_type", None):
            raise Unknown(kind.name)
        self._kind = kind
        self._resolve = kind.resolve_type
        self._make = make
        self._asking: Any = Asking(schema, field_name)
        self.known: dict[type, str] = {}

    def names(self, values: Iterable[Any]) -> list[str]:
        """Of the types. Raises Unfit, and what the predicates raise."""
        return [self.known.get(type(value)) or self._find(value) for value in values]

    def _find(self, found: Any) -> str:
        value = ordinary(found if self._make is None else self._make(found))
        name = self._resolve(value, self._asking, self._kind)
        schema = self._asking.schema
        kind = schema.get_type(name) if isinstance(name, str) else None
        if not is_object_type(kind) or not schema.is_sub_type(self._kind, kind):
            raise Unfit
        self.known[type(found)] = kind.name
        return kind.name
