"""What `make bench` runs. Figures are ratios within one run, for machines are noisy."""

import argparse
import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import orjson

from app.database import connected
from benchmarks import daily, days, execution, imports, overload, paths
from benchmarks.compare import Compared, compare, ratios, table
from benchmarks.questions import questions
from benchmarks.seeded import Kept, seeded, size_of
from benchmarks.servers import canopy, floor, stand_aside
from tests.postgres import Postgres

RESULTS: Final = Path(__file__).with_name("results")
LATEST: Final = RESULTS / "latest.json"
PAGES: Final = ("Q1", "Q2", "Q3")
DECISIONS: Final = {
    "paths": paths,
    "days": days,
    "daily": daily,
    "imports": imports,
    "execution": execution,
    "overload": overload,
}
"""Measurements behind docs/adr; each stands for itself."""


def main() -> None:
    asked = _arguments()
    only = asked.only.split(",") if asked.only else [*PAGES, *DECISIONS]
    stand_aside()
    if any(name in PAGES for name in only):
        asyncio.run(_pages(asked, [name for name in PAGES if name in only]))
    for name in only:
        if name in DECISIONS:
            asyncio.run(DECISIONS[name].main())


def _arguments() -> argparse.Namespace:
    told = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    told.add_argument("--only", help=f"of {','.join((*PAGES, *DECISIONS))}")
    told.add_argument("--companies", type=int, default=20_000)
    told.add_argument("--rounds", type=int, default=5)
    told.add_argument("--seconds", type=float, default=3.0, help="of each load")
    told.add_argument("--keep", type=Path, help="a folder to keep the data in, for the next run")
    told.add_argument("--peer", choices=["postgraphile"])
    return told.parse_args()


async def _pages(asked: argparse.Namespace, names: list[str]) -> None:
    size = size_of(asked.companies)
    with Kept(asked.keep) if asked.keep else Postgres() as server:
        url = await seeded(server, "seeded", size)
        async with connected(url):
            asks = await questions()
        async with AsyncExitStack() as stack:
            servers = [
                await stack.enter_async_context(each)
                for each in (
                    canopy("canopy", url),
                    canopy("standard", url, CANOPY_EXECUTOR="standard"),
                    floor(url),
                )
            ]
            found: dict[str, Compared] = {}
            for name in names:
                found[name] = await compare(servers, asks[name], asked.rounds, asked.seconds)
                print("\n".join(table(found[name])), flush=True)
                print(f"{name}: {_told(ratios(found[name]))}", flush=True)
    _write({name: ratios(each) for name, each in found.items()})


def _told(figures: Any) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in figures.items() if value is not None)


def _write(pages: Any) -> None:
    RESULTS.mkdir(exist_ok=True)
    LATEST.write_bytes(orjson.dumps({"queries": pages}, option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    main()
