"""What a process tells of itself: its log, and /metrics. Never what people sent."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from app import logs, metrics
from app.asgi import create_app
from app.requests import JSON
from app.settings import load
from models.outbox import Notification
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import Api, application
from tests.http.client import CREATE_COMPANY

TOKEN = "a-token-by-chance-of-this-test"
NAMED = "query Whoever { viewer { user { id } } }"
NOBODY = (
    'mutation Enter { signIn(input: {email: "a@b.example", password: "x"}) { errors { code } } }'
)


class Lines(logging.Handler):
    """Each as it would be written."""

    def __init__(self, form: logging.Formatter) -> None:
        super().__init__(logging.DEBUG)
        self.form = form
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.form.format(record))

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@contextmanager
def also(lines: Lines, name: str) -> Iterator[None]:
    """What this logger says meanwhile."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.addHandler(lines)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(lines)
        logger.setLevel(level)


@pytest.fixture
def lines() -> Iterator[Lines]:
    lines = Lines(logs.Json())
    with also(lines, "canopy.access"):
        yield lines


async def ask(api: Api, document: str, token: str = "", **headers: str) -> httpx.Response:
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    return await api.http.post("/graphql?a=b", json={"query": document}, headers=headers)


async def test_each_request_is_told_in_one_line_and_no_more_than_that(
    make: Make, api: Api, lines: Lines
) -> None:
    token = await make.token(await make.manager(await make.company()))

    answer = await ask(api, NAMED, token, **{"X-Request-Id": "of-the-client-7"})
    await ask(api, "{ viewr }", token)
    await api.http.get("/a@b.example/sent?token=x")

    assert answer.headers["x-request-id"] == "of-the-client-7"
    told = lines.told()
    times = [line.pop("ms") for line in told]
    assert all(milliseconds > 0 for milliseconds in times)
    assert [(line.pop("at"), line.pop("level"), line.pop("logger")) for line in told]
    made = [line.pop("request") for line in told]
    assert made[0] == "of-the-client-7"
    assert all(re.fullmatch("[0-9a-f]{32}", id) for id in made[1:])
    assert told == [
        {
            "message": f"POST /graphql 200 {times[0]} ms",
            "operation": "Whoever",
            "method": "POST",
            "path": "/graphql",
            "status": 200,
        },
        {
            "message": f"POST /graphql 200 {times[1]} ms",
            "method": "POST",
            "path": "/graphql",
            "status": 200,
        },
        {"message": f"GET - 404 {times[2]} ms", "method": "GET", "path": "-", "status": 404},
    ]


@pytest.mark.parametrize("sent", ["", "short", "x" * 65, "a b c d e f", "a@b.example", "a\tb" * 5])
async def test_an_id_that_is_not_sane_is_not_taken_over(api: Api, sent: str) -> None:
    answer = await api.http.get("/health/live", headers={"X-Request-Id": sent})

    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_all_lines_of_a_request_have_its_id(make: Make, api: Api, lines: Lines) -> None:
    lines.form = logs.Text("%(name)s")
    token = await make.token(await make.manager(await make.company()))

    with also(lines, "tortoise.db_client"):
        await ask(api, NAMED, token, **{"X-Request-Id": "of-the-client-7"})

    before, *within, last = lines.lines
    assert before == "tortoise.db_client [of-the-client-7]"
    assert set(within) == {"tortoise.db_client [of-the-client-7 Whoever]"}
    assert last == "canopy.access [of-the-client-7 Whoever]"


async def test_who_leaves_before_all_was_sent_is_told_as_such_and_answered_nothing(
    clock: Clock, lines: Lines
) -> None:
    app = create_app(load(_env_file=None, rate_limit="off"), clock)
    headers = [(b"content-type", JSON.encode())]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "headers": headers}

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)

    assert [(line["path"], line["status"]) for line in lines.told()] == [("/graphql", 499)]
    assert sent == []


