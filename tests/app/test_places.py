"""How much one process does at once: who waits, who is refused, and that the rest is served."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest
from starlette.requests import ClientDisconnect
from tortoise.connection import get_connection

from app import metrics
from app.export import Download
from app.graphql import GraphQL
from app.places import DOWNLOADS, Limit, Places, timed_out
from app.rates import Rates
from app.requests import JSON, BadRequest, not_there
from app.settings import load
from models.base import new_id
from models.database import is_sqlite, rows
from models.postgres import Client as OnPostgres
from models.sessions import Tally
from models.users import User
from schema.build import schema
from tests.conftest import Clock
from tests.databases import file_of
from tests.factories import Make
from tests.graphql.api import Api, application

AT_WORK = 4
"""Twice as many as there are connections, of which there are two at least."""
WORD = "not-the-right-one"
SIGN_IN = """mutation($email: String!, $password: String!) {
    signIn(input: {email: $email, password: $password}) { errors { code } } }"""


def sign_in() -> bytes:
    return orjson.dumps({"query": SIGN_IN, "variables": {"email": "a@b.example", "password": WORD}})


def told(response: httpx.Response) -> tuple[int, str | None]:
    errors = response.json().get("errors", [{"extensions": {"code": None}}])
    return response.status_code, errors[0]["extensions"]["code"]


async def ask(api: Api, body: Any) -> httpx.Response:
    return await api.http.post("/graphql", content=body, headers={"Content-Type": JSON})


HARMLESS = orjson.dumps({"query": "{ __typename }"})


@asynccontextmanager
async def no_writing(database_url: str) -> AsyncIterator[None]:
    """A lock, held by somebody else, for which every sign-in waits."""
    if is_sqlite():
        file = sqlite3.connect(file_of(database_url), isolation_level=None)
        file.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            file.rollback()
            file.close()
        return
    client = get_connection("default")
    assert isinstance(client, OnPostgres)
    await client.execute_query("SELECT 1")  # opens the pool
    aside = await client.connect_aside()
    try:
        async with aside.transaction():
            await aside.execute("LOCK TABLE tallies IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await aside.close()


def figures() -> tuple[float, float]:
    return metrics.running._value.get(), metrics.waiting._value.get()


async def until(at_work: int, waiting: int) -> None:
    async with asyncio.timeout(20):
        while figures() != (at_work, waiting):  # noqa: ASYNC110 - one can only ask
            await asyncio.sleep(0.001)


async def test_what_is_too_much_is_refused_while_all_else_waits_and_is_served_then(
    make: Make, clock: Clock, database_url: str
) -> None:
    async with application(make, clock, max_connections=2, max_operations=AT_WORK + 2) as api:
        async with no_writing(database_url):
            held = [asyncio.create_task(ask(api, sign_in())) for _ in range(AT_WORK + 2)]
            await until(at_work=AT_WORK, waiting=2)
            asked = [ask(api, unread()) for _ in range(3)]
            refused = await asyncio.gather(*asked, return_exceptions=True)
            are_held = not any(task.done() for task in held)
        served = await asyncio.gather(*held)
        after = await ask(api, HARMLESS)

    assert are_held
    for answer in refused:
        assert isinstance(answer, httpx.Response)
        assert (told(answer), answer.headers["retry-after"]) == ((503, "OVERLOADED"), "1")
    codes = [answer.json()["data"]["signIn"]["errors"][0]["code"] for answer in served]
    assert sorted(codes) == ["INVALID_CREDENTIALS"] * 5 + ["LOCKED_OUT"]
    assert (told(after), figures()) == ((200, None), (0, 0))


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
async def test_what_takes_too_long_is_ended_in_the_database_too(
    make: Make, clock: Clock, database_url: str
) -> None:
    """SQLite waits for who writes without being asked: `busy_timeout` is shorter than the limit."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE query LIKE $1 AND wait_event_type = 'Lock'"
    impatient = application(make, clock, max_operation_seconds=0.3)
    async with impatient as api, no_writing(database_url):
        ended = await ask(api, sign_in())
        still = await rows(waiting, "%tallies%")
    async with application(make, clock) as api:
        again = await ask(api, sign_in())

    assert (told(ended), still) == ((503, "OPERATION_TIMEOUT"), [])
    assert told(again) == (200, None)
    assert [tally.count for tally in await Tally.all()] == [1]


