"""Who reads, as of when; and what has been read for one request."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from datetime import datetime
from typing import Any

from models.access import Caller
from models.errors import Unauthenticated

Batch = Callable[..., Awaitable[Mapping[Any, Any]]]
"""`load(reader, keys, **arguments) -> {key: value}`: one statement for all keys. A key that is not
there is null; a value that is an exception is raised for its key."""


class Reader:
    """Merges the loads of one turn of the event loop, and loads nothing twice."""

    def __init__(self, caller: Caller | None, now: datetime) -> None:
        self.renew(caller, now)

    def renew(self, caller: Caller | None, now: datetime) -> None:
        """Forget what was read: something was written, or somebody else reads from now on."""
        self.caller = caller
        self.now = now
        self._answers: dict[Hashable, dict[Any, asyncio.Future[Any]]] = {}
        self._waiting: dict[Hashable, list[Any]] = {}
        self._tasks: set[asyncio.Future[None]] = set()

    @property
    def asking(self) -> Caller:
        """Raises Unauthenticated where nobody is signed in."""
        if self.caller is None:
            raise Unauthenticated
        return self.caller

    async def load(self, batch: Batch, key: Any, **arguments: Any) -> Any:
        """The value of `key`; arguments must be hashable."""
        group = (batch, tuple(sorted(arguments.items())))
        answers = self._answers.setdefault(group, {})
        if key not in answers:
            loop = asyncio.get_running_loop()
            answers[key] = loop.create_future()
            waiting = self._waiting.setdefault(group, [])
            if not waiting:
                loop.call_soon(self._begin, batch, arguments, answers, waiting)
            waiting.append(key)
        return await asyncio.shield(answers[key])

    def _begin(
        self,
        batch: Batch,
        arguments: dict[str, Any],
        answers: dict[Any, asyncio.Future[Any]],
        waiting: list[Any],
    ) -> None:
        keys = waiting[:]
        waiting.clear()
        task = asyncio.ensure_future(self._answer(batch, keys, arguments, answers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(
        self,
        batch: Batch,
        keys: list[Any],
        arguments: dict[str, Any],
        answers: dict[Any, asyncio.Future[Any]],
    ) -> None:
        values: Mapping[Any, Any]
        try:
            values = await batch(self, keys, **arguments)
        except BaseException as error:  # noqa: BLE001 - every waiter is told
            values = dict.fromkeys(keys, error)
        for key in keys:
            value = values.get(key)
            if isinstance(value, BaseException):
                answers[key].set_exception(value)
                answers[key].exception()
            else:
                answers[key].set_result(value)
