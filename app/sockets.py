"""How uvicorn serves WebSockets: with bounded memory, also for a client that does not read."""

from asyncio import TimerHandle
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.settings import Settings

TRY_AGAIN_LATER: Final = 1013


def of_sockets(settings: Settings) -> dict[str, Any]:
    """What uvicorn is told of WebSockets. Without compression, which takes memory for each."""
    return {
        "ws": Socket,
        "ws_max_size": settings.max_message_bytes,
        "ws_per_message_deflate": False,
    }


class Socket(WebSocketsSansIOProtocol):
    """Lets go of a client that does not read: neither it nor the end of the server waits for it.

    What is sent waits until it is read; while too much waits already, nothing is added.
    """

    patience = 20.0
    """Seconds in which a client must read on when it lags behind."""
    linger = 5.0
    """Seconds in which it may still read why it was left."""
    _timer: TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._timer = self.loop.call_later(self.patience, self._leave)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.close_sent:
            self._stop_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        super().shutdown()
        if not self.writable.is_set():
            self.transport.abort()

    def _leave(self) -> None:
        if not self.transport.is_closing():
            self.conn.fail(TRY_AGAIN_LATER, "The client reads too slowly.")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.queue.put_nowait({"type": "websocket.disconnect", "code": TRY_AGAIN_LATER})
            self.transport.close()
        self.close_sent = True
        self._timer = self.loop.call_later(self.linger, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
