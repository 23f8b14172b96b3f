"""How uvicorn serves HTTP: it loses no request when it ends, and keeps nobody who does not read or
sends without end."""

from asyncio import BaseTransport, TimerHandle
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

LONGEST_HEAD: Final = 65_536
"""Bytes of a request that are none of its body - its line and headers; between two parts of a body,
and behind the last - besides those that came along with something else."""
TOO_LONG: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)
LULL: Final = 2.0
"""Seconds in which a connection that asks for nothing may still ask, when the server is to end."""


class Connection(HttpToolsProtocol):
    """Answers what was on its way to it before it closes, and lets go of who does not read on.

    uvicorn's own closes all that asks for nothing at the moment: a connection just accepted, and
    one that is kept alive, whose next request may have left its client already. And it waits for
    ever for a client to read its answer, which is held meanwhile.
    """

    patience = 60.0
    """Seconds in which a client must read on when it lags behind."""
    _draining = False
    _is_in_head = True
    _is_in_message = True
    _apart = 0
    _fed = 0
    _timer: TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """The parser keeps a head without end, or what follows a body, before anybody is asked."""
        self._fed = len(data)
        super().data_received(data)
        if self._is_in_message:
            self._apart += self._fed
            if self._apart > LONGEST_HEAD and not self.transport.is_closing():
                if not self._is_answering():
                    self.transport.write(TOO_LONG)
                self.transport.close()

    def on_message_begin(self) -> None:
        self._is_in_head, self._is_in_message, self._apart = True, True, -self._fed
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """What is sent behind a body is no header: who reads those has looked at them by then."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._apart = -self._fed
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_message = False
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._timer = self.loop.call_later(self.patience, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        self._draining = True
        if self._is_asked():
            super().shutdown()
        else:
            self.loop.call_later(LULL, _end, self.transport)

    def on_headers_complete(self) -> None:
        """The client is told with the answer that this was the last one."""
        self._is_in_head, self._apart = False, -self._fed
        super().on_headers_complete()
        if self._draining and self._is_asked():
            super().shutdown()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_asked(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _is_answering(self) -> bool:
        """Part of an answer has left, or the answer to what was asked before."""
        return self._is_asked() and (self.cycle.response_started or self._is_in_head)


def of_connections() -> dict[str, Any]:
    """What uvicorn is told of HTTP."""
    return {"http": Connection}


def _end(transport: BaseTransport) -> None:
    """It may speak WebSocket by now."""
    protocol: Any = transport.get_protocol()
    if isinstance(protocol, Connection):
        HttpToolsProtocol.shutdown(protocol)
    elif not transport.is_closing():
        protocol.shutdown()
