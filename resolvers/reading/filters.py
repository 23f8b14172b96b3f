"""Filters of lists. Each list has its words: what a field of its filter asks of the rows.

A filter is neutral: pairs of a field and its value, and tuples for lists, so that it can be hashed.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from tortoise.expressions import Q
from tortoise.models import Model

from models.base import sort_key, where
from models.conditions import Condition
from models.errors import BadUserInput
from models.text import NOTE_LENGTH, email_key
from resolvers.reading.reader import Reader
from resolvers.reading.sql import ANYTHING, NOTHING, Either

Filter: TypeAlias = tuple[tuple[str, Any], ...]
Word: TypeAlias = Callable[[Reader, Any], Q]

MOST_ENTRIES: Final = 1_000
DEEPEST: Final = 5
"""Levels of `or` in one another."""


@dataclass(frozen=True)
class Words:
    """The words of one list's filter.

    Only `shown` rows are listed, unless `status` decides: for a filter that names it and all
    entries of its `or`, or for the one entry that does.
    """

    fields: Mapping[str, Word]
    shown: Q = ANYTHING

    def ask(self, reader: Reader, filter: Filter | None) -> Q:
        """Raises BadUserInput for a list too long, or `or` too deep."""
        return self._ask(reader, filter or (), decided=False, depth=0)

    def _ask(self, reader: Reader, filter: Filter, *, decided: bool, depth: int) -> Q:
        given = dict(filter)
        entries = given.pop("or", None)
        decided = decided or "status" in given
        asked = [self.fields[name](reader, _bounded(value)) for name, value in given.items()]
        if entries is not None:
            asked.append(self._either(reader, entries, decided=decided, depth=depth + 1))
        elif not decided:
            asked.append(self.shown)
        return all_of(asked)

    def _either(self, reader: Reader, entries: Sequence[Filter], *, decided: bool, depth: int) -> Q:
        if depth > DEEPEST:
            raise BadUserInput(f"`or` may stand {DEEPEST} levels deep.", "filter")
        if len(entries) > MOST_ENTRIES:
            raise _too_long()
        return any_of(self._ask(reader, entry, decided=decided, depth=depth) for entry in entries)


@dataclass(frozen=True)
class Text:
    """A StringFilter: how a column is compared exactly, and how it is searched.

    What is longer than any of its texts is in none of them.
    """

    exact: Callable[[list[str]], Q]
    like: Callable[[str, str], Q]
    longest: int = NOTE_LENGTH

    def __call__(self, _: Reader, filter: Filter) -> Q:
        return all_of([self._ask(name, value) for name, value in filter])

    def _ask(self, name: str, value: Any) -> Q:
        values = [value] if isinstance(value, str) else value
        whole = [unicodedata.normalize("NFC", each) for each in values if _is_possible(each)]
        possible = [each for each in whole if len(each) <= self.longest]
        if not possible:
            return NOTHING
        if name in {"eq", "in"}:
            return self.exact(possible)
        return self.like(name.replace("_", ""), possible[0])


def text(column: str, longest: int = NOTE_LENGTH) -> Text:
    """`longest` must be named where the column has a length of its own."""
    return Text(
        exact=lambda values: where(**{f"{column}__in": values}),
        like=lambda way, value: where(**{f"{column}__i{way}": value}),
        longest=longest,
    )


def name(column: str) -> Text:
    """A name is searched by its key, which has no case."""
    key = f"{column}_key"
    return Text(
        exact=lambda values: where(**{f"{column}__in": values}),
        like=lambda way, value: where(**{f"{key}__{way}": sort_key(value)}),
    )


def email(key: str) -> Text:
    """An address is compared by its key alone."""
    return Text(
        exact=lambda values: where(**{f"{key}__in": [email_key(value) for value in values]}),
        like=lambda way, value: where(**{f"{key}__{way}": value.lower()}),
    )


def same(column: str) -> Word:
    return lambda reader, value: where(**{column: value})


def one_of(model: type[Model], column: str) -> Word:
    """Of an enumeration: its few values are written into the statement. PostgreSQL knows how often
    each is found, and makes one good plan for all who ask."""
    place = f'"{model._meta.db_table}"."{column}"'

    def ask(_: Reader, values: Iterable[StrEnum]) -> Q:
        kinds = sorted(set(values))
        return Condition(f"{place} IN ({', '.join('{}' for _ in kinds)})", *kinds)

    return lambda reader, values: ask(reader, values) if values else NOTHING


def each(state: Callable[[Reader, Any], Q]) -> Word:
    """One of several states, each told by a condition."""
    return lambda reader, values: any_of(state(reader, value) for value in dict.fromkeys(values))


def number(column: str) -> Word:
    """An IntFilter."""
    return _compared(column, {"eq": "", "gte": "__gte", "lte": "__lte"})


def time(column: str) -> Word:
    """A DateTimeFilter."""
    return _compared(column, {"gte": "__gte", "lt": "__lt", "is_null": "__isnull"})


def kept_from_learners(word: Word) -> Word:
    """Of what a learner is shown as null."""
    return lambda reader, value: NOTHING if reader.asking.is_learner else word(reader, value)


def _compared(column: str, ways: Mapping[str, str]) -> Word:
    return lambda reader, filter: all_of(
        [where(**{f"{column}{ways[name]}": value}) for name, value in filter]
    )


def all_of(conditions: Sequence[Q]) -> Q:
    return Q(*conditions) if conditions else ANYTHING


def any_of(conditions: Iterable[Q]) -> Q:
    some = list(conditions)
    return Either(some) if some else NOTHING


def _bounded(value: Any) -> Any:
    """Raises BadUserInput where a list in it is too long."""
    if isinstance(value, tuple):
        if len(value) > MOST_ENTRIES:
            raise _too_long()
        for each in value:
            _bounded(each)
    return value


def _too_long() -> BadUserInput:
    return BadUserInput(f"A list in a filter holds up to {MOST_ENTRIES:,} entries.", "filter")


def _is_possible(value: str) -> bool:
    """Whether a database could hold it: whole characters, no NUL, and no longer than any text."""
    return len(value) <= NOTE_LENGTH and not any(
        character == "\0" or "\ud800" <= character <= "\udfff" for character in value
    )
