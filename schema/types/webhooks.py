"""Webhooks."""

from datetime import datetime
from uuid import UUID

import strawberry

from models import webhooks as models
from models.webhooks import WebhookDeliveryStatus, WebhookEvent
from resolvers.reading.companies import company_by_id
from resolvers.reading.webhooks import deliveries_of_endpoint
from schema.connections import Connection, paged
from schema.edges import edge
from schema.types.companies import Company
from schema.types.nodes import Node, column


@strawberry.type(description="One event on its way to one endpoint; kept for 30 days.")
class WebhookDelivery(Node, model=models.WebhookDelivery):
    event: WebhookEvent = column("What happened.")
    status: WebhookDeliveryStatus = column("How far it is.")
    attempts: int = column("How often it was tried since it was last queued.")
    response_status: int | None = column(
        "The HTTP status of the last answer; null where there was none. Nothing else is kept of it."
    )
    last_error: str | None = column("Why the last attempt failed.")
    created_at: datetime = column("When it happened.")
    delivered_at: datetime | None = column("When the receiver took it.")


@strawberry.type(description="A URL that is told what happens in its company and beneath it.")
class WebhookEndpoint(Node, model=models.WebhookEndpoint):
    company_id: strawberry.Private[UUID]
    url: str = column("Where events are sent.")
    events: list[WebhookEvent] = column("Which events are sent.")
    enabled: bool = column("Whether anything is sent.")
    disabled_at: datetime | None = column(
        "When it was switched off for failing for three days; null where it was not."
    )
    created_at: datetime = column("When it was made.")
    company: Company = edge(
        company_by_id, key="company_id", description="Whose events, and of those beneath, it hears."
    )
    deliveries: Connection[WebhookDelivery] = edge(
        deliveries_of_endpoint,
        takes=paged(),
        selective=True,
        description="What was sent, or waits to be, newest first; kept for 30 days.",
    )
