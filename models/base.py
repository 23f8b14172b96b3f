"""What every table shares: identity, the path of the owning company, and how text is taken in."""

import unicodedata
from binascii import b2a_base64
from collections.abc import Iterable
from datetime import datetime
from operator import methodcaller
from typing import Any, Final, Self
from uuid import UUID

import uuid_utils
from asyncpg.pgproto import pgproto
from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model

from models.rows import READINGS, Reading

SEPARATOR: Final = "/"


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): sorts by the time of its making, also within a millisecond."""
    id: UUID = pgproto.UUID(uuid_utils.uuid7().bytes)
    return id


def global_id(name: str, id: UUID | str) -> str:
    """A row's id as the API tells it: opaque, and unique among all types."""
    [told] = global_ids(name, [id])
    return told


def global_ids(name: str, ids: Iterable[UUID | str]) -> list[str]:
    kind = f"{name}:".encode()
    return [b2a_base64(kind + id.encode())[:-1].decode() for id in map(str, ids)]


def sort_key(text: str) -> str:
    """What a name is ordered and searched by, alike on both databases."""
    return unicodedata.normalize("NFC", text).casefold()


def successor(path: str) -> str:
    """The first path after everything beneath `path`."""
    return path[:-1] + chr(ord(SEPARATOR) + 1)


def where(**conditions: Any) -> Q:
    """A condition with computed names, which the types of `Q` do not foresee."""
    return Q(**conditions)


def within(path: str, column: str = "path") -> Q:
    """The rows of the company at `path` and of all beneath it, as a range scan."""
    return where(**{f"{column}__gte": path, f"{column}__lt": successor(path)})


def beneath(path: str, column: str = "path") -> Q:
    """As `within`, without the company itself."""
    return where(**{f"{column}__gt": path, f"{column}__lt": successor(path)})


def is_within(path: str, top: str) -> bool:
    return path.startswith(top)


def are_within(paths: Iterable[str], top: str) -> bool:
    """Whether all of them are."""
    return all(map(methodcaller("startswith", top), paths))


class PathField(fields.TextField):
    """A materialised path, compared byte by byte whatever the locale of the database."""

    class _db_postgres:  # noqa: N801
        SQL_TYPE = 'TEXT COLLATE "C"'


class Entity(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)

    class Meta:
        abstract = True

    def __hash__(self) -> int:
        """As Tortoise's own, by the id; but told at once."""
        return hash(self.id)

    @classmethod
    def _init_from_db(cls, **columns: Any) -> Self:
        """As Tortoise has it, with all columns at once; what is unusual is left to its own."""
        meta = cls._meta
        reading = READINGS.get(cls)
        if reading is None or not reading.is_for(meta):
            reading = READINGS[cls] = Reading(meta)
        row = cls.__new__(cls)
        try:
            reading.fill(row, columns)
        except KeyError:
            return super()._init_from_db(**columns)
        return row

    def change(self, at: datetime, **values: Any) -> bool:
        """Set attributes; true, and marked as updated, if any was different before."""
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        for name, value in changed.items():
            setattr(self, name, value)
        if changed:
            self.updated_at = at
        return bool(changed)
