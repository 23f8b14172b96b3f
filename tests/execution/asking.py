"""The zoo, asked through both executors, and how much of it was left to stock."""

from collections.abc import Callable
from typing import Any, NamedTuple

from graphql import GraphQLError
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from tests.execution.answers import executed, told
from tests.execution.zoo import Eager, World, zoo


class Watched(Eager):
    """Notes down the fields that stock runs itself."""

    by_stock: list[str]

    def execute_field(
        self, parent_type: Any, source: Any, field_details_list: Any, path: Any, *more: Any
    ) -> Any:
        self.by_stock.append(".".join(str(step) for step in path.as_list()))
        return super().execute_field(parent_type, source, field_details_list, path, *more)


class Answer(NamedTuple):
    data: Any
    errors: list[GraphQLError]


async def asked(
    document: str, world: Callable[[], World] = World, /, **variables: Any
) -> tuple[Answer, list[str]]:
    """The answer, which is stock's too, and the fields that stock ran to make it."""
    core = zoo._schema
    stocks = await executed(core, Stock, document, world(), variables)
    by_stock: list[str] = []

    class Here(Watched):
        pass

    Here.by_stock = by_stock
    ours = await executed(core, Here, document, world(), variables)
    assert told(ours) == told(stocks)
    return Answer(ours.data, ours.errors or []), by_stock
