"""Subscriptions: WebSockets at /graphql, by the protocol graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from datetime import datetime
from enum import IntEnum
from inspect import isawaitable
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationType,
)
from graphql.execution import (
    Executor,
    create_source_event_stream,
    execute_subscription_event,
    map_source_to_response_event,
)
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from app import current, metrics
from app.auth import Callers, bearer
from app.documents import Documents
from app.graphql import answer_of
from app.places import timed_out
from app.rates import Rates, address
from app.requests import Asked, BadRequest, message, question
from app.settings import Settings
from models.access import Caller, caller_again
from models.errors import BadUserInput, RateLimited, Refusal, ScopeMissing, Unauthenticated
from resolvers.live import SessionEnded, Subscriber, Turns
from resolvers.reading.reader import Reader
from resolvers.tokens import note_use
from resolvers.work import Clock
from schema.context import LiveContext
from schema.errors import coded
from schema.scalars import as_json

PROTOCOL: Final = "graphql-transport-ws"
INIT_WITHIN: Final = 5.0
"""Seconds in which the client must say who it is."""
EVERY: Final = 30.0
"""Seconds after which rights are looked at again though nothing happened."""
EXECUTED_AT_ONCE: Final = 4
LONGEST_REASON: Final = 123
"""Bytes, by RFC 6455."""
EXPECTED: Final = (Refusal, BadUserInput, ScopeMissing, Unauthenticated, GraphQLError)

log = logging.getLogger(__name__)
Json = dict[str, Any]


class Code(IntEnum):
    """Why a socket is closed."""

    TRY_AGAIN_LATER = 1013
    BAD_MESSAGE = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    PROTOCOL_NOT_ACCEPTABLE = 4406
    INIT_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITS = 4429


class Closed(Exception):
    """The socket is to be closed, and why."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Left(Exception):
    """The client is gone."""


class Subscriptions:
    """An ASGI application: the sockets of this process, and what they have in common."""

    def __init__(
        self,
        schema: GraphQLSchema,
        settings: Settings,
        clock: Clock,
        rates: Rates,
        documents: Documents,
        every: float = EVERY,
    ) -> None:
        self.schema = schema
        self.settings = settings
        self.clock = clock
        self.rates = rates
        self.callers = Callers()
        self.documents = documents
        self.every = every
        self.turns = Turns(settings.max_operation_seconds)
        self.executing = asyncio.Semaphore(EXECUTED_AT_ONCE)
        self.sockets: Counter[UUID] = Counter()
        self.subscriptions: Counter[UUID] = Counter()
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        if not self._is_welcome(websocket.headers.get("origin"), websocket.headers.get("host", "")):
            await websocket.send_denial_response(Response("This origin is not allowed.", 403))
        elif self._open >= self.settings.max_sockets:
            await websocket.send_denial_response(Response("Too many sockets.", 503))
        elif (refused := await self._too_often(websocket)) is not None:
            await websocket.send_denial_response(
                Response(refused.message, refused.status, refused.headers)
            )
        elif PROTOCOL not in scope["subprotocols"]:
            await websocket.accept()
            await websocket.close(Code.PROTOCOL_NOT_ACCEPTABLE, f"Speak {PROTOCOL}.")
        else:
            await self._accept(websocket)

    async def _too_often(self, websocket: WebSocket) -> BadRequest | None:
        try:
            await self.rates.count_address(address(websocket))
        except BadRequest as refused:
            return refused
        return None

    async def _accept(self, websocket: WebSocket) -> None:
        self._open += 1
        try:
            await websocket.accept(PROTOCOL)
            with metrics.counted(metrics.sockets):
                await Talk(self, websocket).go_on()
        finally:
            self._open -= 1

    def _is_welcome(self, origin: str | None, host: str) -> bool:
        """Browsers say which page asks; the same host as ours is one of ours."""
        if origin is None:
            return True
        own = urlsplit(self.settings.public_url)
        return (
            origin.lower() in (*self.settings.allowed_origins, f"{own.scheme}://{own.netloc}")
            or origin.partition("://")[2].lower() == host.lower()
        )


