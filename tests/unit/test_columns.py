"""What is read of the rows that come along with others."""

from typing import Any

import strawberry
from graphql import FieldNode, parse

from models.access import NOBODYS_SESSION
from resolvers.reading.by_id import Along
from resolvers.reading.companies import company_by_id
from resolvers.reading.users import user_by_id
from schema.columns import _along
from schema.edges import edge
from schema.selections import Selections
from schema.types.companies import Company
from schema.types.users import User


@strawberry.type(description="Names one id, under which there may be a company or a user.")
class Named:
    subject_id: strawberry.Private[Any] = NOBODYS_SESSION

    company: Company | None = edge(company_by_id, key="subject_id", description="The company.")
    user: User | None = edge(user_by_id, key="subject_id", description="The user.")


def test_rows_of_two_kinds_by_one_column_are_each_asked_for_their_own() -> None:
    core = strawberry.Schema(query=Named)._schema
    document: Any = parse("{ named { company { country } user { department } } }")
    nodes: list[FieldNode] = document.definitions[0].selection_set.selections

    along = _along(core.query_type, nodes, Selections({}, {}))  # type: ignore[arg-type]

    assert set(along) == {
        Along("subject_id", company_by_id, frozenset({"country"})),
        Along("subject_id", user_by_id, frozenset({"department"})),
    }
