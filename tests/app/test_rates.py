"""How often one may ask; over a real socket, and between processes by a real PostgreSQL."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from starlette.requests import HTTPConnection

from app.rates import Rates, address
from app.requests import BadRequest
from app.settings import WrongSettings, load
from models.sessions import Tally, TallyKind
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import Api, application

SIGN_IN = 'mutation { signIn(input: {email: "a@b.example", password: "x"}) { errors { code } } }'
RESET = 'mutation { requestPasswordReset(input: {email: "a@b.example"}) { errors { code } } }'
TWICE = """
    mutation { one: signIn(input: {email: "a@b.example", password: "x"}) { ...codes } ...two }
    fragment two on Mutation { ... { two: signIn(input: {email: "b@b.example", password: "x"}) {
        errors { code } } } }
    fragment codes on SignInPayload { errors { code } }
"""


def told(response: httpx.Response) -> tuple[int, str | None]:
    errors = response.json().get("errors", [{"extensions": {"code": None}}])
    return response.status_code, errors[0]["extensions"]["code"]


async def ask(api: Api, document: str, token: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await api.http.post("/graphql", json={"query": document}, headers=headers)


async def test_a_token_may_ask_so_often_until_the_window_ends(make: Make, clock: Clock) -> None:
    company = await make.company()
    one, other = [await make.token(await make.manager(company)) for _ in range(2)]
    clock.now = datetime(2026, 3, 2, 9, 30, 20, tzinfo=UTC)

    async with application(make, clock, rate_limit="2 per minute") as api:
        answers = [await ask(api, "{ viewer { user { id } } }", one) for _ in range(3)]
        beside = await ask(api, "{ viewer { user { id } } }", other)
        clock.move(seconds=39)
        before = await ask(api, "{ viewer { user { id } } }", one)
        clock.move(seconds=1)
        after = await ask(api, "{ viewer { user { id } } }", one)

    assert [told(answer) for answer in answers] == [(200, None)] * 2 + [(429, "RATE_LIMITED")]
    assert answers[2].headers["retry-after"] == "40"
    assert (told(beside), told(after)) == ((200, None), (200, None))
    assert (told(before), before.headers["retry-after"]) == ((429, "RATE_LIMITED"), "1")


async def test_an_address_may_ask_as_often_as_five_tokens(make: Make, clock: Clock) -> None:
    async with application(make, clock, rate_limit="2 per minute") as api:
        answers = [await ask(api, "{ __typename }") for _ in range(11)]

    assert [told(answer) for answer in answers] == [(200, None)] * 10 + [(429, "RATE_LIMITED")]


@pytest.mark.parametrize(
    ("method", "path", "accepted", "status"),
    [
        ("POST", "/graphql", "text/plain", 406),
        ("PUT", "/graphql", "*/*", 405),
        ("DELETE", "/graphql", "text/plain", 406),
        ("PUT", "/export/users.csv", "*/*", 405),
    ],
)
async def test_what_is_refused_unread_counts_too(
    make: Make, clock: Clock, method: str, path: str, accepted: str, status: int
) -> None:
    async with application(make, clock, rate_limit="2 per minute") as api:
        answers = [
            await api.http.request(method, path, headers={"Accept": accepted}) for _ in range(11)
        ]
        beside = await ask(api, "{ __typename }")

    assert [answer.status_code for answer in answers] == [status] * 10 + [429]
    assert told(answers[10]) == told(beside) == (429, "RATE_LIMITED")
    assert answers[10].headers["content-type"] == "application/json; charset=utf-8"


async def test_the_explorer_s_page_counts_too(make: Make, clock: Clock) -> None:
    async with application(make, clock, rate_limit="2 per minute") as api:
        answers = [
            await api.http.get("/graphql", headers={"Accept": "text/html"}) for _ in range(11)
        ]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]


@pytest.mark.parametrize(("document", "each"), [(SIGN_IN, 1), (RESET, 1), (TWICE, 2)])
async def test_what_can_be_guessed_is_asked_far_less_often(
    make: Make, clock: Clock, document: str, each: int
) -> None:
    async with application(
        make, clock, rate_limit="99 per hour", guess_limit="4 per minute"
    ) as api:
        answers = [await ask(api, document) for _ in range(4 // each + 1)]
        harmless = await ask(api, "{ __typename }")

    assert [told(answer) for answer in answers[:-1]] == [(200, None)] * (4 // each)
    assert told(answers[-1]) == (429, "RATE_LIMITED")
    assert told(harmless) == (200, None)


async def test_tokens_that_are_nobody_s_are_guesses(make: Make, clock: Clock) -> None:
    """Who has a token is served, whatever somebody else tries at the same address."""
    token = await make.token(await make.manager(await make.company()))
    clock.now = datetime(2026, 3, 2, 9, 30, 20, tzinfo=UTC)

    async with application(
        make, clock, rate_limit="99 per hour", guess_limit="2 per minute"
    ) as api:
        answers = [await ask(api, "{ viewer { user { id } } }", f"guess-{n}") for n in range(20)]
        right = await ask(api, "{ viewer { user { id } } }", token)

    assert [told(answer) for answer in answers] == [(200, None)] * 2 + [(429, "RATE_LIMITED")] * 18
    assert {answer.headers["retry-after"] for answer in answers[2:]} == {"40"}
    assert told(right) == (200, None)


async def test_limits_can_be_switched_off(make: Make, clock: Clock) -> None:
    async with application(make, clock, rate_limit="off", guess_limit="1 per minute") as api:
        answers = [await ask(api, SIGN_IN) for _ in range(3)]

    assert [told(answer) for answer in answers] == [(200, None)] * 3


async def test_what_is_too_much_at_once_is_refused_quickly(make: Make, clock: Clock) -> None:
    async with application(make, clock, max_operations=2) as api:
        answers = await asyncio.gather(*(ask(api, SIGN_IN) for _ in range(5)))
        after = await ask(api, "{ __typename }")

    assert sorted(told(answer) for answer in answers) == [
        (200, None),
        (200, None),
        (503, "OVERLOADED"),
        (503, "OVERLOADED"),
        (503, "OVERLOADED"),
    ]
    assert {answer.headers.get("retry-after") for answer in answers} == {None, "1"}
    assert told(after) == (200, None)


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
async def test_processes_with_one_postgresql_count_together(make: Make, clock: Clock) -> None:
    settings = load(rate_limit="10 per minute")
    here, there = Rates(settings, clock), Rates(settings, clock)
    for _ in range(6):
        await here.count_token("a")
    for _ in range(3):
        await there.count_token("a")

    for rates in (here, there):
        await rates.exchange()
    await here.count_token("a")
    await here.exchange()

    await there.count_token("a")

    for rates in (here, there):
        with pytest.raises(BadRequest):
            await rates.count_token("a")
    assert (await Tally.get(kind=TallyKind.RATE)).count == 10
    clock.move(minutes=1)
    await here.count_token("a")
    await here.exchange()
    assert (await Tally.get(kind=TallyKind.RATE)).count == 1


@pytest.mark.parametrize(
    ("host", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_a_household_is_one_address(host: str, counted_as: str) -> None:
    assert address(HTTPConnection({"type": "http", "client": (host, 1)})) == counted_as


@pytest.mark.parametrize("limit", ["many", "10", "10 per fortnight", ""])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(WrongSettings) as wrong:
        load(rate_limit=limit)

    assert wrong.value.problems == ["CANOPY_RATE_LIMIT: must be like 1200 per minute, or off"]
