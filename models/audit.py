"""Audit events: every change writes one, in its own transaction."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tortoise import fields

from models.base import Entity, PathField
from models.companies import Company
from models.tokens import ApiToken
from models.users import User

LONGEST_ACTION: Final = 40


class Subject(StrEnum):
    """The kinds of thing that an event may be about, by their GraphQL type."""

    COMPANY = "Company"
    USER = "User"
    ORDER = "Order"
    LICENSE = "License"
    MANAGE_SESSION = "ManageSession"
    API_TOKEN = "ApiToken"  # noqa: S105
    WEBHOOK_ENDPOINT = "WebhookEndpoint"


class AuditEvent(Entity):
    """`count` and `facts` hold no names: the summary is made when asked, so erasure reaches it."""

    action = fields.CharField(max_length=LONGEST_ACTION)
    at = fields.DatetimeField()
    actor: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="acts", null=True, on_delete=fields.RESTRICT
    )
    api_token: fields.ForeignKeyNullableRelation[ApiToken] = fields.ForeignKeyField(
        "models.ApiToken", related_name="events", null=True, on_delete=fields.RESTRICT
    )
    on_behalf_of: fields.ForeignKeyNullableRelation[Company] = fields.ForeignKeyField(
        "models.Company", related_name="acts_for", null=True, on_delete=fields.RESTRICT
    )
    company: fields.ForeignKeyRelation[Company] = fields.ForeignKeyField(
        "models.Company", related_name="events", on_delete=fields.RESTRICT
    )
    path = PathField()
    subject_type = fields.CharEnumField(
        Subject, max_length=20, null=True, description="By its GraphQL type."
    )
    subject_id = fields.UUIDField(null=True)
    count = fields.IntField(null=True)
    facts: Any = fields.JSONField(default=dict)

    if TYPE_CHECKING:
        actor_id: UUID | None
        api_token_id: UUID | None
        on_behalf_of_id: UUID | None
        company_id: UUID

    class Meta:
        table = "audit_events"


class IdempotencyKey(Entity):
    """The first result of a call, by the key its sender gave it."""

    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="idempotency_keys", on_delete=fields.RESTRICT
    )
    key = fields.CharField(max_length=255)
    mutation = fields.CharField(max_length=64)
    input_hash = fields.CharField(max_length=64)
    result: Any = fields.JSONField(default=dict)
    created_at = fields.DatetimeField()

    if TYPE_CHECKING:
        user_id: UUID

    class Meta:
        table = "idempotency_keys"
