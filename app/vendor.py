"""The first company, and the first person who can sign in."""

from app.database import opened
from app.settings import Settings
from resolvers.companies import create_vendor
from resolvers.passwords import hash_password
from resolvers.people import Person
from resolvers.performing import perform
from resolvers.sessions import set_password
from resolvers.work import Clock


async def create(
    settings: Settings, clock: Clock, name: str, email: str, password: str | None
) -> str | None:
    """Make the root company and its account manager; without a password, a link that sets one.

    Raises what the operations refuse: a second root, a bad address, a short password.
    """
    password_hash = await hash_password(password) if password is not None else None
    async with opened(settings):
        done = await perform(None, clock, create_vendor, name, Person(email))
        _, token = done.result
        if password_hash is None:
            return f"{settings.public_url}/set-password#token={token}"
        await perform(None, clock, set_password, token, password_hash)
        return None
