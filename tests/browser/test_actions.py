"""What people do between the journeys: with orders, companies and managers, in long lists."""

import asyncio
import re

import asyncpg
import httpx
from playwright.async_api import expect

from app.sample import HANA, IVAN, MIA, PASSWORD, PAULA, QUIN
from tests.browser.dashboard import Dashboard, answers
from tests.http.client import ADD_USERS, ALLOCATE, ASSIGN, CREATE_COMPANY, REQUEST, Client
from tests.http.server import Server
from tests.http.stage import Mailbox

REMOVE_USERS = (
    "mutation($input: RemoveUsersInput!) { removeUsers(input: $input) { errors { code } } }"
)
CUSTOMERS = 110
TRIAL = """
    SELECT companies.kind, companies.plan, origin, orders.status, type,
           extract(days FROM licenses.expires_at - licenses.assigned_at)::int AS days,
           count(*) AS licenses
      FROM companies
      JOIN orders ON orders.company_id = companies.id
      JOIN licenses ON order_id = orders.id
     WHERE companies.name = $1
     GROUP BY 1, 2, 3, 4, 5, 6
"""
SHOP = re.compile("^Shop 000 Kind Customer Plan . Available 0 Expiring 0 Requested 0")


async def test_an_order_is_changed_and_cancelled(dashboard: Dashboard, mailbox: Mailbox) -> None:
    await dashboard.sign_in(IVAN)
    number = await dashboard.request_licenses(3, "CH-1")

    await dashboard.act_on(number, "Change")
    await dashboard.fill(number_of_licenses="0")
    await dashboard.dialog.get_by_role("button", name="Save").click()
    quantity = dashboard.dialog.get_by_label("Number of licenses")
    await expect(quantity).to_have_attribute("aria-invalid", "true")
    await dashboard.fill(number_of_licenses="5", purchase_order="CH-2")
    await dashboard.confirm()
    await expect(dashboard.row(number)).to_contain_text("5CH-2")
    await dashboard.act_on(number, "Cancel")
    await dashboard.fill(reason="Not this year")
    await dashboard.confirm("Cancel the order")

    await expect(dashboard.row(number)).to_contain_text("Cancelled")
    await expect(dashboard.row(number)).to_contain_text("Not this year")
    await mailbox.wait_for(2, to=QUIN, subject=number)


async def test_an_order_is_returned(
    dashboard: Dashboard, partner: Dashboard, database: asyncpg.Connection, mailbox: Mailbox
) -> None:
    await dashboard.sign_in(IVAN)
    number = await dashboard.request_licenses(2, "RE-1")
    await partner.sign_in(QUIN)
    await partner.go("Licenses", "Orders", "Requested Orders")
    await partner.act_on(number, "Assign")
    await partner.confirm("Assign")
    await partner.tab("Assigned Orders").click()

    await partner.act_on(number, "Return")
    await expect(partner.dialog).to_contain_text("2 licenses will be void")
    await expect(partner.dialog.get_by_role("status")).to_have_text(f"Will be mailed: {IVAN}.")
    await partner.fill(reason="Sold")
    await partner.confirm("Return the order")

    await partner.told(f"Mailed: {IVAN}.")
    await expect(partner.row(number)).to_have_count(0)
    voided = await database.fetchval(
        "SELECT count(voided_at) FROM licenses JOIN orders ON orders.id = order_id"
        " WHERE number = $1",
        number,
    )
    assert voided == 2
    await mailbox.wait_for(2, to=IVAN, subject=number)


async def test_orders_that_are_closed_have_a_tab_of_their_own(dashboard: Dashboard) -> None:
    """And each tab with orders of several states is filtered by them."""
    await dashboard.sign_in(QUIN)
    await dashboard.go("Licenses", "Orders", "Closed Orders")
    await expect(dashboard.row("PO 88-977")).to_contain_text("Asked twice by mistake.")
    await expect(dashboard.row("PO 88-981")).to_contain_text("The branch was sold.")
    await expect(dashboard.row("PO 88-310")).to_have_count(0)

    await dashboard.open("/orders/closed?filter=status.in.RETURNED")
    await expect(dashboard.row("PO 88-977")).to_have_count(0)
    await expect(dashboard.row("PO 88-981")).to_be_visible()
    await dashboard.sign_out()

    await dashboard.sign_in(IVAN)
    await dashboard.open("/orders/mine?filter=status.in.CANCELLED")
    await expect(dashboard.row("PO 88-977")).to_be_visible()
    await expect(dashboard.row("PO 88-310")).to_have_count(0)


