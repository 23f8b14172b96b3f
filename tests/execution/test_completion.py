"""What the specification asks of executing: selections, types, nullability, errors.

Every answer is stock's as well. Beyond that, most tests say which fields stock had to run: the root
field alone, where a plan did the rest.
"""

from typing import Any, Final

import pytest

from tests.execution.answers import left_behind
from tests.execution.asking import asked
from tests.execution.zoo import Mishap, World


def wrong(*what: Any, value: Any) -> Any:
    return lambda: World(wrong={what: value})


async def test_scalars_enums_and_lists_of_them() -> None:
    answer, by_stock = await asked(
        "{ animal(number: 3) { number name legs weight kind mood born tame tags matrix shout } }"
    )

    assert answer.data == {
        "animal": {
            "number": "3",
            "name": "Animal 3",
            "legs": 3,
            "weight": 1.5,
            "kind": "CAT",
            "mood": "FINE",
            "born": "2026-03-05T09:30:00+00:00",
            "tame": False,
            "tags": [],
            "matrix": [[1, None, 3], None, []],
            "shout": "ANIMAL 3!",
        }
    }
    assert by_stock == ["animal"]


async def test_an_enum_may_be_a_member_or_its_value() -> None:
    answer, by_stock = await asked("{ animals { mood } }")

    assert [each["mood"] for each in answer.data["animals"][:2]] == ["GRUMPY", "FINE"]
    assert by_stock == ["animals"]


async def test_names_come_in_the_order_of_the_document() -> None:
    answer, by_stock = await asked(
        "{ animal { b: legs keeper { name } a: legs mark { z: text a: text } near { legs } } }"
    )

    assert list(answer.data["animal"]) == ["b", "keeper", "a", "mark", "near"]
    assert list(answer.data["animal"]["mark"]) == ["z", "a"]
    assert by_stock == ["animal"]


async def test_fields_selected_in_several_places_are_merged() -> None:
    answer, by_stock = await asked(
        """
        { animal { keeper { number } mark { text } ...More keeper { name } mark { length } } }
        fragment More on Animal { ... on Named { name } ... { keeper { __typename } } }
        """
    )

    assert answer.data == {
        "animal": {
            "keeper": {"number": "1", "name": "Keeper 1", "__typename": "Keeper"},
            "mark": {"text": "mark 1", "length": 6},
            "name": "Animal 1",
        }
    }
    assert by_stock == ["animal"]


async def test_an_interface_and_a_union_are_told_apart_by_type() -> None:
    answer, by_stock = await asked(
        """
        { named { __typename name ... on Animal { legs } ... on Keeper { favourite { number } } }
          liked { ... on Named { name } ... on Keeper { number } ... on Animal { legs } } }
        """
    )

    assert answer.data == {
        "named": [
            {"__typename": "Animal", "name": "Animal 1", "legs": 1},
            None,
            {"__typename": "Keeper", "name": "Keeper 2", "favourite": {"number": "6"}},
        ],
        "liked": {"name": "Keeper 1", "number": "1"},
    }
    assert by_stock == ["named", "liked"]


async def test_abstract_edges() -> None:
    answer, by_stock = await asked(
        "{ animals { companion { __typename name } likes { ... on Animal { legs } } } }"
    )

    assert answer.data["animals"][1] == {
        "companion": {"__typename": "Keeper", "name": "Keeper 1"},
        "likes": {},
    }
    assert answer.data["animals"][2]["likes"] == {"legs": 2}
    assert by_stock == ["animals"]


async def test_directives_by_literal_and_by_variable() -> None:
    document = """
        query($yes: Boolean!, $no: Boolean = false) {
          animal {
            a: legs @skip(if: true) b: legs @include(if: $yes) c: legs @skip(if: $yes)
            ... @include(if: $no) { d: legs }  ...E @skip(if: $no)
          }
        }
        fragment E on Animal { e: legs keeper @include(if: $yes) { name } }
    """

    seen, by_stock = await asked(document, yes=True)
    hidden, _ = await asked(document, yes=False, no=True)

    assert list(seen.data["animal"]) == ["b", "e", "keeper"]
    assert list(hidden.data["animal"]) == ["c", "d"]
    assert by_stock == ["animal"]


