"""Mutations of webhooks."""

from uuid import UUID

import strawberry

from models.tokens import ApiScope
from models.webhooks import WebhookEvent
from resolvers import webhooks
from resolvers.reading.webhooks import delivery_by_id, endpoint_by_id
from schema.context import Info
from schema.edges import edge
from schema.ids import global_id, key
from schema.inputs import given, optional, required
from schema.payloads import Payload, mutation
from schema.types import WebhookDelivery, WebhookEndpoint

EVENTS = "Which events are sent; one at least."
URL = "Where events are sent: https, without user, password and fragment, to a public address."


@strawberry.input(description="Have events of the acting company and those beneath it sent to you.")
class CreateWebhookEndpointInput:
    url: str = required(URL)
    events: list[WebhookEvent] = required(EVENTS)


@strawberry.input(description="Change an endpoint; what is left out stays.")
class UpdateWebhookEndpointInput:
    webhook_endpoint_id: strawberry.ID = required("The endpoint.")
    url: str | None = optional(URL)
    events: list[WebhookEvent] | None = optional(EVENTS)
    enabled: bool | None = optional("False gives up what waits to be sent, too.")


@strawberry.input(description="Delete an endpoint with its deliveries.")
class DeleteWebhookEndpointInput:
    webhook_endpoint_id: strawberry.ID = required("The endpoint.")


@strawberry.input(description="Send the same event again.")
class RedeliverWebhookInput:
    webhook_delivery_id: strawberry.ID = required("The delivery.")


@strawberry.type(description="The endpoint as it is now, or why it could not be changed.")
class UpdateWebhookEndpointPayload(Payload):
    endpoint_id: strawberry.Private[UUID | None] = None
    webhook_endpoint: WebhookEndpoint | None = edge(
        endpoint_by_id, "endpoint_id", description="The endpoint."
    )


@strawberry.type(description="The new endpoint with its secret, or why there is none.")
class CreateWebhookEndpointPayload(UpdateWebhookEndpointPayload):
    secret: str | None = strawberry.field(
        default=None, description="What signatures are made with: whsec_… Shown this once."
    )


@strawberry.type(description="Which endpoint is gone, or why none is.")
class DeleteWebhookEndpointPayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id that the endpoint had."
    )


@strawberry.type(description="The delivery as it is now, or why it was not queued.")
class RedeliverWebhookPayload(Payload):
    delivery_id: strawberry.Private[UUID | None] = None
    webhook_delivery: WebhookDelivery | None = edge(
        delivery_by_id, "delivery_id", description="The delivery."
    )


@strawberry.type
class WebhookMutations:
    @mutation(
        "Make an endpoint of the acting company; its secret is shown this once.",
        ApiScope.WEBHOOKS_WRITE,
    )
    async def create_webhook_endpoint(
        self, info: Info, input: CreateWebhookEndpointInput
    ) -> CreateWebhookEndpointPayload:
        context = info.context
        done = await context.perform(
            webhooks.create_webhook_endpoint, input.url, input.events, context.destinations
        )
        return CreateWebhookEndpointPayload(
            endpoint_id=done.result.endpoint_id, secret=done.result.secret
        )

    @mutation(
        "Change where an endpoint leads and what it hears of, or switch it off or on.",
        ApiScope.WEBHOOKS_WRITE,
    )
    async def update_webhook_endpoint(
        self, info: Info, input: UpdateWebhookEndpointInput
    ) -> UpdateWebhookEndpointPayload:
        done = await info.context.perform(
            webhooks.update_webhook_endpoint,
            key("WebhookEndpoint", input.webhook_endpoint_id),
            given(input, ("url", "events", "enabled")),
            info.context.destinations,
        )
        return UpdateWebhookEndpointPayload(endpoint_id=done.result)

    @mutation("Delete an endpoint with its deliveries.", ApiScope.WEBHOOKS_WRITE)
    async def delete_webhook_endpoint(
        self, info: Info, input: DeleteWebhookEndpointInput
    ) -> DeleteWebhookEndpointPayload:
        done = await info.context.perform(
            webhooks.delete_webhook_endpoint, key("WebhookEndpoint", input.webhook_endpoint_id)
        )
        return DeleteWebhookEndpointPayload(deleted_id=global_id("WebhookEndpoint", done.result))

    @mutation("Queue the same event again, under the same id.", ApiScope.WEBHOOKS_WRITE)
    async def redeliver_webhook(
        self, info: Info, input: RedeliverWebhookInput
    ) -> RedeliverWebhookPayload:
        done = await info.context.perform(
            webhooks.redeliver_webhook, key("WebhookDelivery", input.webhook_delivery_id)
        )
        return RedeliverWebhookPayload(delivery_id=done.result)
