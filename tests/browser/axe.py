"""What axe finds wrong."""

from typing import Any, Final

from playwright.async_api import Page

from tests.browser.conftest import ROOT

AXE: Final = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
COLORS: Final = {"type": "rule", "values": ["color-contrast"]}


async def faults(page: Page, rules: dict[str, Any], within: str = "html") -> list[str]:
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    result = await page.evaluate("([within, rules]) => axe.run(within, rules)", [within, rules])
    return [
        f"{fault['impact']} {fault['id']}: {node['failureSummary']} {node['html'][:200]}"
        for fault in result["violations"]
        for node in fault["nodes"]
    ]
