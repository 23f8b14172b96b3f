"""A demo, and pages of a real browser that reach it and nothing else."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright

from tests.app import commands
from tests.browser import chromium

PATIENCE = 15_000
"""Milliseconds for whatever a test waits for."""
SHOTS = Path(__file__).parents[2] / "var" / "browser"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with commands.demo(tmp_path_factory.mktemp("demo")) as address:
        yield address


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium.path(), args=chromium.QUIET
        )
        yield browser
        await browser.close()


@pytest.fixture
def expected_errors() -> list[str]:
    """What the console is to say, in a test that brings it about."""
    return []


@pytest_asyncio.fixture
async def context(
    browser: Browser, demo: str, expected_errors: list[str]
) -> AsyncIterator[BrowserContext]:
    """Whatever its pages ask of others is refused; at the end nothing was, and all is well."""
    asked, said = [], []

    async def only_ours(route: Route) -> None:
        if route.request.url.startswith(f"{demo}/"):
            await route.continue_()
        else:
            asked.append(route.request.url)
            await route.abort()

    async with await browser.new_context(
        base_url=demo, viewport={"width": 1400, "height": 900}
    ) as context:
        context.set_default_timeout(PATIENCE)
        await context.route(re.compile("^(?!data:)"), only_ours)
        context.on("console", lambda told: said.append((told.type, told.text)))
        context.on("weberror", lambda told: said.append(("error", str(told.error))))
        yield context

    assert asked == []
    assert [text for kind, text in said if kind == "error"] == expected_errors


@pytest_asyncio.fixture
async def page(context: BrowserContext, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """The picture of how it ended is in var/browser."""
    page = await context.new_page()
    yield page
    await page.screenshot(path=SHOTS / f"{request.node.name}.png")
