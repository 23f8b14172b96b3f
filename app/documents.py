"""GraphQL documents, parsed and validated once while their text is remembered."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    SelectionSetNode,
    Token,
    TokenKind,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.errors import Failed
from app.manifest import Manifest, manifest_of
from app.merging import merges
from app.requests import BadRequest
from app.settings import PREFIX, Settings
from app.weights import Scales, Weight

REMEMBERED: Final = 200_000
"""Characters of all texts together; a character of a document takes some 300 bytes when parsed."""
OF_STRANGERS: Final = 100_000
"""As many of texts that nobody who is signed in has sent."""


NUMBERS: Final = {TokenKind.INT, TokenKind.FLOAT}
ABORTED: Final = "Parsing aborted"
UNREADABLE: Final = "GRAPHQL_PARSE_FAILED"
HUGE: Final = 2**53 - 1
"""The largest figure that is told: every reader of JSON understands it."""

LIMITS: Final[Mapping[str, tuple[str, str, str]]] = {
    "max_query_depth": ("depth", "QUERY_TOO_DEEP", "is {:,} fields deep"),
    "max_query_root_fields": ("fields", "TOO_MANY_ROOT_FIELDS", "has {:,} root fields"),
    "max_query_aliases": ("aliases", "TOO_MANY_ALIASES", "has {:,} aliases"),
    "max_query_directives": ("directives", "TOO_MANY_DIRECTIVES", "has {:,} directives"),
    "max_query_cost": ("cost", "QUERY_TOO_COSTLY", "may answer {:,} values"),
}
"""Of each limit: what of the weight it is for, its code, and what is said."""


def _unchain(document: DocumentNode) -> None:
    """Let go of each token's neighbours, which nobody asks for once the document is parsed.

    They hold one another, so that what is forgotten would wait for the garbage collector.
    """
    token = document.loc.start_token if document.loc else None
    while token is not None:
        following = token.next
        token.prev = token.next = None
        token = following


@dataclass(frozen=True, slots=True)
class Document:
    """`errors` say why it cannot be run."""

    parsed: DocumentNode
    errors: list[GraphQLError]
    scales: dict[str, Scales] = field(default_factory=dict)
    """By the name of the operation."""

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


def root_fields(document: DocumentNode, chosen: SelectionSetNode) -> Iterator[str]:
    """Their names, those of fragments too. Of a document that is valid and not too heavy."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    waiting = [chosen]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                yield node.name.value
            elif isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                waiting.append(fragments[node.name.value].selection_set)


