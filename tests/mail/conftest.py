"""What tests of mail may ask for: a mail server, and mails promised in a small believable tree."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from tortoise import Tortoise

from mail.loop import Pace
from mail.transport import Transport
from mail.worker import Worker
from models.base import new_id
from models.companies import Company
from models.orders import Order
from models.outbox import Notice, Notification, NotificationTemplate
from models.users import User
from tests.conftest import Clock
from tests.factories import Make
from tests.smtp import Catcher

Tortoise.init_models(["models.registry"], "models")  # for rows that never see a database

PUBLIC_URL = "https://canopy.example"
MAIL_FROM = "Canopy <no-reply@canopy.example>"
FACTS: dict[NotificationTemplate, dict[str, Any]] = {
    NotificationTemplate.ORDER_REQUESTED: {"quantity": 25, "licenseType": "PREMIUM"},
    NotificationTemplate.ORDER_ASSIGNED: {
        "quantity": 20,
        "licenseType": "PREMIUM",
        "expiresAt": "2027-03-01T23:30:00+00:00",
        "open": 5,
    },
    NotificationTemplate.ORDER_DECLINED: {
        "quantity": 5,
        "kept": 20,
        "licenseType": "PREMIUM",
        "reason": "Budget first.\nThen licenses.",
        "returned": False,
    },
    NotificationTemplate.ORDER_CANCELLED: {
        "quantity": 25,
        "kept": 0,
        "licenseType": "MANAGED",
        "reason": None,
        "returned": False,
    },
}
_EXPIRY = {
    "quantity": 25,
    "licenseType": "PREMIUM",
    "allocated": 20,
    "day": "2027-03-02",
    "later": 0,
    "lastAt": "2027-03-02T15:00:00+00:00",
}
FACTS |= {
    NotificationTemplate.ORDER_WAITING: {
        "quantity": 25,
        "licenseType": "PREMIUM",
        "requestedAt": "2026-02-27T09:30:00+00:00",
    },
    NotificationTemplate.LICENSES_EXPIRING: _EXPIRY,
    NotificationTemplate.LICENSES_EXPIRED: _EXPIRY,
    NotificationTemplate.TRIAL_EXPIRING: _EXPIRY | {"licenseType": "TRIAL"},
    NotificationTemplate.TRIAL_EXPIRED: _EXPIRY | {"licenseType": "TRIAL"},
}
LOADED = ("user__company", "actor", "company", "order__requested_by")


class Outbox:
    """Promises mails to managers of one customer, and reads what became of them."""

    def __init__(self, make: Make, clock: Clock, company: Company) -> None:
        self.make = make
        self.company = company
        self._clock = clock

    async def promise(
        self,
        template: NotificationTemplate = NotificationTemplate.ORDER_REQUESTED,
        *,
        to: User | None = None,
        order: Order | None = None,
        subject: str = "A subject",
        facts: dict[str, Any] | None = None,
        token: str | None = None,
        actor: User | None = None,
        batch: UUID | None = None,
    ) -> Notification:
        to = to or await self.make.manager(self.company)
        given = FACTS.get(template, {}) if facts is None else facts
        notice = Notice(template, self.company, subject, order, given, token)
        actor_id = actor.id if actor else None
        row = Notification.promise(
            notice, to, actor_id=actor_id, batch=batch or new_id(), at=self._clock()
        )
        await row.save(force_create=True)
        return row

    async def promise_many(self, number: int) -> list[Notification]:
        """Each from a transaction of its own, to one of ten managers."""
        people = [await self.make.manager(self.company) for _ in range(10)]
        notice = Notice(
            NotificationTemplate.ORDER_REQUESTED,
            self.company,
            "A subject",
            facts={"quantity": 1, "licenseType": "PREMIUM"},
        )
        mails = [
            Notification.promise(
                notice, people[n % 10], actor_id=None, batch=new_id(), at=self._clock()
            )
            for n in range(number)
        ]
        await Notification.bulk_create(mails)
        return mails

    async def loaded(self, row: Notification) -> Notification:
        return await Notification.get(id=row.id).select_related(*LOADED)


@pytest_asyncio.fixture
async def outbox(make: Make, clock: Clock) -> Outbox:
    return Outbox(make, clock, await make.company(name="Blue Fjord"))


@pytest_asyncio.fixture
async def catcher() -> AsyncIterator[Catcher]:
    async with Catcher() as catcher:
        yield catcher


class Workers:
    """Hires workers that all look at the test's clock, and closes their connections at the end."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self._clock = clock
        self._transports: list[Transport] = []

    def hire(self, url: str | None = None, *, timeout: float = 5.0, **pace: Any) -> Worker:
        transport = Transport(url or self.url, timeout=timeout)
        self._transports.append(transport)
        return Worker(
            transport,
            public_url=PUBLIC_URL,
            mail_from=MAIL_FROM,
            clock=self._clock,
            pace=Pace(**({"poll": 60.0, "pause": 0.01, "note_again": 0.01} | pace)),
            chance=lambda: 1.0,
        )

    async def close(self) -> None:
        for transport in self._transports:
            await transport.close()


@pytest_asyncio.fixture
async def workers(catcher: Catcher, clock: Clock) -> AsyncIterator[Workers]:
    workers = Workers(catcher.url, clock)
    yield workers
    await workers.close()


@pytest.fixture
def worker(workers: Workers) -> Worker:
    return workers.hire()


@contextmanager
def told(logger: str, words: str) -> Iterator[asyncio.Event]:
    """An event for the moment when these words are logged."""
    event = asyncio.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if words in record.getMessage():
                event.set()

    listener = Listener()
    before = logging.getLogger(logger).level
    logging.getLogger(logger).addHandler(listener)
    logging.getLogger(logger).setLevel(logging.INFO)
    try:
        yield event
    finally:
        logging.getLogger(logger).setLevel(before)
        logging.getLogger(logger).removeHandler(listener)


def message_id(row: Notification) -> str:
    return f"<{row.id}@canopy.example>"


def seconds(later: datetime, earlier: datetime) -> float:
    return (later - earlier) / timedelta(seconds=1)
