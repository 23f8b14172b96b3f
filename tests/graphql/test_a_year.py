"""A year in the life of a customer's licenses, through the API, with a clock that is moved."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

import pytest_asyncio

from models.companies import Company
from models.licenses import Allocation
from models.outbox import Notification
from models.users import User
from resolvers.daily import run
from schema.ids import global_id
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import Api
from tests.http.client import (
    ADD_USERS,
    ALLOCATE,
    ASSIGN,
    CREATE_COMPANY,
    ERRORS,
    REALLOCATE,
    REQUEST,
    SUMMARY,
)
from tests.invariants import breaches
from tests.scene import Scene
from tests.snapshots import snapshot

REMOVE: Final = f"""
mutation($input: RemoveUsersInput!) {{
  removeUsers(input: $input) {{ users {{ email status }} licenses {{ status }} {ERRORS} }}
}}"""
RETURN: Final = f"""
mutation($input: ReturnOrderInput!) {{
  returnOrder(input: $input) {{ order {{ status assignedQuantity }} {ERRORS} }}
}}"""
UPGRADE: Final = f"""
mutation($input: UpgradeTrialInput!) {{
  upgradeTrial(input: $input) {{ order {{ id origin quantity status }} {ERRORS} }}
}}"""
ORDER: Final = "query($id: ID!) { node(id: $id) { ... on Order { status remindedAt updatedAt } } }"
MAY_UPGRADE: Final = """
query($id: ID!) { company(id: $id) { viewerCan { upgradeTrial { allowed reason } } } }"""
EXPIRED: Final = """
query { auditEvents(filter: {action: {eq: "license.expired"}}) {
  edges { node { at summary actor { email } company { name } } }
} }"""
Mails = dict[str, list[str]]


class Year:
    """The calendar: what is done on which day, and which mails that day brought."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self.mails: dict[str, Mails] = {}
        self._api = api
        self._clock = clock
        self._noted: set[UUID] = set()

    async def until(self, day: str) -> None:
        """The daily jobs of each day up to that one, at 10 o'clock; what they mailed is noted."""
        end = datetime.combine(date.fromisoformat(day), self._clock.now.timetz())
        while self._clock.now < end:
            await self.note()
            self._clock.move(days=1)
            await run(self._clock)
        await self.note()

    async def note(self) -> None:
        found = await Notification.all().order_by("id")
        today = self.mails.setdefault(self._clock.now.date().isoformat(), {})
        for mail in (mail for mail in found if mail.id not in self._noted):
            today.setdefault(mail.template, []).append(mail.recipient.partition("@")[0])
        self._noted = {mail.id for mail in found}

    async def done(self, who: User, document: str, **given: Any) -> Any:
        """A mutation that refused nothing, by somebody who signs in for it."""
        return await (await self._api.of(who)).done(document, input=given)

    async def ask(self, who: User, document: str, **variables: Any) -> Any:
        return await (await self._api.of(who)).ask(document, **variables)

    async def summary(self, who: User, company_id: str) -> list[int]:
        """Total, available, allocated, expiring, expired and requested."""
        return list((await self.ask(who, SUMMARY, id=company_id))["licenseSummary"].values())

    @property
    def told(self) -> dict[str, Mails]:
        """By day, template and name; days without mail are left out."""
        return {
            day: {template: sorted(names) for template, names in mails.items()}
            for day, mails in self.mails.items()
            if mails
        }


@pytest_asyncio.fixture
async def scene(make: Make, clock: Clock) -> AsyncIterator[Scene]:
    clock.now = datetime(2027, 2, 24, 10, tzinfo=UTC)
    yield await Scene.set(make)


@pytest_asyncio.fixture
async def year(api: Api, clock: Clock) -> Year:
    return Year(api, clock)


async def stays() -> list[tuple[str, str, str | None, str | None]]:
    """Who had a license from which day to which, and why it ended."""
    return [
        (
            stay.user.first_name,
            f"{stay.allocated_at:%Y-%m-%d}",
            f"{stay.released_at:%Y-%m-%d}" if stay.released_at else None,
            stay.release_reason,
        )
        for stay in await Allocation.all().select_related("user").order_by("id")
    ]


def people(*names: str) -> list[dict[str, str]]:
    return [{"email": f"{name}@example.com", "firstName": name} for name in names]


