"""Webhooks: the endpoints of the acting company, and what was sent to them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Unpack

from models.access import visible
from models.webhooks import WebhookDelivery, WebhookEndpoint
from resolvers.reading.filters import Words
from resolvers.reading.pages import Listing
from resolvers.reading.reader import Reader
from resolvers.reading.sql import by_column, rows_with
from resolvers.reading.windows import Asked, Sort, SortDirection
from resolvers.reading.within import Within

ENDPOINTS: Final = Listing(
    WebhookEndpoint,
    sorts={"CREATED_AT": Sort("created_at")},
    default=("CREATED_AT", SortDirection.DESC),
    words=Words({}),
)
DELIVERIES: Final = Listing(
    WebhookDelivery,
    sorts={"CREATED_AT": Sort("created_at")},
    default=("CREATED_AT", SortDirection.DESC),
    words=Words({}),
)
_OF_ENDPOINT: Final = Within.owner("WebhookEndpoint.deliveries", "endpoint_id")


async def endpoint_by_id(reader: Reader, ids: Sequence[Any]) -> Mapping[Any, WebhookEndpoint]:
    return by_column(await rows_with(visible(WebhookEndpoint, reader.caller), "id", ids))


async def delivery_by_id(reader: Reader, ids: Sequence[Any]) -> Mapping[Any, WebhookDelivery]:
    return by_column(await rows_with(visible(WebhookDelivery, reader.caller), "id", ids))


async def webhook_endpoints(
    reader: Reader, keys: Sequence[Any], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await ENDPOINTS.pages(reader, keys, Within("webhookEndpoints"), asked)


async def deliveries_of_endpoint(
    reader: Reader, keys: Sequence[WebhookEndpoint], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await DELIVERIES.pages(reader, keys, _OF_ENDPOINT, asked)
