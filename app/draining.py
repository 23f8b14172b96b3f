"""The end of a process: it says that it is not ready first, and stops listening a while after."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Draining:
    """Whether this process was told to end."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.has_begun = False

    @contextmanager
    def noticed(self) -> Iterator[None]:
        """Between SIGTERM and what the server does about it lie so many seconds; a second SIGTERM
        is not kept waiting. Signals reach the main thread alone."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop, stop = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

        def begin(number: int, frame: FrameType | None) -> None:
            if self.has_begun or not self._seconds:
                self.has_begun = True
                _call(stop, number, frame)
                return
            self.has_begun = True
            loop.call_soon_threadsafe(loop.call_later, self._seconds, _call, stop, number, None)

        signal.signal(signal.SIGTERM, begin)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, stop)


def _call(stop: Any, number: int, frame: FrameType | None) -> None:
    if callable(stop):
        stop(number, frame)
