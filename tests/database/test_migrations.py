"""How the schema comes to be: from nothing, over a filled database, and by many at once."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from tortoise import Tortoise
from tortoise.exceptions import IntegrityError
from tortoise.migrations.autodetector import MigrationAutodetector

from app.database import config, connected, is_sqlite, migrate, pending
from models import migrations
from tests.catalogs import Catalog, catalog, ids, run
from tests.databases import TEMPLATE, Databases
from tests.postgres import Postgres
from tests.processes import environment
from tests.processes import run as canopy

STEPS: Final = sorted(path.stem for path in Path(migrations.__path__[0]).glob("[0-9]*.py"))
FILLED: Final = Path(__file__).with_name("filled.sql").read_text()
_number = count(1)

EXTRA: Final = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint


class Migration(migrations.Migration):
    dependencies = [("models", "{last}")]

    operations = [{operations}]
"""
NOTHING: Final = "{}"
GOES_ON: Final = """
    ops.RemoveField("Company", "industry"),
    ops.AddConstraint("Company", CheckConstraint(check="name <> ''", name="companies_named")),
    ops.AddConstraint("Order", CheckConstraint(check="number <> ''", name="orders_numbered")),
    ops.AlterField("User", "department", fields.TextField(null=True, default="none")),
"""


@pytest.fixture
def empty(databases: Databases, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a schema."""
    if request.node.callspec.params["databases"] == "sqlite":
        yield f"sqlite://{tmp_path / 'empty.sqlite3'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"empty_{next(_number)}"
    yield server.create_database(name)
    server.drop_database(name)


@pytest.fixture
def migrated(
    databases: Databases, database_url: str, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The URL of a database with the whole schema, which may be changed."""
    if is_sqlite(database_url):
        yield database_url
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"migrated_{next(_number)}"
    yield server.create_database(name, template=TEMPLATE)
    server.drop_database(name)


@pytest_asyncio.fixture(scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What every database should end with: what SQLite does when all is done at once."""
    url = f"sqlite://{tmp_path_factory.mktemp('whole') / 'whole.sqlite3'}"
    await migrate(url)
    return await catalog(url)


GONE: Final = 'ops.RemoveField("Company", "industry")'
Package = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Makes a package of our first migrations, and of others after them; its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(steps: list[str], *operations: str) -> str:
        name = f"migrations_{next(_number)}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        for step in steps:
            shutil.copy(Path(migrations.__path__[0], f"{step}.py"), folder)
        last = steps[-1]
        for place, extra in enumerate(operations):
            (folder / f"9{place:03}_extra.py").write_text(EXTRA.format(last=last, operations=extra))
            last = f"9{place:03}_extra"
        return name

    return make


async def behind(url: str) -> list[str]:
    async with connected(url) as connection:
        return await pending(connection)


async def test_a_schema_comes_to_be_once_and_alike_on_both_databases(
    empty: str, whole: Catalog
) -> None:
    first: list[str] = []
    second: list[str] = []

    await migrate(empty, first.append)
    await migrate(empty, second.append)

    assert (first, second) == (STEPS, [])
    assert await catalog(empty) == whole


async def test_every_model_has_its_table(database: str, whole: Catalog) -> None:
    assert set(whole.columns) == {
        model._meta.db_table for model in Tortoise.apps["models"].values()
    }


async def test_the_migrations_make_what_the_models_say(database: str) -> None:
    apps = Tortoise.apps
    assert apps is not None

    assert await MigrationAutodetector(apps, config(database)["apps"]).changes() == []


async def test_a_filled_database_is_migrated_in_steps_and_loses_nothing(
    empty: str, package: Package, whole: Catalog
) -> None:
    assert await behind(empty) == STEPS
    await migrate(empty, migrations=package(STEPS[:1]))
    await run(empty, FILLED)
    filled = await ids(empty)
    indexes: set[str] = set()

    for done in range(2, len(STEPS) + 1):
        assert await behind(empty) == STEPS[done - 1 :]
        await migrate(empty, migrations=package(STEPS[:done]))

        after = await catalog(empty)
        assert await ids(empty) == filled
        assert indexes <= set(after.indexes)
        indexes = set(after.indexes)

    assert await behind(empty) == []
    assert await catalog(empty) == whole
    assert {table: len(rows) for table, rows in filled.items()} == {
        "companies": 2,
        "users": 2,
        "sessions": 2,
        "password_links": 1,
        "tallies": 1,
        "orders": 1,
        "licenses": 1,
        "allocations": 1,
        "audit_events": 1,
        "idempotency_keys": 1,
        "notifications": 1,
    }


async def test_a_table_that_is_rebuilt_keeps_its_rows_its_indexes_and_what_refers_to_it(
    migrated: str, package: Package
) -> None:
    await run(migrated, FILLED)
    filled, before = await ids(migrated), await catalog(migrated)

    await migrate(migrated, migrations=package(STEPS, GOES_ON))

    after = await catalog(migrated)
    assert await ids(migrated) == filled
    assert after.indexes == before.indexes
    assert after.checks == before.checks | {"companies_named", "orders_numbered"}
    assert set(before.columns["companies"]) - set(after.columns["companies"]) == {"industry"}
    for broken in (
        "DELETE FROM companies;",
        "UPDATE orders SET number = '';",
        "UPDATE users SET company_id = '01950000-0000-7000-8000-0000000000ff';",
    ):
        with pytest.raises(Exception, match=r"(?i)constraint"):
            await run(migrated, broken)
    assert await ids(migrated) == filled


async def test_a_migration_that_would_leave_rows_without_what_they_refer_to_is_undone(
    migrated: str, package: Package
) -> None:
    await run(migrated, FILLED)
    filled, before = await ids(migrated), await catalog(migrated)

    with pytest.raises((RuntimeError, IntegrityError)):
        await migrate(
            migrated,
            migrations=package(STEPS, GONE, 'ops.RunSQL("DELETE FROM users", reverse_sql="")'),
        )

    assert await ids(migrated) == filled
    assert await catalog(migrated) == before
    assert await behind(migrated) == []


async def test_an_index_over_a_column_that_goes_is_not_forgotten_in_silence(
    migrated: str, package: Package
) -> None:
    before = await catalog(migrated)
    name = package(STEPS, 'ops.RemoveField("User", "external_id")')

    if is_sqlite(migrated):
        with pytest.raises(Exception, match="no such column"):
            await migrate(migrated, migrations=name)
        assert await catalog(migrated) == before
    else:
        await migrate(migrated, migrations=name)
        assert set(before.indexes) - set((await catalog(migrated)).indexes) == {"users_external_id"}


async def test_several_machines_may_migrate_at_once(empty: str, whole: Catalog) -> None:
    where = environment(CANOPY_DATABASE_URL=empty)

    machines = await asyncio.gather(
        *(asyncio.to_thread(canopy, "migrate", environment=where) for _ in range(3))
    )

    assert [(each.returncode, each.stderr) for each in machines] == [(0, "")] * 3
    done = "The database is up to date.\n"
    assert sorted(each.stdout for each in machines) == [
        "".join(f"{step}\n" for step in STEPS) + done,
        done,
        done,
    ]
    assert await catalog(empty) == whole
