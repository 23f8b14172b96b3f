"""docs/security.md and docs/operations.md name tests and settings that there are."""

import re
from pathlib import Path
from typing import Final

import pytest

from app.settings import Settings

ROOT: Final = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "fewest"), [("operations.md", 5), ("security.md", 20)])
def test_every_test_that_is_named_is_there(name: str, fewest: int) -> None:
    told = (ROOT / "docs" / name).read_text()

    named = set(re.findall(r"`((?:tests/)?[a-z_]+/[a-z_/]+\.py)`", told))

    assert len(named) >= fewest
    for test in named:
        places = (ROOT / test, ROOT / "tests" / test)
        assert any(place.exists() for place in places), test


def test_what_is_said_to_notice_a_hole_is_a_test() -> None:
    told = (ROOT / "docs" / "security.md").read_text()
    tests = (ROOT / "tests" / "isolation" / "test_isolation.py").read_text()
    [_, table] = told.split("noticed by `test_…` |")

    named = set(re.findall(r"`([a-z_]{20,})`", table.partition("\n\n")[0]))

    assert len(named) > 5
    assert named <= set(re.findall(r"^async def test_(\w+)\(", tests, re.MULTILINE))


@pytest.mark.parametrize("name", ["operations.md", "security.md", "watching.md"])
def test_every_setting_that_is_named_is_one(name: str) -> None:
    told = (ROOT / "docs" / name).read_text()

    named = set(re.findall(r"CANOPY_[A-Z_]+", told))

    assert named
    assert named <= {f"CANOPY_{field.upper()}" for field in Settings.model_fields}
