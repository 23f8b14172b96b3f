"""The journeys of the guide, in its order and words; mail comes by SMTP, and links are followed."""

import re

import asyncpg
import httpx
from playwright.async_api import BrowserContext, expect

from app.sample import DORA, ELI, FREYA, GRETA, HANA, MIA, NILS, PASSWORD
from tests.browser.dashboard import Dashboard, follow_link, held, read
from tests.http.client import RELEASE, Client
from tests.http.server import Server
from tests.http.stage import Mailbox

SPELL = 30_000
"""Milliseconds after which it is read again what nothing tells of."""
HELD = """
query($email: String!) {
  users(filter: {email: {eq: $email}}, first: 1) { edges { node { license { id } } } }
}"""
NEW_PASSWORD = "seven bright lanterns"
RESET = """email => fetch("/graphql", {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({
        query: "mutation($input: RequestPasswordResetInput!) {" +
            " requestPasswordReset(input: $input) { errors { code } } }",
        variables: {input: {email}},
    }),
})"""


async def test_a_partner_orders_for_its_customer_and_assigns(
    dashboard: Dashboard, context: BrowserContext, mailbox: Mailbox
) -> None:
    page = dashboard.page
    await dashboard.sign_in(HANA)
    await dashboard.manage("Elm Foods")
    await dashboard.has_counts(available=0, allocated=0, expiring=0, expired=0)
    await dashboard.click("Request Licenses")
    quantity = dashboard.dialog.get_by_label("Number of licenses")
    for number in ("100001", "-99999999999"):
        await dashboard.fill(number_of_licenses=number, purchase_order="PO-7")
        await dashboard.dialog.get_by_role("button", name="Save").click()
        await expect(quantity).to_have_attribute("aria-invalid", "true")
        await expect(quantity).to_be_focused()
    await dashboard.fill(number_of_licenses="4")
    await dashboard.dialog.get_by_label("Type").select_option("Premium")
    previewed = dashboard.dialog.get_by_role("status")
    await expect(previewed).to_have_text("Nobody will be mailed.")
    await dashboard.fill(number_of_licenses="5")
    await expect(previewed).to_have_count(0)
    await dashboard.fill(number_of_licenses="4")
    await dashboard.confirm()
    number = await dashboard.number_told()
    await expect(dashboard.tab("My Orders")).to_have_attribute("aria-selected", "true")
    await page.get_by_role("button", name=f"Actions for {number}").click()
    assign = page.get_by_role("menuitem", name=re.compile("^Assign Orders are not assigned"))
    await expect(assign).to_have_attribute("aria-disabled", "true")
    await page.keyboard.press("Escape")
    await dashboard.click("Exit Manage Mode")
    await expect(dashboard.banner).to_be_hidden()

    await dashboard.go("Licenses", "Orders", "Requested Orders")
    await dashboard.add_filter("Company", "contains", "elm")
    await dashboard.add_filter("Purchase order", "is", "PO-7")
    await expect(page.get_by_role("table", name="Orders").get_by_role("row")).to_have_count(2)
    assert page.url.endswith("?filter=companyName.contains.elm&filter=purchaseOrder.in.PO-7")
    await dashboard.act_on(number, "Assign")
    await expect(dashboard.dialog).to_contain_text(f"Will be mailed: {ELI}.")
    await dashboard.confirm("Assign")
    await dashboard.told(f"Mailed: {ELI}.")
    await expect(page.get_by_text("Nothing fits.")).to_be_visible()
    await expect(dashboard.heading).to_be_focused()

    [mail] = await mailbox.wait_for(1, to=ELI, subject="ready to allocate")
    opened = await read(context, mail)
    await expect(opened.get_by_text("4 Premium licenses")).to_be_visible()


