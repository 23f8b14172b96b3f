"""Whatever document is sent, the answer is one that was foreseen, and nothing is left open."""

import gc
import logging

import pytest

from models.invariants import breaches
from tests.conftest import Clock
from tests.databases import left_open
from tests.factories import Make
from tests.faults.estate import Estate
from tests.faults.fuzzing import Fuzz
from tests.graphql.api import application
from tests.stepping import settled


async def test_no_document_is_an_internal_error(
    database: str, make: Make, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """93 of them; `make faults` sends more, to a server of its own."""
    gc.collect()  # what tests before this one left says so now
    caplog.clear()
    estate = await Estate.grow(make, clock)
    async with application(make, clock) as api:
        fuzz = await Fuzz.begin(api.http, estate)
        await fuzz.run(1)

    assert not fuzz.wrong, "\n".join(fuzz.wrong[:3])
    assert fuzz.told["data"] > fuzz.sent / 2
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    await settled()
    assert await left_open(database) == []
    assert await breaches(clock.now) == {}
