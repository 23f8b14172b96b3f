"""To documents by chance, in a world with mishaps, both executors give the same answer."""

from collections.abc import Mapping
from random import Random
from typing import Any, Final

import hypothesis_graphql
import pytest
from graphql import DocumentNode, parse, print_ast, validate
from hypothesis import HealthCheck, Phase, given, seed, settings
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from tests.execution.answers import executed, left_behind, same
from tests.execution.documents import Documents, simple_value
from tests.execution.zoo import Eager, World, zoo

CORE: Final = zoo._schema
NEARLY_ALL: Final = 0.9


async def are_equal(
    document: DocumentNode, seed: int, rate: float, variables: Mapping[str, Any] | None = None
) -> bool:
    ours, stocks = [
        await executed(CORE, by, document, World(seed, rate), variables) for by in (Eager, Stock)
    ]
    return same(ours, stocks)


def test_what_is_written_by_chance_is_valid() -> None:
    writer = Documents(CORE, Random(1), simple_value)

    errors = [error for _ in range(20) for error in validate(CORE, parse(writer.write().text))]

    assert errors == []


@left_behind
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1])
async def test_large_documents(rate: float, documents: int) -> None:
    writer = Documents(CORE, Random(f"large {rate}"), simple_value)
    equal = 0

    for number in range(documents):
        document = writer.write()
        equal += await are_equal(parse(document.text), number, rate, document.variables)

    assert equal >= documents * (NEARLY_ALL if rate else 1)


@left_behind
@pytest.mark.parametrize("rate", [0.0, 0.1])
async def test_documents_by_hypothesis(rate: float, documents: int) -> None:
    written: list[str] = []

    @seed(20)
    @settings(
        max_examples=documents // 2,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(hypothesis_graphql.queries(CORE, print_ast=print_ast))
    def write(document: Any) -> None:
        written.append(document)

    write()
    equal = [
        await are_equal(parse(document), number, rate) for number, document in enumerate(written)
    ]

    assert sum(equal) >= len(equal) * (NEARLY_ALL if rate else 1)
