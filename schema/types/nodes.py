"""What all types with a row have in common."""

from typing import Any, ClassVar, Self

import strawberry

from models.base import Entity, global_id, global_ids
from schema.columns import MODELS, TELLS
from schema.edges import wraps
from schema.execution.declared import INLINE, Inline


@strawberry.interface(description="Anything with an id of its own.")
class Node:
    """`Order.of(row)` shows a row: the columns that the type names are read when asked for."""

    __reads__: ClassVar = "row"

    row: strawberry.Private[Any]

    def __init_subclass__(cls, *, model: type[Entity] | None = None) -> None:
        super().__init_subclass__()
        if model is not None:
            MODELS[cls.__name__] = model
            wraps(model, cls.of)

    @classmethod
    def of(cls, row: Any) -> Self:
        node = cls.__new__(cls)
        node.row = row
        return node

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "row":
            raise AttributeError(name)
        return getattr(self.row, name)

    @strawberry.field(
        description="Opaque, and unique among all types.",
        metadata={
            TELLS: ("id",),
            INLINE: Inline("{told}({kind}, {0.id})", uses={"told": global_ids}),
        },
    )
    def id(self) -> strawberry.ID:
        return strawberry.ID(global_id(type(self).__name__, self.row.id))


def column(description: str) -> Any:
    """A field that is read from the row."""
    return strawberry.field(description=description)