async def test_a_year_of_premium_licenses_and_their_renewal(
    scene: Scene, year: Year, clock: Clock
) -> None:
    cora, pam, here = scene.cora, scene.pam, global_id("Company", scene.customer.id)
    first = (await year.done(cora, REQUEST, quantity=5))["order"]
    assert first["origin"] == "CUSTOMER_REQUEST"
    await year.until("2027-02-28")
    assigned = await year.done(pam, ASSIGN, orderId=first["id"])
    assert assigned["order"]["expiresAt"] == "2028-02-28T10:00:00Z"
    added = await year.done(cora, ADD_USERS, users=people("ann", "bob", "cat", "dan"))
    ids = {user["email"][:3]: user["id"] for user in added["users"]}
    assert await year.summary(cora, here) == [5, 1, 4, 0, 0, 0]

    await year.until("2027-03-01")
    eve = (await year.done(cora, ADD_USERS, users=people("eve"), allocate=False))["users"][0]
    held = added["users"][0]["license"]["id"]
    moved = await year.done(cora, REALLOCATE, licenseId=held, userId=eve["id"])
    assert moved["previousUser"] == {"email": "ann@example.com", "license": None}
    await year.until("2027-03-02")
    removed = await year.done(cora, REMOVE, userIds=[ids["bob"]])
    assert removed["users"] == [{"email": "bob@example.com", "status": "REMOVED"}]
    assert removed["licenses"] == [{"status": "AVAILABLE"}]
    assert await year.summary(cora, here) == [5, 2, 3, 0, 0, 0]

    more = (await year.done(cora, REQUEST, quantity=2))["order"]["id"]
    await year.done(pam, ASSIGN, orderId=more)
    assert await year.summary(cora, here) == [7, 4, 3, 0, 0, 0]
    await year.until("2027-03-15")
    returned = await year.done(pam, RETURN, orderId=more, reason="Too many")
    assert returned["order"] == {"status": "RETURNED", "assignedQuantity": 2}
    assert await year.summary(cora, here) == [5, 2, 3, 0, 0, 0]

    await year.until("2027-03-17")
    clock.now = datetime(2028, 1, 27, 10, tzinfo=UTC)  # nothing falls due in between
    await year.until("2028-01-28")
    assert await year.summary(cora, here) == [5, 2, 3, 0, 0, 0]
    await year.until("2028-01-29")
    assert await year.summary(cora, here) == [5, 2, 3, 5, 0, 0]
    await year.until("2028-02-20")
    renewal = (await year.done(cora, REQUEST, quantity=4))["order"]
    assert renewal["origin"] == "RENEWAL"
    await year.until("2028-02-23")
    order = {"status": "REQUESTED", "remindedAt": "2028-02-23T10:00:00Z"}
    seen = await year.ask(cora, ORDER, id=renewal["id"])
    assert seen == order | {"updatedAt": "2028-02-23T10:00:00Z"}
    await year.until("2028-02-27")
    assert await year.summary(cora, here) == [5, 2, 3, 5, 0, 4]
    await year.until("2028-02-28")
    assert await year.summary(cora, here) == [5, 0, 0, 0, 5, 4]
    events = await year.ask(cora, EXPIRED)
    assert [edge["node"] for edge in events["edges"]] == [
        {
            "at": "2028-02-28T10:00:00Z",
            "summary": "5 licenses of Customer expired on 28 February 2028.",
            "actor": None,
            "company": {"name": "Customer"},
        }
    ]

    await year.until("2028-02-29")
    assigned = await year.done(pam, ASSIGN, orderId=renewal["id"])
    assert assigned["order"]["expiresAt"] == "2029-02-28T10:00:00Z"
    before = await snapshot()
    preview = await year.done(cora, ALLOCATE, allExpired=True, preview=True)
    renewed = ["cat@example.com", "dan@example.com", "eve@example.com"]
    assert sorted(one["user"]["email"] for one in preview["licenses"]) == renewed
    assert preview["shortage"] == 0
    after = await snapshot()
    assert {name for name in before if before[name] != after[name]} == {"Session"}
    allocated = await year.done(cora, ALLOCATE, allExpired=True)
    assert sorted(one["user"]["email"] for one in allocated["licenses"]) == renewed
    assert await year.summary(cora, here) == [9, 1, 3, 0, 5, 0]
    again = await year.done(cora, ALLOCATE, allExpired=True)
    assert again["licenses"] == []
    await year.until("2028-03-03")

    assert sorted(await stays()) == [
        ("ann", "2027-02-28", "2027-03-01", "REALLOCATED"),
        ("bob", "2027-02-28", "2027-03-02", "USER_REMOVED"),
        ("cat", "2027-02-28", "2028-02-28", "EXPIRED"),
        ("cat", "2028-02-29", None, None),
        ("dan", "2027-02-28", "2028-02-28", "EXPIRED"),
        ("dan", "2028-02-29", None, None),
        ("eve", "2027-03-01", "2028-02-28", "EXPIRED"),
        ("eve", "2028-02-29", None, None),
    ]
    managers, both = ["carl", "cora"], ["carl", "cora", "pam"]
    assert year.told == {
        "2027-02-24": {"ORDER_REQUESTED": ["pam"]},
        "2027-02-27": {"ORDER_WAITING": ["pam"]},
        "2027-02-28": {"ORDER_ASSIGNED": managers},
        "2027-03-02": {"ORDER_REQUESTED": ["pam"], "ORDER_ASSIGNED": managers},
        "2027-03-15": {"ORDER_CANCELLED": managers},
        "2028-01-29": {"LICENSES_EXPIRING": both},
        "2028-02-20": {"ORDER_REQUESTED": ["pam"]},
        "2028-02-23": {"ORDER_WAITING": ["pam"]},
        "2028-02-25": {"LICENSES_EXPIRING": both},
        "2028-02-27": {"ORDER_WAITING": ["pam", "vic"]},
        "2028-02-28": {"LICENSES_EXPIRED": both},
        "2028-02-29": {"ORDER_ASSIGNED": managers},
    }
    assert await breaches(clock.now) == {}