async def test_a_company_is_created_and_its_manager_follows_the_mail(
    dashboard: Dashboard, context: BrowserContext, mailbox: Mailbox
) -> None:
    email = "ruth@fern.example"
    await dashboard.sign_in(HANA)
    await dashboard.click("Create Company")
    await dashboard.fill(company_name="Fern Foundry", first_name="Ruth", last_name="Amsel")
    await dashboard.fill(email=MIA)
    await dashboard.dialog.get_by_label("Type").select_option("Premium")
    await dashboard.dialog.get_by_label("Number").fill("6")
    await expect(dashboard.dialog.get_by_label("Email")).to_have_attribute("aria-invalid", "true")
    await dashboard.fill(email=email)
    await expect(dashboard.dialog.get_by_role("status")).to_have_text(f"Will be mailed: {email}.")
    await dashboard.confirm()
    await expect(dashboard.heading).to_have_text("Fern Foundry")

    manager = await follow_link(context, mailbox, email, "Welcome", NEW_PASSWORD)
    await manager.has_counts(available=6, allocated=0)
    await manager.go("Users")
    await manager.click("Add User")
    await manager.fill(first_name="Olga", email="not an address")
    await manager.dialog.get_by_role("button", name="Save").click()
    await expect(manager.dialog.get_by_label("Email")).to_have_attribute("aria-invalid", "true")
    await manager.fill(email="olga@fern.example")
    await manager.confirm()
    await manager.told("olga@fern.example is added, with a license.")
    await manager.go("Licenses")
    await manager.has_counts(available=5, allocated=1)


async def test_a_customer_requests_is_told_and_renews_for_those_whose_license_expired(
    dashboard: Dashboard, partner: Dashboard
) -> None:
    await partner.sign_in(NILS)
    await partner.go("Licenses", "Orders", "Requested Orders")
    await dashboard.sign_in(FREYA)
    await dashboard.has_counts(available=0, expired=8)

    number = await dashboard.request_licenses(3, "FE-3")
    note = partner.page.get_by_role("alert").filter(has_text=f"New request {number}")
    await note.get_by_role("button", name="Close").click()
    await expect(note).to_have_count(0)
    await dashboard.act_on(number, "Change")
    await dashboard.fill(purchase_order="FE-4")
    await dashboard.confirm()
    await expect(partner.row(number)).to_contain_text("FE-4")
    await expect(note).to_have_count(0)
    await partner.act_on(number, "Assign some")
    some = partner.dialog.get_by_label("Number to assign now")
    await expect(partner.dialog.get_by_role("status")).to_have_text(f"Will be mailed: {FREYA}.")
    await some.fill("4")
    await expect(some).to_have_attribute("aria-invalid", "true")
    await expect(partner.dialog.get_by_role("status")).to_have_count(0)
    await some.fill("2")
    await expect(partner.dialog.get_by_role("status")).to_have_text(f"Will be mailed: {FREYA}.")
    await partner.confirm("Assign")
    await expect(partner.row(number)).to_contain_text("2 of 3")
    await dashboard.go("Licenses")
    await dashboard.has_counts(available=2)

    await dashboard.tab("Expired").click()
    await dashboard.page.get_by_label("Select all").check()
    await dashboard.click("Allocate Licenses")
    await expect(dashboard.dialog.get_by_role("group", name="Will renew (2)")).to_be_visible()
    await expect(dashboard.dialog.get_by_role("group", name="Will not (6)")).to_be_visible()
    await dashboard.confirm("Allocate 2 licenses")
    await dashboard.has_counts(available=0, allocated=2, expired=8)

    await partner.act_on(number, "Decline")
    await expect(partner.dialog.get_by_role("status")).to_have_text(f"Will be mailed: {FREYA}.")
    await partner.fill(reason="")
    await partner.dialog.get_by_role("button", name="Decline").click()
    await expect(partner.dialog.get_by_label("Reason")).to_have_attribute("aria-invalid", "true")
    await partner.fill(reason="Two are what your contract has.")
    await partner.confirm("Decline")
    await partner.told(f"Mailed: {FREYA}.")


