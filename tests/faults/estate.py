"""A small tree with something of every kind in it, grown by the operations themselves."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from models.base import global_id
from models.companies import Company, CompanyKind
from models.destinations import Destinations
from models.licenses import LicenseType
from models.tokens import ApiScope
from models.users import User
from models.webhooks import WebhookEvent
from resolvers.companies import FirstOrder, create_company, restore_company
from resolvers.licenses import Learners, ShortagePolicy, Wanted, allocate_licenses, release_licenses
from resolvers.orders import (
    assign_order,
    cancel_order,
    decline_order,
    request_licenses,
    return_order,
    upgrade_trial,
)
from resolvers.people import Person
from resolvers.users import add_users, remove_users
from resolvers.webhooks import create_webhook_endpoint
from tests.conftest import Clock
from tests.factories import Make
from tests.isolation.world import KINDS
from tests.scene import Do, Scene

PREMIUM, TRIAL = LicenseType.PREMIUM, LicenseType.TRIAL
PARTIAL = Wanted(on_shortage=ShortagePolicy.PARTIAL)


@dataclass
class Estate:
    scene: Scene
    make: Make
    do: Do
    clock: Clock

    @classmethod
    async def grow(cls, make: Make, clock: Clock) -> "Estate":
        estate = cls(await Scene.set(make), make, Do(clock), clock)
        clock.move(minutes=1)
        await estate._customer()
        await estate._others()
        clock.move(minutes=1)
        return estate

    async def _customer(self) -> None:
        """With an order in each status, licenses at work, and a webhook that heard of it all."""
        do, scene = self.do, self.scene
        await do(scene.pam, self._webhook)
        orders = [await self._ask(6) for _ in range(6)]
        await do(scene.pam, assign_order, orders[0])
        await do(scene.pam, assign_order, orders[1], 2)
        await do(scene.pam, decline_order, orders[2], "No.")
        await do(scene.cora, cancel_order, orders[3])
        await do(scene.pam, assign_order, orders[4])
        await do(scene.pam, return_order, orders[4], "Not needed.")
        people = [Person(f"learner{n}@example.com", f"Learner {n}") for n in range(8)]
        added = await do(scene.cora, add_users, None, people, PARTIAL)
        held = (await do(scene.cora, add_users, None, [Person("h@example.com")], PARTIAL)).licenses
        await do(scene.cora, remove_users, added.users[:1])
        await do(scene.cora, allocate_licenses, None, Learners(user_ids=added.users[1:]), PARTIAL)
        await do(scene.cora, release_licenses, held)
        await do.managing(scene.pam, scene.customer)

    async def _webhook(self, work: Any) -> UUID:
        made = await create_webhook_endpoint(
            work, "https://hooks.example.com/", list(WebhookEvent), Destinations()
        )
        return made.endpoint_id

    async def _ask(self, quantity: int) -> UUID:
        asked = await self.do(self.scene.cora, request_licenses, None, PREMIUM, quantity)
        return asked.order_id

    async def _others(self) -> None:
        """A sub-partner, a trial that is to be upgraded, and an API token."""
        do, scene = self.do, self.scene
        told = (None, CompanyKind.PARTNER, "Sub-partner", {"country": "DE"}, None)
        await do(scene.pam, create_company, *told, Person("sue@example.com"), None)
        told = (None, CompanyKind.CUSTOMER, "Trying", {"external_id": "7"}, None)
        first = FirstOrder(TRIAL, 5)
        trying = await do(scene.pam, create_company, *told, Person("tom@example.com"), first)
        await do(scene.pam, upgrade_trial, trying.company_id, PREMIUM, 5)
        await self.make.api_token(scene.pam)

    # ── Who asks ─────────────────────────────────────────────────────────────────────────────

    async def token(self, who: str) -> str:
        """Of one who may do everything, or of whom rules forbid a little, made anew."""
        make, scene = self.make, self.scene
        match who:
            case "manage mode":
                return await make.manage_token(scene.vic, scene.customer)
            case "API token":
                return await make.api_token(scene.vic, *ApiScope)
            case "manager":
                return await make.token(await self._manager(scene.customer))
            case "account manager":
                return await make.token(await self._manager(scene.partner))
            case _:
                return await make.token(scene.vic)

    async def _manager(self, company: Company) -> User:
        """Whoever has been left there, or another."""
        there = User.filter(company_id=company.id, removed_at__isnull=True).exclude(role="LEARNER")
        return await there.first() or await self.make.manager(company)

    async def order_changes(self) -> None:
        """In the customer, by other hands."""
        await self.do(
            self.scene.vic, request_licenses, self.scene.customer.id, PREMIUM, 1, None, None
        )

    # ── What there is ────────────────────────────────────────────────────────────────────────

    async def tended(self) -> dict[str, list[str]]:
        """Ids of all that has one, by the name of its type. What was archived works again."""
        for company in await Company.filter(archived_at__isnull=False).order_by("path"):
            await self.do(self.scene.vic, restore_company, company.id)
        return {
            name: [global_id(name, row["id"]) for row in await kind.all().values("id")]
            for name, kind in KINDS.items()
        }
