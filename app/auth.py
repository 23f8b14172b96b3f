"""Who sends a request: the bearer token in its Authorization header."""

from datetime import datetime

from starlette.requests import HTTPConnection

from models.access import Caller, caller_of

SCHEME = "bearer"


async def caller(request: HTTPConnection, now: datetime) -> Caller | None:
    """None without a token, or with one that is nobody's any more: what may be seen then is little.

    Two Authorization headers are none: which of them was meant is not to be guessed.
    """
    sent = request.headers.getlist("authorization")
    scheme, _, token = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    if scheme.lower() != SCHEME or not token.strip():
        return None
    return await caller_of(token.strip(), now)
