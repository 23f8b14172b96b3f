"""What the explorer's tabs hold, as far as it can be told without a browser."""

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from schema.build import export_schema

JOURNEYS = Path(__file__).parents[2] / "explorer" / "source" / "journeys"


@pytest.mark.parametrize("journey", sorted(JOURNEYS.glob("*.graphql")), ids=lambda path: path.stem)
def test_every_operation_of_a_tab_can_be_asked(journey: Path) -> None:
    document = parse(journey.read_text())

    assert validate(build_schema(export_schema()), document) == []
