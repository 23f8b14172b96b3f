"""Orders."""

from datetime import datetime
from uuid import UUID

import strawberry

from models import orders as models
from models.licenses import LicenseType
from models.orders import OrderOrigin, OrderStatus
from resolvers.reading.companies import company_by_id
from resolvers.reading.licenses import licenses_of_order
from resolvers.reading.people import person
from resolvers.reading.permissions import order_rules
from resolvers.reading.summaries import (
    order_days_elapsed,
    order_days_idle,
    order_days_used,
)
from schema.connections import Connection, paged
from schema.edges import edge
from schema.filters import LicenseFilter, LicenseOrder
from schema.types.lazy import Company, License
from schema.types.nodes import Node, column
from schema.types.people import Contact
from schema.types.permissions import OrderPermissions


@strawberry.type(description="A company's request for licenses from the company above it.")
class Order(Node, model=models.Order):
    company_id: strawberry.Private[UUID]
    on_behalf_of_id: strawberry.Private[UUID | None]
    requested_by_id: strawberry.Private[UUID | None]
    assigned_by_id: strawberry.Private[UUID | None]
    decided_by_id: strawberry.Private[UUID | None]
    number: str = column(
        "For people: unique and short; it tells nothing of how many others there are."
    )
    license_type: LicenseType = column("What is asked for.")
    quantity: int = column("How many licenses are asked for.")
    assigned_quantity: int = column("How many of them are assigned.")
    status: OrderStatus = column("How far it is.")
    origin: OrderOrigin = column("How it came about.")
    purchase_order: str | None = column("The purchase order that pays for it.")
    note: str | None = column("A note to the account manager.")
    requested_at: datetime = column("When it was requested.")
    updated_at: datetime = column("When it was last changed.")
    assigned_at: datetime | None = column("The last time, where it was assigned in parts.")
    expires_at: datetime | None = column(
        "The latest expiry of the licenses that it brought; null before assignment and for NFR."
    )
    decided_at: datetime | None = column("When it was declined, cancelled or returned.")
    decision_reason: str | None = column("Why it was declined, cancelled or returned.")
    reminded_at: datetime | None = column("The last reminder to those who are to assign it.")
    company: Company = edge(company_by_id, key="company_id", description="Who ordered.")
    requested_by: Contact | None = edge(
        person, key="requested_by_id", description="Who requested it."
    )
    on_behalf_of: Company | None = edge(
        company_by_id,
        key="on_behalf_of_id",
        description="The managed company when requested in manage mode, else the ordering one "
        "when requested from above. Null where out of sight.",
    )
    assigned_by: Contact | None = edge(
        person, key="assigned_by_id", description="Who assigned it last."
    )
    decided_by: Contact | None = edge(
        person, key="decided_by_id", description="Who declined, cancelled or returned it."
    )
    license_days_elapsed: float = edge(
        order_days_elapsed,
        description="Days since assignment, up to now or to expiry, of the licenses that it "
        "brought. Seconds are summed, then made whole days; may go beyond 32 bits.",
    )
    license_days_used: float = edge(
        order_days_used, description="Of these, the days with a learner."
    )
    license_days_idle: float = edge(order_days_idle, description="The rest: elapsed - used.")
    licenses: Connection[License] = edge(
        licenses_of_order,
        takes=paged(LicenseFilter, LicenseOrder),
        selective=True,
        tells=("id",),
        description="The licenses that it brought.",
    )
    viewer_can: OrderPermissions = edge(order_rules, description="What the viewer may do with it.")
