"""What mutations and their payloads have in common.

A payload holds ids, and its rows are read anew, as the viewer sees them; so a repeat reads alike.
"""

from collections.abc import Sequence
from typing import Any, Self
from uuid import UUID

import strawberry

from models.errors import Refusal
from models.tokens import ApiScope
from resolvers.reading.notifications import notification_by_id
from resolvers.reading.orders import order_by_id
from schema.edges import edge, edges
from schema.errors import RefusalsAsData, UserError
from schema.scopes import Besides, Needs
from schema.types import Notification, Order


def mutation(description: str, scope: ApiScope | None, *besides: Besides) -> Any:
    """A mutation whose refusals are data of its payload; `scope` is what API tokens need for it."""
    needs = Needs(scope, *besides)
    return strawberry.mutation(
        description=needs.described(description), extensions=[RefusalsAsData(), needs]
    )


@strawberry.type(description="What a mutation did, or why it was refused.")
class Payload:
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why it was refused; then nothing was written."
    )

    @classmethod
    def refused(cls, refusal: Refusal) -> Self:
        """All else stays empty, but for what the refusal itself tells."""
        return cls(errors=[UserError.of(each) for each in refusal.all], **refusal.told)


@strawberry.type(description="What a mutation did that mails somebody.")
class NotifyingPayload(Payload):
    notice_ids: strawberry.Private[Sequence[UUID]] = ()
    notifications: list[Notification] = edges(
        notification_by_id,
        "notice_ids",
        description="The mails promised, to those whom the viewer may know.",
    )


@strawberry.type(description="What a mutation did to an order.")
class OrderPayload(NotifyingPayload):
    order_id: strawberry.Private[UUID | None] = None
    order: Order | None = edge(order_by_id, "order_id", description="The order.")
