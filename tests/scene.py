"""Who is on stage in most tests: a partner, its customer, and the people who work there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar
from uuid import UUID

from models.access import Caller, caller_of
from models.companies import Company, CompanyKind
from models.sessions import Session, new_token
from models.users import User, managing_role
from resolvers.performing import Done, perform
from tests.factories import Make

R = TypeVar("R")


@dataclass(frozen=True)
class How:
    """What an input says of the call itself."""

    idempotency_key: str | None = None
    preview: bool = False


@dataclass(frozen=True)
class Scene:
    """Pam looks after the customer; Paul is her colleague, Vic stands above, Cora and Carl below.

    Their addresses are their names at example.com.
    """

    vendor: Company
    partner: Company
    customer: Company
    vic: User
    pam: User
    paul: User
    cora: User
    carl: User

    @property
    def people(self) -> tuple[User, ...]:
        return (self.vic, self.pam, self.paul, self.cora, self.carl)

    @classmethod
    async def set(cls, make: Make) -> Self:
        """With few statements: most tests begin with it."""

        def manager(company: Company, name: str) -> User:
            person = {"email": f"{name}@example.com", "first_name": name.title()}
            return User.join(company, person, at=make.now, role=managing_role(company.kind))

        vendor = Company.root("Vendor", at=make.now)
        partner = Company.under(vendor, CompanyKind.PARTNER, "Partner", at=make.now)
        customer = Company.under(partner, CompanyKind.CUSTOMER, "Customer", at=make.now)
        vic = manager(vendor, "vic")
        pam, paul = manager(partner, "pam"), manager(partner, "paul")
        cora, carl = manager(customer, "cora"), manager(customer, "carl")
        scene = cls(vendor, partner, customer, vic, pam, paul, cora, carl)
        await Company.bulk_create([vendor, partner, customer])
        await User.bulk_create(scene.people)
        for row in (vendor, partner, customer, *scene.people):
            row._saved_in_db = True  # which bulk_create leaves unsaid
        for company, account_manager in ((partner, vic), (customer, pam)):
            company.account_manager_id = account_manager.id
            await company.save(update_fields=["account_manager_id"])
        return scene


class Do:
    """Runs an operation as somebody, who stays signed in however far the clock is moved."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._tokens: dict[UUID, str] = {}

    async def __call__(
        self,
        who: User | Caller,
        operation: Callable[..., Awaitable[R]],
        *arguments: Any,
        key: str | None = None,
    ) -> R:
        return (await self.done(who, operation, *arguments, key=key)).result

    async def done(
        self,
        who: User | Caller,
        operation: Callable[..., Awaitable[R]],
        *arguments: Any,
        key: str | None = None,
        preview: bool = False,
    ) -> Done[R]:
        """As a call, with the mails that it promised."""
        caller = await self.sign_in(who) if isinstance(who, User) else who
        return await perform(caller, self._clock, operation, *arguments, how=How(key, preview))

    async def sign_in(self, *users: User) -> Caller:
        """Once for all calls; the caller that the first of them is."""
        new = {user.id: new_token() for user in users if user.id not in self._tokens}
        sessions = [
            self._lasting(Session.sign_in(id, token, at=self._clock())) for id, token in new.items()
        ]
        if sessions:
            await Session.bulk_create(sessions)
        self._tokens |= new
        return await self._caller(self._tokens[users[0].id])

    async def managing(self, user: User, company: Company) -> Caller:
        """In manage mode of a company beneath."""
        caller, token = await self.sign_in(user), new_token()
        session = Session.manage(
            company,
            token,
            user_id=user.id,
            entered_from_id=caller.session_id,
            reason=None,
            at=self._clock(),
        )
        await self._lasting(session).save(force_create=True)
        return await self._caller(token)

    def _lasting(self, session: Session) -> Session:
        session.expires_at += timedelta(days=36_500)
        return session

    async def _caller(self, token: str) -> Caller:
        caller = await caller_of(token, self._clock())
        assert caller is not None
        return caller
