"""Mails that were promised: those to people whom the reader may know."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Unpack

from models.access import visible
from models.base import where
from models.outbox import Notification
from resolvers.reading.filters import Text, Words, any_of, one_of, same, time
from resolvers.reading.pages import Listing
from resolvers.reading.reader import Reader
from resolvers.reading.sql import by_column, rows_with
from resolvers.reading.windows import Asked, Sort, SortDirection
from resolvers.reading.within import Within

NOTIFICATIONS: Final = Listing(
    Notification,
    sorts={"CREATED_AT": Sort("created_at")},
    default=("CREATED_AT", SortDirection.DESC),
    words=Words(
        {
            "template": one_of(Notification, "template"),
            "status": one_of(Notification, "status"),
            "company_id": same("company_id"),
            "order_id": same("order_id"),
            "recipient": Text(
                exact=lambda values: any_of(where(recipient__iexact=value) for value in values),
                like=lambda way, value: where(**{f"recipient__i{way}": value}),
            ),
            "created_at": time("created_at"),
        }
    ),
)


async def notification_by_id(reader: Reader, ids: Sequence[Any]) -> Mapping[Any, Notification]:
    return by_column(await rows_with(visible(Notification, reader.caller), "id", ids))


async def notifications(
    reader: Reader, keys: Sequence[Any], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await NOTIFICATIONS.pages(reader, keys, Within("notifications"), asked)
