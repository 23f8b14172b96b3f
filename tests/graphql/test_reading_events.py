"""What was done and what was mailed, as far as the viewer may know."""

from typing import Any

from models.audit import AuditEvent, Subject
from models.companies import Company
from models.outbox import Notification, NotificationTemplate
from models.users import User
from schema.ids import global_id
from tests.factories import Make
from tests.graphql.api import Api
from tests.scene import Scene

EVENTS = """query($f: AuditEventFilter) { auditEvents(filter: $f) { totalCount edges { node {
    action summary company { name } actor { name user { id } } onBehalfOf { name }
    subject { __typename ... on User { name } ... on Order { number } } } } } }"""


async def happened(make: Make, action: str, company: Company, **details: Any) -> AuditEvent:
    event = AuditEvent(
        action=action, at=make.clock(), company_id=company.id, path=company.path, **details
    )
    await event.save(force_create=True)
    return event


async def told(api: Api, user: User, **filter: Any) -> list[dict[str, Any]]:
    page = await (await api.of(user)).ask(EVENTS, f=filter)
    assert page["totalCount"] == len(page["edges"])
    return [edge["node"] for edge in page["edges"]]


async def test_an_event_is_a_sentence(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    customer = scene.customer.name
    order = await make.order(scene.customer, number="ORD-12345678")
    by_pam = {"actor_id": scene.pam.id}
    of_order = {"subject_type": Subject.ORDER, "subject_id": order.id}
    of_carl = {"subject_type": Subject.USER, "subject_id": scene.carl.id}
    expected = {
        f"Pam assigned 40 licenses to {customer} (order ORD-12345678).": await happened(
            make, "order.assigned", scene.customer, count=40, **by_pam, **of_order
        ),
        f"Pam assigned 1,000 licenses to {customer} (an order).": await happened(
            make, "order.assigned", scene.customer, count=1000, **by_pam
        ),
        f"Pam removed Carl from {customer} in manage mode.": await happened(
            make,
            "user.removed",
            scene.customer,
            count=1,
            on_behalf_of_id=scene.customer.id,
            **by_pam,
            **of_carl,
        ),
        f"Pam added 3 people to {customer}.": await happened(
            make, "user.added", scene.customer, count=3, **by_pam
        ),
        f"1 license of {customer} expired.": await happened(
            make, "license.expired", scene.customer, count=1
        ),
        f"Carl of {customer} was locked out after too many wrong passwords.": await happened(
            make, "session.locked", scene.customer, **of_carl
        ),
        f"Somebody changed something in {customer}.": await happened(
            make, "something.new", scene.customer
        ),
    }

    found = {event["summary"] for event in await told(api, scene.cora)}

    assert found == set(expected)


async def test_erasure_reaches_the_sentence(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    await happened(make, "password.set", scene.customer, actor_id=scene.carl.id)
    scene.carl.remove(at=make.clock())
    scene.carl.erase(at=make.clock())
    await scene.carl.save()

    [event] = await told(api, scene.cora)

    assert event["summary"] == "Erased user set a new password."


async def test_what_is_out_of_sight_is_left_out(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    stranger = await make.manager(await make.partner())
    order = await make.order(scene.partner, number="ORD-00000001")
    await happened(
        make,
        "order.assigned",
        scene.customer,
        count=1,
        actor_id=stranger.id,
        on_behalf_of_id=scene.partner.id,
        subject_type=Subject.ORDER,
        subject_id=order.id,
    )

    [below] = await told(api, scene.cora)
    [above] = await told(api, scene.vic)

    name = scene.customer.name
    assert below == {
        "action": "order.assigned",
        "summary": f"Somebody assigned 1 license to {name} (an order) in manage mode.",
        "company": {"name": name},
        "actor": None,
        "onBehalfOf": None,
        "subject": None,
    }
    assert above["summary"] == (
        f"{stranger.name} assigned 1 license to {name} (order ORD-00000001) in manage mode."
    )
    assert above["onBehalfOf"] == {"name": scene.partner.name}
    assert above["subject"] == {"__typename": "Order", "number": "ORD-00000001"}


async def test_events_are_filtered_by_what_the_viewer_sees(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    order = await make.order(scene.partner)
    await happened(
        make,
        "order.assigned",
        scene.customer,
        actor_id=scene.pam.id,
        subject_type=Subject.ORDER,
        subject_id=order.id,
    )
    filters: dict[str, dict[str, Any]] = {
        "subject": {"subjectId": global_id("Order", order.id)},
        "actor": {"actorId": global_id("User", scene.pam.id)},
        "action": {"action": {"startsWith": "ORDER."}},
        "exact action": {"action": {"eq": "order.assigned"}},
        "company": {"companyId": global_id("Company", scene.customer.id)},
        "at": {"at": {"gte": "2026-03-02T09:30:00Z", "lt": "2026-03-02T09:30:00.000001Z"}},
        "manage mode": {"manageMode": True},
        "no manage mode": {"manageMode": False},
        "wrong type": {"subjectId": global_id("User", order.id)},
        "no subject": {"subjectId": global_id("Notification", order.id)},
    }

    above = {name: len(await told(api, scene.pam, **each)) for name, each in filters.items()}
    below = {name: len(await told(api, scene.cora, **each)) for name, each in filters.items()}

    all_of = dict.fromkeys(filters, 1) | {"manage mode": 0, "wrong type": 0, "no subject": 0}
    assert above == all_of
    assert below == all_of | {"subject": 0, "actor": 0}


async def test_notices_to_those_whom_the_viewer_may_know(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    stranger = await make.manager(await make.partner())
    for user in (scene.pam, scene.paul, scene.cora, stranger):
        await mailed(make, scene.customer, user)
    asked = """query($f: NotificationFilter) { notifications(filter: $f) { totalCount edges { node {
        recipient company { name } } } } }"""

    async def recipients(user: User, **filter: Any) -> set[str]:
        page = await (await api.of(user)).ask(asked, f=filter)
        assert page["totalCount"] == len(page["edges"])
        return {edge["node"]["recipient"] for edge in page["edges"]}

    pam, paul, cora = (f"{name}@example.com" for name in ("pam", "paul", "cora"))
    assert await recipients(scene.cora) == {cora, pam}
    assert await recipients(scene.pam) == {cora, pam, paul}
    assert await recipients(scene.pam, recipient={"eq": "CORA@example.com"}) == {cora}
    assert await recipients(scene.pam, recipient={"in": ["CORA@example.com", pam]}) == {cora, pam}
    assert await recipients(scene.pam, recipient={"startsWith": "PA"}) == {pam, paul}
    assert await recipients(scene.cora, recipient={"contains": "paul"}) == set()
    assert await recipients(scene.pam, template=["PASSWORD_RESET"]) == set()
    assert await recipients(scene.pam, status=["QUEUED"], template=["ORDER_ASSIGNED"]) == {
        cora,
        pam,
        paul,
    }


async def mailed(make: Make, company: Company, user: User) -> None:
    await Notification.create(
        template=NotificationTemplate.ORDER_ASSIGNED,
        company_id=company.id,
        path=company.path,
        user_id=user.id,
        recipient=user.email,
        subject="Licenses",
        batch=user.id,
        next_attempt_at=make.clock(),
        created_at=make.clock(),
    )


async def test_what_is_longer_than_any_action_is_the_action_of_none(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    await happened(make, "company.updated", scene.customer)

    found = [
        await (await api.of(scene.pam)).ask(EVENTS, f={"action": {way: value}})
        for way, value in (("eq", "x" * 41), ("in", ["x" * 41]), ("contains", "x" * 41))
    ]

    assert [page["totalCount"] for page in found] == [0, 0, 0]
