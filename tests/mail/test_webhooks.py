"""What a worker makes of webhooks that wait, with real receivers on loopback."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from standardwebhooks import Webhook, WebhookVerificationError

from mail.loop import Pace
from mail.web import Web
from mail.webhooks import AT_ONE_ENDPOINT, LEASES, WebhookWorker
from models.audit import AuditEvent
from models.companies import Company
from models.destinations import Destinations
from models.outbox import Notification
from models.users import User
from models.webhooks import WebhookDelivery, WebhookDeliveryStatus, WebhookEndpoint
from resolvers.performing import perform
from resolvers.webhooks import give_up_endpoint, redeliver_webhook
from tests.conftest import Clock
from tests.factories import Make
from tests.mail.conftest import seconds
from tests.receiver import Receiver, answers, drips, floods, hangs, hangs_up
from tests.scene import Do
from tests.snapshots import events, mails

QUEUED, DELIVERED, FAILED = WebhookDeliveryStatus
LOOPBACK = Destinations(plain_http=True, loopback=True)
RAGGED = [answers(500), answers(500), hangs, answers(302, "Location: /"), hangs_up, drips]


class Hiring:
    """Hires workers that look at the test's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._webs: list[Web] = []

    def __call__(self, *, timeout: float = 5.0, linger: float = 5.0, **pace: Any) -> WebhookWorker:
        web = Web(LOOPBACK, timeout=timeout)
        self._webs.append(web)
        return WebhookWorker(
            web,
            give_up=partial(perform, None, self._clock, give_up_endpoint),
            clock=self._clock,
            pace=Pace(**({"poll": 60.0, "pause": 0.01, "note_again": 0.01} | pace)),
            chance=lambda: 1.0,
            linger=linger,
        )

    async def close(self) -> None:
        for web in self._webs:
            await web.close()


@pytest_asyncio.fixture
async def hire(database: str, clock: Clock) -> AsyncIterator[Hiring]:
    hiring = Hiring(clock)
    yield hiring
    await hiring.close()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def customer(make: Make) -> Company:
    return await make.company(await make.partner(), name="Blue Fjord")


@pytest_asyncio.fixture
async def ann(make: Make, customer: Company) -> User:
    return await make.manager(customer, email="ann@fjord.example")


@pytest_asyncio.fixture
async def endpoint(make: Make, customer: Company, ann: User, receiver: Receiver) -> WebhookEndpoint:
    return await make.endpoint(customer, ann, url=receiver.url)


async def state(row: WebhookDelivery) -> dict[str, Any]:
    """What the worker may change of a row."""
    now = await WebhookDelivery.get(id=row.id)
    columns = "status", "attempts", "response_status", "last_error", "leased_until", "delivered_at"
    return {column: getattr(now, column) for column in columns}


UNTOUCHED = {
    "status": QUEUED,
    "attempts": 0,
    "response_status": None,
    "last_error": None,
    "leased_until": None,
    "delivered_at": None,
}


async def until_due(row: WebhookDelivery, clock: Clock) -> None:
    due = (await WebhookDelivery.get(id=row.id)).next_attempt_at
    clock.now = max(clock.now, due)


async def test_what_waits_is_delivered_and_noted(
    make: Make, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring, clock: Clock
) -> None:
    row = await make.delivery(endpoint)

    assert [await hire().drain() for _ in range(2)] == [1, 0]

    assert await state(row) == UNTOUCHED | {
        "status": DELIVERED,
        "attempts": 1,
        "response_status": 204,
        "delivered_at": clock(),
    }
    assert receiver.ids == [str(row.message_id)]


async def test_a_webhook_is_verified_by_the_library_of_its_receiver(
    make: Make, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring, clock: Clock
) -> None:
    """Its own clock is today's, so that the worker's must be so as well."""
    from app.clock import utc_now

    clock.now = utc_now()
    row = await make.delivery(endpoint)
    await hire().drain()

    [request] = receiver.requests
    told = Webhook(endpoint.secret).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(request.body + b" ", request.headers)

    assert told == request.told
    assert told["type"] == row.event
    assert int(request.headers["webhook-timestamp"]) == int(clock().timestamp())
    assert request.headers["content-type"] == "application/json"


async def test_what_is_not_due_waits(
    make: Make, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring, clock: Clock
) -> None:
    row = await make.delivery(endpoint)
    clock.move(seconds=-1)

    assert await hire().drain() == 0

    assert await state(row) == UNTOUCHED
    assert receiver.connections == 0


