"""People as the viewer may know them."""

from typing import Self
from uuid import UUID

import strawberry

from resolvers.reading.people import Person
from resolvers.reading.users import user_by_id
from schema.edges import edge, wraps
from schema.types.lazy import User


@strawberry.type(
    description="A person as the viewer may know them: one who acted, or who is to be asked."
)
class Contact:
    user_id: strawberry.Private[UUID | None]
    name: str = strawberry.field(description="The full name.")
    email: str = strawberry.field(description="The address.")
    user: User | None = edge(
        user_by_id,
        key="user_id",
        description="Null where the user is out of the viewer's sight: an account manager above, "
        "say.",
    )

    @classmethod
    def of(cls, person: Person) -> Self:
        return cls(user_id=person.user_id, name=person.name, email=person.email)


wraps(Person, Contact.of)
