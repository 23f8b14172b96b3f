"""One line and one measurement of each request, and its id in the answer."""

import logging
from collections.abc import Collection
from time import monotonic
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import current, metrics
from app.current import Current
from app.logs import tell
from app.requests import headers_of

if TYPE_CHECKING:  # an extra
    from opentelemetry.trace import Span

    from app.tracing import Tracing

ANSWERS: Final = {"http.response.start", "websocket.http.response.start", "websocket.accept"}
SWITCHED: Final = 101
"""The status of a request that became a WebSocket."""
UNANSWERED: Final = 499
"""As others write it: who asked has left before there was an answer."""
ELSEWHERE: Final = "-"
"""An address that is none of ours; whatever it was is not told."""
METHODS: Final = {"GET", "HEAD", "POST", "OPTIONS"}

log = logging.getLogger("canopy.access")


class Access:
    """`paths` are the addresses of single pages and endpoints."""

    def __init__(
        self, app: ASGIApp, paths: Collection[str], tracing: "Tracing | None" = None
    ) -> None:
        self._app = app
        self._paths = paths
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request = current.begin(headers_of(scope).get(b"x-request-id", b""))
        own = (b"x-request-id", request.id.encode())
        span = self._tracing.begin(Headers(scope=scope)) if self._tracing else None
        began = ended = monotonic()
        status = 0

        async def with_id(message: Message) -> None:
            nonlocal status, ended
            if message["type"] in ANSWERS:
                status = message.get("status", SWITCHED)
                message["headers"] = [*message["headers"], own]
            await send(message)
            ended = monotonic()

        try:
            await self._app(scope, receive, with_id)
        finally:
            self._tell(scope, request, status or UNANSWERED, ended - began, span)

    def _tell(
        self, scope: Scope, request: Current, status: int, seconds: float, span: "Span | None"
    ) -> None:
        path, method = self._path(scope, status), scope.get("method", "WEBSOCKET")
        method = method if method in METHODS or scope["type"] == "websocket" else ELSEWHERE
        metrics.note_request(method, status, request.measured_as, seconds)
        milliseconds = round(1000 * seconds, 1)
        told = {"method": method, "path": path, "status": status, "ms": milliseconds}
        tell(log, f"{method} {path} {status} {milliseconds} ms", told)
        if self._tracing and span:
            self._tracing.end(span, request, method, path, status)

    def _path(self, scope: Scope, status: int) -> str:
        path: str = scope["path"]
        is_ours = path in self._paths or ("endpoint" in scope and status < 400)
        return path if is_ours else ELSEWHERE
