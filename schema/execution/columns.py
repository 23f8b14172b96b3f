"""What plans do with lists of values, besides going through them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, islice, repeat
from operator import attrgetter
from types import MappingProxyType, NoneType
from typing import Any, Final, TypeAlias

from schema.execution.declared import COLUMNS, TABLES

Column: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]
"""Makes a list of another, as long as that."""

NONE: Final[Mapping[str, Column]] = MappingProxyType({})


def kinds(values: Sequence[Any]) -> set[type]:
    """The classes of values."""
    return {values.kind} if type(values) in TABLES else set(map(type, values))  # type: ignore[attr-defined]


def chained(lists: Sequence[Any]) -> Sequence[Any]:
    """What is in lists, one after the other."""
    if len(lists) == 1:
        found: Sequence[Any] = lists[0]
        return found
    there = [values for values in lists if len(values)]
    if TABLES.issuperset(set(map(type, there))) and len({values.kind for values in there}) == 1:
        found = there[0].chained(there)
    else:
        found = list(chain.from_iterable(there))
    return found


def columns_of(values: Sequence[Any]) -> Mapping[str, Column]:
    """What their class reads of many at once; nothing where they are of several."""
    found = kinds(values)
    return getattr(found.pop(), COLUMNS, NONE) if len(found) == 1 else NONE


def attribute(name: str) -> Column:
    """Reads it of each."""
    read = attrgetter(name)
    return lambda values: list(map(read, values))


def present(values: Sequence[Any]) -> Sequence[Any]:
    """Those that are not null; the very list where all are there."""
    if NoneType not in kinds(values):
        return values
    return [value for value in values if value is not None]


def with_nulls(
    values: Sequence[Any], there: Sequence[Any], answers: Sequence[Any]
) -> Sequence[Any]:
    """The answers of those that are there, with null in the places of those that are not."""
    if there is values:
        return answers
    left = iter(answers)
    return [None if value is None else next(left) for value in values]


def apart(lists: Sequence[Sequence[Any]], items: Iterable[Any]) -> list[list[Any]]:
    """What was made of the items of several lists, in lists of the same lengths."""
    return list(map(list, map(islice, repeat(iter(items)), map(len, lists))))


def those_with_key(
    keys: Sequence[Any], answers: Sequence[Any]
) -> tuple[Sequence[Any], Sequence[Any]]:
    if NoneType not in kinds(keys):
        return keys, answers
    pairs = zip(keys, answers, strict=True)
    return present(keys), [answer for key, answer in pairs if key is not None]
