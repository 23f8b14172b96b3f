"""A mail server in each of its bad moods, beside a whole Canopy that goes on meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.faults.load import WELL, verified
from tests.http.client import ASSIGN, REQUEST, Client
from tests.http.stage import Stage
from tests.smtp import Act, Catcher, Session, drop, hang

PATIENCE = 120.0
"""Seconds: steps take 30 at most, and what failed is tried again within 30."""
ADD_MANAGER = """mutation($id: ID!, $email: String!) {
  addManager(input: {companyId: $id, person: {email: $email}}) { errors { code } }
}"""
NOTICES = """query($address: String!) {
  notifications(filter: {recipient: {eq: $address}, template: [ORDER_ASSIGNED]}) {
    edges { node { status lastError } }
  }
}"""
ON_POSTGRES = pytest.mark.parametrize("databases", ["postgres"], indirect=True)


async def slowly(session: Session) -> str | None:
    await asyncio.sleep(3)
    return None


async def refuse(catcher: Catcher) -> None:
    await catcher.stop()


def at(step: str, act: str | Act) -> Callable[[Catcher], Awaitable[None]]:
    async def behave_badly(catcher: Catcher) -> None:
        catcher.hang_up()
        catcher.at(step, act, times=None)

    return behave_badly


OF_THE_SERVER = {
    "refuses": refuse,
    "resets": at("CONNECT", drop),
    "is busy": at("CONNECT", "421 too busy"),
    "is busy later": at("MAIL", "421 closing"),
    "demands TLS": at("MAIL", "530 Must issue a STARTTLS command first"),
    "says nothing": at("CONNECT", hang),
}
OF_A_MAIL: dict[str, tuple[str, str | Act]] = {
    "later": ("RCPT", "451 later"),
    "never": ("RCPT", "550 nobody here"),
    "silent": ("END", hang),
    "broken": ("END", drop),
    "slow": ("END", slowly),
}


@ON_POSTGRES
async def test_of_a_server_that_takes_nothing_every_mail_arrives_after(stage: Stage) -> None:
    partner = await stage.partner()
    customer = await stage.customer(partner)
    await stage.mailbox.wait_for(1, to=stage.manager_email)
    for number, behave_badly in enumerate(OF_THE_SERVER.values(), 1):
        await behave_badly(stage.catcher)
        before = stage.catcher.commands.total()
        order = await _assigned(partner, customer, number)
        await _tried(stage.catcher, before)
        assert await _statuses(partner, stage.manager_email) == ["QUEUED"] + ["SENT"] * (number - 1)
        stage.catcher.behave()
        if not stage.catcher.is_listening:
            await stage.catcher.start()
        async with asyncio.timeout(PATIENCE):
            while await _statuses(partner, stage.manager_email) != ["SENT"] * number:  # noqa: ASYNC110 - of what others do
                await asyncio.sleep(0.2)
        assert [order in mail.subject for mail in stage.catcher.mails].count(True) == 1

    assert await verified(stage.server) == WELL


@ON_POSTGRES
async def test_of_a_server_that_takes_some_each_mail_fares_alone(stage: Stage) -> None:
    partner = await stage.partner()
    customer = await stage.customer(partner)
    addresses = {mood: f"{mood}@customer.example" for mood in OF_A_MAIL}
    for mood, address in addresses.items():
        await partner.done(ADD_MANAGER, id=customer, email=address)
        await stage.mailbox.wait_for(1, to=address, subject="Welcome")
        step, act = OF_A_MAIL[mood]
        stage.catcher.at(step, act, to=address, times=1)

    order = await _assigned(partner, customer, 1)

    expected = {mood: ["SENT"] for mood in OF_A_MAIL} | {"never": ["FAILED"]}
    async with asyncio.timeout(PATIENCE):
        while await _all_statuses(partner, addresses) != expected:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.2)
    came = {
        mood: [m.id for m in stage.catcher.mails if m.recipient == to and order in m.subject]
        for mood, to in addresses.items()
    }
    assert {mood: len(ids) for mood, ids in came.items()} == {
        "later": 1,
        "never": 0,
        "silent": 2,
        "broken": 2,
        "slow": 1,
    }
    assert {len(set(ids)) for ids in came.values()} == {0, 1}
    [failed] = await _notices(partner, addresses["never"])
    assert "550" in failed["lastError"]
    assert await verified(stage.server) == WELL


async def _assigned(partner: Client, customer: str, quantity: int) -> str:
    """The number of an order that is requested and assigned while the mail cannot leave."""
    async with asyncio.timeout(5):
        asked = {"companyId": customer, "quantity": quantity}
        order = (await partner.done(REQUEST, input=asked))["order"]
        await partner.done(ASSIGN, input={"orderId": order["id"]})
    number: str = order["number"]
    return number


async def _tried(catcher: Catcher, before: int) -> None:
    """Until the worker has met with the mood, where anybody is there to note it."""
    async with asyncio.timeout(PATIENCE):
        while catcher.is_listening and catcher.commands.total() == before:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def _all_statuses(partner: Client, addresses: dict[str, str]) -> dict[str, list[str]]:
    return {mood: await _statuses(partner, address) for mood, address in addresses.items()}


async def _statuses(partner: Client, address: str) -> list[str]:
    return [notice["status"] for notice in await _notices(partner, address)]


async def _notices(partner: Client, address: str) -> list[dict[str, Any]]:
    page = await partner.ask(NOTICES, address=address)
    return [edge["node"] for edge in page["edges"]]
