"""Rows for tests, made with the models' own rules."""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import count
from typing import Any

from models.access import Caller, caller_of
from models.companies import Company, CompanyKind, CompanyPlan
from models.licenses import Allocation, License, LicenseType
from models.orders import Order, OrderOrigin
from models.pool import Learner, hand_over, mint
from models.sessions import LinkPurpose, PasswordLink, Session, new_token
from models.tokens import ApiScope, ApiToken, new_secret
from models.users import User, UserRole, managing_role
from models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookEvent, WebhookMessage

PASSWORD = "a long enough password"


class Make:
    """Makes what a test arranges; everything has a believable default."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self._number = count(1)

    @property
    def now(self) -> datetime:
        return self.clock()

    async def company(
        self,
        parent: Company | None = None,
        kind: CompanyKind = CompanyKind.CUSTOMER,
        name: str | None = None,
        *,
        licenses: int = 0,
        **details: Any,
    ) -> Company:
        """A company beneath `parent`, or beneath the root, which is made when it is missing."""
        parent = parent or await self.root()
        name = name or f"Company {next(self._number)}"
        company = Company.under(parent, kind, name, at=self.clock())
        for column, value in details.items():
            setattr(company, column, value)
        await company.save(force_create=True)
        if licenses:
            await self.licenses(company, licenses)
        return company

    async def partner(self, parent: Company | None = None, **details: Any) -> Company:
        return await self.company(parent, CompanyKind.PARTNER, **details)

    async def root(self) -> Company:
        found = await Company.get_or_none(parent_id=None)
        if found is None:
            found = Company.root("Vendor", at=self.clock())
            await found.save(force_create=True)
        return found

    async def user(
        self, company: Company, role: UserRole = UserRole.LEARNER, **details: Any
    ) -> User:
        number = next(self._number)
        person = {"email": f"user{number}@example.com", "first_name": f"User{number}"}
        known = {name: details.pop(name) for name in tuple(details) if name in _PERSON}
        user = User.join(company, person | known, at=self.clock(), role=role)
        for column, value in details.items():
            setattr(user, column, value)
        await user.save(force_create=True)
        return user

    async def manager(self, company: Company, **details: Any) -> User:
        return await self.user(company, managing_role(company.kind), **details)

    async def learners(self, company: Company, number: int) -> list[User]:
        return [await self.user(company) for _ in range(number)]

    async def order(
        self,
        company: Company,
        quantity: int = 5,
        license_type: LicenseType = LicenseType.PREMIUM,
        **details: Any,
    ) -> Order:
        """An open request."""
        order = Order.place(
            company,
            license_type,
            quantity,
            OrderOrigin.CUSTOMER_REQUEST,
            by=None,
            at=self.clock(),
        )
        for column, value in details.items():
            setattr(order, column, value)
        await order.save(force_create=True)
        return order

    async def licenses(
        self,
        company: Company,
        number: int,
        license_type: LicenseType = LicenseType.PREMIUM,
        *,
        at: datetime | None = None,
        order: Order | None = None,
    ) -> list[License]:
        """Free licenses, assigned `at` or now."""
        at = at or self.clock()
        order = order or await self.order(company, number, license_type)
        await mint(order, order.assign(number, by=None, at=at))
        await order.save()
        if company.follow_order(CompanyPlan(license_type), at=at):
            await company.save()
        return await License.filter(order_id=order.id, assigned_at=at).order_by("id")

    async def allocation(
        self, license: License, user: User, *, at: datetime | None = None
    ) -> Allocation:
        at = at or self.clock()
        license.allocate(user, at=at)
        await hand_over([license.id], [Learner(user.id)], by=user.id, at=at)
        return await Allocation.get(license_id=license.id, released_at__isnull=True)

    async def endpoint(
        self,
        company: Company,
        by: User,
        *,
        url: str = "https://hooks.example.com/canopy",
        events: Iterable[WebhookEvent] = WebhookEvent,
        **details: Any,
    ) -> WebhookEndpoint:
        """A webhook that hears of everything."""
        made = WebhookEndpoint.make(company, url, list(events), by=by.id, at=self.clock())
        for column, value in details.items():
            setattr(made, column, value)
        await made.save(force_create=True)
        return made

    async def delivery(
        self,
        endpoint: WebhookEndpoint,
        event: WebhookEvent = WebhookEvent.COMPANY_CREATED,
        *,
        about: Company | None = None,
        **details: Any,
    ) -> WebhookDelivery:
        """What happened in the endpoint's company, or in another, and waits to be sent."""
        company_id = about.id if about else endpoint.company_id
        message = WebhookMessage.about(event, company_id, at=self.clock())
        await message.save(force_create=True)
        made = WebhookDelivery.promise(message, endpoint.id)
        for column, value in details.items():
            setattr(made, column, value)
        await made.save(force_create=True)
        return made

    async def token(self, user: User) -> str:
        """Signs them in, without a password."""
        token = new_token()
        await Session.sign_in(user.id, token, at=self.clock()).save(force_create=True)
        return token

    async def caller(self, user: User) -> Caller:
        caller = await caller_of(await self.token(user), self.clock())
        assert caller is not None
        return caller

    async def api_token(
        self,
        user: User,
        *scopes: ApiScope,
        company: Company | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """In their name: of their own company unless it is said, for all scopes unless named."""
        secret = new_secret()
        company = company or await Company.get(id=user.company_id)
        token = ApiToken.make(
            company,
            f"Token {next(self._number)}",
            scopes or ApiScope,
            secret,
            created_by_id=user.id,
            expires_at=expires_at,
            at=self.clock(),
        )
        await token.save(force_create=True)
        return secret

    async def link(self, user: User, token: str) -> None:
        """That was mailed to them, to set a new password."""
        link = PasswordLink.make(user, LinkPurpose.RESET, token, at=self.clock())
        await link.save(force_create=True)

    async def manage_token(self, user: User, company: Company) -> str:
        """Has them enter manage mode of a company beneath."""
        first = Session.sign_in(user.id, new_token(), at=self.clock())
        await first.save(force_create=True)
        token = new_token()
        session = Session.manage(
            company,
            token,
            user_id=user.id,
            entered_from_id=first.id,
            reason=None,
            at=self.clock(),
        )
        await session.save(force_create=True)
        return token


_PERSON = frozenset({"email", "first_name", "last_name", "department", "external_id"})
