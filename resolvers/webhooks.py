"""Webhooks: endpoints are made, changed and deleted; deliveries are queued again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.access import Action, visible
from models.base import is_within
from models.companies import Company
from models.destinations import Destinations
from models.errors import Conflict
from models.people import present
from models.webhooks import (
    MOST_ENDPOINTS,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    fail_queued,
)
from resolvers import notices
from resolvers.work import Work

SWITCHED_OFF: Final = "The endpoint was switched off."


@dataclass(frozen=True, slots=True)
class Made:
    """`secret` is shown this once."""

    endpoint_id: UUID
    secret: str


async def create_webhook_endpoint(
    work: Work, url: str, events: Sequence[WebhookEvent], destinations: Destinations
) -> Made:
    """An endpoint of the acting company, which hears of it and of those beneath it."""
    company = await _lock_company(work)
    kept = await visible(WebhookEndpoint, work.caller).filter(company_id=company.id).count()
    if kept >= MOST_ENDPOINTS:
        raise Conflict(f"A company has at most {MOST_ENDPOINTS} endpoints: delete one first.")
    endpoint = WebhookEndpoint.make(
        company, destinations.take_in(url), events, by=work.caller.user_id, at=work.now
    )
    await endpoint.save(force_create=True)
    work.audit("webhook.created", company, endpoint)
    return Made(endpoint.id, endpoint.secret)


async def update_webhook_endpoint(
    work: Work, endpoint_id: UUID, given: dict[str, Any], destinations: Destinations
) -> UUID:
    """Change where it leads and what it hears of, or switch it off or on."""
    company = await _lock_company(work)
    endpoint = await _lock(work, endpoint_id)
    if "url" in given:
        given = given | {"url": destinations.take_in(given["url"] or "")}
    before = {name: getattr(endpoint, name) for name in ("url", "events", "enabled")}
    if endpoint.update(at=work.now, **(before | given)):
        await endpoint.save()
        work.audit("webhook.updated", company, endpoint, fields=sorted(given))
    if not endpoint.enabled:
        await fail_queued(endpoint.id, SWITCHED_OFF, work.now)
    return endpoint.id


async def delete_webhook_endpoint(work: Work, endpoint_id: UUID) -> UUID:
    """It hears no more, and its deliveries are gone with it."""
    company = await _lock_company(work)
    endpoint = await _lock(work, endpoint_id)
    await visible(WebhookDelivery, work.caller).filter(endpoint_id=endpoint.id).delete()
    await endpoint.delete()
    work.audit("webhook.deleted", company, endpoint)
    return endpoint.id


async def redeliver_webhook(work: Work, delivery_id: UUID) -> UUID:
    """Queue the same message again, under the same id."""
    path = ("webhook_delivery_id",)
    company = await _lock_company(work)
    found = await work.find(WebhookDelivery, delivery_id, path)
    endpoint = await _lock(work, found.endpoint_id)
    delivery = await work.lock(WebhookDelivery, delivery_id, path)
    if not endpoint.enabled:
        raise Conflict("The endpoint is switched off: switch it on first.", path)
    delivery.queue_again(at=work.now)
    await delivery.save()
    work.audit("webhook.redelivered", company, endpoint, event=delivery.event)
    return delivery.id


async def give_up_endpoint(work: Work, endpoint_id: UUID, since: datetime) -> None:
    """Switch an endpoint off to which nothing got through since then, and tell its creator."""
    endpoint = await WebhookEndpoint.select_for_update(no_key=True).get_or_none(id=endpoint_id)
    got_through = WebhookDelivery.filter(endpoint_id=endpoint_id, delivered_at__gte=since)
    if endpoint is None or await got_through.exists() or not endpoint.switch_off(at=work.now):
        return
    await endpoint.save(update_fields=["enabled", "disabled_at", "updated_at"])
    await fail_queued(endpoint.id, SWITCHED_OFF, work.now)
    company = await Company.get(id=endpoint.company_id)
    work.audit("webhook.disabled", company, endpoint)
    creator = await present(endpoint.created_by_id)
    still = [user for user in creator if user.is_manager and is_within(company.path, user.path)]
    work.notify(notices.webhook_disabled(company, endpoint), to=still)


async def _lock_company(work: Work) -> Company:
    """The acting company: endpoints are kept from inside it alone."""
    company = await work.lock_company(None)
    work.require(Action.KEEP_WEBHOOKS, company)
    return company


async def _lock(work: Work, endpoint_id: UUID) -> WebhookEndpoint:
    return await work.lock(WebhookEndpoint, endpoint_id, ("webhook_endpoint_id",))
