"""Orders: request, upgrade, update, assign, decline, cancel, return."""

import re
from datetime import timedelta
from typing import Any

import pytest

from models.audit import AuditEvent
from models.companies import Company, CompanyKind, CompanyPlan
from models.licenses import Allocation, License, LicenseType, ReleaseReason
from models.orders import Order, OrderOrigin, OrderStatus
from models.outbox import Notification, NotificationTemplate
from models.users import UserRole
from resolvers.licenses import Learners, Wanted, allocate_licenses, release_licenses
from resolvers.orders import (
    assign_order,
    cancel_order,
    decline_order,
    request_licenses,
    return_order,
    update_order,
    upgrade_trial,
)
from resolvers.users import remove_manager, remove_users
from tests.conftest import Clock
from tests.factories import Make
from tests.invariants import breaches
from tests.scene import Do, Scene
from tests.snapshots import mails, refused, snapshot

PREMIUM, MANAGED, TRIAL, NFR = LicenseType
MOMENT = timedelta(microseconds=1)


async def told(template: NotificationTemplate) -> list[str]:
    """Whom that mail was promised to, by name and in the order written."""
    return [
        mail.recipient.removesuffix("@example.com")
        for mail in await Notification.filter(template=template).order_by("id")
    ]


async def facts(template: NotificationTemplate) -> dict[str, Any]:
    """What the last such mail says."""
    mail = await Notification.filter(template=template).order_by("-id").first()
    assert mail is not None
    found: dict[str, Any] = mail.facts
    return found


async def event(action: str) -> AuditEvent:
    """The one event of that kind."""
    return await AuditEvent.get(action=action)


async def mute(scene: Scene, template: NotificationTemplate, *names: str) -> None:
    for name in names:
        user = getattr(scene, name)
        user.muted_templates = [template]
        await user.save()


# ── Request ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_managers_request_is_an_order_and_no_license(
    scene: Scene, do: Do, clock: Clock
) -> None:
    requested = await do(
        scene.cora, request_licenses, None, PREMIUM, 25, " PO-7 ", "For\r\nthe spring"
    )

    [order] = await Order.all().values()
    assert re.fullmatch(r"ORD-[0-9A-HJKMNP-TV-Z]{8}", order["number"])
    assert order["id"] == requested.order_id
    assert order | {"id": None, "number": None} == {
        "id": None,
        "number": None,
        "company_id": scene.customer.id,
        "path": scene.customer.path,
        "license_type": PREMIUM,
        "quantity": 25,
        "assigned_quantity": 0,
        "status": OrderStatus.REQUESTED,
        "origin": OrderOrigin.CUSTOMER_REQUEST,
        "purchase_order": "PO-7",
        "note": "For\nthe spring",
        "requested_by_id": scene.cora.id,
        "on_behalf_of_id": None,
        "requested_at": clock.now,
        "updated_at": clock.now,
        "assigned_by_id": None,
        "assigned_at": None,
        "expires_at": None,
        "decided_by_id": None,
        "decided_at": None,
        "decision_reason": None,
        "reminded_at": None,
    }
    assert requested.similar == []
    assert await License.all().count() == 0
    assert (await Company.get(id=scene.customer.id)).plan is CompanyPlan.NONE


async def test_a_request_is_written_down_once(scene: Scene, do: Do, clock: Clock) -> None:
    requested = await do(scene.cora, request_licenses, None, PREMIUM, 25)

    written = await AuditEvent.get()
    assert (written.action, written.at, written.count) == ("order.requested", clock.now, 25)
    assert written.actor_id == scene.cora.id
    assert written.on_behalf_of_id is None
    assert (written.company_id, written.path) == (scene.customer.id, scene.customer.path)
    assert (written.subject_type, written.subject_id) == ("Order", requested.order_id)


async def test_a_request_is_mailed_to_the_account_manager(scene: Scene, do: Do) -> None:
    requested = await do(scene.cora, request_licenses, None, PREMIUM, 25)

    assert await mails() == [("ORDER_REQUESTED", "pam@example.com")]
    mail = await Notification.get()
    assert (mail.order_id, mail.company_id) == (requested.order_id, scene.customer.id)
    assert mail.facts == {"quantity": 25, "licenseType": "PREMIUM"}


async def test_nobody_is_mailed_about_their_own_request(scene: Scene, do: Do) -> None:
    await do(scene.pam, request_licenses, scene.customer.id, PREMIUM, 25)

    assert await mails() == []


async def test_without_an_account_manager_all_of_the_parents_are_asked(
    scene: Scene, do: Do
) -> None:
    await do(scene.vic, remove_manager, scene.pam.id)
    await do(scene.cora, request_licenses, None, PREMIUM, 25)
    await do(scene.paul, request_licenses, scene.customer.id, PREMIUM, 5)

    assert await mails() == [("ORDER_REQUESTED", "paul@example.com")]


async def test_the_parents_own_learners_are_not_asked(scene: Scene, do: Do, make: Make) -> None:
    await make.learners(scene.partner, 1)
    await do(scene.vic, remove_users, [scene.pam.id])
    await make.manager(scene.partner, email="peter@example.com")

    await do(scene.cora, request_licenses, None, PREMIUM, 25)

    assert await told(NotificationTemplate.ORDER_REQUESTED) == ["paul", "peter"]


