"""People as the reader may know them: those who acted, or who are to be asked."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from tortoise.queryset import QuerySet

from models.access import Caller, nameable
from models.rows import COLUMNS, Table, column, columns_at
from models.users import User
from resolvers.reading.by_id import ById
from resolvers.reading.reader import Reader


class Person(NamedTuple):
    """`user_id` leads to the user only where the reader sees them."""

    name: str
    email: str
    user_id: UUID | None


setattr(Person, COLUMNS, columns_at(Person._fields))
SOMEBODY: Final = Person("Somebody", "", None)
"""Who acted, and is not above any more."""


def _nameable(_: type[User], caller: Caller | None, *, by_key: bool) -> QuerySet[User]:  # noqa: ARG001
    return nameable(caller)


def _told(_: Reader, users: Sequence[User]) -> Sequence[Person]:
    return Table(Person, [column(users, name) for name in ("name", "email", "id")])


person: Final = ById(User, _nameable, _told, reads=("id", "name", "email"))
"""Those whose name and address may be told."""


async def person_or_somebody(reader: Reader, ids: Sequence[Any]) -> Mapping[Any, Person]:
    return dict.fromkeys(ids, SOMEBODY) | dict(await person(reader, ids))
