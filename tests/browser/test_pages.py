"""Each page as people have it before them: at both widths, light and dark."""

import asyncio
import csv
import gzip
import io
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from app.sample import CARL, FREYA, HANA, MIA, NILS, PASSWORD
from tests.browser.axe import COLORS, faults
from tests.browser.conftest import OpenWindow
from tests.browser.dashboard import Dashboard, held
from tests.http.client import ADD_MANAGER, ASSIGN, CREATE_COMPANY, REQUEST, Client

FIRST_PAGE: Final = 250_000
"""Bytes of JavaScript, gzipped."""
SECOND: Final = 1_000.0
HIDDEN: Final = """() => [...document.querySelectorAll(ROWS)].flatMap(row => {
    const texts = document.createTreeWalker(row, NodeFilter.SHOW_TEXT), out = [];
    const shown = element => element.getBoundingClientRect().width > 1;
    const cells = [...row.children].filter(shown).map(cell => cell.getBoundingClientRect());
    while (texts.nextNode()) {
        const range = document.createRange();
        range.selectNodeContents(texts.currentNode);
        const {left, right} = range.getBoundingClientRect();
        if (!shown(texts.currentNode.parentElement)) continue;
        if (left < 0 || right > innerWidth) out.push(`cut: ${texts.currentNode.data}`);
    }
    const overlap = (one, other) => one.left < other.right - 1 && other.left < one.right - 1
        && one.top < other.bottom - 1 && other.top < one.bottom - 1;
    const covered = cells.some((one, place) => cells.slice(place + 1).some(
        other => overlap(one, other)));
    return covered ? [...out, `covered: ${row.textContent}`] : out;
})""".replace("ROWS", "'tbody tr, [role=treeitem] > div'")
"""What of a list is not to be seen."""
PAINTED: Final = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
PAGES: Final = {
    "companies": "/companies",
    "customers": "/companies?kind=customers",
    "licenses-available": "/licenses/available",
    "orders-requested": "/orders/requested",
    "orders-assigned": "/orders/assigned",
    "orders-closed": "/orders/closed",
    "users": "/users",
    "overview": "/overview",
    "sent-mail": "/sent-mail",
    "audit-trail": "/audit-trail",
}
ALIKE: Final = {
    "licenses-allocated": "/licenses/allocated",
    "licenses-expiring": "/licenses/expiring",
    "orders-mine": "/orders/mine",
}
"""Made of the same parts: looked at for their pictures."""
PEOPLE: Final = """\
Email,First name,Last name,Department
ann@birch.example,Ann,Ash,Sales
bob@birch,Bob,Beck,Sales
cid@birch.example,Cid,Cole,Finance
,Dan,Dorn,Finance
"""
Look = Callable[[str], Awaitable[None]]


@pytest_asyncio.fixture
async def learner(database: asyncpg.Connection) -> str:
    """The address of one who signs in with the password of all the others."""
    email: str = await database.fetchval(
        "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE email = $1)"
        " WHERE id = (SELECT id FROM users WHERE email LIKE '%@birch.example' AND role = 'LEARNER'"
        " AND removed_at IS NULL ORDER BY email LIMIT 1) RETURNING email",
        MIA,
    )
    return email


@pytest.mark.parametrize(
    ("name", "width", "height", "scheme", "rules"),
    [("desktop", 1280, 800, "light", {}), ("phone", 390, 844, "dark", {"runOnly": COLORS})],
)
async def test_every_page_fits_and_is_for_everybody(
    dashboard: Dashboard,
    address: str,
    learner: str,
    request: pytest.FixtureRequest,
    screenshots: Path,
    name: str,
    width: int,
    height: int,
    scheme: Any,
    rules: dict[str, Any],
) -> None:
    """Nothing is wider than the window, cut off or covered, and axe finds nothing at all.

    Once for all its rules: roles and names are the same in the dark.
    """
    page, found = dashboard.page, {}
    await page.set_viewport_size({"width": width, "height": height})
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")

    async def look(what: str) -> None:
        await page.screenshot(path=screenshots / f"{what}-{name}.png", animations="disabled")
        wide = await page.evaluate("document.documentElement.scrollWidth")
        found[what] = await faults(page, rules) + ([] if wide == width else [f"{wide} wide"])
        found[what] += await page.evaluate(HIDDEN)

    await page.goto("/")
    await dashboard.heading.wait_for()
    await look("sign-in")
    await page.goto("/set-password#token=from-a-mail")
    await page.get_by_label("New password").wait_for()
    await look("set-password")
    await page.goto("/")
    await dashboard.sign_in(HANA)
    for what, place in PAGES.items():
        await dashboard.open(place)
        await look(what)
    await _look_at_a_partners_dialogs(dashboard, look)
    await dashboard.sign_out()
    if request.config.getoption("screenshots"):
        await _look_at_what_is_alike(dashboard, look)
        await _renew_some(address)
    await dashboard.sign_in(FREYA)
    await _look_at_a_customers_pages(dashboard, look)
    await dashboard.sign_out()
    await dashboard.sign_in(learner)
    await look("my-license")

    assert {what: faults for what, faults in found.items() if faults} == {}


