"""The viewer, and stays in manage mode."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry

from models import sessions as models
from models.access import Caller
from resolvers.reading.companies import company_by_id
from resolvers.reading.people import person_or_somebody
from resolvers.reading.sessions import manage_session_by_id
from resolvers.reading.users import user_by_id
from schema.edges import edge, wraps
from schema.types.companies import Company
from schema.types.nodes import Node, column
from schema.types.people import Contact
from schema.types.users import User


@strawberry.type(description="A stay of an account manager in a company beneath.")
class ManageSession(Node, model=models.Session):
    user_id: strawberry.Private[UUID]
    company_id: strawberry.Private[UUID]
    reason: str | None = column("Why it was entered.")
    started_at: datetime = column("When it was entered.")
    expires_at: datetime = column("When it ends by itself.")
    ended_at: datetime | None = column("When it was ended before that.")
    actor: Contact = edge(person_or_somebody, key="user_id", description="Who entered.")
    company: Company = edge(company_by_id, key="company_id", description="The managed company.")


@strawberry.type(description="Who is asking.")
class Viewer:
    user_id: strawberry.Private[UUID]
    company_id: strawberry.Private[UUID]
    session_id: strawberry.Private[UUID | None]
    user: User = edge(user_by_id, key="user_id", description="The person who is asking.")
    company: Company = edge(
        company_by_id,
        key="company_id",
        description="The company acted for: the user's own, or the managed one in manage mode.",
    )
    manage_session: ManageSession | None = edge(
        manage_session_by_id, key="session_id", description="Set in manage mode only."
    )

    @classmethod
    def of(cls, caller: Caller) -> Self:
        return cls(
            user_id=caller.user_id,
            company_id=caller.company_id,
            session_id=caller.session_id if caller.managing else None,
        )


wraps(Caller, Viewer.of)
