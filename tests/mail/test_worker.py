"""What a worker makes of the outbox; the rules of domain.md about mail, one test each."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from mail.leases import ONE_CHOOSES
from mail.loop import Pace
from mail.transport import Transport
from mail.worker import Worker
from models.companies import CompanyKind
from models.database import is_sqlite
from models.outbox import Notification, NotificationStatus, NotificationTemplate
from models.users import UserRole
from tests.conftest import Clock
from tests.databases import file_of
from tests.factories import Make
from tests.mail.conftest import MAIL_FROM, PUBLIC_URL, Outbox, Workers, message_id, seconds
from tests.smtp import HOST, Catcher, Session, drop, hang

QUEUED, SENT, FAILED = NotificationStatus
TOKEN = "s3cret-token_of-a-link"


async def state(row: Notification) -> dict[str, Any]:
    """What the worker may change of a row."""
    now = await Notification.get(id=row.id)
    columns = "status", "attempts", "last_error", "leased_until", "token", "sent_at"
    return {column: getattr(now, column) for column in columns}


UNTOUCHED = {
    "status": QUEUED,
    "attempts": 0,
    "last_error": None,
    "leased_until": None,
    "token": None,
    "sent_at": None,
}


@asynccontextmanager
async def a_writer(url: str) -> AsyncIterator[None]:
    """Somebody else holds what a worker needs to lease mails."""
    if is_sqlite():
        with closing(sqlite3.connect(file_of(url))) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
        return
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(ONE_CHOOSES)
            yield
    finally:
        await connection.close()


async def test_a_mail_is_sent_and_noted(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock
) -> None:
    row = await outbox.promise(NotificationTemplate.MANAGER_WELCOME, token=TOKEN)

    assert await worker.drain() == 1

    (mail,) = catcher.mails
    assert (mail.sender, mail.recipient) == ("no-reply@canopy.example", row.recipient)
    assert mail.id == message_id(row)
    assert TOKEN in mail.text()
    assert await state(row) == UNTOUCHED | {"status": SENT, "attempts": 1, "sent_at": clock()}


async def test_a_mail_is_sent_once(outbox: Outbox, catcher: Catcher, worker: Worker) -> None:
    await outbox.promise()

    assert [await worker.drain() for _ in range(2)] == [1, 0]

    assert len(catcher.mails) == 1


async def test_what_is_not_due_waits(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock
) -> None:
    row = await outbox.promise()
    clock.move(seconds=-1)

    assert await worker.drain() == 0

    assert await state(row) == UNTOUCHED
    assert catcher.commands["CONNECT"] == 0


async def test_more_than_a_batch_is_sent(
    outbox: Outbox, catcher: Catcher, workers: Workers
) -> None:
    promised = await outbox.promise_many(23)

    assert await workers.hire(batch=5).drain() == 23

    assert catcher.ids == [message_id(row) for row in promised]
    assert catcher.commands["CONNECT"] == 1


# ── A mail that fails ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("step", ["RCPT", "DATA", "END"])
async def test_a_refused_mail_fails_at_once_and_says_why(
    outbox: Outbox, catcher: Catcher, worker: Worker, step: str
) -> None:
    refused = await outbox.promise(NotificationTemplate.PASSWORD_RESET, token=TOKEN)
    other = await outbox.promise()
    catcher.at(step, f"550 5.1.1 <{refused.recipient.upper()}>: no; eve@x.example said {TOKEN}")

    assert await worker.drain() == 1

    assert await state(refused) == UNTOUCHED | {
        "status": FAILED,
        "attempts": 1,
        "last_error": "550 5.1.1 <[…]>: no; […] said […]",
    }
    assert catcher.ids == [message_id(other)]


async def test_what_a_server_says_is_made_fit_to_keep(
    outbox: Outbox, catcher: Catcher, worker: Worker
) -> None:
    row = await outbox.promise()

    async def mumble(session: Session) -> str:
        await session.push(b"550-\x00\xff\x1b[31mNo\r\n550 " + b"a" * 4000)
        return await hang(session) or ""

    catcher.at("RCPT", mumble)
    await worker.drain()

    assert (await state(row))["last_error"] == ("550 [31mNo " + "a" * 4000)[:500]


@pytest.mark.parametrize(
    ("act", "error"),
    [
        ("450 4.2.0 Greylisted", "450 4.2.0 Greylisted"),
        (hang, "The mail server did not answer in time."),
        (drop, "The connection to the mail server broke."),
    ],
)
@pytest.mark.parametrize("step", ["RCPT", "DATA", "END"])
async def test_a_mail_that_failed_for_now_is_tried_again_within_30_seconds(
    outbox: Outbox,
    catcher: Catcher,
    workers: Workers,
    clock: Clock,
    step: str,
    act: Any,
    error: str,
) -> None:
    worker = workers.hire(timeout=1)
    row = await outbox.promise(NotificationTemplate.MANAGER_WELCOME, token=TOKEN)
    other = await outbox.promise()
    catcher.at(step, act)

    assert await worker.drain() == 1

    waits = UNTOUCHED | {"attempts": 1, "last_error": error, "token": TOKEN}
    assert await state(row) == waits
    assert (await state(other))["status"] == SENT
    clock.move(seconds=29)
    assert await worker.drain() == 1
    assert await state(row) == UNTOUCHED | {"status": SENT, "attempts": 2, "sent_at": clock()}


async def test_an_answer_that_was_lost_brings_the_same_mail_again(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock
) -> None:
    row = await outbox.promise()
    catcher.at("END", drop)

    await worker.drain()
    clock.move(seconds=30)
    await worker.drain()

    assert catcher.ids == [message_id(row)] * 2


async def test_retries_come_later_and_later_for_a_day(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock
) -> None:
    row = await outbox.promise(NotificationTemplate.MANAGER_WELCOME, token=TOKEN)
    catcher.at("RCPT", "450 Later", times=None)
    pauses = []

    while (await state(row))["status"] is QUEUED:
        assert await worker.drain() == 0
        before, row = clock(), await Notification.get(id=row.id)
        pauses.append(seconds(row.next_attempt_at, before))
        clock.now = max(clock.now, row.next_attempt_at)

    assert pauses[:4] == [20, 40, 80, 160]
    assert pauses[-4:-2] == [7200, 7200]
    assert pauses[:-2] == sorted(pauses[:-2])
    assert await state(row) == UNTOUCHED | {
        "status": FAILED,
        "attempts": len(pauses),
        "last_error": "450 Later",
    }
    assert clock() - row.created_at == timedelta(hours=24)
    assert await worker.drain() == 0


async def test_chance_spreads_retries_but_never_beyond_their_time(
    outbox: Outbox, catcher: Catcher, clock: Clock
) -> None:
    row = await outbox.promise()
    catcher.at("RCPT", "450 Later", times=None)
    worker = Worker(
        Transport(catcher.url, timeout=5),
        public_url=PUBLIC_URL,
        mail_from=MAIL_FROM,
        clock=clock,
        chance=lambda: 0.0,
    )

    await worker.drain()

    assert seconds((await Notification.get(id=row.id)).next_attempt_at, clock()) == 10


async def test_a_mail_that_waited_a_day_for_the_server_gets_its_attempts(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock
) -> None:
    row = await outbox.promise()
    await catcher.stop()
    await worker.drain()
    clock.move(hours=30)
    await catcher.start()
    catcher.at("RCPT", "450 Greylisted", times=4)

    for _ in range(4):
        await worker.drain()
        clock.move(minutes=5)

    assert (await state(row))["attempts"] == 4
    assert await worker.drain() == 1


# ── A server in trouble ──────────────────────────────────────────────────────────────────────────


async def test_a_server_that_is_down_for_days_fails_no_mail(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock
) -> None:
    promised = [await outbox.promise() for _ in range(3)]
    await catcher.stop()

    for _ in range(5):
        assert await worker.drain() == 0
        clock.move(hours=12)

    error = "The mail server cannot be reached (Connection refused)."
    assert [await state(row) for row in promised] == [UNTOUCHED | {"last_error": error}] * 3
    await catcher.start()
    assert await worker.drain() == 3
    assert catcher.ids == [message_id(row) for row in promised]
    assert (await state(promised[0]))["last_error"] is None


@pytest.mark.parametrize(
    ("step", "reply"),
    [("CONNECT", "421 Busy"), ("CONNECT", "554 No"), ("EHLO", "421 No"), ("MAIL", "553 Who?")],
)
async def test_a_server_that_takes_nothing_fails_no_mail(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock, step: str, reply: str
) -> None:
    row = await outbox.promise()
    catcher.at(step, reply, times=3)

    for _ in range(3):
        assert await worker.drain() == 0
        clock.move(hours=12)

    assert (await state(row))["attempts"] == 0
    assert await worker.drain() == 1


async def test_a_wrong_password_fails_no_mail(
    outbox: Outbox, workers: Workers, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with Catcher(login=("canopy", "right")) as guarded:
        row = await outbox.promise()
        wrong = workers.hire(f"smtp://canopy:wr0ng@{HOST}:{guarded.port}")

        for _ in range(3):
            assert await wrong.drain() == 0
            clock.move(hours=12)

        error = "The mail server refuses our name or password (535)."
        assert await state(row) == UNTOUCHED | {"last_error": error}
        assert error in caplog.text
        right = workers.hire(f"smtp://canopy:right@{HOST}:{guarded.port}")
        assert await right.drain() == 1
        await workers.close()


async def test_a_server_that_dies_in_the_middle_fails_at_most_the_mail_in_hand(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock
) -> None:
    promised = await outbox.promise_many(10)

    async def die(session: Session) -> str | None:
        await catcher.stop()
        return None

    catcher.at("RCPT", die, to=promised[4].recipient)
    assert await worker.drain() == 4

    now = [await state(row) for row in promised]
    assert [row["status"] for row in now] == [SENT] * 4 + [QUEUED] * 6
    assert [row["attempts"] for row in now] == [1] * 5 + [0] * 5
    assert {row["leased_until"] for row in now} == {None}
    await catcher.start()
    clock.move(seconds=30)
    assert await worker.drain() == 6


# ── A mail that must not or cannot be sent ───────────────────────────────────────────────────────


@pytest.mark.parametrize("is_erased", [True, False])
async def test_who_has_been_removed_gets_no_mail(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock, is_erased: bool
) -> None:
    ann = await outbox.make.manager(outbox.company)
    row = await outbox.promise(NotificationTemplate.MANAGER_WELCOME, to=ann, token=TOKEN)
    ann.remove(at=clock())
    if is_erased:
        ann.erase(at=clock())
    await ann.save()

    assert await worker.drain() == 0

    error = "The recipient has been removed."
    assert await state(row) == UNTOUCHED | {"status": FAILED, "last_error": error}
    assert catcher.commands["CONNECT"] == 0


async def test_people_of_an_archived_company_get_no_mail_and_those_above_do(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock
) -> None:
    above = await outbox.make.user(await outbox.make.root(), UserRole.ACCOUNT_MANAGER)
    below = await outbox.promise()
    to_above = await outbox.promise(to=above)
    outbox.company.archive(at=clock())
    await outbox.company.save()

    assert await worker.drain() == 1

    error = "The recipient's company has been archived."
    assert await state(below) == UNTOUCHED | {"status": FAILED, "last_error": error}
    assert catcher.ids == [message_id(to_above)]


async def test_who_is_no_manager_any_more_is_mailed_nothing_but_a_link_they_asked_for(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock
) -> None:
    ann = await outbox.make.manager(outbox.company)
    order = await outbox.promise(to=ann)
    welcome = await outbox.promise(NotificationTemplate.MANAGER_WELCOME, to=ann, token=TOKEN)
    ann.become(UserRole.LEARNER, at=clock())
    await ann.save()
    reset = await outbox.promise(NotificationTemplate.PASSWORD_RESET, to=ann, token=TOKEN)

    assert await worker.drain() == 1

    error = "The recipient is no manager any more."
    for row in (order, welcome):
        assert await state(row) == UNTOUCHED | {"status": FAILED, "last_error": error}
    assert catcher.ids == [message_id(reset)]


async def test_one_who_leaves_between_two_tries_is_not_mailed(
    outbox: Outbox, catcher: Catcher, worker: Worker, clock: Clock
) -> None:
    ann = await outbox.make.manager(outbox.company)
    row = await outbox.promise(to=ann)
    catcher.at("RCPT", "450 later", to=row.recipient)
    assert await worker.drain() == 0
    ann.remove(at=clock())
    await ann.save()
    clock.move(days=1)

    assert await worker.drain() == 0

    assert (await state(row))["last_error"] == "The recipient has been removed."
    assert (await state(row))["status"] is FAILED
    assert catcher.ids == []


async def test_nobody_is_mailed_of_a_company_that_was_moved_out_of_their_reach(
    outbox: Outbox, catcher: Catcher, worker: Worker
) -> None:
    partner = await outbox.make.partner()
    row = await outbox.promise(to=await outbox.make.manager(partner))

    assert await worker.drain() == 0

    error = "The company is out of the recipient's reach."
    assert await state(row) == UNTOUCHED | {"status": FAILED, "last_error": error}
    assert catcher.commands["CONNECT"] == 0


@pytest.mark.parametrize(
    ("template", "facts"),
    [
        (NotificationTemplate.ORDER_WAITING, {}),  # no template yet
        (NotificationTemplate.ORDER_ASSIGNED, {"quantity": "five"}),
    ],
)
async def test_a_mail_that_cannot_be_written_fails_alone(
    outbox: Outbox,
    catcher: Catcher,
    worker: Worker,
    caplog: pytest.LogCaptureFixture,
    template: NotificationTemplate,
    facts: dict[str, Any],
) -> None:
    bad = await outbox.promise(template, facts=facts, token=TOKEN)
    good = await outbox.promise()

    assert await worker.drain() == 1

    error = "The mail could not be written."
    assert await state(bad) == UNTOUCHED | {"status": FAILED, "last_error": error}
    assert catcher.ids == [message_id(good)]
    assert str(bad.id) in caplog.text


async def test_logs_hold_no_address_and_no_token(
    outbox: Outbox, catcher: Catcher, workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "mail")
    ann, eve = [await outbox.make.manager(outbox.company) for _ in range(2)]
    for to in (ann, eve):
        await outbox.promise(NotificationTemplate.PASSWORD_RESET, to=to, token=TOKEN)
        await outbox.promise(
            NotificationTemplate.ORDER_ASSIGNED, to=to, facts={}
        )  # cannot be written
    catcher.at("RCPT", f"550 {ann.email} {TOKEN}", to=ann.email)
    catcher.at("RCPT", f"450 {eve.email} {TOKEN}", to=eve.email)

    await workers.hire("smtp://canopy:p4ssword@127.0.0.1:1").drain()
    await workers.hire().drain()

    ours = {"mail.leases", "mail.loop", "mail.messages", "mail.transport", "mail.worker"}
    written = [record for record in caplog.records if record.name in ours]
    assert len(written) == 5
    told = "\n".join(f"{record.getMessage()} {record.exc_info}" for record in written)
    secrets = [ann.email, eve.email, "@", TOKEN, "p4ssword"]
    assert [secret for secret in secrets if secret in told] == []


# ── How it works beside others ───────────────────────────────────────────────────────────────────


async def test_nothing_is_locked_while_a_mail_is_sent(
    outbox: Outbox, catcher: Catcher, worker: Worker
) -> None:
    promised = [await outbox.promise() for _ in range(3)]

    async def write(session: Session) -> None:
        async with asyncio.timeout(5):
            await Notification.all().update(subject="Written meanwhile")

    catcher.at("END", write)

    assert await worker.drain() == 3
    assert {row.subject for row in await Notification.all()} == {"Written meanwhile"}
    assert len(promised) == len(catcher.mails)


async def test_each_mail_is_noted_before_the_next_is_sent(
    outbox: Outbox, catcher: Catcher, worker: Worker
) -> None:
    await outbox.promise_many(5)
    sent: list[int] = []

    async def count(session: Session) -> None:
        sent.append(await Notification.filter(status=SENT).count())

    catcher.at("MAIL", count, times=None)
    await worker.drain()

    assert sent == [0, 1, 2, 3, 4]


async def test_a_batch_takes_a_bounded_number_of_queries(
    outbox: Outbox, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    order = await outbox.make.order(outbox.company)
    for _ in range(40):
        await outbox.promise(order=order)
    caplog.set_level(logging.DEBUG, "tortoise.db_client")
    caplog.clear()

    assert await worker.drain() == 40

    asked = [record for record in caplog.records if record.name == "tortoise.db_client"]
    assert len(asked) <= 40 + 7


async def test_an_idle_worker_waits_for_no_writer(
    outbox: Outbox, worker: Worker, database: str
) -> None:
    await outbox.promise()
    await worker.drain()

    async with a_writer(database), asyncio.timeout(5):
        assert await worker.drain() == 0


@pytest.mark.parametrize("mail_from", ["", "Canopy", "a@b.example, c@d.example"])
async def test_a_worker_needs_a_sender(catcher: Catcher, clock: Clock, mail_from: str) -> None:
    with pytest.raises(ValueError, match="one address"):
        Worker(Transport(catcher.url), public_url=PUBLIC_URL, mail_from=mail_from, clock=clock)


async def test_a_lease_must_outlast_a_sending(workers: Workers) -> None:
    with pytest.raises(ValueError, match="longer than a sending"):
        workers.hire(timeout=30, lease=timedelta(seconds=60))

    assert Pace().lease > Transport(workers.url).longest


async def test_a_company_of_any_kind_may_be_mailed(
    make: Make, catcher: Catcher, worker: Worker, clock: Clock
) -> None:
    partner = await make.company(kind=CompanyKind.PARTNER, name="Nordic Partners")
    to = await make.manager(partner)

    await Outbox(make, clock, partner).promise(
        NotificationTemplate.PARTNER_WELCOME, to=to, token=TOKEN
    )

    assert await worker.drain() == 1
    assert catcher.mails[0].recipient == to.email
