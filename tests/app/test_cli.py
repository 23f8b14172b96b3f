"""The command `canopy`, by what it prints and the code it ends with."""

import asyncio
import json
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.commands import answering, canopy, installed, running
from tests.http.sockets import signed_in
from tests.postgres import free_port
from tests.processes import PATIENCE, Running
from tests.smtp import Catcher

VENDOR = ("create-vendor", "--name", "Brightwater", "--email", "vera@brightwater.example")
TWO_SCOPES = ("--scope", "READ", "USERS_WRITE")
SCHEMA = Path(__file__).parents[2] / "schema" / "schema.graphql"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    assert canopy("migrate", folder=folder).returncode == 0
    return folder


@pytest.fixture
def migrated(template: Path, tmp_path: Path) -> Path:
    """A folder with an empty database in the default place."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture(scope="module")
def founded(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("founded")
    shutil.copytree(template, folder, dirs_exist_ok=True)
    assert canopy(*VENDOR, folder=folder).returncode == 0
    return folder


@pytest.fixture
def vendor(founded: Path, tmp_path: Path) -> Path:
    """A folder with a database that holds Vera's company alone."""
    shutil.copytree(founded, tmp_path, dirs_exist_ok=True)
    return tmp_path


def rows(folder: Path, statement: str) -> list[tuple[object, ...]]:
    database = sqlite3.connect(folder / "var" / "canopy.sqlite3")
    try:
        return database.execute(statement).fetchall()
    finally:
        database.close()


def write(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "var" / "canopy.sqlite3")) as database, database:
        database.execute(statement)


def test_migrating_is_planned_then_done_then_nothing(tmp_path: Path) -> None:
    planned = canopy("migrate", "--plan", folder=tmp_path)
    first = canopy("migrate", folder=tmp_path)
    second = canopy("migrate", folder=tmp_path)
    again = canopy("migrate", "--plan", folder=tmp_path)

    assert [done.returncode for done in (planned, first, second, again)] == [0, 0, 0, 0]
    assert first.stdout == f"{planned.stdout}The database is up to date.\n"
    assert second.stdout == again.stdout == "The database is up to date.\n"
    assert planned.stdout.startswith("0001_initial\n")


def test_the_schema_printed_is_the_one_committed(tmp_path: Path) -> None:
    printed = canopy("export-schema", folder=tmp_path)

    assert printed.returncode == 0
    assert printed.stdout == SCHEMA.read_text()


def test_the_vendor_is_made_once(migrated: Path) -> None:
    first = canopy(*VENDOR, folder=migrated, CANOPY_PUBLIC_URL="https://canopy.example/")
    second = canopy(*VENDOR[:-1], "other@brightwater.example", folder=migrated)

    assert (first.returncode, second.returncode) == (0, 1)
    assert "https://canopy.example/set-password#token=" in first.stdout
    assert second.stderr == "There is a vendor already: one tree has one root.\n"
    assert rows(migrated, "SELECT email, password_hash FROM users") == [
        ("vera@brightwater.example", None)
    ]


def test_the_vendors_password_may_be_given(migrated: Path) -> None:
    made = canopy(*VENDOR, "--password-stdin", folder=migrated, told="a long enough password\n")

    assert made.returncode == 0
    assert "token" not in made.stdout
    [(password_hash,)] = rows(migrated, "SELECT password_hash FROM users")
    assert str(password_hash).startswith("$argon2id$")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*VENDOR, "--password-stdin"), "short\n"),
        ((*VENDOR, "--password-stdin"), ""),
        ((*VENDOR[:-1], "no address"), ""),
        (("create-vendor", "--name", " ", "--email", "vera@brightwater.example"), ""),
    ],
)
def test_a_bad_vendor_is_refused_and_nothing_written(
    migrated: Path, arguments: tuple[str, ...], told: str
) -> None:
    made = canopy(*arguments, folder=migrated, told=told)

    assert made.returncode == 1
    assert "Traceback" not in made.stderr
    assert rows(migrated, "SELECT * FROM companies") == []


PEOPLE = "Login;Vorname\nann@example.com;Ann\nbob@example.com;\n"


