"""The types that refer to each other, before they are made."""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from schema.types.companies import Company
    from schema.types.licenses import Allocation, License
    from schema.types.orders import Order
    from schema.types.users import User
else:
    Company = Annotated["Company", strawberry.lazy("schema.types.companies")]
    Allocation = Annotated["Allocation", strawberry.lazy("schema.types.licenses")]
    License = Annotated["License", strawberry.lazy("schema.types.licenses")]
    Order = Annotated["Order", strawberry.lazy("schema.types.orders")]
    User = Annotated["User", strawberry.lazy("schema.types.users")]

__all__ = ["Allocation", "Company", "License", "Order", "User"]
