"""What PostgreSQL's planner needs to choose well on many companies.

Open orders are listed newest first, of whom there may be many in sight: the index is gone through in
that order, and tells by itself which rows are. And it must know how many rows a subtree has, which
the hundred samples of a path that it takes by itself do not tell of one among many.
"""

from typing import Any

from tortoise import migrations
from tortoise.migrations import operations as ops

FILED = ("companies", "users", "orders", "licenses")
SAMPLES = 1_000


class OnPostgres(ops.RunSQL):
    async def _run_sql(self, state_editor: Any, sqls: Any) -> None:
        if state_editor.client.capabilities.dialect != "sqlite":
            await super()._run_sql(state_editor, sqls)


class Migration(migrations.Migration):
    dependencies = [("models", "0007_webhooks")]

    operations = [
        ops.RunSQL(
            "CREATE INDEX orders_newest_by_status ON orders (status, requested_at, id, path)",
            reverse_sql="DROP INDEX orders_newest_by_status",
        ),
        *(
            OnPostgres(
                f"ALTER TABLE {table} ALTER COLUMN path SET STATISTICS {SAMPLES}",
                reverse_sql=f"ALTER TABLE {table} ALTER COLUMN path SET STATISTICS -1",
            )
            for table in FILED
        ),
    ]
