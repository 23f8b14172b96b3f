"""The whole application as it is served: who asks, pages, headers, health, and failures."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from tortoise.connection import get_connection

from app import health
from app.database import migrate
from models.database import read, rows
from tests.graphql.api import Api
from tests.http.server import Server
from tests.postgres import Postgres, free_port
from tests.smtp import Catcher
from tests.statements import statements

VIEWER = "{ viewer { user { email } } }"
RESET = """mutation {
  requestPasswordReset(input: {email: "vera@brightwater.example"}) { errors { code } }
}"""
VENDOR = ("create-vendor", "--name", "Brightwater", "--email", "vera@brightwater.example")
PRODUCTION = {
    "CANOPY_ENVIRONMENT": "production",
    "CANOPY_PUBLIC_URL": "https://canopy.example",
    "CANOPY_METRICS_TOKEN": "a-token-by-chance-of-this-test",
}


@asynccontextmanager
async def served(folder: Path, **settings: str) -> AsyncIterator[httpx.AsyncClient]:
    """A migrated SQLite file in the folder, and a server on it."""
    url = f"sqlite://{folder / 'canopy.sqlite3'}"
    await migrate(url)
    settings = {"CANOPY_EMBEDDED_WORKER": "false"} | settings
    async with (
        Server(url, free_port(), folder / "log", **settings) as server,
        httpx.AsyncClient(base_url=server.url, timeout=20) as client,
    ):
        yield client


@pytest_asyncio.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with served(
        tmp_path_factory.mktemp("served"), CANOPY_ALLOWED_ORIGINS="https://spa.example"
    ) as client:
        yield client


async def ask(client: httpx.AsyncClient, query: str, **headers: str) -> Any:
    response = await client.post("/graphql", json={"query": query}, headers=headers)
    return response.json()


def execute(folder: Path, statement: str) -> None:
    database = sqlite3.connect(folder / "canopy.sqlite3")
    with database:
        database.execute(statement)
    database.close()


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "Bearer",
        "Bearer nobodys",
        "Bearer a b",
        "Basic YTpi",
        "Bearer " + "x" * 10_000,
    ],
)
async def test_without_a_good_token_there_is_no_viewer(
    client: httpx.AsyncClient, sent: str
) -> None:
    assert await ask(client, VIEWER, Authorization=sent) == {"data": {"viewer": None}}


async def test_without_a_token_nothing_is_listed(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "{ orders { totalCount } }")

    assert answer["data"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]


@pytest.mark.parametrize("address", ["/", "/set-password", "/graphql"])
async def test_pages_load_their_own_files_alone(client: httpx.AsyncClient, address: str) -> None:
    response = await client.get(address, headers={"Accept": "text/html"})

    assert response.status_code == 200
    assert "//" not in response.text.replace("<!doctype", "")
    assert "<script>" not in response.text
    assert "style=" not in response.text
    policy = response.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy)


@pytest.mark.parametrize(
    "file", ["page.css", "set-password.js", "../settings.py", "%2e%2e/settings.py", "pages"]
)
async def test_only_what_is_static_is_served(client: httpx.AsyncClient, file: str) -> None:
    response = await client.get(f"/static/{file}")

    assert response.status_code == (200 if file.endswith((".css", ".js")) else 404)


@pytest.mark.parametrize(
    "address",
    [
        "/graphql?query={viewer{user{name}}}",
        "/graphql?query=%ff",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/export/orders.csv",
        "/static/none",
        "/static/page.css",
        "/set-password",
        "/no",
    ],
)
async def test_every_answer_is_safe_to_show(client: httpx.AsyncClient, address: str) -> None:
    headers = (await client.get(address)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "server" not in headers
    assert "set-cookie" not in headers
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize(
    ("origin", "is_let"), [("https://spa.example", 1), ("https://a.example", 0)]
)
async def test_browsers_let_named_origins_ask(
    client: httpx.AsyncClient, origin: str, is_let: int
) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }

    before = await client.options("/graphql", headers=asked)
    answer = await client.post("/graphql", json={"query": VIEWER}, headers={"Origin": origin})

    assert before.status_code == (200 if is_let else 400)
    assert answer.headers.get("access-control-allow-origin") == (origin if is_let else None)


async def test_production_tells_nothing_of_its_schema(tmp_path: Path) -> None:
    async with served(tmp_path, **PRODUCTION) as client:
        page = await client.get("/graphql", headers={"Accept": "text/html"})
        schema = await ask(client, "{ __schema { types { name } } }")
        typo = await ask(client, "{ viewr { user { email } } }")
        viewer = await ask(client, "{ __typename viewer { __typename } }")
        headers = page.headers

    assert page.status_code == 406
    assert "data" not in schema
    assert "viewer" not in typo["errors"][0]["message"]
    assert viewer == {"data": {"__typename": "Query", "viewer": None}}
    assert headers["strict-transport-security"] == "max-age=31536000"


async def test_a_schema_behind_is_not_ready(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        before = await client.get("/health/ready")
        execute(tmp_path, "DELETE FROM tortoise_migrations")
        after = await client.get("/health/ready")
        live = await client.get("/health/live")

    assert (before.status_code, after.status_code, live.status_code) == (200, 503, 200)
    assert after.json()["reason"] == "The schema of the database is behind."


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
async def test_a_database_that_serves_nobody_is_not_ready(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reason() -> tuple[int, str]:
        answer = await api.http.get("/health/ready")
        return answer.status_code, answer.json().get("reason", "")

    await rows("SET default_transaction_read_only = on")
    read_only = await reason()
    await rows("SET default_transaction_read_only = off")
    monkeypatch.setattr(health, "PATIENCE", 0.1)
    async with AsyncExitStack() as taken:
        for _ in range(get_connection("default")._pool.get_max_size()):
            await taken.enter_async_context(get_connection("default").acquire_connection())
        exhausted = await reason()
    monkeypatch.undo()

    assert read_only == (503, "The database takes no writing.")
    assert exhausted == (503, "The database does not answer.")
    assert await reason() == (200, "")


@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
async def test_right_after_its_connections_were_cut_it_is_ready_or_says_why(
    api: Api, database_url: str
) -> None:
    cut = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND datname = current_database()"""
    other = await asyncpg.connect(database_url)
    answers = []

    for _ in range(10):
        await asyncio.gather(*(read("SELECT 1", []) for _ in range(3)), return_exceptions=True)
        await other.execute(cut)
        answers.append((await api.http.get("/health/ready")).status_code)
    await other.close()

    assert set(answers) <= {200, 503}


