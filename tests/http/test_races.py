"""Many at once, through HTTP: of all who want the same thing as many get it as there are of it."""

import asyncio
from collections import Counter

from tests.http.client import ADD_USERS, ALLOCATE, ASSIGN, REQUEST, SUMMARY
from tests.http.stage import Stage


async def test_of_40_allocations_on_10_licenses_exactly_10_win(stage: Stage) -> None:
    partner = await stage.partner()
    customer = await stage.customer(partner, licenses=10)
    learners = [{"email": f"learner{number}@customer.example"} for number in range(40)]
    added = await partner.done(
        ADD_USERS, input={"companyId": customer, "users": learners, "allocate": False}
    )

    answers = await asyncio.gather(
        *(
            partner.ask(ALLOCATE, input={"companyId": customer, "userIds": [user["id"]]})
            for user in added["users"]
        )
    )

    assert Counter(code for answer in answers for code in codes(answer)) == {
        "INSUFFICIENT_LICENSES": 30
    }
    won = [license["id"] for answer in answers for license in answer["licenses"]]
    assert len(won) == len(set(won)) == 10
    summary = (await partner.ask(SUMMARY, id=customer))["licenseSummary"]
    assert (summary["total"], summary["available"], summary["allocated"]) == (10, 0, 10)


async def test_of_20_assigns_of_one_order_one_wins(stage: Stage) -> None:
    partner = await stage.partner()
    customer = await stage.customer(partner)
    requested = await partner.done(REQUEST, input={"companyId": customer, "quantity": 7})

    answers = await asyncio.gather(
        *(partner.ask(ASSIGN, input={"orderId": requested["order"]["id"]}) for _ in range(20))
    )

    assert Counter(code for answer in answers for code in codes(answer)) == {"ORDER_NOT_OPEN": 19}
    assert (await partner.ask(SUMMARY, id=customer))["licenseSummary"]["total"] == 7
    subject = f"7 premium licenses ready to allocate ({requested['order']['number']})"
    await stage.mailbox.wait_for(1, to=stage.manager_email, subject=subject)


async def test_20_assigns_with_one_key_are_one(stage: Stage) -> None:
    partner = await stage.partner()
    customer = await stage.customer(partner)
    requested = await partner.done(REQUEST, input={"companyId": customer, "quantity": 7})
    asked = {"orderId": requested["order"]["id"], "idempotencyKey": "once"}

    answers = await asyncio.gather(*(partner.done(ASSIGN, input=asked) for _ in range(20)))

    assert all(answer == answers[0] for answer in answers)
    assert (await partner.ask(SUMMARY, id=customer))["licenseSummary"]["total"] == 7


async def test_20_allocations_of_one_learner_give_one_license(stage: Stage) -> None:
    partner = await stage.partner()
    customer = await stage.customer(partner, licenses=20)
    added = await partner.done(
        ADD_USERS,
        input={
            "companyId": customer,
            "users": [{"email": "only@customer.example"}],
            "allocate": False,
        },
    )
    asked = {"companyId": customer, "userIds": [added["users"][0]["id"]]}

    answers = await asyncio.gather(*(partner.done(ALLOCATE, input=asked) for _ in range(20)))

    assert sorted(len(answer["licenses"]) for answer in answers) == [0] * 19 + [1]
    assert sorted(len(answer["alreadyLicensed"]) for answer in answers) == [0] + [1] * 19
    assert (await partner.ask(SUMMARY, id=customer))["licenseSummary"]["allocated"] == 1


def codes(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [error["code"] for error in answer["errors"]]
