"""What `make bench` runs. Figures are ratios within one run, for machines are noisy."""

import argparse
import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.database import connected
from benchmarks import daily, days, execution, imports, overload, paths, peer, results
from benchmarks.allocating import CALLS, NAME, compare_allocating, handed_over, pools
from benchmarks.assigning import assigning
from benchmarks.compare import Compared, answer, compare, table
from benchmarks.growing import LARGE, SMALL, Tree, processes, tree
from benchmarks.listening import listening
from benchmarks.mailing import mailing
from benchmarks.questions import Question, questions, requests_of
from benchmarks.results import PAGES, Results
from benchmarks.seeded import Kept, seeded, size_of
from benchmarks.servers import ALL_CORES, FOR_OTHERS, Process, canopy, ceiling, floor, stand_on
from benchmarks.statements import SCANNED, plan, sent
from tests.postgres import Postgres

PARTS: Final = (*PAGES, "allocate", "growth", "processes", "assign", "mail", "sockets")
DECISIONS: Final = {
    "paths": paths,
    "days": days,
    "daily": daily,
    "imports": imports,
    "execution": execution,
    "overload": overload,
}
"""Measurements behind docs/adr; each stands for itself."""
PARTIAL: Final = Path("var", "bench")
"""Where runs of some parts, or of less data, are written."""
WHOLE: Final = 20_000


def main() -> None:
    asked = _arguments()
    only = asked.only.split(",") if asked.only else [*PARTS, *DECISIONS]
    if parts := [name for name in PARTS if name in only]:
        _measure(asked, parts)
    for name in only:
        if name in DECISIONS:
            asyncio.run(DECISIONS[name].main())


def _measure(asked: argparse.Namespace, parts: list[str]) -> None:
    stand_on(FOR_OTHERS)
    whole = parts == [*PARTS] and asked.companies == WHOLE
    with Kept(asked.keep) if asked.keep else Postgres(durable=True) as server:
        run = Run(server, parts, asked.companies, asked.rounds, asked.seconds, asked.peer)
        try:
            asyncio.run(run.all())
        except BaseException:
            run.results.write(PARTIAL)  # what was found before
            raise
        if whole:
            run.results.write(results.HERE, earlier=results.HERE)
        else:
            run.results.write(PARTIAL)
    stand_on(ALL_CORES)


def _arguments() -> argparse.Namespace:
    told = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    told.add_argument("--only", help=f"of {','.join((*PARTS, *DECISIONS))}")
    told.add_argument("--companies", type=int, default=WHOLE)
    told.add_argument("--rounds", type=int, default=5)
    told.add_argument("--seconds", type=float, default=3.0, help="of each load")
    told.add_argument("--keep", type=Path, help="a folder to keep the data in, for the next run")
    told.add_argument("--peer", choices=[peer.NAME])
    asked = told.parse_args()
    for name in (asked.only or "").split(","):
        if name and name not in (*PARTS, *DECISIONS):
            told.error(f"--only knows no {name}")
    return asked


@dataclass
class Run:
    """The parts that were asked for, on one PostgreSQL."""

    server: Postgres
    parts: list[str]
    companies: int
    rounds: int
    seconds: float
    peer: str | None = None
    with_standard: bool = True
    calls: int = CALLS
    results: Results = field(default_factory=Results)

    async def all(self) -> None:
        if {*PAGES, "allocate", "growth", "processes"} & {*self.parts}:
            sizes = {LARGE: size_of(self.companies)}
            if "growth" in self.parts:
                sizes[SMALL] = size_of(self.companies // 10)
            await self._with_data(await seeded(self.server, sizes))
        await self._with_little()

    async def _with_data(self, urls: dict[str, str]) -> None:
        async with connected(urls[LARGE]):
            asks = await questions()
        await self._compared(urls[LARGE], asks)
        if "growth" in self.parts:
            await self._grown(urls)
        if "processes" in self.parts:
            of = {name: asks[name] for name in PAGES}
            self.results.processes = await processes(
                urls[LARGE], of, min(self.rounds, 3), self.seconds, self.results.say
            )

    async def _grown(self, urls: dict[str, str]) -> None:
        async with connected(urls[SMALL]):
            few = await questions()
            requests = await requests_of(few["Q2 of a partner"])
        async with connected(urls[LARGE]):
            many = await questions(requests)
        trees = {SMALL: Tree(urls[SMALL], few), LARGE: Tree(urls[LARGE], many)}
        self.results.growth = await tree(
            trees, self.rounds, self.seconds, self.calls, self.results.say
        )

    async def _compared(self, url: str, asks: dict[str, Question]) -> None:
        async with AsyncExitStack() as stack:
            contenders = [canopy("canopy", url), floor(url)]
            if self.with_standard:
                contenders.append(canopy("standard", url, {"CANOPY_EXECUTOR": "standard"}))
            if self.peer and await peer.install():
                contenders.append(await peer.postgraphile(url))
            servers = await asyncio.gather(*map(stack.enter_async_context, contenders))
            for name in PAGES:
                if name in self.parts:
                    self._keep(await compare(servers, asks[name], self.rounds, self.seconds))
                    await self._look_at(servers[0], url, asks[name])
            if "allocate" in self.parts:
                async with connected(url):
                    ours = [server for server in servers if server.name != peer.NAME]
                    at = await pools(self.calls)
                    self._keep(await compare_allocating(ours, at, self.rounds))
                    found = await sent(self.server, url, lambda: handed_over(servers[0], at))
                    self.results.statements[NAME] = len(found)
                    await at.undo()
            if {*PAGES} & {*self.parts}:
                self.results.say(await ceiling(servers[1]))

    def _keep(self, compared: Compared) -> None:
        self.results.compared[compared.name] = compared
        print("\n".join(table(compared)), flush=True)

    async def _look_at(self, server: Process, url: str, question: Question) -> None:
        """At the statements that the page sends, and their plans."""
        await answer(server, question)  # so that the token was noted as used within this minute
        found = await sent(self.server, url, lambda: answer(server, question))
        self.results.statements[question.name] = len(found)
        plans = [await plan(url, one) for one in found]
        plans += [await plan(url, one, generic=True) for one in found]
        self.results.plans[question.name] = plans[: len(found)]
        for table_name in sorted({name for each in plans for name in SCANNED.findall(each)}):
            self.results.say(f"{question.name} reads {table_name} from end to end.")
        ratios = self.results.latest()["queries"][question.name]
        told = ", ".join(f"{name} {value:.2f}" for name, value in ratios.items() if value)
        print(f"{question.name}: {told}", flush=True)

    async def _with_little(self) -> None:
        """What needs no more than a few rows."""
        results = self.results
        if "assign" in self.parts:
            with tempfile.TemporaryDirectory() as folder:
                urls = {
                    "PostgreSQL": self._empty("assigning"),
                    "SQLite": f"sqlite://{folder}/assigning.sqlite3",
                }
                for name, url in urls.items():
                    results.assign[name] = await assigning(url, self.rounds, results.say)
        if "mail" in self.parts:
            await mailing(self._empty("mailing"), results.say)
        if "sockets" in self.parts:
            await listening(self._empty("listening"), results.say)

    def _empty(self, name: str) -> str:
        self.server.drop_database(name)
        return self.server.create_database(name)


if __name__ == "__main__":
    main()