async def test_a_trial_is_upgraded(
    dashboard: Dashboard, partner: Dashboard, mailbox: Mailbox
) -> None:
    await dashboard.sign_in(DORA)
    await dashboard.has_counts(available=4, allocated=6)
    await dashboard.click("Upgrade Trial")
    await dashboard.fill(purchase_order="DA-1")
    await expect(dashboard.dialog.get_by_role("status")).to_have_text(f"Will be mailed: {HANA}.")
    await dashboard.confirm()
    number = await dashboard.number_told()
    await mailbox.wait_for(1, to=HANA, subject=number)
    upgrade = dashboard.page.get_by_role("button", name="Upgrade Trial")
    await expect(upgrade).to_have_attribute("aria-disabled", "true")
    await upgrade.hover()
    await expect(dashboard.page.get_by_role("tooltip").last).to_contain_text(number)

    await partner.sign_in(HANA)
    await partner.go("Licenses", "Orders", "Requested Orders")
    await partner.act_on(number, "Assign")
    await expect(partner.dialog).to_contain_text("asks for 6 Premium licenses")
    await partner.confirm("Assign")

    await dashboard.has_counts(available=6, allocated=0, expired=10)
    await expect(upgrade).to_have_attribute("aria-disabled", "true")
    await dashboard.heading.hover()
    await upgrade.hover()
    await expect(dashboard.page.get_by_role("tooltip").last).to_contain_text("trial")


async def test_people_are_imported_and_every_faulty_row_is_told(dashboard: Dashboard) -> None:
    page = dashboard.page
    await dashboard.sign_in(GRETA)
    await dashboard.go("Users")
    await dashboard.click("Import CSV")

    file = page.get_by_label("File", exact=True)
    await dashboard.choose_file(b"email\nj\xf6rg@glade.example\n")
    await expect(file).to_have_attribute("aria-invalid", "true")
    async with held(page, "ImportUsers"):
        await dashboard.choose_file("email,first name\n\n")
        await expect(page.get_by_text("this file has nobody")).to_be_visible()
        await expect(page.get_by_role("button", name="Preview")).to_have_count(0)
    for blank in ("email\n\n\nh3@glade.example\n", "\n\nemail\nh4@glade.example\n"):
        await dashboard.choose_file(blank)
        await expect(page.get_by_text(f"Like {blank.split()[-1]}")).to_be_visible()
    await dashboard.choose_file('"Mail, work";Given;Given\nann@glade.example;Ann;\n')
    await page.get_by_label("Email").select_option("Mail, work")
    await expect(page.get_by_text("Like ann@glade.example")).to_be_visible()
    given = page.get_by_label("First name")
    await given.select_option("Given")
    await dashboard.click("Preview")
    await expect(given).to_have_attribute("aria-invalid", "true")
    await expect(given).to_be_focused()
    await page.set_viewport_size({"width": 390, "height": 844})
    mail = "Mail" * 20
    await dashboard.choose_file(
        f"{mail};Given\nann@glade.example;Ann\nnothing;Bob\n" + ";Cid\n" * 60
    )
    await page.get_by_label("Email").select_option(mail)
    await page.get_by_label("First name").select_option("Given")
    async with held(page, "ImportUsers"):
        await dashboard.click("Preview")
        await expect(page.get_by_role("timer")).to_be_visible()
        await expect(page.get_by_role("progressbar")).to_be_visible()
    faulty = page.get_by_role("table", name="Rows at fault").get_by_role("row")
    await expect(faulty).to_have_count(51)
    await expect(faulty.nth(1)).to_contain_text(f"3{mail}")
    await expect(faulty.nth(2)).to_contain_text(f"4{mail}")
    await expect(file).to_have_attribute("aria-invalid", "true")
    await dashboard.click("Page 2")
    await expect(faulty).to_have_count(12)
    await expect(faulty.last).to_contain_text(f"63{mail}")
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    await dashboard.choose_file("email,first name\nann@glade.example,Bob\n")
    await dashboard.click("Preview")
    await expect(page.get_by_text("1 person would be added")).to_be_visible()
    await dashboard.choose_file("email,first name\nann@glade.example,Ann\n")
    await expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    await dashboard.click("Preview")
    await expect(page.get_by_text("1 person would be added")).to_be_visible()
    async with held(page, "ImportUsers"):
        await dashboard.click("Import")
        await expect(page.get_by_role("timer")).to_contain_text("of about 1")
        share = page.get_by_role("progressbar")
        await expect(share).to_have_attribute("aria-valuetext", "95%")
    await expect(page.get_by_text("1 person added")).to_be_visible()
    await dashboard.choose_file("email,first name\nann@glade.example,Ann\n")
    await dashboard.click("Preview")
    await expect(page.get_by_text("0 would be updated, 1 left as it is.")).to_be_visible()


