"""What the documentation shows as GraphQL fits the schema."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from graphql import LoneAnonymousOperationRule, parse, specified_rules, validate

from schema.build import schema

ROOT: Final = Path(__file__).parents[2]
RULES: Final = [rule for rule in specified_rules if rule is not LoneAnonymousOperationRule]
"""A block may show several without names."""
BLOCK: Final = re.compile(r"^( *)```graphql\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def shown() -> Iterator[tuple[str, str]]:
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for _, block in BLOCK.findall(path.read_text()):
            yield path.name, block


@pytest.mark.parametrize(("name", "block"), list(shown()))
def test_a_document_that_is_shown_fits_the_schema(name: str, block: str) -> None:
    assert validate(schema._schema, parse(block), RULES) == [], name


def test_there_are_documents_to_look_at() -> None:
    assert {name for name, _ in shown()} == {
        *("README.md", "integrating.md", "sync.md", "webhooks.md")
    }
