"""The API without a socket: the whole application, asked as somebody or nobody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from app.asgi import create_app
from app.graphql import Sleep
from app.settings import load
from models.users import User
from resolvers.work import Clock
from tests.factories import Make
from tests.http.client import Client, Json


class Api:
    def __init__(self, http: httpx.AsyncClient, make: Make) -> None:
        self.http = http
        self._make = make

    async def of(self, user: User | None) -> Client:
        """A client signed in as that person."""
        return Client(self.http, await self._make.token(user) if user else None)

    def by(self, token: str) -> Client:
        """A client with that token."""
        return Client(self.http, token)

    async def send(self, user: User | None, document: str, **variables: Any) -> Json:
        return await (await self.of(user)).send(document, **variables)


async def at_once(_: float) -> None:
    """Waits for nothing."""


@asynccontextmanager
async def application(
    make: Make, clock: Clock, sleep: Sleep = at_once, /, **settings: Any
) -> AsyncIterator[Api]:
    """The application on the database that is connected already."""
    app = create_app(load(**{"rate_limit": "off"} | settings), clock, sleep=sleep)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://canopy.test") as http:
        yield Api(http, make)