class Texts:
    """Documents by their text, the longest unused forgotten first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._length = 0

    def get(self, text: str) -> Document | None:
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
        return kept

    def keep(self, text: str, document: Document) -> None:
        self._kept[text] = document
        self._length += len(text)
        while self._length > self._most:
            forgotten, _ = self._kept.popitem(last=False)
            self._length -= len(forgotten)

    def take(self, text: str) -> Document | None:
        taken = self._kept.pop(text, None)
        if taken is not None:
            self._length -= len(text)
        return taken


class Documents:
    """What was asked before; only what is valid is kept.

    What strangers send is kept apart, lest they flush what others ask for, with its plans.
    """

    def __init__(self, schema: GraphQLSchema, settings: Settings) -> None:
        """Raises Failed for a manifest that cannot be read, or has what cannot be run."""
        self._schema = schema
        self._most = Weight(
            **{figure: getattr(settings, limit) for limit, (figure, _, _) in LIMITS.items()}
        )
        self._most_tokens = settings.max_query_tokens
        self._most_merges = settings.max_query_merges
        self._most_digits = settings.max_query_digits
        self._hides = not settings.introspection
        self._rules = (
            *specified_rules,
            MaybeNullValidationRule,
            OneOfInputValidationRule,
            *((NoSchemaIntrospectionCustomRule,) if self._hides else ()),
        )
        self._kept = Texts(REMEMBERED)
        self._of_strangers = Texts(OF_STRANGERS)
        self.manifest = manifest_of(settings)
        self._trusted = self._read_all(self.manifest) if self.manifest else {}

    def read(self, text: str) -> Document:
        """The document of this text, valid or not."""
        kept = self._trusted.get(text) or self._kept.get(text) or self._of_strangers.get(text)
        if kept is not None:
            return kept
        document = self._parsed(text)
        if not document.errors:
            self._of_strangers.keep(text, document)
        return document

    def keep(self, text: str) -> None:
        """Somebody who is signed in has sent it."""
        document = self._of_strangers.take(text)
        if document is not None:
            self._kept.keep(text, document)

    def too_heavy(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> list[GraphQLError]:
        """Which limits an operation of a valid document goes beyond."""
        called = operation.name.value if operation.name else ""
        scales = document.scales.get(called)
        if scales is None:
            scales = Scales(self._schema, document.parsed, operation)
            document.scales[called] = scales
        weight = scales.weigh(variables)
        return [] if weight.is_within(self._most) else list(self._beyond(weight))

    def _beyond(self, weight: Weight) -> Iterator[GraphQLError]:
        for limit, (figure, code, what) in LIMITS.items():
            number, most = min(getattr(weight, figure), HUGE), getattr(self._most, figure)
            if number > most:
                words = (
                    f"The operation {what.format(number)}, and at most {most:,} are served "
                    f"({PREFIX}{limit.upper()}). Ask for less at once."
                )
                yield _beyond(code, words, number, most)

    def _read_all(self, manifest: Manifest) -> dict[str, Document]:
        """Once, when the server starts, and for good."""
        documents = {text: self._parsed(text) for text in manifest.texts.values()}
        faults = [
            f"CANOPY_DOCUMENTS: the document {id} cannot be run: {error.message}"
            for id, text in manifest.texts.items()
            for error in documents[text].errors
        ]
        if faults:
            raise Failed("\n".join(faults))
        return documents

    def _parsed(self, text: str) -> Document:
        most = self._most_tokens
        try:
            parsed = parse(text, max_lexical_tokens=most, max_comments=most)
        except GraphQLError as error:
            told = _endless(most) if ABORTED in error.message else _coded([error], UNREADABLE)
            return Document(DocumentNode(definitions=()), told)
        refused = _unbearable(parsed, self._most_merges, self._most_digits)
        _unchain(parsed)
        if refused:
            return Document(DocumentNode(definitions=()), refused)
        errors = validate(self._schema, parsed, self._rules, hide_suggestions=self._hides)
        return Document(parsed, _coded(errors, "GRAPHQL_VALIDATION_FAILED"))


def _endless(most: int) -> list[GraphQLError]:
    """Nothing was read beyond one too many."""
    words = (
        f"The document has more than {most:,} tokens, or comments ({PREFIX}MAX_QUERY_TOKENS). "
        "Send long values as variables, and split the document."
    )
    return [_beyond("QUERY_TOO_LARGE", words, most + 1, most)]


def _unbearable(document: DocumentNode, most_merges: int, most_digits: int) -> list[GraphQLError]:
    """What would take long to validate, or what no number is."""
    refused = []
    if merges(document, most_merges) > most_merges:
        words = (
            "The document names the same fields in the same places, or spreads fragments there: "
            f"more than {most_merges:,} pairs are to be merged ({PREFIX}MAX_QUERY_MERGES). "
            "Name each field once, or split the document."
        )
        refused.append(_beyond("TOO_MANY_MERGES", words, most_merges + 1, most_merges))
    digits = max((len(token.value or "") for token in _numbers(document)), default=0)
    if digits > most_digits:
        words = (
            f"A number of the document has {digits:,} characters, and at most {most_digits:,} are "
            f"read ({PREFIX}MAX_QUERY_DIGITS)."
        )
        refused.append(_beyond("NUMBER_TOO_LONG", words, digits, most_digits))
    return refused


def _numbers(document: DocumentNode) -> Iterator[Token]:
    token = document.loc.start_token if document.loc else None
    while token is not None:
        if token.kind in NUMBERS:
            yield token
        token = token.next


def _beyond(code: str, words: str, figure: int, limit: int) -> GraphQLError:
    return GraphQLError(words, extensions={"code": code, "figure": figure, "limit": limit})


def _coded(errors: list[GraphQLError], code: str) -> list[GraphQLError]:
    for error in errors:
        error.extensions = {"code": code}
    return errors