def imported(folder: Path, file: bytes, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "people.csv").write_bytes(file)
    [(company,)] = rows(folder, "SELECT id FROM companies")
    return canopy(
        "import-users", "--company", str(company), *arguments, "people.csv", folder=folder
    )


def test_people_of_a_file_are_taken_in_with_a_progress_bar(vendor: Path) -> None:
    columns = ("--column", "email=Login", "--column", "firstName=vorname", "--no-allocate")

    seen = imported(vendor, PEOPLE.encode(), *columns, "--preview")
    first = imported(vendor, PEOPLE.encode(), *columns)
    short = imported(vendor, b"email\neve@example.com", "--on-shortage", "partial")

    done = "2 created, 0 updated, 0 unchanged."
    assert (seen.returncode, seen.stdout) == (0, f"{done} Nothing was written.\n")
    assert (first.returncode, first.stdout) == (0, f"{done}\n")
    assert "100%" in first.stderr
    assert short.stdout == "1 created, 0 updated, 0 unchanged; 0 licensed, 1 without a license.\n"
    assert rows(vendor, "SELECT email, first_name FROM users ORDER BY email") == [
        ("ann@example.com", "Ann"),
        ("bob@example.com", ""),
        ("eve@example.com", ""),
        ("vera@brightwater.example", ""),
    ]
    assert rows(
        vendor,
        "SELECT action, count, email FROM audit_events JOIN users ON users.id = actor_id"
        " WHERE action LIKE 'user.%' ORDER BY audit_events.id",
    ) == [
        ("user.imported", 2, "vera@brightwater.example"),
        ("user.imported", 1, "vera@brightwater.example"),
    ]


@pytest.mark.parametrize(
    ("file", "arguments", "said"),
    [
        (
            b"email,first name\nnobody,Ann\nann@example.com\n",
            ("--no-allocate",),
            "Line 2, email: This is not an email address.\n"
            "Line 3: This row has 1 cell, and the header 2 cells.\n"
            "2 rows are at fault: nothing was written.\n",
        ),
        (
            b"email\nann@example.com",
            (),
            "Licenses needed: 1; free: 0; missing: 1. Request more, or give --on-shortage partial"
            " to license the first rows, or --no-allocate.\n",
        ),
        ("email\n\xe9".encode("latin-1"), (), "people.csv is not in UTF-8"),
        (b"email\n", ("--column", "mail=Login"), "--column is FIELD=NAME"),
        (b"name\n", (), "The header has no column 'email'"),
        (b"email\n", ("--company", "junk"), "There is no such company here."),
    ],
)
def test_a_bad_file_is_refused_and_nothing_written(
    vendor: Path, file: bytes, arguments: tuple[str, ...], said: str
) -> None:

    refused = imported(vendor, file, *arguments)

    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(rows(vendor, "SELECT * FROM users")) == 1


def test_without_a_vendor_nobody_is_taken_in(migrated: Path) -> None:
    (migrated / "people.csv").write_text("email\n")

    refused = canopy("import-users", "--company", "x", "people.csv", folder=migrated)

    assert (refused.returncode, "There is no such vendor" in refused.stderr) == (1, True)


TOKEN = ("create-token", "--user", "vera@brightwater.example", "--name", "Sync")


@pytest.mark.parametrize("scopes", [("--scope", "READ", "--scope", "USERS_WRITE"), TWO_SCOPES])
def test_the_first_token_is_printed_once_and_alone(vendor: Path, scopes: tuple[str, ...]) -> None:

    made = canopy(*TOKEN, *scopes, "--expires", "2099-01-01T00:00:00Z", folder=vendor)

    assert made.returncode == 0, made.stderr
    secret = made.stdout.removesuffix("\n")
    assert secret.startswith("cnp_")
    assert len(secret) == 47
    assert rows(vendor, "SELECT name, prefix, scopes, expires_at FROM api_tokens") == [
        ("Sync", secret[:12], '["READ","USERS_WRITE"]', "2099-01-01 00:00:00+00:00")
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scope", "READ", "--user", "nobody@example.com"), "There is no such user here."),
        (("--scope", "READ", "--expires", "tomorrow"), "A DateTime is RFC 3339"),
        (("--scope", "READ", "--expires", "2020-01-01T00:00:00Z"), "This is past already"),
        (("--scope", "READ", "--name", " "), "This cannot be empty."),
    ],
)
def test_a_bad_first_token_is_refused_and_nothing_written(
    vendor: Path, arguments: tuple[str, ...], said: str
) -> None:

    made = canopy(*TOKEN, *arguments, folder=vendor)

    assert (made.returncode, made.stdout) == (1, "")
    assert made.stderr.startswith(said)
    assert rows(vendor, "SELECT * FROM api_tokens") == []


