"""Who asks: looked up together, each answered alone."""

import asyncio

import pytest
from tortoise.expressions import F

from app.auth import MOST, Callers, bearer
from models.access import caller_of
from models.sessions import Session, digest
from tests.conftest import Clock
from tests.factories import Make
from tests.scene import Scene
from tests.statements import statements


async def end(token: str) -> None:
    await Session.filter(token_hash=digest(token)).update(ended_at=F("started_at"))


@pytest.mark.parametrize(
    ("sent", "token"),
    [
        (["Bearer abc"], "abc"),
        (["bearer  abc "], "abc"),
        (["Bearer "], None),
        (["Basic abc"], None),
        ([7], None),
        ([], None),
        (["Bearer abc", "Bearer def"], None),
    ],
)
def test_a_token_is_sent_once(sent: list[object], token: str | None) -> None:
    assert bearer(sent) == token


async def test_who_asks_in_the_same_turn_is_looked_up_together(
    scene: Scene, make: Make, clock: Clock
) -> None:
    """By a statement for people and one for programs; who asks later is not told of before."""
    callers = Callers()
    people = [await make.token(person) for person in (scene.cora, scene.pam)]
    ended = await make.token(scene.cora)
    await end(ended)
    program = await make.api_token(scene.cora)
    sent = [*people, ended, "nobody's", program, people[0], None]
    each = [await caller_of(token, clock()) if token else None for token in sent]

    with statements() as asked:
        together = await asyncio.gather(*(callers.of(token, clock()) for token in sent))
    assert together == each
    assert [caller is not None for caller in each] == [True, True, False, False, True, True, False]
    assert len(asked) == 2

    await end(people[1])
    assert await callers.of(people[1], clock()) is None


async def test_many_who_ask_in_the_same_turn_are_a_few_statements(
    scene: Scene, make: Make, clock: Clock
) -> None:
    tokens = [await make.token(scene.cora) for _ in range(2 * MOST + 1)]
    callers = Callers()

    with statements() as asked:
        found = await asyncio.gather(*(callers.of(token, clock()) for token in tokens))
    assert [caller.user_id for caller in found if caller] == [scene.cora.id] * len(tokens)
    assert len({caller.session_id for caller in found if caller}) == len(tokens)
    assert len(asked) == 3


async def test_who_leaves_takes_nobody_along(scene: Scene, make: Make, clock: Clock) -> None:
    callers, token = Callers(), await make.token(scene.cora)
    leaving = asyncio.create_task(callers.of(token, clock()))
    staying = asyncio.create_task(callers.of(token, clock()))
    await asyncio.sleep(0)
    leaving.cancel()

    assert await staying == await caller_of(token, clock())
    assert leaving.cancelled()


@pytest.mark.parametrize("turns", range(6))
async def test_who_comes_after_all_have_left_is_answered(
    scene: Scene, make: Make, clock: Clock, turns: int
) -> None:
    """However far their lookup has come."""
    callers, token = Callers(), await make.token(scene.cora)
    leaving = asyncio.create_task(callers.of(token, clock()))
    for _ in range(turns):
        await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])

    async with asyncio.timeout(20):
        assert await callers.of(token, clock()) == await caller_of(token, clock())
