"""What both executors answer to a document, and how far the answers may differ."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import pytest
from graphql import ExecutionResult, GraphQLSchema, execute, parse
from graphql.language import DocumentNode
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from schema.scalars import as_json

IS_AWAITABLE: Any = optimized_is_awaitable
Place: TypeAlias = tuple[str | int, ...]
Test = TypeVar("Test", bound=Callable[..., object])


def left_behind(test: Test) -> Test:
    """Stock leaves siblings of a failed field behind, which nobody will await.

    Collected while a named tuple is made, whose code has no builtins, they cannot even be warned
    of.
    """
    ignoring = pytest.mark.filterwarnings(
        "ignore:coroutine .* was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning"
    )
    marked: Test = pytest.mark.usefixtures("swept")(ignoring(test))
    return marked


async def executed(
    schema: GraphQLSchema,
    executor: type[Stock],
    document: str | DocumentNode,
    context: Any,
    variables: Mapping[str, Any] | None = None,
) -> ExecutionResult:
    result: Any = execute(
        schema,
        parse(document) if isinstance(document, str) else document,
        context_value=context,
        variable_values=dict(variables or {}),
        executor_class=executor,
        is_awaitable=IS_AWAITABLE,
    )
    if IS_AWAITABLE(result):
        result = await result
    assert isinstance(result, ExecutionResult)
    return result


def told(result: ExecutionResult) -> bytes:
    """The answer as it is sent; errors in the order of their places, which is nobody's promise."""
    errors = sorted((error.formatted for error in result.errors or ()), key=_place)
    return as_json({"data": result.data, "errors": errors}, str)


class Unhindered(Stock):
    """Tells of every error that there is: none makes more null than its own place, where others
    would have been."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.error_propagation = False


async def alike(
    schema: GraphQLSchema,
    executor: type[Stock],
    document: DocumentNode,
    context: Callable[[], Any],
    variables: Mapping[str, Any] | None = None,
) -> ExecutionResult:
    """What the executor answers, which is what stock answers, byte for byte.

    One thing is left open by the specification: which of several errors are told where one and the
    same place was made null by them. There they must be of all those that stock knows of.
    """
    ours, stocks = [
        await executed(schema, by, document, context(), variables) for by in (executor, Stock)
    ]
    assert as_json(ours.data, str) == as_json(stocks.data, str)
    mine, theirs = _by_null(ours), _by_null(stocks)
    assert mine.keys() == theirs.keys()
    differing = [null for null, errors in mine.items() if errors != theirs[null]]
    if differing:
        everything = await executed(schema, Unhindered, document, context(), variables)
        possible = [error.formatted for error in everything.errors or ()]
        for null in differing:
            assert all(error in possible for error in mine[null])
    else:
        assert told(ours) == told(stocks)
    return ours


def _by_null(result: ExecutionResult) -> dict[Place, list[Any]]:
    """The errors, by the place that they made null."""
    nulls: dict[Place, list[Any]] = {}
    for error in result.errors or ():
        nulls.setdefault(_null(result.data, error.path or ()), []).append(error.formatted)
    for errors in nulls.values():
        errors.sort(key=_place)
    return nulls


def _null(data: Any, path: Sequence[str | int]) -> Place:
    place: list[str | int] = []
    for step in path:
        if data is None:
            break
        place.append(step)
        data = data[step]
    assert data is None
    return tuple(place)


def _place(error: Any) -> tuple[list[tuple[bool, str]], str]:
    steps = [(isinstance(step, int), f"{step:0>9}") for step in error.get("path") or ()]
    return steps, error["message"]
