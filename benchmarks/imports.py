"""20,000 people of a file, taken in and licensed with one call, on both databases.

Beside it, in the same run, the floor: the same rows of people, licenses and stays written by plain
statements of the database, with nothing looked at. Each database has a process of its own, so that
the memory is that of one import.
"""

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tortoise.transactions import in_transaction

from app.clock import utc_now
from app.database import connected, migrate
from models.access import caller_of
from models.companies import Company
from models.database import rows
from models.licenses import License, LicenseType
from models.users import User
from resolvers.imports import Imported, import_users, read_people
from resolvers.licenses import Wanted
from resolvers.work import perform
from tests.factories import Make
from tests.postgres import Postgres
from tests.statements import statements

ROWS: Final = 20_000
COPIED: Final = {
    "users": "id, company_id, path, email, email_key, first_name, last_name, name_key, department,"
    " external_id, role, muted_templates, created_at, updated_at",
    "allocations": "id, license_id, user_id, allocated_at, allocated_by_id",
}


async def main() -> None:
    with Postgres() as server, tempfile.TemporaryDirectory() as folder:
        for url in (f"sqlite://{Path(folder) / 'imports.sqlite3'}", server.create_database("i")):
            await migrate(url)
            subprocess.run((sys.executable, "-m", "benchmarks.imports", url), check=True)


async def measure(url: str) -> None:
    async with connected(url):
        make = Make(utc_now)
        company = await make.company(licenses=2 * ROWS)
        caller = await caller_of(await make.token(await make.manager(company)), utc_now())
        csv = "E-Mail;First Name;last_name;Department;externalId\r\n" + "".join(
            f"learner{n}@example.com;Lea {n};Ørsted;Sales;{n}\r\n" for n in range(ROWS)
        )
        before = _peak()
        began, slowest = time.perf_counter(), asyncio.create_task(_slowest_turn())
        with statements() as sent:
            sheet = await read_people(caller, csv, {})
            done = await perform(caller, utc_now, import_users, None, sheet, Wanted())
        taken = time.perf_counter() - began
        slowest.cancel()
        assert done.result == Imported(ROWS, 0, 0, ROWS, 0)
        after = _peak()
        again = await _again(caller, csv)
        floor = await _floor(company)
    print(
        f"{url.partition(':')[0]}: {ROWS:,} people imported and licensed in {taken:.1f} s with "
        f"{len(sent)} statements, {taken / floor:.1f} times the floor of {floor:.1f} s; "
        f"{after:.0f} MB at most, {after - before:.0f} of them for it; the event loop waited "
        f"{await _result(slowest):.2f} s at most; the same file again: {again:.1f} s"
    )
