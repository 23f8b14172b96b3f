"""Webhooks: the URLs that are told what happens, what happened, and each on its way to a URL."""

import base64
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.expressions import Q
from tortoise.migrations.constraints import CheckConstraint

from models.base import Entity, global_id
from models.companies import Company, ancestor_paths
from models.database import as_id, is_sqlite, rows
from models.errors import InvalidInput
from models.outbox import Outgoing
from models.users import User

MOST_ENDPOINTS: Final = 20
"""Of one company: what happens is written down once for each that is above it."""
MOST_LICENSES: Final = 1_000
"""Whose ids are told; of more only the count is."""
SECRET_BYTES: Final = 32
KEPT_FOR: Final = timedelta(days=30)
"""How long one may read what was sent."""


class WebhookEvent(StrEnum):
    COMPANY_CREATED = "COMPANY_CREATED"
    ORDER_REQUESTED = "ORDER_REQUESTED"
    ORDER_ASSIGNED = "ORDER_ASSIGNED"
    ORDER_DECLINED = "ORDER_DECLINED"
    ORDER_CANCELLED = "ORDER_CANCELLED"
    ORDER_RETURNED = "ORDER_RETURNED"
    LICENSES_ALLOCATED = "LICENSES_ALLOCATED"
    LICENSES_RELEASED = "LICENSES_RELEASED"
    LICENSES_EXPIRING = "LICENSES_EXPIRING"
    LICENSES_EXPIRED = "LICENSES_EXPIRED"


class WebhookDeliveryStatus(StrEnum):
    QUEUED = "QUEUED"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