async def test_a_company_is_edited_moved_archived_and_restored(
    dashboard: Dashboard, mailbox: Mailbox
) -> None:
    page = dashboard.page
    await dashboard.sign_in(HANA)
    await dashboard.click("Create Company")
    await dashboard.fill(company_name="Moss & Co")
    await dashboard.confirm()
    await expect(dashboard.heading).to_have_text("Moss & Co")

    await dashboard.act("Edit")
    await dashboard.fill(company_name="", country="XX", employees="40")
    await dashboard.dialog.get_by_role("button", name="Save").click()
    name = dashboard.dialog.get_by_label("Company name")
    await expect(name).to_have_attribute("aria-invalid", "true")
    await dashboard.fill(company_name="Moss Gardens", country="BE")
    await dashboard.confirm()
    await expect(dashboard.heading).to_have_text("Moss Gardens")
    await expect(page.get_by_text("40", exact=True)).to_be_visible()

    await dashboard.act("Move")
    await dashboard.seek("Beneath", "Nord", "Harbor Nord")
    await expect(dashboard.dialog.get_by_role("status")).to_contain_text("Harbor Nord")
    await dashboard.confirm("Move")
    await dashboard.told("Moss Gardens is beneath Harbor Nord now.")
    await expect(page.get_by_role("link", name="Harbor Nord")).to_be_visible()

    managers = page.get_by_role("region", name="Managers")
    for given in ("rosa", "sven"):
        await dashboard.click("Add Manager")
        await dashboard.fill(first_name=given.capitalize(), email=f"{given}@moss.example")
        told = dashboard.dialog.get_by_role("status")
        await expect(told).to_have_text(f"Will be mailed: {given}@moss.example.")
        await dashboard.confirm()
        await expect(managers.get_by_text(f"{given}@moss.example")).to_be_visible()
    await mailbox.wait_for(1, to="sven@moss.example", subject="Welcome")
    await dashboard.click("Remove Rosa")
    await dashboard.confirm("Remove")
    await expect(managers.get_by_text("rosa@moss.example")).to_have_count(0)
    await dashboard.click("Remove Sven")
    await expect(dashboard.dialog.get_by_role("alert")).to_contain_text("at least one")
    await expect(dashboard.dialog.get_by_role("button", name="Remove")).to_be_disabled()
    await dashboard.dialog.get_by_role("button", name="Cancel").click()

    await dashboard.act("Archive")
    reach = dashboard.dialog.get_by_role("status")
    await expect(reach).to_contain_text("0 companies beneath it, 0 licenses with learners")
    await dashboard.confirm("Archive")
    await expect(page.get_by_text("Archived", exact=True)).to_be_visible()
    await dashboard.act("Restore")
    await expect(reach).to_have_text("It reaches 0 companies beneath it.")
    await dashboard.confirm("Restore")
    await expect(page.get_by_text("Archived", exact=True)).to_have_count(0)


