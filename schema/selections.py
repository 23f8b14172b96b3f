"""What is selected beneath a field, before it is answered."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)


def reads_on(info: strawberry.Info[Any, Any]) -> bool:
    """Whether more is selected of a payload than its own fields and plain fields of its rows."""
    selections, nodes = selections_of(info)
    return any(
        field.selection_set is not None
        for member in selections.beneath(nodes)
        for field in selections.beneath([member])
    )


def selected(info: strawberry.Info[Any, Any]) -> frozenset[str]:
    """What is selected of the field, two levels deep: `edges`, `edges.cursor`."""
    selections, nodes = selections_of(info)
    return selections.wanted(nodes)


def selections_of(info: strawberry.Info[Any, Any]) -> tuple["Selections", Sequence[FieldNode]]:
    raw = info._raw_info
    return Selections(raw.fragments, info.variable_values), raw.field_nodes


@dataclass(frozen=True)
class Selections:
    """The selections of a document, under the variables of a request."""

    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]

    def below(self, nodes: Iterable[FieldNode], name: str) -> Sequence[FieldNode]:
        """The fields of that name beneath others, under whatever alias."""
        return [field for field in self.beneath(list(nodes)) if field.name.value == name]

    def wanted(self, nodes: Sequence[FieldNode]) -> frozenset[str]:
        """What is selected of a field, two levels deep: `edges`, `edges.cursor`."""
        names: set[str] = set()
        for field in self.beneath(nodes):
            name = field.name.value
            names.add(name)
            names.update(f"{name}.{each.name.value}" for each in self.beneath([field]))
        return frozenset(names)

    def beneath(self, nodes: Sequence[FieldNode]) -> Iterator[FieldNode]:
        """The fields of a selection, and of the fragments in it; each fragment once."""
        sets: list[SelectionSetNode | None] = [node.selection_set for node in nodes]
        waiting = [selection for each in sets if each for selection in each.selections]
        seen: set[str] = set()
        while waiting:
            selection = waiting.pop()
            if not self._is_included(selection):
                continue
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                waiting.extend(selection.selection_set.selections)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                waiting.extend(self.fragments[selection.name.value].selection_set.selections)

    def _is_included(self, selection: SelectionNode) -> bool:
        for directive in selection.directives or ():
            included = {"include": True, "skip": False}.get(directive.name.value)
            for given in directive.arguments or () if included is not None else ():
                value: Any = given.value
                if isinstance(value, VariableNode):
                    value = self.variables.get(value.name.value)
                if getattr(value, "value", value) is not included:
                    return False
        return True
