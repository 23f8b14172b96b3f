"""What is told by itself: over a WebSocket at /graphql, by the protocol graphql-transport-ws."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

import strawberry

from resolvers.live import Subscriber, order_changes, summary_changes
from resolvers.reading.windows import Scope
from schema.context import LiveInfo
from schema.edges import wrapped
from schema.ids import key, optional_key
from schema.scopes import READS, require
from schema.selections import selected
from schema.types import LicenseSummary, Order


def event(description: str) -> Any:
    """A root field of the subscription."""
    return strawberry.subscription(description=READS.described(description))


def subscriber_of(info: LiveInfo) -> Subscriber:
    """Raises ScopeMissing. Extensions of fields know no generators: what reads asks here."""
    require(info.context.subscriber.reader.asking, READS.scope)
    return info.context.subscriber


@strawberry.type(
    description="What is told by itself, over a WebSocket by graphql-transport-ws, for as long as "
    "there is a right to see it."
)
class Subscription:
    @event(
        "An order of the company (the acting one if left out) or one beneath it was requested, or "
        "changed. It is told as it is by then, and may be told twice."
    )
    async def order_changed(
        self,
        info: LiveInfo,
        company_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Of which company.")
        ] = strawberry.UNSET,
    ) -> AsyncIterator[Order]:
        watched = optional_key("Company", company_id)
        async with aclosing(order_changes(subscriber_of(info), watched)) as orders:
            async for order in orders:
                yield wrapped(order)

    @event(
        "The counts of a company changed, by the clock too. The first value comes at once, then at "
        "most one a second."
    )
    async def license_summary_changed(
        self,
        info: LiveInfo,
        company_id: Annotated[strawberry.ID, strawberry.argument(description="Of which company.")],
        scope: Annotated[
            Scope | None, strawberry.argument(description="Of it, of those beneath it, or of both.")
        ] = Scope.OWN,
    ) -> AsyncIterator[LicenseSummary]:
        asked = (key("Company", company_id), scope or Scope.OWN, selected(info))
        async with aclosing(summary_changes(subscriber_of(info), *asked)) as summaries:
            async for summary in summaries:
                yield wrapped(summary)
