"""To documents by chance, in a world with mishaps, both executors give the same answer."""

from collections.abc import Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, Final

import hypothesis_graphql
import pytest
from graphql import ExecutionResult, parse, print_ast, validate
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.execution.answers import alike, left_behind
from tests.execution.documents import Documents, simple_value
from tests.execution.zoo import Eager, World, zoo

CORE: Final = zoo._schema


async def answered(
    document: str, seed: int, rate: float, variables: Mapping[str, Any] | None = None
) -> ExecutionResult:
    return await alike(CORE, Eager, parse(document), partial(World, seed, rate), variables)


def with_errors(answers: Sequence[ExecutionResult]) -> int:
    return sum(bool(answer.errors) for answer in answers)


def test_what_is_written_by_chance_is_valid() -> None:
    writer = Documents(CORE, Random(1), simple_value)

    errors = [error for _ in range(20) for error in validate(CORE, parse(writer.write().text))]

    assert errors == []


@left_behind
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1])
async def test_large_documents(rate: float, documents: int) -> None:
    writer = Documents(CORE, Random(f"large {rate}"), simple_value)
    written = [writer.write() for _ in range(documents)]

    answers = [
        await answered(document.text, number, rate, document.variables)
        for number, document in enumerate(written)
    ]

    assert with_errors(answers) >= documents * rate


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
    answers = [await answered(document, number, rate) for number, document in enumerate(written)]

    assert with_errors(answers) >= len(answers) * rate
