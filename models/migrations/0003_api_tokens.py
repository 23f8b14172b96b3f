"""API tokens, and the events that were done with one."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint

from models.audit import Subject
from models.base import new_id

INDEXES = [
    "CREATE UNIQUE INDEX api_tokens_token ON api_tokens (token_hash)",
    "CREATE INDEX api_tokens_of_company ON api_tokens (company_id, created_at, id)",
    "CREATE INDEX api_tokens_creator ON api_tokens (created_by_id)",
]


class Migration(migrations.Migration):
    dependencies = [("models", "0002_invariants")]

    operations = [
        ops.CreateModel(
            name="ApiToken",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                ("name", fields.TextField(unique=False)),
                ("prefix", fields.CharField(max_length=16)),
                ("token_hash", fields.CharField(max_length=64)),
                ("scopes", fields.JSONField()),
                (
                    "company",
                    fields.ForeignKeyField(
                        "models.Company",
                        source_field="company_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="api_tokens",
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
                        related_name="api_tokens",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "last_used_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "api_tokens",
                "app": "models",
                "pk_attr": "id",
                "table_description": "What a program asks with: belongs to a company, and acts in its creator's name.",
            },
            bases=["Entity"],
        ),
        ops.AddField(
            "AuditEvent",
            "api_token",
            fields.ForeignKeyField(
                "models.ApiToken",
                source_field="api_token_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="events",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AlterField(
            "AuditEvent",
            "subject_type",
            fields.CharEnumField(
                null=True, description="By its GraphQL type.", enum_type=Subject, max_length=20
            ),
        ),
        ops.AddConstraint(
            "ApiToken",
            CheckConstraint(
                check="expires_at > created_at", name="api_tokens_expire_after_creation"
            ),
        ),
        *(
            ops.RunSQL(index, reverse_sql=f"DROP INDEX {index.split(' ON ')[0].split()[-1]}")
            for index in INDEXES
        ),
    ]