class Talk:
    """One socket, from its first message to its last."""

    def __init__(self, all: Subscriptions, websocket: WebSocket) -> None:
        self._all = all
        self._websocket = websocket
        self._operations: dict[str, asyncio.Task[None]] = {}

    async def go_on(self) -> None:
        """Until either side ends it. Whatever fails, the others learn nothing of it."""
        try:
            await self._talk()
        except* (Left, WebSocketDisconnect):
            pass
        except* Closed as closed:
            await self._close(_first(closed))
        except* Exception as unforeseen:
            log.exception("A socket failed.", exc_info=_first(unforeseen))
            await self._close(Closed(Code.TRY_AGAIN_LATER, "Something went wrong on our side."))

    async def _talk(self) -> None:
        caller = await self._begin()
        most = self._all.settings.max_sockets_per_user
        if self._all.sockets[caller.user_id] >= most:
            raise Closed(
                Code.TRY_AGAIN_LATER,
                f"You have {most} sockets open (CANOPY_MAX_SOCKETS_PER_USER).",
            )
        with _counted(self._all.sockets, caller.user_id):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch_rights(caller))
                await self._send({"type": "connection_ack"})
                await note_use(caller, self._all.clock())
                while True:
                    await self._take(await self._receive(), caller, tasks)

    async def _begin(self) -> Caller:
        """Who it is, told in time."""
        try:
            async with asyncio.timeout(INIT_WITHIN):
                payload = await self._init()
        except TimeoutError:
            raise Closed(Code.INIT_TIMEOUT, "Connection initialisation timeout") from None
        sent = [value for name, value in payload.items() if name.lower() == "authorization"]
        caller = await self._all.callers.of(bearer(sent), self._all.clock())
        if caller is None:
            if sent:
                await self._count_guess()
            raise Closed(Code.FORBIDDEN, 'Send {"authorization": "Bearer …"} in connection_init.')
        return caller

    async def _count_guess(self) -> None:
        """Raises Closed beyond the limit."""
        try:
            await self._all.rates.count_guesses(address(self._websocket), 1)
        except BadRequest as refused:
            raise Closed(Code.TRY_AGAIN_LATER, refused.message) from None

    async def _init(self) -> Json:
        while True:
            match await self._receive():
                case {"type": "connection_init", "payload": dict(payload)}:
                    return payload
                case {"type": "connection_init"}:
                    return {}
                case {"type": "subscribe"}:
                    raise Closed(Code.UNAUTHORIZED, "Unauthorized")
                case message:
                    await self._answer(message)

    async def _watch_rights(self, caller: Caller) -> None:
        while True:
            await asyncio.sleep(self._all.every)
            if await caller_again(caller, self._all.clock()) is None:
                raise _ended()

    async def _take(self, message: Json, caller: Caller, tasks: asyncio.TaskGroup) -> None:
        match message:
            case {"type": "subscribe", "id": str(id), "payload": dict(payload)} if id:
                if id in self._operations:
                    raise Closed(Code.SUBSCRIBER_EXISTS, f"Subscriber for {id} already exists")
                asked_at = self._all.clock()
                self._operations[id] = tasks.create_task(
                    self._operate(id, payload, caller, asked_at)
                )
            case {"type": "complete", "id": str(id)}:
                if operation := self._operations.pop(id, None):
                    operation.cancel()
            case {"type": "connection_init"}:
                raise Closed(Code.TOO_MANY_INITS, "Too many initialisation requests")
            case _:
                await self._answer(message)

    async def _answer(self, message: Json) -> None:
        """What may be sent at any time."""
        match message:
            case {"type": "ping"}:
                await self._send({"type": "pong"})
            case {"type": "pong"}:
                pass
            case _:
                raise Closed(Code.BAD_MESSAGE, "This is no message of the protocol.")

    async def _operate(self, id: str, payload: Json, caller: Caller, asked_at: datetime) -> None:
        """One subscription; whatever it ends with, the others go on, unless the session ended."""
        try:
            self._must_be_few(caller)
            await self._all.rates.count_token(caller.session_id)
            with (
                _counted(self._all.subscriptions, caller.user_id),
                metrics.counted(metrics.subscriptions),
            ):
                asked = question(payload, self._all.settings, self._all.documents.manifest)
                async with aclosing(self._results(asked, caller, asked_at)) as results:
                    async for result in results:
                        await self._send({"id": id, "type": "next", "payload": self._told(result)})
            end: Json = {"type": "complete"}
        except SessionEnded:
            raise _ended() from None
        except BadRequest as refused:
            if refused.code == "BAD_REQUEST":
                metrics.note_refusal(refused.code)
                raise Closed(Code.BAD_MESSAGE, refused.message) from None
            end = _errors(GraphQLError(refused.message, extensions={"code": refused.code}))
        except TimeoutError:
            late = timed_out(self._all.settings.max_operation_seconds)
            end = _errors(GraphQLError(late.message, extensions={"code": late.code}))
        except Refused as refused:
            end = _errors(*refused.errors[: self._all.settings.max_errors])
        except EXPECTED as error:
            end = _errors(GraphQLError(str(error), original_error=error))
        if self._operations.get(id) is asyncio.current_task():
            del self._operations[id]  # first, for the client may use the id again at once
            await self._send({"id": id, **end})

    def _must_be_few(self, caller: Caller) -> None:
        settings, theirs = self._all.settings, self._all.subscriptions[caller.user_id]
        for number, name in (
            (len(self._operations) - 1, "max_subscriptions_per_socket"),
            (theirs, "max_subscriptions_per_user"),
        ):
            if number >= (most := getattr(settings, name)):
                raise RateLimited(f"You have {most} subscriptions already (CANOPY_{name.upper()}).")

    async def _results(
        self, asked: Asked, caller: Caller, asked_at: datetime
    ) -> AsyncGenerator[ExecutionResult, None]:
        executor = self._executor(asked, self._context(caller, asked_at))
        events: Any = create_source_event_stream(executor)
        if isawaitable(events):
            events = await events
        if isinstance(events, ExecutionResult):
            raise Refused(events.errors or [])
        async with aclosing(events) as source:
            stream = map_source_to_response_event(executor, source, self._execute)
            async with aclosing(stream) as results:
                try:
                    async for result in results:
                        yield result
                finally:
                    executor.context_value.reader.end()

    def _executor(self, asked: Asked, context: LiveContext) -> Executor[Any]:
        """Raises BadRequest and Refused."""
        document = self._all.documents.read(asked.query)
        if not document.is_parsed:
            raise Refused(document.errors)
        operation = document.operation(asked.operation_name)
        if operation.operation is not OperationType.SUBSCRIPTION:
            raise BadRequest(400, "METHOD_NOT_ALLOWED", "Send queries and mutations by POST.")
        current.begin_subscription(operation.name.value if operation.name else None)
        errors = document.errors or self._all.documents.too_heavy(
            document, operation, asked.variables or {}
        )
        if errors:
            raise Refused(errors)
        executor = Executor.build(
            self._all.schema,
            document.parsed,
            context_value=context,
            raw_variable_values=asked.variables,
            operation_name=asked.operation_name,
            hide_suggestions=not self._all.settings.introspection,
        )
        if isinstance(executor, list):
            raise Refused(executor)
        return executor

    def _context(self, caller: Caller, asked_at: datetime) -> LiveContext:
        clock = self._all.clock
        reader = Reader(caller, asked_at)
        subscriber = Subscriber(reader, clock, self._all.turns, self._all.every)
        return LiveContext(caller, reader, clock, subscriber)

    async def _execute(self, executor: Executor[Any]) -> ExecutionResult:
        """One event; of all that were woken a few at once. Raises TimeoutError."""
        longest = self._all.settings.max_operation_seconds
        async with self._all.executing, asyncio.timeout(longest):
            result = execute_subscription_event(executor)
            return await result if isawaitable(result) else result

    def _told(self, result: ExecutionResult) -> Json:
        told = answer_of(result, self._all.settings.max_errors)
        return told | ({"errors": _formatted(told["errors"])} if "errors" in told else {})

    async def _receive(self) -> Json:
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise Left
        text = received.get("text")
        if text is None:
            raise Closed(Code.BAD_MESSAGE, "Messages are text.")
        try:
            members = message(text, self._all.settings)
        except BadRequest as refused:
            raise Closed(Code.BAD_MESSAGE, refused.message) from None
        if not isinstance(members.get("payload"), dict | None):
            raise Closed(Code.BAD_MESSAGE, "`payload` must be an object.")
        return members

    async def _send(self, message: Json) -> None:
        """Waits while the client does not read what was sent before."""
        text = as_json(message).decode()
        try:
            await self._websocket.send({"type": "websocket.send", "text": text})
        except RuntimeError:  # uvicorn has closed it meanwhile
            raise Left from None

    async def _close(self, closed: Closed) -> None:
        reason = closed.reason.encode()[:LONGEST_REASON].decode(errors="ignore")
        with suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.close(closed.code, reason)


class Refused(Exception):
    """The document cannot be run."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__()
        self.errors = errors


def _ended() -> Closed:
    return Closed(Code.FORBIDDEN, "The session has ended.")


def _errors(*errors: GraphQLError) -> Json:
    return {"type": "error", "payload": _formatted([coded(error) for error in errors])}


def _formatted(told: Sequence[Any]) -> list[Json]:
    """Coded errors, as they are sent; and counted."""
    for error in told:
        metrics.note_refusal(error.extensions["code"])
    return [error.formatted for error in told]


@contextmanager
def _counted(counts: Counter[UUID], user_id: UUID) -> Iterator[None]:
    counts[user_id] += 1
    try:
        yield
    finally:
        counts[user_id] -= 1
        if not counts[user_id]:
            del counts[user_id]


def _first(group: BaseExceptionGroup[Any]) -> Any:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
