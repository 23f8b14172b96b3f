"""Where there are thousands of companies, pages ask for a page of them at a time."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Request, expect

from app.clock import utc_now
from app.database import connected, migrate
from app.sample import PASSWORD
from app.seeding.filling import seed
from app.seeding.tree import Size
from app.settings import load
from models.companies import LABEL_LENGTH, Company, CompanyKind
from models.database import analyze, rows
from models.users import User
from resolvers.passwords import hash_password
from tests.browser.dashboard import Dashboard, held
from tests.http.server import Server
from tests.postgres import Postgres

MANY: Final = Size(companies=2_000, learners=1_000, licenses=2_000)
TIMES: Final = 11
MULTIPLY: Final = f"""
    INSERT INTO companies
    SELECT (jsonb_populate_record(companies, jsonb_build_object(
               'id', gen_random_uuid(),
               'name', name || ' ' || copy,
               'name_key', name_key || ' ' || copy,
               'path', left(path, -{LABEL_LENGTH + 1})
                       || left(md5(id::text || copy), {LABEL_LENGTH}) || '/'
           ))).*
      FROM companies, generate_series(2, $1::int) AS copy
     WHERE kind = 'CUSTOMER'
"""
"""Beside each customer others like it, which have nobody and nothing: so many take seconds."""
PAGE: Final = 50
"""Rows that are read at once, at most."""


@dataclass(frozen=True)
class Seen:
    """By the account manager of the vendor."""

    email: str
    partners: int
    """Of the one distributor."""
    customers: int
    one: str
    """Of these, by its name."""


@pytest_asyncio.fixture(scope="module")
async def vendor(postgres: Postgres) -> Seen:
    url = postgres.create_database("many")
    await migrate(url)
    email = await seed(load(database_url=url), utc_now, MANY, 1)
    async with connected(url):
        await User.filter(email=email).update(password_hash=await hash_password(PASSWORD))
        await rows(MULTIPLY, TIMES)
        await analyze(["companies"])
        customers = Company.filter(kind=CompanyKind.CUSTOMER, is_archived=False)
        one = await customers.filter(name__endswith=f" {TIMES}").order_by("name").first()
        assert one is not None
        return Seen(
            email,
            await Company.filter(parent__kind=CompanyKind.DISTRIBUTOR).count(),
            await customers.count(),
            one.name,
        )


@pytest_asyncio.fixture(scope="module")
async def many(
    postgres: Postgres, vendor: Seen, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    log: Path = tmp_path_factory.mktemp("many") / "log"
    async with Server(postgres.url("many"), 1, log) as server:
        yield server


@pytest.fixture
def address(many: Server) -> str:
    return many.url


async def test_no_request_asks_for_more_than_a_page(dashboard: Dashboard, vendor: Seen) -> None:
    page = dashboard.page
    asked: list[int] = []
    page.on("request", lambda request: asked.extend(_rows_asked(request)))

    await dashboard.sign_in(vendor.email)
    tree = page.get_by_role("tree", name="Companies")
    distributor = tree.get_by_role("treeitem").nth(1)
    await distributor.get_by_text("Distributor").click()
    await expect(distributor).to_have_attribute("aria-expanded", "true")
    await dashboard.click("Show more")
    await expect(tree.get_by_role("link")).to_have_count(2 + vendor.partners)
    await tree.get_by_role("treeitem").nth(2).get_by_text("Partner").click()
    await expect(tree.get_by_role("link")).to_have_count(2 + vendor.partners + PAGE)

    await page.get_by_text("Customers", exact=True).click()
    assert vendor.customers > 20_000
    await expect(page.get_by_text(f"{vendor.customers:,} companies", exact=True)).to_be_visible()
    await page.get_by_label("Search companies").fill(vendor.one)
    await expect(page.get_by_text("1 company", exact=True)).to_be_visible()
    await expect(page.get_by_role("link", name=vendor.one)).to_be_visible()
    await page.get_by_label("Search companies").fill("a")
    await dashboard.add_filter("Country", "is", "DE")
    await dashboard.is_loaded()
    await expect(page.get_by_role("row")).to_have_count(26)
    first = await page.locator("tbody").get_by_role("link").first.inner_text()
    async with held(page, "query Companies"):
        await page.get_by_role("button", name="Next").dblclick()
    await expect(page.get_by_role("link", name=first, exact=True)).to_have_count(0)
    await page.go_back()
    await expect(page.get_by_role("link", name=first, exact=True)).to_be_visible()
    for address in ("/orders/requested", "/overview", "/sent-mail", "/audit-trail"):
        await dashboard.open(address)
    assert max(asked) == PAGE


def _rows_asked(request: Request) -> Iterator[int]:
    """By the arguments of a request of the API, in its document and besides."""
    if request.url.endswith("/graphql") and request.method == "POST":
        for number in re.findall(r'"?\b(?:first|last)\b"?: ?(\d+)', request.post_data or ""):
            yield int(number)
