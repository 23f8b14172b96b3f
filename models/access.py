"""Who may see and do what: the one place where access is decided."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
from tortoise.expressions import F, Q, Subquery
from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.audit import AuditEvent
from models.base import are_within, is_within, where, within
from models.companies import Company, CompanyKind, CompanyPlan, ancestor_paths, depth
from models.conditions import Condition
from models.database import as_id, is_sqlite, read
from models.errors import Conflict, Forbidden, Refusal
from models.licenses import Allocation, License
from models.orders import Order
from models.outbox import Notification
from models.sessions import Session, digest
from models.tokens import ApiScope, ApiToken, is_secret
from models.users import User, UserRole, managing_role
from models.webhooks import WebhookDelivery, WebhookEndpoint

M = TypeVar("M", bound=Model)


NOBODYS_SESSION: Final = UUID(int=0)
CALLERS: Final = 5_000
"""That are remembered: the same columns make the same object, known at once again."""


class Reach(Enum):
    """Where a company stands, seen from the caller's."""

    OWN = auto()
    BELOW = auto()


class Action(Enum):
    """What may be done in, or to, a company."""

    CREATE_COMPANY = auto()
    UPDATE_COMPANY = auto()
    SET_ACCOUNT_MANAGER = auto()
    MOVE_COMPANY = auto()
    ARCHIVE_COMPANY = auto()
    ENTER_MANAGE_MODE = auto()
    REQUEST_LICENSES = auto()
    CHANGE_ORDER = auto()
    ASSIGN_ORDER = auto()
    KEEP_USERS = auto()
    ERASE_USERS = auto()
    KEEP_MANAGERS = auto()
    ALLOCATE_LICENSES = auto()
    KEEP_API_TOKENS = auto()
    KEEP_WEBHOOKS = auto()


IN_ORDERS: Final = frozenset({Action.REQUEST_LICENSES, Action.CHANGE_ORDER})
IN_OWN_COMPANY: Final = IN_ORDERS | {
    Action.UPDATE_COMPANY,
    Action.KEEP_USERS,
    Action.ERASE_USERS,
    Action.KEEP_MANAGERS,
    Action.ALLOCATE_LICENSES,
    Action.KEEP_API_TOKENS,
    Action.KEEP_WEBHOOKS,
}
FROM_INSIDE: Final = frozenset({Action.KEEP_API_TOKENS, Action.KEEP_WEBHOOKS})
"""What an account manager does in a company beneath in manage mode alone."""
IN_ARCHIVED: Final = frozenset(
    {
        Action.UPDATE_COMPANY,
        Action.SET_ACCOUNT_MANAGER,
        Action.MOVE_COMPANY,
        Action.ARCHIVE_COMPANY,
        Action.ERASE_USERS,
    }
)

GRANTS: Final[Mapping[tuple[UserRole, Reach], frozenset[Action]]] = {
    (UserRole.ACCOUNT_MANAGER, Reach.BELOW): frozenset(Action) - FROM_INSIDE,
    (UserRole.ACCOUNT_MANAGER, Reach.OWN): IN_OWN_COMPANY | {Action.CREATE_COMPANY},
    (UserRole.MANAGER, Reach.OWN): IN_OWN_COMPANY,
}
SCOPES: Final[Mapping[Action, ApiScope | None]] = {
    Action.CREATE_COMPANY: ApiScope.COMPANIES_WRITE,
    Action.UPDATE_COMPANY: ApiScope.COMPANIES_WRITE,
    Action.SET_ACCOUNT_MANAGER: ApiScope.COMPANIES_WRITE,
    Action.MOVE_COMPANY: ApiScope.COMPANIES_WRITE,
    Action.ARCHIVE_COMPANY: ApiScope.COMPANIES_WRITE,
    Action.ENTER_MANAGE_MODE: None,
    Action.REQUEST_LICENSES: ApiScope.ORDERS_REQUEST,
    Action.CHANGE_ORDER: ApiScope.ORDERS_REQUEST,
    Action.ASSIGN_ORDER: ApiScope.ORDERS_ASSIGN,
    Action.KEEP_USERS: ApiScope.USERS_WRITE,
    Action.ERASE_USERS: ApiScope.USERS_WRITE,
    Action.KEEP_MANAGERS: None,
    Action.ALLOCATE_LICENSES: ApiScope.LICENSES_ALLOCATE,
    Action.KEEP_API_TOKENS: None,
    Action.KEEP_WEBHOOKS: ApiScope.WEBHOOKS_WRITE,
}
"""What an API token must have been given; None is for people alone."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and the company acted for: the person's own, or another beneath: the managed one,
    or that of an API token, which is its session then.
    """

    session_id: UUID
    user_id: UUID
    role: UserRole
    company_id: UUID
    path: str
    home_id: UUID
    managing: bool = False
    scopes: frozenset[ApiScope] | None = None
    """Of an API token. None is a person, who may do all that their role allows."""

    def __hash__(self) -> int:
        """Most that differ are of different sessions."""
        return hash(self.session_id)

    @property
    def token_id(self) -> UUID | None:
        return None if self.scopes is None else self.session_id

    @property
    def is_visiting(self) -> bool:
        """Comes from a company above: in manage mode, or by an API token made there."""
        return self.company_id != self.home_id

    @property
    def is_learner(self) -> bool:
        return self.role is UserRole.LEARNER

    def reach(self, path: str) -> Reach | None:
        """Where the company at `path` stands; None is out of sight."""
        if path == self.path:
            return Reach.OWN
        return Reach.BELOW if is_within(path, self.path) and not self.is_learner else None


