"""Lists hold what the database holds, and keep up with it."""

import asyncio
from datetime import datetime

import asyncpg
import httpx
from playwright.async_api import Page, expect

from app.sample import HANA, MIA, PASSWORD, VERA
from tests.browser.dashboard import Dashboard, held, refused
from tests.http.client import CREATE_COMPANY, REQUEST, Client
from tests.http.server import Server
from tests.smtp import Catcher, Session

PAGE = 25
REFUSED = {
    f"Failed to load resource: the server responded with a status of {status}"
    for status in ("429 (Too Many Requests)", "503 (Service Unavailable)")
}
WAIT, LONG = 60, 3_600
"""Seconds."""
NOBODY = "\N{EN DASH}"
INSTANTS = """texts => texts.map(text =>
    new Date(text).toLocaleString("en-US", {dateStyle: "medium", timeStyle: "short"}))"""
MAILS = """
    SELECT subject, recipient, companies.name, notifications.status, attempts, last_error,
           COALESCE(sent_at, notifications.created_at) AS at
      FROM notifications JOIN companies ON companies.id = company_id
     ORDER BY notifications.created_at DESC, notifications.id DESC
"""
EVENTS = """
    SELECT at, trim(first_name || ' ' || last_name) AS actor, managed.name AS managed, action,
           companies.name
      FROM audit_events
      JOIN companies ON companies.id = audit_events.company_id
      LEFT JOIN users ON users.id = actor_id
      LEFT JOIN companies AS managed ON managed.id = on_behalf_of_id
     ORDER BY at DESC, audit_events.id DESC
"""
RENAME = (
    "mutation($input: UpdateCompanyInput!) { updateCompany(input: $input) { errors { code } } }"
)
SPELL = 31_000
"""Milliseconds after which is read what nothing tells of."""
SUMMARIES = "query { auditEvents(first: 25) { edges { node { summary } } } }"


async def test_a_company_and_the_audit_trail_are_read_now_and_then(
    dashboard: Dashboard, canopy: Server
) -> None:
    page = dashboard.page
    async with httpx.AsyncClient(base_url=canopy.url) as http:
        hana = await Client(http).sign_in(HANA, PASSWORD)
        wanted = {"kind": "CUSTOMER", "name": "Beech Bikes"}
        company_id = (await hana.done(CREATE_COMPANY, input=wanted))["company"]["id"]
        await dashboard.sign_in(HANA)
        await page.clock.install()
        await dashboard.open(f"/companies/{company_id}")
        await expect(dashboard.heading).to_have_text("Beech Bikes")
        await hana.done(RENAME, input={"companyId": company_id, "name": "Birdie Bikes"})
        await page.clock.fast_forward(SPELL)
        await expect(dashboard.heading).to_have_text("Birdie Bikes")

        await dashboard.open("/audit-trail")
        newest = page.locator("tbody tr").first
        await expect(newest).to_contain_text("Birdie Bikes")
        await hana.done(RENAME, input={"companyId": company_id, "name": "Bobbin Bikes"})
        await page.clock.fast_forward(SPELL)
        await expect(newest).to_contain_text("Bobbin Bikes")


async def test_sent_mail_and_audit_trail_hold_what_the_database_holds(
    dashboard: Dashboard, canopy: Server, database: asyncpg.Connection
) -> None:
    page = dashboard.page
    rows, told = page.locator("tbody tr"), page.get_by_role("main").locator("p").last
    await dashboard.sign_in(VERA)
    async with httpx.AsyncClient(base_url=canopy.url) as http:
        vera = await Client(http).sign_in(VERA, PASSWORD)
        summaries = [edge["node"]["summary"] for edge in (await vera.ask(SUMMARIES))["edges"]]

    await dashboard.open("/sent-mail")
    mails = await database.fetch(MAILS)
    times = await _instants(page, [mail["at"] for mail in mails[:PAGE]])
    await expect(rows).to_have_text(
        [
            f"{mail['subject']}{mail['recipient']}{mail['name']}{mail['status'].capitalize()}{at}"
            for mail, at in zip(mails[:PAGE], times, strict=True)
        ]
    )
    await expect(told).to_have_text(f"{len(mails)} mails")

    await dashboard.open("/audit-trail")
    events = await database.fetch(EVENTS)
    times = await _instants(page, [event["at"] for event in events[:PAGE]])
    await expect(rows).to_have_text(
        [
            f"{at}{event['actor'] or NOBODY}"
            + (f"managing {event['managed']}" if event["managed"] else "")
            + f"{summary}{event['action']}{event['name']}"
            for event, at, summary in zip(events[:PAGE], times, summaries, strict=True)
        ]
    )
    await expect(told).to_have_text(f"{len(events)} events")


async def _instants(page: Page, times: list[datetime]) -> list[str]:
    """As the browser tells them."""
    told: list[str] = await page.evaluate(INSTANTS, [time.isoformat() for time in times])
    return told