async def test_a_muted_request_is_mailed_to_nobody_else(scene: Scene, do: Do) -> None:
    await mute(scene, NotificationTemplate.ORDER_REQUESTED, "pam")

    await do(scene.cora, request_licenses, None, PREMIUM, 25)

    assert await mails() == []


async def test_a_partners_own_request_goes_to_the_company_above(scene: Scene, do: Do) -> None:
    requested = await do(scene.pam, request_licenses, None, PREMIUM, 3)

    order = await Order.get(id=requested.order_id)
    assert (order.company_id, order.origin) == (scene.partner.id, OrderOrigin.CUSTOMER_REQUEST)
    assert order.on_behalf_of_id is None
    assert await mails() == [("ORDER_REQUESTED", "vic@example.com")]


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        (CompanyKind.CUSTOMER, TRIAL),
        (CompanyKind.CUSTOMER, NFR),
        (CompanyKind.PARTNER, MANAGED),
        (CompanyKind.PARTNER, TRIAL),
        (CompanyKind.PARTNER, NFR),
        (CompanyKind.DISTRIBUTOR, NFR),
    ],
)
async def test_what_cannot_be_requested(
    scene: Scene, do: Do, make: Make, kind: CompanyKind, asked: LicenseType
) -> None:
    company = await make.company(scene.vendor, kind)

    call = do(scene.vic, request_licenses, company.id, asked, 5)

    assert await refused(call) == [("INVALID_INPUT", ("license_type",))]


@pytest.mark.parametrize("quantity", [0, -1, 100_001])
async def test_a_quantity_out_of_bounds_writes_nothing(scene: Scene, do: Do, quantity: int) -> None:

    call = do(scene.cora, request_licenses, None, PREMIUM, quantity)

    assert await refused(call) == [("INVALID_INPUT", ("quantity",))]


@pytest.mark.parametrize(
    ("purchase_order", "note", "path"),
    [
        ("PO\n7", None, "purchase_order"),
        ("PO\x007", None, "purchase_order"),
        ("7" * 201, None, "purchase_order"),
        (None, "\x00", "note"),
        (None, "7" * 2_001, "note"),
    ],
)
async def test_a_text_that_does_not_fit_writes_nothing(
    scene: Scene, do: Do, purchase_order: str | None, note: str | None, path: str
) -> None:

    call = do(scene.cora, request_licenses, None, PREMIUM, 5, purchase_order, note)

    assert await refused(call) == [("INVALID_INPUT", (path,))]


# ── Where an order comes from ────────────────────────────────────────────────────────────────────


async def origin(scene: Scene, do: Do, who: str = "cora") -> OrderOrigin:
    requested = await do(getattr(scene, who), request_licenses, scene.customer.id, PREMIUM, 1)
    return (await Order.get(id=requested.order_id)).origin


async def test_asked_from_above_is_on_behalf_of_the_one_that_orders(scene: Scene, do: Do) -> None:
    for who in (scene.pam, scene.vic):
        requested = await do(who, request_licenses, scene.customer.id, PREMIUM, 1)

        order = await Order.get(id=requested.order_id)
        assert order.origin is OrderOrigin.PARTNER_ON_BEHALF
        assert order.on_behalf_of_id == scene.customer.id
        assert order.requested_by_id == who.id


async def test_asked_in_manage_mode_is_on_behalf_of_the_managed_one(scene: Scene, do: Do) -> None:
    in_customer = await do.managing(scene.pam, scene.customer)
    in_partner = await do.managing(scene.vic, scene.partner)

    for caller, on_behalf_of in ((in_customer, scene.customer), (in_partner, scene.partner)):
        requested = await do(caller, request_licenses, scene.customer.id, PREMIUM, 1)

        order = await Order.get(id=requested.order_id)
        assert order.origin is OrderOrigin.PARTNER_ON_BEHALF
        assert order.on_behalf_of_id == on_behalf_of.id
        written = await AuditEvent.get(subject_id=order.id)
        assert (written.actor_id, written.on_behalf_of_id) == (caller.user_id, on_behalf_of.id)
        assert written.company_id == scene.customer.id


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(days=-400), OrderOrigin.RENEWAL),
        (timedelta(0), OrderOrigin.RENEWAL),
        (timedelta(days=30), OrderOrigin.RENEWAL),
        (timedelta(days=30) + MOMENT, OrderOrigin.CUSTOMER_REQUEST),
    ],
)
async def test_a_renewal_is_asked_when_licenses_have_30_days_left_or_less(
    scene: Scene, do: Do, make: Make, clock: Clock, left: timedelta, expected: OrderOrigin
) -> None:
    assigned_at = (clock.now + left).replace(year=(clock.now + left).year - 1)
    await make.licenses(scene.customer, 1, at=assigned_at)

    assert await origin(scene, do) is expected


async def test_a_renewal_is_one_before_it_is_on_behalf(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 1, at=clock.now - timedelta(days=350))

    assert await origin(scene, do, "pam") is OrderOrigin.RENEWAL


