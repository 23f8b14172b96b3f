"""Who is on stage in most tests: a partner, its customer, and the people who work there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar
from uuid import UUID

from models.access import Caller, caller_of
from models.companies import Company
from models.sessions import Session, new_token
from models.users import User
from resolvers.work import Done, perform
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
        async def manager(company: Company, name: str) -> User:
            return await make.manager(company, email=f"{name}@example.com", first_name=name.title())

        vendor = await make.root()
        vic = await manager(vendor, "vic")
        partner = await make.partner(vendor, account_manager_id=vic.id)
        pam, paul = await manager(partner, "pam"), await manager(partner, "paul")
        customer = await make.company(partner, account_manager_id=pam.id)
        cora, carl = await manager(customer, "cora"), await manager(customer, "carl")
        return cls(vendor, partner, customer, vic, pam, paul, cora, carl)


class Do:
    """Runs an operation as somebody, who stays signed in however far the clock is moved."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._callers: dict[UUID, Caller] = {}

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

    async def sign_in(self, user: User) -> Caller:
        """Once for all calls."""
        if user.id not in self._callers:
            token = new_token()
            await self._open(Session.sign_in(user.id, token, at=self._clock()))
            self._callers[user.id] = await self._caller(token)
        return self._callers[user.id]

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
        await self._open(session)
        return await self._caller(token)

    async def _open(self, session: Session) -> None:
        session.expires_at += timedelta(days=36_500)
        await session.save(force_create=True)

    async def _caller(self, token: str) -> Caller:
        caller = await caller_of(token, self._clock())
        assert caller is not None
        return caller
