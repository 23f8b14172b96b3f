"""What every resolver is given: who asks, what is read with, and the way to change anything."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeAlias, TypeVar
from uuid import UUID

import strawberry

from models.access import Caller, caller_of, oneself
from models.destinations import PUBLIC, Destinations
from resolvers import performing
from resolvers.live import Subscriber
from resolvers.performing import Done
from resolvers.reading.reader import Reader
from resolvers.work import Clock

R = TypeVar("R")

STEP: Final = timedelta(milliseconds=500)
"""Many times as long as what is done in one."""


@dataclass(frozen=True, slots=True)
class Call:
    """How a mutation was called."""

    idempotency_key: str | None
    preview: bool

    @classmethod
    def of(cls, input: object) -> "Call":
        key = getattr(input, "idempotency_key", None)
        return cls(None if key is strawberry.UNSET else key, getattr(input, "preview", False))


@dataclass(frozen=True, slots=True)
class Context:
    """`caller` sent the request; `reader` reads the answer, after signing in as somebody else.

    `destinations` is where webhooks may lead; `waits` are the seconds the answer has to wait for.
    """

    caller: Caller | None
    reader: Reader
    clock: Clock
    destinations: Destinations = field(default=PUBLIC, kw_only=True)
    waits: list[float] = field(default_factory=list, kw_only=True)

    async def perform(
        self, operation: Callable[..., Awaitable[R]], *arguments: Any, how: object = None
    ) -> Done[R]:
        """Run an operation in its transaction; what was read before is read anew."""
        call = Call.of(how)
        done = await performing.perform(self.caller, self.clock, operation, *arguments, how=call)
        self.reader.renew(self.caller, done.at)
        return done

    @contextmanager
    def untold_time(self) -> Iterator[None]:
        """How long it takes in here is not told: the answer waits for what is left of a step.

        Whatever else is asked in the same document takes its own time besides, so that nothing can
        be put before it that makes it end just before a step does.
        """
        begun = self.clock()
        try:
            yield
        finally:
            self.waits.append((STEP - (self.clock() - begun) % STEP).total_seconds())

    async def read_as(self, token: str) -> Caller:
        """From now on the answer is read by whoever was just given that token."""
        self.reader.renew(await caller_of(token, self.reader.now), self.reader.now)
        return self.reader.asking

    async def read_as_themselves(self, user_id: UUID) -> None:
        """From now on the answer is read by that person, who has no token yet."""
        self.reader.renew(await oneself(user_id), self.reader.now)


@dataclass(frozen=True, slots=True)
class LiveContext(Context):
    """Of a subscription: its reader is renewed with every event."""

    subscriber: Subscriber


Info: TypeAlias = strawberry.Info[Context, None]
LiveInfo: TypeAlias = strawberry.Info[LiveContext, None]
