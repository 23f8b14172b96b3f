"""How heavy an operation is, told by one walk over its document before anything of it is run.

Each fragment is walked once, however often it is spread, so that the time grows with the text and
not with what the text stands for.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from resolvers.reading.windows import DEFAULT_SIZE, LARGEST

PAGE_SIZES: Final = ("first", "last")
LISTED: Final = "ids"
DIGITS: Final = 10
"""More of them are no page size, and take Python long to read."""
SHORT_LIST: Final = 10
"""Rows that a list without pages is taken to have: the managers of a company, its ancestors."""


@dataclass(frozen=True, slots=True)
class Weight:
    """Of a selection. `cost` counts the values that its answer may hold; those that are there once
    for each row of a list stand in `row_cost`, until the field above says how many rows there are.
    """

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    cost: int = 0
    row_cost: int = 0

    def __add__(self, other: "Weight") -> "Weight":
        return Weight(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.cost + other.cost,
            self.row_cost + other.row_cost,
        )

    def is_within(self, most: "Weight") -> bool:
        """No figure that is told is larger."""
        return (
            self.depth <= most.depth
            and self.fields <= most.fields
            and self.aliases <= most.aliases
            and self.directives <= most.directives
            and self.cost <= most.cost
        )


class Scales:
    """Weighs an operation of a document, once for each set of page sizes."""

    MOST_KNOWN: Final = 100
    """Of an operation; then all are forgotten."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        self._schema = schema
        self._document = document
        self._operation = operation
        self._sizes: frozenset[str] = frozenset()
        self._known: dict[tuple[Hashable, ...], Weight] = {}

    def weigh(self, variables: Mapping[str, Any]) -> Weight:
        known = self._known.get(self._key(variables)) if self._known else None
        if known is not None:
            return known
        walk = Walk(self._schema, self._document, self._operation, variables)
        weight = walk.weight()
        self._sizes = frozenset(walk.sizes)
        if len(self._known) >= self.MOST_KNOWN:
            self._known.clear()
        self._known[self._key(variables)] = weight
        return weight

    def _key(self, variables: Mapping[str, Any]) -> tuple[Hashable, ...]:
        return tuple(_told(variables, name) for name in sorted(self._sizes))


class Walk:
    """One walk over an operation. `sizes` are the variables that said how long a list may be.

    A cycle of fragments weighs nothing: validation refuses it.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self.sizes: set[str] = set()
        self._schema = schema
        self._operation = operation
        self._variables = variables
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
        }
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Weight] = {}

    def weight(self) -> Weight:
        root = self._schema.get_root_type(self._operation.operation)
        inner = self._selection(self._operation.selection_set, root)
        return Weight(
            inner.depth,
            inner.fields,
            inner.aliases,
            inner.directives + _directives(self._operation),
            inner.cost + SHORT_LIST * inner.row_cost,
        )

    def _selection(self, chosen: SelectionSetNode, parent: GraphQLNamedType | None) -> Weight:
        weight = Weight()
        for node in chosen.selections:
            weight += self._node(node, parent)
        return weight

    def _node(self, node: SelectionNode, parent: GraphQLNamedType | None) -> Weight:
        if isinstance(node, FieldNode):
            return self._field(node, parent)
        own = Weight(directives=_directives(node))
        if isinstance(node, FragmentSpreadNode):
            return own + self._fragment(node.name.value)
        assert isinstance(node, InlineFragmentNode)
        if node.type_condition is not None:
            parent = self._schema.get_type(node.type_condition.name.value)
        return own + self._selection(node.selection_set, parent)

    def _fragment(self, name: str) -> Weight:
        known = self._known.get(name)
        fragment = self._fragments.get(name)
        if known is not None or fragment is None:
            return known or Weight()
        self._known[name] = Weight()
        condition = self._schema.get_type(fragment.type_condition.name.value)
        weight = self._selection(fragment.selection_set, condition)
        self._known[name] = weight + Weight(directives=_directives(fragment))
        return self._known[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> Weight:
        field: GraphQLField | None = getattr(parent, "fields", {}).get(node.name.value)
        inner = Weight()
        if node.selection_set is not None:
            inner = self._selection(
                node.selection_set, get_named_type(field.type) if field else None
            )
        cost, row_cost = self._cost(node, field, inner)
        return Weight(
            1 + inner.depth,
            1,
            inner.aliases + (node.alias is not None),
            inner.directives + _directives(node),
            cost,
            row_cost,
        )

    def _cost(self, node: FieldNode, field: GraphQLField | None, inner: Weight) -> tuple[int, int]:
        """Once, and once for each row of the list that this field is."""
        if field is None or not is_list_type(get_nullable_type(field.type)):
            return 1 + inner.cost + self._page_size(node, field) * inner.row_cost, 0
        each = 1 + inner.cost + SHORT_LIST * inner.row_cost
        return (self._listed(node) * each, 0) if LISTED in field.args else (0, each)

    def _page_size(self, node: FieldNode, field: GraphQLField | None) -> int:
        if field is None or not any(name in field.args for name in PAGE_SIZES):
            return SHORT_LIST
        sizes = [
            self._number(argument.value)
            for argument in node.arguments or ()
            if argument.name.value in PAGE_SIZES
        ]
        given = [size for size in sizes if size is not None]
        return min(max(0, max(given, default=DEFAULT_SIZE)), LARGEST)

    def _listed(self, node: FieldNode) -> int:
        lengths = [
            self._length(argument.value)
            for argument in node.arguments or ()
            if argument.name.value == LISTED
        ]
        return max(lengths, default=0)

    def _number(self, value: ValueNode | None) -> int | None:
        """A page size; None where nothing is said."""
        if isinstance(value, IntValueNode):
            return int(value.value) if len(value.value) <= DIGITS else LARGEST
        if isinstance(value, VariableNode):
            name = value.name.value
            self.sizes.add(name)
            if name in self._variables:
                return _size(self._variables[name])
            return self._number(self._defaults.get(name))
        return None

    def _length(self, value: ValueNode | None) -> int:
        """Of a list; GraphQL makes a list of one of whatever is none."""
        if isinstance(value, VariableNode):
            name = value.name.value
            self.sizes.add(name)
            if name in self._variables:
                given = self._variables[name]
                return len(given) if isinstance(given, list) else 1
            value = self._defaults.get(name)
        return len(value.values) if isinstance(value, ListValueNode) else 1


def _size(value: object) -> int | None:
    """GraphQL takes 200.0 for a whole number."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None


def _told(variables: Mapping[str, Any], name: str) -> Hashable:
    """All that a weight depends on: null is not what is left out, and three ids are not 3."""
    value = variables.get(name)
    if isinstance(value, list):
        return "of", len(value)
    return name in variables, _size(value)


def _directives(node: Any) -> int:
    return len(node.directives or ())