async def test_arguments_by_literal_variable_and_default() -> None:
    answer, by_stock = await asked(
        """
        query($first: Int, $kind: Kind, $left: Int) {
          animal(number: 0) {
            a: near { number } b: near(first: 1) { number } c: near(first: $first) { number }
            d: near(first: 5, kind: $kind) { number } e: near(first: $left) { number }
          }
        }
        """,
        first=3,
        kind="DOG",
    )

    numbers = {name: [x["number"] for x in near] for name, near in answer.data["animal"].items()}
    assert numbers == {
        "a": ["1", "2"],
        "b": ["1"],
        "c": ["1", "2", "3"],
        "d": ["1", "4"],
        "e": ["1", "2"],
    }
    assert by_stock == ["animal"]


async def test_an_argument_that_cannot_be_is_told_where_it_stands() -> None:
    answer, _ = await asked("query($n: Int!) { animal { near(first: $n) { legs } } }", n=2**40)

    assert answer.data is None


async def test_an_edge_is_told_what_is_selected() -> None:
    world = World()

    answer, by_stock = await asked("{ keepers { herd { total } } }", lambda: world)

    assert [each["herd"]["total"] for each in answer.data["keepers"]] == [3, 2, 2]
    assert by_stock == ["keepers"]


async def test_each_edge_is_asked_once_for_a_level() -> None:
    world = World()

    answer, by_stock = await asked(
        """{ animals {
            keeper { favourite { keeper { name } } } cage { number } label
            friends { cage { number } }
        } }""",
        lambda: world,
    )

    assert answer.errors == []
    assert by_stock == ["animals"]
    assert len(world.calls) <= 2 * 6


async def test_the_same_edge_under_two_names_is_asked_once() -> None:
    worlds: list[World] = []

    def world() -> World:
        worlds.append(World())
        return worlds[-1]

    await asked("{ animals { a: keeper { number } b: keeper { name } } }", world)

    assert [each.calls for each in worlds] == [["keeper"], ["keeper"]]


NULLS: Final[list[tuple[tuple[Any, ...], Any, str, Any]]] = [
    (("Animal", 1, "name"), None, "{ animal { name } }", {"animal": {"name": None}}),
    (("Animal", 1, "legs"), None, "{ animal { legs } }", {"animal": None}),
    (("Animal", 1, "tags"), ["a", None], "{ animal { tags } }", {"animal": None}),
    (("Animal", 1, "marks"), [None], "{ animal { marks { text } } }", {"animal": {"marks": None}}),
    (("Animal", 1, "matrix"), [None], "{ animal { matrix } }", {"animal": {"matrix": [None]}}),
    (("Animal", 1, "matrix"), None, "{ animal { matrix } }", {"animal": None}),
    (("keeper", 1), None, "{ animal { keeper { name } } }", {"animal": {"keeper": None}}),
    (("keeper", 1), None, "{ animal { keeperAtLeast { name } } }", {"animal": None}),
    (("cage", 1), None, "{ animal { cage { number } } }", {"animal": None}),
    (("Animal", 1, "cry"), None, "{ animal { cry } }", {"animal": None}),
    (("Animal", 1, "mark"), None, "{ animal { mark { __typename } } }", {"animal": None}),
    (
        ("keeper", 0),
        Mishap("no keeper"),
        "{ animal { legs keeper { favourite { keeperAtLeast { name } } } } }",
        {"animal": {"legs": 1, "keeper": {"favourite": None}}},
    ),
    (("label", "1"), None, "{ animal { label } }", {"animal": None}),
    (("near 2 None", "1"), None, "{ animal { near { legs } } }", {"animal": {"near": None}}),
    (("near 2 None", "1"), [None], "{ animal { near { legs } } }", {"animal": {"near": None}}),
]


@left_behind
@pytest.mark.parametrize(("what", "value", "document", "data"), NULLS)
async def test_a_null_goes_as_far_up_as_it_must(
    what: tuple[Any, ...], value: Any, document: str, data: Any
) -> None:
    answer, _ = await asked(document, wrong(*what, value=value))

    assert answer.data == data


