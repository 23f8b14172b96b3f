"""How long something takes is not told where it would tell of whom it was."""

import asyncio
from contextlib import suppress

import pytest

from models.errors import Busy
from models.outbox import Notification
from resolvers.reading.reader import Reader
from schema.context import Context
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import application
from tests.http.client import Json

RESET = """mutation($email: String!) {
    requestPasswordReset(input: {email: $email}) { errors { code } }
}"""
DONE: Json = {"data": {"requestPasswordReset": {"errors": []}}}


class Bell:
    """In place of time: whoever waits for it does so until it rings."""

    def __init__(self) -> None:
        self.heard_by: list[float] = []
        self._rings = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.heard_by.append(seconds)
        await self._rings.wait()

    def ring(self) -> None:
        self._rings.set()

    async def waited_for_by(self, number: int) -> None:
        async with asyncio.timeout(5):
            while len(self.heard_by) < number:  # noqa: ASYNC110 - what counts is who waits
                await asyncio.sleep(0)


async def test_a_reset_for_a_known_address_is_answered_when_one_for_nobody_s_is(
    make: Make, clock: Clock
) -> None:
    """Once the mail is promised, and with no place, no turn and no connection held meanwhile."""
    ann, bell = await make.manager(await make.company()), Bell()
    emails = [ann.email, *(f"nobody{number}@example.com" for number in range(4))]

    async with application(make, clock, bell.sleep, max_operations=1, max_connections=2) as api:
        answers = []
        for number, email in enumerate(emails, start=1):
            answer = api.send(None, RESET, email=email)
            answers.append(asyncio.ensure_future(answer))
            await bell.waited_for_by(number)
        beside = await api.send(None, "{ __typename }")
        [mail] = await Notification.all()
        are_done = [answer.done() for answer in answers]
        bell.ring()
        told = await asyncio.gather(*answers)

    assert bell.heard_by == [0.5] * 5
    assert (are_done, told) == ([False] * 5, [DONE] * 5)
    assert (beside, mail.user_id) == ({"data": {"__typename": "Query"}}, ann.id)


async def test_nothing_else_waits(make: Make, clock: Clock) -> None:
    ann, bell = await make.manager(await make.company()), Bell()

    async with application(make, clock, bell.sleep) as api:
        await api.send(ann, "mutation { signOut { errors { code } } }")
        await api.send(None, "{ viewer { user { id } } }")

    assert bell.heard_by == []


@pytest.mark.parametrize(
    ("took", "left"), [(0.0, 0.5), (0.017, 0.483), (0.5, 0.5), (0.6, 0.4), (-3600.1, 0.1)]
)
async def test_what_was_done_and_what_is_waited_for_are_a_whole_step(
    clock: Clock, took: float, left: float
) -> None:
    """Another one where one is not enough; and be the clock set back, or the work refused."""
    context = Context(None, Reader(None, clock()), clock)

    with suppress(Busy), context.untold_time():
        clock.move(seconds=took)
        raise Busy

    assert context.waits == pytest.approx([left])
