"""20,000 people of a file, taken in and licensed with one call, on both databases.

Beside it, in the same run, the floor: the same people and stays, copied by the database itself
with plain statements, nothing read or checked. Each database has a process of its own, so that the
memory is that of one import. A `turn` is how long anything else waited for the event loop.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tortoise.transactions import in_transaction

from app.clock import utc_now
from app.database import connected, migrate
from models.access import Caller
from models.database import rows
from resolvers.imports import Imported, import_users, read_people
from resolvers.licenses import Wanted
from resolvers.performing import perform
from tests.factories import Make
from tests.postgres import Postgres
from tests.statements import statements

ROWS: Final = 20_000
CSV: Final = "E-Mail;First Name;last_name;Department;externalId\r\n" + "".join(
    f"learner{n}@example.com;Lea {n};Ørsted;Sales;{n}\r\n" for n in range(ROWS)
)
UNDO: Final = (
    "CREATE TEMPORARY TABLE people AS SELECT * FROM users WHERE role = 'LEARNER'",
    "CREATE TEMPORARY TABLE stays AS SELECT * FROM allocations",
    "DELETE FROM allocations",
    "UPDATE licenses SET holder_id = NULL, allocated_at = NULL",
    "DELETE FROM users WHERE role = 'LEARNER'",
)
FLOOR: Final = (
    "INSERT INTO users SELECT * FROM people",
    "UPDATE licenses SET holder_id = stays.user_id, allocated_at = stays.allocated_at"
    " FROM stays WHERE licenses.id = stays.license_id",
    "INSERT INTO allocations SELECT * FROM stays",
)


@dataclass
class Taken:
    seconds: float = 0
    turn: float = 0


async def main() -> None:
    print(f"{ROWS:,} people of a file, taken in and licensed in one call")
    with Postgres() as server, tempfile.TemporaryDirectory() as folder:
        for url in (f"sqlite://{Path(folder) / 'i.sqlite3'}", server.create_database("imports")):
            await migrate(url)
            process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, url)
            assert await process.wait() == 0


async def measure(url: str) -> None:
    async with connected(url):
        make = Make(utc_now)
        company = await make.company(licenses=ROWS)
        caller = await make.caller(await make.manager(company))
        async with _timed() as first:
            sent = await _import(caller, Imported(ROWS, 0, 0, ROWS, 0))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        async with _timed() as again:
            await _import(caller, Imported(0, 0, ROWS, 0, 0))
        floor = await _floor()
    print(
        f"{url.partition(':')[0]}: {first.seconds:.1f} s, {first.seconds / floor:.1f} times the "
        f"floor; {sent} statements, {peak:.0f} MB at most, turns of {first.turn:.2f} s at most; "
        f"the same file again {again.seconds:.1f} s"
    )


async def _import(caller: Caller, expected: Imported) -> int:
    with statements() as sent:
        sheet = await read_people(caller, CSV, {})
        done = await perform(caller, utc_now, import_users, None, sheet, Wanted())
    assert done.result == expected
    return len(sent)


async def _floor() -> float:
    async with in_transaction():
        for statement in UNDO:
            await rows(statement)
    async with _timed() as taken, in_transaction():
        for statement in FLOOR:
            await rows(statement)
    return taken.seconds


@asynccontextmanager
async def _timed() -> AsyncIterator[Taken]:
    taken = Taken()
    watch = asyncio.create_task(_watch(taken))
    began = time.perf_counter()
    yield taken
    taken.seconds = time.perf_counter() - began
    watch.cancel()


async def _watch(taken: Taken) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        taken.turn = max(taken.turn, time.perf_counter() - began)


if __name__ == "__main__":
    asyncio.run(measure(sys.argv[1]))
