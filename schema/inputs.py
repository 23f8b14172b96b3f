"""What every mutation's input has in common, and how it is handed to an operation."""

from collections.abc import Iterable
from typing import Any, TypeVar

import strawberry

from resolvers.people import Person

T = TypeVar("T")

KEY = "Send the same key again after a lost answer: the first result, and nothing done twice."
PREVIEW = "Answer what would happen, whom it would mail included, and undo it."
ACTING = "The acting company if left out."


def optional(description: str) -> Any:
    """An input field that may be left out."""
    return strawberry.field(default=strawberry.UNSET, description=description)


def required(description: str) -> Any:
    return strawberry.field(description=description)


def with_default(default: Any, description: str) -> Any:
    return strawberry.field(default=default, description=description)


def value(given: T | None) -> T | None:
    """Null where it was left out."""
    return None if given is strawberry.UNSET else given


def given(input: object, names: Iterable[str]) -> dict[str, Any]:
    """What was not left out, of these fields."""
    found = {name: getattr(input, name) for name in names}
    return {name: each for name, each in found.items() if each is not strawberry.UNSET}


@strawberry.input(description="A person as an address book has them.")
class PersonInput:
    email: str = required("The address; one user on the whole platform has it.")
    first_name: str | None = optional("The given name.")
    last_name: str | None = optional("The family name.")
    department: str | None = optional("Where in the company.")
    external_id: str | None = optional("What a directory calls this person.")

    @property
    def person(self) -> Person:
        return Person(
            self.email,
            value(self.first_name),
            value(self.last_name),
            value(self.department),
            value(self.external_id),
        )
