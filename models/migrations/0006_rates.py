"""One more kind of tally: how often something was asked."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from models.sessions import TallyKind


class Migration(migrations.Migration):
    dependencies = [("models", "0005_in_order_of_export")]

    operations = [
        ops.AlterField(
            "Tally",
            "kind",
            fields.CharEnumField(
                description="WRONG_PASSWORDS: WRONG_PASSWORDS\nDUPLICATES: DUPLICATES\nRATE: RATE",
                enum_type=TallyKind,
                max_length=16,
            ),
        ),
    ]