async def caller_of(token: str, now: datetime) -> Caller | None:
    """Whose token it is; None if it is nobody's any more."""
    return (await callers_of([token], now)).get(token)


async def callers_of(tokens: Iterable[str], now: datetime) -> dict[str, Caller]:
    """Whose each token is, by one indexed query a kind, without those that are nobody's. Few."""
    by_kind: dict[str, dict[str, str]] = {}
    for token in tokens:
        by_kind.setdefault(_API if is_secret(token) else _SIGNED_IN, {})[digest(token)] = token
    return {
        by_hash[sent]: caller
        for statement, by_hash in by_kind.items()
        for caller, sent in await _asking(statement, "token_hash", list(by_hash), now)
    }


async def caller_again(caller: Caller, now: datetime) -> Caller | None:
    """The same session or token, read anew: rights lost since the request came in are lost."""
    statement = _SIGNED_IN if caller.token_id is None else _API
    for again, _ in await _asking(statement, "id", [caller.session_id], now):
        return again
    return None


async def oneself(user_id: UUID) -> Caller:
    """Somebody who is known without a session: it reads what they may, and performs nothing."""
    user = await User.get(id=user_id).select_related("company")
    return Caller(
        session_id=NOBODYS_SESSION,
        user_id=user.id,
        role=user.role,
        company_id=user.company_id,
        path=user.company.path,
        home_id=user.company_id,
    )


_SIGNED_IN: Final = """
SELECT person.id AS user_id, person.role, home.id AS home_id,
    acting.id AS company_id, acting.kind, acting.path, asking.id AS session_id, NULL AS scopes,
    asking.{0}
FROM sessions asking
JOIN users person ON person.id = asking.user_id
JOIN companies home ON home.id = person.company_id
JOIN companies acting ON acting.id = COALESCE(asking.company_id, person.company_id)
LEFT JOIN sessions first ON first.id = asking.entered_from_id
WHERE asking.{0} IN ({1}) AND asking.ended_at IS NULL AND asking.expires_at > $1
AND person.removed_at IS NULL AND NOT home.is_archived
AND (asking.company_id IS NULL OR (
    person.role = 'ACCOUNT_MANAGER' AND NOT acting.is_archived
    AND first.ended_at IS NULL AND first.expires_at > $1
    AND acting.id <> home.id AND SUBSTR(acting.path, 1, LENGTH(home.path)) = home.path
))
"""
_API: Final = """
SELECT person.id AS user_id, person.role, home.id AS home_id,
    acting.id AS company_id, acting.kind, acting.path, asking.id AS session_id, asking.scopes,
    asking.{0}
FROM api_tokens asking
JOIN users person ON person.id = asking.created_by_id
JOIN companies home ON home.id = person.company_id
JOIN companies acting ON acting.id = asking.company_id
WHERE asking.{0} IN ({1}) AND asking.revoked_at IS NULL
AND (asking.expires_at IS NULL OR asking.expires_at > $1)
AND person.removed_at IS NULL AND person.role <> 'LEARNER'
AND (acting.id = home.id OR person.role = 'ACCOUNT_MANAGER')
AND NOT home.is_archived AND NOT acting.is_archived
AND SUBSTR(acting.path, 1, LENGTH(home.path)) = home.path
"""
"""It ends with its creator, their role and their reach."""


async def _asking(
    statement: str, column: str, values: Sequence[Any], now: datetime
) -> list[tuple[Caller, Any]]:
    """Each who asks with one of these values in the column, and with which."""
    found = await read(_by(statement, column, len(values)), [now, *values])
    return [(_caller(*columns), value) for *columns, value in found]


