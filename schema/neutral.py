"""Inputs as the resolvers take them: hashable, without what was not sent, ids decoded."""

from dataclasses import fields
from typing import Any, Final

import strawberry

from schema.ids import key, named

ID_OF: Final = "id_of"
ANYTHING: Final = "Node"


def of_list(description: str, name: str | None = None) -> Any:
    """A field of a filter."""
    return strawberry.field(default=strawberry.UNSET, description=description, name=name)


def id_of(type_name: str, description: str) -> Any:
    """A field of a filter that takes the id of one type; ANYTHING takes any."""
    return strawberry.field(
        default=strawberry.UNSET, description=description, metadata={ID_OF: type_name}
    )


class FilterInput:
    """A filter: pairs of a field and its value. What was not sent, or null, is left out."""

    @property
    def neutral(self) -> tuple[tuple[str, Any], ...]:
        given = ((field, getattr(self, field.name)) for field in fields(self))  # type: ignore[arg-type]
        return tuple(
            (field.name.rstrip("_"), _value(field.metadata.get(ID_OF), value))
            for field, value in given
            if value is not None and value is not strawberry.UNSET
        )


def neutral(value: Any) -> Any:
    if value is strawberry.UNSET:
        return None
    if isinstance(value, list):
        return tuple(neutral(each) for each in value)
    return getattr(value, "neutral", value)


def _value(id_of: str | None, value: Any) -> Any:
    if id_of is None:
        return neutral(value)
    return named(value) if id_of == ANYTHING else key(id_of, value)