@pytest.mark.parametrize("arguments", [("serve",), ("worker",), ("run-daily",), VENDOR])
def test_a_database_that_is_behind_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    refused = canopy(*arguments, folder=tmp_path)

    assert refused.returncode == 1
    assert refused.stderr.startswith("The database lacks 0001_initial")
    assert refused.stderr.endswith("Run: canopy migrate\n")


@pytest.mark.parametrize("arguments", [("serve",), ("worker",), ("migrate",), VENDOR])
def test_a_database_out_of_reach_is_told_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    away = f"postgres://canopy:a-secret@127.0.0.1:{free_port()}/canopy"

    refused = canopy(*arguments, folder=tmp_path, CANOPY_DATABASE_URL=away)

    assert refused.returncode == 1
    assert refused.stderr.startswith("The database cannot be reached: ")
    assert refused.stderr.count("\n") == 1
    assert "a-secret" not in refused.stderr


def test_wrong_settings_stop_every_command(tmp_path: Path) -> None:
    refused = canopy("migrate", folder=tmp_path, CANOPY_SMTP_URL="nowhere")

    assert refused.returncode == 1
    assert refused.stderr.startswith("CANOPY_SMTP_URL: ")
    assert list(tmp_path.iterdir()) == []


def test_sqlite_is_not_shared_in_production(migrated: Path) -> None:
    refused = canopy(
        *("serve", "--workers", "2"),
        folder=migrated,
        CANOPY_ENVIRONMENT="production",
        CANOPY_PUBLIC_URL="https://canopy.example",
    )

    assert refused.returncode == 1
    assert refused.stderr.startswith("CANOPY_DATABASE_URL is SQLite")


def test_a_command_that_is_none_ends_with_2(tmp_path: Path) -> None:
    assert canopy("nonsense", folder=tmp_path).returncode == 2


async def test_check_is_content_with_what_it_can_reach(migrated: Path) -> None:
    async with Catcher() as catcher:
        smtp_url = f"smtp://127.0.0.1:{catcher.port}"
        checked = await asyncio.to_thread(
            canopy, "check", folder=migrated, CANOPY_SMTP_URL=smtp_url
        )

    assert checked.returncode == 0, checked.stdout
    assert "CANOPY_MAX_BODY_BYTES" in checked.stdout
    assert "wrong:" not in checked.stdout


