"""People as the reader may know them: those who acted, or who are to be asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from models.access import nameable
from resolvers.reading.reader import Reader
from resolvers.reading.sql import rows_with


@dataclass(frozen=True)
class Person:
    """`user_id` leads to the user only where the reader sees them."""

    name: str
    email: str
    user_id: UUID | None


SOMEBODY: Final = Person("Somebody", "", None)
"""Who acted, and is not above any more."""


async def person(reader: Reader, ids: Sequence[Any]) -> Mapping[Any, Person]:
    """Those whose name and address may be told."""
    found = await rows_with(nameable(reader.caller), "id", ids)
    return {user.id: Person(user.name, user.email, user.id) for user in found}


async def person_or_somebody(reader: Reader, ids: Sequence[Any]) -> Mapping[Any, Person]:
    return dict.fromkeys(ids, SOMEBODY) | dict(await person(reader, ids))
