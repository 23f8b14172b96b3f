"""`make demo` opens into the dashboard, where one click signs in."""

import pytest
from playwright.async_api import expect

from app.sample import LOGINS
from tests.browser.dashboard import Dashboard


@pytest.fixture
def address(demo: str) -> str:
    return demo


async def test_each_of_the_demos_people_signs_in_by_one_click(dashboard: Dashboard) -> None:
    await dashboard.page.goto("/")
    for email, who in LOGINS.items():
        await dashboard.page.get_by_role("button", name=email).click()
        home = "Licenses" if who.startswith("customer") else "Company"
        await expect(dashboard.heading).to_have_text(home)
        await dashboard.sign_out()