async def _look_at_what_is_alike(dashboard: Dashboard, look: Look) -> None:
    await dashboard.sign_in(MIA)
    for what, place in ALIKE.items():
        await dashboard.open(place)
        await look(what)
    await dashboard.sign_out()


async def _renew_some(address: str) -> None:
    """Licenses for some of those whose license expired: a picture shows who renews and who not."""
    async with httpx.AsyncClient(base_url=address) as http:
        freya = await Client(http).sign_in(FREYA, PASSWORD)
        nils = await Client(http).sign_in(NILS, PASSWORD)
        order = (await freya.done(REQUEST, input={"quantity": 3}))["order"]
        await nils.done(ASSIGN, input={"orderId": order["id"]})


async def _look_at_a_partners_dialogs(dashboard: Dashboard, look: Look) -> None:
    """And what lies behind them."""
    page, dialog = dashboard.page, dashboard.dialog
    await dashboard.open("/orders/requested")
    await page.get_by_role("button", name=re.compile("^Actions for")).first.click()
    await page.get_by_role("menuitem").first.wait_for()
    await look("order-actions")
    await dashboard.choose("Assign")
    await expect(dialog).to_contain_text("Will be mailed")
    await look("assign")
    await dashboard.open("/companies")
    await dashboard.click("Create Company")
    await dashboard.fill(company_name="Kelp Marine", country="NO", email="noor@kelp.example")
    await dialog.get_by_label("Type").select_option("Premium")
    await dialog.get_by_label("Number").fill("25")
    await expect(dialog.get_by_role("status")).to_be_visible()
    await dialog.get_by_label("Company name").scroll_into_view_if_needed()
    await look("create-company")
    await dashboard.open("/companies?kind=customers&search=Birch")
    await page.get_by_role("link", name="Birch Logistics").click()
    await expect(dashboard.heading).to_have_text("Birch Logistics")
    await look("company")
    await dashboard.click("Actions")
    await page.get_by_role("menuitem").first.wait_for()
    await look("company-actions")
    await dashboard.choose("Edit")
    await dialog.wait_for()
    await look("edit-company")
    await dialog.get_by_role("button", name="Cancel").click()
    await dashboard.act("Manage Company")
    await expect(dashboard.heading).to_have_text("Licenses")
    await dashboard.is_loaded()
    await look("managed")
    await dashboard.click("Request Licenses")
    await dashboard.fill(number_of_licenses="25", purchase_order="4500488")
    await dialog.get_by_role("status").wait_for()
    await look("request")
    await dialog.get_by_label("Number of licenses").fill("0")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_label("Number of licenses")).to_have_attribute(
        "aria-invalid", "true"
    )
    await look("request-refused")
    await dialog.get_by_role("button", name="Cancel").click()
    await dashboard.open("/users/import")
    await dashboard.choose_file(PEOPLE)
    await dashboard.click("Preview")
    await page.get_by_role("table", name="Rows at fault").scroll_into_view_if_needed()
    await look("users-import")


async def _look_at_a_customers_pages(dashboard: Dashboard, look: Look) -> None:
    await dashboard.open("/licenses/expired")
    await dashboard.page.get_by_label("Select all").check()
    await look("licenses-expired")
    await dashboard.click("Allocate Licenses")
    await expect(dashboard.dialog.get_by_role("group")).to_have_count(2)
    await look("allocate")
    await dashboard.dialog.get_by_role("button", name="Cancel").click()


async def test_what_the_pointer_is_on_is_to_be_read(dashboard: Dashboard) -> None:
    page, found = dashboard.page, []
    await dashboard.sign_in(HANA)
    for place in ("/orders/requested", "/orders/assigned", "/orders/closed", "/sent-mail"):
        await dashboard.open(place)
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await page.locator("tbody tr").first.hover()
            found += await faults(page, {"runOnly": COLORS}, within="tbody")

    assert found == []


