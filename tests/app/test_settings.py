"""Settings: each wrong one is named, unsafe ones are refused, and no secret is repeated."""

from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings, WrongSettings, load, unknown

PRODUCTION: dict[str, Any] = {
    "environment": "production",
    "public_url": "https://canopy.example",
    "smtp_url": "smtps://canopy:a-secret@mail.example",
    "metrics_token": "a-secret-of-many-characters",
    "database_url": "postgres://canopy:a-secret@db.example/canopy",
}


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CANOPY_{name.upper()}", raising=False)


def problems(**told: Any) -> list[str]:
    with pytest.raises(WrongSettings) as wrong:
        load(**told)
    assert "a-secret" not in str(wrong.value)
    return wrong.value.problems


def test_the_defaults_are_those_that_are_written_down() -> None:
    assert load().shown() == {
        "CANOPY_DATABASE_URL": "sqlite://var/canopy.sqlite3",
        "CANOPY_SMTP_URL": "smtp://127.0.0.1:1025",
        "CANOPY_MAIL_FROM": "Canopy <no-reply@localhost>",
        "CANOPY_PUBLIC_URL": "http://127.0.0.1:8000",
        "CANOPY_ENVIRONMENT": "development",
        "CANOPY_GRAPHIQL": "true",
        "CANOPY_INTROSPECTION": "true",
        "CANOPY_DOCUMENTS": "",
        "CANOPY_OTHER_DOCUMENTS": "false",
        "CANOPY_ALLOWED_ORIGINS": "",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "",
        "CANOPY_DRAIN_SECONDS": "0.0",
        "CANOPY_EMBEDDED_WORKER": "true",
        "CANOPY_EXECUTOR": "compiled",
        "CANOPY_WEBHOOKS_TO_LOOPBACK": "false",
        "CANOPY_METRICS_TOKEN": "",
        "CANOPY_LOG_FORMAT": "text",
        "CANOPY_RATE_LIMIT": "1200 per minute",
        "CANOPY_GUESS_LIMIT": "30 per minute",
        "CANOPY_MAX_BODY_BYTES": "33554432",
        "CANOPY_MAX_JSON_DEPTH": "64",
        "CANOPY_MAX_JSON_BRACKETS": "200000",
        "CANOPY_MAX_QUERY_LENGTH": "100000",
        "CANOPY_MAX_QUERY_TOKENS": "2000",
        "CANOPY_MAX_QUERY_MERGES": "5000",
        "CANOPY_MAX_QUERY_DIGITS": "100",
        "CANOPY_MAX_QUERY_DEPTH": "20",
        "CANOPY_MAX_QUERY_ALIASES": "200",
        "CANOPY_MAX_QUERY_DIRECTIVES": "100",
        "CANOPY_MAX_QUERY_ROOT_FIELDS": "20",
        "CANOPY_MAX_QUERY_COST": "50000",
        "CANOPY_MAX_OPERATION_SECONDS": "60.0",
        "CANOPY_MAX_ERRORS": "100",
        "CANOPY_MAX_CONNECTIONS": "10",
        "CANOPY_MAX_MESSAGE_BYTES": "1048576",
        "CANOPY_MAX_SOCKETS": "2000",
        "CANOPY_MAX_SOCKETS_PER_USER": "50",
        "CANOPY_MAX_SUBSCRIPTIONS_PER_SOCKET": "50",
        "CANOPY_MAX_SUBSCRIPTIONS_PER_USER": "200",
        "CANOPY_MAX_OPERATIONS": "100",
    }


def test_the_environment_comes_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = "CANOPY_PUBLIC_URL=http://file.example\nCANOPY_MAX_JSON_DEPTH=20\nOTHER=1\n"
    (tmp_path / ".env").write_text(lines)
    monkeypatch.setenv("CANOPY_PUBLIC_URL", "http://environment.example/")
    monkeypatch.setenv("CANOPY_MAIL_FROM", "")

    settings = load()

    assert settings.public_url == "http://environment.example"
    assert settings.max_json_depth == 20
    assert settings.mail_from == "Canopy <no-reply@localhost>"


