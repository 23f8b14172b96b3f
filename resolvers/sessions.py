"""Signing in and out, passwords, and manage mode."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

from tortoise.expressions import Q, Subquery

from models import text
from models.access import Action
from models.base import within
from models.companies import Company
from models.errors import (
    Conflict,
    Forbidden,
    InvalidCredentials,
    LockedOut,
    TokenInvalid,
    Unauthenticated,
)
from models.people import taken
from models.sessions import (
    LOCKED_FOR,
    RESET_PAUSE,
    WRONG_PASSWORDS,
    LinkPurpose,
    PasswordLink,
    Session,
    TallyKind,
    digest,
    new_token,
)
from models.users import User
from resolvers import notices, passwords
from resolvers.people import make_link
from resolvers.performing import perform
from resolvers.tallies import Attempt, count, counted, forget
from resolvers.work import Clock, Work

_TRYING: Final[WeakValueDictionary[str, asyncio.Lock]] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token` is told this once; only its hash is kept."""

    token: str
    session_id: UUID
    expires_at: datetime


async def check_password(email: str, password: str, clock: Clock) -> tuple[User, str]:
    """Whose password it is, and the hash it fits. Raises InvalidCredentials, LockedOut.

    Every try is counted before it is looked at, so that many at once are no more than many in
    turn, whatever process they reach; the right password takes its own back. An address that
    nobody has is answered alike, in the same time.
    """
    key = text.email_key(email)
    async with _in_turn(digest(key)):
        return await _check_password(key, password, clock)


async def _check_password(key: str, password: str, clock: Clock) -> tuple[User, str]:
    now = clock()
    tries = await _count_try(digest(key), now)
    user = (await taken([key])).get(key)
    password_hash = user.password_hash if user else None
    if user is not None and await passwords.verify(password_hash, password):
        assert password_hash is not None
        await forget(TallyKind.WRONG_PASSWORDS, digest(key))
        return user, password_hash
    if user is None:
        await passwords.verify(None, password)
    elif tries == WRONG_PASSWORDS:
        await perform(None, clock, tell_locked, user.id)
    raise InvalidCredentials


async def tell_locked(work: Work, user_id: UUID) -> None:
    user = await User.get(id=user_id)
    work.audit("session.locked", await Company.get(id=user.company_id), user)


async def sign_in(work: Work, user_id: UUID, password_hash: str, renewed: str | None) -> SignedIn:
    """Open a session for the person whose password it was, if it still is."""
    work.by = None  # whoever was signed in before has nothing to do with it
    user = await User.select_for_update(no_key=True).get(id=user_id)
    if user.password_hash != password_hash:
        raise InvalidCredentials
    company = await Company.get(id=user.company_id)
    if company.is_archived:
        raise Forbidden("Your company is archived. Ask its account manager.")
    user.last_sign_in_at, user.password_hash = work.now, renewed or password_hash
    await user.save(update_fields=["last_sign_in_at", "password_hash"])
    token = new_token()
    session = Session.sign_in(user.id, token, at=work.now)
    await session.save(force_create=True)
    work.audit("session.signed_in", company, user, actor_id=user.id)
    return SignedIn(token, session.id, session.expires_at)


async def sign_out(work: Work) -> None:
    """End this session, and what was entered from it; in manage mode the first goes on.

    Raises Unauthenticated where it has ended meanwhile.
    """
    caller = work.caller
    theirs = Q(id=caller.session_id) | Q(entered_from_id=caller.session_id)
    if not await _end(theirs, work.now):
        raise Unauthenticated
    company = await Company.get(id=caller.company_id)
    work.audit("session.signed_out", company, await User.get(id=caller.user_id))
    work.by = None  # who is nobody from now on


async def request_password_reset(work: Work, email: str) -> None:
    """Mail a link, at most once in 30 minutes; the answer is the same for nobody's address."""
    work.by = None  # who asks is mailed too
    found = (await taken([text.email_key(email)])).get(text.email_key(email))
    if found is None:
        return
    user = await User.select_for_update(no_key=True).get(id=found.id)
    company = await Company.get(id=user.company_id)
    lately = PasswordLink.filter(
        user_id=user.id, purpose=LinkPurpose.RESET, created_at__gt=work.now - RESET_PAUSE
    )
    if user.removed_at is not None or company.is_archived or await lately.exists():
        return
    token = await make_link(work, user, LinkPurpose.RESET)
    work.notify(notices.password_reset(company, token), to=[user])