async def test_licenses_of_another_type_or_company_are_not_renewed(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    old = clock.now - timedelta(days=350)
    await make.licenses(scene.customer, 1, MANAGED, at=old)
    await make.licenses(scene.customer, 1, TRIAL, at=old)
    await make.licenses(scene.partner, 1, at=old)
    await make.licenses(await make.company(scene.partner), 1, at=old)

    assert await origin(scene, do) is OrderOrigin.CUSTOMER_REQUEST


async def test_returned_licenses_are_not_renewed(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    [license] = await make.licenses(scene.customer, 1)
    await do(scene.pam, return_order, license.order_id, "a mistake")
    clock.move(days=350)

    assert await origin(scene, do) is OrderOrigin.CUSTOMER_REQUEST


async def test_a_trial_upgrade_is_one_before_it_is_a_renewal(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 1, at=clock.now - timedelta(days=400))
    await make.licenses(scene.customer, 1, TRIAL)

    order_id = await do(scene.pam, upgrade_trial, scene.customer.id, PREMIUM, 3)

    assert (await Order.get(id=order_id)).origin is OrderOrigin.TRIAL_UPGRADE


# ── Similar orders ───────────────────────────────────────────────────────────────────────────────


async def test_open_requests_alike_from_the_last_24_hours_are_similar(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    day = timedelta(hours=24)
    sister = await make.company(scene.partner)
    await make.order(scene.customer, 25, requested_at=clock.now - day)
    await make.order(scene.customer, 24)
    await make.order(scene.customer, 25, MANAGED)
    await make.order(scene.customer, 25, status=OrderStatus.CANCELLED)
    await make.order(sister, 25)
    older = await make.order(scene.customer, 25, requested_at=clock.now - day + MOMENT)
    newer = await make.order(
        scene.customer, 25, status=OrderStatus.PARTIALLY_ASSIGNED, assigned_quantity=5
    )

    requested = await do(scene.cora, request_licenses, None, PREMIUM, 25)

    assert requested.similar == [newer.id, older.id]


# ── Upgrade of a trial ───────────────────────────────────────────────────────────────────────────


async def test_an_upgrade_is_for_those_who_hold_a_trial_or_held_it_to_its_end(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    past, live = clock.now - timedelta(days=31), clock.now - timedelta(days=3)
    ann, bob, leaver, released = await make.learners(scene.customer, 4)
    old = await make.licenses(scene.customer, 4, TRIAL, at=past)
    new = await make.licenses(scene.customer, 4, TRIAL, at=live)
    for license, user in zip(old, (ann, bob, leaver), strict=False):
        await make.allocation(license, user, at=past)
    await do(
        scene.cora, allocate_licenses, None, Learners(user_ids=[ann.id, released.id]), Wanted()
    )
    freed = await License.get(holder_id=released.id)
    await do(scene.cora, release_licenses, [freed.id])
    await do(scene.cora, remove_users, [leaver.id])
    assert freed.id in {license.id for license in new}

    order_id = await do(scene.cora, upgrade_trial, None, MANAGED)

    order = await Order.get(id=order_id)
    assert (order.quantity, order.license_type) == (2, MANAGED)
    assert order.origin is OrderOrigin.TRIAL_UPGRADE
    assert await told(NotificationTemplate.ORDER_REQUESTED) == ["pam"]


async def test_without_a_trial_there_is_nothing_to_upgrade(
    scene: Scene, do: Do, make: Make
) -> None:
    await make.licenses(scene.customer, 1)

    call = do(scene.cora, upgrade_trial, None, PREMIUM, 5)

    assert await refused(call) == [("CONFLICT", ("company_id",))]


async def test_an_upgrade_of_an_idle_trial_says_how_many(scene: Scene, do: Do, make: Make) -> None:
    await make.licenses(scene.customer, 1, TRIAL)

    call = do(scene.cora, upgrade_trial, None, PREMIUM)

    assert await refused(call) == [("INVALID_INPUT", ("quantity",))]


@pytest.mark.parametrize("quantity", [None, 1])
async def test_the_first_assignment_of_an_upgrade_ends_the_trial_at_once(
    scene: Scene, do: Do, make: Make, clock: Clock, quantity: int | None
) -> None:
    [ann] = await make.learners(scene.customer, 1)
    held, idle = await make.licenses(scene.customer, 2, TRIAL)
    stay = await make.allocation(held, ann)
    clock.move(days=10)
    order_id = await do(scene.cora, upgrade_trial, None, PREMIUM, 2)

    await do(scene.pam, assign_order, order_id, quantity)

    assert [
        (row.expires_at, row.holder_id) for row in await License.filter(type=TRIAL).order_by("id")
    ] == [(clock.now, ann.id), (clock.now, None)]
    ended = await Allocation.get(id=stay.id)
    assert (ended.released_at, ended.release_reason) == (clock.now, ReleaseReason.UPGRADED)
    assert await License.filter(type=PREMIUM, holder_id__isnull=True).count() == quantity or 2
    assert (await Company.get(id=scene.customer.id)).plan is CompanyPlan.PREMIUM
    assert (await Order.get(id=held.order_id)).expires_at == clock.now
    assert (await event("license.expired")).count == 2
    assert await told(NotificationTemplate.ORDER_ASSIGNED) == ["cora", "carl"]
    assert await told(NotificationTemplate.TRIAL_EXPIRED) == []
    assert await breaches(clock.now) == {}
    assert held.id != idle.id


async def test_the_rest_of_an_upgrade_ends_nothing_again(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    [license] = await make.licenses(scene.customer, 1, TRIAL)
    order_id = await do(scene.cora, upgrade_trial, None, PREMIUM, 2)
    await do(scene.pam, assign_order, order_id, 1)
    ended_at = clock.now
    clock.move(days=1)
    [late] = await make.licenses(scene.customer, 1, TRIAL)

    await do(scene.pam, assign_order, order_id)

    assert (await License.get(id=license.id)).expires_at == ended_at
    assert (await License.get(id=late.id)).expires_at == late.expires_at
    assert await AuditEvent.filter(action="license.expired").count() == 1


async def test_a_trial_that_ran_out_is_not_upgraded_after_the_fact(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    [ann] = await make.learners(scene.customer, 1)
    [license] = await make.licenses(scene.customer, 1, TRIAL)
    stay = await make.allocation(license, ann)
    clock.move(days=31)
    order_id = await do(scene.cora, upgrade_trial, None, PREMIUM)

    await do(scene.pam, assign_order, order_id)

    assert (await License.get(id=license.id)).expires_at == license.expires_at
    assert (await Allocation.get(id=stay.id)).release_reason is None
    assert await AuditEvent.filter(action="license.expired").count() == 0


async def test_a_trial_is_upgraded_once(scene: Scene, do: Do, make: Make, clock: Clock) -> None:
    """Or a renewal would be taken for an upgrade for ever."""
    [license] = await make.licenses(scene.customer, 1, LicenseType.TRIAL)
    await make.allocation(license, await make.user(scene.customer))
    order_id = await do(scene.cora, upgrade_trial, None, LicenseType.PREMIUM)
    again = await do(scene.cora, upgrade_trial, None, LicenseType.PREMIUM)
    await do(scene.pam, assign_order, order_id)

    for _ in range(2):
        assert await refused(do(scene.cora, upgrade_trial, None, LicenseType.PREMIUM)) == [
            ("CONFLICT", ("company_id",))
        ]
        clock.move(days=366)
    await do(scene.pam, assign_order, again)
    assert await License.filter(type=LicenseType.PREMIUM).count() == 2


async def test_any_other_order_leaves_the_trial_running(scene: Scene, do: Do, make: Make) -> None:
    [ann] = await make.learners(scene.customer, 1)
    [license] = await make.licenses(scene.customer, 1, TRIAL)
    await make.allocation(license, ann)
    requested = await do(scene.cora, request_licenses, None, PREMIUM, 2)

    await do(scene.pam, assign_order, requested.order_id)

    after = await License.get(id=license.id)
    assert (after.expires_at, after.holder_id) == (license.expires_at, ann.id)


# ── Update ───────────────────────────────────────────────────────────────────────────────────────


async def test_an_update_changes_what_is_given_and_mails_nobody(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 5, purchase_order="PO-1", note="soon")
    clock.move(hours=1)

    await do(scene.cora, update_order, order.id, {"quantity": 7, "note": None})

    after = await Order.get(id=order.id)
    assert (after.quantity, after.purchase_order) == (7, "PO-1")
    assert after.note is None
    assert (after.requested_at, after.updated_at) == (order.requested_at, clock.now)
    assert (await event("order.updated")).subject_id == order.id
    assert await mails() == []


async def test_an_update_to_the_same_writes_nothing(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 5, purchase_order="PO-1")
    before = await snapshot()
    clock.move(minutes=1)

    await do(scene.pam, update_order, order.id, {"quantity": 5, "purchase_order": "PO-1 "})

    assert await snapshot() == before


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"quantity": None}, "quantity"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": 100_001}, "quantity"),
        ({"purchase_order": "\t\v"}, "purchase_order"),
    ],
)
async def test_an_update_that_does_not_fit_is_refused(
    scene: Scene, do: Do, make: Make, given: dict[str, Any], path: str
) -> None:
    order = await make.order(scene.customer, 5, purchase_order="PO-1")
    given = {name: "a\vb" if name == "purchase_order" else value for name, value in given.items()}

    call = do(scene.pam, update_order, order.id, given)

    assert await refused(call) == [("INVALID_INPUT", (path,))]


async def test_what_was_partly_assigned_is_not_updated(scene: Scene, do: Do, make: Make) -> None:
    order = await make.order(scene.customer, 5)
    await do(scene.pam, assign_order, order.id, 2)

    call = do(scene.pam, update_order, order.id, {"quantity": 7})

    assert await refused(call) == [("ORDER_NOT_OPEN", ("order_id",))]


# ── Assign ───────────────────────────────────────────────────────────────────────────────────────


async def test_assigning_mints_the_licenses_and_starts_their_clock(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 3)
    clock.move(days=1)

    await do(scene.pam, assign_order, order.id)

    end = clock.now.replace(year=2027)
    licenses = await License.all().values()
    assert len({license["id"] for license in licenses}) == 3
    assert [license | {"id": None} for license in licenses] == 3 * [
        {
            "id": None,
            "order_id": order.id,
            "company_id": scene.customer.id,
            "path": scene.customer.path,
            "type": PREMIUM,
            "holder_id": None,
            "assigned_at": clock.now,
            "allocated_at": None,
            "expires_at": end,
            "voided_at": None,
            "updated_at": clock.now,
        }
    ]
    after = await Order.get(id=order.id)
    assert (after.status, after.assigned_quantity) == (OrderStatus.ASSIGNED, 3)
    assert (after.assigned_by_id, after.assigned_at) == (scene.pam.id, clock.now)
    assert (after.expires_at, after.updated_at) == (end, clock.now)
    assert (await Company.get(id=scene.customer.id)).plan is CompanyPlan.PREMIUM
    assert await breaches(clock.now) == {}


async def test_an_assignment_is_mailed_to_all_managers_and_written_down_once(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    await make.learners(scene.customer, 1)
    order = await make.order(scene.customer, 3)

    await do(scene.pam, assign_order, order.id)

    assert await mails() == [
        ("ORDER_ASSIGNED", "cora@example.com"),
        ("ORDER_ASSIGNED", "carl@example.com"),
    ]
    assert await facts(NotificationTemplate.ORDER_ASSIGNED) == {
        "quantity": 3,
        "licenseType": "PREMIUM",
        "expiresAt": clock.now.replace(year=2027).isoformat(),
        "open": 0,
    }
    written = await AuditEvent.get()
    assert (written.action, written.count) == ("order.assigned", 3)
    assert (written.actor_id, written.company_id) == (scene.pam.id, scene.customer.id)
    assert written.subject_id == order.id


async def test_an_order_may_be_assigned_in_parts(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 5)

    await do(scene.pam, assign_order, order.id, 2)

    partly = await Order.get(id=order.id)
    assert (partly.status, partly.assigned_quantity) == (OrderStatus.PARTIALLY_ASSIGNED, 2)
    said = await facts(NotificationTemplate.ORDER_ASSIGNED)
    assert (said["quantity"], said["open"]) == (2, 3)

    first_end = clock.now.replace(year=2027)
    clock.move(days=10)
    await do(scene.vic, assign_order, order.id)

    wholly = await Order.get(id=order.id)
    end = clock.now.replace(year=2027)
    assert (wholly.status, wholly.assigned_quantity) == (OrderStatus.ASSIGNED, 5)
    assert (wholly.assigned_by_id, wholly.assigned_at) == (scene.vic.id, clock.now)
    assert wholly.expires_at == end
    assert [row.expires_at for row in await License.all().order_by("expires_at")] == [
        *2 * [first_end],
        *3 * [end],
    ]
    said = await facts(NotificationTemplate.ORDER_ASSIGNED)
    assert (said["quantity"], said["open"]) == (3, 0)
    counts = [row.count for row in await AuditEvent.filter(action="order.assigned").order_by("id")]
    assert counts == [2, 3]
    assert await breaches(clock.now) == {}


@pytest.mark.parametrize("quantity", [0, -1, 4, 100_001])
async def test_no_more_and_no_less_is_assigned_than_is_open(
    scene: Scene, do: Do, make: Make, quantity: int
) -> None:
    order = await make.order(scene.customer, 5)
    await do(scene.pam, assign_order, order.id, 2)

    call = do(scene.vic, assign_order, order.id, quantity)

    assert await refused(call) == [("INVALID_INPUT", ("quantity",))]


@pytest.mark.parametrize(
    "status", [OrderStatus.ASSIGNED, OrderStatus.DECLINED, OrderStatus.CANCELLED]
)
async def test_what_is_closed_is_not_assigned(
    scene: Scene, do: Do, make: Make, status: OrderStatus
) -> None:
    order = await make.order(
        scene.customer,
        5,
        status=status,
        assigned_quantity=5 if status is OrderStatus.ASSIGNED else 0,
    )

    call = do(scene.vic, assign_order, order.id)

    assert await refused(call) == [("ORDER_NOT_OPEN", ("order_id",))]


async def test_when_all_managers_muted_it_the_account_manager_is_told(
    scene: Scene, do: Do, make: Make
) -> None:
    await mute(scene, NotificationTemplate.ORDER_ASSIGNED, "cora", "carl")
    order = await make.order(scene.customer, 5)

    await do(scene.paul, assign_order, order.id, 1)
    await do(scene.pam, assign_order, order.id, 1)  # who is not told of what she did herself

    assert await told(NotificationTemplate.ORDER_ASSIGNED) == ["pam"]


async def test_a_muted_manager_is_not_told_while_another_is(
    scene: Scene, do: Do, make: Make
) -> None:
    await mute(scene, NotificationTemplate.ORDER_ASSIGNED, "cora")
    order = await make.order(scene.customer, 5)

    await do(scene.paul, assign_order, order.id)

    assert await told(NotificationTemplate.ORDER_ASSIGNED) == ["carl"]


async def test_a_company_without_managers_leaves_it_to_the_account_manager(
    scene: Scene, do: Do, make: Make
) -> None:
    company = await make.company(scene.partner)
    order = await make.order(company, 5)

    await do(scene.vic, assign_order, order.id)

    assert await told(NotificationTemplate.ORDER_ASSIGNED) == ["pam", "paul"]


async def test_orders_are_not_assigned_from_inside_the_company_that_ordered(
    scene: Scene, do: Do, make: Make
) -> None:
    order = await make.order(scene.customer, 5)
    partners_own = await make.order(scene.partner, 5)
    inside = await do.managing(scene.pam, scene.customer)
    cora, pam = await make.caller(scene.cora), await make.caller(scene.pam)

    assert await refused(do(inside, assign_order, order.id)) == [("FORBIDDEN", None)]
    assert await refused(do(cora, assign_order, order.id)) == [("FORBIDDEN", None)]
    assert await refused(do(pam, assign_order, partners_own.id)) == [("FORBIDDEN", None)]


async def test_the_vendor_assigns_its_own(scene: Scene, do: Do) -> None:
    requested = await do(scene.vic, request_licenses, None, PREMIUM, 2)

    await do(scene.vic, assign_order, requested.order_id)

    assert await License.filter(company_id=scene.vendor.id).count() == 2
    assert await mails() == []


@pytest.mark.parametrize(
    ("plan", "assigned", "after"),
    [
        (CompanyPlan.NONE, MANAGED, CompanyPlan.MANAGED),
        (CompanyPlan.TRIAL, PREMIUM, CompanyPlan.PREMIUM),
        (CompanyPlan.PREMIUM, MANAGED, CompanyPlan.MANAGED),
        (CompanyPlan.MANAGED, PREMIUM, CompanyPlan.MANAGED),
    ],
)
async def test_a_plan_follows_what_is_assigned(
    scene: Scene,
    do: Do,
    make: Make,
    plan: CompanyPlan,
    assigned: LicenseType,
    after: CompanyPlan,
) -> None:
    company = await make.company(scene.partner, plan=plan)
    order = await make.order(company, 2, assigned)

    await do(scene.pam, assign_order, order.id, 1)

    assert (await Company.get(id=company.id)).plan is after


# ── Decline and cancel ───────────────────────────────────────────────────────────────────────────


async def test_a_declined_order_says_who_when_and_why(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 5)
    clock.move(days=1)

    await do(scene.pam, decline_order, order.id, " No budget ")

    after = await Order.get(id=order.id)
    assert (after.status, after.quantity, after.assigned_quantity) == (OrderStatus.DECLINED, 5, 0)
    assert (after.decided_by_id, after.decided_at) == (scene.pam.id, clock.now)
    assert after.decision_reason == "No budget"
    assert (await event("order.declined")).count == 5
    assert await facts(NotificationTemplate.ORDER_DECLINED) == {
        "quantity": 5,
        "kept": 0,
        "licenseType": "PREMIUM",
        "reason": "No budget",
        "returned": False,
    }


@pytest.mark.parametrize("reason", ["", " ", "a\x00b", "7" * 2_001])
async def test_a_decline_needs_a_reason_that_fits(
    scene: Scene, do: Do, make: Make, reason: str
) -> None:
    order = await make.order(scene.customer, 5)

    call = do(scene.vic, decline_order, order.id, reason)

    assert await refused(call) == [("INVALID_INPUT", ("reason",))]


@pytest.mark.parametrize(
    ("requester", "decliner", "recipients"),
    [
        ("cora", "pam", ["cora", "carl"]),
        ("paul", "pam", ["paul", "cora", "carl"]),
        ("pam", "pam", ["cora", "carl"]),
        ("vic", "paul", ["vic", "cora", "carl"]),
    ],
)
async def test_a_decline_is_mailed_to_the_requester_and_the_managers(
    scene: Scene, do: Do, make: Make, requester: str, decliner: str, recipients: list[str]
) -> None:
    order = await make.order(scene.customer, 5, requested_by_id=getattr(scene, requester).id)

    await do(getattr(scene, decliner), decline_order, order.id, "why")

    assert await told(NotificationTemplate.ORDER_DECLINED) == recipients


async def test_a_decline_that_nobody_is_left_to_hear_goes_to_the_account_manager(
    scene: Scene, do: Do, make: Make
) -> None:
    await mute(scene, NotificationTemplate.ORDER_DECLINED, "cora", "carl")
    order = await make.order(scene.customer, 5, requested_by_id=scene.cora.id)

    await do(scene.paul, decline_order, order.id, "why")

    assert await told(NotificationTemplate.ORDER_DECLINED) == ["pam"]


async def test_a_requester_who_is_gone_is_not_mailed(scene: Scene, do: Do, make: Make) -> None:
    removed = await make.order(scene.customer, 5, requested_by_id=scene.cora.id)
    await do(scene.carl, remove_users, [scene.cora.id])

    await do(scene.pam, decline_order, removed.id, "why")

    assert await told(NotificationTemplate.ORDER_DECLINED) == ["carl"]


async def test_a_requester_who_sees_the_order_no_more_is_not_mailed(
    scene: Scene, do: Do, make: Make
) -> None:
    elsewhere = await make.manager(await make.partner(scene.vendor))
    moved = await make.order(scene.customer, 5, requested_by_id=elsewhere.id)
    learner = await make.order(scene.customer, 5, requested_by_id=scene.cora.id)
    await do(scene.pam, remove_manager, scene.cora.id)

    await do(scene.pam, decline_order, moved.id, "why")
    await do(scene.pam, cancel_order, learner.id, "why")

    assert await told(NotificationTemplate.ORDER_DECLINED) == ["carl"]
    assert await told(NotificationTemplate.ORDER_CANCELLED) == ["carl"]


@pytest.mark.parametrize(
    ("requester", "canceller", "recipients"),
    [
        ("cora", "cora", ["carl", "pam"]),
        ("cora", "carl", ["cora", "pam"]),
        ("cora", "pam", ["cora", "carl"]),
        ("paul", "cora", ["paul", "carl", "pam"]),
        ("paul", "vic", ["paul", "cora", "carl", "pam"]),
    ],
)
async def test_a_cancel_is_mailed_to_the_account_manager_too(
    scene: Scene, do: Do, make: Make, requester: str, canceller: str, recipients: list[str]
) -> None:
    order = await make.order(scene.customer, 5, requested_by_id=getattr(scene, requester).id)

    await do(getattr(scene, canceller), cancel_order, order.id)

    assert await told(NotificationTemplate.ORDER_CANCELLED) == recipients


async def test_a_cancel_without_an_account_manager_goes_to_all_of_the_parents(
    scene: Scene, do: Do, make: Make
) -> None:
    order = await make.order(scene.customer, 5)
    await make.manager(scene.partner, email="peter@example.com")
    await do(scene.vic, remove_manager, scene.pam.id)

    await do(scene.cora, cancel_order, order.id)

    assert await told(NotificationTemplate.ORDER_CANCELLED) == ["carl", "paul", "peter"]


@pytest.mark.parametrize("how", ["decline", "cancel"])
async def test_of_a_partly_assigned_order_only_the_rest_is_closed(
    scene: Scene, do: Do, make: Make, clock: Clock, how: str
) -> None:
    order = await make.order(scene.customer, 5)
    await do(scene.pam, assign_order, order.id, 2)
    clock.move(days=1)

    if how == "decline":
        await do(scene.pam, decline_order, order.id, "no more")
    else:
        await do(scene.pam, cancel_order, order.id, "no more")

    after = await Order.get(id=order.id)
    assert (after.status, after.quantity, after.assigned_quantity) == (OrderStatus.ASSIGNED, 2, 2)
    assert (after.decided_at, after.decision_reason) == (clock.now, "no more")
    assert after.assigned_at == clock.now - timedelta(days=1)
    assert await License.filter(voided_at__isnull=True).count() == 2
    action = {"decline": "order.declined", "cancel": "order.cancelled"}[how]
    assert (await event(action)).count == 3
    template = {
        "decline": NotificationTemplate.ORDER_DECLINED,
        "cancel": NotificationTemplate.ORDER_CANCELLED,
    }[how]
    said = await facts(template)
    assert (said["quantity"], said["kept"]) == (3, 2)
    assert await breaches(clock.now) == {}


async def test_the_ordering_side_cancels_but_does_not_decline(
    scene: Scene, do: Do, make: Make
) -> None:
    order = await make.order(scene.customer, 5)
    cora = await make.caller(scene.cora)

    assert await refused(do(cora, decline_order, order.id, "why")) == [("FORBIDDEN", None)]
    await do(cora, cancel_order, order.id)

    assert (await Order.get(id=order.id)).status is OrderStatus.CANCELLED


# ── Return ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_returned_order_makes_its_licenses_void(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 3, requested_by_id=scene.cora.id)
    await do(scene.pam, assign_order, order.id)
    clock.move(days=13)

    await do(scene.pam, return_order, order.id, "the wrong company")

    after = await Order.get(id=order.id)
    assert (after.status, after.quantity, after.assigned_quantity) == (OrderStatus.RETURNED, 3, 3)
    assert (after.decided_by_id, after.decided_at) == (scene.pam.id, clock.now)
    assert after.decision_reason == "the wrong company"
    assert [(row.voided_at, row.updated_at) for row in await License.all()] == 3 * [
        (clock.now, clock.now)
    ]
    assert (await Company.get(id=scene.customer.id)).plan is CompanyPlan.PREMIUM
    assert (await event("order.returned")).count == 3
    assert await told(NotificationTemplate.ORDER_CANCELLED) == ["cora", "carl"]
    assert await facts(NotificationTemplate.ORDER_CANCELLED) == {
        "quantity": 3,
        "kept": 0,
        "licenseType": "PREMIUM",
        "reason": "the wrong company",
        "returned": True,
    }
    assert await breaches(clock.now) == {}


async def test_a_return_is_mailed_to_the_account_manager_too(
    scene: Scene, do: Do, make: Make
) -> None:
    order = await make.order(scene.customer, 3, requested_by_id=scene.paul.id)
    await do(scene.pam, assign_order, order.id)

    await do(scene.vic, return_order, order.id, "why")

    assert await told(NotificationTemplate.ORDER_CANCELLED) == ["paul", "cora", "carl", "pam"]


async def test_a_return_is_counted_from_the_last_assignment(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 3)
    await do(scene.pam, assign_order, order.id, 1)
    clock.move(days=10)
    await do(scene.pam, assign_order, order.id)
    clock.move(days=14, microseconds=-1)

    await do(scene.pam, return_order, order.id, "why")

    assert await License.filter(voided_at=clock.now).count() == 3


async def test_after_14_days_nothing_is_returned(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 3)
    await do(scene.pam, assign_order, order.id)
    clock.move(days=14)

    call = do(scene.vic, return_order, order.id, "why")

    assert await refused(call) == [("CONFLICT", ("order_id",))]


async def test_what_was_ever_allocated_is_not_returned(scene: Scene, do: Do, make: Make) -> None:
    [ann] = await make.learners(scene.customer, 1)
    order = await make.order(scene.customer, 3)
    await do(scene.pam, assign_order, order.id)
    allocated = await do(scene.cora, allocate_licenses, None, Learners(user_ids=[ann.id]), Wanted())
    await do(scene.cora, release_licenses, allocated.licenses)

    call = do(scene.vic, return_order, order.id, "why")

    assert await refused(call) == [("CONFLICT", ("order_id",))]


@pytest.mark.parametrize(
    ("status", "assigned", "code", "path"),
    [
        (OrderStatus.REQUESTED, 0, "CONFLICT", ("order_id",)),
        (OrderStatus.PARTIALLY_ASSIGNED, 2, "CONFLICT", ("order_id",)),
        (OrderStatus.DECLINED, 0, "ORDER_NOT_OPEN", ("order_id",)),
        (OrderStatus.CANCELLED, 0, "ORDER_NOT_OPEN", ("order_id",)),
        (OrderStatus.RETURNED, 5, "ORDER_NOT_OPEN", ("order_id",)),
    ],
)
async def test_only_a_wholly_assigned_order_is_returned(
    scene: Scene,
    do: Do,
    make: Make,
    status: OrderStatus,
    assigned: int,
    code: str,
    path: tuple[str] | None,
) -> None:
    order = await make.order(scene.customer, 5, status=status, assigned_quantity=assigned)

    call = do(scene.vic, return_order, order.id, "why")

    assert await refused(call) == [(code, path)]


async def test_void_licenses_are_not_allocated(scene: Scene, do: Do, make: Make) -> None:
    [ann] = await make.learners(scene.customer, 1)
    order = await make.order(scene.customer, 1)
    await do(scene.pam, assign_order, order.id)
    await do(scene.pam, return_order, order.id, "why")

    call = do(scene.cora, allocate_licenses, None, Learners(user_ids=[ann.id]), Wanted())

    assert await refused(call) == [("INSUFFICIENT_LICENSES", None)]


# ── All of them ──────────────────────────────────────────────────────────────────────────────────

OF_AN_ORDER: list[tuple[Any, ...]] = [
    (update_order, {"quantity": 7}),
    (assign_order, None),
    (decline_order, "why"),
    (cancel_order, "why"),
    (return_order, "why"),
]


@pytest.mark.parametrize("operation", OF_AN_ORDER, ids=lambda given: given[0].__name__)
async def test_an_order_out_of_sight_is_not_found(
    scene: Scene, do: Do, make: Make, operation: tuple[Any, ...]
) -> None:
    stranger = await make.caller(await make.manager(await make.partner(scene.vendor)))
    learner = await make.caller(await make.user(scene.customer, UserRole.LEARNER))
    order = await make.order(scene.customer, 5)
    function, argument = operation

    for caller in (stranger, learner):
        call = do(caller, function, order.id, argument)
        assert await refused(call) == [("NOT_FOUND", ("order_id",))]


@pytest.mark.parametrize("operation", OF_AN_ORDER, ids=lambda given: given[0].__name__)
async def test_an_order_waits_while_its_company_is_archived(
    scene: Scene, do: Do, make: Make, clock: Clock, operation: tuple[Any, ...]
) -> None:
    company = await make.company(scene.partner, archived_at=clock.now, is_archived=True)
    order = await make.order(company, 5)
    function, argument = operation

    call = do(scene.pam, function, order.id, argument)

    assert await refused(call) == [("CONFLICT", None)]


async def test_managers_on_the_managed_plan_still_order(scene: Scene, do: Do, make: Make) -> None:
    company = await make.company(scene.partner, plan=CompanyPlan.MANAGED)
    manager = await make.manager(company)

    requested = await do(manager, request_licenses, None, MANAGED, 5)
    await do(manager, update_order, requested.order_id, {"quantity": 6})
    await do(manager, cancel_order, requested.order_id)

    assert (await Order.get(id=requested.order_id)).status is OrderStatus.CANCELLED


async def test_a_hundred_thousand_licenses_are_assigned_at_once(
    scene: Scene, do: Do, make: Make
) -> None:
    order = await make.order(scene.customer, 100_000)

    await do(scene.pam, assign_order, order.id)

    assert await License.filter(order_id=order.id, company_id=scene.customer.id).count() == 100_000
    assert (await Order.get(id=order.id)).status is OrderStatus.ASSIGNED
