"""Global ids: opaque outside, the name of a type and a UUID inside."""

from binascii import a2b_base64
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

import strawberry

from models import base
from models.database import as_id

NOBODY: Final = UUID(int=0)
"""What junk is taken for: no row has it, so that junk and an unknown id take the same road."""


def global_id(name: str, id: UUID | str) -> strawberry.ID:
    return strawberry.ID(base.global_id(name, id))


def named(text: str) -> tuple[str, UUID]:
    """The type and the UUID; an empty name and NOBODY for junk."""
    try:
        name, _, id = a2b_base64(text, strict_mode=True).decode().partition(":")
        key = as_id(id)
    except ValueError:
        return "", NOBODY
    return (name, key) if str(key) == id else ("", NOBODY)


def key(name: str, text: str) -> UUID:
    """The UUID of a row of that type; NOBODY for junk, and for another type's id."""
    found, id = named(text)
    return id if found == name else NOBODY


def keys(name: str, texts: Iterable[str]) -> list[UUID]:
    return [key(name, text) for text in texts]


def optional_key(name: str, text: Any) -> UUID | None:
    """None where nothing was sent."""
    return None if text is None or text is strawberry.UNSET else key(name, text)