async def test_a_trial_that_is_upgraded_and_one_that_is_not(
    scene: Scene, year: Year, clock: Clock
) -> None:
    clock.now = datetime(2028, 2, 1, 10, tzinfo=UTC)
    companies, managers = {}, {}
    for name in ("mia", "tom"):
        made = await year.done(
            scene.pam,
            CREATE_COMPANY,
            kind="CUSTOMER",
            name=f"{name}'s",
            manager={"email": f"{name}@example.com"},
            order={"licenseType": "TRIAL", "quantity": 3},
        )
        companies[name] = made["company"]["id"]
        managers[name] = await User.get(email=f"{name}@example.com")
        learners = people(f"{name}-1", f"{name}-2")
        await year.done(managers[name], ADD_USERS, users=learners)
    mia, tom = managers.values()
    assert await year.summary(mia, companies["mia"]) == [3, 1, 2, 3, 0, 0]

    await year.until("2028-02-29")
    upgrade = (await year.done(mia, UPGRADE))["order"]
    assert [upgrade[name] for name in ("origin", "quantity", "status")] == [
        "TRIAL_UPGRADE",
        2,
        "REQUESTED",
    ]
    await year.until("2028-03-01")
    await year.done(scene.pam, ASSIGN, orderId=upgrade["id"])
    assert await year.summary(mia, companies["mia"]) == [5, 2, 0, 0, 3, 0]
    allocated = await year.done(mia, ALLOCATE, allExpired=True)
    assert [one["status"] for one in allocated["licenses"]] == ["ALLOCATED"] * 2
    await year.until("2028-03-05")

    may = [
        (await year.ask(who, MAY_UPGRADE, id=companies[name]))["viewerCan"]["upgradeTrial"]
        for name, who in managers.items()
    ]
    assert may == [
        {"allowed": False, "reason": "This company has no trial to upgrade: request licenses."},
        {"allowed": True, "reason": None},
    ]
    assert await year.summary(mia, companies["mia"]) == [5, 0, 2, 0, 3, 0]
    assert await year.summary(tom, companies["tom"]) == [3, 0, 0, 0, 3, 0]
    plans = await Company.filter(kind="CUSTOMER").order_by("id").values_list("name", "plan")
    assert plans == [("Customer", "NONE"), ("mia's", "PREMIUM"), ("tom's", "TRIAL")]
    assert sorted(await stays()) == [
        ("mia-1", "2028-02-01", "2028-03-01", "UPGRADED"),
        ("mia-1", "2028-03-01", None, None),
        ("mia-2", "2028-02-01", "2028-03-01", "UPGRADED"),
        ("mia-2", "2028-03-01", None, None),
        ("tom-1", "2028-02-01", "2028-03-02", "EXPIRED"),
        ("tom-2", "2028-02-01", "2028-03-02", "EXPIRED"),
    ]
    told = year.told
    assert told.pop("2028-02-01").keys() == {"MANAGER_WELCOME", "ORDER_ASSIGNED"}
    assert told == {
        "2028-02-28": {"TRIAL_EXPIRING": ["mia", "pam", "pam", "tom"]},
        "2028-02-29": {"ORDER_REQUESTED": ["pam"]},
        "2028-03-01": {"ORDER_ASSIGNED": ["mia"]},
        "2028-03-02": {"TRIAL_EXPIRED": ["pam", "tom"]},
    }
    assert await breaches(clock.now) == {}
