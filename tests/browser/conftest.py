"""Servers with the people of the demo, and pages of a real browser that reach one and nothing else.

Most tests ask a `canopy serve` on PostgreSQL, whose mail goes to a catcher; some the demo itself.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    WebSocket,
    async_playwright,
    expect,
)

from app import sample
from app.clock import utc_now
from app.database import migrate, opened
from app.settings import load
from app.worker import mail_worker
from schema.errors import UserErrorCode
from tests.app import commands
from tests.browser import chromium
from tests.browser.dashboard import Dashboard
from tests.http.server import Server
from tests.http.stage import Mailbox
from tests.measured import refusals
from tests.postgres import Postgres
from tests.smtp import Catcher

PATIENCE = 15_000
"""Milliseconds for whatever a test waits for."""
ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "var" / "browser"
NAMELESS = "[DOM] Password forms should have (optionally hidden) username fields"
ABOUT_FACTS = {*(code.name for code in UserErrorCode), "UNAUTHENTICATED"}
"""Codes of refusals that tell a person something; others are about the form of what was asked."""

HAS_FAILED = pytest.StashKey[bool]()
OpenWindow = Callable[[], Awaitable[BrowserContext]]

expect.set_options(timeout=PATIENCE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="renew those in docs/screenshots")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was measured is told, and asserted nowhere: it depends on the machine."""
    for report in terminalreporter.getreports("passed"):
        for name, told in report.user_properties:
            terminalreporter.write_line(f"{name}: {told}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[HAS_FAILED] = report.failed
    return report


@pytest.fixture
def screenshots(request: pytest.FixtureRequest) -> Path:
    """Where pictures of the pages go."""
    folder = ROOT / "docs" / "screenshots" if request.config.getoption("screenshots") else SHOTS
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with commands.demo(tmp_path_factory.mktemp("demo")) as address:
        yield address


@pytest_asyncio.fixture(scope="session")
async def catcher() -> AsyncIterator[Catcher]:
    async with Catcher() as catcher:
        yield catcher


@pytest_asyncio.fixture(scope="session")
async def canopy(
    postgres: Postgres, catcher: Catcher, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    settings = load(database_url=postgres.create_database("browser"), smtp_url=catcher.url)
    await migrate(settings.database_url)
    past = sample.Past(utc_now())
    async with opened(settings):
        await sample.fill(past, mail_worker(settings, past).drain)
    catcher.mails.clear()
    log = tmp_path_factory.mktemp("canopy") / "log"
    async with Server(settings.database_url, catcher.port, log) as server:
        yield server


@pytest_asyncio.fixture
async def database(canopy: Server, postgres: Postgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres.url("browser"))
    yield connection
    await connection.close()


@pytest.fixture
def mailbox(canopy: Server, catcher: Catcher) -> Mailbox:
    return Mailbox(catcher)


@pytest.fixture
def address(canopy: Server) -> str:
    """Of the server whose pages are looked at."""
    return canopy.url


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium.path(), args=chromium.QUIET
        )
        yield browser
        await browser.close()


@pytest.fixture
def expected_errors() -> set[str]:
    """What the console is to say, in a test that brings it about: else it stays empty."""
    return set()


@pytest.fixture
def locale() -> str:
    """Of the browser."""
    return "en-US"


@pytest_asyncio.fixture
async def open_window(
    browser: Browser,
    address: str,
    locale: str,
    expected_errors: set[str],
    request: pytest.FixtureRequest,
) -> AsyncIterator[OpenWindow]:
    """Whatever its pages ask of others is refused, by HTTP or a socket; at the end nothing was, and
    all is well. Where a test fails, what its pages showed is told.
    """
    contexts: list[BrowserContext] = []
    asked: list[str] = []
    said: list[str] = []
    refused_there: list[str] = []
    refused = await _refused_for_form(address)

    async def only_ours(route: Route) -> None:
        if route.request.url.startswith(f"{address}/"):
            await route.continue_()
        else:
            asked.append(route.request.url)
            await route.abort()

    def heard_of(socket: WebSocket) -> None:
        if not socket.url.startswith(f"{address.replace('http', 'ws', 1)}/"):
            asked.append(socket.url)
        socket.on("framereceived", lambda frame: refused_there.extend(_refused_in(frame)))

    async with AsyncExitStack() as windows:

        async def open_one() -> BrowserContext:
            context = await windows.enter_async_context(
                await browser.new_context(
                    base_url=address,
                    viewport={"width": 1400, "height": 900},
                    reduced_motion="reduce",
                    locale=locale,
                )
            )
            contexts.append(context)
            context.set_default_timeout(PATIENCE)
            await context.route(re.compile("^(?!data:)"), only_ours)
            context.on("console", lambda told: said.extend(_complaints(told)))
            context.on("page", lambda page: page.on("websocket", heard_of))
            context.on("weberror", lambda told: said.append(str(told.error)))
            return context

        yield open_one
        if request.node.stash[HAS_FAILED]:
            for page in [page for context in contexts for page in context.pages]:
                shown = await page.locator("body").aria_snapshot()
                request.node.add_report_section("teardown", page.url, shown)

    assert asked == []
    assert {*said} == expected_errors
    assert refused_there == []
    assert await _refused_for_form(address) == refused


def _complaints(told: ConsoleMessage) -> Iterator[str]:
    """All but Chromium's hint where a link in a mail leads, which does not say whose it is."""
    if not (told.text.startswith(NAMELESS) and told.location["url"].endswith("/set-password")):
        yield told.text


@pytest_asyncio.fixture
async def context(open_window: OpenWindow) -> BrowserContext:
    return await open_window()


async def _refused_for_form(address: str) -> dict[str, float]:
    """How often the API has refused a request for its form until now, by the code it told."""
    told = await refusals(address)
    return {code: times for code, times in told.items() if code not in ABOUT_FACTS}


def _refused_in(frame: str | bytes) -> Iterator[str]:
    """The codes of what a socket tells, where that is a refusal for the form of what was asked."""
    match json.loads(frame):
        case {"type": "error", "payload": errors} | {"payload": {"errors": errors}}:
            codes = (error["extensions"]["code"] for error in errors)
            yield from (code for code in codes if code not in ABOUT_FACTS)


@pytest_asyncio.fixture
async def page(context: BrowserContext, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """The picture of how it ended is in var/browser."""
    page = await context.new_page()
    yield page
    await page.screenshot(path=SHOTS / f"{request.node.name}.png")


@pytest.fixture
def dashboard(page: Page) -> Dashboard:
    return Dashboard(page)


@pytest_asyncio.fixture
async def partner(open_window: OpenWindow) -> Dashboard:
    """That of somebody else, in a window of its own: what lies behind is drawn seldom."""
    return Dashboard(await (await open_window()).new_page())
