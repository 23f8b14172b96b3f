"""What a page of the dashboard loads."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from app import pages
from app.asgi import create_app
from app.settings import load

SCRIPT = b"export const words = ['canopy', 'canopy', 'canopy'];\n" * 200
NAME = "/assets/index-Ab3_x9Zq.js"


@pytest_asyncio.fixture
async def browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "index.html").write_text("")
    (tmp_path / "assets").mkdir()
    (tmp_path / NAME[1:]).write_bytes(SCRIPT)
    monkeypatch.setattr(pages, "DASHBOARD", tmp_path)
    transport = httpx.ASGITransport(app=create_app(load(_env_file=None)))
    async with httpx.AsyncClient(transport=transport, base_url="http://canopy.test") as browser:
        yield browser


async def test_scripts_are_sent_compressed_to_who_can_read_that(browser: httpx.AsyncClient) -> None:
    packed = await browser.get(NAME, headers={"Accept-Encoding": "gzip, br"})
    plain = await browser.get(NAME, headers={"Accept-Encoding": "identity"})

    assert packed.content == plain.content == SCRIPT
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(SCRIPT) / 10
    assert "content-encoding" not in plain.headers
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_what_a_browser_has_already_is_not_sent_again(browser: httpx.AsyncClient) -> None:
    had = await browser.get(NAME, headers={"Accept-Encoding": "gzip"})

    again = await browser.get(
        NAME, headers={"Accept-Encoding": "gzip", "If-None-Match": had.headers["etag"]}
    )

    assert (again.status_code, again.content) == (304, b"")
