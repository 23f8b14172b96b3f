"""One operation, one transaction: the only way anything is written.

Of an operation that is previewed nothing is kept; one that is repeated with its key is done once.
"""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Concatenate, Final, Generic, ParamSpec, Protocol, TypeVar, get_type_hints
from uuid import UUID

import asyncpg
import orjson
from pydantic import TypeAdapter
from tortoise.backends.base.client import TransactionalDBClient
from tortoise.exceptions import IntegrityError, TransactionManagementError
from tortoise.transactions import in_transaction

from models.access import Caller, caller_again
from models.audit import IdempotencyKey
from models.database import changing, notify, refusal_of
from models.errors import Busy, IdempotencyKeyReused, InvalidInput, Refusal, Unauthenticated
from resolvers.changes import CHANNEL, committed, payloads
from resolvers.tallies import count
from resolvers.work import Clock, Work

ATTEMPTS: Final = 8
"""How often a transaction is tried that lost against another one."""


class RightsChanged(Exception):
    """What the caller may do is not what it was when they were last read: something waited.

    Locks that would keep rights as they are would have callers wait for each other, and for
    themselves.
    """


LOST: Final = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError, RightsChanged)
"""A deadlock, or rows that another transaction changed. SQLite writes one after the other."""
KEYS_LAST: Final = timedelta(hours=24)
LONGEST_KEY: Final = 255

WAKES: Final[set[Callable[[], None]]] = set()
"""Called when something waits to be sent: how the workers of this process hear of it at once."""

P = ParamSpec("P")
R = TypeVar("R")
Operation = Callable[Concatenate[Work, P], Awaitable[R]]


class How(Protocol):
    """What many inputs say of the call itself; both may be missing."""

    idempotency_key: str | None
    preview: bool


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """What an operation did. `result` holds ids and counts, so that a repeat reads rows anew."""

    result: R
    notices: list[UUID]
    at: datetime
    is_repeat: bool = field(default=False, compare=False)
    """Of a call before: what was in sight then need not be any more."""


RESHAPES_TREE: Final[set[Callable[..., Any]]] = set()


def reshapes_tree(operation: Operation[P, R]) -> Operation[P, R]:
    """Marks an operation that changes paths or archives: it waits for all others, and they for it.

    Without it, a row written meanwhile would keep the old path.
    """
    RESHAPES_TREE.add(operation)
    return operation


async def perform(
    caller: Caller | None,
    clock: Clock,
    operation: Callable[..., Awaitable[R]],
    *arguments: Any,
    how: Any = None,
) -> Done[R]:
    """Run an operation as one transaction, and again if it lost against another one.

    Raises what the operation refuses, and then nothing is written; and Busy.
    """
    key = _checked(getattr(how, "idempotency_key", None))
    if getattr(how, "preview", False):
        key = None
        if _previewing.get() is None:
            raise RuntimeError("A preview must be performed inside `previewing()`.")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await _transact(caller, clock, operation, arguments, key, again=attempt > 1)
        except IntegrityError as error:
            # Tried again, the operation finds what was written meanwhile, and says it better.
            refusal = refusal_of(error)
            if refusal is not None and attempt > 1:
                raise refusal from error
            if attempt == ATTEMPTS:
                raise
        except LOST as error:
            if attempt == ATTEMPTS:
                raise Busy from error
        except Refusal as refusal:
            raise await _counted(refusal) from None
        await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311
    raise AssertionError


async def _transact(
    caller: Caller | None,
    clock: Clock,
    operation: Callable[..., Awaitable[R]],
    arguments: tuple[Any, ...],
    key: str | None,
    *,
    again: bool,
) -> Done[R]:
    """The caller was read just before; whether that still holds, is asked at the end of it."""
    async with changing(alone=operation in RESHAPES_TREE):
        now = clock()
        work = Work(await _still(caller, now) if again else caller, now)
        try:
            done = await _done(work, operation, arguments, key)
        except Refusal:
            await _require_same_rights(work)  # a refusal tells something, too
            raise
        await _require_same_rights(work)
        changes = work.changes()
        notify(CHANNEL, payloads(changes))
    if _previewing.get() is None:
        committed.tell(changes)
    for wake in WAKES if done.notices or work.is_heard else ():
        wake()
    return done


