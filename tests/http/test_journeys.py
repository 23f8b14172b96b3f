"""Both journeys of the partner guide, over HTTP, from an empty database to the mail in the box."""

from tests.http.client import (
    ADD_USERS,
    ALLOCATE,
    ASSIGN,
    CREATE_COMPANY,
    EXIT,
    ORDERS,
    REALLOCATE,
    REQUEST,
    SUMMARY,
    Client,
)
from tests.http.stage import Stage

MANY_LEARNERS = [{"email": f"learner{number}@customer.example"} for number in range(3)]


async def test_a_partner_orders_for_a_customer(stage: Stage) -> None:
    partner = await stage.partner()
    created = await partner.done(
        CREATE_COMPANY,
        input={
            "kind": "CUSTOMER",
            "name": "Customer",
            "manager": {"email": "manager@customer.example", "firstName": "Mana"},
        },
    )
    customer_id = created["company"]["id"]

    inside = await partner.manage(customer_id)
    requested = await inside.done(REQUEST, input={"quantity": 5, "purchaseOrder": "PO-7"})
    refused = await inside.codes(ASSIGN, input={"orderId": requested["order"]["id"]})
    await inside.done(EXIT)
    outside = await inside.send("{ viewer { user { email } } }")
    assigned = await partner.done(ASSIGN, input={"orderId": requested["order"]["id"]})
    added = await partner.done(
        ADD_USERS, input={"companyId": customer_id, "users": MANY_LEARNERS, "allocate": False}
    )
    allocated = await partner.done(
        ALLOCATE,
        input={"companyId": customer_id, "emails": ["LEARNER0@customer.example", "no@one.example"]},
    )

    assert requested["order"] == {
        "id": requested["order"]["id"],
        "number": requested["order"]["number"],
        "status": "REQUESTED",
        "origin": "PARTNER_ON_BEHALF",
        "quantity": 5,
        "requestedBy": {"email": stage.partner_email},
        "onBehalfOf": {"id": customer_id},
        "viewerCan": {
            "assign": {
                "allowed": False,
                "reason": "Orders are not assigned from inside the company that ordered: "
                "exit manage mode, then assign.",
            }
        },
    }
    assert requested["notifications"] == []
    assert refused == ["FORBIDDEN"]
    assert outside == {"data": {"viewer": None}}
    assert assigned["order"]["status"] == "ASSIGNED"
    assert assigned["order"]["company"] == {
        "plan": "PREMIUM",
        "licenseSummary": {
            "total": 5,
            "available": 5,
            "allocated": 0,
            "expired": 0,
            "requested": 0,
        },
    }
    assert assigned["notifications"] == [
        {"template": "ORDER_ASSIGNED", "recipient": "manager@customer.example"}
    ]
    assert len(added["users"]) == 3
    assert added["licenses"] == []
    assert [row["user"]["email"] for row in allocated["licenses"]] == ["learner0@customer.example"]
    assert allocated["unknownEmails"] == ["no@one.example"]
    mails = await stage.mailbox.wait_for(2, to="manager@customer.example")
    assert [mail.subject for mail in mails] == [
        "Welcome: you manage Customer",
        f"5 premium licenses ready to allocate ({requested['order']['number']})",
    ]


async def test_a_customers_manager_orders_for_themselves(stage: Stage) -> None:
    partner = await stage.partner()
    customer = await stage.customer(partner)
    manager = await stage.manager()

    requested = await manager.done(REQUEST, input={"quantity": 4, "note": "For the new office"})
    seen = await partner.ask(ORDERS, filter={"status": ["REQUESTED"]})
    forbidden = await manager.codes(ASSIGN, input={"orderId": requested["order"]["id"]})
    assigned = await partner.done(
        ASSIGN, input={"orderId": requested["order"]["id"], "quantity": 3}
    )
    added = await manager.done(ADD_USERS, input={"users": MANY_LEARNERS})
    moved = await manager.done(
        REALLOCATE,
        input={
            "licenseId": added["licenses"][0]["id"],
            "userId": (await self_id(manager)),
        },
    )
    summary = await manager.ask(SUMMARY, id=customer)

    assert requested["order"]["origin"] == "CUSTOMER_REQUEST"
    assert requested["notifications"] == [
        {"template": "ORDER_REQUESTED", "recipient": stage.partner_email}
    ]
    assert [edge["node"]["number"] for edge in seen["edges"]] == [requested["order"]["number"]]
    assert forbidden == ["FORBIDDEN"]
    assert assigned["order"]["status"] == "PARTIALLY_ASSIGNED"
    assert [user["license"] is None for user in added["users"]] == [False, False, False]
    assert moved["previousUser"]["license"] is None
    assert moved["license"]["allocations"] == {"totalCount": 2}
    assert summary["licenseSummary"] == {
        "total": 3,
        "available": 0,
        "allocated": 3,
        "expiring": 0,
        "expired": 0,
        "requested": 1,
    }
    await stage.mailbox.wait_for(1, to=stage.partner_email, subject="requests 4 premium licenses")


async def self_id(client: Client) -> str:
    viewer = await client.ask("{ viewer { user { id } } }")
    return str(viewer["user"]["id"])
