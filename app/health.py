"""Whether the process lives, and whether it can work."""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tortoise.connection import get_connection

from app.database import pending
from app.draining import Draining
from models.database import AWAY, is_read_only

PATIENCE: Final = 5.0
"""Seconds for the database to answer."""
FRESH: Final = {"Cache-Control": "no-store"}


async def live(_: Request) -> Response:
    return JSONResponse({"status": "ok"}, headers=FRESH)


class Ready:
    """Not while the database is away, behind or read-only, and not once the process is to end.

    Anybody may ask, and as often as they like: all who ask at once are told what one look found.
    """

    def __init__(self, draining: Draining) -> None:
        self._draining = draining
        self._look: asyncio.Task[str | None] | None = None

    async def page(self, _: Request) -> Response:
        problem = "The process ends." if self._draining.has_begun else await self._problem()
        if problem is None:
            return JSONResponse({"status": "ok"}, headers=FRESH)
        return JSONResponse({"status": "unavailable", "reason": problem}, 503, FRESH)

    async def _problem(self) -> str | None:
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(_problem())
        return await asyncio.shield(self._look)


async def _problem() -> str | None:
    try:
        async with asyncio.timeout(PATIENCE):
            behind = await pending(get_connection("default"))
            if await is_read_only():
                return "The database takes no writing."
    except AWAY:
        return "The database does not answer."
    return "The schema of the database is behind." if behind else None
