"""Dates, hours and numbers are told as the browser's language has them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest
from playwright.async_api import BrowserContext, expect

from app.sample import HANA, IVAN, MIA, PASSWORD
from tests.browser.dashboard import Dashboard
from tests.http.client import CREATE_COMPANY, Client

ZONE = "Intl.DateTimeFormat().resolvedOptions().timeZone"
MAIL = "template = 'LICENSES_EXPIRING' AND recipient = $1"
TWO = "\N{ARABIC-INDIC DIGIT TWO}"
NONE = "\N{ARABIC-INDIC DIGIT ZERO}"


@pytest.mark.parametrize(
    ("locale", "day", "hour", "thousand", "passed"),
    [
        ("de-DE", "05.03.2026", "15:07", "1.000", "8.625 passed"),
        ("en-US", "Mar 5, 2026", "3:07 PM", "1,000", "8,625 passed"),
    ],
)
async def test_days_hours_and_large_numbers(
    dashboard: Dashboard,
    database: asyncpg.Connection,
    day: str,
    hour: str,
    thousand: str,
    passed: str,
) -> None:
    page = dashboard.page
    await dashboard.sign_in(MIA)
    sent = datetime(2026, 3, 5, 15, 7, tzinfo=ZoneInfo(await page.evaluate(ZONE)))
    await database.execute(f"UPDATE notifications SET sent_at = $2 WHERE {MAIL}", MIA, sent)

    await dashboard.open(
        f"/sent-mail?filter=template.in.LICENSES_EXPIRING&filter=recipient.in.{MIA}"
    )
    await expect(page.locator("tbody td").last).to_have_text(f"{day}, {hour}")
    await dashboard.open("/orders/mine?filter=requestedAt.lt.2026-03-05&filter=quantity.gte.1000")
    await expect(page.get_by_text(f"Requested before {day}", exact=True)).to_be_visible()
    await expect(page.get_by_text(f"Number at least {thousand}", exact=True)).to_be_visible()
    await dashboard.open("/overview")
    await expect(page.get_by_text(passed)).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "thousand"), [("de-DE", "1.000"), ("en-US", "1,000")], ids=["de", "en"]
)
async def test_a_number_that_is_pasted_is_what_it_means_there(
    dashboard: Dashboard, context: BrowserContext, thousand: str
) -> None:
    page, quantity = dashboard.page, dashboard.dialog.get_by_label("Number of licenses")
    await dashboard.sign_in(MIA)
    await dashboard.click("Request Licenses")
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.evaluate("text => navigator.clipboard.writeText(text)", thousand)

    async with page.expect_request(lambda asked: '"quantity":1000}' in (asked.post_data or "")):
        await quantity.press("Control+a")
        await quantity.press("Control+v")
        await expect(quantity).to_have_value(thousand)


@pytest.mark.parametrize("locale", ["en-IN"])
async def test_a_number_is_grouped_where_it_is_typed_as_it_is_told(dashboard: Dashboard) -> None:
    quantity = dashboard.dialog.get_by_label("Number of licenses")
    await dashboard.sign_in(MIA)
    await dashboard.click("Request Licenses")
    await quantity.fill("1000000")
    await expect(quantity).to_have_value("10,00,000")
    await expect(dashboard.dialog.get_by_text("this is 10,00,000.")).to_be_visible()


@pytest.mark.parametrize("locale", ["ar-EG"])
async def test_small_numbers_too_have_the_digits_of_the_language(dashboard: Dashboard) -> None:
    page, dialog = dashboard.page, dashboard.dialog
    await dashboard.sign_in(IVAN)
    for address, action, groups in (
        ("/licenses/allocated", "Release", [f"Without a license then ({TWO})"]),
        ("/users", "Allocate Licenses", [f"Will get a license ({NONE})", f"Will not ({TWO})"]),
        ("/users", "Remove", [f"Will be removed ({TWO})"]),
    ):
        await dashboard.open(address)
        learners = page.get_by_role("row").filter(has_text="@ivy").filter(has_not_text=IVAN)
        for place in range(2):
            await learners.nth(place).get_by_role("checkbox").check()
        await expect(page.get_by_text(f"{TWO} selected", exact=True)).to_be_visible()
        await dashboard.click(action)
        for group in groups:
            await expect(dialog.get_by_role("group", name=group)).to_be_visible()
        await dialog.get_by_role("button", name="Cancel").click()
    await dashboard.open("/licenses/available")
    await dashboard.click("Request Licenses")
    quantity = dialog.get_by_label("Number of licenses")
    await quantity.click()
    await page.keyboard.type(TWO + NONE)
    await expect(quantity).to_have_value("20")


@pytest.mark.parametrize(
    ("locale", "most", "more"),
    [("de-DE", "100.000", "1.000.000"), ("en-US", "100,000", "1,000,000")],
    ids=["de", "en"],
)
async def test_the_sentences_of_the_api_have_the_numbers_of_the_language_and_names_as_they_are(
    dashboard: Dashboard, database: asyncpg.Connection, most: str, more: str
) -> None:
    page, dialog = dashboard.page, dashboard.dialog
    await dashboard.sign_in(MIA)
    await dashboard.click("Request Licenses")
    await dashboard.fill(number_of_licenses="1000000")
    refusal = f"A quantity is from 1 to {most}; this is {more}."
    await expect(dialog.get_by_text(refusal, exact=True)).to_be_visible()
    await dialog.get_by_role("button", name="Cancel").click()

    await dashboard.open("/users/import")
    await dashboard.choose_file("1,000 or more;1,000 or more\nsomebody@birch.example;\n")
    await page.get_by_label("Email").select_option("1,000 or more")
    await dashboard.click("Preview")
    refusal = "The header has two columns named '1,000 or more'."
    await expect(page.get_by_text(refusal, exact=True)).to_be_visible()

    event = await database.fetchval(
        "SELECT id FROM audit_events WHERE action = 'order.requested' AND company_id ="
        " (SELECT company_id FROM users WHERE email = $1) ORDER BY at DESC LIMIT 1",
        MIA,
    )
    await database.execute("UPDATE audit_events SET count = 1000000 WHERE id = $1", event)
    await dashboard.open("/audit-trail")
    await expect(page.get_by_text(f"requested {more} licenses for Birch").first).to_be_visible()


ORDERED = """sentence => {
    const texts = document.createTreeWalker(sentence, NodeFilter.SHOW_TEXT), lefts = [];
    const range = document.createRange();
    while (texts.nextNode()) {
        for (let at = 0; at < texts.currentNode.data.length; at++) {
            range.setStart(texts.currentNode, at);
            range.setEnd(texts.currentNode, at + 1);
            lefts.push(range.getBoundingClientRect().left);
        }
    }
    return lefts.at(-1) === Math.max(...lefts);
}"""
"""Whether a sentence ends where it should: at its right."""


async def test_a_name_that_turns_what_follows_leaves_the_sentence_as_it_is(
    dashboard: Dashboard, address: str
) -> None:
    page, name = dashboard.page, "\N{RIGHT-TO-LEFT OVERRIDE}peleK"
    async with httpx.AsyncClient(base_url=address) as http:
        hana = await Client(http).sign_in(HANA, PASSWORD)
        told = {"kind": "CUSTOMER", "name": name}
        company = (await hana.done(CREATE_COMPANY, input=told))["company"]
    await dashboard.sign_in(HANA)
    await dashboard.open(f"/companies/{company['id']}")
    await dashboard.act("Edit")
    await dashboard.fill(industry="Kelp")
    await dashboard.confirm()
    note = page.get_by_role("alert").get_by_text("is saved")
    await expect(note).to_be_visible()
    assert await note.evaluate(ORDERED)

    await dashboard.act("Manage Company")
    await expect(dashboard.banner).to_be_visible()
    assert await dashboard.banner.get_by_text("You are managing").evaluate(ORDERED)
