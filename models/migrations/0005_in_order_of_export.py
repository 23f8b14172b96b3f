"""The rows of a subtree, in the order in which an export reads them page by page."""

from tortoise import migrations
from tortoise.migrations import operations as ops

TABLES = ["users", "orders", "licenses"]


class Migration(migrations.Migration):
    dependencies = [("models", "0004_chores")]

    operations = [
        operation
        for table in TABLES
        for operation in (
            ops.RunSQL(
                f"DROP INDEX {table}_path",
                reverse_sql=f"CREATE INDEX {table}_path ON {table} (path)",
            ),
            ops.RunSQL(
                f"CREATE INDEX {table}_path ON {table} (path, id)",
                reverse_sql=f"DROP INDEX {table}_path",
            ),
        )
    ]
