"""What a person does with the pages of the dashboard."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import BrowserContext, Locator, Page, Response, Route, expect

from app.sample import PASSWORD
from tests.http.stage import Mailbox
from tests.smtp import Mail

SIGN_OUT = """() => fetch("/graphql", {
    method: "POST",
    headers: {
        "Content-Type": "application/json",
        authorization: `Bearer ${JSON.parse(sessionStorage["canopy:dashboard"]).at(-1).token}`,
    },
    body: JSON.stringify({query: "mutation { signOut { errors { code } } }"}),
})"""
LOADING = "[aria-label=Loading], [aria-busy=true]"


class Dashboard:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.banner = page.get_by_role("region", name="Manage mode")
        self.dialog = page.get_by_role("dialog")
        self.heading = page.get_by_role("heading", level=1)

    async def sign_in(self, email: str, password: str = PASSWORD) -> None:
        await self.page.goto("/")
        await self.page.get_by_label("Email").fill(email)
        await self.page.get_by_label("Password", exact=True).fill(password)
        await self.click("Sign in")
        await expect(self.heading).not_to_have_text("Canopy")

    async def sign_out(self) -> None:
        await self.page.get_by_role("banner").get_by_role("button").last.click()
        await self.choose("Sign out")
        await expect(self.heading).to_have_text("Canopy")

    async def end_session(self) -> None:
        """At the server; the page has not heard of it."""
        await self.page.evaluate(SIGN_OUT)

    async def open(self, address: str) -> None:
        """By its address, until all of it is there."""
        await self.page.goto(address)
        await self.is_loaded()

    async def is_loaded(self) -> None:
        await self.heading.wait_for()
        await expect(self.page.locator(LOADING)).to_have_count(0)

    async def go(self, *labels: str) -> None:
        """Through the menu, and through tabs."""
        menu, *tabs = labels
        pages = self.page.get_by_role("navigation", name="Pages")
        await pages.get_by_role("link", name=menu, exact=True).click()
        for tab in tabs:
            await self.tab(tab).click()

    def tab(self, name: str) -> Locator:
        return self.page.get_by_role("tab", name=re.compile(f"^{name}"))

    async def click(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def find_company(self, name: str) -> None:
        """Company, Customers, and its name."""
        await self.go("Company")
        await self.page.get_by_text("Customers", exact=True).click()
        await self.page.get_by_label("Search companies").fill(name)
        # The list before has the company, too, and goes while it is clicked.
        rows = self.page.locator("tbody tr")
        await expect(rows.filter(has_text=name).first).to_be_visible()
        await expect(rows.filter(has_not_text=name)).to_have_count(0)
        await self.page.get_by_role("link", name=name, exact=True).click()
        await expect(self.heading).to_have_text(name)

    async def choose(self, action: str) -> None:
        await self.page.get_by_role("menuitem", name=action, exact=True).click()

    async def act(self, action: str) -> None:
        """On the company whose page it is."""
        await self.click("Actions")
        await self.choose(action)

    async def act_on(self, what: str, action: str) -> None:
        """From the three dots of a row."""
        await self.page.get_by_role("button", name=f"Actions for {what}").click()
        await self.choose(action)

    async def manage(self, company: str) -> None:
        await self.find_company(company)
        await self.act("Manage Company")
        await expect(self.banner).to_contain_text(f"You are managing {company}")

    async def confirm(self, action: str = "Save") -> None:
        """In the dialog that is open, which closes when it is done."""
        await self.dialog.get_by_role("button", name=action, exact=True).click()
        try:
            await expect(self.dialog).to_have_count(0)
        except AssertionError as stays:
            stays.add_note(await self.dialog.first.aria_snapshot())
            raise

    async def fill(self, **fields: str) -> None:
        """Those of the dialog, by their labels: `purchase_order` is the Purchase order."""
        for name, value in fields.items():
            label = name.replace("_", " ").capitalize()
            await self.dialog.get_by_label(label, exact=True).fill(value)

    async def request_licenses(self, quantity: int, purchase_order: str) -> str:
        """The number of the order."""
        await self.click("Request Licenses")
        await self.fill(number_of_licenses=str(quantity), purchase_order=purchase_order)
        await self.confirm()
        await expect(self.tab("My Orders")).to_have_attribute("aria-selected", "true")
        return await self.number_told()

    async def number_told(self) -> str:
        """Of the order of which a note says that it is requested."""
        told = self.page.get_by_text(re.compile("is requested$")).last
        await expect(told).to_be_visible()
        return (await told.inner_text()).split()[0]

    async def add_filter(self, field: str, operator: str, value: str) -> Locator:
        """The form, which is gone when there was nothing wrong."""
        await self.click("Add Filter")
        form = self.page.get_by_role("dialog", name="Add Filter")
        await form.get_by_label("Field").select_option(field)
        await form.get_by_label("Operator").select_option(operator)
        await form.get_by_label("Value").fill(value)
        await form.get_by_role("button", name="Add").click()
        return form

    async def seek(self, label: str, text: str, found: str) -> None:
        """Finds one of many by a part of its name."""
        await self.dialog.get_by_label(label, exact=True).fill(text)
        await self.page.get_by_role("option", name=found).click()

    def row(self, text: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=text)

    async def told(self, text: str) -> None:
        """A note says so."""
        await expect(self.page.get_by_role("alert").filter(has_text=text).last).to_be_visible()

    async def has_counts(self, **counts: int) -> None:
        for state, number in counts.items():
            name = state.capitalize()
            await expect(self.tab(name)).to_have_text(f"{name}{number}")

    async def choose_file(self, text: str | bytes) -> None:
        content = text.encode() if isinstance(text, str) else text
        file: Any = {"name": "people.csv", "mimeType": "text/csv", "buffer": content}
        await self.page.locator("input[type=file]").set_input_files(file)


def answers(page: Page, field: str) -> list[Response]:
    """To whatever asks for it from now on."""
    heard: list[Response] = []

    def hear(response: Response) -> None:
        if field in (response.request.post_data or ""):
            heard.append(response)

    page.on("response", hear)
    return heard


@asynccontextmanager
async def intercepted(
    page: Page, url: str | re.Pattern[str], handler: Callable[[Route], Awaitable[None]]
) -> AsyncIterator[None]:
    """In its whole context: with the last route of a page Playwright lets go whatever is under way
    there, and who would still let it go, as each context here does, fails.
    """
    await page.context.route(url, handler)
    try:
        yield
    finally:
        await page.context.unroute(url, handler)


@asynccontextmanager
async def held(page: Page, operation: str) -> AsyncIterator[None]:
    """What is asked by an operation waits meanwhile."""
    going = asyncio.Event()

    async def wait(route: Route) -> None:
        if operation in (route.request.post_data or ""):
            await going.wait()
        await route.fallback()

    await page.route("**/graphql", wait)
    try:
        yield
    finally:
        going.set()


@asynccontextmanager
async def answered_late(page: Page, operation: str) -> AsyncIterator[None]:
    """The server hears it at once; its answer waits meanwhile."""
    going = asyncio.Event()

    async def wait(route: Route) -> None:
        if operation not in (route.request.post_data or ""):
            await route.fallback()
            return
        answer = await route.fetch()
        await going.wait()
        await route.fulfill(response=answer)

    async with (
        intercepted(page, "**/graphql", wait),
        page.expect_response(lambda told: operation in (told.request.post_data or "")),
    ):
        try:
            yield
        finally:
            going.set()


@asynccontextmanager
async def unreachable(page: Page, url: str | re.Pattern[str]) -> AsyncIterator[None]:
    """As without a connection, until the end of the block."""

    async def cut(route: Route) -> None:
        await route.abort("internetdisconnected")

    async with intercepted(page, url, cut):
        yield


@asynccontextmanager
async def refused(page: Page, seconds: int, of: str = "") -> AsyncIterator[list[str]]:
    """As by a server that has no time, and says for how long; what is asked meanwhile, if it has
    that in it.
    """
    asked: list[str] = []

    async def refuse(route: Route) -> None:
        question = route.request.post_data or ""
        if of not in question:
            await route.fallback()
            return
        asked.append(question)
        status, code = (503, "OVERLOADED") if len(asked) % 2 else (429, "RATE_LIMITED")
        error = {"message": f"Wait {seconds} s.", "extensions": {"code": code}}
        await route.fulfill(
            status=status, headers={"Retry-After": str(seconds)}, json={"errors": [error]}
        )

    async with intercepted(page, "**/graphql", refuse):
        yield asked


async def read(context: BrowserContext, mail: Mail) -> Page:
    """The mail as it came, as HTML."""
    page = await context.new_page()
    await page.set_content(mail.text("html"))
    return page


async def follow_link(
    context: BrowserContext, mailbox: Mailbox, email: str, subject: str, password: str
) -> Dashboard:
    """Opens the mail as it came, sets a password where its link leads, and signs in with it."""
    [mail] = await mailbox.wait_for(1, to=email, subject=subject)
    page = await read(context, mail)
    await page.get_by_role("link").first.click()
    await page.get_by_label("New password").fill(password)
    await page.get_by_label("The same password again").fill(password)
    await page.get_by_role("button", name="Set password").click()
    await expect(page.get_by_role("heading")).to_have_text("Your password is set")
    dashboard = Dashboard(page)
    await dashboard.sign_in(email, password)
    return dashboard
