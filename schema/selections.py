"""What is selected beneath a field, before it is answered."""

from collections.abc import Iterable, Iterator
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)

from schema.context import Info, LiveInfo


def reads_on(info: Info) -> bool:
    """Whether more is selected of a payload than its own fields and plain fields of its rows."""
    raw = info._raw_info
    return any(
        field.selection_set is not None
        for member in _fields(raw, (node.selection_set for node in raw.field_nodes))
        for field in _fields(raw, (member.selection_set,))
    )


def selected(info: Info | LiveInfo) -> frozenset[str]:
    """What is selected of the field, two levels deep: `edges`, `edges.cursor`."""
    raw = info._raw_info
    names: set[str] = set()
    for field in _fields(raw, (node.selection_set for node in raw.field_nodes)):
        name = field.name.value
        names.add(name)
        if field.selection_set is not None:
            below = _fields(raw, (field.selection_set,))
            names.update(f"{name}.{each.name.value}" for each in below)
    return frozenset(names)


def _fields(
    info: GraphQLResolveInfo[Any], sets: Iterable[SelectionSetNode | None]
) -> Iterator[FieldNode]:
    """The fields of selection sets, and of the fragments in them; each fragment once."""
    waiting = [selection for each in sets if each for selection in each.selections]
    seen: set[str] = set()
    while waiting:
        selection = waiting.pop()
        if not _is_included(info, selection):
            continue
        if isinstance(selection, FieldNode):
            yield selection
        elif isinstance(selection, InlineFragmentNode):
            waiting.extend(selection.selection_set.selections)
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
            seen.add(selection.name.value)
            waiting.extend(info.fragments[selection.name.value].selection_set.selections)


def _is_included(info: GraphQLResolveInfo[Any], selection: SelectionNode) -> bool:
    for directive in selection.directives or ():
        wanted = {"include": True, "skip": False}.get(directive.name.value)
        for given in directive.arguments or () if wanted is not None else ():
            value: Any = given.value
            if isinstance(value, VariableNode):
                told: Any = info.variable_values
                value = told.get(value.name.value)
            if getattr(value, "value", value) is not wanted:
                return False
    return True