@cache
def _by(statement: str, column: str, count: int) -> str:
    """As many values as there are: for a list of them PostgreSQL would plan anew each time."""
    values = ", ".join(f"${place}" for place in range(2, count + 2))
    return statement.format(column, values)


@lru_cache(maxsize=CALLERS)
def _caller(
    user_id: UUID | str,
    role: str,
    home_id: UUID | str,
    company_id: UUID | str,
    kind: str,
    path: str,
    session_id: UUID | str,
    scopes: str | None,
) -> Caller:
    """By an API token in its creator's name, on the token's company, as they may work there now."""
    is_home = company_id == home_id
    return Caller(
        session_id=as_id(session_id),
        user_id=as_id(user_id),
        role=UserRole(role) if is_home else managing_role(CompanyKind(kind)),
        company_id=as_id(company_id),
        path=path,
        home_id=as_id(home_id),
        managing=scopes is None and not is_home,
        scopes=None if scopes is None else frozenset(map(ApiScope, orjson.loads(scopes))),
    )


def lacking(caller: Caller, scope: ApiScope | None) -> str | None:
    """Why this API token may not do what needs `scope`, or is for people alone (None)."""
    if caller.scopes is None:
        return None
    if scope is None:
        return "This is for people, not for API tokens: sign in to do it."
    if scope not in caller.scopes:
        return f"This API token lacks the scope {scope}: make one that has it."
    return None


def why_not(caller: Caller, action: Action, company: Company) -> Refusal | None:
    """The rule that refuses `action` in `company`, or None where it is allowed."""
    reach = caller.reach(company.path)
    if reach is None:
        return Forbidden("Out of your reach: you act in your own company and those beneath it.")
    if (words := lacking(caller, SCOPES[action])) is not None:
        return Forbidden(words)
    refusal = _by_place(caller, action, company, reach)
    if refusal is not None:
        return refusal
    if company.is_archived and not (action in IN_ARCHIVED and reach is Reach.BELOW):
        return Conflict("This company is archived: restore it first.")
    return None


def _by_place(caller: Caller, action: Action, company: Company, reach: Reach) -> Refusal | None:
    if action is Action.ENTER_MANAGE_MODE and caller.managing:
        return Forbidden("You are in manage mode already: exit it first.")
    if action is Action.ASSIGN_ORDER and reach is Reach.OWN:
        return _not_from_inside(caller, company)
    if action not in GRANTS.get((caller.role, reach), ()):
        if action in FROM_INSIDE and caller.role is UserRole.ACCOUNT_MANAGER:
            return Forbidden("Enter manage mode of this company first: it is done from inside.")
        if reach is Reach.OWN and caller.role is not UserRole.LEARNER:
            return Forbidden("Only an account manager of a company above may do this.")
        return Forbidden("Only managers may do this.")
    is_restricted = (
        caller.role is UserRole.MANAGER and company.is_managed and not caller.is_visiting
    )
    if is_restricted and action not in IN_ORDERS:
        return Forbidden("Your partner runs this company's program: ask them (MANAGED plan).")
    return None


def _not_from_inside(caller: Caller, company: Company) -> Refusal | None:
    if caller.managing:
        return Forbidden(
            "Orders are not assigned from inside the company that ordered: "
            "exit manage mode, then assign."
        )
    if company.kind is CompanyKind.VENDOR and caller.role is UserRole.ACCOUNT_MANAGER:
        return None
    return Forbidden("Orders are assigned by a company above the one that ordered.")


def _from_inside(caller: Caller) -> Q:
    """Rows of the acting company, to those who keep them: where a partner runs the program of a
    customer (MANAGED plan), its own managers do not."""
    own = Company.filter(id=caller.company_id)
    if caller.role is UserRole.MANAGER and not caller.is_visiting:
        own = own.exclude(plan=CompanyPlan.MANAGED)
    return Q(company_id__in=Subquery(own.values("id")))


