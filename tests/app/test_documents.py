"""Documents are parsed once while they are remembered; strangers flush none of those signed in."""

from typing import Final

from app.documents import OF_STRANGERS, REMEMBERED, Documents
from app.settings import load
from schema.build import schema

ASKED: Final = "{ viewer { user { name } } }"


def text(number: int, length: int = 10_000) -> str:
    head = f"{{ a{number}: __typename }} #"
    return head + "x" * (length - len(head))


def test_a_document_is_parsed_once() -> None:
    documents = Documents(schema._schema, load())

    assert documents.read(ASKED) is documents.read(ASKED)


def test_strangers_flush_their_own_alone() -> None:
    documents = Documents(schema._schema, load())
    ours, theirs = documents.read(ASKED), documents.read(text(0))
    documents.keep(ASKED)

    for number in range(1, 2 + OF_STRANGERS // 10_000):
        documents.read(text(number))

    assert documents.read(ASKED) is ours
    assert documents.read(text(0)) is not theirs


def test_of_those_signed_in_the_longest_unused_is_forgotten() -> None:
    documents = Documents(schema._schema, load())
    first, often = documents.read(text(0)), documents.read(ASKED)
    documents.keep(text(0))
    documents.keep(ASKED)

    for number in range(1, 1 + REMEMBERED // 10_000):
        documents.read(text(number))
        documents.keep(text(number))
        documents.read(ASKED)

    assert documents.read(ASKED) is often
    assert documents.read(text(0)) is not first


def test_tokens_of_a_document_do_not_hold_one_another() -> None:
    """What does would stay when the document is forgotten: a server's garbage collector looks
    through what has lived long after hours, if ever."""
    location = Documents(schema._schema, load()).read(ASKED).parsed.loc
    assert location is not None

    ends = (location.start_token, location.end_token)

    assert [(token.prev, token.next) for token in ends] == [(None, None)] * 2


def test_what_is_not_valid_is_not_kept() -> None:
    documents = Documents(schema._schema, load())

    assert documents.read("{ nothing }") is not documents.read("{ nothing }")
