"""Which request is at work: its id and its operation, for every line that is logged meanwhile."""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from models.base import new_id

LONGEST_NAME: Final = 100
"""Characters of an operation's name that are told."""
_SANE: Final = re.compile(rb"[\w.-]{8,64}")


@dataclass(slots=True)
class Current:
    id: str
    operation: str = ""
    """Its name in the document, if it has one."""
    measured_as: str = ""
    """One of few names, where an operation is run."""

    def facts(self) -> dict[str, str]:
        return {"request": self.id} | ({"operation": self.operation} if self.operation else {})


_current: Final[ContextVar[Current | None]] = ContextVar("current", default=None)


def begin(sent: bytes) -> Current:
    """A request, from now on in this task; with the id that was sent, if that is a sane one."""
    request = Current(sent.decode() if _SANE.fullmatch(sent) else new_id().hex)
    _current.set(request)
    return request


def begin_operation(name: str | None, measured_as: str) -> None:
    """The operation of this request."""
    if (request := _current.get()) is not None:
        request.operation = (name or "")[:LONGEST_NAME]
        request.measured_as = measured_as


def begin_subscription(name: str | None) -> None:
    """An operation of a socket, in a task of its own; the others keep their names."""
    if (request := _current.get()) is not None:
        _current.set(Current(request.id, (name or "")[:LONGEST_NAME]))


def facts() -> dict[str, str]:
    """Of the request that this task works for, if it does."""
    request = _current.get()
    return request.facts() if request else {}