async def test_filters_join_or_say_why_not_and_a_strange_address_asks_nothing_wrong(
    dashboard: Dashboard,
) -> None:
    page = dashboard.page
    # As most people have it: what closes stays for a moment.
    await page.emulate_media(reduced_motion="no-preference")
    await dashboard.sign_in(MIA)
    await dashboard.open("/orders/mine")
    await dashboard.add_filter("Purchase order", "is", "4500017")
    await expect(page.get_by_text("1 order", exact=True)).to_be_visible()
    await dashboard.add_filter("Purchase order", "is", "4500488")
    await expect(page.get_by_text("2 orders", exact=True)).to_be_visible()
    await dashboard.add_filter("Number", "at least", "25")
    await expect(page.get_by_role("button", name="Add Filter")).to_be_focused()
    form = await dashboard.add_filter("Number", "at least", "9")
    await expect(form.get_by_text("Remove that one first")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("2 orders", exact=True)).to_be_visible()
    await dashboard.click("Remove filter: Purchase order is 4500017")
    await expect(page.get_by_role("button", name="Add Filter")).to_be_focused()
    await expect(page.get_by_text("1 order", exact=True)).to_be_visible()
    colleagues = page.url
    await dashboard.open("/users")
    await dashboard.open(colleagues)
    await expect(page.get_by_text("1 order", exact=True)).to_be_visible()

    orders = page.get_by_role("table", name="Orders").locator("tbody td:nth-child(4)")
    header = page.get_by_role("columnheader", name="Requested")
    await dashboard.open("/orders/mine?filter=purchaseOrder.startsWith.4500")
    await dashboard.click("Requested")
    await expect(orders).to_have_text(["4500017", "4500488"])
    await expect(header).to_have_attribute("aria-sort", "ascending")
    await dashboard.click("Requested")
    await expect(orders).to_have_text(["4500488", "4500017"])
    await expect(header).to_have_attribute("aria-sort", "descending")
    assert page.url.endswith("sort=REQUESTED_AT.DESC")
    await page.go_back()
    await expect(orders).to_have_text(["4500017", "4500488"])
    await dashboard.open("/orders/mine?sort=NONE.UP&filter=number.contains.none-such")
    await expect(page.get_by_text("Nothing fits.")).to_be_visible()

    for strange in (
        *("quantity.gte.many", "quantity.eq.99999999999", "origin.in.NOBODY", "a.b.c"),
        *("requestedAt.gte.2026-13-99", "requestedAt.gte.0000-01-01", "requestedAt.lt.2026-02-30"),
    ):
        await dashboard.open(f"/orders/mine?filter={strange}")
        await expect(page.get_by_role("button", name="Remove filter")).to_have_count(0)
    await dashboard.open("/companies/none-such")
    await expect(page.get_by_text("There is no such company")).to_be_visible()


async def test_everybody_whose_license_expired_renews_beyond_the_page(
    dashboard: Dashboard, canopy: Server, database: asyncpg.Connection
) -> None:
    async with httpx.AsyncClient(base_url=canopy.url, timeout=60) as http:
        paula = await Client(http).sign_in(PAULA, PASSWORD)
        theatre = {"kind": "CUSTOMER", "name": "Teal Theatre", "order": {"quantity": 30}}
        made = await paula.done(CREATE_COMPANY, input=theatre)
        company = {"companyId": made["company"]["id"]}
        people = [{"email": f"usher{number}@teal.example"} for number in range(30)]
        await paula.done(ADD_USERS, input=company | {"users": people})
        await _let_400_days_pass(database, "Teal Theatre")
        asked = await paula.done(REQUEST, input=company | {"quantity": 28})
        await paula.done(ASSIGN, input={"orderId": asked["order"]["id"]})
    await dashboard.sign_in(PAULA)
    await dashboard.manage("Teal Theatre")
    await dashboard.has_counts(available=28, expired=30)

    await dashboard.tab("Expired").click()
    await dashboard.page.get_by_label("Select all").check()
    await expect(dashboard.page.get_by_text("25 people selected")).to_be_visible()
    renewing = answers(dashboard.page, "mutation AllocateLicenses")
    await dashboard.click("Take everybody whose license has expired")
    renewed = dashboard.dialog.get_by_role("group", name="Will renew (28)")
    await expect(renewed.get_by_role("listitem")).to_have_count(20 + 1)
    await expect(renewed.get_by_role("listitem").last).to_have_text("and 8 more")
    await expect(dashboard.dialog.get_by_role("group", name="Will not (2)")).to_be_visible()
    await dashboard.confirm("Allocate 28 licenses")
    await dashboard.told("28 licenses allocated.")
    told = [(await answer.json())["data"]["allocateLicenses"] for answer in renewing]
    assert [(each["allocated"], len(each["licenses"])) for each in told] == [(28, 25)] * 3

    await dashboard.has_counts(available=0, allocated=28, expired=30)
    await dashboard.go("Users")
    await dashboard.click("Add User")
    await dashboard.fill(email="late@teal.example")
    await dashboard.confirm()
    await dashboard.told("late@teal.example is added without a license: none is available.")
    await dashboard.go("Licenses")
    await dashboard.tab("Allocated").click()
    await dashboard.click("Next")
    await expect(dashboard.page.get_by_role("checkbox")).to_have_count(1 + 3)
    await dashboard.page.get_by_label("Select all").check()
    await dashboard.click("Release")
    await dashboard.confirm("Release 3 licenses")
    await expect(dashboard.page.get_by_role("checkbox")).to_have_count(1 + 25)

    await dashboard.tab("Expired").click()
    await dashboard.click("Next")
    await expect(dashboard.page.get_by_role("checkbox")).to_have_count(1 + 5)
    await dashboard.click("Exit Manage Mode")
    await expect(dashboard.heading).to_have_text("Teal Theatre")
    await dashboard.page.go_back()
    await expect(dashboard.page.get_by_text("No license has expired.")).to_be_visible()


