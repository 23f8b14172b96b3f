"""`make demo` opens into the dashboard, where one click signs in."""

import re

import pytest
from playwright.async_api import expect

from app.sample import GWEN, LOGINS
from tests.browser.dashboard import Dashboard

HOMES = {"customer": "Licenses", "learner": "My license"}


@pytest.fixture
def address(demo: str) -> str:
    return demo


async def test_each_of_the_demos_people_signs_in_by_one_click(dashboard: Dashboard) -> None:
    await dashboard.page.goto("/")
    for email, who in LOGINS.items():
        await dashboard.page.get_by_role("button", name=email).click()
        home = HOMES.get(who.partition(" ")[0], "Company")
        await expect(dashboard.heading).to_have_text(home)
        await dashboard.sign_out()
    await dashboard.page.get_by_role("button", name=GWEN).click()
    await expect(dashboard.page.get_by_text(re.compile("Until .+ days left"))).to_be_visible()
