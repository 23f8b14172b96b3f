"""The charts of the overview tell what the database holds, and what the API says."""

import re

import asyncpg
import httpx
import pytest
from playwright.async_api import Locator

from app.sample import HANA, MIA, PASSWORD
from tests.browser.dashboard import Dashboard
from tests.http.client import Client
from tests.http.server import Server

BY_MONTH = """
    SELECT to_char(expires_at AT TIME ZONE $2, 'Mon YY') AS month, count(*) AS number
      FROM users
      JOIN companies AS own ON own.id = users.company_id
      JOIN companies ON substr(companies.path, 1, length(own.path)) = own.path
      JOIN licenses ON licenses.company_id = companies.id
     WHERE users.email = $1 AND voided_at IS NULL AND expires_at > now()
       AND (companies.id = own.id OR NOT $3)
     GROUP BY 1
"""
DAYS = """
query($scope: Scope) {
  viewer { company { licenseSummary(scope: $scope) {
    licenseDaysElapsed licenseDaysUsed licenseDaysIdle
  } } }
}"""


@pytest.mark.parametrize(("who", "scope"), [(HANA, "SUBTREE"), (HANA, "OWN"), (MIA, "SUBTREE")])
async def test_the_charts_tell_what_there_is(
    dashboard: Dashboard, canopy: Server, database: asyncpg.Connection, who: str, scope: str
) -> None:
    page = dashboard.page
    await dashboard.sign_in(who)
    await dashboard.open("/overview")
    if scope == "OWN":
        await page.get_by_text("Own alone").click()
    await dashboard.is_loaded()
    months = page.get_by_role("region", name="Licenses by expiry month")
    days = page.get_by_role("region", name="License-days")

    zone = await page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    there_are = await database.fetch(BY_MONTH, who, zone, scope == "OWN")
    told = {month: number for month, number in await _numbers_by_month(months) if number}
    assert told == {row["month"]: row["number"] for row in there_are}
    assert await _heights(months) == pytest.approx(_shares([*told.values()]), abs=0.01)

    text = await days.get_by_text("passed").inner_text()
    assert [int(number) for number in re.findall(r"\d+", text.replace(",", ""))] == (
        await _license_days(canopy, who, scope)
    )


async def _numbers_by_month(chart: Locator) -> list[tuple[str, int]]:
    rows = await chart.get_by_role("row").all_inner_texts()
    cells = [row.split("\t") for row in rows]
    return [(month, int(number.replace(",", ""))) for month, number in cells]


async def _heights(chart: Locator) -> list[float]:
    """Of the bars that are drawn, to the tallest of them."""
    bars = await chart.locator(".recharts-bar-rectangle path").all()
    return _shares([float(await bar.get_attribute("height") or 0) for bar in bars])


def _shares(numbers: list[float]) -> list[float]:
    return [number / max(numbers) for number in numbers]


async def _license_days(canopy: Server, who: str, scope: str) -> list[int]:
    async with httpx.AsyncClient(base_url=canopy.url) as http:
        client = await Client(http).sign_in(who, PASSWORD)
        viewer = await client.ask(DAYS, scope=scope)
    return [*viewer["company"]["licenseSummary"].values()]