async def test_who_was_removed_keeps_nobody_from_renewing(
    dashboard: Dashboard, canopy: Server, database: asyncpg.Connection
) -> None:
    """And who was removed a moment ago is named, where the list has them still."""
    async with httpx.AsyncClient(base_url=canopy.url, timeout=60) as http:
        paula = await Client(http).sign_in(PAULA, PASSWORD)
        press = {"kind": "CUSTOMER", "name": "Vine Press", "order": {"quantity": 3}}
        made = await paula.done(CREATE_COMPANY, input=press)
        company = {"companyId": made["company"]["id"]}
        people = [{"email": f"{name}@vine.example"} for name in ("ada", "bea", "cleo")]
        added = await paula.done(ADD_USERS, input=company | {"users": people})
        ada, bea, cleo = (user["id"] for user in added["users"])
        await _let_400_days_pass(database, "Vine Press")
        asked = await paula.done(REQUEST, input=company | {"quantity": 2})
        await paula.done(ASSIGN, input={"orderId": asked["order"]["id"]})
        await paula.done(ALLOCATE, input=company | {"userIds": [bea]})
        await paula.done(REMOVE_USERS, input={"userIds": [ada]})
        await dashboard.sign_in(PAULA)
        await dashboard.manage("Vine Press")
        await dashboard.tab("Expired").click()
        await dashboard.page.get_by_label("Select all").check()
        await dashboard.click("Allocate Licenses")
        left = dashboard.dialog.get_by_role("group", name="Will not (2)")
        await expect(left).to_contain_text("ada@vine.example was removed")
        await expect(left).to_contain_text("bea@vine.example has a license already")
        renewed = dashboard.dialog.get_by_role("group", name="Will renew (1)")
        await expect(renewed).to_contain_text("cleo@vine.example")
        await dashboard.dialog.get_by_role("button", name="Cancel").click()

        await paula.done(REMOVE_USERS, input={"userIds": [cleo]})
        await dashboard.click("Allocate Licenses")
        wrong = dashboard.dialog.get_by_role("alert")
        await expect(wrong).to_have_text("cleo@vine.example: There is no such user here.")
        await dashboard.dialog.get_by_role("button", name="Cancel").click()

        new = {"users": [{"email": "dee@vine.example"}], "allocate": False}
        await paula.done(ADD_USERS, input=company | new)
        await dashboard.go("Users")
        called = dashboard.row("dee@vine.example").get_by_role("cell").nth(1)
        await expect(called).to_have_text("dee@vine.example")
        await dashboard.act_on("dee@vine.example", "Allocate a license")
        first = dashboard.dialog.get_by_role("group", name="Will get a license (1)")
        await expect(first).to_contain_text("dee@vine.example, a first license, until")


async def _let_400_days_pass(database: asyncpg.Connection, company: str) -> None:
    """For what the company has now."""
    theirs = "SELECT id FROM companies WHERE name = $1"
    async with database.transaction():
        await database.execute(
            "UPDATE allocations SET allocated_at = allocated_at - interval '400 days'"
            f" WHERE license_id IN (SELECT id FROM licenses WHERE company_id = ({theirs}))",
            company,
        )
        await database.execute(
            "UPDATE licenses SET assigned_at = assigned_at - interval '400 days',"
            " allocated_at = allocated_at - interval '400 days',"
            f" expires_at = expires_at - interval '400 days' WHERE company_id = ({theirs})",
            company,
        )


