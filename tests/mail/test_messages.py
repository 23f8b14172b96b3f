"""What mails say. Written from rows that were loaded as the worker loads them."""

from email import message_from_bytes
from email.headerregistry import Address
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from mail.messages import compose, sender_of
from models.companies import Company
from models.outbox import Notification, NotificationTemplate
from models.users import User
from tests.conftest import Clock
from tests.mail.conftest import FACTS, MAIL_FROM, PUBLIC_URL, Outbox
from tests.smtp import Mail

TOKEN = "s3cret-token_of-a-link"


async def written(outbox: Outbox, row: Notification) -> Mail:
    """The mail as it goes over the wire."""
    message = compose(await outbox.loaded(row), PUBLIC_URL, MAIL_FROM)
    return Mail("", row.recipient, message.as_bytes())


async def test_a_mail_carries_its_headers(outbox: Outbox, clock: Clock) -> None:
    ann = await outbox.make.manager(
        outbox.company, email="ann@fjord.example", first_name="Ann", last_name="Åström, MD"
    )

    row = await outbox.promise(to=ann, subject="Blå Fjord requests 25 premium licenses")
    mail = await written(outbox, row)

    headers = {name: str(value) for name, value in mail.message.items()}
    assert headers.pop("Content-Type").startswith("multipart/alternative; boundary=")
    assert headers == {
        "From": "Canopy <no-reply@canopy.example>",
        "To": '"Ann Åström, MD" <ann@fjord.example>',
        "Subject": "Blå Fjord requests 25 premium licenses",
        "Date": "Mon, 02 Mar 2026 09:30:00 +0000",
        "Message-ID": f"<{row.id}@canopy.example>",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
    }
    kinds = [part.get_content_type() for part in mail.message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]