async def test_a_body_that_announces_too_much_is_not_read(make: Make, clock: Clock) -> None:
    headers = {"Content-Type": JSON, "Content-Length": "2000"}

    async with application(make, clock, max_body_bytes=1024) as api:
        answer = await api.http.post("/graphql", content=unread(), headers=headers)

    assert told(answer) == (413, "BODY_TOO_LARGE")


async def unread() -> AsyncIterator[bytes]:
    """A body of which nothing is asked for."""
    raise AssertionError("it was read")
    yield b""


async def test_operations_begin_one_in_each_turn_of_the_event_loop() -> None:
    places, began, turns = Places(load(_env_file=None)), [], 0

    async def operation(number: int) -> None:
        async with places.turn():
            began.append((number, turns))

    async with asyncio.TaskGroup() as tasks:
        operations = [tasks.create_task(operation(number)) for number in range(9)]
        while not all(task.done() for task in operations):
            await asyncio.sleep(0)
            turns += 1
            if turns in {1, 4}:  # while others wait, one leaves and one comes
                operations[turns + 1].cancel()
                operations.append(tasks.create_task(operation(len(operations))))

    numbers, whens = zip(*began, strict=True)
    assert numbers == (0, 1, 3, 4, 6, 7, 8, 9, 10)
    assert whens == tuple(sorted(set(whens)))


async def test_who_comes_alone_begins_at_once() -> None:
    turn = Places(load(_env_file=None)).turn()

    with pytest.raises(StopIteration) as begun:
        turn.__aenter__().send(None)

    assert begun.value.value is False
    await turn.__aexit__()


async def test_who_leaves_while_waiting_leaves_nothing_behind() -> None:
    places = Places(load(_env_file=None, max_connections=2))

    async with AsyncExitStack() as at_work:
        for _ in range(AT_WORK):
            await at_work.enter_async_context(places.turn())
        waiting = asyncio.create_task(places.turn().__aenter__())
        await until(at_work=AT_WORK, waiting=1)
        waiting.cancel()
        await asyncio.wait([waiting])
    async with AsyncExitStack() as at_work:
        waited = [await at_work.enter_async_context(places.turn()) for _ in range(AT_WORK)]

    assert waited == [False] * AT_WORK
    assert figures() == (0, 0)


async def test_nothing_is_done_for_who_has_left_meanwhile(clock: Clock) -> None:
    settings = load(_env_file=None, rate_limit="off", max_connections=2)
    places = Places(settings)
    endpoint = GraphQL(schema, settings, clock, Rates(settings, clock), places)
    said: list[Any] = [{"type": "http.request", "body": HARMLESS}, {"type": "http.disconnect"}]
    headers = [(b"content-type", JSON.encode())]
    scope = {"type": "http", "method": "POST", "headers": headers, "query_string": b""}
    sent: list[Any] = []

    async def receive() -> Any:
        return said.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async with AsyncExitStack() as at_work:
        for _ in range(AT_WORK):
            await at_work.enter_async_context(places.turn())
        asking = asyncio.create_task(endpoint(scope, receive, send))
        await until(at_work=AT_WORK, waiting=1)
    with pytest.raises(ClientDisconnect):
        await asking

    assert sent == []


async def test_large_bodies_are_held_few_at_once(make: Make, clock: Clock) -> None:
    most, go_on = 100_000, asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield HARMLESS[:-1] + b" " * (most - len(HARMLESS))
        await go_on.wait()
        yield b"}"

    async with application(make, clock, max_body_bytes=most) as api:
        held = [asyncio.create_task(ask(api, slow())) for _ in range(4)]
        await asyncio.sleep(0)
        more = await ask(api, slow())
        small = await ask(api, HARMLESS)
        go_on.set()
        served = await asyncio.gather(*held)
        again = await ask(api, slow())

    assert told(more) == (503, "OVERLOADED")
    assert [told(answer) for answer in (*served, small, again)] == [(200, None)] * 6


