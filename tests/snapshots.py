"""What stands in the database: all of it, or what was promised and written down."""

from collections.abc import Awaitable
from typing import Any

import pytest
from tortoise import Tortoise
from tortoise.models import Model

from models.audit import AuditEvent
from models.errors import Path, Refusal
from models.outbox import Notification
from models.sessions import Tally

Snapshot = dict[str, list[dict[str, Any]]]


def columns(row: Model) -> dict[str, Any]:
    """What a row holds, saved or not."""
    return {name: getattr(row, name) for name in row._meta.fields_db_projection}


async def snapshot(*, but: type[Model] | None = None) -> Snapshot:
    """Every row of every table, by table."""
    models = Tortoise.apps["models"].values()
    return {
        model.__name__: await model.all().order_by("id").values()
        for model in models
        if model is not but
    }


async def refused(
    call: Awaitable[object], *, counted: bool = False
) -> list[tuple[str, Path | None]]:
    """Code and path of each fault that `call` is refused for; nothing was written.

    With `counted`, nothing but the tally of refused attempts.
    """
    but = Tally if counted else None
    before = await snapshot(but=but)
    with pytest.raises(Refusal) as refusal:
        await call
    assert await snapshot(but=but) == before
    return [(fault.code, fault.path) for fault in refusal.value.all]


async def mails() -> list[tuple[str, str]]:
    """Template and recipient of each mail that was promised, in the order written."""
    return [
        (str(mail.template), mail.recipient) for mail in await Notification.all().order_by("id")
    ]


async def events() -> list[str]:
    """The actions of all events, in the order written."""
    return [event.action for event in await AuditEvent.all().order_by("id")]
