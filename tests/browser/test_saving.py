"""Nothing is done twice and nothing is lost, whatever happens to mouse, page or connection."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect

from app.sample import ELI, HANA, MIA, PASSWORD
from tests.browser.dashboard import Dashboard, refused
from tests.faults.wire import Wire
from tests.http.client import CREATE_COMPANY, Client
from tests.http.server import Server
from tests.http.stage import PATIENCE, Mailbox

CUT = "Failed to load resource: net::ERR_EMPTY_RESPONSE"
BUSY = "Failed to load resource: the server responded with a status of 503 (Service Unavailable)"


@pytest_asyncio.fixture
async def wire(canopy: Server) -> AsyncIterator[Wire]:
    async with Wire(canopy.url) as wire:
        yield wire


@pytest.fixture
def address(wire: Wire) -> str:
    return wire.url


async def numbers_of(database: asyncpg.Connection, purchase_order: str) -> list[str]:
    rows = await database.fetch(
        "SELECT number FROM orders WHERE purchase_order = $1", purchase_order
    )
    return [row["number"] for row in rows]


async def mailed_about(database: asyncpg.Connection, purchase_order: str) -> list[str]:
    """To whom, once there is nothing left to be sent."""
    async with asyncio.timeout(PATIENCE):
        while await database.fetchval(  # noqa: ASYNC110 - of what the server does
            "SELECT count(*) FROM notifications WHERE status = 'QUEUED'"
        ):
            await asyncio.sleep(0.02)
    rows = await database.fetch(
        "SELECT recipient FROM notifications JOIN orders ON orders.id = order_id"
        " WHERE purchase_order = $1",
        purchase_order,
    )
    return [row["recipient"] for row in rows]


async def fill_request(dashboard: Dashboard, purchase_order: str) -> None:
    """Until it is known what would happen."""
    await dashboard.click("Request Licenses")
    await dashboard.fill(number_of_licenses="2", purchase_order=purchase_order)
    await expect(dashboard.dialog.get_by_role("status")).to_contain_text("be mailed")


async def test_a_connection_cut_in_the_middle_of_saving_orders_and_mails_once(
    dashboard: Dashboard,
    wire: Wire,
    database: asyncpg.Connection,
    mailbox: Mailbox,
    expected_errors: set[str],
) -> None:
    """Before the answer, and the browser goes back and forward meanwhile.

    What could not be read for it before comes by itself.
    """
    await dashboard.sign_in(ELI)
    expected_errors.add(CUT)
    wire.lose_answers_to("UsersMay")
    async with dashboard.page.expect_event("requestfailed"):
        await dashboard.go("Users")
    wire.mend()
    await expect(dashboard.page.get_by_role("button", name="Add User")).to_be_enabled()
    await dashboard.go("Licenses")
    await fill_request(dashboard, "LOST-1")
    wire.lose_answers_to("RequestLicenses")
    async with dashboard.page.expect_event("requestfailed"):
        await dashboard.dialog.get_by_role("button", name="Save").click()
    wire.mend()
    await dashboard.page.go_back()
    await dashboard.page.go_forward()

    number = await dashboard.number_told()
    assert wire.broken >= 1
    assert await mailed_about(database, "LOST-1") == [HANA]
    assert await numbers_of(database, "LOST-1") == [number]
    await mailbox.wait_for(1, to=HANA, subject=number)


async def test_what_was_not_answered_is_the_same_after_the_page_was_loaded_again(
    dashboard: Dashboard, wire: Wire, database: asyncpg.Connection, expected_errors: set[str]
) -> None:
    await dashboard.sign_in(ELI)
    await fill_request(dashboard, "LOST-2")
    wire.lose_answers_to("RequestLicenses")
    expected_errors.add(CUT)
    await dashboard.dialog.get_by_role("button", name="Save").click()
    await expect(dashboard.dialog.get_by_role("alert")).to_contain_text("cannot be reached")
    await expect(dashboard.dialog.get_by_role("alert")).to_be_focused()
    await dashboard.page.reload()
    wire.mend()

    number = await dashboard.request_licenses(2, "LOST-2")
    await dashboard.told("It is done once, not twice.")
    assert await numbers_of(database, "LOST-2") == [number]
    await dashboard.request_licenses(2, "LOST-2")
    assert len(await numbers_of(database, "LOST-2")) == 2


async def test_what_was_not_answered_is_not_refused_because_of_itself(
    dashboard: Dashboard, wire: Wire, database: asyncpg.Connection, expected_errors: set[str]
) -> None:
    """A company whose manager's address is taken: by the first try."""
    dialog = dashboard.dialog
    await dashboard.sign_in(HANA)
    await _fill_company(dashboard)
    await expect(dialog.get_by_role("status")).to_have_text("Will be mailed: sia@sloe.example.")
    wire.lose_answers_to("CreateCompany")
    expected_errors.add(CUT)
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("cannot be reached")
    await dashboard.page.reload()
    wire.mend()

    await _fill_company(dashboard)
    await expect(dialog.get_by_role("note")).to_contain_text("sent before, and not answered")
    email = dialog.get_by_label("Email")
    await expect(email).not_to_have_attribute("aria-invalid", "true")
    await dashboard.fill(last_name="Sloan")
    await expect(email).to_have_attribute("aria-invalid", "true")
    await dashboard.fill(last_name="")
    await expect(email).not_to_have_attribute("aria-invalid", "true")
    await dashboard.confirm()
    await dashboard.told("It is done once, not twice.")
    await expect(dashboard.heading).to_have_text("Sloe Shoes")
    made = "SELECT count(*) FROM companies WHERE name = 'Sloe Shoes'"
    assert await database.fetchval(made) == 1


