"""What growth costs: Q2 as the tree grows tenfold, and pages by several processes."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from statistics import median
from typing import Final

from benchmarks.questions import Question
from benchmarks.servers import ALL_CORES, CLIENTS, Load, Process, canopy

Say = Callable[[str], None]
OF: Final = ("Q2 of a partner", "Q2 of the root")
PROCESSES: Final = (1, 2, 4)


async def tree(
    small: tuple[str, dict[str, Question]],
    large: tuple[str, dict[str, Question]],
    rounds: int,
    seconds: float,
    say: Say,
) -> dict[str, float]:
    """How many times as long a request takes in the larger tree, in turn: of a partner as large as
    the largest of the smaller tree, and of the root, which has ten times as many requests."""
    grown: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(canopy("canopy", url)) for url, _ in (small, large)
        ]
        for name in OF:
            asks = [questions[name] for _, questions in (small, large)]
            rates: list[tuple[Load, Load]] = []
            for number in range(rounds + 1):
                both = [
                    await _load(server, ask, seconds)
                    for server, ask in zip(servers, asks, strict=True)
                ]
                if number:
                    rates.append((both[0], both[1]))
            grown[name] = median(before.rate / after.rate for before, after in rates)
            cpu = median(after.cpu / before.cpu for before, after in rates)
            memory = [median(load.memory for load in each) for each in zip(*rates, strict=True)]
            say(
                f"{name}, in a tree ten times as large: {grown[name]:.2f} times as long, "
                f"{cpu:.2f} times the CPU; {memory[0]:.0f} and {memory[1]:.0f} MiB held."
            )
    return grown


async def processes(url: str, question: Question, seconds: float, say: Say) -> None:
    """With the database and the load on the same cores: more processes than cores gain nothing."""
    told = []
    for number in PROCESSES:
        async with canopy("canopy", url, workers=number, cores=ALL_CORES) as server:
            await server.settled()
            await _load(server, question, min(1.0, seconds))
            load = await _load(server, question, seconds, clients=CLIENTS * number)
            told.append(
                f"{number}: {load.rate:.0f}/s, p99 {load.p99:.0f} ms, {load.memory:.0f} MiB"
            )
    say(
        f"{question.name} by 1, 2 and 4 processes on {len(ALL_CORES)} cores, which the database "
        f"and the load share: {'; '.join(told)}."
    )


async def _load(server: Process, ask: Question, seconds: float, clients: int = CLIENTS) -> Load:
    return await server.load([[ask.to(server.name)]] * clients, seconds)