ERRORS: Final[list[tuple[tuple[Any, ...], Any, str]]] = [
    (("Animal", 1, "name"), Mishap("no name"), "{ animal { name } }"),
    (("Animal", 1, "name"), ["a"], "{ animal { name } }"),
    (("Animal", 1, "legs"), 2**31, "{ animal { legs } }"),
    (("Animal", 1, "legs"), 1.5, "{ animal { legs } }"),
    (("Animal", 1, "weight"), float("nan"), "{ animal { weight } }"),
    (("Animal", 1, "weight"), float("inf"), "{ animal { weight } }"),
    (("Animal", 1, "kind"), "FISH", "{ animal { kind } }"),
    (("Animal", 1, "born"), "yesterday", "{ animal { born } }"),
    (("Animal", 1, "tame"), "yes", "{ animal { tame } }"),
    (("Animal", 1, "tags"), "abc", "{ animal { tags } }"),
    (("Animal", 1, "tags"), 7, "{ animal { tags } }"),
    (("Animal", 1, "mark"), 7, "{ animal { mark { text } } }"),
    (("Animal", 1, "mark"), Mishap("no mark"), "{ animal { mark { __typename } } }"),
    (("Animal", 1, "marks"), [Mishap("no mark")], "{ animal { marks { __typename } } }"),
    (("keeper", 1), Mishap("no keeper"), "{ animal { keeper { name } } }"),
    (("keeper", 1), Mishap("no keeper"), "{ animal { keeperAtLeast { name } } }"),
    (("companion", "1"), 7, "{ animal { companion { name } } }"),
    (("companion", "1"), {"a": 1}, "{ animal { likes { ... on Animal { legs } } } }"),
    (("animal", 1), Mishap("no friend"), "{ animals { friends { legs } } }"),
    (("animal", 1), 7, "{ keepers { favourite { legs } } }"),
    (("animal", 3), 7, "{ keepers { favourite { __typename } } }"),
    (("herd 3 ['total']", "1"), Mishap("no herd"), "{ keepers { herd { total } } }"),
]


@left_behind
@pytest.mark.parametrize(("what", "value", "document"), ERRORS)
async def test_errors_are_stocks(what: tuple[Any, ...], value: Any, document: str) -> None:
    answer, _ = await asked(document, wrong(*what, value=value))

    told = answer.errors or answer.data  # a value of another sort may do as well
    assert told


async def test_values_of_other_sorts_are_coerced_by_stock() -> None:
    world = World(wrong={("Animal", 1, "legs"): "4", ("Animal", 1, "name"): 5})

    answer, by_stock = await asked("{ animal { legs name } }", lambda: world)

    assert answer.data == {"animal": {"legs": 4, "name": "5"}}
    assert by_stock == ["animal"]


async def test_an_error_at_a_nullable_edge_is_told_in_place() -> None:
    world = World(wrong={("keeper", 1): Mishap("no keeper"), ("keeper", 2): Mishap("nor this")})

    answer, by_stock = await asked("{ animals { number who: keeper { name } } }", lambda: world)

    assert [each["who"] is None for each in answer.data["animals"]] == [
        id % 5 == 0 or id % 3 != 0 for id in range(7)
    ]
    assert [error.path for error in answer.errors] == [["animals", id, "who"] for id in (1, 2, 4)]
    assert {error.message for error in answer.errors} == {"no keeper", "nor this"}
    assert by_stock == ["animals"]


async def test_an_error_in_what_several_share_is_told_of_each() -> None:
    world = World(wrong={("animal", 3): Mishap("gone")})

    answer, by_stock = await asked("{ animals { keeper { favourite { name } } } }", lambda: world)

    assert [error.path for error in answer.errors] == [
        ["animals", id, "keeper", "favourite"] for id in (1, 4)
    ]
    assert by_stock == ["animals"]


async def test_what_went_well_beside_an_error_stays_compiled() -> None:
    world = World(wrong={("Animal", 2, "legs"): None})

    answer, by_stock = await asked("{ some { legs mark { text } } }", lambda: world)

    assert [each and each["legs"] for each in answer.data["some"]] == [0, 1, None, 3]
    assert by_stock == ["some", "some.2.legs"]


