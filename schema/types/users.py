"""People."""

from datetime import datetime
from uuid import UUID

import strawberry

from models import users as models
from models.outbox import NotificationTemplate
from models.users import UserRole, UserStatus
from resolvers.reading.companies import company_by_id
from resolvers.reading.licenses import allocations_of_user, license_held
from schema.connections import Connection, paged
from schema.edges import edge
from schema.types.lazy import Allocation, Company, License
from schema.types.nodes import Node, column


@strawberry.type(description="A person of a company.")
class User(Node, model=models.User):
    company_id: strawberry.Private[UUID]
    email: str = column("The address; one user on the whole platform has it.")
    first_name: str = column("The given name; may be empty.")
    last_name: str = column("The family name; may be empty.")
    name: str = column("The full name, or the address where nobody gave one.")
    department: str | None = column("Where in the company.")
    role: UserRole = column("What they are in their company.")
    status: UserStatus = column("Whether they have come in.")
    external_id: str | None = column(
        "What a directory calls this person; unique in the company. "
        "An import matches by it first, then by email."
    )
    last_sign_in_at: datetime | None = column("When they last signed in.")
    created_at: datetime = column("When they were added.")
    updated_at: datetime = column("When they were last changed.")
    muted_templates: list[NotificationTemplate] = column("The mails this manager does not want.")
    company: Company = edge(
        company_by_id,
        key="company_id",
        description="In manage mode the viewer's own company has its plain fields only: "
        "lists and counts are empty.",
    )
    license: License | None = edge(
        license_held, tells=("id",), description="The live license this user holds, if any."
    )
    allocations: Connection[Allocation] = edge(
        allocations_of_user,
        takes=paged(),
        selective=True,
        tells=("id",),
        description="The stays of licenses with this user, newest first.",
    )