def test_production_shows_nothing_of_itself() -> None:
    settings = load(**PRODUCTION)

    assert (settings.graphiql, settings.introspection, settings.log_format) == (
        False,
        False,
        "json",
    )


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"smtp_url": "smtp://canopy:a-secret@mail.example"}, "CANOPY_SMTP_URL"),
        ({"public_url": "http://canopy.example"}, "CANOPY_PUBLIC_URL"),
        ({"webhooks_to_loopback": True}, "CANOPY_WEBHOOKS_TO_LOOPBACK"),
        ({"guess_limit": "off"}, "CANOPY_GUESS_LIMIT"),
        ({"metrics_token": "a-secret"}, "CANOPY_METRICS_TOKEN"),
        ({"allowed_origins": "http://canopy.example"}, "CANOPY_ALLOWED_ORIGINS"),
    ],
)
def test_production_refuses_what_is_unsafe(changed: dict[str, Any], named: str) -> None:
    [problem] = problems(**(PRODUCTION | changed))

    assert problem.startswith(named)


def test_production_tells_all_dangers_at_once() -> None:
    told = PRODUCTION | {"public_url": "http://a.example", "smtp_url": "smtp://a:b@mail.example"}

    assert len(problems(**told)) == 2


def test_production_counts_guesses_where_another_counts_the_rest() -> None:
    settings = load(**PRODUCTION, rate_limit="off")

    assert (settings.rate, str(settings.guess_rate)) == (None, "30 per 1 minute")


def test_several_workers_do_not_share_sqlite_in_production() -> None:
    one_file = load(**(PRODUCTION | {"database_url": "sqlite://var/canopy.sqlite3"}))

    one_file.require_one_process(1)
    load(**PRODUCTION).require_one_process(4)
    load().require_one_process(4)
    with pytest.raises(WrongSettings, match="CANOPY_DATABASE_URL"):
        one_file.require_one_process(2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "mysql://canopy:a-secret@db/canopy"),
        ("database_url", "postgres://db.example"),
        ("database_url", "postgres://db.example:99999/canopy"),
        ("database_url", "sqlite://"),
        ("smtp_url", "mail.example"),
        ("smtp_url", "http://canopy:a-secret@mail.example"),
        ("smtp_url", "smtp://mail.example:99999"),
        ("mail_from", "nobody"),
        ("mail_from", "a@example.com, b@example.com"),
        ("public_url", "canopy.example"),
        ("public_url", "https://canopy.example/#a"),
        ("environment", "staging"),
        ("graphiql", "perhaps"),
        ("allowed_origins", "https://a.example/path"),
        ("allowed_origins", "*"),
        ("log_format", "xml"),
        ("drain_seconds", "-1"),
        ("max_body_bytes", "1"),
        ("max_body_bytes", "many"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    [problem] = problems(**{name: value})

    assert problem.startswith(f"CANOPY_{name.upper()}: ")


def test_origins_are_separated_by_commas_or_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANOPY_ALLOWED_ORIGINS", "https://A.example, http://b.example:8080")

    assert load().allowed_origins == ("https://a.example", "http://b.example:8080")


def test_passwords_are_not_shown() -> None:
    settings = load(**PRODUCTION)

    assert settings.shown()["CANOPY_SMTP_URL"] == "smtps://canopy:***@mail.example"
    assert settings.shown()["CANOPY_METRICS_TOKEN"] == "***"
    assert "a-secret" not in repr(settings)


def test_both_names_of_postgres_are_understood() -> None:
    settings = load(database_url="postgresql://canopy@db.example/canopy")

    assert settings.database_url == "postgres://canopy@db.example/canopy"


def test_names_that_are_no_settings_are_found() -> None:
    environment = {"CANOPY_DATABASE_URL": "", "CANOPY_DATABASE": "", "HOME": ""}

    assert unknown(environment) == ["CANOPY_DATABASE"]
