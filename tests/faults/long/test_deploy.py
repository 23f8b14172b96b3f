"""A deploy: a new process comes up while the old one drains, with not one failed request."""

import asyncio
import socket
from collections import Counter
from pathlib import Path

import httpx

from tests.faults.processes import Sharing
from tests.smtp import Catcher

ASKED = {"query": "{ __typename }"}
CLIENTS = 6
MORE = 10
"""Requests of each client after the old process has ended."""


async def test_a_new_process_takes_over_and_no_request_fails(
    database_url: str, tmp_path: Path
) -> None:
    """Of clients that keep their connection, and of those that make a new one each time."""
    answers: Counter[str] = Counter()
    over = asyncio.Event()

    async def ask(url: str, *, kept: int) -> None:
        limits = httpx.Limits(max_keepalive_connections=kept)
        async with httpx.AsyncClient(base_url=url, timeout=30, limits=limits) as http:
            more = MORE
            while more:
                more -= over.is_set()
                try:
                    answers[(await http.get("/graphql", params=ASKED)).text] += 1
                except httpx.TransportError as error:
                    answers[repr(error)] += 1

    async with Catcher() as catcher:
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            old = Sharing(listening, database_url, catcher.port, tmp_path / "old")
            new = Sharing(listening, database_url, catcher.port, tmp_path / "new")
            await old.start()
            asking = [asyncio.create_task(ask(url, kept=each % 2)) for each in range(CLIENTS)]
            async with new:
                await old.stop()
                over.set()
                await asyncio.gather(*asking)

    assert old.ended_well
    assert list(answers) == ['{"data":{"__typename":"Query"}}'], answers
