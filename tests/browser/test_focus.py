"""The focus is where it can be seen, and stays with what is done."""

from playwright.async_api import Page, expect

from app.sample import HANA
from tests.browser.dashboard import Dashboard

FOCUSED = """() => {
    const {left, right} = document.activeElement.getBoundingClientRect();
    return [document.activeElement.textContent, right > 0 && left < innerWidth];
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
