"""Whether the process lives, and whether it can work."""

import asyncio
from typing import Final

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tortoise.connection import get_connection
from tortoise.exceptions import BaseORMException

from app.database import pending

PATIENCE: Final = 5.0
"""Seconds for the database to answer."""
FRESH: Final = {"Cache-Control": "no-store"}


async def live(_: Request) -> Response:
    return JSONResponse({"status": "ok"}, headers=FRESH)


async def ready(_: Request) -> Response:
    problem = await _problem()
    if problem is None:
        return JSONResponse({"status": "ok"}, headers=FRESH)
    return JSONResponse({"status": "unavailable", "reason": problem}, 503, FRESH)


async def _problem() -> str | None:
    try:
        async with asyncio.timeout(PATIENCE):
            behind = await pending(get_connection("default"))
    except (BaseORMException, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return "The database does not answer."
    return "The schema of the database is behind." if behind else None
