"""Licenses, and their stays with learners."""

from datetime import datetime
from uuid import UUID

import strawberry

from models import licenses as models
from models.licenses import LicenseStatus, LicenseType, ReleaseReason
from resolvers.reading.companies import company_by_id
from resolvers.reading.licenses import allocations_of_license, license_of_stay
from resolvers.reading.orders import order_by_id
from resolvers.reading.people import person
from resolvers.reading.users import user_by_id
from schema.columns import TELLS
from schema.connections import Connection, paged
from schema.context import Info
from schema.edges import edge
from schema.execution.declared import INLINE, Inline
from schema.types.lazy import Company, Order, User
from schema.types.nodes import Node, column
from schema.types.people import Contact


@strawberry.type(description="One seat, for one learner at a time.")
class License(Node, model=models.License):
    company_id: strawberry.Private[UUID]
    order_id: strawberry.Private[UUID]
    holder_id: strawberry.Private[UUID | None]
    type: LicenseType = column("What it is for.")
    assigned_at: datetime = column("When its clock began to run.")
    allocated_at: datetime | None = column("When its holder got it.")
    expires_at: datetime | None = column("Null: never.")
    updated_at: datetime = column("The last change by anybody; the clock's expiry is none.")
    company: Company = edge(company_by_id, key="company_id", description="Whose it is.")
    order: Order | None = edge(
        order_by_id, key="order_id", description="The order that brought it. Null to a learner."
    )
    user: User | None = edge(
        user_by_id, key="holder_id", description="The holder; after expiry, the last one."
    )
    allocations: "Connection[Allocation]" = edge(
        allocations_of_license,
        takes=paged(),
        selective=True,
        tells=("id",),
        description="Its stays with learners, newest first.",
    )

    @strawberry.field(
        description="Told from the clock at the moment of asking; never stored.",
        metadata={
            TELLS: ("status_at",),
            INLINE: Inline(
                "{told}({context}.reader.now, {0.voided_at}, {0.expires_at}, {0.holder_id})",
                uses={"told": models.statuses},
            ),
        },
    )
    def status(self, info: Info) -> LicenseStatus:
        status: LicenseStatus = self.row.status_at(info.context.reader.now)
        return status

    @strawberry.field(
        description="Whole days of 24 hours left, 0 on the last and after; null: never expires.",
        metadata={
            TELLS: ("days_remaining",),
            INLINE: Inline("[each.days_remaining({context}.reader.now) for each in {0}]"),
        },
    )
    def days_remaining(self, info: Info) -> int | None:
        days: int | None = self.row.days_remaining(info.context.reader.now)
        return days


@strawberry.type(
    description="One stay of a license with a learner; the rows of a license are its history."
)
class Allocation(Node, model=models.Allocation):
    license_id: strawberry.Private[UUID]
    user_id: strawberry.Private[UUID]
    allocated_by_id: strawberry.Private[UUID | None]
    allocated_at: datetime = column("When it began.")
    released_at: datetime | None = column("When it ended, be it by the clock.")
    release_reason: ReleaseReason | None = column("Why it ended.")
    license: License = edge(license_of_stay, key="license_id", description="The license.")
    user: User = edge(user_by_id, key="user_id", description="The learner.")
    allocated_by: Contact | None = edge(
        person, key="allocated_by_id", description="Who allocated it. Null to a learner."
    )
