"""The generated schema has all that the contract asks for; it may have more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import (
    EnumTypeDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    TypeDefinitionNode,
    parse,
    print_ast,
)

from schema.build import export_schema

TESTS = Path(__file__).parents[1]
COMMITTED = TESTS.parent / "schema" / "schema.graphql"

MISSING: set[str] = set()
"""What of the contract is not there yet. An entry that is there, or is no part of it, fails too."""


def statements(sdl: str) -> dict[str, str]:
    """What a schema says, by the name of what it says it of: `Company.orders.first: Int`."""
    types = [node for node in parse(sdl).definitions if isinstance(node, TypeDefinitionNode)]
    return dict(said for node in types for said in of_type(node))


def of_type(node: TypeDefinitionNode) -> Iterator[tuple[str, str]]:
    name = node.name.value
    yield name, node.kind
    if isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
        for interface in node.interfaces or ():
            yield f"{name}.implements {interface.name.value}", "yes"
        for field in node.fields or ():
            yield f"{name}.{field.name.value}", print_ast(field.type)
            for argument in field.arguments or ():
                yield of_input(f"{name}.{field.name.value}", argument)
    if isinstance(node, InputObjectTypeDefinitionNode):
        yield from (of_input(name, field) for field in node.fields or ())
    if isinstance(node, EnumTypeDefinitionNode):
        yield from ((f"{name}.{value.name.value}", "value") for value in node.values or ())


def of_input(owner: str, node: InputValueDefinitionNode) -> tuple[str, str]:
    default = f" = {print_ast(node.default_value)}" if node.default_value else ""
    return f"{owner}.{node.name.value}", print_ast(node.type) + default


ASKED = statements((TESTS / "contract.graphql").read_text())
OFFERED = statements(export_schema())


def test_all_that_the_contract_asks_for_is_there() -> None:
    wrong = {
        name: f"asked: {said}, offered: {OFFERED.get(name)}"
        for name, said in ASKED.items()
        if OFFERED.get(name) != said and not is_missing(name)
    }

    assert not wrong


def test_what_is_listed_as_missing_is_missing() -> None:
    there = {name for name in MISSING if name not in ASKED or name in OFFERED}

    assert not there


def test_nothing_more_must_be_sent_than_the_contract_says() -> None:
    added = {name: said for name, said in OFFERED.items() if name not in ASKED}
    required = {name for name, said in added.items() if is_required_input(name, said)}

    assert not required


def test_the_committed_schema_is_the_generated_one() -> None:
    assert COMMITTED.read_text() == export_schema(), "canopy export-schema > schema/schema.graphql"


def test_everything_is_described() -> None:
    undescribed = [
        name
        for node in parse(export_schema()).definitions
        for name, described in descriptions(node)
        if not described
    ]

    assert not undescribed


def descriptions(node: Any) -> Iterator[tuple[str, bool]]:
    """Of a definition, of its fields or values, and of their arguments."""
    name = node.name.value
    yield name, node.description is not None
    for part in (*(getattr(node, "fields", None) or ()), *(getattr(node, "values", None) or ())):
        yield f"{name}.{part.name.value}", part.description is not None
        for argument in getattr(part, "arguments", None) or ():
            yield f"{name}.{part.name.value}.{argument.name.value}", bool(argument.description)


def is_missing(name: str) -> bool:
    return any(name == entry or name.startswith(f"{entry}.") for entry in MISSING)


def is_required_input(name: str, said: str) -> bool:
    """Of a type or field that the contract knows: an input that must be sent."""
    owner = name.rpartition(".")[0]
    is_input = owner.count(".") == 1 or ASKED.get(owner) == InputObjectTypeDefinitionNode.kind
    return owner in ASKED and is_input and said.endswith("!") and " = " not in said
