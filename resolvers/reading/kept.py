"""Selects of those who ask again: what one caller asks of one list is written down the second time.

Who asks, what they filter by and what is selected are all that a select depends on, and the time.
It is written as of two moments: where a value is the moment itself, there is a slot for it; where
anything else differs, it is not kept.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from resolvers.reading.sql import SHORT, Select

MOST: Final = 500
"""Selects."""
ASKED_ONCE: Final = 5_000
"""Keys that were asked once: most filters by an address or an id never come again, and would push
out what does."""
MOST_VALUES: Final = 20
LONGEST: Final = 200
"""Characters of a value, or items of a list."""
MOST_ENTRIES: Final = 10
"""Of a filter, and of each part of it."""
LATER: Final = timedelta(days=400, hours=1)


class Slotted(NamedTuple):
    text: str
    values: tuple[Any, ...]
    moments: frozenset[int]
    """The places of values that are the moment it is asked at."""

    def at(self, now: datetime) -> Select:
        values = [now if at in self.moments else value for at, value in enumerate(self.values)]
        return Select(self.text, values)


class Selects:
    """By what they depend on, the longest unused forgotten first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, Slotted] = OrderedDict()
        self._asked_once: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def at(
        self,
        key: Hashable,
        now: datetime,
        write: Callable[[datetime], Select],
        filter: Any = None,
    ) -> Select:
        """As `write(now)`, which depends on the key and on nothing else.

        The filter is that in the key: a long one is not kept.
        """
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept.at(now)
        select = write(now)
        fits = self._is_asked_again(key) and _is_short(select) and _fits(filter)
        slotted = _slotted(select, write(now + LATER), now) if fits else None
        if slotted is not None:
            self._kept[key] = slotted
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return select

    def _is_asked_again(self, key: Hashable) -> bool:
        """By its hash: to take one key for another does no harm."""
        told = hash(key)
        if told in self._asked_once:
            return True
        if len(self._asked_once) == ASKED_ONCE:
            self._asked_once.clear()
        self._asked_once[told] = None
        return False


def _fits(filter: Any) -> bool:
    """Whether it may be remembered: what it asks for may be short where it is not."""
    if isinstance(filter, str):
        return len(filter) <= LONGEST
    if isinstance(filter, tuple):
        return len(filter) <= MOST_ENTRIES and all(map(_fits, filter))
    return True


def _slotted(select: Select, later: Select, now: datetime) -> Slotted | None:
    pairs = list(zip(select.values, later.values, strict=False))
    moments = {at for at, pair in enumerate(pairs) if pair == (now, now + LATER)}
    if select.text != later.text or len(select.values) != len(later.values):
        return None
    if any(one != other for at, (one, other) in enumerate(pairs) if at not in moments):
        return None
    return Slotted(select.text, tuple(select.values), frozenset(moments))


def _is_short(select: Select) -> bool:
    return (
        len(select.text) <= SHORT
        and len(select.values) <= MOST_VALUES
        and all(len(value) <= LONGEST for value in select.values if isinstance(value, str | list))
    )
