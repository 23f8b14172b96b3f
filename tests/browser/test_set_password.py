"""The page that mails link to: from the mail in the box to a sign-in with the new password."""

import httpx
import pytest
from playwright.async_api import BrowserContext, Page, expect

HUGO = "hugo.ito@juniper.example"
"""A learner of the demo, who has no password yet: those of others are known."""
RESET = f'mutation {{ requestPasswordReset(input: {{email: "{HUGO}"}}) {{ errors {{ code }} }} }}'
NEW = "seven bright lanterns"


@pytest.fixture
def address(demo: str) -> str:
    return demo


async def test_a_link_in_a_mail_sets_the_password(
    page: Page, context: BrowserContext, demo: str
) -> None:
    async with httpx.AsyncClient(base_url=demo) as client:
        await client.post("/graphql", json={"query": RESET})
    await page.goto("/mail")
    mail = page.get_by_role("row", name=HUGO).get_by_role("link", name="password")
    await mail.first.click()  # the list loads itself anew until it has come
    link = page.frame_locator("iframe").get_by_role("link").first
    async with context.expect_page() as opened:
        await link.click()
    form = await opened.value

    await form.get_by_label("New password").fill(NEW)
    await form.get_by_label("The same password again").fill("another one, longer")
    await form.get_by_role("button", name="Set password").click()
    await expect(form.get_by_text("The two passwords differ.")).to_be_visible()
    await form.get_by_label("The same password again").fill(NEW)
    await form.get_by_role("button", name="Set password").click()
    await expect(form.get_by_role("heading")).to_have_text("Your password is set")

    assert "token" not in form.url
    await form.goto("/graphql")
    await form.get_by_label("Email").fill(HUGO)
    await form.get_by_label("Password").fill(NEW)
    await form.get_by_role("button", name="Sign in").click()
    await expect(form.get_by_role("banner")).to_contain_text("Hugo Ito of Juniper Hotels")


async def test_a_link_without_a_token_says_so(page: Page) -> None:
    await page.goto("/set-password")

    await expect(page.get_by_text("This page is opened by the link in a mail")).to_be_visible()
    await expect(page.get_by_label("New password")).to_be_hidden()
