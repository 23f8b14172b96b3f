"""The dashboard: the journeys of the guide, in its words and order, and a person's habits."""

import gzip
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Locator, Page, Route, expect

from app.sample import CARL, DORA, ELI, FREYA, HANA, MIA, NILS, PASSWORD

ROOT = Path(__file__).parents[2]
AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
NEW_PASSWORD = "seven bright lanterns"
SIGN_OUT = """token => fetch("/graphql", {
    method: "POST",
    headers: {"Content-Type": "application/json", authorization: `Bearer ${token}`},
    body: JSON.stringify({query: "mutation { signOut { errors { code } } }"}),
})"""
FIRST_PAGE = 250_000
"""Bytes of JavaScript, gzipped."""


class Dashboard:
    """What a person does with the pages."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.banner = page.get_by_role("region", name="Manage mode")
        self.dialog = page.get_by_role("dialog")

    async def sign_in(self, email: str) -> None:
        await self.page.goto("/")
        await self.page.get_by_role("button", name=email).click()
        await expect(self.page.get_by_role("heading", level=1)).not_to_have_text("Canopy")

    async def go(self, *labels: str) -> None:
        """Through the menu, and through tabs."""
        menu, *tabs = labels
        pages = self.page.get_by_role("navigation", name="Pages")
        await pages.get_by_role("link", name=menu, exact=True).click()
        for tab in tabs:
            await self.page.get_by_role("tab", name=re.compile(f"^{tab}")).click()

    async def click(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def open_company(self, name: str) -> None:
        await self.go("Company")
        await self.page.get_by_text("Customers", exact=True).click()
        await self.page.get_by_label("Search companies").fill(name)
        await self.page.get_by_role("link", name=name, exact=True).click()
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(name)

    async def choose(self, action: str) -> None:
        await self.page.get_by_role("menuitem", name=action, exact=True).click()

    async def manage(self, company: str) -> None:
        await self.open_company(company)
        await self.click("Actions")
        await self.choose("Manage Company")
        await expect(self.banner).to_contain_text(f"You are managing {company}")

    async def request_licenses(self, quantity: int, purchase_order: str) -> str:
        """The number of the order."""
        await self.click("Request Licenses")
        await self.dialog.get_by_label("Number of licenses").fill(str(quantity))
        await self.dialog.get_by_label("Purchase order").fill(purchase_order)
        await self.dialog.get_by_role("button", name="Save").click()
        told = self.page.get_by_text(re.compile("is requested$"))
        await expect(told).to_be_visible()
        return (await told.inner_text()).split()[0]

    async def add_filter(self, field: str, operator: str, value: str) -> None:
        await self.click("Add Filter")
        form = self.page.get_by_role("dialog", name="Add Filter")
        await form.get_by_label("Field").select_option(field)
        await form.get_by_label("Operator").select_option(operator)
        await form.get_by_label("Value").fill(value)
        await form.get_by_role("button", name="Add").click()

    def row(self, text: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=text)

    async def act_on(self, number: str, action: str) -> None:
        await self.page.get_by_role("button", name=f"Actions for {number}").click()
        await self.choose(action)


@pytest_asyncio.fixture
async def dashboard(page: Page) -> Dashboard:
    return Dashboard(page)


async def another(context: BrowserContext) -> Dashboard:
    """That of somebody else: a tab signs in for itself."""
    return Dashboard(await context.new_page())


async def mail_to(context: BrowserContext, email: str, subject: str) -> Page:
    """The newest mail in the box; the list loads itself anew until it has come."""
    box = await context.new_page()
    await box.goto("/mail")
    await box.get_by_role("row", name=email).get_by_role("link", name=subject).first.click()
    return box


async def test_a_partner_orders_for_its_customer_and_assigns(
    dashboard: Dashboard, context: BrowserContext
) -> None:
    page = dashboard.page
    await dashboard.sign_in(HANA)
    await dashboard.manage("Elm Foods")
    await dashboard.click("Request Licenses")
    await dashboard.dialog.get_by_label("Number of licenses").fill("100001")
    await dashboard.dialog.get_by_label("Purchase order").fill("PO-7")
    await dashboard.dialog.get_by_role("button", name="Save").click()
    await expect(dashboard.dialog.get_by_label("Number of licenses")).to_have_attribute(
        "aria-invalid", "true"
    )
    await dashboard.dialog.get_by_role("button", name="Cancel").click()
    number = await dashboard.request_licenses(4, "PO-7")
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
    assert page.url.endswith("?filter=companyName.contains.elm&filter=purchaseOrder.eq.PO-7")
    await dashboard.act_on(number, "Assign")
    await expect(dashboard.dialog).to_contain_text(f"Will be mailed: {ELI}.")
    await dashboard.dialog.get_by_role("button", name="Assign").click()
    await expect(page.get_by_text(f"Mailed: {ELI}.")).to_be_visible()
    await expect(page.get_by_text("No order waits.")).to_be_visible()

    box = await mail_to(context, ELI, "ready to allocate")
    await expect(box.frame_locator("iframe").get_by_text("4 Premium licenses")).to_be_visible()


async def test_a_company_is_created_and_its_manager_follows_the_mail(
    dashboard: Dashboard, context: BrowserContext
) -> None:
    email = "ruth@fern.example"
    await dashboard.sign_in(HANA)
    await dashboard.click("Create Company")
    form = dashboard.dialog
    await form.get_by_label("Company name").fill("Fern Foundry")
    await form.get_by_label("First name").fill("Ruth")
    await form.get_by_label("Last name").fill("Amsel")
    await form.get_by_label("Email").fill(MIA)
    await form.get_by_label("Type").select_option("Premium")
    await form.get_by_label("Number").fill("6")
    await form.get_by_role("button", name="Save").click()
    await expect(form.get_by_label("Email")).to_have_attribute("aria-invalid", "true")
    await form.get_by_label("Email").fill(email)
    await form.get_by_role("button", name="Save").click()
    await expect(dashboard.page.get_by_role("heading", level=1)).to_have_text("Fern Foundry")

    box = await mail_to(context, email, "Welcome")
    async with context.expect_page() as opened:
        await box.frame_locator("iframe").get_by_role("link").first.click()
    password = await opened.value
    await password.get_by_label("New password").fill(NEW_PASSWORD)
    await password.get_by_label("The same password again").fill(NEW_PASSWORD)
    await password.get_by_role("button", name="Set password").click()
    await expect(password.get_by_role("heading")).to_have_text("Your password is set")
    await password.goto("/")
    await password.get_by_label("Email").fill(email)
    await password.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    await password.get_by_role("button", name="Sign in", exact=True).click()

    await expect(password.get_by_role("tab", name="Available")).to_have_text("Available6")


async def test_a_customer_requests_and_hears_of_it(
    dashboard: Dashboard, context: BrowserContext
) -> None:
    partner = await another(context)
    await partner.sign_in(NILS)
    await partner.go("Licenses", "Orders", "Requested Orders")
    await dashboard.sign_in(FREYA)
    available = dashboard.page.get_by_role("tab", name="Available")
    await expect(available).to_have_text("Available0")

    number = await dashboard.request_licenses(3, "FE-3")
    await expect(partner.page.get_by_text(f"New request {number}")).to_be_visible()
    await partner.act_on(number, "Assign some")
    await partner.dialog.get_by_label("Number to assign now").fill("2")
    await partner.dialog.get_by_role("button", name="Assign").click()
    await expect(partner.row(number)).to_contain_text("2 of 3")
    await dashboard.go("Licenses")
    await expect(available).to_have_text("Available2")

    await dashboard.page.get_by_role("tab", name="Expired").click()
    await dashboard.page.get_by_label("Select all").check()
    await dashboard.click("Allocate Licenses")
    await expect(dashboard.dialog.get_by_role("group", name="Will renew (2)")).to_be_visible()
    await expect(dashboard.dialog.get_by_role("group", name="Will not (6)")).to_be_visible()
    await dashboard.dialog.get_by_role("button", name="Allocate 2 licenses").click()
    await expect(dashboard.page.get_by_role("tab", name="Allocated")).to_have_text("Allocated2")
    await expect(available).to_have_text("Available0")


async def test_people_are_imported_and_every_faulty_row_is_told(dashboard: Dashboard) -> None:
    page = dashboard.page
    await dashboard.sign_in(DORA)
    await dashboard.go("Users")
    await dashboard.click("Import CSV")

    await _choose_file(page, "Mail;Given\nann@dune.example;Ann\nnothing;Bob\n;Cid\n")
    await page.get_by_label("Email").select_option("Mail")
    await page.get_by_label("First name").select_option("Given")
    await dashboard.click("Preview")
    faulty = page.get_by_role("table", name="Rows at fault").get_by_role("row")
    await expect(faulty).to_have_count(3)
    await expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    await _choose_file(page, "email,first name\nann@dune.example,Ann\n")
    await dashboard.click("Preview")
    await expect(page.get_by_text("1 person would be added")).to_be_visible()
    await dashboard.click("Import")
    await expect(page.get_by_text("1 person added")).to_be_visible()

    await dashboard.go("Users")
    await page.get_by_role("button", name="Actions for Ann").click()
    await dashboard.choose("Reallocate")
    await dashboard.dialog.get_by_label("Search").fill("Dora")
    await expect(dashboard.dialog.get_by_label("To")).to_contain_text(DORA)
    await dashboard.dialog.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("The license is with Dora Salem now.")).to_be_visible()
    await page.get_by_label("Select Ann").check()
    await dashboard.click("Remove")
    await dashboard.dialog.get_by_role("button", name="Remove 1 person").click()
    await expect(dashboard.row("ann@dune.example")).to_have_count(0)


async def _choose_file(page: Page, text: str) -> None:
    file: Any = {"name": "people.csv", "mimeType": "text/csv", "buffer": text.encode()}
    await page.locator("input[type=file]").set_input_files(file)


async def test_a_lost_answer_is_asked_for_again_and_orders_once(
    dashboard: Dashboard, context: BrowserContext, expected_errors: list[str]
) -> None:
    """The connection breaks when the order is written; the browser goes back and forward."""
    lost: list[str] = []

    async def lose_first(route: Route) -> None:
        if "RequestLicenses" in (route.request.post_data or "") and not lost:
            answer = await route.fetch()
            lost.append(await answer.text())
            expected_errors.append("Failed to load resource: net::ERR_FAILED")
            await route.abort("failed")
        else:
            await route.fallback()

    await dashboard.sign_in(MIA)
    await context.route("**/graphql", lose_first)
    number = await dashboard.request_licenses(2, "LOST-1")
    await dashboard.page.go_back()
    await dashboard.page.go_forward()

    assert number in lost[0]
    await dashboard.add_filter("Purchase order", "is", "LOST-1")
    await expect(dashboard.page.get_by_text("1 order", exact=True)).to_be_visible()


async def test_nothing_typed_is_lost_when_the_session_runs_out(dashboard: Dashboard) -> None:
    await dashboard.sign_in(MIA)
    await dashboard.click("Request Licenses")
    form = dashboard.page.get_by_role("dialog", name="Request Licenses")
    await form.get_by_label("Number of licenses").fill("2")
    await form.get_by_label("Purchase order").fill("KEPT-1")
    token = await dashboard.page.evaluate(
        "JSON.parse(sessionStorage.getItem('canopy:dashboard'))[0].token"
    )
    await dashboard.page.evaluate(SIGN_OUT, token)

    again = dashboard.page.get_by_role("dialog", name="Your session has ended")
    if not await again.is_visible():
        await form.get_by_role("button", name="Save").click()
    await again.get_by_label("Password", exact=True).fill(PASSWORD)
    await again.get_by_role("button", name="Sign in").click()
    await expect(again).to_be_hidden()
    await expect(form.get_by_label("Purchase order")).to_have_value("KEPT-1")
    await form.get_by_role("button", name="Save").click()

    await expect(dashboard.page.get_by_text(re.compile("is requested$"))).to_be_visible()


async def test_what_is_not_allowed_says_why(dashboard: Dashboard) -> None:
    await dashboard.sign_in(CARL)
    await dashboard.go("Users")

    add = dashboard.page.get_by_role("button", name="Add User")
    await expect(add).to_have_attribute("aria-disabled", "true")
    await dashboard.page.get_by_role("button", name="Import CSV").focus()
    await dashboard.page.keyboard.press("Tab")
    await expect(add).to_be_focused()
    await expect(dashboard.page.get_by_role("tooltip").last).to_contain_text("MANAGED")


PAGES = {
    "companies": "/companies",
    "customers": "/companies?kind=customers",
    "licenses": "/licenses/available",
    "requested-orders": "/orders/requested",
    "users": "/users",
    "import": "/users/import",
    "overview": "/overview",
    "sent-mail": "/sent-mail",
    "audit-trail": "/audit-trail",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(dashboard: Dashboard, scheme: Any) -> None:
    page = dashboard.page
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.goto("/")
    await page.get_by_role("button", name=HANA).wait_for()
    found = {"sign-in": await _faults(page)}
    await dashboard.sign_in(HANA)
    for name, address in PAGES.items():
        await page.goto(address)
        await page.get_by_role("heading", level=1).wait_for()
        await page.wait_for_load_state("networkidle")
        found[name] = await _faults(page)
    await dashboard.manage("Birch Logistics")
    await dashboard.click("Request Licenses")
    await expect(dashboard.dialog).to_have_css("opacity", "1")  # it fades in
    found["request"] = await _faults(page)

    assert {name: faults for name, faults in found.items() if faults} == {}


async def _faults(page: Page) -> list[str]:
    await page.evaluate(AXE.read_text())
    result = await page.evaluate("axe.run()")
    return [
        f"{fault['id']}: {node['html'][:200]}"
        for fault in result["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


async def test_the_first_page_is_light_and_its_files_are_kept(page: Page, demo: str) -> None:
    scripts: list[str] = []
    page.on(
        "request",
        lambda asked: scripts.append(asked.url) if asked.resource_type == "script" else None,
    )
    await page.goto("/")
    await page.get_by_role("button", name=HANA).click()
    await page.get_by_role("heading", name="Company").wait_for()
    await page.wait_for_load_state("networkidle")

    async with httpx.AsyncClient() as client:
        files = [await client.get(url) for url in scripts]
        index = await client.get(f"{demo}/orders/requested")
        unknown = await client.get(f"{demo}/assets/../index.html")
    assert sum(len(gzip.compress(file.content)) for file in files) < FIRST_PAGE
    assert {file.headers["cache-control"] for file in files} == {
        "public, max-age=31536000, immutable"
    }
    assert index.headers["cache-control"] == "no-store"
    assert unknown.status_code == 404


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
async def test_every_page_fits(dashboard: Dashboard, width: int, height: int) -> None:
    """Nothing but a table is wider than the window, and that one scrolls by itself."""
    page = dashboard.page
    await page.set_viewport_size({"width": width, "height": height})
    await dashboard.page.goto("/")
    await page.get_by_role("button", name=HANA).click()
    await page.get_by_role("heading", name="Company").wait_for()

    for name, address in PAGES.items():
        await page.goto(address)
        await page.get_by_role("heading", level=1).wait_for()
        await page.wait_for_load_state("networkidle")
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert (name, wide) == (name, width)
