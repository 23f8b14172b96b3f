"""The endpoint /graphql: POST, and GET for queries, by the GraphQL-over-HTTP specification."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from copy import copy
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import orjson
from graphql import ExecutionResult as Executed
from graphql import GraphQLError, OperationDefinitionNode, OperationType
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry import Schema
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult

from app import current, metrics, pages
from app.auth import Callers, sent_token
from app.documents import Document, Documents, root_fields
from app.places import Limit, Places, Presence, timed_out
from app.rates import GUESSES, Rates, address
from app.requests import (
    GRAPHQL_RESPONSE,
    JSON,
    Asked,
    BadRequest,
    answer_type,
    asked,
    headers_of,
    not_there,
)
from app.settings import Settings
from models.access import Caller
from resolvers.reading.reader import Reader
from resolvers.tokens import is_use_due, note_use
from resolvers.work import Clock
from schema.build import answer
from schema.context import Context
from schema.errors import coded
from schema.execution.standard import StandardExecutor
from schema.scalars import as_json

Sleep = Callable[[float], Awaitable[object]]

METHODS: Final = ("GET", "HEAD", "POST")
FRESH: Final = {"Cache-Control": "no-store"}
OVER_WEBSOCKET: Final = (
    "Subscriptions are served over a WebSocket at this address, by graphql-transport-ws."
)
CONTENT_TYPES: Final = {
    name: (b"content-type", f"{name}; charset=utf-8".encode()) for name in (JSON, GRAPHQL_RESPONSE)
}
INTERNAL_CODE: Final = "INTERNAL_SERVER_ERROR"


class GraphQL:
    """An ASGI application: one GraphQL request, one answer."""

    def __init__(
        self,
        schema: Schema,
        settings: Settings,
        clock: Clock,
        rates: Rates,
        places: Places,
        documents: Documents | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._rates = rates
        self._places = places
        self._callers = Callers()
        self._sleep = sleep
        self._documents = documents or Documents(schema._schema, settings)
        self._schema = copy(schema)
        if settings.executor == "standard":
            self._schema.execution_context_class = StandardExecutor
        self._schema.extensions = (*schema.extensions, lambda: Prepared(self._documents))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except BadRequest as refused:
            response = refusal(refused, _refusal_type(scope))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        sender = address(request)
        await self._rates.count_address(sender)  # before anything else is refused
        if self._settings.shows_explorer and _is_from_address_bar(request):
            return pages.explorer()
        media_type = answer_type(_accepted(request.scope))
        if request.method not in METHODS:
            raise _not_allowed(f"Send {', '.join(METHODS)}.", *METHODS)
        self._places.must_be_free()
        longest = self._settings.max_operation_seconds
        with self._places.place() as place:
            async with Limit(longest, not_there) as limit:
                question = await asked(
                    request, self._settings, self._documents.manifest, place.hold
                )
                place.take()
                limit.begin_anew(timed_out)
                async with self._places.turn() as waited:
                    if waited and await request.is_disconnected():
                        raise ClientDisconnect
                    presence = Presence(request.receive, limit)
                    answer = await self._operate(request, question, sender, media_type, presence)
        if answer.wait:  # with nothing held, and what was done committed
            await self._sleep(answer.wait)
        return answer

    async def _operate(
        self,
        request: Request,
        question: Asked,
        sender: str,
        media_type: str,
        presence: Presence,
    ) -> "Answer":
        document = self._documents.read(question.query)
        if not document.is_parsed:
            return self._refused(document.errors, media_type)
        operation = document.operation(question.operation_name)
        _must_be_run(operation, request.method)
        errors = document.errors or self._documents.too_heavy(
            document, operation, question.variables or {}
        )
        if errors:
            return self._refused(errors, media_type)
        if guesses := _guesses(document, operation):
            await self._rates.count_guesses(sender, guesses)
        now = self._clock()
        caller = await known(request, self._callers, self._rates, now)
        _begin(operation, caller)
        if caller is not None:
            self._documents.keep(question.query)
        context = Context(
            caller, Reader(caller, now), self._clock, destinations=self._settings.destinations
        )
        try:
            if operation.operation is OperationType.QUERY:
                with presence:
                    result: Executed | ExecutionResult = await self._ask(
                        document, question, context
                    )
            else:
                result = await self._change(document, question, context)
        finally:
            context.reader.end()
        response = _response(answer_of(result, self._settings.max_errors), media_type)
        response.wait = sum(context.waits)
        if is_use_due(caller, now):
            response.background = BackgroundTask(note_use, caller, now)
        return response

    def _refused(self, errors: Sequence[GraphQLError], media_type: str) -> "Answer":
        return _response({"errors": errors[: self._settings.max_errors]}, media_type)

    async def _ask(self, document: Document, question: Asked, context: Context) -> Executed:
        return await answer(
            self._schema, document.parsed, question.variables, context, question.operation_name
        )

    async def _change(self, _: Document, question: Asked, context: Context) -> ExecutionResult:
        return await self._schema.execute(
            question.query,
            variable_values=question.variables,
            context_value=context,
            operation_name=question.operation_name,
        )


class Answer(Response):
    """What most requests get, with as few headers as it needs; sent after a `wait` of seconds."""

    wait = 0.0

    def init_headers(self, _: Mapping[str, str] | None = None) -> None:
        self.raw_headers = [
            (b"cache-control", b"no-store"),
            (b"content-length", str(len(self.body)).encode()),
            CONTENT_TYPES[self.media_type or JSON],
        ]


class Prepared(SchemaExtension):
    """Takes the document from those that were read already, and found valid."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = self._documents.read(
            self.execution_context.query or ""
        ).parsed
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield


async def known(request: Request, callers: Callers, rates: Rates, now: datetime) -> Caller | None:
    """Who asks, counted; a token that is nobody's is a guess. Raises BadRequest."""
    token = sent_token(request)
    caller = await callers.of(token, now)
    if caller is not None:
        await rates.count_token(caller.session_id)
    elif token:
        await rates.count_guesses(address(request), 1)
    return caller


def refusal(refused: BadRequest, media_type: str) -> Response:
    """The answer to a request that is no GraphQL, or none that is served."""
    metrics.note_refusal(refused.code)
    error = {"message": refused.message, "extensions": {"code": refused.code}}
    response = Response(orjson.dumps({"errors": [error]}), refused.status, FRESH | refused.headers)
    response.headers["content-type"] = f"{media_type}; charset=utf-8"
    return response


def _accepted(scope: Scope) -> bytes:
    return headers_of(scope).get(b"accept", b"")


def _refusal_type(scope: Scope) -> str:
    """JSON for a client that takes neither: it is told at least why."""
    try:
        return answer_type(_accepted(scope))
    except BadRequest:
        return JSON


def _begin(operation: OperationDefinitionNode, caller: Caller | None) -> None:
    name = operation.name.value if operation.name else None
    current.begin_operation(name, metrics.measured_name(name, by_known=caller is not None))


def _is_from_address_bar(request: Request) -> bool:
    return (
        request.method == "GET"
        and "text/html" in request.headers.get("accept", "")
        and not request.query_params
    )


def _must_be_run(operation: OperationDefinitionNode, method: str) -> None:
    if operation.operation is OperationType.SUBSCRIPTION:
        raise BadRequest(400, "BAD_REQUEST", OVER_WEBSOCKET)
    if operation.operation is OperationType.MUTATION and method != "POST":
        raise _not_allowed("Mutations are sent by POST.", "POST")


def _guesses(document: Document, operation: OperationDefinitionNode) -> int:
    if operation.operation is not OperationType.MUTATION:
        return 0
    return sum(name in GUESSES for name in root_fields(document.parsed, operation.selection_set))


def _not_allowed(message: str, *methods: str) -> BadRequest:
    return BadRequest(405, "METHOD_NOT_ALLOWED", message, {"Allow": ", ".join(methods)})


def answer_of(result: ExecutionResult | Executed, most_errors: int) -> dict[str, Any]:
    """Errors without a path are of the request as a whole: nothing was executed, and no data."""
    errors = result.errors or []
    told = [coded(error) for error in errors[:most_errors]]
    answer: dict[str, Any] = {"errors": told} if errors else {}
    if len(told) < len(errors):
        answer["extensions"] = {"errorsLeftOut": len(errors) - len(told)}
    if result.data is not None or any(error.path for error in errors):
        answer["data"] = result.data
    return answer


def _response(answer: dict[str, Any], media_type: str) -> Answer:
    for error in answer.get("errors", ()):
        metrics.note_refusal(error.extensions["code"])
    body = as_json(answer, _formatted)
    return Answer(body, _status(answer, media_type), media_type=media_type)


def _status(answer: dict[str, Any], media_type: str) -> HTTPStatus:
    """An answer without data is one to a bad request; the older media type knows only 200."""
    if "data" in answer:
        return HTTPStatus.OK
    if any(error.extensions["code"] == INTERNAL_CODE for error in answer["errors"]):
        return HTTPStatus.INTERNAL_SERVER_ERROR
    return HTTPStatus.BAD_REQUEST if media_type == GRAPHQL_RESPONSE else HTTPStatus.OK


def _formatted(value: object) -> Any:
    if isinstance(value, GraphQLError):
        return value.formatted
    raise TypeError(f"{type(value).__name__} is not JSON")
