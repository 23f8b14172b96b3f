"""People as the viewer may know them."""

from typing import Any, ClassVar, Self

import strawberry

from resolvers.reading.people import Person
from resolvers.reading.users import user_by_id
from schema.edges import edge, wraps
from schema.types.lazy import User


@strawberry.type(
    description="A person as the viewer may know them: one who acted, or who is to be asked."
)
class Contact:
    __reads__: ClassVar = "person"

    person: strawberry.Private[Person]
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
        contact = cls.__new__(cls)
        contact.person = person
        return contact

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "person":
            raise AttributeError(name)
        return getattr(self.person, name)


wraps(Person, Contact.of)
