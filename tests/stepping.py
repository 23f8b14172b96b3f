"""Cutting a task short, or holding it, at each place where it waits."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from enum import Enum, auto
from functools import partial
from typing import Any, Generic, TypeVar

from tortoise.connection import get_connection

from models.companies import Company

T = TypeVar("T")


class Cut(Enum):
    """When the task is cancelled: while it waits, or when its answer is there but unread."""

    WAITING = auto()
    ANSWERED = auto()


class Stepped(Generic[T]):
    """Awaits `work`, and does something when it waits for the `place`-th time."""

    def __init__(self, work: Awaitable[T], place: int) -> None:
        self._work = work
        self._place = place
        self.waits = 0

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._work.__await__()
        go_on = partial(next, steps)
        while True:
            try:
                future = go_on()
            except StopIteration as done:
                value: T = done.value
                return value
            self.waits += 1
            is_there = self.waits == self._place
            if is_there:
                self._before(future)
            try:
                answer = yield future
            except BaseException as error:  # noqa: BLE001 - handed on
                go_on = partial(steps.throw, error)
            else:
                go_on = partial(steps.send, answer)
            if is_there:
                yield from self._after()

    def _before(self, future: Any) -> None:
        """As it begins to wait for that future."""

    def _after(self) -> Generator[Any, Any, None]:
        """When it has waited, and has not been told so."""
        yield from ()


class CutShort(Stepped[object]):
    """Cancels the task there."""

    def __init__(self, work: Awaitable[object], place: int, cut: Cut) -> None:
        super().__init__(work, place)
        self._cut = cut

    def _before(self, future: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._cut is Cut.WAITING or future is None:
            task.cancel()
        else:
            future.add_done_callback(lambda _: task.cancel())


async def cut_short(work: Awaitable[object], place: int, cut: Cut) -> bool:
    """Whether `work` waited that often, and was cancelled there."""
    cutting = CutShort(work, place, cut)

    async def run() -> None:
        await cutting

    task = asyncio.create_task(run())
    await asyncio.wait([task], timeout=20)
    assert task.done(), f"It hangs after it was cut short at {place}."
    if not task.cancelled():
        task.result()
    return cutting.waits >= place


class Held(Stepped[T]):
    """Awaits `meanwhile` there."""

    def __init__(
        self, work: Awaitable[T], place: int, meanwhile: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(work, place)
        self._meanwhile = meanwhile

    def _after(self) -> Generator[Any, Any, None]:
        yield from self._meanwhile().__await__()


async def held_at(
    work: Awaitable[T], place: int, meanwhile: Callable[[], Awaitable[None]]
) -> tuple[T, bool]:
    """What `work` returned, and whether it waited that often and was held there."""
    held = Held(work, place, meanwhile)
    return await held, held.waits >= place


async def settled() -> None:
    """When no transaction and no lock is left behind; asyncpg clears up after the task."""
    async with asyncio.timeout(10):
        while not is_idle():
            await Company.exists()


def is_idle() -> bool:
    """Whether no transaction is open, and every connection of the pool is given back."""
    connection: Any = get_connection("default")
    if connection.capabilities.dialect == "sqlite":
        return not (connection._lock.locked() or connection._connection.in_transaction)
    return bool(connection._pool.get_idle_size() == connection._pool.get_size())