def value(name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


async def test_requests_operations_and_refusals_are_counted(make: Make, clock: Clock) -> None:
    async def figures() -> list[float]:
        return [
            value("canopy_requests_total", method="POST", status="200"),
            value("canopy_requests_total", method="POST", status="429"),
            value("canopy_operation_seconds_count", operation="Whoever"),
            value("canopy_operation_seconds_count", operation="other"),
            value("canopy_operation_seconds_count", operation="unnamed"),
            value("canopy_refusals_total", code="INVALID_CREDENTIALS"),
            value("canopy_refusals_total", code="UNAUTHENTICATED"),
            value("canopy_refusals_total", code="RATE_LIMITED"),
            value("canopy_rate_limited_total", of="guesses"),
            value("canopy_operations_running"),
        ]

    token = await make.token(await make.manager(await make.company()))
    async with application(
        make, clock, rate_limit="99 per minute", guess_limit="1 per minute"
    ) as api:
        before = await figures()
        await ask(api, NAMED, token)
        await ask(api, NOBODY)
        await ask(api, NOBODY)
        await ask(api, "{ orders { totalCount } }")
        after = await figures()

    assert [new - old for new, old in zip(after, before, strict=True)] == [
        *(3, 1),
        *(1, 1, 1),
        *(1, 1, 1, 1),
        0,
    ]


def test_few_names_are_measured_and_none_of_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_names", set())
    known = [f"Name{number}" for number in range(metrics.MOST_NAMES + 1)]

    assert metrics.measured_name("Name0", by_known=False) == "other"
    assert metrics.measured_name("x" * 65, by_known=True) == "other"
    assert [metrics.measured_name(name, by_known=True) for name in known] == [
        *known[:-1],
        "other",
    ]
    assert metrics.measured_name("Name0", by_known=False) == "Name0"
    assert metrics.measured_name(None, by_known=True) == "unnamed"


async def test_metrics_tell_of_the_outbox_and_the_pool(
    make: Make, api: Api, clock: Clock, database_url: str
) -> None:
    vendor = await api.of(await make.manager(await make.root()))
    made = {"kind": "CUSTOMER", "name": "Elm", "manager": {"email": "eli@elm.example"}}
    await vendor.done(CREATE_COMPANY, input=made)
    await Notification.all().update(last_error="The mail server cannot be reached.")
    clock.move(seconds=90)

    page = await api.http.get("/metrics")

    told = dict(line.rsplit(" ", 1) for line in page.text.splitlines() if line[0] != "#")
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert {name: told[name] for name in told if "outbox" in name or "database" in name} == {
        "canopy_database_up": "1.0",
        'canopy_outbox_queued{what="mail"}': "1.0",
        'canopy_outbox_queued{what="webhook"}': "0.0",
        'canopy_outbox_retried{what="mail"}': "1.0",
        'canopy_outbox_retried{what="webhook"}': "0.0",
        'canopy_outbox_due{what="mail"}': "1.0",
        'canopy_outbox_due{what="webhook"}': "0.0",
        'canopy_outbox_oldest_due_seconds{what="mail"}': "90.0",
        'canopy_outbox_oldest_due_seconds{what="webhook"}': "0.0",
    }
    if database_url.startswith("postgres"):
        assert float(told["canopy_pool_connections_max"]) >= float(told["canopy_pool_connections"])
    assert "elm" not in page.text.lower()


@pytest.mark.parametrize(
    ("settings", "sent", "status"),
    [
        ({}, "", 200),
        ({"metrics_token": TOKEN}, "", 404),
        ({"metrics_token": TOKEN}, "another", 404),
        ({"metrics_token": TOKEN}, TOKEN, 200),
        ({"environment": "production", "public_url": "https://canopy.example"}, "", 404),
    ],
)
async def test_who_may_read_metrics(
    make: Make, clock: Clock, settings: dict[str, str], sent: str, status: int
) -> None:
    async with application(make, clock, **settings) as api:
        headers = {"Authorization": f"Bearer {sent}"} if sent else {}
        page = await api.http.get("/metrics", headers=headers)

    assert page.status_code == status


async def test_wrong_tokens_for_metrics_are_guesses(make: Make, clock: Clock) -> None:
    limits = {"rate_limit": "99 per minute", "guess_limit": "2 per minute"}
    async with application(make, clock, metrics_token=TOKEN, **limits) as api:
        for wrong in ("one", "two"):
            await api.http.get("/metrics", headers={"Authorization": f"Bearer {wrong}"})
        refused = await ask(api, NOBODY)

    assert refused.status_code == 429
