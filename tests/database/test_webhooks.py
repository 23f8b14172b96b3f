"""Webhooks: who keeps endpoints, which of them hear of what, and how long it is kept."""

from datetime import timedelta
from functools import partial
from typing import Any

import orjson
import pytest

from models.companies import Company, CompanyKind, CompanyPlan
from models.destinations import PUBLIC, Destinations
from models.licenses import License, LicenseType
from models.webhooks import (
    KEPT_FOR,
    MOST_ENDPOINTS,
    MOST_LICENSES,
    Happened,
    WebhookDelivery,
    WebhookDeliveryStatus,
    WebhookEndpoint,
    WebhookEvent,
    WebhookMessage,
    queue,
)
from resolvers.companies import FirstOrder, archive_company, create_company, move_company
from resolvers.daily import run
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
    upgrade_trial,
)
from resolvers.performing import perform, previewing
from resolvers.users import remove_users
from resolvers.webhooks import (
    create_webhook_endpoint,
    delete_webhook_endpoint,
    give_up_endpoint,
    redeliver_webhook,
    update_webhook_endpoint,
)
from schema.ids import global_id
from tests.conftest import Clock
from tests.factories import Make
from tests.scene import Do, Scene
from tests.snapshots import events, mails, refused, snapshot
from tests.statements import statements

QUEUED, DELIVERED, FAILED = WebhookDeliveryStatus
URL = "https://hooks.example.com/canopy"
EVERYTHING = list(WebhookEvent)
NOTHING: dict[str, Any] = dict.fromkeys(
    ("companyId", "orderId", "licenseIds", "count", "expiresAt"), None
)


async def heard(endpoint: WebhookEndpoint) -> list[tuple[str, dict[str, Any]]]:
    """Event and data of what an endpoint is told, in the order written; null is left out."""
    rows = await WebhookDelivery.filter(endpoint_id=endpoint.id).select_related("message")
    found = []
    for row in sorted(rows, key=lambda row: row.id):
        told = orjson.loads(row.message.body)
        assert told["type"] == row.event == row.message.event
        assert told["data"].keys() == NOTHING.keys()
        known = {name: value for name, value in told["data"].items() if value is not None}
        found.append((told["type"], known))
    return found


def ids(*licenses: License) -> list[str]:
    return [global_id("License", license.id) for license in licenses]


# ── What is told ─────────────────────────────────────────────────────────────────────────────────


async def test_the_way_of_an_order_is_told(scene: Scene, do: Do, make: Make, clock: Clock) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora)
    of = {"companyId": global_id("Company", scene.customer.id)}

    placed = await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 3)
    await do(scene.pam, assign_order, placed.order_id, 2)
    await do(scene.pam, decline_order, placed.order_id, "Enough")
    again = await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 1)
    await do(scene.cora, cancel_order, again.order_id)
    await do(scene.pam, return_order, placed.order_id, "Wrong")

    first, second = (
        {**of, "orderId": global_id("Order", id)} for id in (placed.order_id, again.order_id)
    )
    licenses = await License.filter(order_id=placed.order_id).order_by("id")
    assert await heard(endpoint) == [
        ("ORDER_REQUESTED", {**first, "count": 3}),
        (
            "ORDER_ASSIGNED",
            {
                **first,
                "licenseIds": ids(*licenses),
                "count": 2,
                "expiresAt": "2027-03-02T09:30:00Z",
            },
        ),
        ("ORDER_DECLINED", {**first, "count": 1}),
        ("ORDER_REQUESTED", {**second, "count": 1}),
        ("ORDER_CANCELLED", {**second, "count": 1}),
        ("ORDER_RETURNED", {**first, "count": 2}),
    ]
    body = orjson.loads((await WebhookMessage.all().order_by("id"))[0].body)
    assert body["timestamp"] == "2026-03-02T09:30:00Z"


async def test_a_company_is_told_of_with_its_order(scene: Scene, do: Do, make: Make) -> None:
    endpoint = await make.endpoint(scene.partner, scene.pam)

    created = await do(
        *(scene.pam, create_company, None, CompanyKind.CUSTOMER, "New", {}, None, None),
        FirstOrder(LicenseType.TRIAL, 2),
    )

    assert created.order_id is not None
    of = {"companyId": global_id("Company", created.company_id)}
    order = {**of, "orderId": global_id("Order", created.order_id)}
    licenses = await License.filter(order_id=created.order_id).order_by("id")
    assert await heard(endpoint) == [
        ("COMPANY_CREATED", of),
        ("ORDER_REQUESTED", {**order, "count": 2}),
        (
            "ORDER_ASSIGNED",
            {
                **order,
                "licenseIds": ids(*licenses),
                "count": 2,
                "expiresAt": "2026-04-01T09:30:00Z",
            },
        ),
    ]