_FOR_MANAGERS: Final[Mapping[type[Model], Callable[[Caller], Q]]] = {
    Company: lambda caller: within(caller.path),
    User: lambda caller: within(caller.path),
    Order: lambda caller: within(caller.path),
    License: lambda caller: within(caller.path),
    Allocation: lambda caller: within(caller.path, "license__path"),
    AuditEvent: lambda caller: within(caller.path),
    Notification: lambda caller: within(caller.path) & _may_know_recipient(caller),
    Session: lambda caller: Q(company_id__isnull=False) & within(caller.path, "company__path"),
    ApiToken: _from_inside,
    WebhookEndpoint: _from_inside,
    WebhookDelivery: lambda caller: Q(
        endpoint_id__in=Subquery(WebhookEndpoint.filter(_from_inside(caller)).values("id"))
    ),
}
_FOR_LEARNERS: Final[Mapping[type[Model], Callable[[Caller], Q]]] = {
    Company: lambda caller: Q(id=caller.company_id),
    User: lambda caller: Q(id=caller.user_id),
    License: lambda caller: Q(holder_id=caller.user_id),
    Allocation: lambda caller: Q(user_id=caller.user_id),
}
_FILED: Final = frozenset({Company, User, Order, License, AuditEvent})
"""Kept with the path of their company, by which alone they are in sight of a manager."""
ACTS: Final = ("requested", "assigned", "decided")
NOTHING: Final = Q(id__in=())
_PATH: Final = attrgetter("path")


def visible(model: type[M], caller: Caller | None, *, by_key: bool = False) -> QuerySet[M]:
    """The rows that exist for this caller: where every read, count and lock starts.

    `by_key` are few of them found, by an id or their owner's: then a database must not go through
    all that is in sight for them, as it does where it takes that for few. Nor from the root, from
    where all is in sight.
    """
    if caller is None:
        return _those(model, NOTHING)
    if caller.is_learner:
        return _those(model, _FOR_LEARNERS.get(model, _nothing)(caller))
    return _those(model, _sight(model, caller, by_key=by_key))


def _those(model: type[M], condition: Q) -> QuerySet[M]:
    """As `model.filter(condition)`, without the copy that Tortoise makes of what is all new."""
    found = QuerySet(model)
    found._q_objects.append(condition)
    return found


def _sight(model: type[Model], caller: Caller, *, by_key: bool) -> Q:
    if model in _FILED and (by_key or depth(caller.path) == 0):
        return _told_within(model, caller.path)
    return _FOR_MANAGERS.get(model, _nothing)(caller)


def _nothing(_: Caller) -> Q:
    return NOTHING


def _told_within(model: type[Model], path: str) -> Q:
    """As `within`, and no index is entered by it.

    Most that it is asked of are in sight. PostgreSQL expects so where a number is to be unlike
    another; of a function or a comparison that it cannot look into it expects far less, and sorts
    what it could read in order.
    """
    place = f'"{model._meta.db_table}"."path"'
    if is_sqlite():
        return Condition(f"SUBSTR({place}, 1, {{}}) = {{}}", len(path), path)
    return Condition(f"STARTS_WITH({place}, {{}})::int <> 0", path)


def known(model: type[M], caller: Caller | None, *, by_key: bool = False) -> QuerySet[M]:
    """As `visible`, for look-ups by id: to one who comes from above also the caller, and the
    caller's company.

    Lists and counts never hold these; of the company only the plain fields are shown.
    """
    if caller is None or not caller.is_visiting or model not in (Company, User):
        return visible(model, caller, by_key=by_key)
    own = caller.home_id if model is Company else caller.user_id
    return _those(model, _sight(model, caller, by_key=by_key) | Q(id=own))


def shows_all(caller: Caller, company: Company) -> bool:
    """Whether more than the plain fields of a known company is shown."""
    return bool(all_shown(caller, [company]))


def all_shown(caller: Caller, companies: Sequence[Company]) -> Sequence[Company]:
    """Those of known companies of which `shows_all` is true."""
    if caller.is_learner:
        return []
    if are_within(map(_PATH, companies), caller.path):
        return companies
    return [each for each in companies if is_within(each.path, caller.path)]


def nameable(caller: Caller | None) -> QuerySet[User]:
    """The people whose name and address may be told where they acted, found by id: those in
    sight, and those above."""
    if caller is None or caller.is_learner:
        return _those(User, NOTHING)
    above = Q(path__in=ancestor_paths(caller.path))
    return _those(User, _told_within(User, caller.path) | above)


def people_known(caller: Caller, through: str = "") -> Q:
    """As `nameable`; `through` is the way to the person, as in `requested_by__`."""
    above = where(**{f"{through}path__in": ancestor_paths(caller.path)})
    return within(caller.path, f"{through}path") | above


def _may_know_recipient(caller: Caller) -> Q:
    """People in sight; of those above, the account manager and those who acted on the order."""
    named = ("company__account_manager_id", *(f"order__{act}_by_id" for act in ACTS))
    return (
        within(caller.path, "user__path")
        | Q(user_id=caller.user_id)
        | Q(*(where(**{column: F("user_id")}) for column in named), join_type=Q.OR)
    )
