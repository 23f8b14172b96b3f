"""Lists that a call names: bounded, and each entry once."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from models.errors import InvalidInput, NotFound, Path

MOST: Final = 20_000
"""Entries of a list in one call."""

AT_ONCE: Final = 10_000
"""Values of one statement; PostgreSQL takes 32,767 of them and SQLite 32,766."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def bounded(given: Sequence[V], path: Path) -> Sequence[V]:
    """Raises InvalidInput for more entries than one call may name."""
    if len(given) > MOST:
        raise InvalidInput(f"At most {MOST:,} at once; these are {len(given):,}.", path)
    return given


def distinct(given: Sequence[K], path: Path) -> list[K]:
    """Each once, in the order given. Raises InvalidInput for too many."""
    return list(dict.fromkeys(bounded(given, path)))


def found_all(given: Sequence[K], found: Mapping[K, V], what: str, path: Path) -> list[V]:
    """What was found for each. Raises NotFound at the first that was not."""
    try:
        return [found[key] for key in dict.fromkeys(given)]
    except KeyError as missing:
        raise NotFound(what, (*path, given.index(missing.args[0]))) from None


def parts(given: Sequence[V]) -> Iterator[Sequence[V]]:
    """In pieces that one statement can hold."""
    for start in range(0, len(given), AT_ONCE):
        yield given[start : start + AT_ONCE]
