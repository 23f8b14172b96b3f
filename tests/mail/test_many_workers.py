"""Any number of workers: each mail once, in order, and never by one that does not hold it."""

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import asyncpg
import pytest

from mail.worker import LEASES, Worker
from models.base import new_id
from models.database import is_sqlite
from models.outbox import Notification, NotificationStatus, NotificationTemplate
from tests.conftest import Clock
from tests.mail.conftest import Outbox, Workers, message_id
from tests.smtp import Catcher, Session

QUEUED, SENT, FAILED = NotificationStatus
ROOT = Path(__file__).parents[2]


async def test_two_workers_at_once_send_each_mail_once(
    outbox: Outbox, catcher: Catcher, workers: Workers
) -> None:
    promised = await outbox.promise_many(200)

    sent = await asyncio.gather(*(workers.hire(batch=7).drain() for _ in range(2)))

    assert sum(sent) == 200
    assert min(sent) > 0
    assert sorted(catcher.ids) == sorted(message_id(row) for row in promised)
    assert await Notification.filter(status=SENT, attempts=1, leased_until=None).count() == 200


async def test_a_worker_that_is_killed_loses_nothing(
    outbox: Outbox, catcher: Catcher, workers: Workers, clock: Clock, database: str
) -> None:
    """The mail that was accepted as the process died goes twice, under the same Message-ID."""
    promised = await outbox.promise_many(200)
    first = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.mail.worker_process",
        database,
        catcher.url,
        f"{clock()}",
        cwd=ROOT,
    )

    async def kill(session: Session) -> None:
        if len(catcher.mails) == 120:
            os.kill(first.pid, signal.SIGKILL)

    catcher.at("END", kill, times=None)
    assert await first.wait() == -signal.SIGKILL
    assert len(catcher.mails) == 120
    second = workers.hire()

    assert await second.drain() == 50  # of the killed worker's batch none, until its lease is over
    clock.move(seconds=91)
    assert await second.drain() == 31

    times = Counter(catcher.ids)
    assert times.keys() == {message_id(row) for row in promised}
    assert [id for id, number in times.items() if number > 1] == [message_id(promised[119])]
    assert times.total() == 201


async def test_mails_of_one_transaction_leave_in_the_order_written(
    outbox: Outbox, catcher: Catcher, workers: Workers
) -> None:
    batches = [new_id() for _ in range(10)]
    promised = [
        await outbox.promise(template, batch=batch)
        for batch in batches
        for template in (NotificationTemplate.MANAGER_WELCOME, NotificationTemplate.ORDER_REQUESTED)
        for _ in range(3)
    ]

    await asyncio.gather(*(workers.hire(batch=4).drain() for _ in range(4)))
    await workers.hire().drain()

    for batch in batches:
        written = [message_id(row) for row in promised if row.batch == batch]
        assert [id for id in catcher.ids if id in written] == written


async def test_what_follows_a_mail_that_another_worker_holds_waits(
    outbox: Outbox, catcher: Catcher, workers: Workers
) -> None:
    batch = new_id()
    welcome = await outbox.promise(NotificationTemplate.MANAGER_WELCOME, batch=batch)
    order = await outbox.promise(batch=batch)
    stranger = await outbox.promise()
    second = workers.hire()

    async def overtake(session: Session) -> None:
        assert await second.drain() == 1

    catcher.at("RCPT", overtake, to=welcome.recipient)
    await workers.hire(batch=1).drain()

    assert catcher.ids == [message_id(row) for row in (stranger, welcome, order)]


@pytest.mark.parametrize("at_once", [1, 50])
async def test_what_follows_a_mail_that_failed_for_now_waits_if_it_is_for_the_same_person(
    outbox: Outbox, catcher: Catcher, workers: Workers, clock: Clock, at_once: int
) -> None:
    worker, batch = workers.hire(batch=at_once), new_id()
    ann, bob = [await outbox.make.manager(outbox.company) for _ in range(2)]
    welcome = await outbox.promise(NotificationTemplate.MANAGER_WELCOME, to=ann, batch=batch)
    order = await outbox.promise(to=ann, batch=batch)
    for_bob = await outbox.promise(to=bob, batch=batch)
    other = await outbox.promise(to=ann)
    catcher.at("RCPT", "450 Later", to=ann.email)

    assert await worker.drain() == 2
    assert catcher.ids == [message_id(for_bob), message_id(other)]
    assert (await Notification.get(id=order.id)).attempts == 0
    clock.move(seconds=30)
    assert await worker.drain() == 2
    assert catcher.ids[2:] == [message_id(welcome), message_id(order)]


