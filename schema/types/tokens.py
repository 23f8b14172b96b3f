"""API tokens."""

from datetime import datetime
from uuid import UUID

import strawberry

from models import tokens as models
from models.tokens import ApiScope
from resolvers.reading.companies import company_by_id
from resolvers.reading.people import person_or_somebody
from schema.edges import edge
from schema.types.companies import Company
from schema.types.nodes import Node, column
from schema.types.people import Contact


@strawberry.type(
    description="What a program asks with, in its creator's name: never with more than that "
    "person's rights now, and for its scopes only."
)
class ApiToken(Node, model=models.ApiToken):
    company_id: strawberry.Private[UUID]
    created_by_id: strawberry.Private[UUID]
    name: str = column("What it is for.")
    prefix: str = column("The first characters, to tell tokens apart; the whole is shown once.")
    scopes: list[ApiScope] = column("What it may be used for.")
    created_at: datetime = column("When it was made.")
    expires_at: datetime | None = column("When it ends by itself. Null: never.")
    last_used_at: datetime | None = column("When it was used last, to the minute.")
    revoked_at: datetime | None = column(
        "When it was ended: by somebody, or with its creator's rights."
    )
    company: Company = edge(
        company_by_id, key="company_id", description="It acts on this company and those beneath."
    )
    created_by: Contact = edge(
        person_or_somebody, key="created_by_id", description="In whose name it acts."
    )
