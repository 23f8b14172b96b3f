"""What others do while a dialog is open: what it tells is so, or what became of it is told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx
from playwright.async_api import Page, Route, expect

from app.sample import PASSWORD, PAULA
from tests.browser.dashboard import Dashboard, intercepted
from tests.http.client import (
    ADD_MANAGER,
    ADD_USERS,
    ALLOCATE,
    CREATE_COMPANY,
    REALLOCATE,
    RELEASE,
    REQUEST,
    Client,
)
from tests.http.server import Server

OTHERWISE: Final = "It is otherwise by now: look again."
IN_THAT_MOMENT: Final = """() => {
    const ask = window.fetch;
    window.fetch = async (url, how) => {
        const answer = await ask(url, how);
        if (!/DeclineOrder/.test(how.body) || /"preview":true/.test(how.body)) return answer;
        const text = await answer.text();
        const told = document.querySelector("[role=dialog] [role=status]");
        await new Promise((go) => new MutationObserver(go).observe(told, {
            subtree: true, childList: true, characterData: true,
        }));
        return {status: answer.status, headers: answer.headers, text: async () => text};
    };
}"""
"""The answer to a declining is heard as soon as others are named who will be mailed."""


@dataclass(frozen=True)
class Elsewhere:
    """Somebody who does things with the licenses of a company by the API."""

    client: Client
    company_id: str
    people: dict[str, str]

    async def allocate(self, person: str) -> str:
        """The license."""
        whom = {"companyId": self.company_id, "userIds": [self.people[person]]}
        done = await self.client.done(ALLOCATE, input=whom)
        [license] = done["licenses"]
        license_id: str = license["id"]
        return license_id

    async def add_manager(self, email: str) -> None:
        person = {"companyId": self.company_id, "person": {"email": email}}
        await self.client.done(ADD_MANAGER, input=person)

    async def request(self) -> str:
        """The number of the order."""
        wanted = {"companyId": self.company_id, "quantity": 1}
        requested = await self.client.done(REQUEST, input=wanted)
        number: str = requested["order"]["number"]
        return number

    async def release(self, license: str) -> None:
        await self.client.done(RELEASE, input={"licenseIds": [license]})

    async def reallocate(self, license: str, person: str) -> None:
        given = {"licenseId": license, "userId": self.people[person]}
        await self.client.done(REALLOCATE, input=given)


@asynccontextmanager
async def _elsewhere(
    server: Server, company: str, licenses: int, *people: str
) -> AsyncIterator[Elsewhere]:
    """The people have no license."""
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        paula = await Client(http).sign_in(PAULA, PASSWORD)
        wanted = {"kind": "CUSTOMER", "name": company, "order": {"quantity": licenses}}
        company_id = (await paula.done(CREATE_COMPANY, input=wanted))["company"]["id"]
        domain = f"{company.split(maxsplit=1)[0].lower()}.example"
        persons = [{"email": f"{name}@{domain}", "firstName": name} for name in people]
        added = await paula.done(
            ADD_USERS, input={"companyId": company_id, "users": persons, "allocate": False}
        )
        ids = [user["id"] for user in added["users"]]
        yield Elsewhere(paula, company_id, dict(zip(people, ids, strict=True)))


@asynccontextmanager
async def _in_the_last_moment(
    page: Page, operation: str, happens: Callable[[], Awaitable[object]]
) -> AsyncIterator[None]:
    """Before the server hears of an operation that is no preview."""

    async def first(route: Route) -> None:
        sent = route.request.post_data or ""
        if operation in sent and '"preview":true' not in sent:
            await happens()
        await route.fallback()

    async with intercepted(page, "**/graphql", first):
        yield


async def test_what_would_happen_is_asked_again_when_something_has_changed(
    dashboard: Dashboard, canopy: Server
) -> None:
    """And who is overtaken in the last moment is named."""
    page, dialog = dashboard.page, dashboard.dialog
    left = dialog.get_by_role("group", name="Will not").get_by_role("listitem")
    async with _elsewhere(canopy, "Larch Lights", 2, "Ann", "Bob", "Cyd") as there:
        await dashboard.sign_in(PAULA)
        await dashboard.manage("Larch Lights")
        await dashboard.go("Users")
        await page.get_by_label("Select all").check()
        await dashboard.click("Allocate Licenses")
        await expect(left).to_have_text("Cyd: no license is available")

        license = await there.allocate("Ann")
        none = "no license is available"
        await expect(left).to_have_text(["Ann has a license already", f"Cyd: {none}"])
        await there.allocate("Cyd")
        await expect(left).to_have_text(
            ["Ann has a license already", "Cyd has a license already", f"Bob: {none}"]
        )
        await expect(dialog.get_by_role("button", name="Allocate")).to_be_disabled()
        await there.release(license)
        await expect(left).to_have_text(["Cyd has a license already", f"Bob: {none}"])

        async with _in_the_last_moment(page, "AllocateLicenses", lambda: there.allocate("Bob")):
            await dashboard.confirm("Allocate 1 license")
        await dashboard.told("0 licenses allocated, 1 fewer than was told. Left out: Ann.")


async def test_a_license_is_taken_from_nobody_but_who_was_named(
    dashboard: Dashboard, canopy: Server
) -> None:
    """To whom it went meanwhile is named before anything is done."""
    page, dialog = dashboard.page, dashboard.dialog
    names = dialog.get_by_role("group", name="Without a license then (1)")
    async with _elsewhere(canopy, "Maple Motors", 1, "Ann", "Bob", "Cyd") as there:
        license = await there.allocate("Ann")
        await dashboard.sign_in(PAULA)
        await dashboard.manage("Maple Motors")
        await dashboard.tab("Allocated").click()
        await dashboard.act_on("Ann", "Release")
        await expect(names.get_by_role("listitem")).to_contain_text("Ann")

        await there.reallocate(license, "Bob")
        await dialog.get_by_role("button", name="Release 1 license").click()
        await expect(dialog.get_by_role("alert")).to_have_text(OTHERWISE)
        await expect(names.get_by_role("listitem")).to_contain_text("Bob")
        async with _in_the_last_moment(
            page, "ReleaseLicenses", lambda: there.reallocate(license, "Cyd")
        ):
            await dashboard.confirm("Release 1 license")
        await dashboard.told("1 license released. By then with Cyd.")

        await there.reallocate(await there.allocate("Ann"), "Bob")
        await page.reload()
        await dashboard.act_on("Bob", "Reallocate")
        await dashboard.seek("To", "Cy", "Cyd")
        will = dialog.get_by_role("status").filter(has_text="Cyd will have it")
        await expect(will).to_contain_text("Bob will be without a license")
        await there.reallocate(license, "Ann")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("alert")).to_have_text(OTHERWISE)
        await expect(will).to_contain_text("Ann will be without a license")
        await expect(dialog.get_by_text("From Ann, for the time that is left")).to_be_visible()
        await dashboard.confirm()
        await dashboard.told("The license is with Cyd now.")


async def test_what_nobody_has_any_more_is_not_released(
    dashboard: Dashboard, canopy: Server
) -> None:
    """And is not told to be, when somebody else was faster in the last moment."""
    page, dialog = dashboard.page, dashboard.dialog
    release = dialog.get_by_role("button", name="Release")
    async with _elsewhere(canopy, "Nutmeg News", 2, "Ann", "Bob") as there:
        licenses = [await there.allocate(name) for name in ("Ann", "Bob")]
        await dashboard.sign_in(PAULA)
        await dashboard.manage("Nutmeg News")
        await dashboard.tab("Allocated").click()
        await expect(page.get_by_role("checkbox")).to_have_count(1 + 2)
        await page.get_by_label("Select all").check()
        await dashboard.click("Release")
        await expect(release).to_have_text("Release 2 licenses")

        await there.release(licenses[0])
        available = page.get_by_role("tab", name="Available", include_hidden=True)
        await expect(available).to_contain_text("1")
        await there.release(licenses[1])
        await expect(dialog).to_contain_text("Nobody has these licenses any more.")
        await expect(release).to_be_disabled()

        license = await there.allocate("Ann")  # and the counts are those that were told last
        await expect(release).to_have_text("Release 1 license")
        await expect(release).to_be_enabled()
        async with _in_the_last_moment(page, "ReleaseLicenses", lambda: there.release(license)):
            await dashboard.confirm("Release 1 license")
        await dashboard.told("0 licenses released. By then with nobody: 1.")


async def test_the_focus_stays_in_a_dialog_that_others_leave_nothing_to_do(
    dashboard: Dashboard, canopy: Server
) -> None:
    """Its button has it again as soon as there is something to do."""
    page, dialog = dashboard.page, dashboard.dialog
    allocate = dialog.get_by_role("button", name="Allocate")
    async with _elsewhere(canopy, "Olive Opera", 1, "Ann", "Bob") as there:
        await dashboard.sign_in(PAULA)
        await dashboard.manage("Olive Opera")
        await dashboard.go("Users")
        await dashboard.act_on("Ann", "Allocate a license")
        await expect(allocate).to_have_text("Allocate 1 license")
        await expect(allocate).to_be_enabled()
        await allocate.focus()

        license = await there.allocate("Bob")
        await expect(allocate).to_be_disabled()
        await expect(dialog).to_be_focused()
        await there.release(license)
        await expect(allocate).to_be_focused()

        await there.allocate("Bob")
        await expect(allocate).to_be_disabled()
        await page.keyboard.press("Tab")
        await expect(dialog.get_by_role("button", name="Close")).to_be_focused()
        await page.keyboard.press("Shift+Tab")
        await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()


async def test_what_is_refused_is_told_though_something_changes_in_that_moment(
    dashboard: Dashboard, canopy: Server
) -> None:
    """On a slow machine, where effects come after what has happened meanwhile."""
    page, dialog = dashboard.page, dashboard.dialog
    async with _elsewhere(canopy, "Rowan Roofing", 1) as there:
        await there.add_manager("ann@rowan.example")
        number = await there.request()
        await dashboard.sign_in(PAULA)
        await dashboard.go("Licenses", "Orders", "Requested Orders")
        await dashboard.act_on(number, "Decline")
        told = dialog.get_by_role("status")
        await expect(told).to_have_text("Will be mailed: ann@rowan.example.")
        machine = await page.context.new_cdp_session(page)
        await machine.send("Emulation.setCPUThrottlingRate", {"rate": 20})
        await page.evaluate(IN_THAT_MOMENT)
        await dialog.get_by_role("button", name="Decline").click()
        await there.add_manager("bob@rowan.example")
        await page.evaluate("dispatchEvent(new Event('focus'))")
        reason = dialog.get_by_label("Reason")
        await expect(reason).to_have_attribute("aria-invalid", "true")
        await expect(reason).to_have_accessible_description("This cannot be empty.")
