"""The API, with the worker inside it, is killed at any moment under load."""

import asyncio
import random

from tests.faults.load import all_is_well, loaded, under_load
from tests.http.stage import Stage

LEASED = 150.0
"""Seconds after which the mail that a killed worker held has been sent by the next one."""


async def test_whatever_was_acknowledged_is_there_after_a_kill(stage: Stage, rounds: int) -> None:
    load = await loaded(stage)
    chance = random.Random(11)

    for _ in range(rounds):
        async with under_load(load):
            await asyncio.sleep(chance.uniform(0.3, 1.5))
            stage.server.kill()
            await stage.server.start()
        await all_is_well(stage, load)

    assert load.assigned
    if rounds > 1:  # `make faults` has the time to see the mails arrive, too
        await _arrived(stage, set(load.assigned.values()))


async def _arrived(stage: Stage, numbers: set[str]) -> None:
    wanted = {f"3 premium licenses ready to allocate ({number})" for number in numbers}
    async with asyncio.timeout(LEASED):
        while not wanted <= {mail.subject for mail in stage.catcher.mails}:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
