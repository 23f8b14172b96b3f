"""How much of a document is to be merged: what takes validation long is refused before it."""

import time

import pytest
from graphql import parse

from app.documents import Documents
from app.merging import merges
from app.settings import load
from schema.build import schema

ENDLESS = 10**9


TWO = "fragment f on A { b } fragment g on A { b }"


@pytest.mark.parametrize(
    ("document", "pairs"),
    [
        ("{ a b c }", 0),
        ("{ a a a a }", 6),
        ("{ x: a x: b x }", 3),
        ("{ a { b } a { b } a { c } }", 3 + 1),
        ("{ a { b } c { b } }", 0),
        ("{ a ... { a ... on Query { a } } }", 3),
        ("{ a ...f } fragment f on Query { a }", 1),
        ("{ ...f ...f } fragment f on Query { a }", 0),
        ("{ ...f ...g ...h } fragment f on A { a } fragment g on A { b } fragment h on A { c }", 3),
        ("{ a { ...f } a { ...f } } fragment f on A { b { c } }", 1),
        ("{ a { ...f } b { ...f } } fragment f on A { c c }", 1 + 1),
        ("query q { ...f ...g } query r { ...f ...g } " + TWO, 1 + 1 + 1),
        ("{ a } fragment unspread on A { b b b }", 3),
        ("{ ...f } fragment f on A { a { ...f } a { ...f } }", 1 + 1),
        ("{ ...f } fragment f on A { ...g } fragment g on A { ...f ...unknown }", 3),
    ],
)
def test_pairs_are_of_fields_and_fragments_in_one_place(document: str, pairs: int) -> None:
    assert merges(parse(document), ENDLESS) == pairs


def test_what_doubles_in_each_of_many_fragments_is_looked_at_once() -> None:
    doubling = " ".join(
        f"fragment f{n} on A {{ {' '.join(f'{name}: a {{ ...f{n + 1} }}' for name in 'xxy')} }}"
        for n in range(60)
    )

    assert merges(parse(f"{{ ...f0 }} {doubling} fragment f60 on A {{ b }}"), ENDLESS) == 1 + 2 * 59


def test_places_without_end_are_too_many() -> None:
    fragments = [
        f"fragment f{n} on A {{"
        + " ".join(f"x{k}: a {{ ...f{(n + 1 + k) % 12} }}" for k in range(6))
        + " ".join(f"x{k}: a {{ ...f{(n * 5 + k * 3 + 2) % 12} }}" for k in range(6))
        + "}"
        for n in range(12)
    ]

    assert merges(parse("{ ...f0 } " + " ".join(fragments)), ENDLESS) == ENDLESS + 1


COMPANY = "{ viewer { %s } } fragment f on Company { id parent { id } }"


@pytest.mark.parametrize(
    "document",
    [
        "{ viewer { " + "company { parent { id } } " * 275 + "} }",
        "{ " + "viewer { user { id } } " * 280 + "}",
        "{ viewer { " + "company { id } " * 495 + "} }",
        COMPANY % ("company { ...f } " * 390),
        "{ viewer { company { "
        + "".join(f"...f{n} " for n in range(150))
        + "} } }"
        + "".join(f" fragment f{n} on Company {{ a{n}: id }}" for n in range(150)),
        "{ viewer { id } } fragment f on Viewer { " + "company { parent { id } } " * 275 + "}",
    ],
    ids=["nested", "roots", "flat", "of fragments", "fragments", "where nothing is spread"],
)
def test_what_takes_validation_a_second_is_refused_at_once(document: str) -> None:
    documents = Documents(schema._schema, load(_env_file=None))

    started = time.process_time()
    read = documents.read(document)
    took = time.process_time() - started

    assert [error.extensions for error in read.errors] == [
        {"code": "TOO_MANY_MERGES", "figure": 5_001, "limit": 5_000}
    ]
    assert took < 0.05