async def _fill_company(dashboard: Dashboard) -> None:
    await dashboard.click("Create Company")
    await dashboard.fill(company_name="Sloe Shoes", email="sia@sloe.example")


async def test_what_was_refused_is_not_told_to_be_sent_twice(
    dashboard: Dashboard, database: asyncpg.Connection, expected_errors: set[str]
) -> None:
    """By a server that had no time: nothing was done."""
    expected_errors.add(BUSY)
    await dashboard.sign_in(ELI)
    await fill_request(dashboard, "BUSY-1")
    async with refused(dashboard.page, 1, of="mutation RequestLicenses"):
        await dashboard.dialog.get_by_role("button", name="Save").click()
        await expect(dashboard.dialog.get_by_role("alert")).to_contain_text("Wait 1 s.")

    await dashboard.confirm()
    await expect(dashboard.row("BUSY-1")).to_be_visible()
    number = await dashboard.number_told()
    assert await numbers_of(database, "BUSY-1") == [number]
    await expect(dashboard.page.get_by_role("alert")).to_have_count(1)


async def test_a_double_click_saves_once(
    dashboard: Dashboard, database: asyncpg.Connection
) -> None:
    await dashboard.sign_in(ELI)
    await dashboard.click("Request Licenses")
    await dashboard.fill(number_of_licenses="2", purchase_order="TWICE-1")
    await dashboard.dialog.get_by_role("button", name="Save").dblclick()

    number = await dashboard.number_told()
    assert await numbers_of(database, "TWICE-1") == [number]


async def test_nothing_typed_is_lost_when_the_session_runs_out(
    dashboard: Dashboard, database: asyncpg.Connection
) -> None:
    page = dashboard.page
    await dashboard.sign_in(MIA)
    await fill_request(dashboard, "KEPT-1")
    form = page.get_by_role("dialog", name="Request Licenses")
    await dashboard.end_session()
    await dashboard.fill(note="Before May")
    again = page.get_by_role("dialog", name="Your session has ended")
    await expect(again.get_by_label("Password", exact=True)).to_be_focused()
    await page.keyboard.press("Escape")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(form.get_by_label("Note")).to_be_focused()
    await page.keyboard.type(", please")
    await expect(form.get_by_role("status")).to_have_text(f"Will be mailed: {HANA}.")
    await dashboard.end_session()
    await form.get_by_role("button", name="Save").dispatch_event("click")

    await again.get_by_label("Password", exact=True).fill("not the password")
    await again.get_by_role("button", name="Sign in").click()
    await expect(again.get_by_role("alert")).to_be_visible()
    await expect(form.get_by_label("Note")).to_have_value("Before May, please")
    await again.get_by_label("Password", exact=True).fill(PASSWORD)
    await again.get_by_role("button", name="Sign in").click()

    number = await dashboard.number_told()
    assert await numbers_of(database, "KEPT-1") == [number]


async def test_managing_goes_on_when_its_hour_is_over(dashboard: Dashboard) -> None:
    page = dashboard.page
    await dashboard.sign_in(HANA)
    await dashboard.manage("Birch Logistics")
    await dashboard.is_loaded()
    await dashboard.end_session()
    # What is read by itself may have brought the dialog before it is clicked.
    await page.get_by_role("link", name="Users", exact=True).dispatch_event("click")

    again = page.get_by_role("dialog", name="Your session has ended")
    await expect(again).to_contain_text("to go on managing Birch Logistics")
    await again.get_by_label("Password", exact=True).fill(PASSWORD)
    await again.get_by_role("button", name="Sign in").click()
    await expect(again).to_be_hidden()
    await expect(dashboard.row("@birch.example").first).to_be_visible()
    await expect(dashboard.banner).to_contain_text("Birch Logistics")


async def test_what_was_to_be_saved_for_one_company_is_never_done_for_another(
    dashboard: Dashboard, database: asyncpg.Connection, address: str
) -> None:
    """And which was left is told by its name, in which a number stays as it is."""
    page = dashboard.page
    async with httpx.AsyncClient(base_url=address) as http:
        hana = await Client(http).sign_in(HANA, PASSWORD)
        await hana.done(CREATE_COMPANY, input={"kind": "CUSTOMER", "name": "Studio 2000"})
    await dashboard.sign_in(HANA)
    await dashboard.manage("Studio 2000")
    await fill_request(dashboard, "STRAY-1")
    await dashboard.end_session()
    form = page.get_by_role("dialog", name="Request Licenses")
    await form.get_by_role("button", name="Save").dispatch_event("click")
    again = page.get_by_role("dialog", name="Your session has ended")
    await again.get_by_role("button", name="Exit Manage Mode").click()
    await expect(dashboard.banner).to_have_count(0)
    await dashboard.told('"Studio 2000" was left before this was answered.')

    await dashboard.request_licenses(2, "OWN-1")
    assert await numbers_of(database, "STRAY-1") == []
