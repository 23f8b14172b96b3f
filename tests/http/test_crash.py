"""The process is killed at any moment: what was begun has happened whole, or not at all."""

import asyncio
import contextlib
import random

import httpx

from models.database import rows
from tests.http.client import ASSIGN, ORDERS, REQUEST, SUMMARY, Client
from tests.http.stage import Stage

KILLS = 3
ORDERS_A_ROUND = 6
LICENSES = 200


async def test_after_a_kill_each_order_is_whole_or_untouched_and_mailed_once(
    database: str, stage: Stage
) -> None:
    partner = await stage.partner()
    customer = await stage.customer(partner)
    chance = random.Random(7)
    for _ in range(KILLS):
        numbers = [
            (await partner.done(REQUEST, input={"companyId": customer, "quantity": LICENSES}))
            for _ in range(ORDERS_A_ROUND)
        ]
        assigning = asyncio.gather(*(assign(partner, each["order"]["id"]) for each in numbers))
        await asyncio.sleep(chance.uniform(0.005, 0.15))
        stage.server.kill()
        await assigning
        await rows("UPDATE notifications SET leased_until = NULL")  # as in a minute and a half
        await stage.server.start()

    page = await partner.ask(ORDERS, filter={"companyId": customer})
    orders = [edge["node"] for edge in page["edges"]]
    summary = (await partner.ask(SUMMARY, id=customer))["licenseSummary"]

    assert {order["status"] for order in orders} <= {"REQUESTED", "ASSIGNED"}
    assigned = [order for order in orders if order["status"] == "ASSIGNED"]
    assert summary["total"] == LICENSES * len(assigned)
    assert summary["requested"] == LICENSES * (len(orders) - len(assigned))
    wanted = {
        f"{LICENSES} premium licenses ready to allocate ({order['number']})" for order in assigned
    }
    mails = await stage.mailbox.wait_for_subjects(wanted, to=stage.manager_email)
    by_message_id = {mail.id: mail.subject for mail in mails}
    assert sorted(by_message_id.values()) == sorted(wanted)


async def assign(partner: Client, order_id: str) -> None:
    with contextlib.suppress(httpx.TransportError):
        await partner.send(ASSIGN, input={"orderId": order_id})