async def test_a_name_that_is_one_long_word_fits(dashboard: Dashboard, address: str) -> None:
    page, name = dashboard.page, "W" * 200
    async with httpx.AsyncClient(base_url=address) as http:
        hana = await Client(http).sign_in(HANA, PASSWORD)
        await hana.done(CREATE_COMPANY, input={"kind": "CUSTOMER", "name": name})
    await dashboard.sign_in(HANA)
    for width, height in ((1280, 800), (390, 844)):
        await page.set_viewport_size({"width": width, "height": height})
        await dashboard.open(f"/companies?search={name}")
        assert await page.evaluate(HIDDEN) == []
        await page.get_by_role("link", name=name).click()
        await expect(dashboard.heading).to_have_text(name)
        await dashboard.act("Edit")
        await expect(dashboard.dialog).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert await dashboard.dialog.evaluate("dialog => dialog.scrollWidth") <= width
        assert await dashboard.dialog.locator("header").evaluate("head => head.offsetHeight") < 100
        await dashboard.dialog.get_by_role("button", name="Close").click(trial=True)
        await dashboard.dialog.get_by_label("Company name").click(trial=True)
    await dashboard.dialog.get_by_role("button", name="Close").click()
    await expect(dashboard.dialog).to_have_count(0)
    await dashboard.act("Manage Company")
    await expect(dashboard.banner).to_contain_text(f"You are managing {name} as Hana Okada.")
    await expect(dashboard.banner.get_by_title(name)).to_be_visible()
    assert await dashboard.banner.evaluate("banner => banner.offsetHeight") < 150
    await expect(dashboard.heading).to_have_text("Licenses")
    await page.get_by_role("button", name="Menu", exact=True).click()
    await dashboard.banner.get_by_title(name).click(trial=True)
    await dashboard.go("Users")
    await dashboard.click("Add User")
    await expect(dashboard.dialog).to_contain_text(f"For {name}")
    await dashboard.dialog.get_by_role("button", name="Cancel").click()
    await expect(dashboard.dialog).to_have_count(0)
    await page.get_by_role("button", name="Menu", exact=True).click()
    await dashboard.click("Exit Manage Mode")
    await expect(dashboard.banner).to_have_count(0)
    await expect(dashboard.heading).to_have_text(name)


async def test_a_form_stays_in_sight_however_many_are_mailed(
    dashboard: Dashboard, address: str
) -> None:
    page, dialog, many = dashboard.page, dashboard.dialog, range(12)
    async with httpx.AsyncClient(base_url=address) as http:
        hana = await Client(http).sign_in(HANA, PASSWORD)
        told = await hana.done(CREATE_COMPANY, input={"kind": "CUSTOMER", "name": "Hazel Hall"})
        company = {"companyId": told["company"]["id"]}
        for place in many:
            person = {"email": f"one-of-the-managers-{place}@hazel-hall.example"}
            await hana.done(ADD_MANAGER, input=company | {"person": person})
        order = (await hana.done(REQUEST, input=company | {"quantity": 3}))["order"]
    await dashboard.sign_in(HANA)
    await page.set_viewport_size({"width": 390, "height": 500})
    await dashboard.open("/orders/requested")
    await dashboard.act_on(order["number"], "Assign some")

    await expect(dialog.get_by_role("status")).to_contain_text(f"managers-{many[-1]}@")
    await dialog.get_by_label("Number to assign now").click(trial=True)
    assert await faults(page, {}, within="[role=dialog]") == []


def _scripts_of(page: Page) -> list[str]:
    """Their addresses, as it asks for them."""
    scripts: list[str] = []
    page.on(
        "request",
        lambda asked: scripts.append(asked.url) if asked.resource_type == "script" else None,
    )
    return scripts


@pytest.mark.parametrize("email", [HANA, MIA], ids=["partner", "customer"])
async def test_the_first_page_is_light_and_its_files_are_kept(
    page: Page, address: str, record_property: Callable[[str, object], None], email: str
) -> None:
    scripts = _scripts_of(page)
    dashboard = Dashboard(page)
    await dashboard.sign_in(email)
    await dashboard.is_loaded()

    async with httpx.AsyncClient(base_url=address) as http:
        files = [await http.get(url) for url in scripts]
        index = await http.get("/orders/requested")
        licenses = await http.get("/assets/licenses.md")
        elsewhere = await http.get("/assets/../index.html")
    weight = sum(len(gzip.compress(file.content)) for file in files)
    record_property("first page", f"{weight / 1000:.0f} kB of JavaScript")
    assert weight < FIRST_PAGE
    assert {file.headers["cache-control"] for file in files} == {
        "public, max-age=31536000, immutable"
    }
    assert index.headers["cache-control"] == "no-store"
    assert (licenses.status_code, licenses.headers["cache-control"]) == (200, "no-cache")
    assert elsewhere.status_code == 404


