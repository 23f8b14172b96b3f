"""What a database is made of and how many rows it has, read without Tortoise."""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import asyncpg

from tests.databases import file_of

OURS: Final = "schemaname = 'public' AND tablename <> 'tortoise_migrations'"
NOISE: Final = re.compile(r'public\.|USING btree |::text|[()"]')
CHECK: Final = re.compile(r'CONSTRAINT "(\w+)" CHECK')


@dataclass(frozen=True)
class Catalog:
    """By name; indexes and checks in words that both databases share."""

    columns: dict[str, list[str]]
    indexes: dict[str, str]
    checks: set[str]


async def catalog(url: str) -> Catalog:
    if not url.startswith("sqlite:"):
        return Catalog(await _columns(url), await _indexes(url), await _checks(url))
    with closing(sqlite3.connect(file_of(url))) as connection:
        tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        made = {name: sql for name, sql in tables if _is_ours(name)}
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL"
        )
        return Catalog(
            {
                name: sorted(row[1] for row in connection.execute(f"PRAGMA table_info({name})"))
                for name in made
            },
            {name: NOISE.sub("", sql) for name, sql in indexes},
            {
                name
                for sql in made.values()
                for name in re.findall(r'CONSTRAINT "(\w+)" CHECK', sql)
            },
        )


async def run(url: str, script: str) -> None:
    """Statements, each after a semicolon."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(file_of(url))) as connection:
            connection.executescript(f"PRAGMA foreign_keys = ON; BEGIN; {script} COMMIT")
        return
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(script)
    finally:
        await connection.close()


async def ids(url: str) -> dict[str, set[str]]:
    """Of every row of every table that has any."""
    tables = (await catalog(url)).columns
    found = {table: await _fetch(url, f"SELECT id FROM {table}") for table in tables}
    return {table: {str(id) for (id,) in rows} for table, rows in found.items() if rows}


async def _columns(url: str) -> dict[str, list[str]]:
    found = await _fetch(
        url,
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY column_name",
    )
    tables: dict[str, list[str]] = {name: [] for name, _ in found if _is_ours(name)}
    for table, column in found:
        if table in tables:
            tables[table].append(column)
    return tables


async def _indexes(url: str) -> dict[str, str]:
    found = await _fetch(
        url,
        f"SELECT indexname, indexdef FROM pg_indexes WHERE {OURS} AND indexname NOT LIKE '%_pkey'",
    )
    return {name: NOISE.sub("", sql) for name, sql in found}


async def _checks(url: str) -> set[str]:
    found = await _fetch(
        url,
        "SELECT conname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid"
        " WHERE contype = 'c' AND relnamespace = 'public'::regnamespace",
    )
    return {name for (name,) in found}


async def _fetch(url: str, sql: str) -> list[tuple[str, ...]]:
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(file_of(url))) as file:
            return list(file.execute(sql))
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


def _is_ours(table: str) -> bool:
    return table not in {"tortoise_migrations", "sqlite_sequence"}