@pytest.mark.parametrize(
    ("document", "by_stock"),
    [
        ("{ animal { legs where } }", ["animal", "animal.legs", "animal.where"]),
        ("{ animal { legs later } }", ["animal", "animal.legs", "animal.later"]),
        ("{ animal { echo(times: 2) } }", ["animal", "animal.echo"]),
        ("{ animal(number: 2) { secret } }", ["animal", "animal.secret"]),
        ("{ animal { twice } }", ["animal", "animal.twice"]),
        ("{ animal { later mark { text } } }", ["animal", "animal.later", "animal.mark"]),
        (
            "{ animal { keeper { favourite { later cage { number } } } } }",
            [
                "animal",
                "animal.keeper",
                "animal.keeper.favourite",
                "animal.keeper.favourite.later",
                "animal.keeper.favourite.cage",
            ],
        ),
        ("{ __schema { queryType { name } } }", None),
        ("{ animal { asked } }", ["animal"]),
    ],
)
async def test_what_is_not_understood_is_stocks(document: str, by_stock: list[str] | None) -> None:
    answer, ran = await asked(document)

    assert answer.errors == []
    if by_stock is not None:
        assert ran == by_stock


async def test_a_generator_is_gone_through_once_by_stock() -> None:
    answer, by_stock = await asked("{ streamed { legs mark { text } } }")

    assert [each["legs"] for each in answer.data["streamed"]] == [0, 1, 2]
    assert by_stock == ["streamed"]


async def test_lists_may_be_nested_deeper_than_python_nests_loops() -> None:
    deep = "{ animal { mark " + "{ parts " * 24 + "{ text }" + " }" * 26

    answer, by_stock = await asked(deep)

    assert answer.data == {"animal": {"mark": {"parts": []}}}
    assert by_stock == ["animal"]


async def test_a_short_document_may_be_too_large() -> None:
    twice = " ".join(f"{name}: favourite {{{{ keeper {{{{ ...F{{1}} }}}} }}}}" for name in "ab")
    doubled = " ".join(f"fragment F{n} on Keeper {{ {twice.format(n, n + 1)} }}" for n in range(12))

    answer, _ = await asked(
        f"{{ keepers {{ ...F0 }} }} {doubled} fragment F12 on Keeper {{ name }}",
        wrong("animal", 0, value=None),
    )

    assert answer.errors == []


async def test_a_query_of_edges_alone_asks_stock_for_nothing() -> None:
    answer, by_stock = await asked(
        "{ __typename herd: grazing(first: 1) { legs } grazing { keeper { name } } boss { name } }"
    )

    assert answer.data == {
        "__typename": "Query",
        "herd": [{"legs": 0}],
        "grazing": [{"keeper": None}, {"keeper": {"name": "Keeper 1"}}],
        "boss": {"name": "Keeper 1"},
    }
    assert by_stock == []


async def test_an_error_at_a_nullable_edge_of_the_root_is_told_in_place() -> None:
    world = World(wrong={("grazing 2", "root"): Mishap("no grass")})

    answer, by_stock = await asked("{ grazing { legs } boss { name } }", lambda: world)

    assert answer.data == {"grazing": None, "boss": {"name": "Keeper 1"}}
    assert [(error.message, error.path) for error in answer.errors] == [("no grass", ["grazing"])]
    assert by_stock == []


@pytest.mark.parametrize(
    ("wrong", "path"),
    [({("boss", "root"): Mishap("ill")}, ["boss"]), ({("boss", "root"): None}, ["boss"])],
)
async def test_what_goes_wrong_where_null_is_not_allowed_is_stocks(
    wrong: dict[tuple[Any, ...], Any], path: list[str]
) -> None:
    answer, by_stock = await asked("{ grazing { legs } boss { name } }", lambda: World(wrong=wrong))

    assert answer.data is None
    assert [error.path for error in answer.errors] == [path]
    assert by_stock == ["grazing", "boss"]


async def test_whoever_may_not_ask_hears_it_from_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: World) -> None:
        raise Mishap("nobody is asking")

    monkeypatch.setattr(World, "asking", property(refuse))
    worlds: list[World] = []

    def world() -> World:
        worlds.append(World())
        return worlds[-1]

    answer, by_stock = await asked("{ grazing { legs } }", world)

    assert answer.data == {"grazing": None}
    assert [error.message for error in answer.errors] == ["nobody is asking"]
    assert by_stock == ["grazing"]
    assert {tuple(each.calls) for each in worlds} == {()}


async def test_a_query_with_one_field_that_is_no_edge_is_stocks_at_the_root() -> None:
    _, by_stock = await asked("{ grazing { legs } animal { legs } }")

    assert by_stock == ["grazing", "animal"]