async def test_a_request_says_who_asks_for_what(outbox: Outbox) -> None:
    ann = await outbox.make.manager(outbox.company, first_name="Ann", last_name="Lee")
    order = await outbox.make.order(
        outbox.company, requested_by_id=ann.id, purchase_order="PO 7", note="Soon,\nplease"
    )
    bob = await outbox.make.user(await outbox.make.root(), first_name="Bob")

    mail = await written(outbox, await outbox.promise(to=bob, order=order))

    assert (
        mail.text()
        == f"""\
Hello Bob,

Blue Fjord requests 25 premium licenses.

Nothing has been handed out yet: the licenses come to be, and their clock
starts, when you assign the order. You can also decline it, and say why.

    Order:          {order.number}
    Company:        Blue Fjord
    Requested by:   Ann Lee
    Purchase order: PO 7
    Note:           Soon,
                    please

{"-- "}
Canopy, https://canopy.example
This mail was sent by itself: nobody reads replies to it.
"""
    )


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize(
    ("template", "facts", "said", "not_said"),
    [
        (
            "ORDER_ASSIGNED",
            {},
            ["20 premium licenses", "1 March 2027", "Still to come of this order: 5"],
            ["No expiry"],
        ),
        ("ORDER_ASSIGNED", {"open": 0}, ["1 March 2027"], ["Still to come"]),
        (
            "ORDER_ASSIGNED",
            {"quantity": 1, "licenseType": "NFR", "expiresAt": None, "open": 0},
            ["1 NFR license", "No expiry"],
            ["Valid until", "licenses"],
        ),
        (
            "ORDER_DECLINED",
            {},
            ["Eve Poe has declined", "5 premium licenses", "Then licenses.", "20 premium"],
            [],
        ),
        (
            "ORDER_DECLINED",
            {"kept": 0, "quantity": 1000},
            ["1,000 premium licenses"],
            ["assigned of this order before"],
        ),
        (
            "ORDER_CANCELLED",
            {},
            ["Eve Poe has cancelled", "25 managed licenses"],
            ["reason", "returned", "Returned", "before stays"],
        ),
        (
            "ORDER_CANCELLED",
            {"reason": "Too many", "returned": True},
            ["Eve Poe has returned", "25 managed licenses", "Too many", "cannot be allocated"],
            ["cancelled"],
        ),
        ("ORDER_CANCELLED", {"quantity": 5, "kept": 20}, ["before stays: 20 managed"], []),
        (
            "ORDER_WAITING",
            {},
            ["Blue Fjord has waited since 27 February 2026", "25 premium licenses", "decline it"],
            [],
        ),
    ],
)
async def test_orders_are_told_in_both_forms(
    outbox: Outbox,
    kind: str,
    template: str,
    facts: dict[str, Any],
    said: list[str],
    not_said: list[str],
) -> None:
    template = NotificationTemplate(template)
    eve = await outbox.make.manager(outbox.company, first_name="Eve", last_name="Poe")
    order = await outbox.make.order(outbox.company)
    row = await outbox.promise(template, order=order, actor=eve)
    await row.update_from_dict({"facts": row.facts | facts}).save()

    text = (await written(outbox, row)).text(kind).replace("<strong>", "").replace("</strong>", "")

    assert [words for words in [*said, order.number, "Blue Fjord"] if words not in text] == []
    assert [words for words in not_said if words in text] == []


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize(
    ("template", "facts", "said", "not_said"),
    [
        (
            "LICENSES_EXPIRING",
            {},
            [
                "25 premium licenses of Blue Fjord expire on 2 March 2027.",
                "With learners: 20. Idle: 5.",
                "request new licenses now",
            ],
            ["may be used", "expired"],
        ),
        (
            "LICENSES_EXPIRING",
            {"quantity": 1, "allocated": 0},
            ["1 premium license of Blue Fjord expires on", "With learners: 0. Idle: 1."],
            [],
        ),
        (
            "LICENSES_EXPIRED",
            {"licenseType": None},
            ["25 licenses of Blue Fjord expired on 2 March 2027.", "With learners: 20. Idle: 5."],
            ["premium", "may be used"],
        ),
        (
            "LICENSES_EXPIRED",
            {"later": 1200},
            ["1,200 of them may be used until 2 March 2027, 15:00 UTC."],
            [],
        ),
        (
            "TRIAL_EXPIRING",
            {},
            ["trial of Blue Fjord ends on 2 March 2027", "25 trial licenses", "upgrade the trial"],
            ["ended"],
        ),
        (
            "TRIAL_EXPIRED",
            {"later": 5},
            ["trial of Blue Fjord ended on 2 March 2027", "still be upgraded", "5 of them may be"],
            ["ends on"],
        ),
    ],
)
async def test_expiries_are_told_in_both_forms(
    outbox: Outbox,
    kind: str,
    template: str,
    facts: dict[str, Any],
    said: list[str],
    not_said: list[str],
) -> None:
    template = NotificationTemplate(template)
    row = await outbox.promise(template, facts=FACTS[template] | facts)

    text = (await written(outbox, row)).text(kind).replace("<strong>", "").replace("</strong>", "")

    text = " ".join(text.split())
    assert [words for words in said if words not in text] == []
    assert [words for words in not_said if words in text] == []


@pytest.mark.parametrize(
    ("later", "rest"), [(0, ""), (5, "5 of them may be used until 2 March 2027, 15:00 UTC.\n")]
)
async def test_an_expiry_has_no_gaps(outbox: Outbox, later: int, rest: str) -> None:
    bob = await outbox.make.user(await outbox.make.root(), first_name="Bob")
    template = NotificationTemplate.LICENSES_EXPIRED

    row = await outbox.promise(template, to=bob, facts=FACTS[template] | {"later": later})
    mail = await written(outbox, row)

    assert (
        mail.text()
        == f"""\
Hello Bob,

25 premium licenses of Blue Fjord expired on 2 March 2027.

With learners: 20. Idle: 5.
{rest}
To go on, request new licenses. They are allocated by hand, so that nobody pays
for people who have left.

{"-- "}
Canopy, https://canopy.example
This mail was sent by itself: nobody reads replies to it.
"""
    )


