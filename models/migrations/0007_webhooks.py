"""Webhooks: endpoints, what happened, and its deliveries."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint

from models.base import new_id
from models.webhooks import WebhookDeliveryStatus, WebhookEvent

EVENTS = "COMPANY_CREATED: COMPANY_CREATED\nORDER_REQUESTED: ORDER_REQUESTED\nORDER_ASSIGNED: ORDER_ASSIGNED\nORDER_DECLINED: ORDER_DECLINED\nORDER_CANCELLED: ORDER_CANCELLED\nORDER_RETURNED: ORDER_RETURNED\nLICENSES_ALLOCATED: LICENSES_ALLOCATED\nLICENSES_RELEASED: LICENSES_RELEASED\nLICENSES_EXPIRING: LICENSES_EXPIRING\nLICENSES_EXPIRED: LICENSES_EXPIRED"

CHECKS = [
    ("WebhookEndpoint", "webhook_endpoints_disabled", "disabled_at IS NULL OR NOT enabled"),
    (
        "WebhookDelivery",
        "webhook_deliveries_delivered",
        "(status = 'DELIVERED') = (delivered_at IS NOT NULL)",
    ),
]

INDEXES = [
    "CREATE INDEX webhook_endpoints_of_company ON webhook_endpoints (company_id, created_at, id)",
    "CREATE INDEX webhook_messages_age ON webhook_messages (created_at)",
    "CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (message_id, endpoint_id)",
    "CREATE INDEX webhook_deliveries_of_endpoint"
    " ON webhook_deliveries (endpoint_id, created_at, id)",
    "CREATE INDEX webhook_deliveries_age ON webhook_deliveries (created_at)",
    "CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at, id)"
    " WHERE status = 'QUEUED'",
    "CREATE INDEX webhook_deliveries_next"
    " ON webhook_deliveries (endpoint_id, next_attempt_at, id) WHERE status = 'QUEUED'",
]


class Migration(migrations.Migration):
    dependencies = [("models", "0006_rates")]

    operations = [
        ops.CreateModel(
            name="WebhookEndpoint",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "company",
                    fields.ForeignKeyField(
                        "models.Company",
                        source_field="company_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="webhook_endpoints",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="created_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="webhook_endpoints",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("url", fields.TextField(unique=False)),
                ("events", fields.JSONField(default=list)),
                ("secret", fields.TextField(unique=False)),
                ("enabled", fields.BooleanField(default=True)),
                (
                    "disabled_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "webhook_endpoints",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A URL that is told what happens in its company, and in those beneath it.",
            },
            bases=["Entity"],
        ),
        ops.CreateModel(
            name="WebhookMessage",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "company",
                    fields.ForeignKeyField(
                        "models.Company",
                        source_field="company_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="webhook_messages",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "event",
                    fields.CharEnumField(description=EVENTS, enum_type=WebhookEvent, max_length=24),
                ),
                ("body", fields.TextField(unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "webhook_messages",
                "app": "models",
                "pk_attr": "id",
                "table_description": "What happened in a company, as its body is sent to every endpoint that hears of it.",
            },
            bases=["Entity"],
        ),
        ops.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "endpoint",
                    fields.ForeignKeyField(
                        "models.WebhookEndpoint",
                        source_field="endpoint_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="deliveries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "message",
                    fields.ForeignKeyField(
                        "models.WebhookMessage",
                        source_field="message_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="deliveries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "event",
                    fields.CharEnumField(description=EVENTS, enum_type=WebhookEvent, max_length=24),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        default=WebhookDeliveryStatus.QUEUED,
                        description="QUEUED: QUEUED\nDELIVERED: DELIVERED\nFAILED: FAILED",
                        enum_type=WebhookDeliveryStatus,
                        max_length=12,
                    ),
                ),
                ("attempts", fields.IntField(default=0)),
                ("queued_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("next_attempt_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "leased_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("response_status", fields.IntField(null=True)),
                ("last_error", fields.TextField(null=True, unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "delivered_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "webhook_deliveries",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One message on its way to one endpoint.",
            },
            bases=["Outgoing"],
        ),
        *(
            ops.AddConstraint(model, CheckConstraint(check=check, name=name))
            for model, name, check in CHECKS
        ),
        *(
            ops.RunSQL(index, reverse_sql=f"DROP INDEX {index.split(' ON ')[0].split()[-1]}")
            for index in INDEXES
        ),
    ]