async def test_a_license_is_reallocated_released_and_freed_by_a_leaver(
    dashboard: Dashboard, database: asyncpg.Connection
) -> None:
    await dashboard.sign_in(MIA)
    await dashboard.go("Users")
    await dashboard.click("Add User")
    await dashboard.fill(first_name="Ann", last_name="Ash", email="ann@birch.example")
    await dashboard.confirm()
    await dashboard.go("Users")

    await dashboard.act_on("Ann Ash", "Edit")
    await dashboard.fill(first_name="Anna", email=MIA)
    await dashboard.dialog.get_by_role("button", name="Save").click()
    await expect(dashboard.dialog.get_by_label("Email")).to_have_attribute("aria-invalid", "true")
    await dashboard.fill(email="ann@birch.example")
    await dashboard.confirm()
    await dashboard.act_on("Anna Ash", "Reallocate")
    await dashboard.seek("To", MIA, f"Mia Torres, {MIA}")
    await expect(dashboard.dialog.get_by_role("status")).to_contain_text("Mia Torres will have it")
    await dashboard.confirm()
    await dashboard.told("The license is with Mia Torres now.")
    await dashboard.act_on("Mia Torres", "Release")
    await expect(dashboard.dialog.get_by_role("group")).to_contain_text("Mia Torres")
    await dashboard.confirm("Release 1 license")
    await dashboard.page.get_by_label("Select Anna Ash").check()
    await dashboard.page.get_by_label("Select Mia Torres").check()
    await dashboard.click("Remove")
    wrong = dashboard.dialog.get_by_role("alert")
    await expect(wrong).to_contain_text("Mia Torres: Nobody removes themselves")
    await expect(dashboard.dialog.get_by_role("group")).to_have_count(0)
    await dashboard.dialog.get_by_role("button", name="Cancel").click()
    await dashboard.page.get_by_label("Select Mia Torres").uncheck()
    await dashboard.click("Remove")
    await expect(dashboard.dialog.get_by_role("group")).to_contain_text("Anna Ash")
    await dashboard.confirm("Remove 1 person")
    await expect(dashboard.row("ann@birch.example")).to_have_count(0)

    stays = await database.fetch(
        "SELECT users.email, release_reason FROM allocations JOIN users ON users.id = user_id"
        " WHERE email IN ('ann@birch.example', $1) ORDER BY allocated_at",
        MIA,
    )
    assert [tuple(stay) for stay in stays] == [
        ("ann@birch.example", "REALLOCATED"),
        (MIA, "RELEASED"),
    ]


async def test_a_learner_sees_the_own_license_and_nothing_else(
    dashboard: Dashboard,
    context: BrowserContext,
    mailbox: Mailbox,
    canopy: Server,
    database: asyncpg.Connection,
) -> None:
    email = await database.fetchval(
        "SELECT min(email) FROM users WHERE role = 'LEARNER' AND email LIKE '%@glade.example'"
    )
    await dashboard.page.goto("/")
    await dashboard.page.evaluate(RESET, email)
    learner = await follow_link(context, mailbox, email, "password", NEW_PASSWORD)

    await expect(learner.heading).to_have_text("My license")
    await expect(learner.page.get_by_text(re.compile(r"^Until .*days left\.$"))).to_be_visible()
    await expect(learner.page.get_by_role("table").get_by_role("row")).to_have_count(2)
    links = learner.page.get_by_role("navigation", name="Pages").get_by_role("link")
    await expect(links).to_have_text(["My license"])
    for address in (
        "/licenses/available",
        "/users/import",
        "/overview",
        "/audit-trail",
        "/orders/mine",
    ):
        await learner.open(address)
        await expect(learner.heading).to_have_text("My license")
        assert learner.page.url.endswith("/my-license")

    await learner.page.clock.install()
    await learner.open("/my-license")
    async with httpx.AsyncClient(base_url=canopy.url) as http:
        greta = await Client(http).sign_in(GRETA, PASSWORD)
        held = await greta.ask(HELD, email=email)
        license = held["edges"][0]["node"]["license"]
        await greta.done(RELEASE, input={"licenseIds": [license["id"]]})
    await learner.page.clock.fast_forward(SPELL)
    await expect(learner.page.get_by_text("None", exact=True)).to_be_visible()
