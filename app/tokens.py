"""The first API token, made on the command line."""

from graphql import GraphQLError

from app.database import opened
from app.errors import Failed
from app.settings import Settings
from models.tokens import ApiScope
from resolvers.performing import perform
from resolvers.tokens import create_first_api_token
from resolvers.work import Clock
from schema.scalars import taken_in


async def create(
    settings: Settings,
    clock: Clock,
    email: str,
    name: str,
    scopes: list[ApiScope],
    expires: str | None,
) -> str:
    """The secret of a token of that person's company. Raises Failed, and what it refuses."""
    try:
        expires_at = taken_in(expires) if expires is not None else None
    except GraphQLError as wrong:
        raise Failed(str(wrong)) from wrong
    async with opened(settings):
        done = await perform(None, clock, create_first_api_token, email, name, scopes, expires_at)
    return done.result.secret
