"""A request as a whole: writes, events, who leaves in the midst, and what is left in memory."""

import asyncio
import gc
import weakref
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pytest
from graphql import parse
from graphql.execution import subscribe
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from resolvers.reading.reader import Reader
from tests.execution.answers import executed, left_behind
from tests.execution.zoo import START, Eager, Mishap, World, zoo

CORE: Final = zoo._schema
MOVES: Final = """
mutation { first: move(number: 1) { keeper { name } } then: move(number: 4) { keeper { name } } }
"""


async def test_fields_of_a_mutation_read_anew() -> None:
    world = World()

    answer = await executed(CORE, Eager, MOVES, world)

    assert answer.data == {name: {"keeper": {"name": "Keeper 1"}} for name in ("first", "then")}
    assert world.calls == ["keeper", "keeper"]
    assert world.writes == 2


@left_behind
async def test_a_mutation_writes_once_whatever_goes_wrong_beneath() -> None:
    world = World(wrong={("keeper", 1): Mishap("no keeper"), ("Animal", 4, "legs"): None})

    answer = await executed(
        CORE, Eager, "mutation { move(number: 4) { legs keeperAtLeast { name } } }", world
    )

    assert answer.data == {"move": None}
    assert world.writes == 1


@pytest.mark.parametrize("executor", [Eager, Stock])
async def test_each_event_of_a_subscription_is_read_anew(executor: type[Stock]) -> None:
    world = World()

    events: Any = subscribe(
        CORE,
        parse("subscription { seen { legs cage { number } } }"),
        context_value=world,
        executor_class=executor,
    )
    if optimized_is_awaitable(events):
        events = await events
    seen = [event.data["seen"] async for event in events]

    assert seen == [{"legs": id, "cage": {"number": f"{id}"}} for id in range(3)]
    assert world.calls == ["cage"] * 3


@pytest.mark.parametrize(
    "document",
    [
        "{ animals { legs keeper { name favourite { near { legs } } } } }",
        "{ animal { where later } }",
        MOVES,
    ],
)
async def test_a_request_leaves_nothing_for_the_garbage_collector(
    document: str,
) -> None:
    await executed(CORE, Eager, document, World())
    gc.collect()
    gc.disable()
    try:
        there = World()
        left = weakref.ref(there)
        answer = await executed(CORE, Eager, document, there)
        del there
        await asyncio.sleep(0)

        assert answer.errors is None
        assert left() is None
    finally:
        gc.enable()


class Slow(Reader):
    """Finds when it is told to."""

    def __init__(self) -> None:
        super().__init__(None, START)
        self.asked: list[Any] = []
        self.begun, self.go = asyncio.Event(), asyncio.Event()


async def squares(reader: Any, keys: Iterable[int]) -> Mapping[int, Any]:
    reader.asked.append(list(keys))
    reader.begun.set()
    await reader.go.wait()
    return {key: Mishap(f"{key}") if key == 13 else key * key for key in keys if key < 20}


async def test_one_who_leaves_takes_nobody_along() -> None:
    reader = Slow()
    staying, leaving, both = (
        asyncio.ensure_future(load)
        for load in (
            reader.load(squares, 3),
            reader.load(squares, 3),
            reader.load_all(squares, [3, 4]),
        )
    )
    await reader.begun.wait()

    leaving.cancel()
    late = asyncio.ensure_future(reader.load(squares, 4))
    await asyncio.sleep(0)
    reader.go.set()

    assert await staying == 9
    assert dict(await both) == {3: 9, 4: 16}
    assert await late == 16
    assert leaving.cancelled()
    assert reader.asked == [[3, 4]]


async def test_a_key_may_fail_alone_and_be_nowhere() -> None:
    reader = Slow()
    reader.go.set()

    found = await reader.load_all(squares, [2, 13, 20])

    assert (found[2], found[20]) == (4, None)
    assert str(found[13]) == "13"
    with pytest.raises(Mishap):
        await reader.load(squares, 13)
    assert await reader.load(squares, 20) is None
    assert reader.asked == [[2, 13, 20]]


async def test_a_request_that_is_cancelled_ends() -> None:
    async def forever(reader: Any, keys: Any) -> Mapping[Any, Any]:
        raise asyncio.CancelledError

    reader = Reader(None, START)

    with pytest.raises(asyncio.CancelledError):
        await reader.load(forever, 1)
