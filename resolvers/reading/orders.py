"""Orders: one, and lists of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Unpack

from tortoise.expressions import Q

from models.access import people_known, visible
from models.companies import Company
from models.orders import NUMBER_LENGTH, Order
from resolvers.reading.by_id import ById
from resolvers.reading.companies import looked_after, of_companies
from resolvers.reading.filters import Filter, Words, email, name, number, one_of, same, text, time
from resolvers.reading.pages import Listing
from resolvers.reading.reader import Reader
from resolvers.reading.windows import Asked, Sort, SortDirection
from resolvers.reading.within import Within, of_scope

_requester_email = email("requested_by__email_key")


def _requested_by(reader: Reader, filter: Filter) -> Q:
    """Only of those whose address the reader is told."""
    return _requester_email(reader, filter) & people_known(reader.asking, "requested_by__")


ORDERS: Final = Listing(
    Order,
    sorts={
        "REQUESTED_AT": Sort("requested_at"),
        "ASSIGNED_AT": Sort("assigned_at", nullable=True),
        "NUMBER": Sort("number", str),
        "QUANTITY": Sort("quantity", int),
        "COMPANY_NAME": Sort("company__name_key", str),
    },
    default=("REQUESTED_AT", SortDirection.DESC),
    counts_along=True,
    words=Words(
        {
            "number": text("number", NUMBER_LENGTH),
            "company_id": same("company_id"),
            "company_name": name("company__name"),
            "status": one_of(Order, "status"),
            "license_type": one_of(Order, "license_type"),
            "origin": one_of(Order, "origin"),
            "quantity": number("quantity"),
            "purchase_order": text("purchase_order"),
            "requested_at": time("requested_at"),
            "assigned_at": time("assigned_at"),
            "updated_at": time("updated_at"),
            "account_manager_id": looked_after("company__"),
            "requested_by_email": _requested_by,
        }
    ),
)
_OF_COMPANY: Final = Within.owner("Company.orders", "company_id")


order_by_id: Final = ById(Order, visible)


async def orders(reader: Reader, keys: Sequence[Any], **asked: Unpack[Asked]) -> Mapping[Any, Any]:
    return await ORDERS.pages(reader, keys, of_scope("orders", reader, asked.get("scope")), asked)


async def orders_of_company(
    reader: Reader, keys: Sequence[Company], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await of_companies(ORDERS, _OF_COMPANY, reader, keys, asked)