def test_what_these_tests_start_has_the_executor_that_they_have(
    migrated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANOPY_EXECUTOR", "standard")
    monkeypatch.setenv("CANOPY_GRAPHIQL", "false")

    told = canopy("check", folder=migrated).stdout

    shown = [line.split() for line in told.splitlines()]
    assert ["CANOPY_EXECUTOR", "standard"] in shown
    assert ["CANOPY_GRAPHIQL", "true"] in shown


def test_check_tells_what_is_wrong(tmp_path: Path) -> None:
    checked = canopy(
        "check",
        folder=tmp_path,
        CANOPY_SMTP_URL=f"smtp://canopy:a-secret@127.0.0.1:{free_port()}",
        CANOPY_SMPT_URL="smtp://mistyped.example",
    )

    assert checked.returncode == 1
    assert "note: CANOPY_SMPT_URL is no setting and does nothing" in checked.stdout
    assert "wrong: CANOPY_DATABASE_URL: " in checked.stdout
    assert "wrong: CANOPY_SMTP_URL: " in checked.stdout
    assert "a-secret" not in checked.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_daily_jobs_may_be_run_by_hand_and_twice_do_nothing_twice(vendor: Path) -> None:
    order = (
        "INSERT INTO orders (id, number, company_id, path, license_type, quantity,"
        " assigned_quantity, status, origin, requested_at, updated_at)"
        " SELECT id, 'ORD-1', id, path, 'PREMIUM', 5, 0, 'REQUESTED',"
        " 'CUSTOMER_REQUEST', '2027-03-01 00:00:00+00:00', '2027-03-01 00:00:00+00:00'"
        " FROM companies"
    )
    write(vendor, order)

    runs = [
        canopy("run-daily", "--now", now, folder=vendor)
        for now in ("2027-03-03", "2027-03-04T01:00:00+01:00", "2027-03-04T00:00:00")
    ]

    assert [(run.returncode, run.stdout.partition(",")[0]) for run in runs] == [
        (0, "0 mails promised"),
        (0, "1 mails promised"),
        (0, "0 mails promised"),
    ]
    assert rows(vendor, "SELECT template, recipient FROM notifications") == [
        ("ORDER_WAITING", "vera@brightwater.example")
    ]


def test_the_daily_jobs_want_an_instant(migrated: Path) -> None:
    refused = canopy("run-daily", "--now", "tomorrow", folder=migrated)

    assert refused.returncode == 1
    assert refused.stderr == "This is no instant: tomorrow. Write 2027-03-01T09:30:00Z.\n"


@pytest.mark.parametrize(
    ("started", "workers", "how"),
    [
        (running, "1", signal.SIGINT),
        (running, "1", signal.SIGTERM),
        (installed, "2", signal.SIGINT),  # two by SIGTERM: see the test of a manifest
    ],
)
def test_the_server_ends_cleanly(
    tmp_path: Path, started: Any, workers: str, how: signal.Signals
) -> None:
    port = free_port()
    arguments = ("serve", "--migrate", "--port", str(port), "--workers", workers)
    with started(*arguments, folder=tmp_path) as process:
        with answering(f"http://127.0.0.1:{port}", process) as client:
            ready = client.get("/health/ready")

        process.send_signal(how)

        assert ready.status_code == 200
        assert process.wait(20) == 0
    assert "Traceback" not in (tmp_path / "said").read_text()


COUNT = 'canopy_operation_seconds_count{operation="unnamed"}'


ORDERS = "subscription { orderChanged { number } }"
MANIFEST = {"viewer": "{ viewer { company { name } } }", "orders": ORDERS}


async def metrics(address: str) -> dict[str, str]:
    """As any of the processes tells them."""
    async with httpx.AsyncClient(base_url=address, timeout=20) as client:
        lines = (await client.get("/metrics")).text.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines)


