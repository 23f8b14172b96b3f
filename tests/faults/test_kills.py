"""The API, with the worker inside it, is killed under load: see also tests/faults/long."""

from tests.faults.load import all_is_well, loaded, under_load
from tests.http.stage import Stage


async def test_whatever_was_acknowledged_is_there_after_a_kill(stage: Stage) -> None:
    load = await loaded(stage)

    async with under_load(load):
        await load.acknowledged(3)
        stage.server.kill()
        await stage.server.start()

    await all_is_well(stage, load)
    assert len(load.assigned) >= 3