async def test_licenses_that_change_hands_are_told_of(scene: Scene, do: Do, make: Make) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora)
    [one, two] = await make.licenses(scene.customer, 2)
    ann, bob = await make.learners(scene.customer, 2)
    of = {"companyId": global_id("Company", scene.customer.id)}

    await do(scene.cora, allocate_licenses, None, Learners(user_ids=[ann.id]), Wanted())
    await do(scene.cora, reallocate_license, one.id, bob.id)
    await do(scene.cora, release_licenses, [one.id, two.id])
    await do(scene.cora, allocate_licenses, None, Learners(user_ids=[ann.id, bob.id]), Wanted())
    await do(scene.cora, remove_users, [ann.id, bob.id])

    of_one = {**of, "licenseIds": ids(one), "count": 1}
    told = await heard(endpoint)
    assert told[:4] == [
        ("LICENSES_ALLOCATED", of_one),
        ("LICENSES_RELEASED", of_one),
        ("LICENSES_ALLOCATED", of_one),
        ("LICENSES_RELEASED", of_one),
    ]
    both = [(event, sorted(data["licenseIds"]), data["count"]) for event, data in told[4:]]
    assert both == [
        ("LICENSES_ALLOCATED", sorted(ids(one, two)), 2),
        ("LICENSES_RELEASED", sorted(ids(one, two)), 2),
    ]


async def test_a_trial_that_an_upgrade_ends_is_told_of(scene: Scene, do: Do, make: Make) -> None:
    endpoint = await make.endpoint(
        scene.customer, scene.cora, events=[WebhookEvent.LICENSES_EXPIRED]
    )
    await make.licenses(scene.customer, 2, LicenseType.TRIAL)

    order_id = await do(scene.cora, upgrade_trial, None, LicenseType.PREMIUM, 1)
    await do(scene.pam, assign_order, order_id)

    of = {"companyId": global_id("Company", scene.customer.id)}
    assert await heard(endpoint) == [
        ("LICENSES_EXPIRED", {**of, "count": 2, "expiresAt": "2026-03-02T09:30:00Z"})
    ]


async def test_expiries_are_told_by_the_daily_job_once(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    endpoint = await make.endpoint(scene.partner, scene.pam)
    await make.licenses(scene.customer, 3)
    of = {
        "companyId": global_id("Company", scene.customer.id),
        "count": 3,
        "expiresAt": "2027-03-02T09:30:00Z",
    }

    for days in (335, 27, 3):
        clock.move(days=days)
        for _ in range(2):
            await run(clock)

    assert await heard(endpoint) == [
        ("LICENSES_EXPIRING", of),
        ("LICENSES_EXPIRING", of),
        ("LICENSES_EXPIRED", of),
    ]


async def test_of_more_than_a_thousand_licenses_the_number_is_told(
    scene: Scene, do: Do, make: Make
) -> None:
    endpoint = await make.endpoint(scene.partner, scene.pam, events=[WebhookEvent.ORDER_ASSIGNED])

    for quantity in (MOST_LICENSES, MOST_LICENSES + 1):
        order = await make.order(scene.customer, quantity)
        await do(scene.pam, assign_order, order.id)

    told = [data for _, data in await heard(endpoint)]
    assert [data["count"] for data in told] == [1000, 1001]
    assert [len(data.get("licenseIds", ())) for data in told] == [1000, 0]


async def test_names_and_addresses_are_told_to_nobody(scene: Scene, do: Do, make: Make) -> None:
    await make.endpoint(scene.partner, scene.pam)

    await do(
        *(scene.cora, request_licenses, None, LicenseType.PREMIUM, 3, "PO-7", "A note for Pam"),
    )

    [message] = await WebhookMessage.all()
    told = ("PO-7", "note", "Pam", "Cora", "Customer", "@", str(scene.cora.id))
    assert [word for word in told if word in message.body] == []


# ── Who hears of it ──────────────────────────────────────────────────────────────────────────────


async def test_a_company_and_those_above_it_hear_and_nobody_else(
    scene: Scene, do: Do, make: Make
) -> None:
    beside = await make.company(scene.partner)
    other = await make.partner()
    below = await make.company(await make.partner(scene.partner))
    everywhere = (scene.vendor, scene.partner, scene.customer, beside, other, below)
    endpoints = {
        company.name: await make.endpoint(company, await make.manager(company))
        for company in everywhere
    }

    await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 1)

    told = {name: len(await heard(endpoint)) for name, endpoint in endpoints.items()}
    assert {name for name, number in told.items() if number} == {"Vendor", "Partner", "Customer"}
    assert await WebhookMessage.all().count() == 1
    assert len({row.message_id for row in await WebhookDelivery.all()}) == 1


