"""One operation, one transaction, one caller, one instant: the only way anything is written."""

import asyncio
import hashlib
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
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

from models.access import Action, Caller, caller_again, visible, why_not
from models.audit import AuditEvent, IdempotencyKey, Subject
from models.base import Entity, new_id
from models.companies import Company
from models.database import lock_tree, notify, refusal_of
from models.errors import (
    Busy,
    Forbidden,
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    Path,
    Refusal,
    Unauthenticated,
)
from models.orders import Order
from models.outbox import Notice, Notification, is_wanted
from models.users import User
from models.webhooks import WebhookEvent, WebhookMessage, queue
from resolvers.changes import CHANNEL, Change, changes_of, committed, payloads
from resolvers.tallies import count

ATTEMPTS: Final = 8
"""How often a transaction is tried that lost against another one."""


class RightsChanged(Exception):
    """What the caller may do is not what it was when the transaction began: it waited meanwhile.

    Locks that would keep rights as they are would have callers wait for each other, and for
    themselves.
    """


LOST: Final = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError, RightsChanged)
"""A deadlock, or rows that another transaction changed. SQLite writes one after the other."""
KEYS_LAST: Final = timedelta(hours=24)
LONGEST_KEY: Final = 255
_WORD: Final = re.compile("(?<!^)[A-Z]")

WAKES: Final[set[Callable[[], None]]] = set()
"""Called when something waits to be sent: how the workers of this process hear of it at once."""

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=Entity)
Clock = Callable[[], datetime]
Operation = Callable[Concatenate["Work", P], Awaitable[R]]


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


@dataclass
class Work:
    """What an operation works with: who asks, and the instant at which all of it happens."""

    by: Caller | None
    now: datetime
    batch: UUID = field(default_factory=new_id)
    _notices: list[Notification] = field(default_factory=list)
    _events: list[tuple[Company, AuditEvent]] = field(default_factory=list)
    _changed: list[Order] = field(default_factory=list)
    _messages: list[tuple[Company, WebhookMessage]] = field(default_factory=list)

    @property
    def caller(self) -> Caller:
        """Raises Unauthenticated where nobody is signed in."""
        if self.by is None:
            raise Unauthenticated
        return self.by

    async def find(self, model: type[E], id: UUID, path: Path) -> E:
        """A row in the caller's sight. Raises NotFound."""
        found = await visible(model, self.caller).get_or_none(id=id)
        if found is None:
            raise NotFound(_called(model), path)
        return found

    async def lock(self, model: type[E], id: UUID, path: Path) -> E:
        """As `find`, and nobody else changes it until the transaction ends."""
        rows = visible(model, self.caller).select_for_update(no_key=True)
        found = await rows.get_or_none(id=id)
        if found is None:
            raise NotFound(_called(model), path)
        return found

    async def lock_company(self, id: UUID | None, path: Path = ("company_id",)) -> Company:
        """The company to work on: the acting one if none is named."""
        return await self.lock(Company, id or self.caller.company_id, path)

    def require(self, action: Action, company: Company) -> None:
        """Raises Forbidden, or Conflict where the company is archived."""
        refusal = why_not(self.caller, action, company)
        if refusal is not None:
            raise refusal

    def require_learner(self, user: User, path: Path) -> None:
        """API tokens touch no managers. Raises Forbidden."""
        if self.caller.token_id is not None and user.is_manager:
            raise Forbidden("API tokens change learners alone: sign in to change a manager.", path)

    def notify(self, notice: Notice, to: Iterable[User], otherwise: Iterable[User] = ()) -> bool:
        """Promise a mail to each of `to`; to `otherwise` if nobody of them is left. True if anybody
        is told.

        Nobody is mailed about what they did themselves, and nobody who muted it.
        """
        left = self._left(to, notice) or self._left(otherwise, notice)
        batch = new_id() if notice.key else self.batch  # scheduled mails need not wait in line
        self._notices += [
            Notification.promise(
                notice,
                user,
                actor_id=self.by.user_id if self.by else None,
                batch=batch,
                at=self.now,
            )
            for user in left
        ]
        return bool(left)

    def audit(
        self,
        action: str,
        company: Company,
        subject: Entity | None = None,
        *,
        actor_id: UUID | None = None,
        count: int | None = None,
        **facts: Any,
    ) -> None:
        """Write down what was done, in `company`, to `subject` or to `count` rows."""
        event = AuditEvent(
            action=action,
            at=self.now,
            actor_id=self.by.user_id if self.by else actor_id,
            api_token_id=self.by.token_id if self.by else None,
            on_behalf_of_id=self.by.company_id if self.by and self.by.managing else None,
            company_id=company.id,
            subject_type=_subject_type(subject) if subject else None,
            subject_id=subject.id if subject else None,
            count=count,
            facts=facts,
        )
        self._events.append((company, event))

    def changed(self, *orders: Order) -> None:
        """Tell those who watch these orders; for changes that have no event of their own."""
        self._changed += orders

    def publish(
        self,
        event: WebhookEvent,
        company: Company,
        *,
        order: Order | None = None,
        license_ids: Sequence[UUID] | None = None,
        count: int | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        """Tell the webhooks of `company`, and of those above it, what happened there."""
        message = WebhookMessage.about(
            event,
            company.id,
            at=self.now,
            order_id=order.id if order else None,
            license_ids=license_ids,
            count=count,
            expires_at=expires_at,
        )
        self._messages.append((company, message))

    @property
    def publishes(self) -> bool:
        return bool(self._messages)

    async def write_down(self) -> list[UUID]:
        """Write the promised mails, the events and the webhooks; the ids of the mails."""
        for company, event in self._events:
            event.path = company.path
        await AuditEvent.bulk_create([event for _, event in self._events])
        # A scheduled mail that was promised before stays as it is.
        await Notification.bulk_create(self._notices, ignore_conflicts=True)
        if self._messages:
            await queue(self._messages)
        return [notice.id for notice in self._notices]

    def changes(self) -> Sequence[Change]:
        """What others are to be told, once it is committed."""
        return changes_of(self._events, self._changed)

    def _left(self, people: Iterable[User], notice: Notice) -> list[User]:
        mailed = (user for user in people if self._is_mailed(user, notice))
        return list({user.id: user for user in mailed}.values())

    def _is_mailed(self, user: User, notice: Notice) -> bool:
        if self.by is not None and user.id == self.by.user_id:
            return False
        return is_wanted(notice.template, by=user)


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
            return await _transact(caller, clock, operation, arguments, key)
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
) -> Done[R]:
    async with in_transaction():
        await lock_tree(alone=operation in RESHAPES_TREE)
        now = clock()
        work = Work(await _still(caller, now), now)
        done = await _done(work, operation, arguments, key)
        if work.by is not None and await caller_again(work.by, now) != work.by:
            raise RightsChanged
        changes = work.changes()
        await notify(CHANNEL, payloads(changes))
    if _previewing.get() is None:
        committed.tell(changes)
    for wake in WAKES if done.notices or work.publishes else ():
        wake()
    return done


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
        return Done(first.result, first.notices, work.now)
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


def _called(model: type[Entity]) -> str:
    """In words: `api token`."""
    return _WORD.sub(r" \g<0>", model.__name__).lower()


def _subject_type(subject: Entity) -> Subject:
    name = type(subject).__name__
    return Subject.MANAGE_SESSION if name == "Session" else Subject(name)
