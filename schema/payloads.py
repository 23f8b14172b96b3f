"""What payloads of mutations have in common.

A mutation hands its payload ids; the rows are read anew, as the viewer sees them:

    @strawberry.type(description="The assigned order, or why it was not.")
    class AssignOrderPayload(OrderPayload): ...

    return AssignOrderPayload(order_id=done.result, notice_ids=done.notices)

`RefusalsAsData` makes the payload of a refusal with `refused`: every field keeps its default.
"""

from collections.abc import Sequence
from typing import Any, Self, cast
from uuid import UUID

import strawberry

from models.base import Entity
from models.errors import Refusal
from models.orders import Order as OrderRow
from models.outbox import Notification as NotificationRow
from resolvers.reading.nodes import BY_ID
from schema.edges import edge, edges
from schema.errors import UserError
from schema.types import Notification, Order


def row_by_id(model: type[Entity], key: str, description: str) -> Any:
    """The row whose id the payload holds in `key`; null where out of sight."""
    return edge(BY_ID[model], key=key, description=description)


def rows_by_ids(model: type[Entity], keys: str, description: str) -> Any:
    """The rows whose ids the payload holds in `keys`, in that order."""
    return edges(BY_ID[model], keys, description=description)


@strawberry.type(description="What a mutation did, or why it was refused.")
class Payload:
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why it was refused; then nothing was written."
    )

    @classmethod
    def refused(cls, refusal: Refusal) -> Self:
        """A payload with a `shortage` also says how many licenses were missing."""
        payload: Any = cls(errors=[UserError.of(each) for each in refusal.all])
        if hasattr(payload, "shortage"):
            payload.shortage = getattr(refusal, "missing", 0)
        return cast(Self, payload)


@strawberry.type(description="What a mutation did that mails somebody.")
class NotifyingPayload(Payload):
    notice_ids: strawberry.Private[Sequence[UUID]] = ()
    notifications: list[Notification] = rows_by_ids(
        NotificationRow, "notice_ids", "The mails promised, to those whom the viewer may know."
    )


@strawberry.type(description="What a mutation did to an order.")
class OrderPayload(NotifyingPayload):
    order_id: strawberry.Private[UUID | None] = None
    order: Order | None = row_by_id(OrderRow, "order_id", "The order.")
