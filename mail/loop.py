"""What all workers have in common: they look, send and note, again and again, whatever happens."""

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

Note = Callable[[], Awaitable[bool]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How a worker goes about it."""

    poll: float = 1.0
    """Seconds between two looks at an outbox that had nothing due."""
    lease: timedelta = timedelta(seconds=90)
    """How long a row waits for another worker after its own was killed. Longer than a sending."""
    batch: int = 50
    pause: float = 10.0
    """Seconds until it tries again after the mail server or the database failed as a whole."""
    note_again: float = 0.5
    """Seconds until it tries again to note what became of a row."""


USUAL: Final = Pace()


@dataclass(frozen=True)
class Patience:
    """How long, and how often, what fails for now is tried again: later and later."""

    gives_up_after: timedelta
    fewest_attempts: int
    """So many even where the time went by without a worker, or without a server."""
    first: timedelta
    last: timedelta

    def until(
        self, attempts: int, since: datetime, now: datetime, chance: float
    ) -> datetime | None:
        """When to try again after so many attempts; None gives up. `chance`, 0 to 1, spreads."""
        end = since + self.gives_up_after
        if now >= end and attempts >= self.fewest_attempts:
            return None
        delay = min(self.first * (1 << min(attempts - 1, 16)), self.last)
        until = now + delay * (1 + chance) / 2
        return min(until, end) if now < end else until


class Loop(ABC):
    """A worker: any number may run, on any number of machines.

    To cancel `run` is safe at any moment; only `stop` lets what is in hand be noted.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        pace: Pace,
        longest: timedelta,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`longest` is what a sending may take. Raises ValueError where no lease holds one."""
        if pace.lease <= longest:
            raise ValueError(f"A lease must be longer than a sending may take: {longest}")
        self.sent = 0
        self.tell: Callable[[str], object] = lambda outcome: None
        """Hears how the other side took each sending: accepted, refused, deferred."""
        self._clock = clock
        self._pace = pace
        self._chance = chance
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox now, for something has been promised."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is in hand is finished and the rest is left to other workers."""
        try:
            while not stop.is_set():
                self._woken.clear()
                try:
                    found = await self._work(stop)
                except Exception as error:  # noqa: BLE001 - it must go on after anything
                    logger.error("The outbox cannot be worked on: %s", kind(error))
                    await rest(self._pace.pause, stop)
                else:
                    if not found:
                        await rest(self._pace.poll, stop, self._woken)
            await self._finish()
        finally:
            await self._close()

    @abstractmethod
    async def _work(self, stop: asyncio.Event) -> bool:
        """Take what is due and send it; true if there was any, for there may be more."""

    @abstractmethod
    async def _finish(self) -> None:
        """What is in hand is finished."""

    @abstractmethod
    async def _close(self) -> None:
        """What is still in hand is left to other workers."""

    async def _note(self, note: Note) -> None:
        """Until the database takes it: what has left, and was not noted, would leave twice."""
        while True:
            try:
                held = await note()
            except Exception as error:  # noqa: BLE001 - see above
                logger.error("What became of a sending cannot be noted: %s", kind(error))
                await asyncio.sleep(self._pace.note_again)
            else:
                if not held:
                    logger.warning("A lease ran out before its sending was noted")
                return


def kind(error: Exception) -> str:
    """Not the message: it may hold an address."""
    return type(error).__name__


async def rest(seconds: float, *alarms: asyncio.Event) -> None:
    """Until the time is over or an alarm goes off."""
    waiting = [asyncio.ensure_future(alarm.wait()) for alarm in alarms]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