@pytest.mark.parametrize("template", ["PARTNER_WELCOME", "MANAGER_WELCOME", "PASSWORD_RESET"])
@pytest.mark.parametrize("kind", ["plain", "html"])
async def test_a_link_says_until_when(outbox: Outbox, template: str, kind: str) -> None:
    row = await outbox.promise(NotificationTemplate(template), token=TOKEN)

    text = (await written(outbox, row)).text(kind)

    assert f"{PUBLIC_URL}/set-password#token={TOKEN}" in text
    end = "2 March 2026, 10:30 UTC" if template == "PASSWORD_RESET" else "9 March 2026, 09:30 UTC"
    assert end in text


@pytest.mark.parametrize("template", ["PARTNER_WELCOME", "MANAGER_WELCOME"])
async def test_who_has_a_password_gets_no_link(outbox: Outbox, template: str) -> None:
    mail = await written(outbox, await outbox.promise(NotificationTemplate(template)))

    assert "set-password" not in mail.text() + mail.text("html")
    assert "the password that you have already" in mail.text()


async def test_a_reset_without_its_link_is_not_written(outbox: Outbox) -> None:
    row = await outbox.promise(NotificationTemplate.PASSWORD_RESET)

    with pytest.raises(UndefinedError):
        await written(outbox, row)


async def test_a_mail_without_its_facts_is_not_written(outbox: Outbox) -> None:
    row = await outbox.promise(facts={"quantity": 5})

    with pytest.raises(UndefinedError):
        await written(outbox, row)


async def test_what_people_wrote_is_escaped(outbox: Outbox) -> None:
    company = await outbox.make.company(name="<b>Fjord</b> & Co")
    order = await outbox.make.order(
        company, note="<script>alert(1)</script>", purchase_order="<i>7</i>"
    )
    facts = {
        "quantity": 1,
        "kept": 0,
        "licenseType": "PREMIUM",
        "reason": "<img src=x>\n</blockquote>",
        "returned": False,
    }
    there = Outbox(outbox.make, Clock(), company)
    to = await outbox.make.manager(company, first_name="<u>Ann</u>")

    row = await there.promise(
        NotificationTemplate.ORDER_DECLINED, to=to, order=order, facts=facts, subject="<s>Declined"
    )
    mail = await written(outbox, row)

    html = mail.text("html")
    unescaped = ["<b>", "<script", "<i>", "<img", "</blockquote>\n</block", "<u>", "<s>"]
    assert [tag for tag in unescaped if tag in html] == []
    assert "&lt;b&gt;Fjord&lt;/b&gt; &amp; Co" in html
    assert "<b>Fjord</b> & Co" in mail.text()


async def test_a_note_cannot_speak_for_us(outbox: Outbox) -> None:
    order = await outbox.make.order(outbox.company, note="x\n-- \nCanopy\n\nHello Ann,")

    mail = await written(outbox, await outbox.promise(order=order))

    assert mail.text().count("\n-- \n") == 1
    assert mail.text().count("\nHello") == 0


async def test_erasure_reaches_a_mail_that_waits(outbox: Outbox, clock: Clock) -> None:
    eve = await outbox.make.manager(outbox.company, first_name="Eve", last_name="Poe")
    order = await outbox.make.order(outbox.company, requested_by_id=eve.id)
    row = await outbox.promise(NotificationTemplate.ORDER_DECLINED, order=order, actor=eve)
    eve.remove(at=clock())
    eve.erase(at=clock())
    await eve.save()

    mail = await written(outbox, row)

    text = mail.text() + mail.text("html")
    assert [word for word in ("Eve", "Poe", "Erased", eve.email) if word in text] == []
    assert "5 premium licenses for Blue Fjord: declined." in mail.text()


def row_for(clock: Clock, subject: str, first_name: str, last_name: str) -> Notification:
    """A row as it would be if a name or subject held what none can."""
    now = clock()
    company = Company(name=subject, path="x/", created_at=now, updated_at=now)
    company._saved_in_db = True
    user = User(company=company, email="ann@fjord.example", created_at=now, updated_at=now)
    user.first_name, user.last_name = first_name, last_name
    user._saved_in_db = True
    return Notification(
        template=NotificationTemplate.MANAGER_WELCOME,
        company=company,
        user=user,
        actor=None,
        order=None,
        recipient=user.email,
        subject=subject,
        batch=company.id,
        next_attempt_at=now,
        created_at=now,
    )


