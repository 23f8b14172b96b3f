"""What went wrong: refusals as data of a payload, everything else with a code at the top."""

import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from enum import StrEnum
from typing import Any, Final, Self

import strawberry
from graphql import ExecutionResult as GraphQLResult
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import FieldExtension, SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from models.errors import BadUserInput, Refusal, ScopeMissing, Unauthenticated
from schema.context import Info
from schema.enums import described

log = logging.getLogger(__name__)


class UserErrorCode(StrEnum):
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    INVALID_INPUT = "INVALID_INPUT"
    DUPLICATE = "DUPLICATE"
    CONFLICT = "CONFLICT"
    ORDER_NOT_OPEN = "ORDER_NOT_OPEN"
    INSUFFICIENT_LICENSES = "INSUFFICIENT_LICENSES"
    ALREADY_LICENSED = "ALREADY_LICENSED"
    LICENSE_EXPIRED = "LICENSE_EXPIRED"
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    LOCKED_OUT = "LOCKED_OUT"
    RATE_LIMITED = "RATE_LIMITED"
    TOKEN_INVALID = "TOKEN_INVALID"  # noqa: S105
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"


described(
    UserErrorCode,
    "Which rule said no.",
    NOT_FOUND="Unknown, or out of the viewer's sight: the two are never told apart.",
    FORBIDDEN="Seen, but not the viewer's to do.",
    INVALID_INPUT="A value that cannot be.",
    DUPLICATE="Somebody has this address, or this external id, already.",
    CONFLICT="The present state does not allow it.",
    ORDER_NOT_OPEN="The order was assigned, declined, cancelled or returned.",
    INSUFFICIENT_LICENSES="The pool is too small.",
    ALREADY_LICENSED="The license, or the learner, is taken.",
    LICENSE_EXPIRED="The license has expired or was returned.",
    INVALID_CREDENTIALS="The address or the password is wrong.",
    LOCKED_OUT="Too many wrong passwords: wait.",
    RATE_LIMITED="Too many attempts: wait.",
    TOKEN_INVALID="The link was used, has expired, or a newer one was sent.",  # noqa: S106
    IDEMPOTENCY_KEY_REUSED="The key was used with another mutation or another input.",
)


@strawberry.type(description="Why a mutation was refused; nothing was written.")
class UserError:
    code: UserErrorCode = strawberry.field(description="Which rule said no.")
    message: str = strawberry.field(description="The rule in words for a person.")
    path: list[str] | None = strawberry.field(
        description='Where in the arguments: ["input", "userIds", "3"].'
    )

    @classmethod
    def of(cls, refusal: Refusal) -> Self:
        path = None if refusal.path is None else ["input", *map(_argument, refusal.path)]
        return cls(code=UserErrorCode(refusal.code), message=refusal.message, path=path)


def _argument(step: str | int) -> str:
    return to_camel_case(step) if isinstance(step, str) else str(step)


HEARERS: Final[set[Callable[[str], None]]] = set()
"""Called with the code of what is refused as data."""


class RefusalsAsData(FieldExtension):
    """Of a mutation: a refusal becomes the `errors` of its payload."""

    def apply(self, field: StrawberryField) -> None:
        for argument in field.arguments:
            argument.description = argument.description or "What it is done with."

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **arguments: Any
    ) -> Any:
        try:
            return await next_(source, info, **arguments)
        except Refusal as refusal:
            for tell in HEARERS:
                tell(refusal.code)
            payload: Any = info.return_type
            return payload.refused(refusal)


FOR_THE_TRANSPORT: Final = (
    GraphQLError,
    MissingQueryError,
    CannotGetOperationTypeError,
    InvalidOperationTypeError,
)
_OF_VARIABLE: Final = re.compile(
    r"Variable '\$(\w+)' has invalid value(?: at ((?:\.\w+|\[\d+\])+))?: ", re.ASCII
)
UNEXPECTED: Final = "Something went wrong on our side. It has been logged."


class CodedErrors(SchemaExtension):
    """Every error at the top has a code; what nobody foresaw is logged, and told as no more."""

    def on_operation(self) -> Iterator[None]:
        try:
            yield
        except FOR_THE_TRANSPORT:
            raise
        except Exception as error:  # noqa: BLE001 - the answer must not tell what it was
            raise coded(GraphQLError(str(error), original_error=error)) from None
        result = self.execution_context.result
        if isinstance(result, GraphQLResult | ExecutionResult) and result.errors:
            result.errors = [coded(error) for error in result.errors]

    def on_validate(self) -> Iterator[None]:
        yield
        for error in self.execution_context.pre_execution_errors or ():
            _with(error, "GRAPHQL_VALIDATION_FAILED")


def coded(error: GraphQLError) -> GraphQLError:
    """The error as it is told."""
    if "code" in (error.extensions or {}):
        return error
    match _cause(error):
        case Unauthenticated():
            return _told(error, "Sign in first.", code="UNAUTHENTICATED")
        case ScopeMissing() as cause:
            return _told(error, str(cause), code="FORBIDDEN")
        case BadUserInput(argument=argument) as cause:
            return _told(error, str(cause), code="BAD_USER_INPUT", argument=argument)
        case Refusal(message=message, code=code):
            return _told(error, message, code=code)
        case None if isinstance(error, GraphQLSyntaxError):
            return _with(error, "GRAPHQL_PARSE_FAILED")
        case None:
            return _with(error, "BAD_USER_INPUT", **_place(error))
        case cause:
            _log(error, cause)
            return _told(error, UNEXPECTED, code="INTERNAL_SERVER_ERROR")


def _cause(error: GraphQLError) -> Exception | None:
    """What was raised, other than by GraphQL itself."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _told(error: GraphQLError, message: str, **extensions: str | None) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={name: value for name, value in extensions.items() if value is not None},
    )


def _with(error: GraphQLError, code: str, **more: object) -> GraphQLError:
    error.extensions = {"code": code, **more, **(error.extensions or {})}
    return error


def _place(error: GraphQLError) -> dict[str, list[str]]:
    """Where in the variables; GraphQL tells it in words alone."""
    found = _OF_VARIABLE.match(error.message)
    return {"path": re.findall(r"\w+", " ".join(found.groups("")))} if found else {}


def _log(error: GraphQLError, cause: Exception) -> None:
    """Without its words: databases quote values, and the formatters of app.logs leave them out."""
    log.error("%s at %s", type(cause).__name__, error.path, exc_info=cause)
