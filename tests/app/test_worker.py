"""The worker of a process: mail leaves as soon as it is promised, and the daily jobs are done."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from app.daily import keep_up
from app.worker import working
from mail.loop import Pace
from mail.transport import Transport
from mail.worker import Worker
from models.audit import AuditEvent
from models.database import rows
from models.licenses import LicenseType
from models.outbox import Notification
from resolvers.orders import cancel_order, request_licenses
from resolvers.performing import WAKES
from tests.conftest import Clock
from tests.factories import Make
from tests.mail.conftest import told
from tests.scene import Do, Scene
from tests.smtp import Catcher, Session


class Post:
    """A worker that would look by itself only after a minute, and what has arrived from it."""

    def __init__(self, catcher: Catcher, clock: Clock) -> None:
        self.catcher = catcher
        self.worker = Worker(
            Transport(catcher.url),
            public_url="https://canopy.example",
            mail_from="no-reply@canopy.example",
            clock=clock,
            pace=Pace(poll=60),
        )

    async def arrives(self, number: int) -> list[str]:
        """Whom the first `number` mails went to."""
        there = asyncio.Event()

        async def look(_: Session) -> None:
            if len(self.catcher.mails) >= number:
                there.set()

        self.catcher.behave()
        self.catcher.at("END", look, times=None)
        async with asyncio.timeout(20):
            if len(self.catcher.mails) < number:
                await there.wait()
        return [mail.recipient for mail in self.catcher.mails]


@pytest_asyncio.fixture
async def post(clock: Clock) -> AsyncIterator[Post]:
    async with Catcher() as catcher:
        yield Post(catcher, clock)


async def test_mail_leaves_as_soon_as_it_is_promised(make: Make, clock: Clock, post: Post) -> None:
    scene, do = await Scene.set(make), Do(clock)
    asked = []

    async with working([post.worker], clock):
        for number in range(1, 4):
            requested = await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, number)
            asked.append(requested.order_id)
            assert await post.arrives(number) == ["pam@example.com"] * number
        await do(scene.carl, cancel_order, asked[0])
        assert sorted((await post.arrives(5))[3:]) == ["cora@example.com", "pam@example.com"]

    assert post.worker.wake not in WAKES


async def test_a_worker_does_the_daily_jobs_by_itself(make: Make, clock: Clock, post: Post) -> None:
    scene = await Scene.set(make)
    await make.licenses(scene.customer, 2)
    clock.move(days=365)

    async with working([post.worker], clock):
        told = await post.arrives(3)

    assert sorted(told) == ["carl@example.com", "cora@example.com", "pam@example.com"]
    assert await AuditEvent.filter(action="license.expired").count() == 1


async def test_the_daily_jobs_outlive_an_outage_of_the_database(make: Make, clock: Clock) -> None:
    scene = await Scene.set(make)
    await make.licenses(scene.customer, 2)
    clock.move(days=365)
    await rows("ALTER TABLE chores RENAME TO gone")
    stop = asyncio.Event()

    with told("app.daily", "failed") as failed, told("app.daily", "are done") as done:
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_up(clock, stop, every=0.01))
            await failed.wait()
            await rows("ALTER TABLE gone RENAME TO chores")
            await done.wait()
            stop.set()

    assert await Notification.all().count() == 3
