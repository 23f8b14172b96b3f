"""What all types with a row have in common."""

from dataclasses import fields
from functools import cache
from typing import Any, Final, Self

import strawberry

from models.base import Entity
from schema.edges import wraps
from schema.ids import global_id

MODELS: Final[dict[str, type[Entity]]] = {}
"""What is behind a type, by the name that ids carry."""


@strawberry.interface(description="Anything with an id of its own.")
class Node:
    """`Order.of(row)` copies the columns that the type names."""

    id: strawberry.ID = strawberry.field(description="Opaque, and unique among all types.")
    row: strawberry.Private[Any]

    def __init_subclass__(cls, *, model: type[Entity] | None = None) -> None:
        super().__init_subclass__()
        if model is not None:
            MODELS[cls.__name__] = model
            wraps(model, cls.of)

    @classmethod
    def of(cls, row: Any) -> Self:
        kind: Any = cls
        columns = {name: getattr(row, name) for name in _columns(kind)}
        return cls(id=global_id(cls.__name__, row.id), row=row, **columns)


@cache
def _columns(cls: type[Node]) -> tuple[str, ...]:
    return tuple(
        field.name for field in fields(cls) if field.init and field.name not in {"id", "row"}
    )


def column(description: str) -> Any:
    """A field that is copied from the row."""
    return strawberry.field(description=description)
