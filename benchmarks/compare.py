"""Canopy, the same with the stock executor, and the floor: the same pages, in turn, in one run."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, Final

import httpx
import orjson

from benchmarks import peer
from benchmarks.questions import Question
from benchmarks.servers import Load, Process

OURS: Final = "canopy"


@dataclass
class Compared:
    """The loads of each server, round by round."""

    name: str
    loads: dict[str, list[Load]]

    def ratio(self, what: str, to: str, of: str = OURS) -> float | None:
        """The median of what each round came to; None where one of the two was not there."""
        if to not in self.loads or of not in self.loads:
            return None
        pairs = zip(self.loads[of], self.loads[to], strict=True)
        return float(median(getattr(a, what) / getattr(b, what) for a, b in pairs))

    def middle(self, server: str, what: str) -> float:
        return float(median(getattr(load, what) for load in self.loads[server]))


async def answer_to(server: Process, request: str) -> bytes:
    """What it says to a request as the load generator sends it."""
    head, _, content = request.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    url = f"http://127.0.0.1:{server.port}{first.split()[1]}"
    async with httpx.AsyncClient(timeout=60) as http:
        told = await http.post(url, content=content, headers=headers)
    assert told.status_code == 200, told.text
    return told.content


async def answer(server: Process, question: Question) -> bytes:
    return await answer_to(server, question.to(server.name))


async def assert_equal(servers: Sequence[Process], question: Question) -> None:
    """That all of them say the same, byte for byte; the peer puts some of it otherwise."""
    ours, *others = [(server.name, await answer(server, question)) for server in servers]
    assert b'"errors"' not in ours[1], ours
    for name, told in others:
        same = _data(told) == _data(ours[1]) if name == peer.NAME else told == ours[1]
        assert same, f"{question.name}: {name} says {told[:500]!r}, Canopy {ours[1][:500]!r}"


def _data(answer: bytes) -> Any:
    """Without regard to how an instant is spelled."""
    return orjson.loads(answer.replace(b"+00:00", b"Z"))["data"]


async def compare(
    servers: Sequence[Process], question: Question, rounds: int, seconds: float
) -> Compared:
    await assert_equal(servers, question)
    for server in servers:
        await _load(server, question, min(1.0, seconds))  # until it is warm
    loads = {server.name: partial(_load, server, question, seconds) for server in servers}
    return Compared(question.name, await in_turn(loads, rounds))


async def in_turn(
    loads: Mapping[str, Callable[[], Awaitable[Load]]], rounds: int
) -> dict[str, list[Load]]:
    """Every round begins with another one, so that a noisy moment meets all alike."""
    names, taken = [*loads], {name: list[Load]() for name in loads}
    for number in range(rounds):
        start = number % len(names)
        for name in [*names[start:], *names[:start]]:
            taken[name].append(await loads[name]())
    return taken


async def _load(server: Process, question: Question, seconds: float) -> Load:
    return await server.load(question.streams(server.name), seconds)


def table(compared: Compared) -> list[str]:
    """A line for each server."""
    lines = []
    for server in compared.loads:
        figures = {what: compared.middle(server, what) for what in FIGURES}
        lines.append(
            f"{compared.name:<16} {server:<10} {figures['rate']:>7.0f}/s "
            f"p50 {figures['p50']:>6.1f} ms  p99 {figures['p99']:>6.1f} ms  "
            f"CPU {figures['cpu']:>6.2f} ms  {figures['memory']:>5.0f} MiB"
        )
    return lines


FIGURES: Final = ("rate", "p50", "p99", "cpu", "memory")
