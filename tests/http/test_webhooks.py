"""What a running server tells a webhook: at once, signed, and again to a receiver that fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from standardwebhooks import Webhook

from app.clock import utc_now
from mail.web import UNREACHED
from models.webhooks import WebhookDelivery
from schema.ids import global_id
from tests.factories import Make
from tests.http.client import ASSIGN, REQUEST, Client
from tests.http.server import PATIENCE, Server
from tests.receiver import Receiver, answers, hangs_up
from tests.scene import Scene
from tests.smtp import Catcher

CREATE = """mutation($url: String!) { createWebhookEndpoint(input: {
    url: $url, events: [ORDER_REQUESTED, ORDER_ASSIGNED]}) {
    secret webhookEndpoint { id } errors { code message } } }"""
DELIVERIES = """{ webhookEndpoints { edges { node { deliveries { edges { node {
    id event status attempts responseStatus lastError } } } } } } }"""
REDELIVER = """mutation($id: ID!) { redeliverWebhook(input: {webhookDeliveryId: $id}) {
    webhookDelivery { id status } errors { code } } }"""


@dataclass
class Shop:
    """A server that may send to loopback, Pam who has a webhook there, and what receives it."""

    server: Server
    pam: Client
    customer: str
    receiver: Receiver
    secret: str

    async def order(self) -> str:
        """Two events: it is requested, and assigned."""
        asked = {"companyId": self.customer, "quantity": 2}
        order: str = (await self.pam.done(REQUEST, input=asked))["order"]["id"]
        await self.pam.done(ASSIGN, input={"orderId": order})
        return order

    async def deliveries(self) -> list[dict[str, Any]]:
        [endpoint] = (await self.pam.ask(DELIVERIES))["edges"]
        return [edge["node"] for edge in endpoint["node"]["deliveries"]["edges"]]

    async def until_delivered(self) -> list[dict[str, Any]]:
        """The receiver has it before that is noted; what failed is made due again meanwhile."""

        async def is_delivered(found: list[dict[str, Any]]) -> bool:
            failed = WebhookDelivery.filter(status="QUEUED", attempts__gt=0)
            await failed.update(next_attempt_at=utc_now())
            return {each["status"] for each in found} == {"DELIVERED"}

        return await self.until(is_delivered)

    async def until(
        self, is_so: Callable[[list[dict[str, Any]]], Awaitable[bool]]
    ) -> list[dict[str, Any]]:
        """The deliveries once it is so: another process notes them, and tells nobody."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.deliveries()
                if await is_so(found):
                    return found
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def shop(database: str, tmp_path: Path) -> AsyncIterator[Shop]:
    make = Make(utc_now)
    scene = await Scene.set(make)
    async with (
        Catcher() as catcher,
        Receiver() as receiver,
        Server(
            database, catcher.port, tmp_path / "log", CANOPY_WEBHOOKS_TO_LOOPBACK="true"
        ) as server,
        httpx.AsyncClient(base_url=server.url, timeout=60) as http,
    ):
        pam = Client(http, await make.token(scene.pam))
        made = await pam.done(CREATE, url=receiver.url)
        yield Shop(server, pam, global_id("Company", scene.customer.id), receiver, made["secret"])
    assert "Traceback" not in (tmp_path / "log").read_text()


async def test_a_receiver_that_is_down_answers_500_twice_or_hangs_gets_each_event_in_the_end(
    shop: Shop,
) -> None:
    await shop.receiver.stop()
    order = await shop.order()

    async def is_tried(found: list[dict[str, Any]]) -> bool:
        return [each["attempts"] for each in found] == [1, 1]

    down = await shop.until(is_tried)
    shop.receiver.does(answers(500), answers(500), hangs_up)
    await shop.receiver.start()

    delivered = await shop.until_delivered()

    assert {each["lastError"] for each in down} == {UNREACHED}
    assert [each["event"] for each in delivered] == ["ORDER_ASSIGNED", "ORDER_REQUESTED"]
    assert {each["responseStatus"] for each in delivered} == {204}
    assert len(shop.receiver.requests) == 3 + 2
    assert len({(request.id, request.body) for request in shop.receiver.requests}) == 2
    for request in shop.receiver.requests:
        told = Webhook(shop.secret).verify(request.body, request.headers)
        assert (told["data"]["orderId"], told["data"]["count"]) == (order, 2)


async def test_what_was_delivered_is_sent_again_under_the_same_id_when_asked(shop: Shop) -> None:
    await shop.order()
    newest, _ = await shop.until_delivered()

    await shop.pam.done(REDELIVER, id=newest["id"])
    await shop.receiver.has_had(3)

    [*_, again] = shop.receiver.requests
    assert shop.receiver.ids.count(again.id) == 2
    assert again.told["type"] == newest["event"]
