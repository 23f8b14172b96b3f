"""Who is signed in, for whom, and what they may see: as it is by now."""

import re
from typing import Final

import httpx
from playwright.async_api import expect

from app.sample import PASSWORD, PAULA
from tests.browser.dashboard import Dashboard, follow_link
from tests.http.client import ADD_MANAGER, CREATE_COMPANY, Client
from tests.http.server import Server
from tests.http.stage import Mailbox

REMOVE_MANAGER: Final = """
mutation($input: RemoveManagerInput!) { removeManager(input: $input) { errors { code } } }"""
QUERY: Final = re.compile(r"query (\w+)")
FOCUS: Final = "dispatchEvent(new Event('focus'))"


async def test_a_company_is_called_what_it_is_called_by_now(
    dashboard: Dashboard, canopy: Server
) -> None:
    page = dashboard.page
    async with httpx.AsyncClient(base_url=canopy.url, timeout=60) as http:
        paula = await Client(http).sign_in(PAULA, PASSWORD)
        await paula.done(CREATE_COMPANY, input={"kind": "CUSTOMER", "name": "Oak Optics"})
    await dashboard.sign_in(PAULA)
    await dashboard.manage("Oak Optics")
    await dashboard.go("Company")
    await expect(dashboard.heading).to_have_text("Oak Optics")
    await dashboard.act("Edit")
    await dashboard.fill(company_name="Olive Optics")
    await dashboard.confirm()

    for _ in ("at once", "and after it was loaded anew"):
        await expect(dashboard.heading).to_have_text("Olive Optics")
        await expect(dashboard.banner).to_contain_text("You are managing Olive Optics")
        await expect(page.get_by_role("banner")).to_contain_text("Olive Optics")
        await page.reload()
    await dashboard.go("Licenses")
    await dashboard.click("Request Licenses")
    await expect(dashboard.dialog.get_by_role("note").first).to_have_text("For Olive Optics")


async def test_who_is_no_longer_a_manager_sees_what_learners_see(
    dashboard: Dashboard, canopy: Server, mailbox: Mailbox
) -> None:
    """Nothing else for a moment; and who is one again sees all at once."""
    async with httpx.AsyncClient(base_url=canopy.url, timeout=60) as http:
        paula = await Client(http).sign_in(PAULA, PASSWORD)
        pine = {"kind": "CUSTOMER", "name": "Pine Press", "manager": {"email": "pia@pine.example"}}
        company_id = (await paula.done(CREATE_COMPANY, input=pine))["company"]["id"]
        other = {"companyId": company_id, "person": {"email": "otto@pine.example"}}
        await paula.done(ADD_MANAGER, input=other)
        pia = await follow_link(
            dashboard.page.context, mailbox, "pia@pine.example", "Welcome", PASSWORD
        )
        signed_in = await Client(http).sign_in("pia@pine.example", PASSWORD)
        viewer = await signed_in.ask("{ viewer { user { id } } }")
        user_id = viewer["user"]["id"]
        pages = pia.page.get_by_role("navigation", name="Pages").get_by_role("link")
        await expect(pages).to_have_count(6)

        await paula.done(REMOVE_MANAGER, input={"userId": user_id})
        await pia.page.evaluate(FOCUS)
        await expect(pia.heading).to_have_text("My license")
        await expect(pages).to_have_text(["My license"])
        await paula.done(ADD_MANAGER, input={"companyId": company_id, "userId": user_id})
        await pia.page.evaluate(FOCUS)
        await expect(pages).to_have_count(6)
        await pia.open("/users")
        await expect(pia.heading).to_have_text("Users")

        await pia.page.goto("about:blank")
        await paula.done(REMOVE_MANAGER, input={"userId": user_id})
        asked: set[str] = set()
        pia.page.on("request", lambda sent: asked.update(QUERY.findall(sent.post_data or "")))
        for place in ("/users", "/licenses/available", "/"):
            await pia.open(place)
            await expect(pia.heading).to_have_text("My license")
            await expect(pages).to_have_text(["My license"])
        assert asked == {"Viewer", "MyLicense"}