async def test_a_mail_that_waits_is_told_when_it_has_left(
    dashboard: Dashboard, canopy: Server, catcher: Catcher
) -> None:
    may_leave = asyncio.Event()

    async def wait(_: Session) -> None:
        await may_leave.wait()

    await dashboard.sign_in(MIA)
    catcher.at("END", wait, to=HANA)
    async with httpx.AsyncClient(base_url=canopy.url) as http:
        mia = await Client(http).sign_in(MIA, PASSWORD)
        number = (await mia.done(REQUEST, input={"quantity": 2}))["order"]["number"]
    await dashboard.open("/sent-mail")
    await expect(dashboard.row(number)).to_contain_text("Queued")

    may_leave.set()
    await expect(dashboard.row(number)).to_contain_text("Sent")


async def test_rows_stay_until_those_that_are_sought_have_come(dashboard: Dashboard) -> None:
    """A click on one of them is not lost, and what was typed meanwhile neither."""
    page = dashboard.page
    await dashboard.sign_in(HANA)
    await dashboard.open("/companies?kind=customers")
    found = page.get_by_role("table", name="Companies")
    async with held(page, "Companies"):
        await page.get_by_label("Search companies").fill(" Elm")
        await expect(found).to_have_attribute("aria-busy", "true")
        await page.get_by_role("link", name="Birch Logistics").click()
        await expect(dashboard.heading).to_have_text("Birch Logistics")
    await page.go_back()
    await expect(found.locator("tbody tr")).to_have_count(1)


async def test_what_is_refused_for_a_moment_comes_by_itself_or_is_asked_for(
    dashboard: Dashboard, expected_errors: set[str]
) -> None:
    """Not before the server has said; on every page, with all its parts."""
    page, told = dashboard.page, dashboard.page.get_by_role("alert")
    expected_errors |= REFUSED
    await dashboard.sign_in(HANA)
    await dashboard.find_company("Birch Logistics")
    company = page.url
    await page.clock.install()
    for address in ("/companies", company, "/overview", "/licenses/available"):
        async with refused(page, WAIT) as asked:
            await page.goto(address)
            await expect(told.first).to_contain_text(f"Wait {WAIT} s.")
            await page.evaluate("dispatchEvent(new Event('focus'))")
            await page.clock.fast_forward((WAIT - 5) * 1_000)
            await page.evaluate("fetch('/health/live').then(() => null)")
            assert len(asked) == len({*asked})
        await page.clock.fast_forward(10_000)
        await expect(told).to_have_count(0)
        await dashboard.is_loaded()

        async with refused(page, LONG):
            await page.reload()
            await expect(told.first).to_contain_text(f"Wait {LONG:,} s.")
        await page.get_by_role("button", name="Try again").first.click()
        await expect(told).to_have_count(0)
        await dashboard.is_loaded()


async def test_whatever_an_address_says_the_page_is_sound(dashboard: Dashboard) -> None:
    page, many = dashboard.page, 1_200
    await page.set_viewport_size({"width": 390, "height": 844})
    await dashboard.sign_in(HANA)
    for unknown in ("/licenses/foo", "/licenses/constructor", "/orders/foo"):
        await dashboard.open(unknown)
        await expect(dashboard.heading).to_have_text("There is no such page")

    await dashboard.open(f"/companies?filter=name.contains.{'long' * 20}")
    await expect(page.get_by_title(f"Name contains {'long' * 20}")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390

    names = "&".join(f"filter=name.in.{number}" for number in range(many))
    await dashboard.open(f"/companies?{names}")
    await expect(page.get_by_text("Nothing fits.")).to_be_visible()
    assert await page.get_by_role("button", name="Remove filter").count() < many


async def test_escape_closes_the_menu_of_a_phone(dashboard: Dashboard) -> None:
    page = dashboard.page
    menu = page.get_by_role("button", name="Menu", exact=True)
    await page.set_viewport_size({"width": 390, "height": 844})
    await dashboard.sign_in(HANA)
    await menu.click()
    await expect(menu).to_have_attribute("aria-expanded", "true")
    await page.keyboard.press("Escape")
    await expect(menu).to_have_attribute("aria-expanded", "false")


async def test_an_address_that_is_none_leads_on(
    dashboard: Dashboard, expected_errors: set[str]
) -> None:
    """And what is half of one leads to the whole."""
    page = dashboard.page
    await dashboard.sign_in(MIA)
    for half, heading, tab in (
        ("/orders", "Licenses", "My Orders"),
        ("/licenses", "Licenses", "Available"),
    ):
        await dashboard.open(half)
        await expect(dashboard.heading).to_have_text(heading)
        await expect(dashboard.tab(tab)).to_have_attribute("aria-selected", "true")

    answer = await page.goto("/nope")
    assert answer
    assert answer.status == 404
    await expect(dashboard.heading).to_have_text("There is no such page")
    await dashboard.go("Users")
    await expect(dashboard.heading).to_have_text("Users")
    expected_errors.add(
        "Failed to load resource: the server responded with a status of 404 (Not Found)"
    )
