"""Companies: created, updated, moved, archived, restored."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from models.access import Caller, visible
from models.audit import AuditEvent
from models.base import Entity, new_id
from models.companies import STEP, Company, CompanyKind, CompanyPlan
from models.errors import Refusal
from models.licenses import License, LicenseType
from models.orders import Order, OrderOrigin, OrderStatus
from models.outbox import Notification
from models.sessions import PasswordLink, digest
from models.users import User, UserRole
from resolvers.companies import (
    FirstOrder,
    archive_company,
    create_company,
    create_vendor,
    move_company,
    restore_company,
    update_company,
)
from resolvers.licenses import Learners, Wanted, allocate_licenses
from resolvers.orders import assign_order, request_licenses
from resolvers.people import Person
from resolvers.performing import perform, previewing
from resolvers.sessions import enter_manage_mode
from resolvers.users import (
    add_manager,
    add_users,
    remove_manager,
    remove_users,
    update_notification_preferences,
    update_user,
)
from tests.conftest import Clock
from tests.factories import Make
from tests.invariants import breaches
from tests.scene import Do, Scene
from tests.snapshots import Snapshot, columns, events, mails, refused, snapshot

V, D, P, C = CompanyKind
ANN = Person("ann@example.com", "Ann", "Lee")
FILED = ("User", "Order", "License", "Notification", "AuditEvent")


async def paths() -> dict[UUID, str]:
    return {company.id: company.path for company in await Company.all()}


async def misfiled() -> list[str]:
    """Rows of the six tables that are not filed under their company, and it under its parent."""
    where = await paths()
    wrong = [
        f"{company.name} is not beneath its parent"
        for company in await Company.filter(parent_id__isnull=False)
        if company.parent_id is None or company.path[:-STEP] != where[company.parent_id]
    ]
    for name, rows in (await snapshot()).items():
        if name in FILED:
            wrong += [
                f"{name} {row['id']}" for row in rows if row["path"] != where[row["company_id"]]
            ]
    return wrong


async def changed_since(before: Snapshot) -> dict[str, dict[str, Any]]:
    """Of rows that were there: the columns that differ now, by table and whose it is."""
    found: dict[str, dict[str, Any]] = {}
    after = await snapshot()
    for table, rows in before.items():
        now = {row["id"]: row for row in after[table]}
        for row in rows:
            differing = {
                name: now[row["id"]][name] for name in row if now[row["id"]][name] != row[name]
            }
            if differing:
                name = row.get("name") or row.get("email") or row["id"]
                found[f"{table} {name}"] = differing
    return found


# ── The root ─────────────────────────────────────────────────────────────────────────────────────


async def make_vendor(clock: Clock, name: str = "Vendor") -> tuple[UUID, str]:
    done = await perform(None, clock, create_vendor, name, ANN)
    return done.result


async def test_the_root_comes_with_its_first_account_manager_and_a_link(
    database: str, clock: Clock
) -> None:
    user_id, token = await make_vendor(clock)

    [company], [user], [link] = (
        await Company.all(),
        await User.all(),
        await PasswordLink.all(),
    )
    assert (company.name, company.kind, company.parent_id, company.account_manager_id) == (
        "Vendor",
        V,
        None,
        None,
    )
    assert (user.id, user.company_id, user.path, user.role) == (
        user_id,
        company.id,
        company.path,
        UserRole.ACCOUNT_MANAGER,
    )
    assert (link.user_id, link.token_hash) == (user_id, digest(token))
    assert link.expires_at == clock() + timedelta(days=7)
    assert await events() == ["company.created", "manager.added"]
    assert await mails() == []


async def test_there_is_one_root(database: str, clock: Clock) -> None:
    answers = await asyncio.gather(
        *(make_vendor(clock, f"Vendor {n}") for n in range(5)), return_exceptions=True
    )

    faults = [answer.code for answer in answers if isinstance(answer, Refusal)]
    assert faults == ["CONFLICT"] * 4
    assert await Company.all().count() == await User.all().count() == 1
    assert await refused(make_vendor(clock)) == [("CONFLICT", None)]


# ── Created ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_company_is_created_beneath_the_acting_one(
    scene: Scene, do: Do, clock: Clock
) -> None:
    clock.move(days=1)
    details = {"industry": "Steel", "employee_count": 70, "country": "de", "language": "de"}

    created = await do(
        scene.pam, create_company, None, C, " Acme ", {**details, "external_id": "7"}
    )

    company = await Company.get(id=created.company_id)
    assert columns(company) == {
        "id": created.company_id,
        "parent_id": scene.partner.id,
        "kind": C,
        "name": "Acme",
        "name_key": "acme",
        "path": scene.partner.path + company.label,
        "plan": CompanyPlan.NONE,
        "industry": "Steel",
        "employee_count": 70,
        "country": "DE",
        "language": "de",
        "external_id": "7",
        "account_manager_id": scene.pam.id,
        "archived_at": None,
        "is_archived": False,
        "created_at": clock(),
        "updated_at": clock(),
    }
    [event] = await AuditEvent.all()
    assert (event.action, event.actor_id, event.company_id, event.path, event.subject_id) == (
        "company.created",
        scene.pam.id,
        company.id,
        company.path,
        company.id,
    )
    assert created.order_id is None
    assert await mails() == []


async def test_or_beneath_any_other_in_reach(scene: Scene, do: Do, make: Make) -> None:
    sub_partner = await make.partner(scene.partner)

    created = await do(scene.vic, create_company, sub_partner.id, C, "Acme", {})

    company = await Company.get(id=created.company_id)
    assert (company.parent_id, company.account_manager_id) == (sub_partner.id, scene.vic.id)
    assert company.path == sub_partner.path + company.label


@pytest.mark.parametrize("kind", [D, P])
async def test_partners_and_distributors_start_with_ten_nfr_licenses_and_nobody_is_mailed(
    scene: Scene, do: Do, clock: Clock, kind: CompanyKind
) -> None:
    created = await do(scene.vic, create_company, None, kind, "New", {}, None, ANN)

    company = await Company.get(id=created.company_id)
    [order] = await Order.filter(company_id=company.id)
    licenses = await License.filter(company_id=company.id)
    assert (company.plan, created.order_id) == (CompanyPlan.NFR, None)
    assert (order.license_type, order.origin, order.status) == (
        LicenseType.NFR,
        OrderOrigin.NFR_GRANT,
        OrderStatus.ASSIGNED,
    )
    assert (order.quantity, order.assigned_quantity, order.expires_at) == (10, 10, None)
    assert len(licenses) == 10
    assert {(license.type, license.expires_at, license.path) for license in licenses} == {
        (LicenseType.NFR, None, company.path)
    }
    assert await mails() == [("PARTNER_WELCOME", ANN.email)]
    assert await events() == ["company.created", "manager.added", "order.assigned"]


async def test_a_customer_starts_with_nothing(scene: Scene, do: Do) -> None:
    await do(scene.pam, create_company, None, C, "New", {}, None, ANN)

    assert await Order.all().count() == await License.all().count() == 0


@pytest.mark.parametrize(
    ("kind", "role", "template"),
    [
        (C, UserRole.MANAGER, "MANAGER_WELCOME"),
        (P, UserRole.ACCOUNT_MANAGER, "PARTNER_WELCOME"),
    ],
)
async def test_its_manager_is_welcomed_with_a_link(
    scene: Scene, do: Do, kind: CompanyKind, role: UserRole, template: str
) -> None:
    done = await do.done(scene.pam, create_company, None, kind, "New", {}, None, ANN)

    [mail], [link] = await Notification.all(), await PasswordLink.all()
    user = await User.get(email_key=ANN.email)
    assert (user.role, user.company_id, user.name) == (role, done.result.company_id, "Ann Lee")
    assert done.notices == [mail.id]
    assert (mail.template, mail.user_id, mail.company_id, mail.actor_id) == (
        template,
        user.id,
        done.result.company_id,
        scene.pam.id,
    )
    assert mail.token is not None
    assert (link.user_id, link.token_hash) == (user.id, digest(mail.token))


async def test_company_manager_order_licenses_and_mails_come_to_be_together(
    scene: Scene, do: Do, clock: Clock
) -> None:
    order = FirstOrder(LicenseType.PREMIUM, 25, "PO 4711")

    created = await do(scene.pam, create_company, None, C, "Acme", {}, None, ANN, order)

    company = await Company.get(id=created.company_id)
    placed = await Order.get(id=created.order_id)
    assert company.plan is CompanyPlan.PREMIUM
    assert (placed.company_id, placed.path, placed.origin, placed.status) == (
        company.id,
        company.path,
        OrderOrigin.COMPANY_CREATION,
        OrderStatus.ASSIGNED,
    )
    assert (placed.quantity, placed.assigned_quantity, placed.purchase_order) == (25, 25, "PO 4711")
    assert (placed.requested_by_id, placed.assigned_by_id, placed.on_behalf_of_id) == (
        scene.pam.id,
        scene.pam.id,
        company.id,
    )
    assert await License.filter(order_id=placed.id, path=company.path).count() == 25
    assert await mails() == [("MANAGER_WELCOME", ANN.email), ("ORDER_ASSIGNED", ANN.email)]
    assert await events() == [
        "company.created",
        "manager.added",
        "order.requested",
        "order.assigned",
    ]


async def test_an_order_may_be_left_requested(scene: Scene, do: Do) -> None:
    order = FirstOrder(LicenseType.MANAGED, 5, assign=False)

    created = await do(scene.pam, create_company, None, C, "Acme", {}, scene.paul.id, ANN, order)

    company = await Company.get(id=created.company_id)
    placed = await Order.get(id=created.order_id)
    assert (placed.status, placed.assigned_quantity, company.plan) == (
        OrderStatus.REQUESTED,
        0,
        CompanyPlan.NONE,
    )
    assert await License.all().count() == 0
    assert await mails() == [("MANAGER_WELCOME", ANN.email), ("ORDER_REQUESTED", scene.paul.email)]


@pytest.mark.parametrize(
    ("assign", "looks_after", "mutes", "expected"),
    [
        (True, "paul", False, [("ORDER_ASSIGNED", "paul@example.com")]),
        (True, "paul", True, []),
        (True, "pam", False, []),
        (False, "paul", False, [("ORDER_REQUESTED", "paul@example.com")]),
        (False, "paul", True, []),
        (False, "pam", False, []),
    ],
)
async def test_without_a_manager_the_account_manager_is_mailed_but_nobody_who_did_it_or_muted_it(
    scene: Scene,
    do: Do,
    assign: bool,
    looks_after: str,
    mutes: bool,
    expected: list[tuple[str, str]],
) -> None:
    chosen: User = getattr(scene, looks_after)
    if mutes:
        chosen.muted_templates = ["ORDER_ASSIGNED", "ORDER_REQUESTED"]
        await chosen.save()
    order = FirstOrder(LicenseType.PREMIUM, 5, assign=assign)

    await do(scene.pam, create_company, None, C, "Acme", {}, chosen.id, None, order)

    assert await mails() == expected


async def test_a_customer_may_be_created_on_a_trial_of_thirty_days(
    scene: Scene, do: Do, clock: Clock
) -> None:
    order = FirstOrder(LicenseType.TRIAL, 3)

    created = await do(scene.pam, create_company, None, C, "Acme", {}, None, None, order)

    licenses = await License.filter(company_id=created.company_id)
    assert (await Company.get(id=created.company_id)).plan is CompanyPlan.TRIAL
    assert [license.expires_at for license in licenses] == [clock() + timedelta(days=30)] * 3


@pytest.mark.parametrize(
    ("kind", "license_type"),
    [
        (C, LicenseType.NFR),
        (P, LicenseType.NFR),
        (P, LicenseType.TRIAL),
        (P, LicenseType.MANAGED),
    ],
)
async def test_a_company_is_not_created_on_a_type_that_it_cannot_have(
    scene: Scene, do: Do, kind: CompanyKind, license_type: LicenseType
) -> None:
    order = FirstOrder(license_type, 3)

    call = do(scene.pam, create_company, None, kind, "New", {}, None, ANN, order)

    assert await refused(call) == [("INVALID_INPUT", ("order", "license_type"))]


@pytest.mark.parametrize(
    ("name", "details", "person", "order", "fault"),
    [
        (" ", {}, None, None, ("INVALID_INPUT", ("name",))),
        ("Win at http://x", {}, None, None, ("INVALID_INPUT", ("name",))),
        ("New", {"country": "Germany"}, None, None, ("INVALID_INPUT", ("country",))),
        ("New", {}, Person("no address"), None, ("INVALID_INPUT", ("manager", "email"))),
        ("New", {}, Person("CORA@example.com"), None, ("DUPLICATE", ("manager", "email"))),
        ("New", {}, ANN, 0, ("INVALID_INPUT", ("order", "quantity"))),
        ("New", {}, ANN, -1, ("INVALID_INPUT", ("order", "quantity"))),
        ("New", {}, ANN, 100_001, ("INVALID_INPUT", ("order", "quantity"))),
    ],
)
async def test_all_of_it_comes_to_be_or_none(
    scene: Scene,
    do: Do,
    name: str,
    details: dict[str, Any],
    person: Person | None,
    order: int | None,
    fault: tuple[str, tuple[str, ...]],
) -> None:
    asked = FirstOrder(LicenseType.PREMIUM, order) if order is not None else None

    call = do(scene.pam, create_company, None, P, name, details, None, person, asked)

    assert await refused(call) == [fault]


async def test_a_purchase_order_that_is_no_line_is_told_where_it_stands(
    scene: Scene, do: Do
) -> None:
    order = FirstOrder(LicenseType.PREMIUM, 1, "PO\n4711")

    call = do(scene.pam, create_company, None, C, "New", {}, None, None, order)

    assert await refused(call) == [("INVALID_INPUT", ("order", "purchase_order"))]


async def test_a_preview_does_all_of_it_and_undoes_it(scene: Scene, do: Do) -> None:
    order = FirstOrder(LicenseType.PREMIUM, 5)
    before = await snapshot()

    async with previewing():
        done = await do.done(
            scene.pam, create_company, None, C, "New", {}, None, ANN, order, preview=True
        )
        assert await License.filter(order_id=done.result.order_id).count() == 5
        assert len(done.notices) == 2

    assert await snapshot() == before


async def test_who_may_not_create_a_company_is_told_so_or_sees_no_parent(
    scene: Scene, do: Do, make: Make
) -> None:
    learner, archived = await make.user(scene.partner), await make.partner(scene.partner)
    beside = await make.partner()
    await do.sign_in(learner)
    await do(scene.pam, archive_company, archived.id)
    unknown = ("NOT_FOUND", ("parent_id",))

    for who, parent, kind, answer in [
        (scene.cora, scene.customer, C, ("FORBIDDEN", None)),
        (learner, scene.partner, C, ("FORBIDDEN", None)),
        (scene.cora, scene.partner, C, unknown),
        (scene.pam, scene.vendor, C, unknown),
        (scene.pam, beside, C, unknown),
        (scene.pam, archived, C, ("CONFLICT", None)),
        (scene.pam, scene.customer, C, ("INVALID_INPUT", ("kind",))),
        (scene.pam, scene.partner, D, ("INVALID_INPUT", ("kind",))),
        (scene.vic, scene.vendor, V, ("INVALID_INPUT", ("kind",))),
    ]:
        assert await refused(do(who, create_company, parent.id, kind, "New", {})) == [answer]


async def test_an_unknown_parent_and_one_out_of_sight_get_the_same_answer(
    scene: Scene, do: Do
) -> None:
    told = []
    for id in (new_id(), scene.vendor.id):
        with pytest.raises(Refusal) as refusal:
            await do(scene.pam, create_company, id, C, "New", {})
        told.append((refusal.value.code, refusal.value.message, refusal.value.path))

    assert told[0] == told[1]


# ── The account manager ──────────────────────────────────────────────────────────────────────────


async def test_in_manage_mode_too_the_creator_becomes_the_account_manager(
    scene: Scene, do: Do
) -> None:
    inside = await do.managing(scene.vic, scene.partner)

    created = await do(inside, create_company, None, C, "Acme", {})

    company = await Company.get(id=created.company_id)
    assert (company.parent_id, company.account_manager_id) == (scene.partner.id, scene.vic.id)
    assert [event.on_behalf_of_id for event in await AuditEvent.all()] == [scene.partner.id]


async def test_an_account_manager_of_any_company_above_may_be_chosen_from_above(
    scene: Scene, do: Do, clock: Clock
) -> None:
    clock.move(days=1)
    for who, chosen in [(scene.vic, scene.vic), (scene.vic, scene.paul), (scene.pam, scene.pam)]:
        await do(who, update_company, scene.customer.id, {"account_manager_id": chosen.id})
        company = await Company.get(id=scene.customer.id)
        assert (company.account_manager_id, company.updated_at) == (chosen.id, clock())

    await do(scene.pam, update_company, scene.customer.id, {"account_manager_id": None})
    assert (await Company.get(id=scene.customer.id)).account_manager_id is None
    assert await events() == ["company.updated"] * 4


async def test_in_manage_mode_oneself_may_be_chosen_for_a_company_beneath(
    scene: Scene, do: Do
) -> None:
    inside = await do.managing(scene.vic, scene.partner)

    await do(inside, update_company, scene.customer.id, {"account_manager_id": scene.vic.id})

    assert (await Company.get(id=scene.customer.id)).account_manager_id == scene.vic.id


async def test_nobody_else_can_be_an_account_manager(scene: Scene, do: Do, make: Make) -> None:
    learner, beside = await make.user(scene.partner), await make.partner(scene.partner)
    removed = await make.manager(scene.partner, removed_at=scene.partner.created_at)
    there = await make.manager(beside)
    elsewhere = await make.manager(await make.partner())
    unfit, unknown = (
        ("INVALID_INPUT", ("account_manager_id",)),
        ("NOT_FOUND", ("account_manager_id",)),
    )

    for id, answer in [
        (learner.id, unfit),
        (scene.cora.id, unfit),
        (there.id, unfit),
        (removed.id, unknown),
        (elsewhere.id, unknown),
        (scene.vic.id, unknown),
        (new_id(), unknown),
    ]:
        change = do(scene.pam, update_company, scene.customer.id, {"account_manager_id": id})
        create = do(scene.pam, create_company, None, C, "New", {}, id)
        assert await refused(change) == await refused(create) == [answer]


async def test_nobody_chooses_the_account_manager_of_their_own_company(
    scene: Scene, do: Do
) -> None:
    """Nor in manage mode there; and what else the call asks is not done either."""
    inside = await do.managing(scene.pam, scene.customer)
    callers: list[tuple[User | Caller, Company]] = [
        (scene.cora, scene.customer),
        (scene.pam, scene.partner),
        (inside, scene.customer),
    ]

    for who, company in callers:
        for chosen in (None, scene.pam.id):
            given = {"industry": "Steel", "account_manager_id": chosen}
            assert await refused(do(who, update_company, company.id, given)) == [
                ("FORBIDDEN", None)
            ]


# ── Updated ──────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_given_of_a_company_is_changed_and_nothing_else(
    scene: Scene, do: Do, clock: Clock
) -> None:
    before = await snapshot()
    clock.move(days=1)
    given = {"name": "Acme", "industry": "Steel", "external_id": None}

    await do(scene.cora, update_company, scene.customer.id, given)

    assert await changed_since(before) == {
        f"Company {scene.customer.name}": {
            "name": "Acme",
            "name_key": "acme",
            "industry": "Steel",
            "updated_at": clock(),
        }
    }
    [event] = await AuditEvent.all()
    assert (event.action, event.actor_id, event.on_behalf_of_id, event.facts) == (
        "company.updated",
        scene.cora.id,
        None,
        {"fields": ["external_id", "industry", "name"]},
    )
    assert await mails() == []


async def test_the_same_again_is_no_change_and_no_event(scene: Scene, do: Do) -> None:
    before = await snapshot()
    same = {"name": scene.customer.name, "account_manager_id": scene.pam.id, "country": None}

    for given in ({}, same):
        await do(scene.pam, update_company, scene.customer.id, given)

    assert await snapshot() == before


async def test_who_may_not_update_a_company_is_told_so_or_sees_none(
    scene: Scene, do: Do, make: Make
) -> None:
    managed = await make.company(scene.partner, plan=CompanyPlan.MANAGED)
    manager, learner = await make.manager(managed), await make.user(scene.customer)
    for user in (manager, learner):
        await do.sign_in(user)
    unknown = ("NOT_FOUND", ("company_id",))

    for who, company, answer in [
        (scene.cora, scene.partner, unknown),
        (scene.cora, managed, unknown),
        (learner, scene.partner, unknown),
        (learner, scene.customer, ("FORBIDDEN", None)),
        (manager, managed, ("FORBIDDEN", None)),
    ]:
        assert await refused(do(who, update_company, company.id, {"name": "New"})) == [answer]

    inside = await do.managing(scene.pam, managed)
    await do(inside, update_company, managed.id, {"name": "New"})
    assert (await Company.get(id=managed.id)).name == "New"


async def test_a_fault_in_one_field_leaves_all_as_it_was(scene: Scene, do: Do) -> None:
    given = {"account_manager_id": scene.paul.id, "industry": "Steel", "name": None}

    assert await refused(do(scene.pam, update_company, scene.customer.id, given)) == [
        ("INVALID_INPUT", ("name",))
    ]


# ── Moved ────────────────────────────────────────────────────────────────────────────────────────


async def furnish(make: Make, do: Do, scene: Scene, company: Company) -> None:
    """A row of each table that is filed by path."""
    learner, [license] = await make.user(company), await make.licenses(company, 1)
    await make.allocation(license, learner)
    await do(scene.vic, update_company, company.id, {"industry": "Steel"})
    await do(scene.vic, add_manager, company.id, learner.id, None)


async def test_a_company_is_moved_with_all_beneath_it_in_all_six_tables(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    sub_partner, target = await make.partner(scene.partner), await make.partner()
    lowest, beside = await make.company(sub_partner), await make.company(scene.partner)
    for company in (sub_partner, lowest, beside, target):
        await furnish(make, do, scene, company)
    before, old = await snapshot(), await paths()
    clock.move(days=1)

    await do(scene.vic, move_company, sub_partner.id, target.id)

    new_path = target.path + sub_partner.label
    moved = {sub_partner.id: new_path, lowest.id: new_path + lowest.label}
    assert await paths() == old | moved
    assert await misfiled() == []
    changed = await changed_since(before)
    assert changed.pop(f"Company {sub_partner.name}") == {
        "parent_id": target.id,
        "path": new_path,
        "updated_at": clock(),
    }
    filed = {
        f"{table} {row.get('name') or row.get('email') or row['id']}": {
            "path": moved[row["id"] if table == "Company" else row["company_id"]],
            **({"updated_at": clock()} if table == "Company" else {}),
        }
        for table in ("Company", *FILED)
        for row in before[table]
        if row["path"].startswith(sub_partner.path) and row["id"] != sub_partner.id
    }
    assert changed == filed
    assert {name.split()[0] for name in filed} == {"Company", *FILED}


async def test_a_move_is_written_down_where_the_company_is_now(
    scene: Scene, do: Do, make: Make
) -> None:
    target = await make.partner()

    await do(scene.vic, move_company, scene.customer.id, target.id)

    company = await Company.get(id=scene.customer.id)
    [event] = await AuditEvent.all()
    assert (event.action, event.company_id, event.path) == (
        "company.moved",
        company.id,
        company.path,
    )
    assert event.facts == {"old": str(scene.partner.id), "new": str(target.id)}
    assert await mails() == []


async def test_what_moved_is_seen_from_its_new_place_and_no_more_from_the_old(
    scene: Scene, do: Do, make: Make
) -> None:
    target = await make.partner()
    there = await do.sign_in(await make.manager(target))
    pam, order = await do.sign_in(scene.pam), await make.order(scene.customer)
    models: tuple[type[Entity], ...] = (Company, User, Order, AuditEvent)

    await do(scene.vic, move_company, scene.customer.id, target.id)

    of_customer = {
        Company: {scene.customer.id},
        User: {scene.cora.id, scene.carl.id},
        Order: {order.id},
        AuditEvent: {event.id for event in await AuditEvent.all()},
    }
    for model in models:
        seen, left = [{row.id for row in await visible(model, who)} for who in (there, pam)]
        assert of_customer[model] <= seen
        assert not of_customer[model] & left


async def test_open_orders_go_along_and_are_assigned_from_the_new_place(
    scene: Scene, do: Do, make: Make
) -> None:
    target = await make.partner()
    there = await make.manager(target)
    order = await make.order(scene.customer, 5)
    await do(scene.vic, move_company, scene.customer.id, target.id)
    await do.sign_in(there)

    assert await refused(do(scene.pam, assign_order, order.id)) == [("NOT_FOUND", ("order_id",))]
    await do(there, assign_order, order.id)

    assert (await Order.get()).status is OrderStatus.ASSIGNED
    assert await mails() == [
        ("ORDER_ASSIGNED", scene.cora.email),
        ("ORDER_ASSIGNED", scene.carl.email),
    ]


async def test_account_managers_who_are_no_longer_above_are_dismissed_and_no_others(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    target, sub_partner = await make.partner(), await make.partner(scene.partner)
    sue = await make.manager(sub_partner)
    looked_after_by = {
        "pam": await make.company(sub_partner, account_manager_id=scene.pam.id),
        "sue": await make.company(sub_partner, account_manager_id=sue.id),
        "vic": await make.company(sub_partner, account_manager_id=scene.vic.id),
        "nobody": await make.company(sub_partner),
    }
    before = await snapshot()
    clock.move(days=1)

    await do(scene.vic, move_company, sub_partner.id, target.id)

    changed = await changed_since(before)
    dismissed = {
        name: changed[f"Company {company.name}"].get("account_manager_id", "kept")
        for name, company in looked_after_by.items()
    }
    assert dismissed == {"pam": None, "sue": "kept", "vic": "kept", "nobody": "kept"}
    assert changed[f"Company {looked_after_by['pam'].name}"]["updated_at"] == clock()
    assert (await Company.get(id=scene.customer.id)).account_manager_id == scene.pam.id


async def test_then_their_mail_goes_to_all_account_managers_of_the_new_parent(
    scene: Scene, do: Do, make: Make
) -> None:
    target = await make.partner()
    people = [await make.manager(target) for _ in range(2)]
    await do(scene.vic, move_company, scene.customer.id, target.id)

    await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 5)

    assert await mails() == [("ORDER_REQUESTED", user.email) for user in people]


async def test_moving_where_it_is_already_succeeds_and_writes_nothing(
    scene: Scene, do: Do, clock: Clock
) -> None:
    before = await snapshot()

    assert await do(scene.vic, move_company, scene.customer.id, scene.partner.id) == (
        scene.customer.id
    )

    assert await snapshot() == before


async def test_a_company_is_moved_up_as_well_as_down(scene: Scene, do: Do, make: Make) -> None:
    sub_partner = await make.partner(scene.partner)
    company = await make.company(sub_partner)

    for parent in (scene.partner, sub_partner, scene.partner):
        await do(scene.pam, move_company, company.id, parent.id)

        moved = await Company.get(id=company.id)
        assert (moved.parent_id, moved.path) == (parent.id, parent.path + company.label)


async def test_who_may_not_move_a_company_is_told_so_or_sees_none(
    scene: Scene, do: Do, make: Make
) -> None:
    beside, sub_partner = await make.partner(), await make.partner(scene.partner)
    archived, lowest = await make.partner(scene.partner), await make.partner(sub_partner)
    learner = await make.user(scene.customer)
    await do.sign_in(learner)
    await do(scene.pam, archive_company, archived.id)
    no_company, no_parent = ("NOT_FOUND", ("company_id",)), ("NOT_FOUND", ("new_parent_id",))
    unfit, forbidden = ("INVALID_INPUT", ("new_parent_id",)), ("FORBIDDEN", None)

    for who, company, parent, answer in [
        (scene.pam, scene.customer, beside, no_parent),
        (scene.pam, scene.customer, scene.vendor, no_parent),
        (scene.pam, beside, scene.partner, no_company),
        (scene.pam, scene.vendor, scene.partner, no_company),
        (scene.pam, scene.partner, sub_partner, forbidden),
        (scene.vic, scene.vendor, scene.partner, forbidden),
        (scene.cora, scene.customer, scene.partner, forbidden),
        (learner, scene.customer, scene.partner, forbidden),
        (scene.pam, scene.customer, archived, ("CONFLICT", None)),
        (scene.pam, sub_partner, scene.customer, unfit),
        (scene.pam, sub_partner, sub_partner, unfit),
        (scene.pam, sub_partner, lowest, unfit),
    ]:
        assert await refused(do(who, move_company, company.id, parent.id)) == [answer]


async def test_a_move_is_previewed_and_undone(scene: Scene, do: Do, make: Make) -> None:
    target = await make.partner()
    before = await snapshot()

    async with previewing():
        await do.done(scene.vic, move_company, scene.customer.id, target.id, preview=True)
        assert (await Company.get(id=scene.customer.id)).parent_id == target.id

    assert await snapshot() == before


async def test_what_is_written_while_a_move_runs_is_filed_rightly(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    """The sub-partner goes to and fro, while people, companies and orders come to be beneath."""
    places = (await make.partner(), scene.partner)
    sub_partner = await make.partner(scene.partner)
    company = await make.company(sub_partner)

    def while_it_moves(number: int) -> list[Awaitable[object]]:
        person = Person(f"new{number}@example.com")
        order = FirstOrder(LicenseType.PREMIUM, 3)
        manager = Person(f"manager{number}@example.com")
        return [
            do(scene.vic, create_company, sub_partner.id, C, "New", {}, None, manager, order),
            do(scene.vic, move_company, sub_partner.id, places[number % 2].id),
            do(scene.vic, add_users, company.id, [person], None),
            do(scene.vic, request_licenses, company.id, LicenseType.PREMIUM, 5),
        ]

    await asyncio.gather(*(call for number in range(8) for call in while_it_moves(number)))

    assert await misfiled() == []
    assert await breaches(clock()) == {}
    assert await User.filter(company_id=company.id).count() == 8
    assert await Company.filter(parent_id=sub_partner.id).count() == 9


async def test_of_two_companies_that_are_moved_beneath_each_other_one_is(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    one, other = await make.partner(), await make.partner()

    answers = await asyncio.gather(
        do(scene.vic, move_company, one.id, other.id),
        do(scene.vic, move_company, other.id, one.id),
        return_exceptions=True,
    )

    faults = [answer for answer in answers if isinstance(answer, Refusal)]
    assert [(fault.code, fault.path) for fault in faults] == [("INVALID_INPUT", ("new_parent_id",))]
    assert await misfiled() == []


# ── Archived and restored ────────────────────────────────────────────────────────────────────────


async def archived() -> set[str]:
    return {company.name for company in await Company.filter(is_archived=True)}


async def test_a_company_is_archived_with_all_beneath_it_and_nothing_is_deleted(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    sub_partner, beside = await make.partner(scene.partner), await make.partner()
    lowest = await make.company(sub_partner)
    for company in (lowest, scene.customer):
        await furnish(make, do, scene, company)
    before = await snapshot()
    clock.move(days=1)

    await do(scene.vic, archive_company, scene.partner.id)

    of_companies = {
        name: change
        for name, change in (await changed_since(before)).items()
        if not name.startswith("Session")
    }
    beneath = {
        f"Company {company.name}": {"is_archived": True, "updated_at": clock()}
        for company in (sub_partner, lowest, scene.customer)
    }
    assert of_companies == beneath | {
        f"Company {scene.partner.name}": {
            "archived_at": clock(),
            "is_archived": True,
            "updated_at": clock(),
        }
    }
    assert beside.name not in await archived()
    event = await AuditEvent.get(action="company.archived")
    assert (event.company_id, event.subject_id, event.actor_id) == (
        scene.partner.id,
        scene.partner.id,
        scene.vic.id,
    )


async def test_restoring_brings_back_what_is_beneath_unless_archived_itself(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    sub_partner = await make.partner(scene.partner)
    itself, lowest = await make.company(sub_partner), await make.company(sub_partner)
    await do(scene.pam, archive_company, itself.id)
    await do(scene.vic, archive_company, scene.partner.id)
    assert await archived() == {
        company.name for company in (scene.partner, scene.customer, sub_partner, itself, lowest)
    }
    clock.move(days=1)

    await do(scene.vic, restore_company, scene.partner.id)

    assert await archived() == {itself.name}
    partner, beneath = await Company.get(id=scene.partner.id), await Company.get(id=lowest.id)
    assert (partner.archived_at, partner.updated_at) == (None, clock())
    assert (beneath.archived_at, beneath.updated_at) == (None, clock())
    assert (await events())[-1] == "company.restored"


async def test_one_archived_itself_while_one_above_is_stays_so_when_that_is_restored(
    scene: Scene, do: Do, make: Make
) -> None:
    sub_partner = await make.partner(scene.partner)
    lowest = await make.company(sub_partner)
    for company in (scene.partner, sub_partner):
        await do(scene.vic, archive_company, company.id)

    await do(scene.vic, restore_company, scene.partner.id)

    assert await archived() == {sub_partner.name, lowest.name}


async def test_what_is_archived_from_above_is_restored_from_there(scene: Scene, do: Do) -> None:
    await do(scene.vic, archive_company, scene.customer.id)
    await do(scene.vic, archive_company, scene.partner.id)

    assert await refused(do(scene.vic, restore_company, scene.customer.id)) == [
        ("CONFLICT", ("company_id",))
    ]


async def test_archiving_or_restoring_what_is_so_already_succeeds_and_writes_nothing(
    scene: Scene, do: Do, clock: Clock
) -> None:
    await do(scene.pam, archive_company, scene.customer.id)
    clock.move(days=1)
    before = await snapshot()
    assert await do(scene.pam, archive_company, scene.customer.id) == scene.customer.id
    assert await snapshot() == before

    await do(scene.pam, restore_company, scene.customer.id)
    clock.move(days=1)
    before = await snapshot()
    assert await do(scene.pam, restore_company, scene.customer.id) == scene.customer.id
    assert await snapshot() == before


async def test_who_may_not_archive_a_company_is_told_so_or_sees_none(
    scene: Scene, do: Do, make: Make
) -> None:
    beside, learner = await make.partner(), await make.user(scene.customer)
    await do.sign_in(learner)
    inside = await do.managing(scene.pam, scene.customer)
    unknown, forbidden = ("NOT_FOUND", ("company_id",)), ("FORBIDDEN", None)
    callers: list[tuple[User | Caller, Company, tuple[str, Any]]] = [
        (scene.pam, scene.partner, forbidden),
        (scene.vic, scene.vendor, forbidden),
        (scene.cora, scene.customer, forbidden),
        (inside, scene.customer, forbidden),
        (learner, scene.customer, forbidden),
        (scene.pam, beside, unknown),
        (scene.pam, scene.vendor, unknown),
        (scene.cora, scene.partner, unknown),
    ]

    for who, company, answer in callers:
        for operation in (archive_company, restore_company):
            assert await refused(do(who, operation, company.id)) == [answer]


async def test_an_archived_company_is_changed_no_more_from_above_either(
    scene: Scene, do: Do, make: Make
) -> None:
    """Neither one that is archived itself nor one beneath it."""
    learner, order = await make.user(scene.customer), await make.order(scene.customer)
    await make.licenses(scene.customer, 1)
    await do(scene.vic, archive_company, scene.partner.id)
    customer, wanted = scene.customer.id, Wanted()
    changes: list[tuple[Callable[..., Awaitable[Any]], tuple[Any, ...]]] = [
        (create_company, (scene.partner.id, C, "New", {})),
        (enter_manage_mode, (customer, None)),
        (add_users, (customer, [ANN], None)),
        (update_user, (learner.id, {"first_name": "New"})),
        (remove_users, ([learner.id],)),
        (add_manager, (customer, learner.id, None)),
        (remove_manager, (scene.cora.id,)),
        (update_notification_preferences, (scene.cora.id, [])),
        (request_licenses, (customer, LicenseType.PREMIUM, 5)),
        (assign_order, (order.id,)),
        (allocate_licenses, (customer, Learners(user_ids=[learner.id]), wanted)),
    ]

    for operation, arguments in changes:
        assert await refused(do(scene.vic, operation, *arguments)) == [("CONFLICT", None)]


async def test_but_it_is_updated_and_moved_from_above(scene: Scene, do: Do, make: Make) -> None:
    target = await make.partner()
    await do(scene.pam, archive_company, scene.customer.id)

    await do(scene.vic, update_company, scene.customer.id, {"name": "Acme"})
    await do(scene.vic, move_company, scene.customer.id, target.id)

    company = await Company.get(id=scene.customer.id)
    assert (company.name, company.parent_id, company.is_archived) == ("Acme", target.id, True)


async def test_moved_out_of_an_archived_company_what_is_not_archived_itself_comes_back(
    scene: Scene, do: Do, make: Make
) -> None:
    sub_partner, target = await make.partner(scene.partner), await make.partner()
    itself, lowest = await make.company(sub_partner), await make.company(sub_partner)
    await do(scene.pam, archive_company, itself.id)
    await do(scene.vic, archive_company, scene.partner.id)

    await do(scene.vic, move_company, sub_partner.id, target.id)

    assert await archived() == {scene.partner.name, scene.customer.name, itself.name}
    assert lowest.name not in await archived()


async def test_open_orders_wait_and_are_assigned_when_the_company_is_back(
    scene: Scene, do: Do, make: Make
) -> None:
    order = await make.order(scene.customer, 5)
    await do(scene.pam, archive_company, scene.customer.id)
    assert (await Order.get()).status is OrderStatus.REQUESTED

    await do(scene.pam, restore_company, scene.customer.id)
    await do(scene.pam, assign_order, order.id)

    assert (await Order.get()).status is OrderStatus.ASSIGNED


async def test_no_company_comes_to_be_active_beneath_one_that_is_being_archived(
    scene: Scene, do: Do, make: Make
) -> None:
    for _ in range(3):
        parent = await make.partner(scene.partner)
        calls = [do(scene.vic, create_company, parent.id, C, "New", {}) for _ in range(10)]

        await asyncio.gather(
            *calls[:5],
            do(scene.vic, archive_company, parent.id),
            *calls[5:],
            return_exceptions=True,
        )

        assert await Company.filter(parent_id=parent.id, is_archived=False).count() == 0


async def test_whatever_is_archived_and_restored_at_once_agrees_in_the_end(
    scene: Scene, do: Do, make: Make
) -> None:
    chain = [await make.partner(scene.vendor)]
    for _ in range(3):
        chain.append(await make.partner(chain[-1]))

    for _ in range(3):
        await asyncio.gather(
            *(do(scene.vic, archive_company, company.id) for company in chain),
            *(do(scene.vic, restore_company, company.id) for company in reversed(chain)),
            return_exceptions=True,
        )

    companies = await Company.all()
    told = {company.path for company in companies if company.is_archived}
    tops = [company.path for company in companies if company.archived_at is not None]
    assert told == {
        company.path for company in companies if any(company.path.startswith(top) for top in tops)
    }


async def test_people_are_added_before_their_company_is_archived_or_not_at_all(
    scene: Scene, do: Do
) -> None:
    people = [Person(f"new{number}@example.com") for number in range(10)]
    calls = [do(scene.vic, add_users, scene.customer.id, [person], None) for person in people]

    *answers, _ = await asyncio.gather(
        *calls, do(scene.vic, archive_company, scene.partner.id), return_exceptions=True
    )

    refusals = [answer.code for answer in answers if isinstance(answer, Refusal)]
    assert set(refusals) <= {"CONFLICT"}
    assert await User.filter(email__startswith="new").count() == 10 - len(refusals)
    assert await events() == [*["user.added"] * (10 - len(refusals)), "company.archived"]