async def answer_to(address: str, token: str, body: dict[str, str]) -> Any:
    """Over a connection of its own, so that any of the processes may answer."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=20) as client:
        return (await client.post("/graphql", json=body)).json()


async def test_processes_run_a_manifest_alone_and_tell_what_all_of_them_counted(
    vendor: Path,
) -> None:
    token = canopy(*TOKEN, "--scope", "READ", folder=vendor).stdout.strip()
    (vendor / "manifest.json").write_text(json.dumps(MANIFEST))
    address = f"http://127.0.0.1:{(port := free_port())}"
    serve = ("serve", "--workers", "2", "--port", str(port), "--documents", "manifest.json")

    with installed(*serve, folder=vendor) as process:
        with answering(address, process):
            asked = [{"documentId": "viewer"}, {"query": "{ viewer { user { email } } }"}] * 4
            answers = [await answer_to(address, token, body) for body in asked]
            async with asyncio.timeout(PATIENCE):  # a request is counted when it was answered
                while (await metrics(address)).get(COUNT) != "4.0":
                    pass
            told = [await metrics(address) for _ in range(12)]
            async with signed_in(address, token) as socket:
                await socket.send(type="subscribe", id="1", payload={"query": f"{ORDERS} "})
                refused = await socket.refused("1")
                await socket.subscribe("2", ORDERS)
                await socket.send(type="subscribe", id="3", payload={"documentId": "orders"})
                await socket.send(type="subscribe", id="4", payload={"documentId": "none"})
                unknown = await socket.refused("4")
        process.terminate()
        assert process.wait(20) == 0

    assert [page[COUNT] for page in told] == ["4.0"] * 12
    assert {page["canopy_operations_running"] for page in told} == {"0.0"}
    said = (vendor / "said").read_text()
    assert said.startswith("2 documents of manifest.json. Only these are run, and GraphiQL is off")
    assert answers[::2] == [{"data": {"viewer": {"company": {"name": "Brightwater"}}}}] * 4
    codes = [answer["errors"][0]["extensions"]["code"] for answer in answers[1::2]]
    assert codes == ["PERSISTED_QUERY_ONLY"] * 4
    assert (refused, unknown) == ("PERSISTED_QUERY_ONLY", "PERSISTED_QUERY_NOT_FOUND")


def test_a_manifest_that_does_not_fit_the_schema_stops_the_server(migrated: Path) -> None:
    (migrated / "manifest.json").write_text('{"one": "{ nothing }"}')
    said = "CANOPY_DOCUMENTS: the document one cannot be run: Cannot query field 'nothing'"

    refused = canopy("serve", "--documents", "manifest.json", folder=migrated)
    checked = canopy("check", folder=migrated, CANOPY_DOCUMENTS="manifest.json")

    assert (refused.returncode, checked.returncode) == (1, 1)
    assert refused.stderr.startswith(said)
    assert f"wrong: {said}" in checked.stdout


async def until_said(folder: Path, words: str, process: Running) -> None:
    async with asyncio.timeout(PATIENCE):
        while words not in (folder / "said").read_text():
            assert process.poll() is None
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_the_worker_ends_cleanly(migrated: Path, how: signal.Signals) -> None:
    async with Catcher() as catcher:
        smtp_url = f"smtp://127.0.0.1:{catcher.port}"
        with running("worker", folder=migrated, CANOPY_SMTP_URL=smtp_url) as process:
            await until_said(migrated, "At work", process)
            process.send_signal(how)

            assert process.wait(20) == 0
    assert "Traceback" not in (migrated / "said").read_text()


def test_what_must_hold_is_verified(vendor: Path) -> None:
    [(company,)] = rows(vendor, "SELECT id FROM companies")
    [(user,)] = rows(vendor, "SELECT id FROM users")

    well = canopy("verify", folder=vendor)
    write(vendor, "UPDATE users SET path = 'elsewhere/', role = 'MANAGER'")
    wrong = canopy("verify", folder=vendor)

    assert (well.returncode, well.stdout) == (0, "well: all that must always hold does\n")
    assert wrong.returncode == 1
    assert wrong.stdout.splitlines() == [
        f"wrong: a role fits the kind of company: not {user}",
        f"wrong: users are filed under their company: not {user}",
    ]
    assert rows(vendor, "SELECT id, kind FROM companies") == [(company, "VENDOR")]


def test_verifying_says_what_is_wrong_up_to_a_hundred_times(vendor: Path) -> None:
    for number in range(100):
        write(
            vendor,
            "INSERT INTO audit_events (id, action, at, company_id, path, facts)"
            f" SELECT '01890000-0000-7000-8000-{number:012}', 'company.updated', created_at,"
            " id, 'elsewhere/', '{}' FROM companies",
        )

    wrong = canopy("verify", folder=vendor)

    rule = "wrong: audit_events are filed under their company"
    lines = wrong.stdout.splitlines()
    assert wrong.returncode == 1
    assert lines[0] == f"{rule}: not 01890000-0000-7000-8000-000000000000"
    assert len(lines) == 101
    assert lines[-1] == f"{rule}: and perhaps more, for no more than 100 are shown"


def test_seed_fills_an_empty_database_alone(migrated: Path) -> None:
    size = ("--companies", "10", "--learners", "20", "--licenses", "30")

    filled = canopy("seed", *size, folder=migrated)
    again = canopy("seed", *size, folder=migrated)

    assert filled.returncode == 0, filled.stderr
    assert filled.stdout.startswith("10 companies, 20 learners and 30 licenses are there. ")
    assert again.returncode == 1
    assert again.stderr.endswith("There are companies already: only an empty database is seeded.\n")
    assert rows(migrated, "SELECT count(*) FROM licenses") == [(30,)]