async def test_the_tree_goes_by_keyboard_and_a_long_level_of_it_pages_on(
    dashboard: Dashboard, canopy: Server
) -> None:
    page, press = dashboard.page, dashboard.page.keyboard.press
    async with httpx.AsyncClient(base_url=canopy.url, timeout=60) as http:
        paula = await Client(http).sign_in(PAULA, PASSWORD)
        inputs = [{"kind": "CUSTOMER", "name": f"Shop {number:03}"} for number in range(CUSTOMERS)]
        await asyncio.gather(*(paula.done(CREATE_COMPANY, input=input) for input in inputs))
    await dashboard.sign_in(PAULA)

    companies = page.get_by_role("tree", name="Companies").get_by_role("treeitem")
    top, first = companies.first, companies.nth(1)
    await expect(top).to_have_attribute("aria-expanded", "true")
    await expect(companies.filter(has_text="Shop 000").last).to_have_accessible_name(SHOP)
    await top.focus()
    await press("ArrowLeft")
    await expect(top).to_have_attribute("aria-expanded", "false")
    await expect(companies).to_have_count(1)
    await press("ArrowRight")
    await expect(companies).to_have_count(1 + 50 + 1)
    await press("ArrowRight")
    await expect(first).to_be_focused()
    name = await first.get_by_role("link").inner_text()
    await press("ArrowRight")
    await expect(first).to_have_attribute("aria-expanded", "true")
    await press("Enter")
    await expect(dashboard.heading).to_have_text(name)
    await expect(dashboard.heading).to_be_focused()
    await page.go_back()
    await expect(first).to_have_attribute("aria-expanded", "true")
    await first.focus()
    await press("ArrowLeft")
    await expect(companies).to_have_count(1 + 50 + 1)

    await companies.nth(50).focus()
    await press("ArrowDown")
    await press("Enter")
    await expect(companies.nth(50)).to_be_focused()
    await dashboard.click("Show more")
    await expect(page.get_by_role("link", name="Shop 109")).to_be_visible()
    await expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    await expect(page.get_by_role("link", name="Shop", exact=False)).to_have_count(CUSTOMERS)
    await page.get_by_label("Search companies").fill("Shop 10")
    await expect(page.get_by_text("10 companies", exact=True)).to_be_visible()
    await dashboard.add_filter("Name", "contains", "9")
    await expect(page.get_by_text("1 company", exact=True)).to_be_visible()
    await dashboard.click("Remove filter: Name contains 9")
    await expect(page.get_by_text("10 companies", exact=True)).to_be_visible()
    await page.get_by_label("Search companies").fill("Shop")
    await dashboard.click("Next")
    await expect(page.get_by_role("link", name="Shop 025")).to_be_visible()
    await page.get_by_role("link", name="Shop 025").click()
    await expect(dashboard.heading).to_have_text("Shop 025")
    await page.go_back()
    await expect(page.get_by_role("link", name="Shop 025")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("link", name="Shop 000")).to_be_visible()


async def test_no_dialog_goes_along_to_another_company(dashboard: Dashboard) -> None:
    await dashboard.sign_in(HANA)
    await dashboard.find_company("Birch Logistics")
    await dashboard.page.get_by_role("main").get_by_role("link", name="Harbor IT").click()
    await expect(dashboard.heading).to_have_text("Harbor IT")
    await dashboard.act("Edit")
    await expect(dashboard.dialog).to_contain_text("Harbor IT")

    await dashboard.page.go_back()

    await expect(dashboard.heading).to_have_text("Birch Logistics")
    await expect(dashboard.dialog).to_have_count(0)


async def test_a_trial_is_created_by_the_form(
    dashboard: Dashboard, database: asyncpg.Connection, mailbox: Mailbox
) -> None:
    email = "tara@willow.example"
    await dashboard.sign_in(HANA)
    await dashboard.click("Create Company")
    await dashboard.fill(company_name="Willow Works", first_name="Tara", email=email)
    await dashboard.dialog.get_by_label("Type").select_option("Trial")
    await dashboard.dialog.get_by_label("Number").fill("12")
    await expect(dashboard.dialog.get_by_role("status")).to_have_text(f"Will be mailed: {email}.")
    await dashboard.confirm()

    await expect(dashboard.heading).to_have_text("Willow Works")
    counts = dashboard.page.get_by_role("group", name="Licenses")
    await expect(counts).to_have_text("Available12Allocated0Expiring12Expired0Requested0Total12")
    [made] = await database.fetch(TRIAL, "Willow Works")
    assert dict(made) == {
        "kind": "CUSTOMER",
        "plan": "TRIAL",
        "origin": "COMPANY_CREATION",
        "status": "ASSIGNED",
        "type": "TRIAL",
        "days": 30,
        "licenses": 12,
    }
    await mailbox.wait_for(1, to=email, subject="Welcome")