async def test_the_order_holds_in_batches_of_one(
    outbox: Outbox, catcher: Catcher, workers: Workers, clock: Clock
) -> None:
    """The one that failed is due after the one that waits for it: the latter must not be first."""
    ann, batch = await outbox.make.manager(outbox.company), new_id()
    promised = [await outbox.promise(to=ann, batch=batch) for _ in range(3)]
    catcher.at("RCPT", "450 Later")
    worker = workers.hire(batch=1)
    await worker.drain()
    clock.move(seconds=30)

    assert await worker.drain() == 3
    assert catcher.ids == [message_id(row) for row in promised]


async def test_what_follows_a_mail_that_failed_for_good_does_not_wait(
    outbox: Outbox, catcher: Catcher, worker: Worker
) -> None:
    ann, batch = await outbox.make.manager(outbox.company), new_id()
    _, second = [await outbox.promise(to=ann, batch=batch) for _ in range(2)]
    catcher.at("RCPT", "550 No")

    assert await worker.drain() == 1
    assert catcher.ids == [message_id(second)]


async def test_a_mail_that_somebody_is_changing_is_stepped_over(
    outbox: Outbox, catcher: Catcher, worker: Worker, database: str
) -> None:
    changed, other = [await outbox.promise() for _ in range(2)]
    if is_sqlite():
        return  # whoever changes a row there has the database alone
    somebody = await asyncpg.connect(database)
    try:
        async with asyncio.timeout(10), somebody.transaction():
            await somebody.execute(
                "UPDATE notifications SET subject = 'x' WHERE id = $1", changed.id
            )

            assert await worker.drain() == 1
    finally:
        await somebody.close()

    assert catcher.ids == [message_id(other)]
    assert await worker.drain() == 1


async def test_a_lease_is_respected_until_it_runs_out(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock
) -> None:
    row = await outbox.promise()
    await LEASES.lease(clock(), clock.now.replace(minute=35), 10)

    assert await worker.drain() == 0
    clock.move(seconds=299)
    assert await worker.drain() == 0
    clock.move(seconds=1)
    assert await worker.drain() == 1
    assert catcher.ids == [message_id(row)]


async def test_no_sending_starts_that_the_lease_might_not_outlast(
    outbox: Outbox, catcher: Catcher, workers: Workers, clock: Clock
) -> None:
    await outbox.promise_many(5)
    left: list[float] = []

    async def take_long(session: Session) -> None:
        held = await Notification.filter(status=QUEUED).order_by("id").first()
        assert held is not None
        assert held.leased_until is not None
        left.append((held.leased_until - clock()).total_seconds())
        clock.move(seconds=45)

    catcher.at("MAIL", take_long, times=None)

    assert await workers.hire(timeout=20).drain() == 5
    assert left == [90, 45, 90, 45, 90]  # a sending takes up to 40


@pytest.mark.parametrize("reply", ["250 OK", "450 Later", "550 No"])
async def test_who_lost_the_lease_notes_nothing(
    outbox: Outbox, catcher: Catcher, workers: Workers, clock: Clock, reply: str
) -> None:
    row = await outbox.promise()

    async def take_too_long(session: Session) -> str:
        clock.move(seconds=91)
        assert await workers.hire().drain() == 1
        clock.move(seconds=1)
        return reply

    catcher.at("END", take_too_long)
    await workers.hire().drain()

    now = await Notification.get(id=row.id)
    assert [now.status, now.attempts, now.last_error] == [SENT, 1, None]
    assert now.sent_at == clock.now.replace(second=31)


async def test_who_lost_the_lease_does_not_release_it(
    outbox: Outbox, workers: Workers, clock: Clock
) -> None:
    row = await outbox.promise()
    old = await LEASES.lease(clock(), clock.now.replace(minute=31), 10)
    clock.move(minutes=1)
    new = await LEASES.lease(clock(), clock.now.replace(minute=33), 10)

    await LEASES.release(old, "Trouble")

    now = await Notification.get(id=row.id)
    assert now.leased_until == new[0].leased_until
    assert now.last_error is None
