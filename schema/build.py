"""The schema, and its text."""

from datetime import datetime
from typing import Any, Final, TypeAlias

import strawberry
from graphql import GraphQLError, lexicographic_sort_schema, print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionContext

from schema.context import Context
from schema.errors import CodedErrors
from schema.execution.executor import CompilingExecutor
from schema.mutations import Mutation
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


class Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing: CodedErrors logs what nobody foresaw, and of that no more than it may."""


StandardExecutor: TypeAlias = StrawberryGraphQLCoreExecutionContext


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
    config=StrawberryConfig(scalar_map={datetime: DATE_TIME}, disable_field_suggestions=True),
)


def export_schema() -> str:
    """The schema as SDL, in an order that depends on nothing but its names."""
    core: Any = schema._schema
    return print_schema(lexicographic_sort_schema(core)) + "\n"
