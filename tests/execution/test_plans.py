"""Plans are remembered, up to a size; strangers leave none behind."""

from collections.abc import Sequence
from typing import Any, ClassVar
from weakref import ref

import pytest
from graphql import parse
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from models.access import Caller
from models.base import new_id
from models.users import UserRole
from resolvers.reading.reader import Reader
from schema.build import Executor, schema
from schema.context import Context
from schema.execution.executor import MOST_DOUBTED
from schema.execution.plans import Plans
from schema.execution.running import MOST_GIVEN, Attempt
from tests.execution.answers import executed, left_behind, told
from tests.execution.zoo import START, Eager, Mishap, World, zoo


def with_room_for(characters: int) -> type[Eager]:
    class Here(Eager):
        plans = Plans(characters)

    return Here


async def ask(executor: type[Eager], document: Any, **variables: Any) -> None:
    result = await executed(zoo._schema, executor, document, World(), variables)
    assert result.errors is None


async def test_a_document_is_compiled_once() -> None:
    executor, document = with_room_for(1_000_000), parse("{ animal { legs keeper { name } } }")

    await ask(executor, document)
    first = list(executor.plans._kept.values())
    await ask(executor, document)

    assert list(executor.plans._kept.values()) == first
    assert len(first) == 1


async def test_a_plan_that_is_forgotten_goes_at_once(uncollected: None) -> None:
    """A server's garbage collector looks through what has lived long after hours, if ever."""
    executor = with_room_for(1_000_000)
    await ask(executor, parse("{ animal { legs keeper { name } near(first: 2) { legs } } }"))
    [kept] = executor.plans._kept.values()
    assert kept.plan is not None
    plan, function = ref(kept.plan), ref(kept.plan.complete)

    executor.plans._kept.clear()
    del kept

    assert (plan(), function()) == (None, None)


async def test_other_flags_are_another_plan() -> None:
    executor = with_room_for(1_000_000)
    document = parse(
        "query($a: Boolean!, $n: Int) { animal(number: $n) { legs @skip(if: $a) kind } }"
    )

    for number, flag in enumerate([True, False, True]):
        await ask(executor, document, a=flag, n=number)

    assert len(executor.plans) == 2


async def test_no_more_arguments_are_remembered_than_a_few_short_ones() -> None:
    executor = with_room_for(1_000_000)
    document = parse("query($n: Int) { animal { near(first: $n) { number } } }")

    for number in (*range(40), 3):
        answer = await executed(zoo._schema, executor, document, World(), {"n": number})

        assert len(answer.data["animal"]["near"]) == min(number, 7)  # type: ignore[index]
    [kept] = executor.plans._kept.values()
    assert kept.plan is not None
    assert 0 < len(kept.plan.steps[0]._given) <= MOST_GIVEN


async def test_a_plan_serves_all_values_of_variables() -> None:
    executor = with_room_for(1_000_000)
    document = parse("query($n: Int) { animal { near(first: $n) { number } } }")

    for number in (1, 3):
        answer = await executed(zoo._schema, executor, document, World(), {"n": number})

        assert answer.data is not None
        assert len(answer.data["animal"]["near"]) == number
    assert len(executor.plans) == 1


async def test_the_longest_unused_are_forgotten() -> None:
    executor = with_room_for(5_000)
    often = parse("{ animal { legs kind } }")

    for number in range(20):
        await ask(executor, parse(f"{{ animal {{ legs a{number}: kind }} }}"))
        await ask(executor, often)

    names = [kept.details[0].node.loc.source.body for kept in executor.plans._kept.values()]  # type: ignore[union-attr]
    assert executor.plans.weight <= 5_000
    assert 1 < len(executor.plans) < 20
    assert "{ animal { legs kind } }" in names
    assert executor.plans.weight == sum(kept.weight for kept in executor.plans._kept.values())


async def test_what_cannot_be_compiled_is_remembered_too() -> None:
    executor, document = with_room_for(1_000_000), parse("{ animal { later } }")

    for _ in range(2):
        await ask(executor, document)

    assert {kept.plan for kept in executor.plans._kept.values()} == {None}
    assert len(executor.plans) == 1


async def test_strangers_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Caller(new_id(), new_id(), UserRole.MANAGER, new_id(), "a/", new_id())
    document, kept = parse("{ viewer { __typename } }"), []
    monkeypatch.setattr(Executor, "plans", Plans())

    for caller in (None, known):
        context = Context(caller, Reader(known, START), lambda: START)
        answer = await executed(schema._schema, Executor, document, context)
        assert answer.data == {"viewer": {"__typename": "Viewer"}}
        kept.append(len(Executor.plans))

    assert kept == [0, 1]


class Counting(Eager):
    """Notes down the attempts that were made."""

    made: ClassVar[list[Attempt]]

    def _begun(self) -> Attempt:
        self.made.append(super()._begun())
        return self.made[-1]


@pytest.mark.parametrize(
    ("each", "wrong", "attempts", "errors"),
    [
        (7, (), 1, 0),
        (1, (2,), 16, 2),
        (7, (0, 1, 2), 1 + MOST_DOUBTED, 49),
    ],
)
@left_behind
async def test_a_page_of_errors_is_left_to_stock_before_long(
    each: int, wrong: Sequence[int], attempts: int, errors: int
) -> None:
    near = f"near(first: {each})"
    document = f"{{ animals {{ {near} {{ {near} {{ cage {{ number }} }} }} }} }}"
    shut = {("cage", key): Mishap("shut") for key in wrong}

    class Here(Counting):
        made: ClassVar[list[Attempt]] = []

    stocks = await executed(zoo._schema, Stock, document, World(wrong=shut), {})
    ours = await executed(zoo._schema, Here, document, World(wrong=shut), {})

    assert told(ours) == told(stocks)
    assert (len(Here.made), len(ours.errors or ())) == (attempts, errors)