async def test_a_body_that_does_not_come_is_not_waited_for(make: Make, clock: Clock) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield HARMLESS[:5]
        await asyncio.Event().wait()

    async with application(make, clock, max_operation_seconds=0.05) as api:
        answer = await ask(api, stalled())

    assert told(answer) == (408, "REQUEST_TIMEOUT")


async def test_an_operation_has_all_its_seconds_however_late_its_body_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def be_at(seconds: float) -> None:
        monkeypatch.setattr(loop, "time", lambda: began + seconds)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def operation() -> None:
        async with Limit(60, not_there) as limit:
            await be_at(50)
            limit.begin_anew(timed_out)
            await be_at(109)
            in_time.set()
            await be_at(111)

    in_time = asyncio.Event()
    with pytest.raises(BadRequest) as late:
        await operation()

    assert (in_time.is_set(), late.value.code) == (True, "OPERATION_TIMEOUT")


async def test_exports_are_counted_and_have_places(make: Make, clock: Clock) -> None:
    manager = await make.manager(await make.company())
    token = await make.token(manager)

    async def get(api: Api, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await api.http.get("/export/users.csv", headers=headers)

    async with application(make, clock, rate_limit="2 per hour", guess_limit="2 per hour") as api:
        counted = [(await get(api, token)).status_code for _ in range(3)]
        guessed = [(await get(api, f"guess-{number}")).status_code for number in range(3)]
        strangers = [(await get(api, "")).status_code for _ in range(5)]
    async with application(make, clock, max_operations=2) as api:
        at_once = await asyncio.gather(*(get(api, token) for _ in range(4)))
        after = await get(api, token)

    assert counted == [200, 200, 429]
    assert guessed == [401, 401, 429]
    assert strangers == [401] * 4 + [429]
    assert sorted(answer.status_code for answer in at_once) == [200, 200, 503, 503]
    assert after.status_code == 200
    assert await User.all().count() == 1


async def test_each_page_of_a_download_takes_a_turn(make: Make, clock: Clock) -> None:
    settings = load(_env_file=None, rate_limit="off", max_connections=2)
    places = Places(settings)
    download = Download("users", clock, Rates(settings, clock), places)
    token = await make.token(await make.manager(await make.company()))
    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": "GET", "headers": headers, "query_string": b""}
    begun, sent = asyncio.Event(), bytearray()

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.extend(message.get("body", b""))
        if sent and not begun.is_set():
            for _ in range(AT_WORK):
                await at_work.enter_async_context(places.turn())
            begun.set()

    async with AsyncExitStack() as at_work:
        downloading = asyncio.create_task(download(scope, receive, send))
        await begun.wait()
        await until(at_work=AT_WORK, waiting=1)
        lines_before = sent.count(b"\n")
    await downloading

    assert (lines_before, sent.count(b"\n")) == (1, 2)


async def test_a_download_waits_no_longer_than_an_operation(make: Make, clock: Clock) -> None:
    settings = load(_env_file=None, rate_limit="off", max_connections=2, max_operation_seconds=0.1)
    places = Places(settings)
    download = Download("users", clock, Rates(settings, clock), places)
    token = await make.token(await make.manager(await make.company()))
    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": "GET", "headers": headers, "query_string": b""}
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    async with AsyncExitStack() as at_work:
        for _ in range(AT_WORK):
            await at_work.enter_async_context(places.turn())
        async with asyncio.timeout(20):
            await download(scope, receive, send)

    assert sent[0]["status"] == 503
    assert orjson.loads(sent[1]["body"])["errors"][0]["extensions"]["code"] == "OPERATION_TIMEOUT"
    assert figures() == (0, 0)


def test_a_person_has_few_downloads_under_way() -> None:
    places, ann, bob = Places(load(_env_file=None)), new_id(), new_id()

    with ExitStack() as downloads:
        for _ in range(DOWNLOADS):
            downloads.enter_context(places.download(ann))
        with pytest.raises(BadRequest) as refused, places.download(ann):
            pass
        with places.download(bob):
            pass
    with places.download(ann):
        pass

    assert (refused.value.status, refused.value.code) == (429, "RATE_LIMITED")
