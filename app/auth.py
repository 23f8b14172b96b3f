"""Who sends a request: the bearer token in its Authorization header, or in `connection_init`."""

from asyncio import shield
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from starlette.requests import HTTPConnection
from strawberry.dataloader import DataLoader

from models.access import Caller, callers_of

SCHEME: Final = "bearer"
MOST: Final = 8
"""Of one statement, which is prepared for each number of them."""


class Callers:
    """Looks up who asks, with one statement for all who come in the same turn of the event loop."""

    def __init__(self) -> None:
        self._sent = DataLoader(_looked_up, max_batch_size=MOST, cache=False)

    async def of(self, token: str | None, now: datetime) -> Caller | None:
        """None without a token, or with one that is nobody's any more.

        Who leaves does not end the lookup: a batch that all have left before it is sent would be
        kept by the loader, never be sent, and take in those who come next.
        """
        return await shield(self._sent.load((token, now))) if token else None


def sent_token(request: HTTPConnection) -> str | None:
    name = b"authorization"
    return bearer([sent.decode("latin-1") for key, sent in request.scope["headers"] if key == name])


def bearer(sent: Sequence[object]) -> str | None:
    """The token of `Bearer …`. Two of them are none: which was meant is not to be guessed."""
    match sent:
        case [str(authorization)]:
            scheme, _, token = authorization.partition(" ")
            return token.strip() or None if scheme.lower() == SCHEME else None
    return None


async def _looked_up(sent: list[tuple[str, datetime]]) -> list[Caller | None]:
    """As of the latest of these instants, which are of one turn."""
    found = await callers_of([token for token, _ in sent], max(now for _, now in sent))
    return [found.get(token) for token, _ in sent]
