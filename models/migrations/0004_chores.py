"""What the clock brings and is done once; and the index that clean-up goes by."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint

from models.base import new_id

INDEXES = [
    "CREATE UNIQUE INDEX chores_key ON chores (key)",
    "CREATE INDEX sessions_expiry ON sessions (expires_at)",
]


class Migration(migrations.Migration):
    dependencies = [("models", "0003_api_tokens")]

    operations = [
        ops.CreateModel(
            name="Chore",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                ("key", fields.CharField(max_length=255)),
                ("held_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("done_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "chores",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Something that the clock brings, by its key. Done for good, but for the round of all jobs.",
            },
            bases=["Entity"],
        ),
        ops.AddConstraint(
            "Chore",
            CheckConstraint(
                name="chores_held_or_done", check="held_until IS NOT NULL OR done_at IS NOT NULL"
            ),
        ),
        *(
            ops.RunSQL(index, reverse_sql=f"DROP INDEX {index.split(' ON ')[0].split()[-1]}")
            for index in INDEXES
        ),
    ]