def new_secret() -> str:
    """256 bits by chance, as Standard Webhooks writes them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


class WebhookEndpoint(Entity):
    """A URL that is told what happens in its company, and in those beneath it."""

    company: fields.ForeignKeyRelation[Company] = fields.ForeignKeyField(
        "models.Company", related_name="webhook_endpoints", on_delete=fields.RESTRICT
    )
    created_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="webhook_endpoints", on_delete=fields.RESTRICT
    )
    url = fields.TextField()
    events: Any = fields.JSONField(default=list)
    secret = fields.TextField()
    """As it is: what is sent is signed with it."""
    enabled = fields.BooleanField(default=True)
    disabled_at = fields.DatetimeField(null=True)
    """When it was switched off for failing."""
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    if TYPE_CHECKING:
        company_id: UUID
        created_by_id: UUID

    class Meta:
        table = "webhook_endpoints"
        constraints = (
            CheckConstraint(
                name="webhook_endpoints_disabled", check="disabled_at IS NULL OR NOT enabled"
            ),
        )

    @classmethod
    def make(
        cls, company: Company, url: str, events: Sequence[str], *, by: UUID, at: datetime
    ) -> "WebhookEndpoint":
        """Raises InvalidInput where no event is named."""
        return cls(
            company_id=company.id,
            created_by_id=by,
            url=url,
            events=_events(events),
            secret=new_secret(),
            created_at=at,
            updated_at=at,
        )

    def update(
        self, *, at: datetime, url: str, events: Sequence[str] | None, enabled: bool | None
    ) -> bool:
        """True if anything changed; who switches it on forgets that it failed.

        Raises InvalidInput where no event is named, and for null.
        """
        if enabled is None:
            raise InvalidInput("Send true or false, or leave it out.", ("enabled",))
        return self.change(
            at,
            url=url,
            events=_events(events),
            enabled=enabled,
            disabled_at=None if enabled else self.disabled_at,
        )

    def switch_off(self, *, at: datetime) -> bool:
        """It failed for too long; true if it was on."""
        return self.enabled and self.change(at, enabled=False, disabled_at=at)


class WebhookMessage(Entity):
    """What happened in a company, as its body is sent to every endpoint that hears of it."""

    company: fields.ForeignKeyRelation[Company] = fields.ForeignKeyField(
        "models.Company", related_name="webhook_messages", on_delete=fields.RESTRICT
    )
    event = fields.CharEnumField(WebhookEvent, max_length=24)
    body = fields.TextField()
    created_at = fields.DatetimeField()

    if TYPE_CHECKING:
        company_id: UUID

    class Meta:
        table = "webhook_messages"

    @classmethod
    def about(
        cls,
        event: WebhookEvent,
        company_id: UUID,
        *,
        at: datetime,
        order_id: UUID | None = None,
        license_ids: Sequence[UUID] | None = None,
        count: int | None = None,
        expires_at: datetime | None = None,
    ) -> "WebhookMessage":
        """Ids and numbers, never names or addresses: who may know more asks the API."""
        if count is None and license_ids is not None:
            count = len(license_ids)
        told = license_ids if license_ids is None or len(license_ids) <= MOST_LICENSES else None
        body = {
            "type": event,
            "timestamp": at.astimezone(UTC),
            "data": {
                "companyId": global_id("Company", company_id),
                "orderId": order_id and global_id("Order", order_id),
                "licenseIds": None
                if told is None
                else [global_id("License", each) for each in told],
                "count": count,
                "expiresAt": expires_at and expires_at.astimezone(UTC),
            },
        }
        return cls(
            company_id=company_id,
            event=event,
            body=orjson.dumps(body, option=orjson.OPT_UTC_Z).decode(),
            created_at=at,
        )


class WebhookDelivery(Outgoing):
    """One message on its way to one endpoint."""

    endpoint: fields.ForeignKeyRelation[WebhookEndpoint] = fields.ForeignKeyField(
        "models.WebhookEndpoint", related_name="deliveries", on_delete=fields.RESTRICT
    )
    message: fields.ForeignKeyRelation[WebhookMessage] = fields.ForeignKeyField(
        "models.WebhookMessage", related_name="deliveries", on_delete=fields.RESTRICT
    )
    event = fields.CharEnumField(WebhookEvent, max_length=24)
    status = fields.CharEnumField(
        WebhookDeliveryStatus, max_length=12, default=WebhookDeliveryStatus.QUEUED
    )
    queued_at = fields.DatetimeField()
    """From when it is tried, for three days; later than its making where it was redelivered."""
    response_status = fields.IntField(null=True)
    """All that is kept of an answer."""
    delivered_at = fields.DatetimeField(null=True)

    if TYPE_CHECKING:
        endpoint_id: UUID
        message_id: UUID

    class Meta:
        table = "webhook_deliveries"
        constraints = (
            CheckConstraint(
                name="webhook_deliveries_delivered",
                check="(status = 'DELIVERED') = (delivered_at IS NOT NULL)",
            ),
        )

    @classmethod
    def promise(cls, message: WebhookMessage, endpoint_id: UUID) -> "WebhookDelivery":
        at = message.created_at
        return cls(
            endpoint_id=endpoint_id,
            message_id=message.id,
            event=message.event,
            created_at=at,
            queued_at=at,
            next_attempt_at=at,
        )

    def queue_again(self, *, at: datetime) -> None:
        """The same message under the same id, as if it had never been tried; what becomes of an
        attempt that is under way counts no more."""
        fresh = {"attempts": 0, "response_status": None, "last_error": None, "delivered_at": None}
        self.leased_until = None
        queued = {"status": WebhookDeliveryStatus.QUEUED, "queued_at": at, "next_attempt_at": at}
        self.update_from_dict(fresh | queued)


class Happened(NamedTuple):
    """In the company; `told` makes the message, which few of them need."""

    event: WebhookEvent
    company: Company
    told: Callable[[], WebhookMessage]


async def queue(happened: Collection[Happened]) -> bool:
    """Write down what happened for every endpoint that hears of it: those of the company, and of
    the companies above. What nobody hears of is not kept. Three statements at most.

    True if anybody hears of anything.
    """
    hearing = await _hearing({each.company.path for each in happened})
    heard: list[WebhookMessage] = []
    deliveries: list[WebhookDelivery] = []
    for event, company, told in happened:
        ids = [
            endpoint.id
            for above in (*ancestor_paths(company.path), company.path)
            for endpoint in hearing.get(above, ())
            if event in endpoint.events
        ]
        if ids:
            message = told()
            heard.append(message)
            deliveries += [WebhookDelivery.promise(message, id) for id in ids]
    if deliveries:
        await WebhookMessage.bulk_create(heard)
        await WebhookDelivery.bulk_create(deliveries)
    return bool(deliveries)


async def fail_queued(endpoint_id: UUID, error: str, now: datetime) -> None:
    """Give up what waits for an endpoint that is off, but for what is in a worker's hands."""
    waiting = WebhookDelivery.filter(endpoint_id=endpoint_id, status=WebhookDeliveryStatus.QUEUED)
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
    await waiting.filter(free).update(
        status=WebhookDeliveryStatus.FAILED, last_error=error, leased_until=None
    )


class Heard(NamedTuple):
    """An endpoint, and what it hears of."""

    id: UUID
    events: frozenset[str]


async def _hearing(paths: set[str]) -> dict[str, list[Heard]]:
    """The endpoints that are on, of companies at work, at these paths and above: by path."""
    wanted = sorted({above for path in paths for above in (*ancestor_paths(path), path)})
    found: dict[str, list[Heard]] = {}
    each = "json_each($1)" if is_sqlite() else "jsonb_array_elements_text($1::jsonb)"
    told = await rows(
        f"""
        SELECT webhook_endpoints.id, events, path FROM webhook_endpoints
        JOIN companies ON companies.id = webhook_endpoints.company_id
        WHERE enabled AND NOT is_archived AND path IN (SELECT value FROM {each})
        ORDER BY webhook_endpoints.id
        """,  # noqa: S608
        orjson.dumps(wanted).decode(),
    )
    for row in told:
        heard = Heard(as_id(row["id"]), frozenset(orjson.loads(row["events"])))
        found.setdefault(row["path"], []).append(heard)
    return found


def _events(events: Sequence[str] | None) -> list[str]:
    if not events:
        raise InvalidInput("Name one event at least.", ("events",))
    return [str(event) for event in dict.fromkeys(events)]