# ── A receiver that fails ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("act", "status", "error"),
    [
        (answers(500), 500, "The receiver answered 500."),
        (answers(410), 410, "The receiver answered 410."),
        (answers(302, "Location: /x"), 302, "The receiver answered 302: redirects are not follow"),
        (hangs, None, "The receiver did not answer in time."),
        (hangs_up, None, "The receiver does not speak HTTP."),
    ],
)
async def test_what_failed_for_now_is_tried_again_within_30_seconds(
    make: Make,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
    hire: Hiring,
    clock: Clock,
    act: Any,
    status: int | None,
    error: str,
) -> None:
    worker = hire(timeout=0.3)
    row = await make.delivery(endpoint)
    receiver.does(act)

    assert await worker.drain() == 0

    failed = await state(row)
    assert failed.pop("last_error").startswith(error)
    assert failed == {
        name: value
        for name, value in (UNTOUCHED | {"attempts": 1, "response_status": status}).items()
        if name != "last_error"
    }
    clock.move(seconds=29)
    assert await worker.drain() == 1
    assert receiver.ids == [str(row.message_id)] * 2


async def test_a_receiver_that_fails_in_every_way_gets_each_event_under_one_id(
    make: Make, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring, clock: Clock
) -> None:
    """Down for a minute, then 500 twice, a hang, a redirect, a broken connection, a slow drip; and
    when it takes it, it answers without end."""
    worker = hire(timeout=0.3)
    rows = [await make.delivery(endpoint) for _ in range(2)]
    await receiver.stop()
    for _ in range(3):
        assert await worker.drain() == 0
        await until_due(rows[0], clock)
    assert clock() - rows[0].created_at > timedelta(minutes=1)
    await receiver.start()
    receiver.does(*(act for act in RAGGED for _ in rows))
    receiver.always(floods)

    for _ in RAGGED:
        assert await worker.drain() == 0
        await until_due(rows[0], clock)
        await until_due(rows[1], clock)

    assert await worker.drain() == 2
    assert set(receiver.ids) == {str(row.message_id) for row in rows}
    bodies = {(request.id, request.body) for request in receiver.requests}
    assert len(bodies) == 2
    assert all(request.is_signed_with(endpoint.secret) for request in receiver.requests)
    stamps = [int(request.headers["webhook-timestamp"]) for request in receiver.requests]
    assert stamps == sorted(stamps)
    assert stamps[-1] == int(clock().timestamp()) > stamps[0]
    assert [(await state(row))["attempts"] for row in rows] == [10, 10]


async def test_pauses_grow_for_three_days_and_then_the_endpoint_is_switched_off(
    make: Make,
    customer: Company,
    ann: User,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
    hire: Hiring,
    clock: Clock,
) -> None:
    await make.manager(customer)  # who made no endpoint, and hears nothing of it
    worker = hire()
    row = await make.delivery(endpoint)
    waits = await make.delivery(endpoint, next_attempt_at=clock.now + timedelta(days=9))
    receiver.always(answers(503))
    pauses = []

    while (await state(row))["status"] is QUEUED:
        assert await worker.drain() == 0
        before, row = clock(), await WebhookDelivery.get(id=row.id)
        pauses.append(seconds(row.next_attempt_at, before))
        clock.now = max(clock.now, row.next_attempt_at)

    assert pauses[:4] == [20, 40, 80, 160]
    assert pauses[:-2] == sorted(pauses[:-2])
    assert max(pauses) == 8 * 3600
    assert clock() - row.created_at == timedelta(days=3)
    assert (await state(row))["last_error"] == "The receiver answered 503."
    error = "The endpoint was switched off."
    assert await state(waits) == UNTOUCHED | {"status": FAILED, "last_error": error}
    off = await WebhookEndpoint.get(id=endpoint.id)
    assert (off.enabled, off.disabled_at) == (False, clock())
    assert await mails() == [("WEBHOOK_DISABLED", ann.email)]
    [event] = await AuditEvent.all()
    assert (event.action, event.subject_id, event.actor_id) == (
        "webhook.disabled",
        endpoint.id,
        None,
    )
    tried = len(receiver.requests)
    await make.delivery(endpoint)
    assert await worker.drain() == 0
    assert len(receiver.requests) == tried


async def test_an_endpoint_that_takes_other_events_stays_on(
    make: Make, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring, clock: Clock
) -> None:
    worker = hire()
    bad = await make.delivery(endpoint)
    receiver.does(answers(500))
    await worker.drain()
    clock.move(days=3)
    await WebhookDelivery.filter(id=bad.id).update(attempts=8, next_attempt_at=clock())
    good = await make.delivery(endpoint, next_attempt_at=clock.now - timedelta(days=1))
    receiver.does(answers(200), answers(500))

    assert await hire(batch=1).drain() == 1

    assert [(await state(row))["status"] for row in (bad, good)] == [FAILED, DELIVERED]
    assert (await WebhookEndpoint.get(id=endpoint.id)).enabled
    assert await Notification.all().count() == 0
    assert await events() == []


