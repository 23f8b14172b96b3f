"""Who sends a request: the bearer token in its Authorization header, or in `connection_init`."""

from datetime import datetime

from starlette.requests import HTTPConnection

from models.access import Caller, caller_of

SCHEME = "bearer"


def sent_token(request: HTTPConnection) -> str | None:
    """Two Authorization headers are none: which of them was meant is not to be guessed."""
    sent = [value for name, value in request.scope["headers"] if name == b"authorization"]
    return _token(sent[0].decode("latin-1")) if len(sent) == 1 else None


async def caller(request: HTTPConnection, now: datetime) -> Caller | None:
    """None without a token, or with one that is nobody's any more: there is little to see then."""
    token = sent_token(request)
    return await caller_of(token, now) if token else None


async def bearer(authorization: object, now: datetime) -> Caller | None:
    """Who sends `Bearer …`; None for anything else."""
    token = _token(authorization) if isinstance(authorization, str) else None
    return await caller_of(token, now) if token else None


def _token(authorization: str) -> str | None:
    scheme, _, token = authorization.partition(" ")
    return token.strip() or None if scheme.lower() == SCHEME else None