async def set_password(work: Work, token: str, password_hash: str) -> UUID:
    """Set the password of whoever was mailed this link; all their sessions end.

    Raises TokenInvalid.
    """
    work.by = None  # the link says who it is
    link = (
        await PasswordLink.filter(token_hash=digest(token))
        .select_for_update(no_key=True)
        .get_or_none()
    )
    if link is None or link.ended_at is not None or link.expires_at <= work.now:
        raise TokenInvalid
    user = await User.select_for_update(no_key=True).get(id=link.user_id)
    company = await Company.get(id=user.company_id)
    if user.removed_at is not None or company.is_archived:
        raise TokenInvalid
    user.change(work.now, password_hash=password_hash)
    await user.save(update_fields=["password_hash", "updated_at"])
    link.ended_at = work.now
    await link.save(update_fields=["ended_at"])
    await end_sessions_of([user.id], work.now)
    work.audit("password.set", company, user, actor_id=user.id)
    return user.id


@dataclass(frozen=True, slots=True)
class Entered:
    token: str
    session_id: UUID
    expires_at: datetime


async def enter_manage_mode(work: Work, company_id: UUID, reason: str | None = None) -> Entered:
    """A second token, bound to a company beneath, for an hour at most."""
    company = await work.find(Company, company_id, ("company_id",))
    work.require(Action.ENTER_MANAGE_MODE, company)
    first = await Session.get(id=work.caller.session_id)
    token = new_token()
    session = Session.manage(
        company,
        token,
        user_id=work.caller.user_id,
        entered_from_id=first.id,
        reason=reason,
        at=work.now,
    )
    session.expires_at = min(session.expires_at, first.expires_at)
    await session.save(force_create=True)
    work.audit("manage_mode.entered", company, session)
    return Entered(token, session.id, session.expires_at)


async def exit_manage_mode(work: Work) -> UUID:
    """End the manage session; the token it was entered with goes on working.

    Raises Unauthenticated where it has ended meanwhile.
    """
    if not work.caller.managing:
        raise Conflict("You are not in manage mode.")
    session = await Session.get(id=work.caller.session_id)
    if not await _end(Q(id=session.id), work.now):
        raise Unauthenticated
    company = await Company.get(id=work.caller.company_id)
    work.audit("manage_mode.exited", company, session)
    work.by = None  # who is nobody from now on
    return session.id


async def end_sessions_of(user_ids: list[UUID], now: datetime) -> None:
    await _end(Q(user_id__in=user_ids), now)


async def end_stays_of(user_id: UUID, now: datetime) -> None:
    """In manage mode."""
    await _end(Q(user_id=user_id, company_id__isnull=False), now)


async def end_sessions_within(path: str, now: datetime) -> None:
    """Of the people in the company at `path` and beneath it."""
    people = User.filter(within(path)).values("id")
    await _end(Q(user_id__in=Subquery(people)), now)


async def _end(sessions: Q, now: datetime) -> int:
    """How many there were to end."""
    return await Session.filter(sessions, ended_at__isnull=True).update(ended_at=now)


def _in_turn(subject: str) -> asyncio.Lock:
    """One try at a time for an address: who knows the password locks nobody out."""
    lock = _TRYING.get(subject)
    if lock is None:
        lock = _TRYING[subject] = asyncio.Lock()
    return lock


async def _count_try(subject: str, now: datetime) -> int:
    tally = await counted(TallyKind.WRONG_PASSWORDS, subject, now)
    if tally is not None and tally.count >= WRONG_PASSWORDS:
        raise LockedOut(LOCKED_FOR)
    tries = await count(
        Attempt(TallyKind.WRONG_PASSWORDS, subject, at=now, until=now + LOCKED_FOR, extends=True)
    )
    if tries > WRONG_PASSWORDS:
        raise LockedOut(LOCKED_FOR)
    return tries
