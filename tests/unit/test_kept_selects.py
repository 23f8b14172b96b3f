"""What one caller asks of one list is written once, and asked as of any time."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from resolvers.reading.kept import ASKED_ONCE, LONGEST, MOST_VALUES, Selects
from resolvers.reading.sql import SHORT, Select

NOW: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER: Final = NOW + timedelta(hours=5)
Write = Callable[[datetime], Select]


def writing(*values: Any, text: str = "SELECT 1") -> Write:
    return lambda now: Select(text, [value(now) if callable(value) else value for value in values])


def asked(selects: Selects, write: Write, *, key: str = "a") -> tuple[str, Sequence[Any]]:
    select = selects.at(key, LATER, write)
    return select.text, select.values


def never(_: datetime) -> Select:
    raise AssertionError("it is known")


def twice(selects: Selects, key: str, write: Write) -> None:
    for _ in range(2):
        selects.at(key, NOW, write)


def test_the_moment_is_told_anew_and_all_else_is_kept() -> None:
    selects = Selects()

    twice(selects, "a", writing(lambda now: now, "b", 5, lambda now: now))

    assert asked(selects, never) == ("SELECT 1", [LATER, "b", 5, LATER])


@pytest.mark.parametrize(
    "write",
    [
        writing(lambda now: now + timedelta(days=30)),
        writing(lambda now: now.year),
        writing(lambda now: "new" if now > LATER else "old"),
        writing(*["a"] * (MOST_VALUES + 1)),
        writing("a" * (LONGEST + 1)),
        writing(["a"] * (LONGEST + 1)),
        writing(text="a" * (SHORT + 1)),
        lambda now: Select(f"SELECT {now:%Y}", []),
        lambda now: Select("SELECT 1", [1] * (1 + (now > LATER))),
    ],
    ids=["later", "year", "word", "many", "long", "items", "text", "told", "more"],
)
def test_what_goes_by_the_time_in_another_way_or_is_long_is_not_kept(write: Write) -> None:
    selects = Selects()

    first = selects.at("a", NOW, write)
    again = selects.at("a", NOW, write)

    assert (first.text, first.values) == (write(NOW).text, write(NOW).values)
    assert (again.text, again.values) == (first.text, first.values)
    assert len(selects) == 0
    assert asked(selects, write) == (write(LATER).text, write(LATER).values)


def test_what_is_asked_once_pushes_nothing_out() -> None:
    selects = Selects(1)
    twice(selects, "a", writing("mine"))

    for number in range(ASKED_ONCE + 1):
        selects.at(f"{number}", NOW, writing("theirs"))

    assert asked(selects, never) == ("SELECT 1", ["mine"])
    assert len(selects) == 1


def test_another_key_is_another_select() -> None:
    selects = Selects()

    twice(selects, "a", writing("mine"))

    assert asked(selects, writing("theirs"), key="b") == ("SELECT 1", ["theirs"])
    assert asked(selects, never) == ("SELECT 1", ["mine"])


def test_the_longest_unused_is_forgotten() -> None:
    selects = Selects(2)

    for key in ("a", "b", "a", "c"):
        twice(selects, key, writing(key))

    assert asked(selects, never) == ("SELECT 1", ["a"])
    assert asked(selects, never, key="c") == ("SELECT 1", ["c"])
    assert asked(selects, writing("anew"), key="b") == ("SELECT 1", ["anew"])