async def test_an_endpoint_hears_of_its_events_while_it_is_on(
    scene: Scene, do: Do, make: Make
) -> None:
    other_event = await make.endpoint(
        scene.customer, scene.cora, events=[WebhookEvent.ORDER_ASSIGNED]
    )
    off = await make.endpoint(scene.customer, scene.cora, enabled=False)

    await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 1)

    assert await heard(other_event) == await heard(off) == []
    assert await WebhookMessage.all().count() == 0


async def test_a_company_that_moves_is_heard_of_at_its_new_place(
    scene: Scene, do: Do, make: Make
) -> None:
    other = await make.partner()
    old = await make.endpoint(scene.partner, scene.pam)
    new = await make.endpoint(other, await make.manager(other))
    own = await make.endpoint(scene.customer, scene.cora)

    await do(scene.vic, move_company, scene.customer.id, other.id)
    await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 1)

    assert [len(await heard(endpoint)) for endpoint in (old, new, own)] == [0, 1, 1]


async def test_where_somebody_from_above_had_it_sent_hears_nothing_after_a_move_out_of_their_reach(
    scene: Scene, do: Do, make: Make
) -> None:
    """Somebody of the company itself, and of what is above it still, goes on hearing."""
    await make.user(scene.customer)
    from_old_place = await make.endpoint(scene.customer, scene.pam)
    of_vendor = await make.endpoint(scene.customer, scene.vic)
    own = await make.endpoint(scene.customer, scene.cora)
    waits = await make.delivery(from_old_place)
    elsewhere = await make.partner()

    await do(scene.vic, move_company, scene.customer.id, elsewhere.id)
    await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 1)

    heard_by = [await heard(endpoint) for endpoint in (from_old_place, of_vendor, own)]
    assert [len(each) for each in heard_by] == [1, 1, 1]
    assert [id for id, _ in heard_by[0]] == [waits.event]
    assert not (await WebhookEndpoint.get(id=from_old_place.id)).enabled


async def test_endpoints_of_an_archived_company_hear_nothing(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    """Of what the clock brings about, say; whoever is above hears of it."""
    own = await make.endpoint(scene.customer, scene.cora)
    above = await make.endpoint(scene.partner, scene.pam)
    await do(scene.pam, archive_company, scene.customer.id)

    event = WebhookEvent.LICENSES_EXPIRED
    told = partial(WebhookMessage.about, event, scene.customer.id, at=clock(), count=1)
    assert await queue([Happened(event, scene.customer, told)])

    assert [len(await heard(endpoint)) for endpoint in (own, above)] == [0, 1]


async def test_what_is_refused_previewed_or_repeated_is_not_told(
    scene: Scene, do: Do, make: Make
) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora)
    asked = (scene.cora, request_licenses, None, LicenseType.PREMIUM)

    assert await refused(do(*asked, 0)) == [("INVALID_INPUT", ("quantity",))]
    async with previewing():
        await do.done(*asked, 1, preview=True)
        assert len(await heard(endpoint)) == 1
    assert await heard(endpoint) == []
    for _ in range(2):
        await do(*asked, 1, key="once")

    assert len(await heard(endpoint)) == 1


async def test_statements_do_not_grow_with_companies_and_endpoints(
    scene: Scene, do: Do, make: Make
) -> None:
    counted = []
    for number in (1, 4):
        held = []
        for _ in range(number):
            company = await make.company(scene.partner)
            await make.endpoint(company, scene.pam)
            await make.endpoint(scene.partner, scene.pam)
            [license] = await make.licenses(company, 1)
            await make.allocation(license, await make.user(company))
            held.append(license.id)
        with statements() as sent:
            await do(scene.pam, release_licenses, held)
        counted.append(len(sent))

    assert counted[0] == counted[1]
    assert await WebhookDelivery.all().count() == (1 + 1) + 4 * (1 + 5)


async def test_where_nobody_listens_one_look_is_all_that_it_costs(scene: Scene, do: Do) -> None:
    with statements() as sent:
        await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 1)

    assert [word for word in sent if "webhook" in word] == [
        word for word in sent if "FROM webhook_endpoints" in word
    ]
    assert len([word for word in sent if "webhook" in word]) == 1


# ── Who keeps endpoints ──────────────────────────────────────────────────────────────────────────


