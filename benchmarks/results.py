"""What a run came to: latest.json in a form that is kept, all figures beside it, plots, tables."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from app.clock import utc_now
from benchmarks import allocating
from benchmarks.charts import bars
from benchmarks.compare import FIGURES, Compared

HERE: Final = Path(__file__).with_name("results")
PERFORMANCE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
PAGES: Final = ("Q1", "Q2", "Q3")
PEER: Final = "vs_postgraphile"
RATIOS: Final = {
    "vs_floor": ("rate", "floor"),
    "vs_standard": ("rate", "standard"),
    PEER: ("rate", "postgraphile"),
    "cpu_vs_floor": ("cpu", "floor"),
    "p99_vs_floor": ("p99", "floor"),
}
GROWN: Final = {**{page: page for page in PAGES}, "allocate_100": allocating.NAME}


@dataclass
class Results:
    """What was measured so far, part by part."""

    compared: dict[str, Compared] = field(default_factory=dict)
    statements: dict[str, int] = field(default_factory=dict)
    assign: dict[str, float] = field(default_factory=dict)
    """Times the floor, by database."""
    growth: dict[str, float] = field(default_factory=dict)
    """From 2,000 to 20,000 companies: how much longer a request takes."""
    processes: dict[str, dict[str, float]] = field(default_factory=dict)
    """Requests a second, by how many serve them."""
    lines: list[str] = field(default_factory=list)
    """What else there is to say."""
    plans: dict[str, list[str]] = field(default_factory=dict)

    def say(self, line: str) -> None:
        self.lines.append(line)
        print(line, flush=True)

    def latest(self) -> dict[str, Any]:
        """In the shape that is promised; None is what was not measured."""
        allocated = self.compared.get(allocating.NAME)
        return {
            "queries": {name: self._query(name) for name in PAGES if name in self.compared},
            "allocate_100": {"vs_floor": allocated.ratio("rate", "floor") if allocated else None},
            "assign_10000": {"vs_floor": self.assign.get("PostgreSQL")},
            "growth": {key: self._grown(key) for key in GROWN},
        }

    def _query(self, name: str) -> dict[str, float | int | None]:
        compared = self.compared[name]
        ratios = {key: compared.ratio(what, to) for key, (what, to) in RATIOS.items()}
        return {**ratios, "statements": self.statements.get(name)}

    def _grown(self, key: str) -> float | None:
        """The most of all that it was asked of."""
        grown = (more for name, more in self.growth.items() if name.startswith(GROWN[key]))
        return max(grown, default=None)

    def write(self, folder: Path, earlier: Path | None = None) -> None:
        """Of an earlier run, what that one alone measured of the peer is kept, and said to be."""
        folder.mkdir(parents=True, exist_ok=True)
        latest, measured = self.latest(), None
        if any(query[PEER] for query in latest["queries"].values()):
            measured = utc_now().date().isoformat()
        elif earlier is not None:
            measured = self._keep(latest["queries"], earlier)
        _dump(folder / "latest.json", latest)
        _dump(folder / "figures.json", self._figures() | {"peer_measured": measured})
        for what, title in (("rate", "Requests a second"), ("cpu", "Server CPU a request, ms")):
            chart = bars(title, [*self.compared], self._series(what))
            (folder / f"{what}.svg").write_text(chart)
        if folder == HERE:
            self._tell()

    def _keep(self, queries: Mapping[str, dict[str, Any]], earlier: Path) -> str | None:
        """When it was measured."""
        before = orjson.loads((earlier / "latest.json").read_bytes())["queries"]
        figures = orjson.loads((earlier / "figures.json").read_bytes())
        for name, query in queries.items():
            query[PEER] = before.get(name, {}).get(PEER)
        measured: str | None = figures.get("peer_measured")
        self.say(
            "PostGraphile had no part in this run: its ratios in latest.json are of "
            f"{measured or 'an earlier one'}."
        )
        return measured

    def _figures(self) -> dict[str, Any]:
        return {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python "
            f"{platform.python_version()}",
            "compared": {
                name: {
                    server: {what: compared.middle(server, what) for what in FIGURES}
                    for server in compared.loads
                }
                for name, compared in self.compared.items()
            },
            "assign_10000": self.assign,
            "growth": self.growth,
            "processes": self.processes,
            "said": self.lines,
        }

    def _series(self, what: str) -> dict[str, list[float | None]]:
        servers = dict.fromkeys(
            server for compared in self.compared.values() for server in compared.loads
        )
        return {
            server: [
                compared.middle(server, what) if server in compared.loads else None
                for compared in self.compared.values()
            ]
            for server in servers
        }

    def _tell(self) -> None:
        """In docs/performance.md, between marks."""
        text = PERFORMANCE.read_text()
        for mark, told in {"figures": self._table(), "plans": self._plans()}.items():
            before, found, rest = text.partition(f"<!-- {mark} -->\n")
            assert found, f"{PERFORMANCE} has no place for {mark}"
            _, _, after = rest.partition(f"<!-- end of {mark} -->\n")
            text = f"{before}<!-- {mark} -->\n{told}<!-- end of {mark} -->\n{after}"
        PERFORMANCE.write_text(text)

    def _table(self) -> str:
        head = (
            *("", "server", "requests a second", "p50 ms", "p99 ms", "CPU ms", "MiB"),
            *("of the floor", "statements"),
        )
        rows = [_row(head), _row(["---"] * len(head))]
        for name, compared in self.compared.items():
            for server in compared.loads:
                figures = [_number(compared.middle(server, what)) for what in FIGURES]
                ratio = compared.ratio("rate", "floor", server)
                count = self.statements.get(name) if server == "canopy" else None
                rows.append(
                    _row([name, server, *figures, _number(ratio), "" if count is None else count])
                )
        return "\n".join([*rows, "", *(f"- {line}" for line in self.lines), ""])

    def _plans(self) -> str:
        parts = []
        for name, plans in self.plans.items():
            parts.append(f"### {name}\n")
            parts += [f"```\n{plan}\n```\n" for plan in plans]
        return "\n".join(parts)


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _dump(file: Path, what: Mapping[str, Any]) -> None:
    rounded = orjson.loads(
        orjson.dumps(what),
    )
    file.write_bytes(orjson.dumps(_rounded(rounded), option=orjson.OPT_INDENT_2) + b"\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return value
