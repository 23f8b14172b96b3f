"""A running Canopy with a vendor, its mail caught: where tests over HTTP play."""

import asyncio
import re
from typing import Any, Final

import httpx

from tests.factories import PASSWORD
from tests.http.client import ASSIGN, CREATE_COMPANY, REQUEST, Client
from tests.http.server import Server
from tests.smtp import Catcher, Mail

PATIENCE: Final = 30.0
"""Seconds for a mail to arrive."""
SET_PASSWORD: Final = """
mutation($token: String!, $password: String!) {
  setPassword(input: {token: $token, password: $password}) { user { email } errors { code } }
}"""
LINK: Final = re.compile(r"/set-password#token=([\w-]+)")


class Mailbox:
    """What the catcher has, waited for."""

    def __init__(self, catcher: Catcher) -> None:
        self._catcher = catcher

    async def wait_for(self, number: int, *, to: str, subject: str = "") -> list[Mail]:
        """At least that many, in the order they came; and no more have come by then."""
        found = await self._until(lambda mails: len(mails) >= number, to, subject)
        assert len(found) == number
        return found

    async def wait_for_subjects(self, subjects: set[str], *, to: str) -> list[Mail]:
        """Until each of these has come; all that came with one of them."""
        await self._until(lambda mails: subjects <= {mail.subject for mail in mails}, to, "")
        return [mail for mail in self._catcher.mails if mail.subject in subjects]

    async def _until(self, enough: Any, to: str, subject: str) -> list[Mail]:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = [
                    mail
                    for mail in self._catcher.mails
                    if mail.recipient == to and subject in mail.subject
                ]
                if enough(found):
                    return found
                await asyncio.sleep(0.02)


class Stage:
    partner_email: Final = "account.manager@partner.example"
    manager_email: Final = "manager@customer.example"

    def __init__(self, server: Server, catcher: Catcher, http: httpx.AsyncClient) -> None:
        self.server = server
        self.catcher = catcher
        self.mailbox = Mailbox(catcher)
        self.http = http

    async def vendor(self) -> Client:
        """The first account manager, made on the command line."""
        await asyncio.to_thread(
            self.server.run,
            *("create-vendor", "--name", "Vendor", "--email", "admin@vendor.example"),
            "--password-stdin",
            told=PASSWORD,
        )
        return await Client(self.http).sign_in("admin@vendor.example")

    async def partner(self) -> Client:
        """The account manager of a partner, who followed the link in the welcome."""
        vendor = await self.vendor()
        await vendor.done(
            CREATE_COMPANY,
            input={"kind": "PARTNER", "name": "Partner", "manager": {"email": self.partner_email}},
        )
        return await self.follow_link(self.partner_email)

    async def customer(self, partner: Client, licenses: int = 0) -> str:
        """The id of a customer with a manager, and with licenses."""
        created = await partner.done(
            CREATE_COMPANY,
            input={
                "kind": "CUSTOMER",
                "name": "Customer",
                "manager": {"email": self.manager_email},
            },
        )
        company_id: str = created["company"]["id"]
        if licenses:
            asked = {"companyId": company_id, "quantity": licenses}
            requested = await partner.done(REQUEST, input=asked)
            await partner.done(ASSIGN, input={"orderId": requested["order"]["id"]})
        return company_id

    async def manager(self) -> Client:
        """The customer's manager, who followed the link in the welcome."""
        return await self.follow_link(self.manager_email)

    async def follow_link(self, email: str) -> Client:
        [mail, *_] = await self.mailbox.wait_for(1, to=email, subject="Welcome")
        link = LINK.search(mail.text())
        assert link is not None
        nobody = Client(self.http)
        await nobody.done(SET_PASSWORD, token=link[1], password=PASSWORD)
        return await nobody.sign_in(email)