async def test_an_endpoint_is_made_in_the_acting_company(scene: Scene, do: Do) -> None:
    managing = await do.managing(scene.pam, scene.customer)

    made = [
        await do(who, create_webhook_endpoint, URL, EVERYTHING[:2] * 2, PUBLIC)
        for who in (scene.cora, scene.pam, managing)
    ]

    rows = [await WebhookEndpoint.get(id=each.endpoint_id) for each in made]
    assert [row.company_id for row in rows] == [
        scene.customer.id,
        scene.partner.id,
        scene.customer.id,
    ]
    assert [row.created_by_id for row in rows] == [scene.cora.id, scene.pam.id, scene.pam.id]
    assert [row.events for row in rows] == [["COMPANY_CREATED", "ORDER_REQUESTED"]] * 3
    assert [row.secret for row in rows] == [each.secret for each in made]
    assert len({row.secret for row in rows}) == 3
    assert {row.secret[:6] for row in rows} == {"whsec_"}
    assert await events() == ["webhook.created"] * 3


async def test_who_may_keep_none_is_refused(scene: Scene, do: Do, make: Make) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora)
    delivery = await make.delivery(endpoint)
    learner = await make.user(scene.customer)
    await do.sign_in(learner)

    for who in (learner, scene.pam, scene.vic):
        calls = {
            "update": do(who, update_webhook_endpoint, endpoint.id, {"enabled": False}, PUBLIC),
            "delete": do(who, delete_webhook_endpoint, endpoint.id),
            "redeliver": do(who, redeliver_webhook, delivery.id),
        }
        found = {name: [code for code, _ in await refused(call)] for name, call in calls.items()}
        assert set(map(tuple, found.values())) == {
            ("FORBIDDEN",) if who is learner else ("NOT_FOUND",)
        }
    making = do(learner, create_webhook_endpoint, URL, EVERYTHING, PUBLIC)
    assert await refused(making) == [("FORBIDDEN", None)]


async def test_on_the_managed_plan_the_partner_keeps_them(scene: Scene, do: Do, make: Make) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora)
    await Company.filter(id=scene.customer.id).update(plan=CompanyPlan.MANAGED)
    change = (update_webhook_endpoint, endpoint.id, {"enabled": False}, PUBLIC)

    assert await refused(do(scene.cora, *change)) == [("FORBIDDEN", None)]
    await do(await do.managing(scene.pam, scene.customer), *change)

    assert not (await WebhookEndpoint.get(id=endpoint.id)).enabled


@pytest.mark.parametrize(
    ("url", "chosen", "path"),
    [
        ("http://hooks.example.com/", EVERYTHING, "url"),
        ("https://127.0.0.1/", EVERYTHING, "url"),
        ("https://u:p@hooks.example.com/", EVERYTHING, "url"),
        (URL, [], "events"),
    ],
)
async def test_an_endpoint_that_cannot_be_is_refused(
    scene: Scene, do: Do, url: str, chosen: list[WebhookEvent], path: str
) -> None:
    call = do(scene.cora, create_webhook_endpoint, url, chosen, PUBLIC)

    assert await refused(call) == [("INVALID_INPUT", (path,))]


async def test_a_company_has_a_bounded_number_of_endpoints(
    scene: Scene, do: Do, make: Make
) -> None:
    for _ in range(MOST_ENDPOINTS):
        await make.endpoint(scene.customer, scene.cora)

    call = do(scene.cora, create_webhook_endpoint, URL, EVERYTHING, PUBLIC)

    assert await refused(call) == [("CONFLICT", None)]
    await do(scene.pam, create_webhook_endpoint, URL, EVERYTHING, PUBLIC)


async def test_an_endpoint_is_changed_in_what_is_given(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora)
    before = await snapshot()
    clock.move(minutes=1)

    await do(scene.cora, update_webhook_endpoint, endpoint.id, {"url": URL}, PUBLIC)
    assert await snapshot() == before
    given = {"url": "http://localhost:9000/", "events": [WebhookEvent.ORDER_ASSIGNED]}
    await do(
        *(scene.cora, update_webhook_endpoint, endpoint.id, given),
        Destinations(plain_http=True, loopback=True),
    )

    now = await WebhookEndpoint.get(id=endpoint.id)
    assert (now.url, now.events, now.enabled) == (given["url"], ["ORDER_ASSIGNED"], True)
    assert (now.secret, now.updated_at) == (endpoint.secret, clock())
    assert await events() == ["webhook.updated"]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"url": None}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"events": []}, "events"),
        ({"events": None}, "events"),
        ({"enabled": None}, "enabled"),
    ],
)
async def test_what_an_endpoint_cannot_be_without_is_not_cleared(
    scene: Scene, do: Do, make: Make, given: dict[str, Any], path: str
) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora)

    call = do(scene.cora, update_webhook_endpoint, endpoint.id, given, PUBLIC)

    assert await refused(call) == [("INVALID_INPUT", (path,))]


