"""How text from outside is taken in."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models import text
from models.base import sort_key
from models.errors import InvalidInput, Path

PATH = ("input",)
LINES = st.sampled_from([text.line, text.name, text.email, text.optional_line, text.optional_name])
NAMES = st.sampled_from([text.name, text.required_name, text.optional_name])
CONTROLS = st.characters(categories=["Cc", "Zl", "Zp", "Cs"])
PLAIN = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=50)


@given(take_in=LINES, before=PLAIN, control=CONTROLS, after=PLAIN)
@example(take_in=text.line, before="Acme", control="\n", after="")
@example(take_in=text.line, before="", control="\t", after="Acme")
@example(take_in=text.name, before="Acme", control="\r", after="Bcc: x@example.com")
@example(take_in=text.email, before="ann@example.com", control="\x85", after="")
def test_a_line_holds_no_control_character_wherever_it_stands(
    take_in: Callable[[str, Path], str | None], before: str, control: str, after: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        take_in(before + control + after, PATH)

    assert refusal.value.path == PATH


@given(take_in=NAMES, before=PLAIN, after=PLAIN)
@example(take_in=text.name, before="Win at https", after="evil.example")
def test_a_name_holds_no_link(
    take_in: Callable[[str, Path], str | None], before: str, after: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        take_in(f"{before}://{after}", PATH)

    assert refusal.value.path == PATH


@given(st.text(st.characters(exclude_categories=["Cc", "Zl", "Zp", "Cs"]), max_size=250))
def test_a_line_is_trimmed_composed_and_bounded(given_text: str) -> None:
    expected = unicodedata.normalize("NFC", given_text).strip()

    if len(expected) > 200:
        with pytest.raises(InvalidInput, match="At most 200 characters"):
            text.line(given_text, PATH)
    else:
        assert text.line(given_text, PATH) == expected
        assert text.line(expected, PATH) == expected
        assert text.optional_line(given_text, PATH) == (expected or None)


def test_a_line_has_200_characters_at_most_the_space_around_it_aside() -> None:
    assert text.line(f"  {'a' * 200}  ", PATH) == "a" * 200
    with pytest.raises(InvalidInput, match="At most 200 characters; these are 201"):
        text.line("a" * 201, PATH)


@pytest.mark.parametrize("nothing", ["", "  ", "\u00a0", "\u3000"])
def test_nothing_is_no_name_and_clears_what_may_be_missing(nothing: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be empty"):
        text.required_name(nothing, PATH)
    with pytest.raises(InvalidInput, match="cannot be empty"):
        text.required_note(nothing, PATH)
    assert text.optional_line(nothing, PATH) is None
    assert text.optional_name(nothing, PATH) is None
    assert text.note(nothing, PATH) is None


def test_null_is_nothing() -> None:
    assert text.optional_line(None, PATH) is None
    assert text.optional_name(None, PATH) is None
    assert text.note(None, PATH) is None


def test_a_note_keeps_its_lines_and_tabs() -> None:
    assert text.note(" Dear all,\r\n\tthanks.\n\nAnn \n", PATH) == "Dear all,\n\tthanks.\n\nAnn"


@pytest.mark.parametrize("control", ["\x00", "\x07", "\x1b", "\x85", "\r", "\ud800"])
def test_a_note_holds_no_other_control_character(control: str) -> None:
    with pytest.raises(InvalidInput, match="Control characters"):
        text.note(f"a{control}b", PATH)


def test_a_note_has_2_000_characters_at_most() -> None:
    assert text.note("a" * 2_000, PATH) == "a" * 2_000
    with pytest.raises(InvalidInput, match="At most 2,000 characters; these are 2,000,000"):
        text.note("a" * 2_000_000, PATH)


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.com",
        "Ann.O'Neil+work@mail.example.co.uk",
        "a@b.c",
        "x" * 64 + "@" + "y" * 63 + ".example",
    ],
)
def test_an_address_stays_as_written_but_for_the_space_around_it(address: str) -> None:
    assert text.email(f" {address} ", PATH) == address


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@localhost",
        "ann@example..com",
        "ann@-example.com",
        "ann@example.com, bob@example.com",
        "ann bob@example.com",
        "Ann <ann@example.com>",
        '"ann"@example.com',
        "änn@example.com",
        "ann@exämple.com",
        "\ufb01nn@example.com",  # a ligature
        "x" * 65 + "@example.com",
        "ann@" + "y." * 125 + "com",
    ],
)
def test_what_is_no_address_is_refused(junk: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        text.email(junk, PATH)

    assert refusal.value.path == PATH


@pytest.mark.parametrize("other", ["ANN@EXAMPLE.COM", " ann@Example.com ", "Ann@example.COM"])
def test_addresses_are_compared_without_case(other: str) -> None:
    assert text.email_key(other) == text.email_key("ann@example.com") == "ann@example.com"


@given(st.text())
@example("\x00ann@example.com")
@example("\ud800@example.com")
def test_what_addresses_are_compared_by_can_be_asked_of_any_database(junk: str) -> None:
    key = text.email_key(junk)

    assert "\x00" not in key
    assert key.encode().decode() == key
    assert text.email_key(key) == key


def test_junk_is_compared_as_nobody_s_address() -> None:
    assert text.email_key("ann\x00@example.com") != text.email_key("ann@example.com")


@pytest.mark.parametrize(
    ("one", "other"), [("STRASSE", "straße"), ("É", "e\u0301"), ("Ångström", "ÅNGSTRÖM")]
)
def test_names_are_ordered_without_case_and_however_they_are_composed(one: str, other: str) -> None:
    assert sort_key(one) == sort_key(other)
