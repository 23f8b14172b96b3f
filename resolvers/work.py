"""What an operation works with: one caller, one instant, and what it is to tell whom."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

from models.access import Action, Caller, visible, why_not
from models.audit import AuditEvent, Subject
from models.base import Entity, new_id
from models.companies import Company
from models.errors import Forbidden, NotFound, Path, Unauthenticated
from models.orders import Order
from models.outbox import Notice, Notification, is_wanted
from models.users import User
from models.webhooks import Happened, WebhookEvent, WebhookMessage, queue
from resolvers.changes import Change, changes_of
from resolvers.reading.sql import models_of

_WORD: Final = re.compile("(?<!^)[A-Z]")

E = TypeVar("E", bound=Entity)
Clock = Callable[[], datetime]


@dataclass
class Work:
    """Who asks, and the instant at which all of it happens; what is promised is written last."""

    by: Caller | None
    now: datetime
    batch: UUID = field(default_factory=new_id)
    _notices: list[Notification] = field(default_factory=list)
    _events: list[tuple[Company, AuditEvent]] = field(default_factory=list)
    _changed: list[Order] = field(default_factory=list)
    _happened: list[Happened] = field(default_factory=list)
    is_heard: bool = False
    """Webhooks wait to be sent."""

    @property
    def caller(self) -> Caller:
        """Raises Unauthenticated where nobody is signed in."""
        if self.by is None:
            raise Unauthenticated
        return self.by

    async def find(self, model: type[E], id: UUID, path: Path) -> E:
        """A row in the caller's sight. Raises NotFound."""
        return await self._one(model, id, path, lock=False)

    async def lock(self, model: type[E], id: UUID, path: Path) -> E:
        """As `find`, and nobody else changes it until the transaction ends."""
        return await self._one(model, id, path, lock=True)

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
        told = partial(
            WebhookMessage.about,
            event,
            company.id,
            at=self.now,
            order_id=order.id if order else None,
            license_ids=license_ids,
            count=count,
            expires_at=expires_at,
        )
        self._happened.append(Happened(event, company, told))

    async def write_down(self) -> list[UUID]:
        """Write the promised mails, the events and the webhooks; the ids of the mails."""
        for company, event in self._events:
            event.path = company.path
        await AuditEvent.bulk_create([event for _, event in self._events])
        if self._notices:  # a scheduled mail that was promised before stays as it is
            await Notification.bulk_create(self._notices, ignore_conflicts=True)
        if self._happened:
            self.is_heard = await queue(self._happened)
        return [notice.id for notice in self._notices]

    def changes(self) -> Sequence[Change]:
        """What others are to be told, once it is committed."""
        return changes_of(self._events, self._changed)

    async def _one(self, model: type[E], id: UUID, path: Path, *, lock: bool) -> E:
        rows = visible(model, self.caller, by_key=True).filter(id=id)
        for found in await models_of(rows, lock=lock):
            return found
        raise NotFound(_called(model), path)

    def _left(self, people: Iterable[User], notice: Notice) -> list[User]:
        mailed = (user for user in people if self._is_mailed(user, notice))
        return list({user.id: user for user in mailed}.values())

    def _is_mailed(self, user: User, notice: Notice) -> bool:
        if self.by is not None and user.id == self.by.user_id:
            return False
        return is_wanted(notice.template, by=user)


def _called(model: type[Entity]) -> str:
    """In words: `api token`."""
    return _WORD.sub(r" \g<0>", model.__name__).lower()


def _subject_type(subject: Entity) -> Subject:
    name = type(subject).__name__
    return Subject.MANAGE_SESSION if name == "Session" else Subject(name)
