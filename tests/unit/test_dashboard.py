"""What can be told of the dashboard without building it."""

import re
from pathlib import Path

import pytest
from graphql import assert_enum_type, assert_input_object_type, build_schema, get_named_type

from app.pages import DASHBOARD_PAGES

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "dashboard" / "source"
ROUTES = SOURCE / "routes.tsx"
SCHEMA = build_schema((ROOT / "schema" / "schema.graphql").read_text())
CHOICE = re.compile(r'name: "(\w+)",[^{}]*?kind: "choice",\s*options: \[([^\]]+)\]')
FILTERS = {
    "Licenses": "LicenseFilter",
    "Orders": "OrderFilter",
    "SentMail": "NotificationFilter",
    "Users": "UserFilter",
}
"""Of the API, by page."""


def test_every_page_that_its_router_knows_is_served() -> None:
    paths = re.findall(r'path: "([^"*/]+[^"*]*)"', ROUTES.read_text())

    known = {"/"} | {"/" + re.sub(r":(\w+)", r"{\1}", path) for path in paths}
    assert known == set(DASHBOARD_PAGES)


@pytest.mark.parametrize("page", FILTERS)
def test_filters_offer_every_value_that_there_is(page: str) -> None:
    fields = assert_input_object_type(SCHEMA.type_map[FILTERS[page]]).fields
    offered = CHOICE.findall((SOURCE / "pages" / f"{page}.tsx").read_text())

    assert offered
    for name, options in offered:
        values = assert_enum_type(get_named_type(fields[name].type)).values
        assert {*re.findall(r"\w+", options)} == {*values}, name
