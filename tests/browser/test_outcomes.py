"""What becomes of what was begun is told, wherever one is by then, and whatever is out of reach."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, Route, expect

from app.sample import ELI, HANA, MIA, PASSWORD
from tests.browser.axe import faults
from tests.browser.dashboard import (
    Dashboard,
    answered_late,
    held,
    intercepted,
    refused,
    unreachable,
)

OFFLINE = "Failed to load resource: net::ERR_INTERNET_DISCONNECTED"
ENDED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"
NOT_FOUND = "Failed to load resource: the server responded with a status of 404 (Not Found)"
REFUSED = {
    f"Failed to load resource: the server responded with a status of {status}"
    for status in ("429 (Too Many Requests)", "503 (Service Unavailable)")
}
WAIT = 60
"""Seconds."""
LONG = 60_000
"""Milliseconds after which no note is there that goes by itself."""


async def test_who_leaves_a_page_while_it_is_saved_is_told_how_it_ended(
    dashboard: Dashboard, expected_errors: set[str]
) -> None:
    """And taken nowhere; nobody leaves its dialog but with the page, and types nothing."""
    page, dialog = dashboard.page, dashboard.dialog
    await page.clock.install()
    await dashboard.sign_in(ELI)
    await dashboard.go("Users")
    await expect(dashboard.heading).to_have_text("Users")
    await dashboard.go("Licenses")
    await dashboard.click("Request Licenses")
    await dashboard.fill(number_of_licenses="2", purchase_order="LEFT-1")
    await expect(dialog.get_by_role("status")).to_have_text(f"Will be mailed: {HANA}.")
    async with held(page, "RequestLicenses"):
        await dialog.get_by_role("button", name="Save").click()
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_focused()
        await expect(dialog.get_by_label("Purchase order")).to_be_disabled()
        assert await faults(page, {}, within="[role=dialog]") == []
        await expect(dialog.get_by_role("button", name="Cancel")).to_be_disabled()
        await expect(dialog.get_by_role("button", name="Close")).to_be_disabled()
        await page.go_back()
        await expect(dashboard.heading).to_have_text("Users")
    await dashboard.number_told()
    await expect(dashboard.heading).to_have_text("Users")

    await page.get_by_role("button", name=re.compile("^Actions for")).first.click()
    await dashboard.choose("Edit")
    await dashboard.fill(email=MIA)
    async with held(page, "UpdateUser"):
        await dialog.get_by_role("button", name="Save").click()
        await page.go_back()
        await expect(dialog).to_have_count(0)
    await dashboard.told("Not done: Edit")
    await page.clock.fast_forward(LONG)
    await dashboard.told("Not done: Edit")
    await dashboard.told("address")

    await dashboard.go("Users")
    await dashboard.click("Import CSV")
    await dashboard.choose_file("email\nann@elm.example\n")
    expected_errors.add(OFFLINE)
    async with unreachable(page, "**/graphql"):
        await dashboard.click("Preview")
        await expect(page.get_by_role("alert", name="This was not answered")).to_be_visible()
    await dashboard.click("Preview")
    # By another test it may have licenses by now.
    told = re.compile(r"(1 license|0 licenses) would be allocated(; 1 is missing)?\.$")
    await expect(page.get_by_text("1 person would be added")).to_have_text(told)
    async with unreachable(page, "**/graphql"):
        await dashboard.click("Import")
        await page.get_by_role("link", name="Users", exact=True).last.click()
        await dashboard.told("Not answered: Import CSV")


async def test_a_late_answer_signs_nobody_in_and_takes_nothing_away(dashboard: Dashboard) -> None:
    """Of Manage Company and Exit Manage Mode, for somebody else or elsewhere by then."""
    page, dialog = dashboard.page, dashboard.dialog
    await dashboard.sign_in(HANA)
    await dashboard.find_company("Birch Logistics")
    async with _entered_late(page):
        await dashboard.act("Manage Company")
        await expect(page.get_by_role("button", name="Add Manager")).to_have_attribute(
            "aria-disabled", "true"
        )
        await dashboard.sign_out()
        await page.get_by_label("Email").fill(MIA)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await dashboard.click("Sign in")
        await expect(dashboard.heading).to_have_text("Licenses")
    await expect(page.get_by_role("banner")).to_contain_text("Mia Torres")
    await expect(dashboard.banner).to_have_count(0)
    await dashboard.sign_out()

    await dashboard.sign_in(HANA)
    await dashboard.find_company("Birch Logistics")
    async with _entered_late(page):
        await dashboard.act("Manage Company")
        await dashboard.go("Users")
        await dashboard.click("Add User")
        await dashboard.fill(email="half@")
    await expect(dialog.get_by_label("Email")).to_have_value("half@")
    await expect(dashboard.banner).to_have_count(0)
    await dialog.get_by_role("button", name="Cancel").click()

    await dashboard.manage("Birch Logistics")
    await expect(dashboard.heading).to_have_text("Licenses")
    await dashboard.go("Users")
    await expect(dashboard.heading).to_have_text("Users")
    async with held(page, "ExitManageMode"):
        await dashboard.click("Exit Manage Mode")
        await expect(page.locator("main [inert]")).to_contain_text("Users")
        await page.go_back()
        await expect(dashboard.heading).to_have_text("Licenses")
    await expect(dashboard.banner).to_have_count(0)
    await expect(dashboard.heading).to_have_text("Licenses")


@asynccontextmanager
async def _entered_late(page: Page) -> AsyncIterator[None]:
    """And what is entered then is left at once."""
    async with (
        page.expect_response(lambda told: "ExitManageMode" in (told.request.post_data or "")),
        answered_late(page, "EnterManageMode"),
    ):
        yield


async def test_nothing_is_saved_before_it_is_known_what_would_happen(
    dashboard: Dashboard, expected_errors: set[str]
) -> None:
    """What could not be asked is said, and asked again, not before the server has said; what was
    answered is not.
    """
    page, dialog = dashboard.page, dashboard.dialog
    save, status = dialog.get_by_role("button", name="Save"), dialog.get_by_role("status")
    number, unknown = dialog.get_by_label("Number"), dialog.get_by_role("alert")
    await page.set_viewport_size({"width": 1280, "height": 800})
    await dashboard.sign_in(HANA)
    await dashboard.click("Create Company")
    await dialog.get_by_label("Type").select_option("Premium")
    await expect(save).to_be_in_viewport(ratio=1)
    async with held(page, "CreateCompany"):
        await dashboard.fill(company_name="Reed Radio", email="rex@reed.example")
        await expect(save).to_be_disabled()
    await expect(save).to_be_enabled()
    await expect(number).not_to_have_attribute("aria-invalid", "true")

    expected_errors |= {OFFLINE, *REFUSED}
    async with unreachable(page, "**/graphql"):
        await number.fill("2")
        await expect(unknown).to_contain_text("is not known")
        await expect(save).to_be_disabled()
    await expect(status).to_have_text("Will be mailed: rex@reed.example.")
    await expect(unknown).to_have_count(0)
    await page.clock.install()
    async with refused(page, WAIT) as refusals:
        for times, quantity in enumerate(("3", "4"), 1):
            await number.fill(quantity)
            await expect(unknown).to_contain_text(f"Wait {WAIT} s.")
            await page.clock.fast_forward((WAIT - 5) * 1_000)
            await expect(save).to_be_disabled()
            assert sum("CreateCompany" in question for question in refusals) == times
    await page.clock.fast_forward(10_000)
    await expect(save).to_be_enabled()

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    await number.fill("2")
    await expect(status).to_be_visible()
    await dashboard.fill(email=MIA)
    await expect(dialog.get_by_label("Email")).to_have_attribute("aria-invalid", "true")
    for quantity in ("5", "6"):
        await number.fill(quantity)
        await expect(save).to_be_disabled()
        await expect(save).to_be_enabled()
    assert sum("CreateCompany" in question for question in asked) == 1
    await dashboard.fill(email="ria@reed.example")
    await expect(status).to_have_text("Will be mailed: ria@reed.example.")
    await dialog.get_by_role("button", name="Cancel").click()

    await dashboard.find_company("Birch Logistics")
    async with held(page, "ArchiveReach"):
        await dashboard.act("Archive")
        await expect(dialog.get_by_text("is being asked")).to_have_count(0)
        await expect(dialog.get_by_role("button", name="Archive")).to_be_disabled()
    await expect(dialog.get_by_role("button", name="Archive")).to_be_enabled()


async def test_what_cannot_be_loaded_says_so_in_its_place(
    dashboard: Dashboard, expected_errors: set[str]
) -> None:
    """The menu stays, and so does the banner."""
    page, failed = dashboard.page, "This could not be shown"
    expected_errors.add(OFFLINE)
    async with unreachable(page, "**/assets/Inside-*"):
        await page.goto("/")
        await page.get_by_label("Email").fill(HANA)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await dashboard.click("Sign in")
        await expect(dashboard.heading).to_have_text(failed)
    await dashboard.click("Load again")
    await expect(dashboard.heading).to_have_text("Company")

    await dashboard.manage("Birch Logistics")
    async with unreachable(page, "**/assets/Users-*"):
        await dashboard.go("Users")
        await expect(dashboard.heading).to_have_text(failed)
        await expect(dashboard.banner).to_contain_text("Birch Logistics")
    await dashboard.go("Licenses")
    await expect(dashboard.heading).to_have_text("Licenses")
    await dashboard.go("Users")
    await expect(dashboard.heading).to_have_text(failed)
    async with unreachable(page, re.compile("/$")):
        await dashboard.click("Load again")
        await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    await dashboard.click("Load again")
    await expect(dashboard.heading).to_have_text("Users")


async def test_a_dialog_that_does_not_come_says_so_over_its_page_and_is_tried_again(
    dashboard: Dashboard, expected_errors: set[str]
) -> None:
    """Without a connection, and where there is one but its file is gone; what was chosen stays."""
    page, dialog = dashboard.page, dashboard.dialog
    again = dialog.get_by_role("button", name="Try again")
    expected_errors.update({OFFLINE, NOT_FOUND})
    await dashboard.sign_in(MIA)
    await dashboard.go("Users")
    await page.get_by_role("checkbox").nth(1).check()
    async with unreachable(page, re.compile("/assets/|/$")):
        await dashboard.click("Allocate Licenses")
        await expect(dialog.get_by_role("alert")).to_contain_text("cannot be reached")
        await again.click()
        await expect(again).to_be_focused()
        await expect(page.get_by_text("1 selected")).to_be_visible()
    await again.click()
    await expect(dialog.get_by_role("group", name="Will not (1)")).to_be_visible()
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("button", name="Allocate Licenses")).to_be_focused()

    await dashboard.go("Licenses")

    async def gone(route: Route) -> None:
        await route.continue_(url=f"{route.request.url}.gone")

    async with intercepted(page, "**/assets/*", gone):
        await dashboard.click("Request Licenses")
        await expect(dialog.get_by_role("alert")).to_contain_text("there is a newer Canopy now")
        await dialog.get_by_role("button", name="Close").click()
        await expect(page.get_by_role("button", name="Request Licenses")).to_be_focused()
        await expect(dashboard.heading).to_have_text("Licenses")
        await dashboard.click("Request Licenses")
        await expect(again).to_be_visible()
        assert await faults(page, {}, within="[role=dialog]") == []
    await dialog.get_by_role("button", name="Load the page again").click()
    await dashboard.is_loaded()
    await dashboard.click("Request Licenses")
    await expect(dialog.get_by_label("Number of licenses")).to_be_visible()


async def test_what_the_server_does_not_hear_or_refuses_is_told(
    dashboard: Dashboard, expected_errors: set[str]
) -> None:
    """A download by the server's own words; and whoever signs out is out, in this browser."""
    page = dashboard.page
    await dashboard.sign_in(HANA)
    await dashboard.manage("Birch Logistics")
    await dashboard.go("Users")
    expected_errors.update({OFFLINE, ENDED, NOT_FOUND})
    async with unreachable(page, "**/export/**"):
        await dashboard.click("Export CSV")
        await dashboard.told("The server cannot be reached.")

    async def elsewhere(route: Route) -> None:
        await route.continue_(url=f"{route.request.url}&companyId=nobody")

    async with intercepted(page, "**/export/**", elsewhere):
        await dashboard.click("Export CSV")
        await dashboard.told("There is no such company")

    await dashboard.end_session()
    await dashboard.click("Export CSV")
    again = page.get_by_role("dialog", name="Your session has ended")
    await again.get_by_label("Password", exact=True).fill(PASSWORD)
    async with page.expect_download():
        await again.get_by_role("button", name="Sign in").click()
    async with unreachable(page, "**/graphql"):
        await dashboard.sign_out()
        await dashboard.told("Signed out in this browser only")
        await page.reload()
        await expect(dashboard.heading).to_have_text("Canopy")


async def test_what_comes_late_says_that_it_is_loading(dashboard: Dashboard) -> None:
    """All that one sees once signed in, and a dialog over its page."""
    page, going = dashboard.page, asyncio.Event()
    loading = page.get_by_role("status", name="Loading")

    async def late(route: Route) -> None:
        await going.wait()
        await route.fallback()

    await page.route("**/assets/Inside*.js", late)
    await page.goto("/")
    await page.get_by_label("Email").fill(MIA)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await dashboard.click("Sign in")
    await expect(loading).to_be_visible()
    going.set()
    await dashboard.is_loaded()

    going.clear()
    await page.route("**/assets/RequestLicenses*.js", late)
    await dashboard.click("Request Licenses")
    await expect(loading).to_be_visible()
    going.set()
    await expect(dashboard.dialog.get_by_label("Number of licenses")).to_be_focused()
    await expect(loading).to_have_count(0)
