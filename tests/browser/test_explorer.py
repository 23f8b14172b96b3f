"""The explorer at /graphql: signs in, and runs what its tabs hold."""

import json
import re
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, Response, expect

from app.sample import ELI, HANA, PASSWORD

COPY = "text => navigator.clipboard.writeText(text)"


@pytest.fixture
def address(demo: str) -> str:
    return demo


class Explorer:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.bar = page.get_by_role("banner")
        self.result = page.get_by_label("Result Window")

    async def sign_in(self, email: str, password: str = PASSWORD) -> None:
        await self.page.get_by_label("Email").fill(email)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()

    async def show(self, first_operation: str) -> None:
        await self.page.get_by_role("tab", name=first_operation).click()

    async def run(self, operation: str, **variables: object) -> Any:
        """The data of the answer to one of the operations of the tab."""
        if variables:
            await self.write_variables(**variables)
        async with self.page.expect_response(lambda got: asked_by(got) == operation) as awaited:
            await self.choose(operation)
        answer = await (await awaited.value).json()
        await expect(self.result).to_contain_text("data")
        assert "errors" not in answer
        return answer["data"]

    async def choose(self, operation: str) -> None:
        await self.page.get_by_role("button", name="Execute query").click()
        await self.page.get_by_role("menuitem", name=operation, exact=True).click()

    async def write_variables(self, **variables: object) -> None:
        await self.page.get_by_role("region", name="Variables").click()
        await self.page.evaluate(COPY, json.dumps(variables))
        await self.page.keyboard.press("Control+A")
        await self.page.keyboard.press("Control+V")


def asked_by(response: Response) -> str | None:
    """The name of the operation that this answers."""
    asked = response.request.post_data_json if response.request.method == "POST" else None
    return asked.get("operationName") if asked else None


@pytest_asyncio.fixture
async def explorer(page: Page) -> Explorer:
    await page.context.grant_permissions(["clipboard-write"])
    return await opened(page)


async def opened(page: Page) -> Explorer:
    await page.goto("/graphql")
    document = page.locator(".graphiql-query-editor .view-lines")
    await expect(document).to_contain_text("Sign in above")
    return Explorer(page)


async def test_a_wrong_password_is_told(explorer: Explorer) -> None:
    await explorer.sign_in(ELI, "not the password")

    await expect(explorer.bar.get_by_role("alert")).not_to_be_empty()
    await expect(explorer.bar.get_by_role("button", name="Sign in")).to_be_enabled()


async def test_a_customer_orders_and_its_partner_assigns(explorer: Explorer) -> None:
    await expect(explorer.page.get_by_role("region", name="Variables")).to_contain_text("emails")
    await explorer.sign_in(ELI)
    await expect(explorer.bar).to_contain_text("Eli Roth of Elm Foods")
    requested = await explorer.run("CustomerRequests")
    order = requested["requestLicenses"]["order"]
    await explorer.bar.get_by_role("button", name="Sign out").click()
    await explorer.sign_in(HANA)
    await expect(explorer.bar).to_contain_text("Hana Okada of Harbor IT")
    waiting = await explorer.run("CustomerOrders")
    assigned = await explorer.run("CustomerIsAssigned", order=order["id"])

    assert order["status"] == "REQUESTED"
    assert requested["requestLicenses"]["notifications"] == [
        {"template": "ORDER_REQUESTED", "recipient": HANA}
    ]
    assert order["id"] in [edge["node"]["id"] for edge in waiting["orders"]["edges"]]
    assert assigned["assignOrder"]["order"]["status"] == "ASSIGNED"
    assert assigned["assignOrder"]["errors"] == []


async def test_a_partner_orders_in_manage_mode(explorer: Explorer) -> None:
    await explorer.sign_in(HANA)
    await expect(explorer.bar).to_contain_text("Hana Okada of Harbor IT")
    await explorer.show("PartnerCustomers")
    customers = (await explorer.run("PartnerCustomers"))["companies"]["edges"]
    [company] = [edge["node"]["id"] for edge in customers if edge["node"]["name"] == "Elm Foods"]

    await explorer.run("PartnerEnters", company=company)
    await expect(explorer.bar).to_contain_text("Hana Okada manages Elm Foods")
    requested = await explorer.run("PartnerRequests")
    await explorer.run("PartnerExits")
    await expect(explorer.bar).to_contain_text("Hana Okada of Harbor IT")
    order = requested["requestLicenses"]["order"]
    assigned = await explorer.run("PartnerAssigns", order=order["id"])
    learners = await explorer.run("PartnerLearners", company=company)
    email = learners["company"]["users"]["edges"][0]["node"]["email"]
    allocated = await explorer.run("PartnerAllocates", company=company, emails=[email])

    assert order["origin"] == "PARTNER_ON_BEHALF"
    assert order["viewerCan"]["assign"]["allowed"] is False
    assert assigned["assignOrder"]["order"]["status"] == "ASSIGNED"
    assert len(allocated["allocateLicenses"]["licenses"]) == 1


async def test_counts_are_told_as_they_change(explorer: Explorer, context: BrowserContext) -> None:
    await explorer.sign_in(ELI)
    await expect(explorer.bar).to_contain_text("Eli Roth")
    order = (await explorer.run("CustomerRequests"))["requestLicenses"]["order"]
    await explorer.show("WatchOrders")
    await explorer.write_variables(company=order["company"]["id"])
    await explorer.choose("WatchLicenses")
    await expect(explorer.result).to_contain_text("requested")
    [before] = re.findall(r'"requested":\s*(\d+)', await explorer.result.inner_text())

    other = await opened(await context.new_page())
    await other.sign_in(ELI)
    await expect(other.bar).to_contain_text("Eli Roth")
    await other.show("CustomerRequests")
    await other.run("CustomerRequests")

    await expect(explorer.result).to_contain_text(re.compile(rf'"requested":\s*{int(before) + 3}'))
    await explorer.page.get_by_role("button", name="Stop query").click()
    await expect(explorer.page.get_by_role("button", name="Execute query")).to_be_visible()


async def test_who_is_signed_in_stays_so_when_the_page_is_loaded_again(explorer: Explorer) -> None:
    await explorer.sign_in(HANA)
    await expect(explorer.bar).to_contain_text("Hana Okada")

    await explorer.page.reload()

    await expect(explorer.bar).to_contain_text("Hana Okada of Harbor IT")


async def test_it_knows_the_schema(explorer: Explorer) -> None:
    await explorer.page.get_by_role("button", name="Show Documentation Explorer").click()

    docs = explorer.page.locator(".graphiql-doc-explorer")
    await expect(docs).to_contain_text("Mutation")


async def test_its_files_are_kept_and_its_page_is_not(demo: str) -> None:
    async with httpx.AsyncClient(base_url=demo) as client:
        page = await client.get("/graphql", headers={"Accept": "text/html"})
        script = page.text.partition('src="')[2].partition('"')[0]
        file = await client.get(f"/{script}")
        elsewhere = await client.get("/explorer/assets/../index.html")

    assert page.headers["cache-control"] == "no-cache"
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert file.headers["content-type"] == "text/javascript; charset=utf-8"
    assert elsewhere.status_code == 404