async def test_what_waits_is_given_up_with_an_endpoint_that_is_switched_off(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora)
    other = await make.endpoint(scene.customer, scene.cora)
    waits, elsewhere = await make.delivery(endpoint), await make.delivery(other)
    in_hand = await make.delivery(endpoint, leased_until=clock.now + timedelta(minutes=1))

    await do(scene.cora, update_webhook_endpoint, endpoint.id, {"enabled": False}, PUBLIC)

    status = {row.id: row.status for row in await WebhookDelivery.all()}
    assert status == {waits.id: FAILED, elsewhere.id: QUEUED, in_hand.id: QUEUED}


async def test_an_endpoint_is_deleted_with_its_deliveries(scene: Scene, do: Do, make: Make) -> None:
    endpoint, other = [await make.endpoint(scene.customer, scene.cora) for _ in range(2)]
    await make.delivery(endpoint)
    left = await make.delivery(other)

    assert await do(scene.cora, delete_webhook_endpoint, endpoint.id) == endpoint.id

    assert [row.id for row in await WebhookEndpoint.all()] == [other.id]
    assert [row.id for row in await WebhookDelivery.all()] == [left.id]
    assert await events() == ["webhook.deleted"]
    again = do(scene.cora, delete_webhook_endpoint, endpoint.id)
    assert await refused(again) == [("NOT_FOUND", ("webhook_endpoint_id",))]


async def test_a_delivery_is_queued_again_under_the_same_id(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora)
    row = await make.delivery(
        endpoint,
        status=DELIVERED,
        attempts=3,
        response_status=200,
        delivered_at=clock.now,
    )
    clock.move(days=9)

    assert await do(scene.cora, redeliver_webhook, row.id) == row.id

    now = await WebhookDelivery.get(id=row.id)
    assert (now.message_id, now.status, now.attempts) == (row.message_id, QUEUED, 0)
    assert (now.next_attempt_at, now.queued_at) == (clock(), clock())
    assert (now.response_status, now.delivered_at) == (None, None)
    assert now.created_at == row.created_at
    assert await events() == ["webhook.redelivered"]


async def test_nothing_is_queued_for_an_endpoint_that_is_off(
    scene: Scene, do: Do, make: Make
) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora, enabled=False)
    row = await make.delivery(endpoint, status=FAILED)

    call = do(scene.cora, redeliver_webhook, row.id)

    assert await refused(call) == [("CONFLICT", ("webhook_delivery_id",))]


# ── What workers and the daily job do ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("gone", ["removed", "learner", "moved"])
async def test_a_creator_who_keeps_it_no_more_is_not_mailed(
    scene: Scene, make: Make, clock: Clock, gone: str
) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora)
    if gone == "removed":
        scene.cora.remove(at=clock())
    elif gone == "learner":
        from models.users import UserRole

        scene.cora.become(UserRole.LEARNER, at=clock())
    else:
        scene.cora.path = (await make.partner()).path
    await scene.cora.save()

    await perform(None, clock, give_up_endpoint, endpoint.id, clock())

    assert not (await WebhookEndpoint.get(id=endpoint.id)).enabled
    assert await events() == ["webhook.disabled"]
    assert await mails() == []


async def test_an_endpoint_is_switched_off_once_and_may_be_switched_on_again(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora)

    for _ in range(2):
        await perform(None, clock, give_up_endpoint, endpoint.id, clock())
    assert await mails() == [("WEBHOOK_DISABLED", "cora@example.com")]
    await do(scene.carl, update_webhook_endpoint, endpoint.id, {"enabled": True}, PUBLIC)

    now = await WebhookEndpoint.get(id=endpoint.id)
    assert (now.enabled, now.disabled_at) == (True, None)
    assert await events() == ["webhook.disabled", "webhook.updated"]


async def test_deliveries_are_kept_for_a_month(scene: Scene, make: Make, clock: Clock) -> None:
    endpoint = await make.endpoint(scene.customer, scene.cora)
    old = await make.delivery(endpoint, status=FAILED)
    waits = await make.delivery(endpoint)
    clock.move(seconds=1)
    young = await make.delivery(endpoint, status=FAILED)
    clock.now = old.created_at + KEPT_FOR

    await run(clock)

    assert {row.id for row in await WebhookDelivery.all()} == {waits.id, young.id}
    assert {row.id for row in await WebhookMessage.all()} == {waits.message_id, young.message_id}
