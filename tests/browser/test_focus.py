"""The focus is where it can be seen, and stays with what is done."""

import re

import httpx
from playwright.async_api import Page, expect

from app.sample import HANA, MIA, PASSWORD
from tests.browser.axe import faults
from tests.browser.dashboard import Dashboard
from tests.http.client import CREATE_COMPANY, Client

FOCUSED = """() => {
    const {left, right} = document.activeElement.getBoundingClientRect();
    return [document.activeElement.textContent, right > 0 && left < innerWidth];
}"""

COVERED = """() => {
    const field = document.activeElement;
    const whole = [field, ...(field.labels ?? [])];
    const isOnTop = part => [0.1, 0.9].every(share => {
        const {left, width, top, height} = part.getBoundingClientRect();
        const top_most = document.elementFromPoint(left + width / 2, top + height * share);
        return width < 2 || part.contains(top_most);
    });
    return whole.every(isOnTop) ? null : (whole[1] ?? field).textContent || field.ariaLabel;
}"""


async def _focused_in_turn(page: Page, key: str, times: int) -> list[tuple[str, bool]]:
    """The text of each that has the focus, and whether it is within the window."""
    found = []
    for _ in range(times):
        await page.keyboard.press(key)
        found.append(tuple(await page.evaluate(FOCUSED)))
    return found


async def test_a_closed_menu_of_a_phone_takes_no_focus(dashboard: Dashboard) -> None:
    """And an open one covers its page for the keyboard, too."""
    page = dashboard.page
    menu = page.get_by_role("button", name="Menu", exact=True)
    pages = page.get_by_role("navigation", name="Pages")
    await page.set_viewport_size({"width": 390, "height": 844})
    await dashboard.sign_in(HANA)
    await dashboard.open("/users")

    await dashboard.heading.focus()
    assert [seen for _, seen in await _focused_in_turn(page, "Shift+Tab", 2)] == [True, True]
    await expect(menu).to_be_focused()

    await page.keyboard.press("Enter")
    await expect(menu).to_have_attribute("aria-expanded", "true")
    labels = await pages.get_by_role("link").all_inner_texts()
    assert labels[:2] == ["Company", "Licenses"]
    reached = await _focused_in_turn(page, "Tab", len(labels) + 2)
    assert [text for text, _ in reached[1 : len(labels) + 1]] == labels
    assert await page.evaluate("document.querySelector('main :focus') === null")

    await pages.get_by_role("link", name="Licenses").focus()
    await page.keyboard.press("Escape")
    await expect(menu).to_have_attribute("aria-expanded", "false")
    await expect(menu).to_be_focused()
    await page.keyboard.press("Enter")
    await pages.get_by_role("link", name="Licenses").focus()
    await page.keyboard.press("Enter")
    await expect(dashboard.heading).to_have_text("Licenses")
    await expect(menu).to_have_attribute("aria-expanded", "false")
    await expect(dashboard.heading).to_be_focused()


async def test_whoever_signs_in_again_goes_on_in_an_open_filter(dashboard: Dashboard) -> None:
    """Wherever the pointer went meanwhile: what lies behind is neither clicked nor reached."""
    page = dashboard.page
    await dashboard.sign_in(HANA)
    await dashboard.open("/orders/requested")
    await dashboard.click("Add Filter")
    value = page.get_by_role("dialog", name="Add Filter").get_by_label("Value")
    await value.fill("ORD")
    await value.press("End")
    await _sign_in_again(dashboard)

    await expect(value).to_be_focused()
    await page.keyboard.type("-0")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"filter=\w+\.contains\.ORD-0$"))


async def test_a_session_that_ends_over_an_open_menu_leaves_its_button(
    dashboard: Dashboard,
) -> None:
    page = dashboard.page
    await dashboard.sign_in(HANA)
    await dashboard.open("/orders/requested")
    opener = page.get_by_role("button", name=re.compile("^Actions for")).first
    await opener.click()
    await expect(page.get_by_role("menuitem").first).to_be_focused()
    await _sign_in_again(dashboard)

    await expect(page.get_by_role("menu")).to_have_count(0)
    await expect(opener).to_be_focused()


