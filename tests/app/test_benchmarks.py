"""What `make bench` runs, with next to no data and for a moment: that it still measures."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from tortoise.backends.base.executor import EXECUTOR_CACHE

from benchmarks.__main__ import Run
from benchmarks.compare import Compared
from benchmarks.results import Results
from benchmarks.servers import Load
from tests.postgres import Postgres

QUERY = {
    *("vs_floor", "vs_standard", "vs_postgraphile"),
    *("cpu_vs_floor", "p99_vs_floor", "statements"),
}


@pytest.fixture
def statements_anew() -> Iterator[None]:
    """Tortoise keeps statements by the name of the connection, and SQLite has other ones."""
    EXECUTOR_CACHE.clear()
    yield
    EXECUTOR_CACHE.clear()


@pytest.mark.usefixtures("statements_anew")
def test_a_run_compares_equal_answers_and_writes_the_figures(
    postgres: Postgres, tmp_path: Path
) -> None:
    parts = ["Q1", "Q2", "Q3", "allocate"]
    few = 150  # companies, of which some have open requests, as good as surely
    run = Run(postgres, parts, few, 1, 0.1, with_standard=False, calls=1)

    asyncio.run(run.all())  # which asserts that Canopy and the floor say the same
    run.results.write(tmp_path)

    latest = orjson.loads((tmp_path / "latest.json").read_bytes())
    assert latest.keys() == {"queries", "allocate_100", "assign_10000", "growth"}
    assert latest["queries"].keys() == {"Q1", "Q2", "Q3"}
    assert {frozenset(query) for query in latest["queries"].values()} == {frozenset(QUERY)}
    assert all(0 < query["statements"] < 6 for query in latest["queries"].values())
    assert all(query["vs_floor"] > 0 for query in latest["queries"].values())
    assert latest["allocate_100"]["vs_floor"] > 0
    assert latest["assign_10000"] == {"vs_floor": None}
    assert latest["growth"] == {"Q1": None, "Q2": None, "Q3": None, "allocate_100": None}
    assert {file.name for file in tmp_path.iterdir()} == {
        *("latest.json", "figures.json", "rate.svg", "cpu.svg")
    }


def test_a_run_without_the_peer_keeps_what_an_earlier_one_measured_of_it(tmp_path: Path) -> None:
    load = Load(rate=100.0, taken=[1.0], cpu=1.0, memory=1.0)
    with_peer = Results({"Q1": Compared("Q1", {"canopy": [load], "postgraphile": [load]})})
    without = Results({"Q1": Compared("Q1", {"canopy": [load], "floor": [load]})})

    with_peer.write(tmp_path)
    without.write(tmp_path, earlier=tmp_path)

    query = orjson.loads((tmp_path / "latest.json").read_bytes())["queries"]["Q1"]
    figures = orjson.loads((tmp_path / "figures.json").read_bytes())
    assert (query["vs_floor"], query["vs_postgraphile"]) == (1.0, 1.0)
    assert figures["compared"]["Q1"].keys() == {"canopy", "floor"}
    assert figures["said"] == [
        "PostGraphile had no part in this run: its ratios in latest.json are of "
        f"{figures['peer_measured']}."
    ]