async def test_all_who_ask_at_once_whether_it_is_ready_cost_one_look(api: Api) -> None:
    with statements() as of_one:
        await api.http.get("/health/ready")
    with statements() as of_all:
        answers = await asyncio.gather(*(api.http.get("/health/ready") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(of_all) == len(of_one) > 0


async def test_a_process_that_ends_says_so_before_it_does(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path / 'canopy.sqlite3'}"
    await migrate(url)
    settings = {"CANOPY_EMBEDDED_WORKER": "false", "CANOPY_DRAIN_SECONDS": "600"}
    async with (
        Server(url, free_port(), tmp_path / "log", **settings) as server,
        httpx.AsyncClient(base_url=server.url, timeout=20) as client,
    ):
        server.ask_to_end()
        while (ready := await client.get("/health/ready")).is_success:
            pass
        answer = await client.post("/graphql", json={"query": VIEWER})

    assert (ready.status_code, ready.json()["reason"]) == (503, "The process ends.")
    assert answer.status_code == 200


async def test_a_database_that_is_gone_is_not_ready(tmp_path: Path) -> None:
    with Postgres() as postgres:
        url = postgres.create_database("canopy")
        await migrate(url)
        async with (
            Server(url, free_port(), tmp_path / "log") as server,
            httpx.AsyncClient(base_url=server.url, timeout=20) as client,
        ):
            postgres.stop()
            gone = await client.get("/health/ready")
            live = await client.get("/health/live")
            answer = await client.post("/graphql", json={"query": VIEWER}, headers=bearer("any"))
            async with httpx.AsyncClient(base_url=server.url, timeout=20) as another:
                export = await another.get("/export/users.csv", headers=bearer("any"))
            postgres.start()
            back = await client.get("/health/ready")

    assert (gone.status_code, live.status_code, back.status_code) == (503, 200, 200)
    assert gone.json()["reason"] == "The database does not answer."
    for failed in (answer, export):
        assert failed.status_code == 500
        assert failed.headers["x-content-type-options"] == "nosniff"
        assert failed.headers["content-security-policy"].startswith("default-src 'none'")
        assert failed.headers["x-request-id"] in (tmp_path / "log").read_text()
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert "password" not in (tmp_path / "log").read_text()


async def test_a_file_that_cannot_be_used_is_not_ready(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        before = await _health(client)
        for file in (tmp_path / "canopy.sqlite3", tmp_path / "canopy.sqlite3-wal"):
            with file.open("r+b") as there:
                there.write(b"\xa5" * file.stat().st_size)
        after = await _health(client)
        reason = (await client.get("/health/ready")).json()["reason"]
        live = await client.get("/health/live")

    assert (before, after) == ((200, "1.0"), (503, "0.0"))
    assert reason == "The database does not answer."
    assert live.status_code == 200


async def _health(client: httpx.AsyncClient) -> tuple[int, str]:
    """What it says of the database, to who asks whether it is ready and to who measures."""
    ready = await client.get("/health/ready")
    told = dict(line.rsplit(" ", 1) for line in (await client.get("/metrics")).text.splitlines())
    return ready.status_code, told["canopy_database_up"]


async def test_the_address_of_the_api_is_found_with_a_slash_too(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql/", json={"query": VIEWER})

    assert (response.status_code, f"{response.headers['location']}/") == (307, str(response.url))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_failure_tells_nothing_of_itself(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        execute(tmp_path, "ALTER TABLE users RENAME TO people")
        response = await client.post("/graphql", json={"query": RESET})

    assert [error["extensions"]["code"] for error in response.json()["errors"]] == [
        "INTERNAL_SERVER_ERROR"
    ]
    assert "users" not in response.text
    log = (tmp_path / "log").read_text()
    assert "OperationalError" in log
    assert "vera@brightwater.example" not in log


async def _first_of(catcher: Catcher, seconds: float) -> None:
    """Until a mail is there, or the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not catcher.mails:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.mark.parametrize(("embedded", "mails"), [("true", 1), ("false", 0)])
async def test_mail_leaves_from_inside_the_server(
    tmp_path: Path, embedded: str, mails: int
) -> None:
    url = f"sqlite://{tmp_path / 'canopy.sqlite3'}"
    await migrate(url)
    settings = {"CANOPY_EMBEDDED_WORKER": embedded}
    async with (
        Catcher() as catcher,
        Server(url, catcher.port, tmp_path / "log", **settings) as server,
        httpx.AsyncClient(base_url=server.url, timeout=20) as client,
    ):
        await asyncio.to_thread(server.run, *VENDOR)
        await ask(client, RESET)
        await _first_of(catcher, seconds=60 if mails else 3)

    assert [mail.recipient for mail in catcher.mails] == ["vera@brightwater.example"] * mails