async def test_what_was_sought_is_there_when_the_session_goes_on(dashboard: Dashboard) -> None:
    page = dashboard.page
    await dashboard.sign_in(MIA)
    await dashboard.open("/licenses/allocated")
    await page.get_by_role("button", name=re.compile("^Actions for")).first.click()
    await dashboard.choose("Reallocate")
    to = dashboard.dialog.get_by_label("To", exact=True)
    await to.fill("Pab")
    await _sign_in_again(dashboard)

    await expect(to).to_be_focused()
    await expect(to).to_have_value("Pab")


async def _sign_in_again(dashboard: Dashboard) -> None:
    """By a click into the field, and Enter."""
    page = dashboard.page
    await dashboard.end_session()
    await page.evaluate("dispatchEvent(new Event('focus'))")
    again = page.get_by_role("dialog", name="Your session has ended")
    password = again.get_by_label("Password", exact=True)
    await password.click()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Shift+Tab")
    assert await faults(page, {}, within="[role=dialog]") == []
    await page.keyboard.type(PASSWORD)
    await expect(password).to_have_value(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(again).to_have_count(0)


async def test_what_has_the_focus_in_a_long_form_is_seen_forward_and_back(
    dashboard: Dashboard,
) -> None:
    """Neither its title nor its buttons, which are always there, lie on it."""
    page, dialog = dashboard.page, dashboard.dialog
    await dashboard.sign_in(HANA)
    await dashboard.click("Create Company")
    await dialog.get_by_label("Type").select_option("Premium")
    hidden = {}
    for width, height in ((1280, 720), (1366, 650), (390, 844), (390, 500), (640, 400)):
        await page.set_viewport_size({"width": width, "height": height})
        await dialog.get_by_label("Company name").focus()
        for key in ("Tab", "Shift+Tab"):
            found = [await _covered_after(page, key) for _ in range(16)]
            hidden[width, height, key] = [*filter(None, found)]

    assert {how: what for how, what in hidden.items() if what} == {}


async def test_what_has_the_focus_on_a_long_page_is_not_beneath_the_banner(
    dashboard: Dashboard,
) -> None:
    page = dashboard.page
    await dashboard.sign_in(HANA)
    await dashboard.manage("Birch Logistics")
    hidden = {}
    for width, height in ((1280, 720), (390, 844), (640, 400)):
        await page.set_viewport_size({"width": width, "height": height})
        await dashboard.open("/users")
        await page.get_by_role("checkbox").last.focus()
        found = [await _covered_after(page, "Shift+Tab") for _ in range(20)]
        hidden[width, height] = [*filter(None, found)]

    assert {how: what for how, what in hidden.items() if what} == {}


async def _covered_after(page: Page, key: str) -> str | None:
    """What has the focus then, if something lies on it or on its label."""
    await page.keyboard.press(key)
    covered: str | None = await page.evaluate(COVERED)
    return covered


async def test_the_heading_has_the_focus_when_a_manager_is_removed(
    dashboard: Dashboard, address: str
) -> None:
    """For the button that had it goes with them, a moment after the dialog; it is seen there."""
    page, manager = dashboard.page, {"email": "kim@kelp.example", "firstName": "Kim"}
    async with httpx.AsyncClient(base_url=address) as http:
        hana = await Client(http).sign_in(HANA, PASSWORD)
        told = {"kind": "CUSTOMER", "name": "Kelp Marine", "manager": manager}
        company = (await hana.done(CREATE_COMPANY, input=told))["company"]
    await dashboard.sign_in(HANA)
    await page.set_viewport_size({"width": 390, "height": 500})
    await dashboard.open(f"/companies/{company['id']}")
    await dashboard.click("Add Manager")
    await dashboard.fill(first_name="Lee", email="lee@kelp.example")
    await dashboard.confirm()
    remove = page.get_by_role("button", name="Remove Kim")
    await remove.focus()
    await page.keyboard.press("Enter")
    await dashboard.confirm("Remove")

    await expect(remove).to_have_count(0)
    await expect(dashboard.heading).to_be_focused()
    await expect(dashboard.heading).to_be_in_viewport()
    assert await page.evaluate(COVERED) is None
