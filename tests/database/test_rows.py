"""Rows are what Tortoise makes of the same columns, and nothing is left behind in a session."""

from pathlib import Path
from typing import Any

import pytest
from tortoise.models import Model

from app.database import connected
from models.audit import AuditEvent
from models.base import Entity
from models.companies import Company
from models.database import is_sqlite, rows
from models.licenses import Allocation, License, LicenseType
from models.orders import Order
from models.outbox import Notification
from models.rows import TOLD_TOGETHER, Table, model_of
from models.sessions import Session
from models.users import User
from resolvers.orders import request_licenses
from resolvers.reading.sql import Select, rows_with, run
from schema.execution.columns import chained, columns_of, kinds
from tests.conftest import Clock
from tests.factories import Make
from tests.scene import Do, Scene

KINDS: list[type[Entity]] = [
    Company, User, Order, License, Allocation, Session, Notification, AuditEvent
]  # fmt: skip


def by_tortoise(kind: type[Entity], columns: dict[str, object]) -> Entity:
    made: Entity = Model._init_from_db.__func__(kind, **columns)  # type: ignore[attr-defined]
    return made


async def test_a_row_is_what_tortoise_makes_of_it(make: Make, clock: Clock) -> None:
    scene, do = await Scene.set(make), Do(clock)
    [license] = await make.licenses(scene.customer, 1)
    await make.allocation(license, scene.cora)
    await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 3)

    for kind in KINDS:
        found = await rows(f"SELECT * FROM {kind._meta.db_table}")
        assert found, kind
        for columns in found:
            row, theirs = kind._init_from_db(**columns), by_tortoise(kind, columns)
            assert row.__dict__ == theirs.__dict__
            assert (row, hash(row)) == (theirs, hash(theirs))


async def test_a_column_of_rows_is_what_each_of_them_tells(make: Make) -> None:
    scene = await Scene.set(make)
    await make.licenses(scene.customer, 2)
    numbers: dict[type[Entity], int] = {Company: 1, User: 2, License: 2}

    for kind, number in numbers.items():
        found = await rows_with(kind.all(), "path", [scene.customer.path])
        columns = columns_of(found)
        assert len(found) == number
        assert set(columns) == {*kind._meta.fields_db_projection, *TOLD_TOGETHER.get(kind, ())}
        for name, column in columns.items():
            assert list(column(found)) == [getattr(row, name) for row in found], name


async def test_a_table_reads_of_its_columns_what_its_rows_tell(make: Make) -> None:
    scene = await Scene.set(make)
    await make.licenses(scene.customer, 3)

    for kind in (Company, User, License):
        select = Select.of(kind.all().order_by("id"))
        found = await run(select.text, select.values)
        tables = [Table.of(kind, found[:1]), Table.of(kind, found[1:])]
        both: Any = chained(tables)
        read = {name: list(column(both)) for name, column in columns_of(both).items()}
        assert [each._rows for each in (*tables, both)] == [None] * 3  # none was made
        assert len(both) == len(found) > 2
        assert kinds(both) == {type(both[0])}
        assert model_of(both[0]) is kind
        for name, column in read.items():
            assert column == [getattr(row, name) for row in both], name
        assert [row.id for row in both] == await kind.all().order_by("id").values_list(
            "id", flat=True
        )


async def test_a_row_of_a_table_is_one_and_the_same(make: Make) -> None:
    """Rows are keys, by which others are loaded once."""
    await Scene.set(make)
    select = Select.of(Company.all().order_by("id"))
    found = await run(select.text, select.values)
    one, other = Table.of(Company, found[:2]), Table.of(Company, found[2:])

    both = chained([one, (), other])

    for row, again in zip(both, [*one, *other], strict=True):
        assert row is again
    assert chained([one]) is one
    assert [row.id for row in both[1:3]] == [both[1].id, both[2].id]
    assert chained([(), ()]) == []
    assert chained([one, [both[0]]]) == [*one, both[0]]


async def test_names_of_many_are_those_of_each(make: Make) -> None:
    company = await make.company()
    for first, last in (("Ann", "Lee"), ("", "Lee"), ("Ann", ""), ("", "")):
        await make.user(company, email=f"a{first}{last}@a.test", first_name=first, last_name=last)

    found = await rows_with(User.all().order_by("id"), "path", [company.path])

    assert columns_of(found)["name"](found) == ["Ann Lee", "Lee", "Ann", "a@a.test"]


async def test_some_columns_alone_are_read_as_by_tortoise(make: Make) -> None:
    scene = await Scene.set(make)

    found = await Company.filter(id=scene.partner.id).only("id", "name").get()

    assert (found.id, found.name, found._partial) == (scene.partner.id, "Partner", True)


async def test_a_value_that_none_of_an_enum_has_is_an_error(make: Make) -> None:
    await Scene.set(make)
    [columns, *_] = await rows("SELECT * FROM companies")

    with pytest.raises(ValueError, match="SCHOOL"):
        Company._init_from_db(**columns | {"kind": "SCHOOL"})


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
async def test_a_process_may_go_from_one_database_to_another(
    database_url: str, tmp_path: Path
) -> None:
    told = []
    for url in (database_url, f"sqlite://{tmp_path}/canopy.sqlite3", database_url):
        async with connected(url):
            told.append(is_sqlite())

    assert told == [False, True, False]


async def test_nothing_is_left_behind_in_a_session(make: Make, clock: Clock) -> None:
    """asyncpg itself sets `jit` back to what it was, when it has looked up a type."""
    scene, do = await Scene.set(make), Do(clock)

    await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 3)

    if not is_sqlite():
        left = await rows(
            "SELECT locktype AS name FROM pg_locks WHERE locktype = 'advisory'"
            " UNION ALL SELECT name FROM pg_settings WHERE source = 'session' AND name <> 'jit'"
            " UNION ALL SELECT pg_listening_channels()"
        )
        assert left == []