@given(st.text(max_size=250), st.text(max_size=200), st.text(max_size=200))
def test_no_name_and_no_subject_reaches_into_another_header(
    subject: str, first_name: str, last_name: str
) -> None:
    row = row_for(Clock(), subject, first_name, last_name)

    content = compose(row, PUBLIC_URL, MAIL_FROM).as_bytes()

    message = message_from_bytes(content, policy=default)
    assert sorted(message.keys()) == [
        "Auto-Submitted",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
    ]
    assert [address.addr_spec for address in message["To"].addresses] == ["ann@fjord.example"]
    assert max(len(line) for line in content.split(b"\r\n")) <= 78


@pytest.mark.parametrize(
    "name",
    [
        "Ann\r\nBcc: eve@evil.example",
        'Ann" <eve@evil.example>, "Bob',
        "eve@evil.example, " + "long " * 30,
        "=?utf-8?q?=0d=0aBcc:_eve=40evil.example?=",
        "Ünï, <eve@evil.example> " + "ö" * 150,
        "\x00\x1b[31m\u2028Ann",
    ],
)
def test_no_name_adds_a_recipient(clock: Clock, name: str) -> None:
    message = compose(row_for(clock, name, name, name), PUBLIC_URL, MAIL_FROM)

    read = message_from_bytes(message.as_bytes(), policy=default)
    assert [address.addr_spec for address in read["To"].addresses] == ["ann@fjord.example"]
    assert "Bcc" not in read
    assert "".join(read.values()).isprintable()


async def test_a_long_domain_leaves_the_message_id_whole(outbox: Outbox) -> None:
    row = await outbox.loaded(await outbox.promise())
    domain = "mail." + "very-long-" * 5 + "domain.canopy.example"

    content = compose(row, PUBLIC_URL, f"Canopy <no-reply@{domain}>").as_bytes()

    message = message_from_bytes(content, policy=default)
    assert message["Message-ID"] == f"<{row.id}@{domain}>"
    assert message["From"].addresses[0].addr_spec == f"no-reply@{domain}"


async def test_an_address_that_reads_as_another_is_not_written(outbox: Outbox) -> None:
    to = await outbox.make.manager(outbox.company)
    to.email = "=?utf-8?q?eve=40evil=2ecom=3e?=@fjord.example"  # which the model refuses by now
    await to.save()

    with pytest.raises(ValueError, match="write another one"):
        await written(outbox, await outbox.promise(to=to))


async def test_an_odd_address_is_kept(outbox: Outbox) -> None:
    to = await outbox.make.manager(outbox.company, email="o'brien..x+y@fjord.example")

    message = compose(await outbox.loaded(await outbox.promise(to=to)), PUBLIC_URL, MAIL_FROM)

    assert message["To"].addresses[0].username == "o'brien..x+y"


async def test_written_again_it_is_the_same_mail(outbox: Outbox) -> None:
    row = await outbox.loaded(await outbox.promise())

    first, second = (compose(row, PUBLIC_URL, MAIL_FROM) for _ in range(2))

    assert first.items() == second.items()


async def test_a_slash_at_the_end_of_the_address_is_not_doubled(outbox: Outbox) -> None:
    row = await outbox.promise(NotificationTemplate.MANAGER_WELCOME, token=TOKEN)

    message = compose(await outbox.loaded(row), "https://canopy.example/app/", MAIL_FROM)

    body = message.get_body(("plain",))
    assert body is not None
    assert "\nhttps://canopy.example/app/set-password#token=" in body.get_content()


def test_a_sender_is_one_mailbox() -> None:
    assert sender_of("no-reply@localhost") == Address("", "no-reply", "localhost")
    for wrong in (
        "",
        "Canopy",
        "Canopy <>",
        "a@b.example, c@d.example",
        "Canopy, Inc. <a@b.example>",
    ):
        with pytest.raises(ValueError, match="one address"):
            sender_of(wrong)
