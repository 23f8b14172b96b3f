"""A worker that runs: it wakes, survives, and stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mail.worker import Worker
from models.database import is_sqlite, rows
from models.outbox import Notification, NotificationStatus
from tests.mail.conftest import Outbox, Workers, message_id, told
from tests.postgres import Postgres
from tests.smtp import Catcher, Session, hang

QUEUED, SENT, FAILED = NotificationStatus


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[asyncio.Event]:
    """The worker runs until the event, or the end."""
    stop = asyncio.Event()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run(stop))
        yield stop
        stop.set()


def arrival(catcher: Catcher, number: int = 1) -> asyncio.Event:
    """An event for the moment when the server has taken that many mails."""
    event = asyncio.Event()

    async def count(session: Session) -> None:
        if len(catcher.mails) >= number:
            event.set()

    catcher.at("END", count, times=None)
    return event


async def test_a_worker_is_woken(outbox: Outbox, catcher: Catcher, worker: Worker) -> None:
    async with running(worker):
        for number in range(1, 4):
            arrived = arrival(catcher, number)
            row = await outbox.promise()
            worker.wake()
            await arrived.wait()
            catcher.behave()
            assert catcher.ids[-1] == message_id(row)


async def test_a_worker_looks_by_itself(outbox: Outbox, catcher: Catcher, workers: Workers) -> None:
    arrived = arrival(catcher)
    async with running(workers.hire(poll=0.01)):
        await outbox.promise()
        await arrived.wait()


async def test_a_worker_that_stops_finishes_the_mail_in_hand_and_leaves_the_rest(
    outbox: Outbox, catcher: Catcher, worker: Worker
) -> None:
    promised = await outbox.promise_many(5)

    async with running(worker) as stop:

        async def end(session: Session) -> None:
            stop.set()

        catcher.at("END", end)
        await stop.wait()

    now = await Notification.filter(id__in=[row.id for row in promised]).order_by("id")
    assert [row.status for row in now] == [SENT] + [QUEUED] * 4
    assert {row.leased_until for row in now} == {None}
    assert catcher.commands["QUIT"] == 1


async def test_an_idle_worker_stops_at_once(worker: Worker, outbox: Outbox) -> None:
    async with asyncio.timeout(5), running(worker):
        for _ in range(20):  # behind the worker's look at the outbox, so that it rests
            await Notification.all().count()


async def test_a_worker_that_is_cancelled_leaves_all_it_had(
    outbox: Outbox, catcher: Catcher, worker: Worker
) -> None:
    await outbox.promise_many(5)
    hung = asyncio.Event()

    async def hold(session: Session) -> str | None:
        hung.set()
        return await hang(session)

    catcher.at("RCPT", hold)
    run = asyncio.create_task(worker.run(asyncio.Event()))
    await hung.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run

    assert await Notification.filter(status=QUEUED, leased_until=None).count() == 5
    assert await worker.drain() == 5


async def test_every_mail_arrives_after_the_server_was_down(
    outbox: Outbox, catcher: Catcher, worker: Worker
) -> None:
    await catcher.stop()
    arrived = arrival(catcher, 20)

    with told("mail.worker", "No mail can be sent") as noticed:
        async with running(worker):
            promised = await outbox.promise_many(20)
            worker.wake()
            await noticed.wait()
            await catcher.start()
            await arrived.wait()

    assert catcher.ids == [message_id(row) for row in promised]


class Outage:
    """The database fails: PostgreSQL stops; with SQLite, which cannot, the table is gone."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def begin(self) -> None:
        if is_sqlite():
            await rows("ALTER TABLE notifications RENAME TO gone")
        else:
            await asyncio.to_thread(self._postgres.stop)

    async def end(self) -> None:
        if is_sqlite():
            await rows("ALTER TABLE gone RENAME TO notifications")
        else:
            await asyncio.to_thread(self._postgres.start)


@pytest.fixture
def outage(postgres: Postgres) -> Outage:
    return Outage(postgres)


async def test_a_worker_outlives_an_outage_of_the_database(
    outbox: Outbox, catcher: Catcher, worker: Worker, outage: Outage
) -> None:
    row = await outbox.promise()
    await outage.begin()
    arrived = arrival(catcher)

    with told("mail.loop", "cannot be worked on") as noticed:
        async with running(worker):
            await noticed.wait()
            await outage.end()
            await arrived.wait()

    assert catcher.ids == [message_id(row)]


async def test_a_mail_that_was_accepted_is_noted_whatever_happens_to_the_database(
    outbox: Outbox, catcher: Catcher, worker: Worker, outage: Outage
) -> None:
    promised = await outbox.promise_many(3)
    arrived = arrival(catcher, 3)

    async def fail(session: Session) -> None:
        await outage.begin()

    catcher.at("RCPT", fail, to=promised[1].recipient)
    with told("mail.loop", "cannot be noted") as noticed:
        async with running(worker):
            await noticed.wait()
            await outage.end()
            await arrived.wait()

    assert catcher.ids == [message_id(row) for row in promised]
    assert await Notification.filter(status=SENT, attempts=1).count() == 3