async def test_a_webhook_that_waited_three_days_for_a_worker_gets_its_attempts(
    make: Make, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring, clock: Clock
) -> None:
    row = await make.delivery(endpoint)
    clock.move(days=4)
    receiver.does(*[answers(500)] * 4)

    for _ in range(4):
        assert await hire().drain() == 0
        clock.move(minutes=5)

    assert await hire().drain() == 1
    assert (await state(row))["attempts"] == 5


# ── What must not be sent any more ───────────────────────────────────────────────────────────────


async def test_nothing_is_sent_to_an_endpoint_that_is_off(
    make: Make, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring
) -> None:
    row = await make.delivery(endpoint)
    await WebhookEndpoint.filter(id=endpoint.id).update(enabled=False)

    assert await hire().drain() == 0

    error = "The endpoint is switched off."
    assert await state(row) == UNTOUCHED | {"status": FAILED, "last_error": error}
    assert receiver.connections == 0


async def test_nothing_is_sent_for_an_archived_company(
    make: Make, customer: Company, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring
) -> None:
    row = await make.delivery(endpoint)
    await Company.filter(id=customer.id).update(is_archived=True)

    assert await hire().drain() == 0

    error = "The endpoint's company has been archived."
    assert await state(row) == UNTOUCHED | {"status": FAILED, "last_error": error}
    assert receiver.connections == 0


async def test_nothing_is_told_of_a_company_that_was_moved_elsewhere_meanwhile(
    make: Make, receiver: Receiver, hire: Hiring
) -> None:
    partner, other = await make.partner(), await make.partner()
    moved = await make.company(partner)
    endpoint = await make.endpoint(partner, await make.manager(partner), url=receiver.url)
    row = await make.delivery(endpoint, about=moved)
    await Company.filter(id=moved.id).update(parent_id=other.id, path=other.path + moved.label)

    assert await hire().drain() == 0

    error = "The company that it is about has been moved elsewhere."
    assert await state(row) == UNTOUCHED | {"status": FAILED, "last_error": error}
    assert receiver.connections == 0


async def test_a_local_address_is_refused_and_tried_again_as_any_other_failure(
    make: Make, customer: Company, ann: User, hire: Hiring
) -> None:
    endpoint = await make.endpoint(customer, ann, url="http://10.0.0.1/hook")
    row = await make.delivery(endpoint)

    assert await hire().drain() == 0

    now = await state(row)
    assert (now["status"], now["attempts"], now["response_status"]) == (QUEUED, 1, None)
    assert "public addresses alone" in now["last_error"]


# ── Many at once ─────────────────────────────────────────────────────────────────────────────────


async def test_a_receiver_that_hangs_holds_up_no_other(
    make: Make, customer: Company, ann: User, hire: Hiring
) -> None:
    async with Receiver() as slow, Receiver() as quick:
        slow.always(hangs)
        hung = await make.endpoint(customer, ann, url=slow.url)
        other = await make.endpoint(customer, ann, url=quick.url)
        waiting = [await make.delivery(hung) for _ in range(12)]
        rows = [await make.delivery(other) for _ in range(6)]
        worker = hire(timeout=60)
        run = asyncio.create_task(worker.run(asyncio.Event()))

        async with asyncio.timeout(10):
            await quick.has_had(len(rows))
            await slow.has_had(AT_ONE_ENDPOINT)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

        assert sorted(quick.ids) == sorted(str(row.message_id) for row in rows)
        assert slow.connections == AT_ONE_ENDPOINT
    left = [await state(row) for row in waiting]
    assert left == [UNTOUCHED] * len(waiting)  # whoever is cancelled leaves it to other workers


async def test_an_endpoint_that_fails_is_asked_one_at_a_time(
    make: Make, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring
) -> None:
    worker = hire(timeout=0.2)
    first = await make.delivery(endpoint)
    receiver.does(answers(500))
    await worker.drain()
    assert (await state(first))["attempts"] == 1
    for _ in range(3):
        await make.delivery(endpoint)
    under_way = most = 0

    async def count(writer: asyncio.StreamWriter) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        await answers(500)(writer)

    receiver.always(count)
    await worker.drain()

    assert (len(receiver.requests), most) == (4, 1)


