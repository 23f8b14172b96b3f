"""Each dialog and each menu is for everybody, light and dark, one opened after the other."""

import re
from typing import Any, Final

import asyncpg
import httpx
import pytest_asyncio
from playwright.async_api import expect

from app.sample import FREYA, HANA, MIA, PASSWORD
from schema.ids import global_id
from tests.browser.axe import COLORS, faults
from tests.browser.dashboard import Dashboard
from tests.http.client import ASSIGN, CREATE_COMPANY, REQUEST, Client
from tests.http.server import Server

LIGHT_AND_DARK: Final[dict[Any, dict[str, Any]]] = {"light": {}, "dark": {"runOnly": COLORS}}
"""Once by all the rules: roles and names are the same in the dark."""


class Looks:
    """What axe finds at whatever is open, which is closed after that."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._found: dict[str, list[str]] = {}

    async def at(self, what: str, within: str = "[role=dialog]") -> None:
        page, dialog = self._dashboard.page, self._dashboard.dialog
        await expect(dialog).to_be_visible()
        await expect(dialog).not_to_contain_text("…")
        for scheme, rules in LIGHT_AND_DARK.items():
            await page.emulate_media(color_scheme=scheme)
            self._found[f"{what}, {scheme}"] = await faults(page, rules, within)
        close = dialog.get_by_role("button", name="Close")
        await (close.click() if await close.count() else page.keyboard.press("Escape"))
        await expect(dialog).to_have_count(0)

    def faulty(self) -> dict[str, list[str]]:
        return {what: wrong for what, wrong in self._found.items() if wrong}


@pytest_asyncio.fixture
async def looks(dashboard: Dashboard) -> Looks:
    return Looks(dashboard)


@pytest_asyncio.fixture
async def assigned(canopy: Server, database: asyncpg.Connection) -> str:
    """An order of which no license was allocated, by its number; and Larch Lodge is on trial."""
    birch = await database.fetchval("SELECT id FROM companies WHERE name = 'Birch Logistics'")
    async with httpx.AsyncClient(base_url=canopy.url) as http:
        hana = await Client(http).sign_in(HANA, PASSWORD)
        wanted = {"companyId": global_id("Company", birch), "quantity": 1}
        order = (await hana.done(REQUEST, input=wanted))["order"]
        await hana.done(ASSIGN, input={"orderId": order["id"]})
        trial = {"order": {"licenseType": "TRIAL", "quantity": 2}}
        await hana.done(CREATE_COMPANY, input=trial | {"kind": "CUSTOMER", "name": "Larch Lodge"})
    number: str = order["number"]
    return number


async def test_the_dialogs_of_a_partner_are_for_everybody(
    dashboard: Dashboard, looks: Looks, assigned: str
) -> None:
    page, dialog = dashboard.page, dashboard.dialog
    await dashboard.sign_in(HANA)
    await dashboard.click("Create Company")
    await dialog.get_by_label("Type").select_option("Premium")
    await looks.at("Create Company")
    await dashboard.click("Add Filter")
    await looks.at("Add Filter")

    await dashboard.open("/orders/requested")
    for action in ("Assign", "Assign some", "Decline", "Change", "Cancel"):
        await page.get_by_role("button", name=re.compile("^Actions for")).first.click()
        await dashboard.choose(action)
        await looks.at(action)
    await dashboard.open("/orders/assigned")
    await dashboard.act_on(assigned, "Return")
    await looks.at("Return")

    await dashboard.find_company("Birch Logistics")
    for action in ("Edit", "Move", "Archive"):
        await dashboard.act(action)
        await looks.at(action)
    await dashboard.act("Move")
    await dialog.get_by_label("Beneath").click()
    await expect(page.get_by_role("option").first).to_be_visible()
    await looks.at("Move with its list", within="html")
    for button in ("Add Manager", "Remove Mia Torres"):
        await dashboard.click(button)
        await looks.at(button)
    await dashboard.find_company("Larch Lodge")
    await dashboard.act("Archive")
    await dashboard.confirm("Archive")
    await dashboard.act("Restore")
    await looks.at("Restore")
    await dashboard.act("Restore")
    await dashboard.confirm("Restore")
    await dashboard.act("Upgrade Trial")
    await looks.at("Upgrade Trial")
    await dashboard.act("Manage Company")
    await expect(dashboard.banner).to_be_visible()
    await dashboard.click("Request Licenses")
    await looks.at("Request Licenses in manage mode")

    assert looks.faulty() == {}


async def test_the_dialogs_of_a_customer_are_for_everybody(
    dashboard: Dashboard, looks: Looks
) -> None:
    page, dialog = dashboard.page, dashboard.dialog
    await dashboard.sign_in(MIA)
    await dashboard.click("Request Licenses")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_label("Number of licenses")).to_have_attribute(
        "aria-invalid", "true"
    )
    await looks.at("Request Licenses, refused")
    await dashboard.go("Users")
    await dashboard.click("Add User")
    await looks.at("Add User")
    for action in ("Reallocate", "Release"):
        await page.get_by_role("button", name=re.compile("^Actions for")).first.click()
        await dashboard.choose(action)
        await looks.at(action)
    await page.get_by_role("checkbox").nth(1).check()
    for button in ("Allocate Licenses", "Remove"):
        await dashboard.click(button)
        await looks.at(button)
    await dashboard.sign_out()

    await dashboard.sign_in(FREYA)
    await dashboard.go("Licenses", "Expired")
    await page.get_by_label("Select all").check()
    await dashboard.click("Allocate Licenses")
    await looks.at("Allocate Licenses to those whose license expired")

    assert looks.faulty() == {}
