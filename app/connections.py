"""How a server that is to end lets go of its connections, with not one request lost."""

from asyncio import BaseTransport
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

LULL: Final = 2.0
"""Seconds in which a connection that asks for nothing may still ask, when the server is to end."""


class Connection(HttpToolsProtocol):
    """Answers what was on its way to it before it closes.

    uvicorn's own closes all that asks for nothing at the moment: a connection just accepted, and
    one that is kept alive, whose next request may have left its client already.
    """

    _draining = False

    def shutdown(self) -> None:
        self._draining = True
        if self._is_asked():
            super().shutdown()
        else:
            self.loop.call_later(LULL, _end, self.transport)

    def on_headers_complete(self) -> None:
        """The client is told with the answer that this was the last one."""
        super().on_headers_complete()
        if self._draining and self._is_asked():
            super().shutdown()

    def _is_asked(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete


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
