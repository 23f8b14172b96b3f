"""Previews: the transaction stays open until the whole answer is made, and is then rolled back."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final

from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_argument_values,
    get_variable_values,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields
from graphql.execution.values import VariableValues
from graphql.language import DocumentNode, FragmentDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext

from resolvers.performing import previewing
from schema.context import Context

PREVIEW: Final = "preview"
ALONE: Final = "A preview is the only root field of its document."


class Previews(SchemaExtension):
    """Undoes what a mutation with `preview: true` has done, after its nested edges are answered."""

    async def on_execute(self) -> AsyncIterator[None]:
        fields = _root_fields(self.execution_context)
        if not any(fields.values()):
            yield
        elif len(fields) > 1:
            refused = GraphQLError(ALONE, extensions={"code": "BAD_USER_INPUT"})
            self.execution_context.result = ExecutionResult(data=None, errors=[refused])
            yield
        else:
            async with previewing():
                try:
                    yield
                finally:
                    await self._end_reading()

    async def _end_reading(self) -> None:
        """No statement is under way any more, for one would keep the transaction from its end."""
        context: Context = self.execution_context.context
        if left := context.reader.end():
            await asyncio.wait(left)


def _root_fields(context: ExecutionContext) -> Mapping[str, bool]:
    """Of a mutation: each root field, and whether it asks for a preview."""
    operation = _operation(context)
    if operation is None or operation.operation is not OperationType.MUTATION:
        return {}
    if not _names_preview(context):
        return {}
    schema: GraphQLSchema = context.schema._schema
    variables = get_variable_values(
        schema, operation.variable_definitions or (), context.variables or {}
    )
    if isinstance(variables, list):
        return {}
    assert context.graphql_document is not None
    return {
        name: _asks(schema, node, variables)
        for name, node in _collected(schema, context.graphql_document, operation, variables)
        if node.name.value != "__typename"
    }


def _names_preview(context: ExecutionContext) -> bool:
    """Whether the word is said at all; of long lists to understand them takes a while."""
    given = (context.variables or {}).values()
    return PREVIEW in (context.query or "") or any(
        isinstance(value, dict) and PREVIEW in value for value in given
    )


def _operation(context: ExecutionContext) -> OperationDefinitionNode | None:
    """The operation that is run."""
    assert context.graphql_document is not None
    for node in context.graphql_document.definitions:
        if isinstance(node, OperationDefinitionNode):
            name = node.name.value if node.name else None
            if name == context.operation_name:
                return node
    return None


def _collected(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: VariableValues,
) -> Iterator[tuple[str, FieldNode]]:
    """The root fields that will be run, by the name they are answered under."""
    assert schema.mutation_type is not None
    fragments = {
        node.name.value: FragmentDetails(node)
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    found = collect_fields(schema, fragments, variables, schema.mutation_type, operation)
    for name, details in found.grouped_field_set.items():
        yield name, details[0].node


def _asks(schema: GraphQLSchema, field: FieldNode, variables: VariableValues) -> bool:
    """Whether it is sent `preview: true`. What cannot be understood will be refused anyway."""
    assert schema.mutation_type is not None
    definition = schema.mutation_type.fields.get(field.name.value)
    if definition is None:
        return False
    try:
        given = get_argument_values(definition, field, variables)
    except GraphQLError:
        return False
    input = given.get("input")
    return isinstance(input, dict) and input.get(PREVIEW) is True
