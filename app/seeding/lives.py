"""What became of each company: its orders, licenses, learners, stays, events and mails.

Few rows are made by the models' own rules; learners, licenses and stays, of which there are very
many, are plain rows in the order of COLUMNS.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID

from app.seeding.chance import DEPARTMENTS, Chance
from app.seeding.tree import Place
from models.audit import AuditEvent, Subject
from models.base import Entity, sort_key
from models.companies import CompanyPlan
from models.licenses import LicenseType, ReleaseReason, expiry
from models.orders import LARGEST, Order, OrderOrigin, OrderStatus
from models.outbox import Notice, Notification, NotificationStatus
from models.tokens import MARK, ApiScope, ApiToken
from models.users import User, UserRole
from resolvers import notices

COLUMNS: Final = {
    "users": (
        *("id", "company_id", "path", "email", "email_key", "first_name", "last_name", "name_key"),
        *("department", "role", "muted_templates", "removed_at", "created_at", "updated_at"),
    ),
    "licenses": (
        *("id", "order_id", "company_id", "path", "type", "holder_id", "assigned_at"),
        *("allocated_at", "expires_at", "voided_at", "updated_at"),
    ),
    "allocations": (
        *("id", "license_id", "user_id", "allocated_at", "allocated_by_id", "released_at"),
        "release_reason",
    ),
}
INSTANTS: Final = 4
"""At which the licenses of an order were allocated, most at once."""
LEAVER: Final = 40
"""Of so many licenses one was with somebody else before."""
TRIAL: Final = 40
"""Trials are no larger."""
RETURNED: Final = 5
WORDS: Final = ("Asked twice by mistake.", "Beyond the frame contract.", "The branch was closed.")


@dataclass
class Rows:
    """What is to be written, by table."""

    plain: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))
    models: list[Entity] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.models) + sum(map(len, self.plain.values()))


@dataclass
class Bought:
    """An order that was assigned, at least in part."""

    order: Order
    number: int

    @property
    def end(self) -> datetime | None:
        return self.order.expires_at


@dataclass
class Life:
    """Of one company, told from its creation to now."""

    chance: Chance
    place: Place
    rows: Rows

    def tell(self) -> None:
        bought = [*self._orders()]
        people = self._learners()
        self._allocate(bought, people)
        company = self.place.company
        self._event("company.created", company.created_at, self.place.boss, subject=company)
        if not self.place.is_customer or self.chance.happens(0.1):
            self._api_token()
        if self.place.is_customer and self.chance.happens(0.01):
            company.archive(at=self.chance.between(company.created_at, self.chance.now))

    def _api_token(self) -> None:
        """Of no secret that anybody knows."""
        company, manager = self.place.company, self.place.managers[0]
        at, hash = company.created_at, self.chance.hash()
        token = ApiToken.make(
            company,
            "Reporting",
            [ApiScope.READ],
            MARK + hash,
            created_by_id=manager.id,
            expires_at=None,
            at=at,
        )
        token.id, token.token_hash = self.chance.id(at), hash
        self.rows.models.append(token)
        self._event("api_token.created", at, manager, subject=token)

    # ── orders ────────────────────────────────────────────────────────────────────────────────

    def _orders(self) -> Iterator[Bought]:
        company, number = self.place.company, self.place.licenses
        if not self.place.is_customer:
            if number:
                yield from self._buy(
                    LicenseType.NFR, number, OrderOrigin.NFR_GRANT, company.created_at
                )
            return
        if number:
            yield from self._generations(number)
        self._open_and_closed(max(5, number // 4))

    def _generations(self, number: int) -> Iterator[Bought]:
        """Of those who have been here for more than a year, most have renewed."""
        chance, born = self.chance, self.place.company.created_at
        kind = LicenseType.MANAGED if chance.happens(0.15) else LicenseType.PREMIUM
        ended = expiry(kind, born)
        assert ended is not None
        if ended < chance.now and chance.happens(0.85) and number > 1:
            old = number * 2 // 5 or 1
            yield from self._buy(kind, old, OrderOrigin.COMPANY_CREATION, born)
            again = chance.between(ended, min(chance.now, ended + timedelta(days=20)))
            yield from self._buy(kind, number - old, OrderOrigin.RENEWAL, again)
        elif ended > chance.now and number > 4 * RETURNED and chance.happens(0.05):
            yield from self._buy(kind, number - RETURNED, OrderOrigin.COMPANY_CREATION, born)
            at = max(born, chance.days_ago(12, 9))
            [one] = self._buy(kind, RETURNED, OrderOrigin.CUSTOMER_REQUEST, at)
            self._return(one)
            yield one
        elif number <= TRIAL and chance.happens(0.1):
            yield from self._buy(LicenseType.TRIAL, number, OrderOrigin.COMPANY_CREATION, born)
        else:
            yield from self._buy(kind, number, OrderOrigin.COMPANY_CREATION, born)

    def _buy(
        self, kind: LicenseType, number: int, origin: OrderOrigin, at: datetime
    ) -> Iterator[Bought]:
        """Requested and assigned: at once by who is above, else within days."""
        chance = self.chance
        for start in range(0, number, LARGEST):
            count = min(LARGEST, number - start)
            at_once = origin in {OrderOrigin.COMPANY_CREATION, OrderOrigin.NFR_GRANT}
            is_part = origin is OrderOrigin.RENEWAL and count < LARGEST // 2 and chance.happens(0.1)
            order = self._place(kind, count + count * is_part, origin, at)
            assigned = at if at_once else chance.between(at, min(chance.now, at + FEW_DAYS))
            order.assign(count, by=self.place.boss.id, at=assigned)
            self.place.company.follow_order(CompanyPlan(kind), at=assigned)
            self._event("order.assigned", assigned, self.place.boss, count, subject=order)
            if origin is not OrderOrigin.NFR_GRANT:
                told = notices.order_assigned(self.place.company, order, count)
                self._mail(told, self.place.managers, self.place.boss, assigned)
            yield Bought(order, count)

    def _open_and_closed(self, number: int) -> None:
        """What waits, and what came to nothing."""
        chance, born = self.chance, self.place.company.created_at
        if chance.happens(0.04):
            origin = chance.one_of((OrderOrigin.CUSTOMER_REQUEST, OrderOrigin.PARTNER_ON_BEHALF))
            self._place(
                LicenseType.PREMIUM, min(number, LARGEST), origin, max(born, chance.days_ago(20))
            )
        if chance.happens(0.03):
            at = chance.between(born, chance.now)
            number = min(number, LARGEST)
            order = self._place(LicenseType.PREMIUM, number, OrderOrigin.CUSTOMER_REQUEST, at)
            self._close(order, chance.between(at, min(chance.now, at + FEW_DAYS)))

    def _close(self, order: Order, at: datetime) -> None:
        company, boss, managers = self.place.company, self.place.boss, self.place.managers
        reason = self.chance.one_of(WORDS)
        closed = order.open_quantity
        if self.chance.happens(0.5):
            order.decline(reason, by=boss.id, at=at)
            self._event("order.declined", at, boss, closed, subject=order)
            self._mail(notices.order_declined(company, order, closed), managers, boss, at)
        else:
            order.cancel(reason, by=managers[0].id, at=at)
            self._event("order.cancelled", at, managers[0], closed, subject=order)
            told = notices.order_cancelled(company, order, closed)
            self._mail(told, [*managers, boss], managers[0], at)

    def _return(self, bought: Bought) -> None:
        order, boss = bought.order, self.place.boss
        assert order.assigned_at is not None
        at = self.chance.between(order.assigned_at, self.chance.now)
        order.give_back(self.chance.one_of(WORDS), used=False, by=boss.id, at=at)
        self._event("order.returned", at, boss, bought.number, subject=order)
        told = notices.order_returned(self.place.company, order)
        self._mail(told, self.place.managers, boss, at)

    def _place(self, kind: LicenseType, quantity: int, origin: OrderOrigin, at: datetime) -> Order:
        chance, company = self.chance, self.place.company
        from_above = origin not in {OrderOrigin.CUSTOMER_REQUEST, OrderOrigin.RENEWAL}
        by = self.place.boss if from_above else self.place.managers[0]
        order = Order.place(
            company,
            kind,
            quantity,
            origin,
            by=by.id,
            at=at,
            on_behalf_of=company.id if from_above else None,
            purchase_order=f"PO {chance.below(10**6):06}" if chance.happens(0.5) else None,
        )
        order.id, order.number = chance.id(at), chance.number()
        self.rows.models.append(order)
        self._event("order.requested", at, by, quantity, subject=order)
        if origin not in {OrderOrigin.NFR_GRANT, OrderOrigin.COMPANY_CREATION}:
            self._mail(notices.order_requested(company, order), [self.place.boss], by, at)
        return order

    # ── people ────────────────────────────────────────────────────────────────────────────────

    def _learners(self) -> "People":
        """The last ones have left, or have no license any more."""
        place, chance = self.place, self.chance
        company, born, number = place.company, place.company.created_at, place.learners
        former = number // LEAVER
        left = max(born, chance.days_ago(60, 10))
        ids = list(islice(chance.ids(born), number))
        add = self.rows.plain["users"].append
        for at, id in enumerate(ids, len(place.managers)):
            given, family, email = chance.person(place.domain, at)
            is_gone = at % 2 and at >= len(place.managers) + number - former
            add(
                (
                    id,
                    company.id,
                    company.path,
                    email,
                    email,
                    given,
                    family,
                    sort_key(f"{given} {family}"),
                    chance.one_of(DEPARTMENTS),
                    UserRole.LEARNER,
                    "[]",
                    left if is_gone else None,
                    born,
                    left if is_gone else born,
                )
            )
        gone = {id for at, id in enumerate(ids, len(place.managers)) if at % 2}
        return People(ids[: number - former], ids[number - former :], gone, left)

    # ── licenses and stays ────────────────────────────────────────────────────────────────────

    def _allocate(self, bought: Iterable[Bought], people: "People") -> None:
        """Licenses that have run out were with the first learners; live ones are with them now."""
        share = 0.5 + self.chance.share() / 2
        waiting = iter(people.there)
        for one in bought:
            is_over = one.end is not None and one.end <= self.chance.now
            holders = iter(people.there) if is_over else waiting
            count = int(one.number * share) if one.order.status is not OrderStatus.RETURNED else 0
            self._mint(one, list(islice(holders, count)), people, is_over=is_over)

    def _mint(
        self, one: Bought, holders: Sequence[UUID], people: "People", *, is_over: bool
    ) -> None:
        chance, company, order = self.chance, self.place.company, one.order
        assigned, end, by = order.assigned_at, order.expires_at, self.place.managers[0]
        assert assigned is not None
        latest = min(assigned + timedelta(days=60), end or chance.now, chance.now)
        instants = sorted(chance.between(assigned, latest) for _ in range(INSTANTS))
        license_ids, stay_ids = chance.ids(assigned), chance.ids(instants[0])
        voided = order.decided_at if order.status is OrderStatus.RETURNED else None
        minted = (order.id, company.id, company.path, order.license_type)
        licenses = self.rows.plain["licenses"].append
        stay = self.rows.plain["allocations"].append
        released = (end, ReleaseReason.EXPIRED) if is_over else (None, None)
        times: Counter[datetime] = Counter()
        for place, (id, holder) in enumerate(zip(license_ids, holders, strict=False)):
            at = instants[int(chance.share() ** 2 * INSTANTS)]
            if place % LEAVER == 0 and not is_over and at < people.left and people.former:
                who = people.former.pop()
                why = ReleaseReason.USER_REMOVED if who in people.gone else ReleaseReason.RELEASED
                stay((next(stay_ids), id, who, at, by.id, people.left, why))
                times[at] += 1
                at = people.left
            licenses((id, *minted, holder, assigned, at, end, None, at))
            stay((next(stay_ids), id, holder, at, by.id, *released))
            times[at] += 1
        for id in islice(license_ids, one.number - len(holders)):
            licenses((id, *minted, None, assigned, None, end, voided, voided or assigned))
        for at, count in sorted(times.items()):
            self._event("license.allocated", at, by, count)

    # ── what was written down, and mailed ─────────────────────────────────────────────────────

    def _event(
        self,
        action: str,
        at: datetime,
        by: User,
        count: int | None = None,
        *,
        subject: Entity | None = None,
    ) -> None:
        self.rows.models.append(
            AuditEvent(
                id=self.chance.id(at),
                action=action,
                at=at,
                actor_id=by.id,
                company_id=self.place.company.id,
                path=self.place.company.path,
                subject_type=Subject(type(subject).__name__) if subject else None,
                subject_id=subject.id if subject else None,
                count=count,
                facts={"number": subject.number} if isinstance(subject, Order) else {},
            )
        )

    def _mail(self, notice: Notice, to: Iterable[User], by: User, at: datetime) -> None:
        """Sent at once to all but who did it."""
        batch = self.chance.id(at)
        for user in to:
            if user.id != by.id:
                mail = Notification.promise(notice, user, actor_id=by.id, batch=batch, at=at)
                mail.id = self.chance.id(at)
                mail.status, mail.sent_at = NotificationStatus.SENT, at + timedelta(seconds=2)
                mail.attempts = 1
                self.rows.models.append(mail)


@dataclass
class People:
    """The learners of a company: who is there, and who was licensed before, and `left` then."""

    there: list[UUID]
    former: list[UUID]
    gone: set[UUID]
    left: datetime


FEW_DAYS: Final = timedelta(days=3)
