"""A nightly job reads what changed since it last ran, and nothing else: docs/sync.md."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from strawberry.relay import to_base64

from models.companies import Company
from models.licenses import License, LicenseType
from models.orders import Order
from models.tokens import ApiScope
from models.users import User
from resolvers.companies import archive_company, move_company, restore_company, update_company
from resolvers.daily import remind_of_orders
from resolvers.licenses import (
    Learners,
    Wanted,
    allocate_licenses,
    reallocate_license,
    release_licenses,
)
from resolvers.orders import (
    assign_order,
    cancel_order,
    decline_order,
    request_licenses,
    return_order,
    update_order,
)
from resolvers.performing import perform
from resolvers.users import (
    add_manager,
    remove_manager,
    remove_users,
    update_notification_preferences,
    update_user,
)
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import Api
from tests.http.client import Client
from tests.scene import Do, Scene
from tests.snapshots import Snapshot, snapshot

LISTS: Final = {
    "companies": "status: [ACTIVE, ARCHIVED]",
    "users": "status: [INVITED, ACTIVE, REMOVED]",
    "orders": "",
    "licenses": "status: [AVAILABLE, ALLOCATED, EXPIRED, VOID]",
}
SHOWN: Final = Path(__file__).parents[2] / "docs" / "sync.md"
DAYS: Final = timedelta(days=3)
SYNCED: Final = (Company, User, Order, License)
UNSEEN: Final = {
    "Company": {"updated_at"},
    "User": {"updated_at", "path", "last_sign_in_at"},
    "Order": {"updated_at", "path"},
    "License": {"updated_at", "path"},
}
"""What may differ without a change: where a row hangs, and when somebody was here."""


async def changed_since(client: Client, since: str) -> dict[str, list[str]]:
    """The ids of the rows that the documented questions find, page by page."""
    found: dict[str, list[str]] = {}
    for name, besides in LISTS.items():
        text = f"""query($since: DateTime!, $after: String) {{
            {name}(first: 2, after: $after, filter: {{updatedAt: {{gte: $since}} {besides}}}) {{
                edges {{ node {{ id }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
        page: dict[str, Any] = {"pageInfo": {"hasNextPage": True, "endCursor": None}}
        found[name] = []
        while page["pageInfo"]["hasNextPage"]:
            page = await client.ask(text, since=since, after=page["pageInfo"]["endCursor"])
            found[name] += [edge["node"]["id"] for edge in page["edges"]]
    return found


async def test_a_job_over_many_companies_reads_only_what_changed(
    scene: Scene, make: Make, api: Api, clock: Clock
) -> None:
    companies = [await make.company(scene.partner, licenses=1) for _ in range(20)]
    people = [await make.user(company) for company in companies]
    job = api.by(await make.api_token(scene.pam, ApiScope.READ))
    do = Do(clock)
    clock.move(days=1)
    since = clock().isoformat()
    clock.move(hours=1)

    await do(scene.pam, update_company, companies[3].id, {"external_id": "C-3"})
    await do(scene.pam, archive_company, companies[4].id)
    await do(scene.pam, remove_users, [people[5].id])
    await do(scene.pam, allocate_licenses, companies[6].id, Learners([people[6].id]), Wanted())
    asked = await do(scene.pam, request_licenses, companies[7].id, LicenseType.PREMIUM, 3)
    returned = await Order.get(company_id=companies[8].id)
    await do(scene.pam, return_order, returned.id, "By mistake")

    def ids(*rows: Any) -> list[str]:
        return sorted(to_base64(type(row).__name__, str(row.id)) for row in rows)

    found = await changed_since(job, since)
    assert {name: sorted(rows) for name, rows in found.items()} == {
        "companies": ids(companies[3], companies[4]),
        "users": ids(people[5]),
        "orders": ids(await Order.get(id=asked.order_id), returned),
        "licenses": ids(*await License.filter(company_id__in=[companies[6].id, companies[8].id])),
    }
    [shown] = re.findall(r"```graphql\n(.*?)```", SHOWN.read_text(), re.DOTALL)
    page = await job.ask(shown, since=since)
    assert sorted(edge["node"]["id"] for edge in page["edges"]) == sorted(found["companies"])
    clock.move(seconds=1)
    assert await changed_since(job, clock().isoformat()) == {name: [] for name in LISTS}


def rows_of(state: Snapshot, kind: str) -> dict[Any, dict[str, Any]]:
    return {row["id"]: row for row in state[kind]}


def differences(before: Snapshot, after: Snapshot) -> tuple[set[Any], set[Any]]:
    """The rows that differ in anything a list can show; and those said to be updated."""
    changed, updated = set(), set()
    for kind in (model.__name__ for model in SYNCED):
        old = rows_of(before, kind)
        for id, row in rows_of(after, kind).items():
            was = old.get(id, {})
            if {name for name in row if row[name] != was.get(name)} - UNSEEN[kind]:
                changed.add((kind, id))
            if row["updated_at"] != was.get("updated_at"):
                updated.add((kind, id))
    return changed, updated


async def test_every_change_is_an_update_and_nothing_else_is(
    scene: Scene, make: Make, clock: Clock
) -> None:
    do = Do(clock)
    partner = await make.partner(scene.vendor)
    beneath = await make.company(scene.partner, account_manager_id=scene.paul.id)
    ann, bob = await make.learners(scene.customer, 2)
    held, free = await make.licenses(scene.customer, 2)
    await make.licenses(beneath, 1)
    await make.order(scene.customer, requested_at=clock() - DAYS)
    first, second, third, fourth = [await make.order(scene.customer) for _ in range(4)]
    customer, pam = scene.customer.id, scene.pam
    steps: dict[str, Callable[[], Awaitable[object]]] = {
        "update": lambda: do(pam, update_company, customer, {"industry": "Food"}),
        "allocate": lambda: do(pam, allocate_licenses, customer, Learners([ann.id]), Wanted()),
        "reallocate": lambda: reallocated(do, pam, bob),
        "release": lambda: do(pam, release_licenses, [held.id, free.id]),
        "manager": lambda: do(pam, add_manager, customer, ann.id, None),
        "mute": lambda: do(ann, update_notification_preferences, None, ["ORDER_ASSIGNED"]),
        "learner": lambda: do(pam, remove_manager, ann.id),
        "user": lambda: do(pam, update_user, bob.id, {"department": "Sales"}),
        "order": lambda: do(pam, update_order, first.id, {"quantity": 6}),
        "assign": lambda: do(pam, assign_order, second.id, 2),
        "decline": lambda: do(pam, decline_order, third.id, "No"),
        "cancel": lambda: do(pam, cancel_order, fourth.id),
        "remove": lambda: do(pam, remove_users, [bob.id]),
        "erase": lambda: do(pam, remove_users, [bob.id], True),
        "account manager gone": lambda: do(scene.vic, remove_manager, scene.paul.id),
        "remind": lambda: perform(None, clock, remind_of_orders, DAYS),
        "archive": lambda: do(scene.vic, archive_company, scene.partner.id),
        "restore": lambda: do(scene.vic, restore_company, scene.partner.id),
        "move": lambda: do(scene.vic, move_company, scene.partner.id, partner.id),
    }

    for name, step in steps.items():
        clock.move(minutes=1)
        before = await snapshot()
        await step()
        changed, updated = differences(before, await snapshot())

        assert changed, f"{name} changed nothing"
        assert updated == changed, name


async def reallocated(do: Do, who: User, to: User) -> object:
    license = await License.get(holder_id__isnull=False)
    return await do(who, reallocate_license, license.id, to.id)
