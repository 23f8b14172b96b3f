"""The charts of the overview tell what the database holds, and what the API says."""

import re

import asyncpg
import httpx
import pytest
from playwright.async_api import Locator, expect

from app.sample import HANA, MIA, PASSWORD
from tests.browser.dashboard import Dashboard, held
from tests.http.client import CREATE_COMPANY, Client
from tests.http.server import Server

BY_MONTH = """
    SELECT to_char(months.start, 'Mon YY') AS month, count(ends) AS number
      FROM generate_series(date_trunc('month', now() AT TIME ZONE $2),
                           date_trunc('month', now() AT TIME ZONE $2) + interval '12 months',
                           '1 month') AS months(start)
      LEFT JOIN (
           SELECT expires_at AT TIME ZONE $2 AS ends
             FROM users
             JOIN companies AS own ON own.id = users.company_id
             JOIN companies ON substr(companies.path, 1, length(own.path)) = own.path
             JOIN licenses ON licenses.company_id = companies.id
            WHERE users.email = $1 AND voided_at IS NULL AND expires_at > now()
              AND (companies.id = own.id OR NOT $3)
           ) AS live ON date_trunc('month', ends) = months.start
     GROUP BY months.start ORDER BY months.start
"""
TICKS = ".recharts-zIndex-layer_2000 text"
"""Of both axes: months are of two words."""
MOMENT, SPELL = 1_000, 30_000
"""Milliseconds."""
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
    months = page.get_by_role("region", name="Licenses by expiry month")
    days = page.get_by_role("region", name="License-days")
    if scope == "OWN":
        await dashboard.is_loaded()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.post_data or ""))
        async with held(page, '"scope":"OWN"'):
            await page.get_by_text("Own alone").click()
            for chart in (months, days):
                await expect(chart.get_by_role("status", name="Loading")).to_be_visible()
            await expect(months.get_by_role("row")).to_have_count(0)
            await expect(days.get_by_text("passed")).to_have_count(0)
            # What takes the longest keeps nothing waiting.
            assert not any("LicenseDays" in question for question in asked)
    await dashboard.is_loaded()

    zone = await page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    there_are = await database.fetch(BY_MONTH, who, zone, scope == "OWN")
    await expect(months.get_by_role("row")).to_have_text(
        [f"{row['month']}{row['number']:,}" for row in there_are]
    )
    bars = [row["number"] for row in there_are if row["number"]]
    if bars:
        assert await _heights(months) == pytest.approx(_shares(bars), abs=0.01)
    passed, used, idle = await _license_days(canopy, who, scope)
    await expect(days.get_by_text("passed")).to_have_text(
        f"{passed:,} passed; {used:,} of them with a learner, {idle:,} idle."
    )


async def test_few_licenses_are_told_in_whole_ones(dashboard: Dashboard, canopy: Server) -> None:
    page = dashboard.page
    async with httpx.AsyncClient(base_url=canopy.url) as http:
        hana = await Client(http).sign_in(HANA, PASSWORD)
        one = {"kind": "CUSTOMER", "name": "Oak Optics", "order": {"quantity": 1}}
        await hana.done(CREATE_COMPANY, input=one)
    await dashboard.sign_in(HANA)
    await dashboard.manage("Oak Optics")
    await dashboard.go("Overview")
    await dashboard.is_loaded()

    months = page.get_by_role("region", name="Licenses by expiry month")
    numbers = months.locator(TICKS).filter(has_text=re.compile(r"^\S+$"))
    await expect(numbers).to_have_text(["0", "1", "2", "3", "4"])


async def test_charts_are_read_again_twice_a_minute_at_most(dashboard: Dashboard) -> None:
    """However often somebody comes back to the window."""
    page, asked = dashboard.page, list[str]()
    await page.clock.install()
    await dashboard.sign_in(MIA)
    await dashboard.open("/overview")
    await dashboard.is_loaded()
    page.on("request", lambda request: asked.append(request.post_data or ""))
    async with (
        page.expect_request(lambda request: "LicensesByMonth" in (request.post_data or "")),
        page.expect_request(lambda request: "LicenseDays" in (request.post_data or "")),
    ):
        for _ in range(3):
            await page.evaluate("dispatchEvent(new Event('focus'))")
            await page.clock.run_for(MOMENT)
        await page.clock.fast_forward(SPELL)

    for chart in ("LicensesByMonth", "LicenseDays"):
        assert sum(chart in question for question in asked) == 1


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
    return [int(days) for days in viewer["company"]["licenseSummary"].values()]
