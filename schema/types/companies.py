"""Companies, and the counts of their licenses."""

from datetime import datetime
from typing import Any, ClassVar, Final, Self
from uuid import UUID

import strawberry

from models import companies as models
from models.companies import CompanyKind, CompanyPlan, CompanyStatus
from resolvers.reading.companies import (
    ancestors,
    children,
    company_by_id,
    depth,
    descendants,
    managers,
)
from resolvers.reading.licenses import licenses_of_company
from resolvers.reading.orders import orders_of_company
from resolvers.reading.people import person
from resolvers.reading.permissions import company_rules
from resolvers.reading.summaries import Summary, license_summaries
from resolvers.reading.users import users_of_company
from resolvers.reading.warnings import notification_warnings
from resolvers.reading.windows import Scope
from schema.columns import TELLS
from schema.connections import Connection, paged, scoped
from schema.context import Info
from schema.edges import edge, wraps
from schema.filters import (
    CompanyFilter,
    CompanyOrder,
    LicenseFilter,
    LicenseOrder,
    OrderFilter,
    OrderOrder,
    UserFilter,
    UserOrder,
)
from schema.ids import global_id
from schema.types.lazy import License, Order, User
from schema.types.nodes import Node, column
from schema.types.people import Contact
from schema.types.permissions import CompanyPermissions

ITSELF: Final = ("id", "path")
"""What tells a company, and where it stands."""


@strawberry.type(description="A vendor, distributor, partner or customer: a place in the tree.")
class Company(Node, model=models.Company):
    parent_id: strawberry.Private[UUID | None]
    account_manager_id: strawberry.Private[UUID | None]
    name: str = column("What it is called.")
    kind: CompanyKind = column("What it is to the platform.")
    status: CompanyStatus = column("Whether work goes on.")
    plan: CompanyPlan = column("What it runs on; NONE until the first order is assigned.")
    industry: str | None = column("What it does.")
    employee_count: int | None = column("How many people work there.")
    country: str | None = column("ISO 3166-1 alpha-2.")
    language: str | None = column("BCP 47.")
    external_id: str | None = column("What the partner's own system calls it; unchecked.")
    created_at: datetime = column("When it was created.")
    updated_at: datetime = column("When it was last changed.")
    parent: "Company | None" = edge(
        company_by_id, key="parent_id", description="Null at the top of what the viewer may see."
    )
    ancestors: "list[Company]" = edge(
        ancestors,
        tells=ITSELF,
        description="From the top of what the viewer may see down to the parent.",
    )
    children: "Connection[Company]" = edge(
        children,
        takes=paged(CompanyFilter, CompanyOrder),
        selective=True,
        tells=ITSELF,
        description="The companies right beneath it.",
    )
    descendants: "Connection[Company]" = edge(
        descendants,
        takes=paged(CompanyFilter, CompanyOrder),
        selective=True,
        tells=ITSELF,
        description="Every company beneath it.",
    )
    account_manager: Contact | None = edge(
        person,
        key="account_manager_id",
        description="The dedicated account manager, a user of a company above.",
    )
    managers: list[User] = edge(
        managers,
        tells=ITSELF,
        description="Those who manage it: account managers, but in a customer.",
    )
    users: Connection[User] = edge(
        users_of_company,
        takes=paged(UserFilter, UserOrder),
        selective=True,
        tells=ITSELF,
        description="The people of this company alone.",
    )
    orders: Connection[Order] = edge(
        orders_of_company,
        takes=paged(OrderFilter, OrderOrder),
        selective=True,
        tells=ITSELF,
        description="The orders of this company alone.",
    )
    licenses: Connection[License] = edge(
        licenses_of_company,
        takes=paged(LicenseFilter, LicenseOrder),
        selective=True,
        tells=ITSELF,
        description="The licenses of this company alone.",
    )
    license_summary: "LicenseSummary" = edge(
        license_summaries,
        takes=(scoped(Scope.OWN),),
        selective=True,
        tells=ITSELF,
        description="Counts of its licenses, of those beneath it, or of both.",
    )
    notification_warning: str | None = edge(
        notification_warnings,
        description="Which mails about its orders would reach nobody, in words for a person. "
        "Null when all is well.",
    )
    viewer_can: CompanyPermissions = edge(company_rules, description="What the viewer may do here.")

    @strawberry.field(
        description="0 at the top of what the viewer may see.", metadata={TELLS: ITSELF}
    )
    def depth(self, info: Info) -> int:
        return depth(info.context.reader, self.row)


@strawberry.type(
    description="Counts of licenses. total = available + allocated + expired; "
    "expiring counts live ones with 30 days or less left."
)
class LicenseSummary:
    __reads__: ClassVar = "summary"

    summary: strawberry.Private[Summary]
    total: int = strawberry.field(description="All but those that were returned.")
    available: int = strawberry.field(description="Live, with nobody.")
    allocated: int = strawberry.field(description="Live, with a learner.")
    expiring: int = strawberry.field(description="Live, with 30 days or less left.")
    expired: int = strawberry.field(description="Whose time has run out.")
    requested: int = strawberry.field(
        description="Licenses still open in orders that are REQUESTED or PARTIALLY_ASSIGNED."
    )
    next_expiry_at: datetime | None = strawberry.field(
        description="The soonest expiry among live licenses."
    )
    license_days_elapsed: float = strawberry.field(
        description="Days since assignment, up to now or to expiry, of licenses that expire. "
        "Seconds are summed, then made whole days; may go beyond 32 bits."
    )
    license_days_used: float = strawberry.field(description="Of these, the days with a learner.")
    license_days_idle: float = strawberry.field(description="The rest: elapsed - used.")

    @strawberry.field(
        description="One for each company and scope, so that a cache puts what a subscription "
        "brings in its place."
    )
    def id(self) -> strawberry.ID:
        summary = self.summary
        return global_id("LicenseSummary", f"{summary.company_id}:{summary.scope}")

    @classmethod
    def of(cls, summary: Summary) -> Self:
        shown = cls.__new__(cls)
        shown.summary = summary
        return shown

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "summary":
            raise AttributeError(name)
        return getattr(self.summary, name)


wraps(Summary, LicenseSummary.of)
