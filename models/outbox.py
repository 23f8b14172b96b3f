"""The outbox: mails promised in the transaction that causes them, sent later by a worker."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from models.base import Entity, PathField
from models.companies import Company
from models.orders import Order
from models.users import User


class NotificationTemplate(StrEnum):
    ORDER_REQUESTED = "ORDER_REQUESTED"
    ORDER_ASSIGNED = "ORDER_ASSIGNED"
    ORDER_DECLINED = "ORDER_DECLINED"
    ORDER_CANCELLED = "ORDER_CANCELLED"
    ORDER_WAITING = "ORDER_WAITING"
    LICENSES_EXPIRING = "LICENSES_EXPIRING"
    LICENSES_EXPIRED = "LICENSES_EXPIRED"
    TRIAL_EXPIRING = "TRIAL_EXPIRING"
    TRIAL_EXPIRED = "TRIAL_EXPIRED"
    PARTNER_WELCOME = "PARTNER_WELCOME"
    MANAGER_WELCOME = "MANAGER_WELCOME"
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105
    WEBHOOK_DISABLED = "WEBHOOK_DISABLED"


class NotificationStatus(StrEnum):
    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"


UNMUTABLE: Final = frozenset(
    {
        NotificationTemplate.PARTNER_WELCOME,
        NotificationTemplate.MANAGER_WELCOME,
        NotificationTemplate.PASSWORD_RESET,
    }
)


def is_wanted(template: NotificationTemplate, by: User) -> bool:
    """Whether that person has not muted it."""
    return template in UNMUTABLE or template not in by.muted_templates


@dataclass(frozen=True)
class Notice:
    """A mail to promise. `facts` hold numbers, dates and texts of the order, and nobody's name:
    people are named by their rows when the mail is written, so that erasure reaches it."""

    template: NotificationTemplate
    company: Company
    subject: str
    order: Order | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    token: str | None = None
    key: str | None = None
    """Of a scheduled mail: each recipient is promised it once."""


class Outgoing(Entity):
    """What a worker sends: leased by one at a time, and tried again until it has left."""

    attempts = fields.IntField(default=0)
    next_attempt_at = fields.DatetimeField()
    leased_until = fields.DatetimeField(null=True)
    last_error = fields.TextField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        abstract = True


class Notification(Outgoing):
    """One mail to one recipient."""

    template = fields.CharEnumField(NotificationTemplate, max_length=24)
    status = fields.CharEnumField(
        NotificationStatus, max_length=8, default=NotificationStatus.QUEUED
    )
    company: fields.ForeignKeyRelation[Company] = fields.ForeignKeyField(
        "models.Company", related_name="notifications", on_delete=fields.RESTRICT
    )
    path = PathField()
    order: fields.ForeignKeyNullableRelation[Order] = fields.ForeignKeyField(
        "models.Order", related_name="notifications", null=True, on_delete=fields.RESTRICT
    )
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="notifications", on_delete=fields.RESTRICT
    )
    actor: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="caused", null=True, on_delete=fields.RESTRICT
    )
    recipient = fields.TextField()
    subject = fields.TextField()
    facts: Any = fields.JSONField(default=dict)
    token = fields.TextField(null=True)
    """The secret of the link inside, until the mail has left or failed."""
    key = fields.CharField(max_length=255, null=True)
    """Of a scheduled mail: it is promised once."""
    batch = fields.UUIDField()
    """The transaction that promised it: its mails leave in order."""
    sent_at = fields.DatetimeField(null=True)

    if TYPE_CHECKING:
        company_id: UUID
        order_id: UUID | None
        user_id: UUID
        actor_id: UUID | None

    class Meta:
        table = "notifications"
        constraints = (
            CheckConstraint(
                name="notifications_sent", check="(status = 'SENT') = (sent_at IS NOT NULL)"
            ),
        )

    @classmethod
    def promise(
        cls, notice: Notice, to: User, *, actor_id: UUID | None, batch: UUID, at: datetime
    ) -> "Notification":
        return cls(
            template=notice.template,
            company_id=notice.company.id,
            path=notice.company.path,
            order_id=notice.order.id if notice.order else None,
            user_id=to.id,
            actor_id=actor_id,
            recipient=to.email,
            subject=notice.subject,
            facts=notice.facts,
            token=notice.token,
            key=f"{notice.key}:{to.id}" if notice.key else None,
            batch=batch,
            next_attempt_at=at,
            created_at=at,
        )
