"""Stays in manage mode."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.access import visible
from models.sessions import Session
from resolvers.reading.reader import Reader
from resolvers.reading.sql import by_column, rows_with


async def manage_session_by_id(reader: Reader, ids: Sequence[Any]) -> Mapping[Any, Session]:
    return by_column(await rows_with(visible(Session, reader.caller), "id", ids))
