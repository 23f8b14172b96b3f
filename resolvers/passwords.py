"""Passwords: argon2id, away from the event loop and from any transaction."""

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from models.errors import InvalidInput

SHORTEST: Final = 12
LONGEST: Final = 1_024

# OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, 2 iterations, 1 lane.
_HASHER: Final = PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)
_NOBODYS: Final = (
    f"$argon2id$v={ARGON2_VERSION}$m={_HASHER.memory_cost},t={_HASHER.time_cost},"
    f"p={_HASHER.parallelism}${'A' * 22}${'A' * 43}"
)
"""A hash in today's form, and of no password that anybody knows."""


async def hash_password(password: str) -> str:
    """Raises InvalidInput for one that is too short, or absurdly long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(f"A password has {SHORTEST} to {LONGEST:,} characters.", ("password",))
    return await asyncio.to_thread(_HASHER.hash, _bytes(password))


async def verify(password_hash: str | None, password: str) -> bool:
    """Takes the same time where there is no hash to compare with."""
    is_right = await asyncio.to_thread(_verify, password_hash or _NOBODYS, password)
    return is_right and password_hash is not None


async def renewed(password_hash: str, password: str) -> str | None:
    """A new hash of a password that is right, if the old one is weaker than today's."""
    if not _HASHER.check_needs_rehash(password_hash):
        return None
    return await asyncio.to_thread(_HASHER.hash, _bytes(password))


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def _bytes(password: str) -> bytes:
    """Half a surrogate pair is a character too, in a password."""
    return password.encode(errors="surrogatepass")