async def _require_same_rights(work: Work) -> None:
    """Raises RightsChanged."""
    if work.by is not None and await caller_again(work.by, work.now) != work.by:
        raise RightsChanged


async def _done(
    work: Work, operation: Callable[..., Awaitable[R]], arguments: tuple[Any, ...], key: str | None
) -> Done[R]:
    if key is None:
        return Done(await operation(work, *arguments), await work.write_down(), work.now)
    kept = await _kept(work, key, operation, arguments)
    if isinstance(kept, Done):
        return kept
    done = Done(await operation(work, *arguments), await work.write_down(), work.now)
    kept.result = _form(operation).dump_python(done, mode="json")
    await kept.save(update_fields=["result"])
    return done


async def _still(caller: Caller | None, now: datetime) -> Caller | None:
    if caller is None:
        return None
    again = await caller_again(caller, now)
    if again is None:
        raise Unauthenticated
    return again


async def _kept(
    work: Work,
    key: str,
    operation: Callable[..., Awaitable[R]],
    arguments: tuple[Any, ...],
) -> Done[R] | IdempotencyKey:
    """The first result of this key; or the key, kept from now on.

    Of two calls at once the second waits here for the first, and is then tried again.
    """
    caller = work.caller
    asked = hashlib.sha256(orjson.dumps([caller.company_id, arguments], default=str)).hexdigest()
    earlier = await IdempotencyKey.get_or_none(user_id=caller.user_id, key=key)
    if earlier is not None and work.now < earlier.created_at + KEYS_LAST:
        if (earlier.mutation, earlier.input_hash) != (operation.__name__, asked):
            raise IdempotencyKeyReused
        first: Done[R] = _form(operation).validate_python(earlier.result)
        return Done(first.result, first.notices, work.now, is_repeat=True)
    if earlier is not None:
        await earlier.delete()
    return await IdempotencyKey.create(
        user_id=caller.user_id,
        key=key,
        mutation=operation.__name__,
        input_hash=asked,
        created_at=work.now,
    )


@cache
def _form(operation: Callable[..., Any]) -> TypeAdapter[Any]:
    """How what this operation did is kept as JSON, from the type it is declared to return."""
    done: Any = Done
    return TypeAdapter(done[get_type_hints(operation)["return"]])


def _checked(key: str | None) -> str | None:
    if key is not None and not (1 <= len(key) <= LONGEST_KEY and key.isprintable()):
        raise InvalidInput(
            f"A key has 1 to {LONGEST_KEY} printable characters.", ("idempotency_key",)
        )
    return key


_previewing: ContextVar[TransactionalDBClient | None] = ContextVar("previewing", default=None)


@asynccontextmanager
async def previewing() -> AsyncIterator[None]:
    """All that is performed in here is undone at the end, but for the tally of refused attempts."""
    async with in_transaction() as transaction:
        token = _previewing.set(transaction)
        try:
            yield
        finally:
            _previewing.reset(token)
            await _undo(transaction)


async def _counted(refusal: Refusal) -> Refusal:
    """Count the attempts that were refused, after nothing else of them was written.

    What is told depends on the count, so that many at once learn no more than one after the other.
    """
    preview = _previewing.get()
    if preview is not None and refusal.attempts:
        await _undo(preview)  # the tally stays
    for attempt in refusal.attempts:
        number = await count(attempt)
        if attempt.most is not None and number > attempt.most:
            return attempt.beyond or refusal
    return refusal


async def _undo(transaction: TransactionalDBClient) -> None:
    """Roll back, unless that was done before."""
    with suppress(TransactionManagementError):
        await transaction.rollback()
