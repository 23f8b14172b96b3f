"""Cursors: where a row stands in one list and one order. Opaque outside; anybody may forge one."""

import base64
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from models.errors import BadUserInput

LONGEST: Final = 8_000
INT32: Final = 2**31


class Position(NamedTuple):
    """Where a row stands: what it is sorted by, and its id."""

    value: Any
    id: UUID


class Cursor(NamedTuple):
    """A position in a list, sent as the argument of that name."""

    argument: str
    of_list: str
    position: Position


def encode(of_list: str, order: str, position: Position) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([of_list, order, *position], default=str)).decode()


def decode(argument: str, cursor: str, order: str, kind: type, *, nullable: bool) -> Cursor:
    """Raises BadUserInput for what is none, or one of another order."""
    try:
        of_list, of_order, value, id = orjson.loads(_bytes(cursor))
        value = None if value is None and nullable else _value(value, kind)
        if of_order != order or not isinstance(of_list, str):
            raise ValueError
        return Cursor(argument, of_list, Position(value, UUID(id)))
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise wrong(argument) from None


def wrong(argument: str) -> BadUserInput:
    return BadUserInput(f"`{argument}` is no cursor of this list in this order.", argument)


def _bytes(cursor: str) -> bytes:
    if len(cursor) > LONGEST:
        raise ValueError
    return base64.b64decode(cursor, altchars=b"-_", validate=True)


def _value(value: Any, kind: type) -> Any:
    """What was sorted by, as a database takes it. Raises ValueError, TypeError, OverflowError."""
    if kind is datetime:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError
        return at.astimezone(UTC)
    if type(value) is not kind or (isinstance(value, int) and not -INT32 <= value < INT32):
        raise TypeError
    if isinstance(value, str) and "\0" in value:
        raise ValueError
    return value
