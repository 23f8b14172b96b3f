"""A random tree with something of everything in each of its companies.

Each text holds a mark of its own, so that wherever it turns up one sees whose it is. Many rows name
people and things of elsewhere, as they do after a company has moved.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any, Final
from uuid import UUID

from tortoise.models import Model

from models.audit import AuditEvent, Subject
from models.companies import Company, CompanyKind, CompanyPlan
from models.licenses import Allocation, License, LicenseType, ReleaseReason
from models.orders import Order, OrderOrigin, OrderStatus
from models.outbox import Notification, NotificationTemplate
from models.sessions import Session, new_token
from models.tokens import ApiScope, ApiToken
from models.users import User, UserRole, managing_role
from models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookEvent, WebhookMessage
from tests.factories import Make

DAY: Final = timedelta(days=1)
KINDS: Final[dict[str, type[Model]]] = {
    "Company": Company,
    "User": User,
    "Order": Order,
    "License": License,
    "Allocation": Allocation,
    "ManageSession": Session,
    "Notification": Notification,
    "AuditEvent": AuditEvent,
    "ApiToken": ApiToken,
    "WebhookEndpoint": WebhookEndpoint,
    "WebhookDelivery": WebhookDelivery,
}
"""What has an id, by the name of its type."""


@dataclass(frozen=True)
class Who:
    """Somebody who asks. `acting` is the company acted for."""

    called: str
    token: str | None = None
    user_id: UUID | None = None
    acting: UUID | None = None
    is_learner: bool = False
    is_visiting: bool = False
    reads: bool = True

    def __str__(self) -> str:
        return self.called


@dataclass
class Rows:
    """What stands in the database, table by table."""

    of: dict[str, list[dict[str, Any]]]

    @classmethod
    async def read(cls) -> "Rows":
        return cls({name: list(await model.all().values()) for name, model in KINDS.items()})

    def ids(self) -> list[tuple[str, UUID]]:
        return [(name, row["id"]) for name, rows in self.of.items() for row in rows]


@dataclass
class World:
    make: Make
    random: Random
    companies: dict[str, Company] = field(default_factory=dict)
    people: dict[str, list[User]] = field(default_factory=dict)
    """Of each company: two who manage it, two learners, one who was removed."""
    _marks: Any = field(default_factory=lambda: count(1))

    def mark(self, word: str = "") -> str:
        return f"{word}q{next(self._marks):05d}q"

    async def fill(self) -> None:
        await self._tree()
        await self.people_of(self.companies)
        for name in self.companies:
            await self.business_of(name)
        await self._archive(self.companies["archived"])

    async def callers(self) -> list[Who]:
        """Every kind of them."""
        find = self.companies
        ended, ended_of = await self._token("customer")
        await Session.filter(user_id=ended_of.id).update(ended_at=self.make.now)
        learner = self.people["customer"][2]
        above = self.people["partner"][0]
        return [
            Who("nobody"),
            Who("one who signed out", ended),
            Who(
                "a learner",
                await self.make.token(learner),
                learner.id,
                find["customer"].id,
                is_learner=True,
            ),
            Who("a manager", *await self._of("customer")),
            Who("a manager on the MANAGED plan", *await self._of("managed")),
            Who("an account manager of a partner", *await self._of("partner")),
            Who("one of a partner's partner", *await self._of("sub-partner")),
            Who("one of another partner", *await self._of("other partner")),
            Who("one of a distributor", *await self._of("distributor")),
            Who("one of the vendor", *await self._of("vendor")),
            await self._visitor("in a customer", above, "customer"),
            await self._visitor("in a managed customer", above, "managed"),
            await self._visitor("in a partner", self.people["distributor"][0], "partner"),
            await self._program("that may do all", above, "partner"),
            await self._program("that reads", self.people["managed"][0], "managed", ApiScope.READ),
            await self._program("from above", above, "customer", *ApiScope),
            await self._program(
                "that never reads",
                above,
                "partner",
                *(scope for scope in ApiScope if scope is not ApiScope.READ),
                reads=False,
            ),
        ]

    async def _of(self, name: str) -> tuple[str, UUID, UUID]:
        token, user = await self._token(name)
        return token, user.id, self.companies[name].id

    async def _token(self, name: str) -> tuple[str, User]:
        user = self.people[name][1]
        return await self.make.token(user), user

    async def _visitor(self, called: str, user: User, name: str) -> Who:
        company = self.companies[name]
        token = await self.make.manage_token(user, company)
        return Who(f"manage mode {called}", token, user.id, company.id, is_visiting=True)

    async def _program(
        self, called: str, user: User, name: str, *scopes: ApiScope, reads: bool = True
    ) -> Who:
        company = self.companies[name]
        token = await self.make.api_token(user, *scopes, company=company)
        return Who(
            f"an API token {called}",
            token,
            user.id,
            company.id,
            is_visiting=user.company_id != company.id,
            reads=reads,
        )

    # ── Rows ─────────────────────────────────────────────────────────────────────────────────

    async def _tree(self) -> None:
        kind = CompanyKind
        await self.company("vendor", None, kind.VENDOR)
        await self.company("distributor", "vendor", kind.DISTRIBUTOR)
        await self.company("partner", "distributor", kind.PARTNER)
        await self.company("sub-partner", "partner", kind.PARTNER)
        await self.company("customer", "partner", kind.CUSTOMER)
        await self.company("managed", "partner", kind.CUSTOMER, CompanyPlan.MANAGED)
        await self.company("archived", "partner", kind.CUSTOMER)
        await self.company("beneath", "sub-partner", kind.CUSTOMER)
        await self.company("other partner", "vendor", kind.PARTNER)
        await self.company("elsewhere", "other partner", kind.CUSTOMER)
        for number in range(self.random.randint(0, 3)):
            above = self.random.choice(
                [name for name, each in self.companies.items() if each.kind is not kind.CUSTOMER]
            )
            below = self.random.choice([kind.PARTNER, kind.CUSTOMER, kind.CUSTOMER])
            await self.company(f"more {number}", above, below)

    async def company(
        self,
        name: str,
        above: str | None,
        kind: CompanyKind,
        plan: CompanyPlan = CompanyPlan.PREMIUM,
    ) -> None:
        called, at = self.mark("Company "), self.make.now
        if above is None:
            company = Company.root(called, at=at)
        else:
            company = Company.under(self.companies[above], kind, called, at=at)
            company.plan = plan
        company.industry, company.external_id = self.mark("Trade "), self.mark("x-")
        company.employee_count, company.country = self.random.randint(1, 900), "DE"
        await company.save(force_create=True)
        self.companies[name] = company

    async def people_of(self, names: Iterable[str]) -> None:
        companies = {name: self.companies[name] for name in names}
        for name, company in companies.items():
            manages = managing_role(company.kind)
            roles = [manages, manages, UserRole.LEARNER, UserRole.LEARNER, UserRole.LEARNER]
            self.people[name] = [self._person(company, role) for role in roles]
            self.people[name][-1].removed_at = self.make.now
            for user in self.people[name][:2]:
                user.password_hash = self.mark("hash")
                user.muted_templates = [NotificationTemplate.ORDER_REQUESTED.value]
        await User.bulk_create([user for name in companies for user in self.people[name]])
        for name, company in companies.items():
            if name != "vendor":
                company.account_manager_id = self.anybody(name).id
                await company.save(update_fields=["account_manager_id"])

    def _person(self, company: Company, role: UserRole) -> User:
        person = {
            "email": f"{self.mark()}@example.com",
            "first_name": self.mark("First "),
            "last_name": self.mark("Last "),
            "department": self.mark("Dept "),
            "external_id": self.mark("p-"),
        }
        return User.join(company, person, at=self.make.now, role=role)

    def anybody(self, name: str) -> User:
        """Who did something to a company: of itself, above it, or elsewhere by now."""
        path = self.companies[name].path
        near = [each for each in self.companies if path.startswith(self.companies[each].path)]
        places = [*near, *near, self.random.choice(list(self.companies))]
        return self.random.choice(self.people[self.random.choice(places)][:2])

    async def business_of(self, name: str) -> None:
        company, now = self.companies[name], self.make.now
        manager, _, holder, former, removed = self.people[name]
        orders = [self._order(name, status) for status in OrderStatus]
        assigned = next(order for order in orders if order.status is OrderStatus.ASSIGNED)
        free, held, managers, over, void = licenses = [
            self._license(assigned, now - timedelta(days=days)) for days in (1, 2, 2, 400, 3)
        ]
        held.holder_id, held.allocated_at = holder.id, now - DAY
        managers.holder_id, managers.allocated_at = manager.id, now - DAY
        over.holder_id, over.allocated_at = former.id, now - 390 * DAY
        void.voided_at = now
        stays = [
            self._stay(name, held, holder, held.allocated_at),
            self._stay(name, managers, manager, managers.allocated_at),
            self._stay(name, over, former, over.allocated_at),
            self._stay(name, free, removed, now - DAY, ReleaseReason.USER_REMOVED),
        ]
        await Order.bulk_create(orders)
        await License.bulk_create(licenses)
        await Allocation.bulk_create(stays)
        session = await self._stay_above(name)
        token = await self._api_token(name)
        await self._webhook(name)
        subjects: list[tuple[Subject, Any]] = [
            (Subject.COMPANY, company),
            (Subject.USER, holder),
            (Subject.ORDER, assigned),
            (Subject.LICENSE, held),
            (Subject.MANAGE_SESSION, session),
            (Subject.API_TOKEN, token),
            (Subject.USER, self.anybody(name)),
            (Subject.COMPANY, self.random.choice(list(self.companies.values()))),
        ]
        await AuditEvent.bulk_create([self._event(name, *each, token) for each in subjects])
        people = [manager, *(self.anybody(name) for _ in range(3))]
        await Notification.bulk_create([self._mail(name, to, orders[0]) for to in people])

    def _order(self, name: str, status: OrderStatus) -> Order:
        company = self.companies[name]
        order = Order.place(
            company,
            LicenseType.PREMIUM,
            4,
            OrderOrigin.CUSTOMER_REQUEST,
            by=self.anybody(name).id,
            at=self.make.now - self.random.randint(0, 9) * DAY,
            purchase_order=self.mark("PO "),
            note=self.mark("Note "),
            on_behalf_of=self._sometimes(company),
        )
        order.status = status
        if status in {OrderStatus.ASSIGNED, OrderStatus.RETURNED}:
            order.assigned_quantity = 4
            order.assigned_by_id, order.assigned_at = self.anybody(name).id, self.make.now
        if status is OrderStatus.PARTIALLY_ASSIGNED:
            order.assigned_quantity = 1
        if status in {OrderStatus.DECLINED, OrderStatus.CANCELLED, OrderStatus.RETURNED}:
            order.decided_by_id, order.decided_at = self.anybody(name).id, self.make.now
            order.decision_reason = self.mark("Because ")
        return order

    def _sometimes(self, company: Company) -> UUID | None:
        """That company, another one, or none."""
        others = [company, self.random.choice(list(self.companies.values()))]
        return self.random.choice([None, *(each.id for each in others)])

    def _license(self, order: Order, at: Any) -> License:
        return License(
            order_id=order.id,
            company_id=order.company_id,
            path=order.path,
            type=order.license_type,
            assigned_at=at,
            expires_at=at + 365 * DAY,
            updated_at=at,
        )

    def _stay(
        self, name: str, license: License, user: User, at: Any, ended: ReleaseReason | None = None
    ) -> Allocation:
        return Allocation(
            license_id=license.id,
            user_id=user.id,
            allocated_at=at,
            allocated_by_id=self.anybody(name).id,
            released_at=self.make.now if ended else None,
            release_reason=ended,
        )

    async def _stay_above(self, name: str) -> Session:
        """Somebody's stay in manage mode, ended long since."""
        user, now = self.anybody(name), self.make.now
        first = Session.sign_in(user.id, new_token(), at=now - DAY)
        session = Session.manage(
            self.companies[name],
            new_token(),
            user_id=user.id,
            entered_from_id=first.id,
            reason=self.mark("To help "),
            at=now - DAY,
        )
        first.ended_at = session.ended_at = now
        await Session.bulk_create([first, session])
        return session

    async def _api_token(self, name: str) -> ApiToken:
        token = ApiToken.make(
            self.companies[name],
            self.mark("Token "),
            ApiScope,
            self.mark("cnp_"),
            created_by_id=self.anybody(name).id,
            expires_at=None,
            at=self.make.now,
        )
        token.revoked_at = self.random.choice([None, self.make.now])
        await token.save(force_create=True)
        return token

    async def _webhook(self, name: str) -> None:
        company = self.companies[name]
        endpoint = await self.make.endpoint(
            company,
            self.anybody(name),
            url=f"https://{self.mark()}.example.com/",
            secret=self.mark("whsec_"),
            enabled=False,
        )
        message = WebhookMessage.about(
            WebhookEvent.COMPANY_CREATED, company.id, at=self.make.now, order_id=None
        )
        await message.save(force_create=True)
        delivery = WebhookDelivery.promise(message, endpoint.id)
        delivery.last_error = self.mark("It said ")
        await delivery.save(force_create=True)

    def _event(self, name: str, kind: Subject, subject: Model, token: ApiToken) -> AuditEvent:
        company = self.companies[name]
        return AuditEvent(
            action=self.random.choice(["user.updated", "order.assigned", "company.updated"]),
            at=self.make.now,
            actor_id=self.anybody(name).id,
            api_token_id=self.random.choice([None, token.id]),
            on_behalf_of_id=self._sometimes(company),
            company_id=company.id,
            path=company.path,
            subject_type=kind,
            subject_id=subject.pk,
            facts={"secret": self.mark()},
        )

    def _mail(self, name: str, to: User, order: Order) -> Notification:
        company = self.companies[name]
        return Notification(
            template=NotificationTemplate.ORDER_REQUESTED,
            company_id=company.id,
            path=company.path,
            order_id=self.random.choice([None, order.id]),
            user_id=to.id,
            recipient=to.email,
            subject=self.mark("About "),
            token=self.mark(),
            facts={"secret": self.mark()},
            batch=order.id,
            next_attempt_at=self.make.now,
            last_error=self.mark("No "),
            created_at=self.make.now,
        )

    async def _archive(self, company: Company) -> None:
        company.archive(at=self.make.now)
        await company.save()

    # ── What others do ───────────────────────────────────────────────────────────────────────

    async def go_on(self, companies: Iterable[Company], spared: Container[UUID | None]) -> None:
        """Other names, numbers and texts, and more of everything, in these companies.

        `spared` are people whose names stay.
        """
        for company in companies:
            name = next(each for each, known in self.companies.items() if known.id == company.id)
            for user in self.people[name]:
                if user.id not in spared and user.removed_at is None:
                    user.update({"first_name": self.mark("Later ")}, at=self.make.now)
                    await user.save(force_update=True)
            await Order.filter(company_id=company.id, status=OrderStatus.REQUESTED).update(
                quantity=self.random.randint(5, 99), note=self.mark()
            )
            await User.bulk_create([self._person(company, UserRole.LEARNER)])
            await self._business_again(name)

    async def _business_again(self, name: str) -> None:
        """One more of what is listed and counted."""
        order = self._order(name, OrderStatus.ASSIGNED)
        licenses = [self._license(order, self.make.now - 3 * DAY) for _ in range(4)]
        await Order.bulk_create([order, self._order(name, OrderStatus.REQUESTED)])
        await License.bulk_create(licenses)
        token = await self._api_token(name)
        await self._webhook(name)
        await self._stay_above(name)
        await AuditEvent.bulk_create([self._event(name, Subject.ORDER, order, token)])
        await Notification.bulk_create([self._mail(name, self.people[name][0], order)])
