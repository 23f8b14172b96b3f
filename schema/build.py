"""The schema, and its text."""

from datetime import datetime
from typing import Any, Final

import strawberry
from graphql import GraphQLError, lexicographic_sort_schema, print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from schema.errors import CodedErrors
from schema.mutations import Mutation
from schema.preview import Previews
from schema.query import Query
from schema.scalars import DATE_TIME
from schema.subscription import Subscription
from schema.types import Allocation, ApiToken, AuditEvent, ManageSession, Notification


class Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing: CodedErrors logs what nobody foresaw, and of that no more than it may."""


schema: Final = Schema(
    Query,
    Mutation,
    Subscription,
    types=[Allocation, ApiToken, AuditEvent, ManageSession, Notification],
    extensions=[CodedErrors, Previews],
    config=StrawberryConfig(scalar_map={datetime: DATE_TIME}, disable_field_suggestions=True),
)


def export_schema() -> str:
    """The schema as SDL, in an order that depends on nothing but its names."""
    core: Any = schema._schema
    return print_schema(lexicographic_sort_schema(core)) + "\n"
