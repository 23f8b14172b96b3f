"""Who reads, as of when; and what has been read for one request."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, Final

from models.access import Caller
from models.errors import Unauthenticated

Batch = Callable[..., Awaitable[Mapping[Any, Any]]]
"""`load(reader, keys, **arguments) -> {key: value}`: one statement for all keys. A key that is not
there is null; a value that is an exception is raised for its key."""

PATIENCE: Final = 4
"""Turns of the event loop without a new key, until what was asked for is asked of the database.
An executor comes to rows of the same level a few turns apart, as lists differ in length."""


class Reader:
    """Merges loads that come close together, and loads nothing twice."""

    def __init__(self, caller: Caller | None, now: datetime) -> None:
        self.renew(caller, now)

    def renew(self, caller: Caller | None, now: datetime) -> None:
        """Forget what was read: something was written, or somebody else reads from now on."""
        self.caller = caller
        self.now = now
        self._loads: dict[Hashable, _Load] = {}
        self._asked = 0
        self._is_waiting = False
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
        load = self._loads.get(group)
        if load is None:
            load = self._loads[group] = _Load(batch, arguments)
        if key not in load.answers:
            load.ask(key)
            self._asked += 1
            if not self._is_waiting:
                self._is_waiting = True
                self._wait(self._loads, self._asked, PATIENCE)
        return await asyncio.shield(load.answers[key])

    def _wait(self, loads: "dict[Hashable, _Load]", asked: int, patience: int) -> None:
        if loads is self._loads and asked != self._asked:
            asked, patience = self._asked, PATIENCE
        if patience:
            asyncio.get_running_loop().call_soon(self._wait, loads, asked, patience - 1)
            return
        self._is_waiting = False
        for load in loads.values():
            if load.waiting:
                task = asyncio.ensure_future(load.answer(self))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)


class _Load:
    """One batch function with one set of arguments, and what it answered."""

    def __init__(self, batch: Batch, arguments: dict[str, Any]) -> None:
        self._batch = batch
        self._arguments = arguments
        self.answers: dict[Any, asyncio.Future[Any]] = {}
        self.waiting: list[Any] = []

    def ask(self, key: Any) -> None:
        self.answers[key] = asyncio.get_running_loop().create_future()
        self.waiting.append(key)

    async def answer(self, reader: Reader) -> None:
        keys, self.waiting = self.waiting, []
        if not keys:
            return
        values: Mapping[Any, Any]
        try:
            values = await self._batch(reader, keys, **self._arguments)
        except BaseException as error:  # noqa: BLE001 - every waiter is told
            values = dict.fromkeys(keys, error)
        for key in keys:
            value = values.get(key)
            if isinstance(value, BaseException):
                self.answers[key].set_exception(value)
                self.answers[key].exception()
            else:
                self.answers[key].set_result(value)
