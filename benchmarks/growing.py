"""What growth costs: the same requests as the tree grows tenfold, and by several processes."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from app.database import connected
from benchmarks.allocating import NAME, Pools, hand_over, pools
from benchmarks.compare import Compared, answer, in_turn
from benchmarks.questions import Question
from benchmarks.servers import ALL_CORES, CLIENTS, Load, Process, canopy

Say = Callable[[str], None]
OF: Final = ("Q1", "Q2 of a partner", "Q2 of the root", "Q3")
SMALL, LARGE = "small", "large"
PROCESSES: Final = (1, 2, 4)


@dataclass(frozen=True)
class Tree:
    """A database with companies, and what is asked of them."""

    url: str
    asks: Mapping[str, Question]


async def tree(
    trees: Mapping[str, Tree], rounds: int, seconds: float, calls: int, say: Say
) -> dict[str, float]:
    """How many times as long a request takes in the larger tree, in turn.

    Q2 is asked of a partner as large as the largest of the smaller tree, and of the root, which has
    ten times as many requests; the others are of one size in both.
    """
    grown: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        servers = {
            name: await stack.enter_async_context(canopy(name, tree.url))
            for name, tree in trees.items()
        }
        for name in OF:
            asks = {of: trees[of].asks[name] for of in servers}
            sizes = [len(await answer(servers[of], asks[of])) / 1024 for of in servers]
            loads = {of: partial(_load, servers[of], asks[of], seconds) for of in servers}
            compared = await _compared(name, loads, rounds)
            grown[name] = _grown(compared, say, "answers of {:.0f} and {:.0f} KiB".format(*sizes))
        handed = {
            of: partial(_hand_over, servers[of], trees[of].url, await _pools(trees[of].url, calls))
            for of in servers
        }
        grown[NAME] = _grown(await _compared(NAME, handed, rounds), say)
    return grown


async def processes(
    url: str, asks: Mapping[str, Question], rounds: int, seconds: float, say: Say
) -> dict[str, dict[str, float]]:
    """Requests a second of each question, by how many processes they are served, in turn.

    With the database and the load on the same cores: more processes than cores gain nothing.
    """
    rates: dict[str, dict[str, float]] = {}
    async with AsyncExitStack() as stack:
        servers = {}
        for number in PROCESSES:
            server = canopy(str(number), url, workers=number, cores=ALL_CORES)
            servers[number] = await stack.enter_async_context(server)
            await servers[number].settled()
        for name, ask in asks.items():
            loads = {
                server.name: partial(_load, server, ask, seconds, CLIENTS * number)
                for number, server in servers.items()
            }
            compared = await _compared(name, loads, rounds)
            rates[name] = {server: compared.middle(server, "rate") for server in loads}
            told = "; ".join(_told(compared, server) for server in loads)
            say(
                f"{name} by 1, 2 and 4 processes on {len(ALL_CORES)} cores, which the database "
                f"and the load share: {told}."
            )
    return rates


async def _compared(
    name: str, loads: Mapping[str, Callable[[], Awaitable[Load]]], rounds: int
) -> Compared:
    await in_turn(loads, 1)  # until all are warm
    return Compared(name, await in_turn(loads, rounds))


def _grown(compared: Compared, say: Say, *more: str) -> float:
    longer, cpu = compared.ratio("rate", LARGE, SMALL), compared.ratio("cpu", SMALL, LARGE)
    assert longer is not None
    held = [compared.middle(tree, "memory") for tree in (SMALL, LARGE)]
    told = "; ".join(("{:.0f} and {:.0f} MiB held".format(*held), *more))
    say(
        f"{compared.name}, in a tree ten times as large: {longer:.2f} times as long, "
        f"{cpu:.2f} times the CPU; {told}."
    )
    return longer


def _told(compared: Compared, server: str) -> str:
    rate, p99, memory = (compared.middle(server, what) for what in ("rate", "p99", "memory"))
    return f"{server}: {rate:.0f}/s, p99 {p99:.0f} ms, {memory:.0f} MiB"


async def _load(server: Process, ask: Question, seconds: float, clients: int = CLIENTS) -> Load:
    return await server.load(ask.streams(server.name, clients), seconds)


async def _pools(url: str, calls: int) -> Pools:
    async with connected(url):
        return await pools(calls)


async def _hand_over(server: Process, url: str, at: Pools) -> Load:
    async with connected(url):
        return await hand_over(server, at)
