"""Writes made-up rows down in bulk, all of them or none."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, time
from typing import Any, Final

import orjson
from rich.console import Console
from rich.progress import Progress
from tortoise import fields

from app.database import connected
from app.errors import Failed
from app.seeding.chance import Chance
from app.seeding.lives import COLUMNS, Life, Rows
from app.seeding.tree import Place, Size, grow
from app.settings import Settings
from models.audit import AuditEvent
from models.base import Entity
from models.companies import Company
from models.database import analyze, changing, pour
from models.licenses import Allocation, License
from models.orders import Order
from models.outbox import Notification
from models.tokens import ApiToken
from models.users import User
from resolvers.work import Clock

AT_ONCE: Final = 40_000
"""Rows that are held in memory, and written together."""
TABLES: Final = (Company, User, ApiToken, Order, License, Allocation, AuditEvent, Notification)
"""Each refers to those before it alone, but for a company's account manager."""
Told = Callable[[int], object]


async def seed(settings: Settings, clock: Clock, size: Size, seed: int) -> str:
    """Fill a migrated, empty database; the address of the vendor's account manager.

    All is as of the last midnight, so that the same seed gives the same rows all day long. Raises
    Failed where there are companies already.
    """
    chance = Chance(seed, datetime.combine(clock().astimezone(UTC), time(), UTC))
    async with connected(settings.database_url):
        with Progress(console=Console(stderr=True)) as progress:
            total = size.companies + size.learners + size.licenses
            bar = progress.add_task("Seeding", total=total)
            async with changing(alone=True):
                email = await _fill(chance, size, lambda more: progress.advance(bar, more))
        await analyze(table._meta.db_table for table in TABLES)
    return email


async def _fill(chance: Chance, size: Size, told: Told) -> str:
    if await Company.exists():
        raise Failed("There are companies already: only an empty database is seeded.")
    everybody = grow(chance, size)
    channel = [place for place in everybody if not place.is_customer]
    await _write_channel(chance, channel, told)
    await _write_all(_parts(chance, everybody[len(channel) :], told))
    return everybody[0].managers[0].email


async def _write_channel(chance: Chance, channel: Sequence[Place], told: Told) -> None:
    """Those above customers: their account managers are among the people that come with them."""
    for place in channel:
        place.company.account_manager_id = None
    await _write_all(_parts(chance, channel, told))
    for place in channel:
        place.company.account_manager_id = place.keeper.id if place.keeper else None
    await Company.bulk_update([place.company for place in channel], ["account_manager_id"])


def _parts(chance: Chance, places: Iterable[Place], told: Told) -> Iterator[Rows]:
    """What became of them, in parts that fit in memory."""
    rows = Rows()
    for place in places:
        rows.models += [place.company, *place.managers]
        Life(chance, place, rows).tell()
        told(1 + place.learners + place.licenses)
        if len(rows) > AT_ONCE:
            yield rows
            rows = Rows()
    yield rows


async def _write_all(parts: Iterator[Rows]) -> None:
    """Each is made by another thread while the one before is written."""
    made: Awaitable[Rows | None] = asyncio.create_task(asyncio.to_thread(next, parts, None))
    while part := await made:
        made = asyncio.create_task(asyncio.to_thread(next, parts, None))
        await _write(part)


async def _write(part: Rows) -> None:
    for table in TABLES:
        name = table._meta.db_table
        made = [row for row in part.models if type(row) is table]
        if made:
            columns = list(table._meta.fields_db_projection.values())
            await pour(name, columns, map(_record(table), made))
        if plain := part.plain[name]:
            await pour(name, COLUMNS[name], plain)


def _record(table: type[Entity]) -> Callable[[Entity], Sequence[Any]]:
    """How a row is told to the database."""
    names = list(table._meta.fields_db_projection)
    texts = {name for name in names if isinstance(table._meta.fields_map[name], fields.JSONField)}

    def record(row: Entity) -> list[Any]:
        values = [getattr(row, name) for name in names]
        return [
            orjson.dumps(value).decode() if name in texts else value
            for name, value in zip(names, values, strict=True)
        ]

    return record
