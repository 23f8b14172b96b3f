"""What was committed, told to those who wait for it.

In this process by memory, on PostgreSQL to all others by NOTIFY, in the transaction itself: what is
rolled back tells nobody. A change says where something happened and to which orders, never what:
who hears of it reads anew.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Final
from uuid import UUID

import orjson

from models.audit import AuditEvent, Subject
from models.base import is_within, new_id
from models.companies import Company
from models.orders import Order

EVERYWHERE: Final = ""
"""The path above all paths."""
COUNTED: Final = ("order.", "license.")
"""Beginnings of the actions after which a company's orders or counts are others."""
MOST_AT_ONCE: Final = 100
"""Orders in one change: PostgreSQL takes payloads below 8,000 bytes."""
MOST_CHANGES: Final = 50
"""Of one transaction; what is more is told as one change of everything."""
MOST_WAITING: Final = 1_000
"""Orders that are kept for one who waits; who lags behind further looks by the time instead."""
CHANNEL: Final = "canopy_changes"


@cache
def this_process() -> str:
    """By which name it tells the others; not before it does, for a fork needs one of its own."""
    return str(new_id())


@dataclass(frozen=True, slots=True)
class Change:
    """In the company at `path`; `orders` is None where they are too many to be named."""

    path: str
    orders: frozenset[UUID] | None = frozenset()


class Watch:
    """What one waits for: changes of the company at `path`, and of all beneath it unless `alone`.

    However long nobody looks, what is kept is bounded.
    """

    def __init__(self, *, alone: bool = False) -> None:
        self.path = EVERYWHERE
        self.heard = 0
        """Changes of which it is known where they happened, from the first on."""
        self._alone = alone
        self._orders: set[UUID] = set()
        self._missed = False
        self._woken = asyncio.Event()

    def hear(self, change: Change) -> None:
        if not self._is_meant(change.path):
            return
        self.heard += change.path != EVERYWHERE
        if change.orders is None or len(self._orders | change.orders) > MOST_WAITING:
            self.miss()
        else:
            self._orders |= change.orders
            self._woken.set()

    def miss(self) -> None:
        """Something may have happened, nobody knows what."""
        self._orders.clear()
        self._missed = True
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Until something is heard, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()

    def take(self) -> tuple[set[UUID], bool]:
        """The orders heard of since, and whether something may have been missed."""
        taken = self._orders, self._missed
        self._orders, self._missed = set(), False
        return taken

    def forget(self, order_id: UUID) -> None:
        """It is about to be read, and then is as all that was heard of it by now."""
        self._orders.discard(order_id)

    def _is_meant(self, path: str) -> bool:
        if EVERYWHERE in (path, self.path):
            return True
        return path == self.path if self._alone else is_within(path, self.path)


class Changes:
    """All of this process who wait."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()

    @contextmanager
    def watch(self, *, alone: bool = False) -> Iterator[Watch]:
        watch = Watch(alone=alone)
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    def tell(self, changes: Iterable[Change]) -> None:
        for change in changes:
            for watch in self._watches:
                watch.hear(change)

    def miss(self) -> None:
        """Changes of other processes may have been lost on their way here."""
        self.tell([Change(EVERYWHERE, None)])

    def hear(self, payload: str) -> None:
        """What a process of this database has notified; this one knows its own already."""
        told = orjson.loads(payload)
        if told["by"] != this_process():
            orders = told["orders"]
            ids = None if orders is None else frozenset(map(UUID, orders))
            self.tell([Change(told["path"], ids)])


committed: Final = Changes()


def changes_of(
    events: Iterable[tuple[Company, AuditEvent]], orders: Iterable[Order]
) -> Sequence[Change]:
    """What these events tell, and besides that these orders changed."""
    found: dict[str, set[UUID]] = defaultdict(set)
    for company, event in events:
        if event.action == "company.moved":  # those above the old place are concerned, too
            return [Change(EVERYWHERE, None)]
        if event.action.startswith(COUNTED):
            ids = found[company.path]
            if event.subject_type is Subject.ORDER and event.subject_id is not None:
                ids.add(event.subject_id)
    for order in orders:
        found[order.path].add(order.id)
    return _bounded(found)


def payloads(changes: Iterable[Change]) -> list[str]:
    """As the other processes are told."""
    return [
        orjson.dumps(
            {"by": this_process(), "path": change.path, "orders": _listed(change.orders)},
            default=str,
        ).decode()
        for change in changes
    ]


def _listed(ids: frozenset[UUID] | None) -> list[UUID] | None:
    return None if ids is None else sorted(ids)


def _bounded(found: dict[str, set[UUID]]) -> Sequence[Change]:
    changes = [
        Change(path, frozenset(ids)) if len(ids) <= MOST_AT_ONCE else Change(path, None)
        for path, ids in found.items()
    ]
    return changes if len(changes) <= MOST_CHANGES else [Change(EVERYWHERE, None)]
