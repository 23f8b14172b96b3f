"""Which columns are read of rows, and which rows come along with them: what a selection says."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_object_type,
)
from strawberry.types.field import StrawberryField

from models.base import Entity
from models.rows import Table, needed
from resolvers.reading.by_id import Along, ById
from resolvers.reading.pages import ComesAlong
from resolvers.reading.summaries import license_summaries
from schema.execution.declared import EDGE, TABLES, Edge
from schema.execution.fields import DEFINITION
from schema.selections import Selections

TABLES.add(Table)

MODELS: Final[dict[str, type[Entity]]] = {}
"""What is behind a type, by the name that ids carry."""
TELLS: Final = "tells"
"""In the metadata of a field: the attributes of a row that tell it. Without it, all may."""


def of_page(
    selections: Selections, nodes: Sequence[FieldNode], kind: GraphQLOutputType
) -> Mapping[str, Any]:
    """What a list is told, or counts: names two levels deep; of a list what its rows must tell."""
    want = {"want": selections.wanted(nodes)}
    edges = _fields(get_named_type(kind)).get("edges")
    if edges is None:
        return want
    node: Any = get_named_type(_fields(get_named_type(edges.type))["node"].type)
    selected = list(selections.below(selections.below(nodes, "edges"), "node"))
    columns = _columns(node, selected, selections)
    along = _along(node, selected, selections)
    return want | {"columns": columns, "along": along}


def of_row(
    selections: Selections, nodes: Sequence[FieldNode], kind: GraphQLOutputType
) -> Mapping[str, Any]:
    """What a row that may have come along must tell."""
    return {TELLS: _columns(get_named_type(kind), nodes, selections)}


def _columns(
    kind: GraphQLNamedType, nodes: Sequence[FieldNode], selections: Selections
) -> frozenset[str] | None:
    model = MODELS.get(kind.name)
    found: set[str] = set()
    for field in _declared(kind, nodes, selections):
        told = _tells(field)
        if model is None or told is None:
            return None
        found.update(*(needed(model, name) for name in told))
    return frozenset(found)


def _tells(field: StrawberryField) -> Sequence[str] | None:
    told: Sequence[str] | None = field.metadata.get(TELLS)
    is_attribute = field.base_resolver is None
    return (field.python_name,) if is_attribute and told is None else told


def _along(
    kind: GraphQLObjectType, nodes: Sequence[FieldNode], selections: Selections
) -> tuple[ComesAlong, ...]:
    """One row of each key, which tells all that any field with that key asks of it; and counts."""
    asked: dict[tuple[str, ById[Any]], list[FieldNode]] = {}
    kinds: dict[tuple[str, ById[Any]], Any] = {}
    counted: list[FieldNode] = []
    for node in selections.beneath(nodes):
        definition = _fields(kind).get(node.name.value)
        declared = definition.extensions.get(DEFINITION) if definition else None
        edge = declared.metadata.get(EDGE) if isinstance(declared, StrawberryField) else None
        if definition is not None and isinstance(edge, Edge) and isinstance(edge.batch, ById):
            by = (edge.key, edge.batch)
            asked.setdefault(by, []).append(node)
            kinds[by] = get_named_type(definition.type)
        if isinstance(edge, Edge) and edge.batch is license_summaries and not node.arguments:
            counted.append(node)
    counts = license_summaries.along(selections.wanted(counted))
    rows = (Along(*by, _columns(kinds[by], asked[by], selections)) for by in asked)
    return (*rows, counts) if counts else tuple(rows)


def _declared(
    kind: GraphQLNamedType, nodes: Sequence[FieldNode], selections: Selections
) -> Iterable[StrawberryField]:
    fields = _fields(kind)
    for node in selections.beneath(nodes):
        definition = fields.get(node.name.value)
        if definition is not None:
            yield definition.extensions[DEFINITION]


def _fields(kind: Any) -> Mapping[str, Any]:
    return kind.fields if is_object_type(kind) else {}
