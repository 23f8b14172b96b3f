"""Who reads, as of when; and what has been read for one request."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from models.access import Caller
from models.errors import Unauthenticated

Batch = Callable[..., Awaitable[Mapping[Any, Any]]]
"""`load(reader, keys, **arguments) -> {key: value}`: one statement for all keys. A key that is not
there is null; a value that is an exception is raised for its key."""


@dataclass(frozen=True, slots=True, eq=False)
class AtHand:
    """What came along with other rows: a value for each key, in their order."""

    keys: Sequence[Any]
    values: Sequence[Any]
    tells: Callable[[Mapping[str, Any]], bool]
    """Whether it tells what an edge with these arguments asks."""
    by: Callable[[Sequence[Any]], Sequence[Any]] = lambda keys: keys
    """What the keys of an edge are known by here."""

    def of(self, keys: Sequence[Any], arguments: Mapping[str, Any]) -> Sequence[Any] | None:
        """The value of each key, if that is all of them and tells enough."""
        if not self.tells(arguments):
            return None
        keys = self.by(keys)
        if keys == self.keys:
            return self.values
        found = dict(zip(self.keys, self.values, strict=True))
        return list(map(found.get, keys)) if found.keys() >= set(keys) else None


def tells_at_most(columns: frozenset[str] | None) -> Callable[[Mapping[str, Any]], bool]:
    """Of rows that tell these columns: whether a row must tell no more. None are all."""

    def told(arguments: Mapping[str, Any]) -> bool:
        asked: frozenset[str] | None = arguments.get("tells")
        return columns is None or (asked is not None and asked <= columns)

    return told


Primed = dict[Batch, list[AtHand]]

PATIENCE: Final = 4
"""Turns of the event loop without a new key, until what was asked for is asked of the database.
An executor comes to rows of the same level a few turns apart, as lists differ in length. Where
nothing else is ready to run, nobody can ask for more."""


class Reader:
    """Merges loads that come close together, and loads nothing twice."""

    def __init__(self, caller: Caller | None, now: datetime) -> None:
        self._tasks: set[asyncio.Future[None]] = set()
        self._has_ended = False
        self.renew(caller, now)

    def renew(self, caller: Caller | None, now: datetime) -> None:
        """Forget what was read: something was written, or somebody else reads from now on."""
        self.caller = caller
        self.now = now
        self._loads: dict[Hashable, _Load] = {}
        self.primed: Primed = {}
        self._asked = 0
        self._is_waiting = False

    @property
    def asking(self) -> Caller:
        """Raises Unauthenticated where nobody is signed in."""
        if self.caller is None:
            raise Unauthenticated
        return self.caller

    async def load(self, batch: Batch, key: Any, **arguments: Any) -> Any:
        """The value of `key`; arguments must be hashable."""
        return raised((await self.load_all(batch, (key,), **arguments))[key])

    def at_hand(
        self, batch: Batch, keys: Sequence[Any], arguments: Mapping[str, Any]
    ) -> Sequence[Any] | None:
        """What came along for each key, if that is all of them and tells enough."""
        for each in self.primed.get(batch, ()):
            found = each.of(keys, arguments)
            if found is not None:
                return found
        return None

    async def load_all(
        self, batch: Batch, keys: Iterable[Any], **arguments: Any
    ) -> Mapping[Any, Any]:
        """The value of each key, among others: None where nothing is, or an exception.

        The argument `tells` is not for the batch: the columns that must be there of a row.
        """
        if batch in self.primed:
            keys = list(keys)
            known = self.at_hand(batch, keys, arguments)
            if known is not None:
                return dict(zip(keys, known, strict=True))
        arguments.pop("tells", None)
        load = self._load(batch, arguments)
        new, answered = load.ask(keys)
        if new:
            self._asked += new
            if not self._is_waiting:
                self._is_waiting = True
                loop = asyncio.get_running_loop()
                loop.call_soon(self._wait, self._loads, self._asked, PATIENCE)
        for each in answered:
            await each
        return load.values

    async def load_now(
        self, batch: Batch, keys: Iterable[Any], **arguments: Any
    ) -> Mapping[Any, Any]:
        """As `load_all`, where nobody else asks for anything meanwhile that could be merged. The
        batch is told what its rows must tell, and they are at hand for whoever asks no more.
        """
        tells = arguments.get("tells")
        others = {name: value for name, value in arguments.items() if name != "tells"}
        load, primed = self._load(batch, others), self.primed
        if batch in primed or not load.is_new:
            return await self.load_all(batch, keys, **arguments)
        keys = list(keys)
        if tells is None:
            await load.read(self, keys)
            return load.values
        load = _Load(batch, arguments)
        await load.read(self, keys)
        found = list(map(load.values.get, keys))
        if not any(isinstance(value, Exception) for value in found):
            primed[batch] = [AtHand(keys, found, tells_at_most(tells))]
        return load.values

    def _load(self, batch: Batch, arguments: dict[str, Any]) -> "_Load":
        group = (batch, tuple(sorted(arguments.items())))
        load = self._loads.get(group)
        if load is None:
            load = self._loads[group] = _Load(batch, arguments)
        return load

    def end(self) -> set[asyncio.Future[None]]:
        """Nobody waits any more: whoever failed has left others behind. Ends what is under way for
        them, its SQL too, and says what that is."""
        self._has_ended = True
        for task in self._tasks:
            task.cancel()
        for load in self._loads.values():
            load.question.leave()
        self._loads, self.primed = {}, {}
        return set(self._tasks)

    def _wait(self, loads: "dict[Hashable, _Load]", asked: int, patience: int) -> None:
        if self._has_ended:
            return
        if loads is self._loads and asked != self._asked:
            asked, patience = self._asked, PATIENCE
        loop: Any = asyncio.get_running_loop()
        if patience and getattr(loop, "_ready", True):
            loop.call_soon(self._wait, loads, asked, patience - 1)
            return
        self._is_waiting = False
        for load in loads.values():
            if load.question.keys:
                task = asyncio.ensure_future(load.answer(self))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)


def raised(value: Any) -> Any:
    """The value itself. Raises it where it is an exception."""
    if isinstance(value, BaseException):
        raise value
    return value


class _Question:
    """Keys that go to the database together, and who waits for them."""

    def __init__(self) -> None:
        self.keys: dict[Any, None] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def answered(self) -> asyncio.Future[None]:
        """Each who waits has a future of their own: one who leaves takes nobody along."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def leave(self) -> None:
        """It will not be asked."""
        for future in self._waiting:
            future.cancel()

    def tell(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)


