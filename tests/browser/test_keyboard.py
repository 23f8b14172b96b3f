"""Everything goes by keyboard alone, and the focus is where it should be."""

from playwright.async_api import Locator, Page, expect

from app.sample import HANA, MIA, PASSWORD, VERA
from tests.browser.dashboard import Dashboard

FAR = 80
"""Presses of a key that nobody would make to get somewhere."""
IS_FOCUSED = "element => element === document.activeElement"


class Keys:
    """Hands that leave the mouse alone."""

    def __init__(self, page: Page) -> None:
        self.press = page.keyboard.press
        self.type = page.keyboard.type

    async def reach(self, what: Locator, by: str = "Tab") -> None:
        """By that key, from wherever the focus is."""
        await expect(what).to_be_enabled()
        for _ in range(FAR):
            if await what.evaluate(IS_FOCUSED):
                return
            await self.press(by)
        await expect(what).to_be_focused()

    async def choose(self, what: Locator, by: str = "Tab") -> None:
        await self.reach(what, by)
        await self.press("Enter")


async def test_a_request_is_made_by_keyboard_alone(dashboard: Dashboard) -> None:
    page, press = dashboard.page, dashboard.page.keyboard.press
    await dashboard.sign_in(MIA)
    await dashboard.tab("Licenses").focus()
    await press("ArrowRight")
    await expect(dashboard.tab("My Orders")).to_have_attribute("aria-selected", "true")
    await expect(dashboard.tab("Orders")).to_be_focused()
    await press("ArrowLeft")
    await expect(dashboard.tab("Available")).to_have_attribute("aria-selected", "true")
    opener = page.get_by_role("button", name="Request Licenses")
    await expect(opener).to_be_enabled()
    await opener.focus()
    await press("Enter")
    await expect(dashboard.dialog.get_by_label("Number of licenses")).to_be_focused()
    await press("Escape")
    await expect(dashboard.dialog).to_have_count(0)
    await expect(opener).to_be_focused()

    await press("Enter")
    await expect(dashboard.dialog.get_by_label("Number of licenses")).to_be_focused()
    await page.keyboard.type("3")
    await press("Tab")
    await expect(dashboard.dialog.get_by_label("Type")).to_be_focused()
    await press("Tab")
    await page.keyboard.type("KEYS-1")
    await expect(dashboard.dialog.get_by_role("status")).to_contain_text("Will be mailed")
    await press("Enter")
    number = await dashboard.number_told()
    await page.get_by_role("button", name=f"Actions for {number}").focus()
    await press("Enter")
    await expect(page.get_by_role("menuitem").first).to_be_focused()
    await press("End")
    await press("Enter")
    await expect(dashboard.dialog).to_contain_text(f"Cancel {number}")
    await expect(dashboard.dialog.get_by_label("Reason")).to_be_focused()


async def test_a_partner_orders_for_its_customer_and_assigns_by_keyboard_alone(
    dashboard: Dashboard,
) -> None:
    page, dialog, keys = dashboard.page, dashboard.dialog, Keys(dashboard.page)
    await page.goto("/")
    await keys.reach(page.get_by_label("Email"))
    await keys.type(HANA)
    await keys.reach(page.get_by_label("Password", exact=True))
    await keys.type(PASSWORD)
    await keys.press("Enter")
    await expect(dashboard.heading).to_have_text("Company")
    await keys.reach(page.get_by_role("radio", name="All"))
    await keys.reach(page.get_by_role("radio", name="Customers"), by="ArrowRight")
    await keys.reach(page.get_by_label("Search companies"), by="Shift+Tab")
    await keys.type("Birch")
    await expect(page.get_by_label("Search companies")).to_have_value("Birch")
    await keys.choose(page.get_by_role("link", name="Birch Logistics", exact=True))
    await expect(dashboard.heading).to_have_text("Birch Logistics")

    await keys.choose(page.get_by_role("button", name="Actions"))
    await expect(page.get_by_role("menuitem").first).to_be_focused()
    await keys.choose(page.get_by_role("menuitem", name="Manage Company"), by="ArrowDown")
    await expect(dashboard.banner).to_contain_text("You are managing Birch Logistics")
    await keys.choose(page.get_by_role("button", name="Request Licenses"))
    await expect(dialog.get_by_label("Number of licenses")).to_be_focused()
    await keys.type("3")
    await keys.reach(dialog.get_by_label("Purchase order"))
    await keys.type("KEYS-2")
    await expect(dialog.get_by_role("status")).to_have_text("Nobody will be mailed.")
    await keys.press("Enter")
    number = await dashboard.number_told()
    await keys.choose(page.get_by_role("button", name="Exit Manage Mode"))
    await expect(dashboard.heading).to_have_text("Birch Logistics")

    pages = page.get_by_role("navigation", name="Pages")
    await keys.choose(pages.get_by_role("link", name="Licenses"), by="Shift+Tab")
    await keys.reach(page.get_by_role("tab", name="Licenses"))
    await keys.press("ArrowRight")
    await keys.reach(dashboard.tab("My Orders"))
    await keys.reach(dashboard.tab("Requested Orders"), by="ArrowRight")
    await keys.choose(page.get_by_role("button", name=f"Actions for {number}"))
    await keys.choose(page.get_by_role("menuitem", name="Assign", exact=True), by="ArrowDown")
    await expect(dialog).to_contain_text(f"Will be mailed: {MIA}.")
    await keys.choose(dialog.get_by_role("button", name="Assign"))
    await dashboard.told(f"Mailed: {MIA}.")
    await expect(dialog).to_have_count(0)


async def test_what_ends_a_list_or_was_busy_keeps_the_focus(dashboard: Dashboard) -> None:
    """And where it is gone afterwards the heading has it."""
    page, keys = dashboard.page, Keys(dashboard.page)
    await dashboard.sign_in(VERA)
    await dashboard.open("/audit-trail")
    await keys.choose(page.get_by_role("button", name="Next"))
    previous = page.get_by_role("button", name="Previous")
    await keys.choose(previous, by="Shift+Tab")
    await expect(previous).to_be_disabled()
    await expect(previous).to_be_focused()

    await dashboard.open("/users/import")
    await dashboard.choose_file("email\nkeys@brightwater.example\n")
    preview = page.get_by_role("button", name="Preview")
    await keys.choose(preview)
    await expect(page.get_by_text("1 person would be added")).to_be_visible()
    await expect(preview).to_be_focused()
    await keys.choose(page.get_by_role("button", name="Import", exact=True))
    await expect(page.get_by_text("1 person added")).to_be_visible()
    await expect(dashboard.heading).to_be_focused()
