"""The API and two workers, each in a process of its own, are killed at any moment under load."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import httpx

from tests.faults.load import all_is_well, loaded, under_load
from tests.faults.processes import Worker
from tests.http.server import Server
from tests.http.stage import Stage
from tests.smtp import Catcher

LEASED = 150.0
"""Seconds after which the mail that a killed worker held has been sent by the next one."""


async def test_whoever_is_killed_nothing_acknowledged_and_no_mail_is_lost(
    database_url: str, tmp_path: Path, rounds: int
) -> None:
    chance, killed = random.Random(5), Counter[str]()
    alone = {"CANOPY_EMBEDDED_WORKER": "false"}
    async with (
        Catcher() as catcher,
        Server(database_url, catcher.port, tmp_path / "api", **alone) as server,
        Worker(database_url, catcher.port, tmp_path / "one") as one,
        Worker(database_url, catcher.port, tmp_path / "two") as two,
        httpx.AsyncClient(base_url=server.url, timeout=60) as http,
    ):
        stage = Stage(server, catcher, http)
        load = await loaded(stage)
        processes = {"api": server, "one": one, "two": two}

        for _ in range(rounds):
            async with under_load(load):
                await asyncio.sleep(chance.uniform(0.2, 1.0))
                unlucky = chance.sample(list(processes), chance.randint(1, 3))
                for name in unlucky:
                    processes[name].kill()
                await asyncio.gather(*(processes[name].start() for name in unlucky))
                killed.update(unlucky)
            await all_is_well(stage, load)

        assert len(load.assigned) >= rounds
        await _arrived(stage, set(load.assigned.values()))
        twice = Counter(mail.id for mail in catcher.mails)
        assert twice.total() - len(twice) <= killed["one"] + killed["two"]


async def _arrived(stage: Stage, numbers: set[str]) -> None:
    wanted = {f"3 premium licenses ready to allocate ({number})" for number in numbers}
    async with asyncio.timeout(LEASED):
        while not wanted <= {mail.subject for mail in stage.catcher.mails}:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
