"""Who sends a request: the bearer token in its Authorization header, or in `connection_init`."""

from datetime import datetime

from starlette.requests import HTTPConnection

from models.access import Caller, caller_of

SCHEME = "bearer"


async def caller(request: HTTPConnection, now: datetime) -> Caller | None:
    """None without a token, or with one that is nobody's any more: what may be seen then is little.

    Two Authorization headers are none: which of them was meant is not to be guessed.
    """
    sent = request.headers.getlist("authorization")
    return await bearer(sent[0], now) if len(sent) == 1 else None


async def bearer(authorization: object, now: datetime) -> Caller | None:
    """Who sends `Bearer …`; None for anything else."""
    scheme, _, token = authorization.partition(" ") if isinstance(authorization, str) else ("",) * 3
    if scheme.lower() != SCHEME or not token.strip():
        return None
    return await caller_of(token.strip(), now)
