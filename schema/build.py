"""The schema, and its text."""

from datetime import datetime
from functools import cache
from inspect import isawaitable
from typing import Any, Final

import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    coerce_input_value,
    lexicographic_sort_schema,
    print_schema,
    validate_input_value,
)
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.types import ExecutionContext
from strawberry.types.arguments import convert_argument
from strawberry.utils.str_converters import to_camel_case

from models.errors import BadUserInput
from resolvers.reading.filters import Filter
from schema.context import Context
from schema.errors import CodedErrors
from schema.execution.executor import CompilingExecutor
from schema.mutations import Mutation
from schema.neutral import FilterInput, neutral
from schema.preview import Previews
from schema.query import Query
from schema.scalars import DATE_TIME
from schema.subscription import Subscription
from schema.types import (
    Allocation,
    ApiToken,
    AuditEvent,
    ManageSession,
    Notification,
    WebhookDelivery,
)


class Names(NameConverter):
    """Converts each name once: inputs are taken in field by field, in every request."""

    @staticmethod
    @cache
    def _converted(name: str) -> str:
        return to_camel_case(name)

    def apply_naming_config(self, name: str) -> str:
        return self._converted(name)


class Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing: CodedErrors logs what nobody foresaw, and of that no more than it may."""


class Executor(CompilingExecutor):
    """Plans are made for those who are signed in: a stranger's documents leave none behind."""

    def may_compile(self) -> bool:
        context = self.context_value
        return isinstance(context, Context) and bool(context.caller) and super().may_compile()


schema: Final = Schema(
    Query,
    Mutation,
    Subscription,
    types=[Allocation, ApiToken, AuditEvent, ManageSession, Notification, WebhookDelivery],
    extensions=[CodedErrors, Previews],
    execution_context_class=Executor,
    config=StrawberryConfig(
        scalar_map={datetime: DATE_TIME}, disable_field_suggestions=True, name_converter=Names()
    ),
)


async def answer(
    schema: strawberry.Schema,
    document: DocumentNode,
    variables: dict[str, Any] | None,
    context: Context,
    operation_name: str | None,
) -> ExecutionResult:
    """As `execute`, of a query that was read and found valid: extensions have no part in it."""
    try:
        executor = schema.execution_context_class.build(
            schema._schema,
            document,
            context_value=context,
            raw_variable_values=variables,
            operation_name=operation_name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
        )
        if isinstance(executor, list):
            return ExecutionResult(None, executor)
        result: Any = executor.execute_operation()
        executed: ExecutionResult = await result if isawaitable(result) else result
    except Exception as error:  # noqa: BLE001 - the answer must not tell what it was
        return ExecutionResult(None, [GraphQLError(str(error), original_error=error)])
    return executed


def neutral_filter(kind: type[FilterInput], sent: Any) -> Filter | None:
    """What a filter says that came as JSON, and is not nested too deep. Raises BadUserInput."""
    declared: Any = schema._schema.get_type(kind.__name__)
    wrong: list[str] = []
    validate_input_value(
        sent, declared, lambda error, _: wrong.append(error.message), hide_suggestions=True
    )
    if wrong:
        raise BadUserInput(wrong[0], "filter")
    given = convert_argument(
        coerce_input_value(sent, declared),
        kind,
        schema.schema_converter.scalar_registry,
        schema.config,
    )
    filter: Filter | None = neutral(given)
    return filter


def export_schema() -> str:
    """The schema as SDL, in an order that depends on nothing but its names."""
    core: Any = schema._schema
    return print_schema(lexicographic_sort_schema(core)) + "\n"
