"""API tokens: make, revoke, and note that they are used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from tortoise.expressions import Q

from models import text
from models.access import Action, Caller, oneself
from models.errors import NotFound
from models.people import taken
from models.tokens import NOTED_EVERY, ApiScope, ApiToken, new_secret
from resolvers.work import Work

MOST_NOTED: Final = 5_000
_NOTED: Final[dict[UUID, datetime]] = {}
"""When the use of a token was written down, as far as this process knows."""


@dataclass(frozen=True, slots=True)
class Made:
    """`secret` is told this once; only its hash is kept."""

    secret: str
    token_id: UUID


async def create_api_token(
    work: Work, name: str, scopes: Iterable[ApiScope], expires_at: datetime | None = None
) -> Made:
    """A token of the acting company, in the caller's name."""
    company = await work.lock_company(None)
    work.require(Action.KEEP_API_TOKENS, company)
    secret = new_secret()
    token = ApiToken.make(
        company,
        name,
        scopes,
        secret,
        created_by_id=work.caller.user_id,
        expires_at=expires_at,
        at=work.now,
    )
    await token.save(force_create=True)
    work.audit("api_token.created", company, token)
    return Made(secret, token.id)


async def create_first_api_token(
    work: Work, email: str, name: str, scopes: Iterable[ApiScope], expires_at: datetime | None
) -> Made:
    """As `create_api_token`, for whoever has this address and need not sign in. Raises NotFound."""
    user = (await taken([text.email_key(email)])).get(text.email_key(email))
    if user is None:
        raise NotFound("user", ("email",))
    work.by = await oneself(user.id)
    try:
        return await create_api_token(work, name, scopes, expires_at)
    finally:
        work.by = None  # who has no session to be looked at again


async def revoke_api_token(work: Work, token_id: UUID) -> UUID:
    """End a token of the acting company, at once."""
    company = await work.lock_company(None)
    token = await work.find(ApiToken, token_id, ("api_token_id",))
    work.require(Action.KEEP_API_TOKENS, company)
    if token.revoke(at=work.now):
        await token.save(update_fields=["revoked_at"])
        work.audit("api_token.revoked", company, token)
    return token.id


async def end_tokens_of(user_ids: Iterable[UUID], now: datetime) -> None:
    """Of people who are gone, or manage nothing any more."""
    theirs = ApiToken.filter(created_by_id__in=list(user_ids), revoked_at__isnull=True)
    await theirs.update(revoked_at=now)


def is_use_due(caller: Caller | None, now: datetime) -> bool:
    """Whether `note_use` has anything to write, as far as this process knows."""
    if caller is None or caller.token_id is None:
        return False
    before = now - NOTED_EVERY
    return _NOTED.get(caller.token_id, before) <= before


async def note_use(caller: Caller | None, now: datetime) -> None:
    """Write down when an API token was used, once a minute at most, however often it is."""
    if caller is None or caller.token_id is None or not is_use_due(caller, now):
        return
    before = now - NOTED_EVERY
    due = Q(last_used_at__isnull=True) | Q(last_used_at__lte=before)
    if not await ApiToken.filter(due, id=caller.token_id).update(last_used_at=now):
        token = await ApiToken.get_or_none(id=caller.token_id)  # another process was first
        now = token.last_used_at if token and token.last_used_at else now
    if len(_NOTED) == MOST_NOTED:
        _NOTED.clear()
    _NOTED[caller.token_id] = now
