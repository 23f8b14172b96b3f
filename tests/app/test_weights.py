"""How heavy an operation is, and which are too heavy to be run."""

import time
from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, parse

from app.documents import Documents
from app.settings import load
from app.weights import Scales, Walk, Weight
from schema.build import schema

SMALL = build_schema(
    """
    type Query { word: String, tree(first: Int, last: Int): Trees, nodes(ids: [ID!]!): [Tree]! }
    type Trees { edges: [Edge!]!, totalCount: Int }
    type Edge { node: Tree }
    type Tree { name: String, trees(first: Int): Trees, leaves: [Tree!]!, parent: Tree }
    """
)
"""Of a list: one value for itself, and of each row one for the row and for what is beneath it."""


def weigh(text: str, **variables: Any) -> Weight:
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return Walk(SMALL, document, operation, variables).weight()


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("{ word }", 1),
        ("{ tree(first: 3) { totalCount } }", 2),
        ("{ tree(first: 3) { edges { node { name } } } }", 1 + 3 * 3),
        ("{ tree { edges { node { name } } } }", 1 + 50 * 3),
        ("{ tree(first: 0) { edges { node { name } } } }", 1),
        ("{ tree(first: -3) { edges { node { name } } } }", 1),
        ("{ tree(last: 7) { edges { node { name } } } }", 1 + 7 * 3),
        ("{ tree(first: 5000) { edges { node { name } } } }", 1 + 200 * 3),
        pytest.param(
            f"{{ tree(first: {'9' * 5_000}) {{ edges {{ node {{ name }} }} }} }}",
            1 + 200 * 3,
            id="a number of 5,000 digits",
        ),
        ("{ tree(first: 99999999999999999999) { edges { node { name } } } }", 1 + 200 * 3),
        (
            "{ tree(first: 3) { edges { node { trees(first: 4) { edges { node { name } } } } } } }",
            1 + 3 * (2 + 1 + 4 * 3),
        ),
        ('{ nodes(ids: ["1", "2"]) { ... on Tree { name } } }', 2 * 2),
        ("{ nodes(ids: []) { ... on Tree { name } } }", 0),
        ('{ nodes(ids: "1") { ... on Tree { name } } }', 2),
        ("{ nodes(ids: -7) { ... on Tree { name } } }", 2),
        ("{ tree(first: 1) { edges { node { leaves { name } } } } }", 1 + 2 + 10 * 2),
        ("{ a: word, b: word }", 2),
        ("{ ...a ...a } fragment a on Query { word }", 2),
    ],
)
def test_the_cost_is_what_an_answer_may_hold(text: str, cost: int) -> None:
    assert weigh(text).cost == cost


@pytest.mark.parametrize(
    ("text", "variables", "cost"),
    [
        ("query($n: Int) { tree(first: $n) { edges { node { name } } } }", {"n": 7}, 1 + 7 * 3),
        ("query($n: Int = 9) { tree(first: $n) { edges { node { name } } } }", {}, 1 + 9 * 3),
        ("query($n: Int = 9) { tree(first: $n) { edges { node { name } } } }", {"n": 2}, 1 + 2 * 3),
        ("query($n: Int) { tree(first: $n) { edges { node { name } } } }", {}, 1 + 50 * 3),
        ("query($n: Int) { tree(first: $n) { edges { node { name } } } }", {"n": None}, 1 + 50 * 3),
        ("query($n: Int) { tree(first: $n) { edges { node { name } } } }", {"n": "x"}, 1 + 50 * 3),
        ("query($n: Int) { tree(first: $n) { edges { node { name } } } }", {"n": 7.0}, 1 + 7 * 3),
        ("query($n: [ID!]!) { nodes(ids: $n) { id: name } }", {"n": ["1"] * 30}, 30 * 2),
        ("query($n: [ID!]!) { nodes(ids: $n) { id: name } }", {"n": "1"}, 2),
        ('query($n: [ID!]! = "1") { nodes(ids: $n) { id: name } }', {}, 2),
    ],
)
def test_page_sizes_come_from_variables_too(
    text: str, variables: dict[str, Any], cost: int
) -> None:
    assert weigh(text.replace("id: name", "... on Tree { name }"), **variables).cost == cost


def test_what_was_weighed_once_is_weighed_anew_for_other_page_sizes() -> None:
    document = parse("query($n: Int, $id: String) { tree(first: $n) { edges { node { name } } } }")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    scales = Scales(SMALL, document, operation)

    costs = [scales.weigh({"n": n, "id": str(n)}).cost for n in (1, 2, 1, *range(200))]

    assert costs == [1 + 3 * n for n in (1, 2, 1, *range(200))]


def test_what_weighs_otherwise_is_weighed_anew() -> None:
    """What is left out has its default, null has not; 3 is one id, and no list of three."""
    text = """query($n: Int = 1, $ids: [ID!]!) {
        tree(first: $n) { edges { node { name } } } nodes(ids: $ids) { ... on Tree { name } } }"""
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    scales = Scales(SMALL, document, operation)

    costs = [
        scales.weigh(given).cost
        for given in ({"ids": 3}, {"ids": ["1"] * 3}, {"ids": 3, "n": None}, {"ids": 3, "n": 2.0})
    ]

    assert costs == [1 + 3 + 2, 1 + 3 + 3 * 2, 1 + 50 * 3 + 2, 1 + 2 * 3 + 2]


def test_all_that_fragments_stand_for_is_counted() -> None:
    text = """
        query @a { ...one @b b: word ... @c { c: word } ... on Query { d: word @e } }
        fragment one on Query @f { tree { edges { node { ...two parent { name } } } } ...three }
        fragment two on Tree { x: name }
        fragment three on Query { y: word ...three }
    """

    weight = weigh(text)

    assert (weight.depth, weight.fields, weight.aliases, weight.directives) == (5, 5, 5, 5)


def test_a_bomb_of_fragments_is_refused_in_no_time() -> None:
    doubling = "".join(f"fragment f{n} on User {{ ...f{n + 1} ...f{n + 1} }} " for n in range(30))
    bomb = f"{{ viewer {{ user {{ ...f0 }} }} }} {doubling} fragment f30 on User {{ name }}"
    documents = Documents(schema._schema, load(_env_file=None))

    started = time.process_time()
    read = documents.read(bomb)
    refused = documents.too_heavy(read, read.operation(None), {})
    took = time.process_time() - started

    assert [error.extensions for error in refused] == [
        {"code": "QUERY_TOO_COSTLY", "figure": 2**30 + 2, "limit": 50_000}
    ]
    assert took < 0.05


def test_a_figure_beyond_all_measure_is_told_as_the_largest_number_of_json() -> None:
    nest = "company { parent { managers { ...f{0} ...f{0} } } }"
    chain = "".join(
        f"fragment f{n} on User {{ {nest.replace('{0}', str(n + 1))} }} " for n in range(60)
    )
    bomb = f"{{ viewer {{ user {{ ...f0 }} }} }} {chain} fragment f60 on User {{ name }}"
    documents = Documents(schema._schema, load(_env_file=None))

    read = documents.read(bomb)
    refused = documents.too_heavy(read, read.operation(None), {})

    told = [error.extensions or {} for error in refused]
    assert {each["code"]: each["figure"] for each in told} == {
        "QUERY_TOO_DEEP": 3 + 60 * 3,
        "QUERY_TOO_COSTLY": 2**53 - 1,
    }
