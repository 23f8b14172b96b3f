"""What every resolver is given: who asks, what is read with, and the way to change anything."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import strawberry

from models.access import Caller
from resolvers import work
from resolvers.reading.reader import Reader
from resolvers.work import Clock, Done

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Context:
    """`caller` sent the request; `reader` reads the answer, after signing in as somebody else."""

    caller: Caller | None
    reader: Reader
    clock: Clock

    async def perform(
        self, operation: Callable[..., Awaitable[R]], *arguments: Any, how: object = None
    ) -> Done[R]:
        """Run an operation in its transaction; what was read before is read anew."""
        done = await work.perform(self.caller, self.clock, operation, *arguments, how=how)
        self.reader.renew(self.caller, done.at)
        return done


Info: TypeAlias = strawberry.Info[Context, None]
