"""graphql-core's own executor, as Strawberry has it."""

from typing import Any

from graphql.execution import ExecutionResult
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext


class StandardExecutor(StrawberryGraphQLCoreExecutionContext):
    def build_response(self, data: dict[str, Any] | None) -> Any:
        """The answer. What refers to this executor from within goes, or it would wait for the
        garbage collector, with all that was read.
        """
        response = super().build_response(data)
        if isinstance(response, ExecutionResult):
            self.async_helpers = None  # type: ignore[assignment]
        return response