async def test_every_address_sent_to_a_colleague_is_as_light(
    dashboard: Dashboard, address: str, record_property: Callable[[str, object], None]
) -> None:
    """As the first page that it is for them; all but the one with a chart."""
    scripts = _scripts_of(dashboard.page)
    await dashboard.sign_in(HANA)
    await dashboard.find_company("Birch Logistics")
    places = [place for name, place in PAGES.items() if name != "overview"]
    places += ["/orders/requested?filter=number.startsWith.ORD", "/users/import"]
    places += ["/licenses/expired?filter=userName.contains.a", dashboard.page.url]
    weights: dict[str, int] = {}
    async with httpx.AsyncClient(base_url=address) as http:
        for place in places:
            scripts.clear()
            await dashboard.open(place)
            files = [await http.get(url) for url in scripts]
            weights[place] = sum(len(gzip.compress(file.content)) for file in files)

    record_property("heaviest page", f"{max(weights.values()) / 1000:.0f} kB of JavaScript")
    assert {place: weight for place, weight in weights.items() if weight >= FIRST_PAGE} == {}


async def test_the_first_page_is_painted_within_a_second(
    open_window: OpenWindow, record_property: Callable[[str, object], None]
) -> None:
    """By a browser that has nothing of it yet. Counted is what the page's own thread does until
    then, which is the same however busy the machine is."""
    page = await (await open_window()).new_page()
    developer = await page.context.new_cdp_session(page)
    await developer.send("Performance.enable", {"timeDomain": "threadTicks"})
    await page.goto("/")
    await page.get_by_label("Email").wait_for()
    await page.wait_for_function(PAINTED)
    told = await developer.send("Performance.getMetrics")
    worked = {metric["name"]: 1000 * metric["value"] for metric in told["metrics"]}["TaskDuration"]

    record_property("work until the first paint", f"{worked:.0f} ms")
    record_property("first paint", f"{await page.evaluate(PAINTED):.0f} ms")
    assert 0 < worked < SECOND


async def test_what_is_not_allowed_says_why(dashboard: Dashboard) -> None:
    """Nor is anything, before it is known."""
    await dashboard.sign_in(MIA)
    add = dashboard.page.get_by_role("button", name="Add User")
    async with held(dashboard.page, "UsersMay"):
        await dashboard.go("Users")
        await expect(add).to_have_attribute("aria-disabled", "true")
    await expect(add).not_to_have_attribute("aria-disabled", "true")
    await dashboard.sign_out()
    await dashboard.sign_in(CARL)
    await dashboard.go("Users")

    await expect(add).to_have_attribute("aria-disabled", "true")
    await dashboard.page.get_by_role("button", name="Import CSV").focus()
    await dashboard.page.keyboard.press("Tab")
    await expect(add).to_be_focused()
    await expect(dashboard.page.get_by_role("tooltip").last).to_contain_text("MANAGED")
    await dashboard.open("/users/import")
    await dashboard.choose_file("email\nann@cedar.example\n")
    preview = dashboard.page.get_by_role("button", name="Preview")
    await preview.focus()
    await expect(preview).to_have_attribute("aria-disabled", "true")
    await expect(dashboard.page.get_by_role("tooltip").last).to_contain_text("MANAGED")


async def test_lists_are_exported_as_they_are_filtered(dashboard: Dashboard) -> None:
    await dashboard.sign_in(FREYA)
    for address, name, column, value in (
        ("/users?filter=role.in.MANAGER", "users", "role", "MANAGER"),
        ("/licenses/expired", "licenses", "status", "EXPIRED"),
        ("/orders/mine?filter=number.startsWith.ORD", "orders", "companyName", "Fjord Energy"),
    ):
        await dashboard.open(address)
        async with dashboard.page.expect_download() as awaited:
            await dashboard.click("Export CSV")
        download = await awaited.value

        file = await asyncio.to_thread(Path(await download.path()).read_text)
        rows = list(csv.DictReader(io.StringIO(file, newline="")))
        assert download.suggested_filename == f"{name}.csv"
        assert {row[column] for row in rows} == {value}
