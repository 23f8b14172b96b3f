"""Valid documents by chance, for any schema, with all that a selection may be made of."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationType,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
)

Told = str | int | bool | None
Value = Callable[[Random, str, GraphQLInputType], Any]
"""A value for an argument of that name and type; ... where it has none to offer."""


@dataclass
class Document:
    text: str
    variables: dict[str, Any]


@dataclass
class Documents:
    """Writes documents about a schema."""

    schema: GraphQLSchema
    random: Random
    value: Value
    depth: int = 4
    _fragments: list[tuple[str, str]] = field(default_factory=list)
    _variables: dict[str, tuple[str, Any]] = field(default_factory=dict)
    _number: int = 0

    def write(self, of: OperationType = OperationType.QUERY, root: str = "") -> Document:
        """With `root` as its only field at the root, or several by chance."""
        self._fragments, self._variables = [], {}
        kind = self.schema.get_root_type(of)
        assert kind is not None
        if root:
            selected = f"{{ {self._asked(kind, root, self.depth)} }}"
        else:
            selected = self._selection(kind, self.depth)
        declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in self._variables.items())
        head = f"{of.value}({declared})" if declared else of.value
        fragments = "".join(text for _, text in self._fragments)
        values = {name: value for name, (_, value) in self._variables.items() if value is not ...}
        return Document(f"{head} {selected}\n{fragments}", values)

    def _selection(self, parent: GraphQLNamedType, depth: int) -> str:
        parts = [self._field(parent, depth) for _ in range(self.random.randint(1, 4))]
        if is_abstract_type(parent):
            possible = self.schema.get_possible_types(parent)
            chosen = self.random.sample(possible, min(len(possible), self.random.randint(0, 3)))
            parts += [self._on(kind, depth) for kind in chosen]
        if self._chance(0.15):
            parts.append(self._spread(parent, depth))
        if self._chance(0.1):
            condition = f"on {parent.name}" if self._chance(0.5) else ""
            parts.append(f"... {condition} {self._directives()} {self._selection(parent, depth)}")
        self.random.shuffle(parts)
        return "{ " + " ".join(parts) + " }"

    def _on(self, kind: GraphQLObjectType, depth: int) -> str:
        return f"... on {kind.name} {self._directives()} {self._selection(kind, depth)}"

    def _spread(self, parent: GraphQLNamedType, depth: int) -> str:
        """A named fragment; perhaps one that was spread before."""
        known = [name for name, _ in self._fragments if name.endswith(parent.name)]
        if known and self._chance(0.3):
            return f"...{self.random.choice(known)} {self._directives()}"
        selected = self._selection(parent, depth - 1)
        name = f"{self._name('F')}_{parent.name}"
        self._fragments.append((name, f"fragment {name} on {parent.name} {selected}\n"))
        return f"...{name} {self._directives()}"

    def _field(self, parent: GraphQLNamedType, depth: int) -> str:
        fields = getattr(parent, "fields", {})
        names = [name for name, each in fields.items() if depth > 0 or not _goes_on(each)]
        name = self.random.choice(["__typename", *names, *names])
        if name == "__typename":
            return f"{self._name('t')}: __typename" if self._chance(0.3) else name
        return self._asked(parent, name, depth)

    def _asked(self, parent: GraphQLNamedType, name: str, depth: int) -> str:
        definition = getattr(parent, "fields", {})[name]
        arguments = self._arguments(definition.args)
        needs_alias = arguments or is_interface_type(parent) or self._chance(0.25)
        # A fragment on another type may answer under the same name, with another type.
        alias = f"{self._name('a')}: " if needs_alias else f"{parent.name}_{name}: "
        asked = f"{alias}{name}{arguments} {self._directives()}"
        kind = get_named_type(definition.type)
        if not is_composite_type(kind):
            return asked
        once = f"{asked} {self._selection(kind, depth - 1)}"
        if self._chance(0.2):  # merged with itself
            return f"{once} {asked} {self._selection(kind, depth - 1)}"
        return once

    def _arguments(self, arguments: dict[str, GraphQLArgument]) -> str:
        given = []
        for name, argument in arguments.items():
            if not is_required_argument(argument) and self._chance(0.6):
                continue
            value = self.value(self.random, name, argument.type)
            if value is not ...:
                given.append(f"{name}: {self._told(value, argument.type)}")
        return f"({', '.join(given)})" if given else ""

    def _told(self, value: Any, kind: GraphQLInputType) -> str:
        if self._chance(0.3):
            return f"${self._variable(str(kind), value)}"
        return literal(value, kind)

    def _directives(self) -> str:
        if not self._chance(0.15):
            return ""
        told = []
        for name in self.random.sample(["skip", "include"], self.random.randint(1, 2)):
            value = self._chance(0.3 if name == "skip" else 0.8)
            if self._chance(0.5):
                kind, sent = "Boolean!", cast(Any, value)
                if self._chance(0.3):  # not sent: the default is taken
                    kind, sent = (f"Boolean! = {json.dumps(value)}", ...)
                told.append(f"@{name}(if: ${self._variable(kind, sent)})")
            else:
                told.append(f"@{name}(if: {json.dumps(value)})")
        return " ".join(told)

    def _variable(self, kind: str, value: Any) -> str:
        name = self._name("v")
        self._variables[name] = (kind, value)
        return name

    def _name(self, letter: str) -> str:
        self._number += 1
        return f"{letter}{self._number}"

    def _chance(self, share: float) -> bool:
        return self.random.random() < share


def _goes_on(definition: GraphQLField) -> bool:
    return is_composite_type(get_named_type(definition.type))


def literal(value: Any, kind: GraphQLInputType) -> str:
    """A value as GraphQL writes it."""
    inner: Any = get_nullable_type(kind)
    if value is None:
        return "null"
    if is_list_type(inner):
        items = value if isinstance(value, list) else [value]
        return "[" + ", ".join(literal(each, inner.of_type) for each in items) + "]"
    if is_input_object_type(inner) and isinstance(value, dict):
        given = (
            f"{name}: {literal(each, inner.fields[name].type)}" for name, each in value.items()
        )
        return "{" + ", ".join(given) + "}"
    return str(value) if is_enum_type(inner) else json.dumps(value)


def simple_value(random: Random, name: str, kind: GraphQLInputType) -> Any:
    """Small numbers, short words and names of enums."""
    inner: Any = kind.of_type if is_non_null_type(kind) else kind
    if not is_non_null_type(kind) and random.random() < 0.1:
        return None
    if is_enum_type(inner):
        return random.choice(list(inner.values))
    choices: dict[str, Sequence[Any]] = {
        "Int": [0, 1, 2, 3],
        "String": ["", "x", 'a "b"'],
        "Boolean": [True, False],
        "ID": ["1", "2", "7", "nobody"],
    }
    return random.choice(choices[inner.name]) if inner.name in choices else ...
