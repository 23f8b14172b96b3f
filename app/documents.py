"""GraphQL documents, parsed and validated once while their text is remembered."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.requests import BadRequest
from app.settings import Settings

REMEMBERED: Final = 200_000
"""Characters of all texts together; a character of a document takes some 300 bytes when parsed."""


ABORTED: Final = "Parsing aborted"


@dataclass(frozen=True, slots=True)
class Document:
    """`errors` say why it cannot be run."""

    parsed: DocumentNode
    errors: list[GraphQLError]

    @property
    def is_parsed(self) -> bool:
        return bool(self.parsed.definitions)

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run: the one of that name, or the only one. Raises BadRequest."""
        nodes = self.parsed.definitions
        operations = [node for node in nodes if isinstance(node, OperationDefinitionNode)]
        if name is not None:
            operations = [node for node in operations if node.name and node.name.value == name]
        if len(operations) == 1:
            return operations[0]
        raise BadRequest(
            400,
            "OPERATION_RESOLUTION_FAILURE",
            "`operationName` must name one of the operations of the document.",
        )


class Documents:
    """What was asked before, the longest unused forgotten first; only what is valid is kept."""

    def __init__(self, schema: GraphQLSchema, settings: Settings) -> None:
        self._schema = schema
        self._most_tokens = settings.max_query_tokens
        self._hides = not settings.introspection
        self._rules = (
            *specified_rules,
            MaybeNullValidationRule,
            OneOfInputValidationRule,
            *((NoSchemaIntrospectionCustomRule,) if self._hides else ()),
        )
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._length = 0

    def read(self, text: str) -> Document:
        """The document of this text, valid or not."""
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            return kept
        document = self._parsed(text)
        if not document.errors:
            self._keep(text, document)
        return document

    def _parsed(self, text: str) -> Document:
        most = self._most_tokens
        try:
            parsed = parse(text, max_lexical_tokens=most, max_comments=most)
        except GraphQLError as error:
            code = "QUERY_TOO_LARGE" if ABORTED in error.message else "GRAPHQL_PARSE_FAILED"
            return Document(DocumentNode(definitions=()), _coded([error], code))
        errors = validate(self._schema, parsed, self._rules, hide_suggestions=self._hides)
        return Document(parsed, _coded(errors, "GRAPHQL_VALIDATION_FAILED"))

    def _keep(self, text: str, document: Document) -> None:
        self._kept[text] = document
        self._length += len(text)
        while self._length > REMEMBERED:
            forgotten, _ = self._kept.popitem(last=False)
            self._length -= len(forgotten)


def _coded(errors: list[GraphQLError], code: str) -> list[GraphQLError]:
    for error in errors:
        error.extensions = {"code": code}
    return errors