async def test_many_endpoints_take_turns(make: Make, customer: Company, ann: User) -> None:
    """However many wait for one, a look at the outbox finds one of each."""
    endpoints = [await make.endpoint(customer, ann) for _ in range(5)]
    for endpoint in endpoints:
        for _ in range(4):
            await make.delivery(endpoint)
    now = make.now
    busy = [endpoints[0].id, endpoints[3].id]

    first = await LEASES.lease(now, now + timedelta(minutes=1), 50)
    second = await LEASES.lease(now, now + timedelta(minutes=1), 50, busy)
    third = await LEASES.lease(now, now + timedelta(minutes=1), 2)

    def endpoints_of(rows: list[WebhookDelivery]) -> set[UUID]:
        assert len({row.endpoint_id for row in rows}) == len(rows)
        return {row.endpoint_id for row in rows}

    assert endpoints_of(first) == {endpoint.id for endpoint in endpoints}
    assert endpoints_of(second) == {endpoint.id for endpoint in endpoints} - set(busy)
    assert len(third) == 2
    assert len({row.id for row in (*first, *second, *third)}) == 10


async def test_two_workers_at_once_send_each_webhook_once(
    make: Make, customer: Company, ann: User, hire: Hiring
) -> None:
    async with AsyncExitStack() as stack:
        receivers = [await stack.enter_async_context(Receiver()) for _ in range(3)]
        rows = [
            await make.delivery(await make.endpoint(customer, ann, url=receiver.url))
            for receiver in receivers
            for _ in range(10)
        ]

        sent = await asyncio.gather(*(hire().drain() for _ in range(2)))

        assert sum(sent) == 30
        ids = [id for receiver in receivers for id in receiver.ids]
        assert sorted(ids) == sorted(str(row.message_id) for row in rows)


async def test_who_lost_the_lease_notes_nothing(
    make: Make, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring, clock: Clock
) -> None:
    row = await make.delivery(endpoint)

    async def take_too_long(writer: asyncio.StreamWriter) -> None:
        clock.move(seconds=91)
        assert await hire().drain() == 1
        await answers(500)(writer)

    receiver.does(take_too_long)
    await hire().drain()

    now = await state(row)
    assert (now["status"], now["attempts"], now["response_status"]) == (DELIVERED, 1, 204)


async def test_a_worker_that_stops_finishes_what_is_under_way(
    make: Make, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring
) -> None:
    row = await make.delivery(endpoint)
    stop = asyncio.Event()

    async def end(writer: asyncio.StreamWriter) -> None:
        stop.set()
        await answers(200)(writer)

    receiver.does(end)
    async with asyncio.timeout(10):
        await hire().run(stop)

    assert (await state(row))["status"] is DELIVERED


async def test_a_worker_that_stops_waits_a_little_and_leaves_what_hangs_to_others(
    make: Make, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring
) -> None:
    row = await make.delivery(endpoint)
    stop = asyncio.Event()

    async def end(writer: asyncio.StreamWriter) -> None:
        stop.set()
        await hangs(writer)

    receiver.does(end)
    async with asyncio.timeout(10):
        await hire(timeout=60, linger=0.1).run(stop)

    assert await state(row) == UNTOUCHED
    assert await hire().drain() == 1
    assert receiver.ids == [str(row.message_id)] * 2


async def test_what_is_redelivered_while_it_is_under_way_is_sent_again(
    make: Make, endpoint: WebhookEndpoint, receiver: Receiver, hire: Hiring, clock: Clock, ann: User
) -> None:
    row = await make.delivery(endpoint)

    async def ask_again(writer: asyncio.StreamWriter) -> None:
        clock.move(seconds=1)
        await Do(clock)(ann, redeliver_webhook, row.id)
        await answers(500)(writer)

    receiver.does(ask_again)
    await hire().drain()

    now = await state(row)
    assert (now["status"], now["attempts"], now["response_status"]) == (DELIVERED, 1, 204)
    assert receiver.ids == [str(row.message_id)] * 2


async def test_logs_hold_no_url_and_no_secret(
    make: Make,
    customer: Company,
    ann: User,
    receiver: Receiver,
    hire: Hiring,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"{receiver.url}?token=s3cret"
    endpoint = await make.endpoint(customer, ann, url=url)
    await make.delivery(endpoint)
    await make.delivery(endpoint, queued_at=make.now - timedelta(days=4), attempts=9)
    receiver.always(answers(500, "X-Said: no", body=b"s3cret"))

    await hire().drain()

    written = [record for record in caplog.records if record.name.startswith("mail.")]
    assert len(written) == 2
    told = "\n".join(f"{record.getMessage()} {record.exc_info}" for record in written)
    secrets = ["s3cret", receiver.url, endpoint.secret, ann.email]
    assert [secret for secret in secrets if secret in told] == []
