"""What can be told of the dashboard without building it."""

import re
from pathlib import Path

from app.pages import DASHBOARD_PAGES

ROUTES = Path(__file__).parents[2] / "dashboard" / "source" / "routes.tsx"


def test_every_page_that_its_router_knows_is_served() -> None:
    paths = re.findall(r'path: "([^"*]+)", lazy', ROUTES.read_text())

    known = {"/"} | {"/" + re.sub(r":(\w+)", r"{\1}", path) for path in paths}
    assert known == set(DASHBOARD_PAGES)
