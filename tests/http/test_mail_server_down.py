"""With the mail server down requests go on, and every mail arrives after."""

from tests.http.client import ASSIGN, REQUEST
from tests.http.stage import Stage

ORDERS = 10


async def test_what_is_assigned_while_the_mail_server_is_down_is_mailed_after(
    stage: Stage,
) -> None:
    partner = await stage.partner()
    customer = await stage.customer(partner)
    await stage.mailbox.wait_for(1, to=stage.manager_email)
    await stage.catcher.stop()

    numbers = []
    for quantity in range(1, ORDERS + 1):
        asked = {"companyId": customer, "quantity": quantity}
        requested = await partner.done(REQUEST, input=asked)
        await partner.done(ASSIGN, input={"orderId": requested["order"]["id"]})
        numbers.append(requested["order"]["number"])
    queued = await partner.ask("{ notifications(filter: {status: [QUEUED]}) { totalCount } }")
    await stage.catcher.start()

    mails = await stage.mailbox.wait_for(ORDERS, to=stage.manager_email, subject="ready")
    assert queued == {"totalCount": ORDERS}
    assert [number for number in numbers if number in mails[0].subject] == numbers[:1]
    assert len({mail.id for mail in mails}) == ORDERS
