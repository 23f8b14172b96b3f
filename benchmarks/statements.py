"""The statements that a server sends, read from PostgreSQL's own log, and their plans."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from tests.postgres import Postgres

_ENTRY: Final = re.compile(r"^\d{4}-\d\d-\d\d [^\n]*?\] (?P<kind>[A-Z]+):  ", re.MULTILINE)
_STATEMENT: Final = re.compile(r"(?:execute [^:]+|statement): (?P<text>.*)", re.DOTALL)
_VALUE: Final = re.compile(r"\$\d+ = (NULL|'(?:[^']|'')*')")
_HASH: Final = re.compile(r"\b[0-9a-f]{64}\b")
WIDEST: Final = 150
"""Characters of a line of a plan."""
LONGEST: Final = 60
"""Lines of it."""
SCANNED: Final = re.compile(r"Seq Scan on (\w+)")
"""A table that is read from end to end."""
HEARTBEAT: Final = "SELECT 1"
"""How a server looks now and then whether it is still told of what happens."""
SETTLED: Final = 0.1
"""Seconds until all of PostgreSQL's processes have read their settings."""


@dataclass(frozen=True)
class Statement:
    text: str
    values: tuple[str, ...] = ()
    """As literals of SQL."""


async def sent(server: Postgres, url: str, ask: Callable[[], Awaitable[object]]) -> list[Statement]:
    """All that is sent to any database of the server meanwhile."""
    assert server.home is not None
    log = server.home / "log"
    await _log(url, "all")
    start = log.stat().st_size
    await ask()
    text = log.read_bytes()[start:].decode()
    await _log(url, "none")
    return _read(text)


async def plan(url: str, statement: Statement, *, generic: bool = False) -> str:
    """What EXPLAIN (ANALYZE, BUFFERS) says of it."""
    connection = await asyncpg.connect(url)
    try:
        mode = "force_generic_plan" if generic else "force_custom_plan"
        await connection.execute(f"SET plan_cache_mode = {mode}")
        await connection.execute(f"PREPARE asked AS {statement.text}")
        values = f"({', '.join(statement.values)})" if statement.values else ""
        explain = "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) EXECUTE asked"
        await connection.execute(f"{explain}{values}")  # until what it reads is in memory
        lines: list[Any] = await connection.fetch(f"{explain}{values}")
        shown = [_shown(line[0]) for line in lines]
        cut = [f"… {len(shown) - LONGEST} lines more"] if len(shown) > LONGEST else []
        return "\n".join([*shown[:LONGEST], *cut])
    finally:
        await connection.close()


def _shown(line: str) -> str:
    """Without hashes, and no longer than a page is wide."""
    line = _HASH.sub("…", line)
    return line if len(line) <= WIDEST else f"{line[:WIDEST]}…"


async def _log(url: str, what: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f"ALTER SYSTEM SET log_statement = '{what}'")
    await connection.execute("SELECT pg_reload_conf()")
    while await connection.fetchval("SHOW log_statement") != what:  # noqa: ASYNC110 - its, not ours
        await asyncio.sleep(0.01)
    await connection.close()
    await asyncio.sleep(SETTLED)


def _read(log: str) -> list[Statement]:
    found: list[Statement] = []
    starts = [*_ENTRY.finditer(log)]
    ends = [entry.start() for entry in starts[1:]] + [len(log)]
    for entry, end in zip(starts, ends, strict=True):
        told = log[entry.end() : end].replace("\n\t", "\n").rstrip("\n")
        if entry["kind"] == "LOG" and (statement := _STATEMENT.fullmatch(told)):
            found.append(Statement(statement["text"].strip()))
        elif entry["kind"] == "DETAIL" and found:
            found[-1] = Statement(found[-1].text, tuple(_VALUE.findall(told)))
    return [one for one in found if "log_statement" not in one.text and one.text != HEARTBEAT]