class _Load:
    """One batch function with one set of arguments, and what it answered."""

    def __init__(self, batch: Batch, arguments: dict[str, Any]) -> None:
        self._batch = batch
        self._arguments = arguments
        self._asked: dict[Any, _Question] = {}
        self.question = _Question()
        self.values: dict[Any, Any] = {}

    def ask(self, keys: Iterable[Any]) -> tuple[int, list[asyncio.Future[None]]]:
        """How many of the keys are new, and what to wait for."""
        before = len(self.question.keys)
        if self.is_new:
            self.question.keys = dict.fromkeys(keys)
            self._asked = dict.fromkeys(self.question.keys, self.question)
            return len(self._asked), [self.question.answered()] if self._asked else []
        questions: dict[_Question, None] = {}
        for key in keys:
            if key not in self.values:
                question = self._asked.get(key)
                if question is None:
                    question = self._asked[key] = self.question
                    question.keys[key] = None
                questions[question] = None
        new = len(self.question.keys) - before
        return new, [question.answered() for question in questions]

    @property
    def is_new(self) -> bool:
        return not (self.values or self._asked)

    async def answer(self, reader: Reader) -> None:
        question, self.question = self.question, _Question()
        keys = list(question.keys)
        try:
            await self.read(reader, keys)
        except BaseException as error:  # noqa: BLE001 - everybody who waits is told
            self.values.update(dict.fromkeys(keys, error))
        if len(keys) == len(self._asked):
            self._asked.clear()
        for key in keys if self._asked else ():
            del self._asked[key]
        question.tell()

    async def read(self, reader: Reader, keys: list[Any]) -> None:
        values: Mapping[Any, Any]
        try:
            values = await self._batch(reader, keys, **self._arguments)
        except Exception as error:  # noqa: BLE001 - it is each key's, however often that is asked
            values = dict.fromkeys(keys, error)
        self.values.update(dict.fromkeys(keys))
        self.values.update(values)
