"""What is selected of a type, and which fields a plan can answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    get_argument_values,
    print_ast,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from strawberry import Schema
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from schema.execution.declared import EDGE, ROOT, Edge, Root

DEFINITION: Final = GraphQLCoreConverter.DEFINITION_BACKREF
TYPENAME: Final = "__typename"
VARIABLE: Final = re.compile(r"\$(\w+)")
UNDERSTOOD: Final = frozenset({"skip", "include"})


class Unknown(Exception):
    """No plan can be made of this selection: it is left to the stock executor."""


@dataclass(frozen=True, eq=False)
class Field:
    """A selected field, with all places that select it."""

    name: str
    """In the answer."""
    parent: GraphQLObjectType
    definition: GraphQLField
    details: FieldDetailsList

    @property
    def is_typename(self) -> bool:
        return self.nodes[0].name.value == TYPENAME

    @cached_property
    def nodes(self) -> list[FieldNode]:
        return [each.node for each in self.details]

    @cached_property
    def declared(self) -> StrawberryField:
        """Raises Unknown for a field that is not Strawberry's."""
        declared = self.definition.extensions.get(DEFINITION)
        if not isinstance(declared, StrawberryField):
            raise Unknown(f"{self.parent}.{self.nodes[0].name.value}")
        if declared.extensions and ROOT not in declared.metadata:
            raise Unknown(f"extensions of {self.parent}.{self.nodes[0].name.value}")
        return declared

    @property
    def edge(self) -> Edge | None:
        edge = self.declared.metadata.get(EDGE)
        return edge if isinstance(edge, Edge) else None

    @property
    def root(self) -> Root:
        """Raises Unknown for a field that is no edge of the root."""
        root = self.declared.metadata.get(ROOT)
        if not isinstance(root, Root):
            raise Unknown(f"{self.parent}.{self.nodes[0].name.value}")
        return root

    @cached_property
    def variables(self) -> frozenset[str]:
        """The names of those that its arguments are told by; rather one too many."""
        told = (print_ast(each) for each in self.nodes[0].arguments or ())
        return frozenset(VARIABLE.findall(" ".join(told)))

    def arguments(self, executor: Stock) -> dict[str, Any]:
        """As a resolver is given them. Raises what conversion raises."""
        told = get_argument_values(
            self.definition, self.nodes[0], executor.variable_values, None, hide_suggestions=True
        )
        schema: Schema = executor.schema.extensions[DEFINITION]
        return convert_arguments(
            told,
            self.declared.arguments,
            scalar_registry=schema.schema_converter.scalar_registry,
            config=schema.config,
        )


def fields(
    executor: Stock, parent: GraphQLObjectType, details: FieldDetailsList
) -> Iterator[Field]:
    """What is selected of a type: graphql-core itself reads fragments, @skip and @include.

    Raises Unknown.
    """
    found = executor.collect_subfields(parent, details)
    if found.new_defer_usages:
        raise Unknown("@defer")
    yield from grouped(executor, parent, found.grouped_field_set)


def grouped(executor: Stock, parent: GraphQLObjectType, found: GroupedFieldSet) -> Iterator[Field]:
    """Raises Unknown."""
    for name, each in found.items():
        definition = executor.schema.get_field(parent, each[0].node.name.value)
        if definition is None or not understood(each):
            raise Unknown(f"{parent}.{name}")
        yield Field(name, parent, definition, each)


def understood(details: FieldDetailsList) -> bool:
    """Whether nothing but @skip and @include stands at the fields."""
    return all(
        each.defer_usage is None
        and each.fragment_variable_values is None
        and all(named.name.value in UNDERSTOOD for named in each.node.directives or ())
        for each in details
    )
