"""Filters and orders of lists, as clients send them. What they mean: resolvers/reading."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import strawberry

from models.companies import CompanyKind, CompanyPlan, CompanyStatus
from models.licenses import LicenseStatus, LicenseType
from models.orders import OrderOrigin, OrderStatus
from models.outbox import NotificationStatus, NotificationTemplate
from models.users import UserRole, UserStatus
from resolvers.reading.users import UserLicenseStatus
from resolvers.reading.windows import SortDirection
from schema.enums import described
from schema.neutral import ANYTHING, FilterInput, id_of
from schema.neutral import of_list as asks

EITHER = (
    "At least one of these must match, too. Up to 1,000, in five levels. "
    "Where the filter itself names no `status`, each entry decides by its own."
)
ONE_OF = "One of these; an empty list matches nothing."
FIELDS = "The fields given must all match, and so must one entry of `or`, if given."


@strawberry.input(description="Text; `%` and `_` mean themselves.")
class StringFilter(FilterInput):
    eq: str | None = asks("Exactly this; email addresses without case.")
    in_: list[str] | None = asks("Exactly one of these.", "in")
    contains: str | None = asks("This is in it, in any case.")
    starts_with: str | None = asks("It begins so, in any case.")


@strawberry.input(description="A whole number.")
class IntFilter(FilterInput):
    eq: int | None = asks("Exactly this.")
    gte: int | None = asks("This or more.")
    lte: int | None = asks("This or less.")


@strawberry.input(description="An instant.")
class DateTimeFilter(FilterInput):
    gte: datetime | None = asks("Then or later.")
    lt: datetime | None = asks("Before then.")
    is_null: bool | None = asks("Whether there is none.")


@strawberry.input(description=f"Companies. {FIELDS} Archived ones only where `status` names them.")
class CompanyFilter(FilterInput):
    or_: "list[CompanyFilter] | None" = asks(EITHER, "or")
    name: StringFilter | None = asks("The name.")
    kind: list[CompanyKind] | None = asks(ONE_OF)
    status: list[CompanyStatus] | None = asks(ONE_OF)
    plan: list[CompanyPlan] | None = asks(ONE_OF)
    country: StringFilter | None = asks("ISO 3166-1 alpha-2.")
    external_id: StringFilter | None = asks("What the partner's own system calls it.")
    account_manager_id: strawberry.ID | None = id_of("User", "The dedicated account manager.")
    created_at: DateTimeFilter | None = asks("When it was created.")
    updated_at: DateTimeFilter | None = asks("When it was last changed.")
    has_requested_orders: bool | None = asks("Whether it has at least one open request.")


@strawberry.input(description=f"People. {FIELDS} Removed ones only where `status` names them.")
class UserFilter(FilterInput):
    or_: "list[UserFilter] | None" = asks(EITHER, "or")
    email: StringFilter | None = asks("The address, without case.")
    name: StringFilter | None = asks("The full name.")
    department: StringFilter | None = asks("The department.")
    role: list[UserRole] | None = asks(ONE_OF)
    status: list[UserStatus] | None = asks(ONE_OF)
    license_status: list[UserLicenseStatus] | None = asks(ONE_OF)
    never_signed_in: bool | None = asks("Whether they have never signed in.")
    last_sign_in_at: DateTimeFilter | None = asks("When they last signed in.")
    updated_at: DateTimeFilter | None = asks("When they were last changed.")
    external_id: StringFilter | None = asks("What a directory calls the person.")
    company_id: strawberry.ID | None = id_of("Company", "Their company.")


@strawberry.input(description=f"Orders. {FIELDS}")
class OrderFilter(FilterInput):
    or_: "list[OrderFilter] | None" = asks(EITHER, "or")
    number: StringFilter | None = asks("The number.")
    company_id: strawberry.ID | None = id_of("Company", "Who ordered.")
    company_name: StringFilter | None = asks("The name of who ordered.")
    status: list[OrderStatus] | None = asks(ONE_OF)
    license_type: list[LicenseType] | None = asks(ONE_OF)
    origin: list[OrderOrigin] | None = asks(ONE_OF)
    quantity: IntFilter | None = asks("How many licenses.")
    purchase_order: StringFilter | None = asks("The purchase order.")
    requested_at: DateTimeFilter | None = asks("When it was requested.")
    assigned_at: DateTimeFilter | None = asks("When it was last assigned.")
    updated_at: DateTimeFilter | None = asks("When it was last changed.")
    account_manager_id: strawberry.ID | None = id_of(
        "User", "The account manager of the ordering company."
    )
    requested_by_email: StringFilter | None = asks("The address of who requested it.")


@strawberry.input(description=f"Licenses. {FIELDS} Void ones only where `status` names them.")
class LicenseFilter(FilterInput):
    or_: "list[LicenseFilter] | None" = asks(EITHER, "or")
    status: list[LicenseStatus] | None = asks(ONE_OF)
    type: list[LicenseType] | None = asks(ONE_OF)
    company_id: strawberry.ID | None = id_of("Company", "Whose it is.")
    order_id: strawberry.ID | None = id_of("Order", "The order that brought it.")
    expires_within_days: int | None = asks(
        "Live, and expiring within N times 24 hours: 30 gives what `expiring` counts."
    )
    expires_at: DateTimeFilter | None = asks("When it expires.")
    allocated_at: DateTimeFilter | None = asks("When its holder got it.")
    updated_at: DateTimeFilter | None = asks("When it was last changed.")
    user_name: StringFilter | None = asks("The holder's full name.")
    user_email: StringFilter | None = asks("The holder's address, without case.")
    user_department: StringFilter | None = asks("The holder's department.")
    user_never_signed_in: bool | None = asks("Whether the holder has never signed in.")


@strawberry.input(description="Mails. The fields given must all match.")
class NotificationFilter(FilterInput):
    template: list[NotificationTemplate] | None = asks(ONE_OF)
    status: list[NotificationStatus] | None = asks(ONE_OF)
    company_id: strawberry.ID | None = id_of("Company", "The company it is about.")
    order_id: strawberry.ID | None = id_of("Order", "The order it is about.")
    recipient: StringFilter | None = asks("The address it goes to, without case.")
    created_at: DateTimeFilter | None = asks("When it was promised.")


@strawberry.input(description="Audit events. The fields given must all match.")
class AuditEventFilter(FilterInput):
    action: StringFilter | None = asks("What was done, such as order.assigned.")
    company_id: strawberry.ID | None = id_of("Company", "Where it was done.")
    subject_id: strawberry.ID | None = id_of(ANYTHING, "What it was done to.")
    actor_id: strawberry.ID | None = id_of("User", "Who did it.")
    at: DateTimeFilter | None = asks("When it was done.")
    manage_mode: bool | None = asks("Whether it was done in manage mode.")


class CompanyOrderField(StrEnum):
    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


class UserOrderField(StrEnum):
    NAME = "NAME"
    EMAIL = "EMAIL"
    CREATED_AT = "CREATED_AT"
    LAST_SIGN_IN_AT = "LAST_SIGN_IN_AT"


class OrderOrderField(StrEnum):
    REQUESTED_AT = "REQUESTED_AT"
    ASSIGNED_AT = "ASSIGNED_AT"
    NUMBER = "NUMBER"
    QUANTITY = "QUANTITY"
    COMPANY_NAME = "COMPANY_NAME"


class LicenseOrderField(StrEnum):
    EXPIRES_AT = "EXPIRES_AT"
    ASSIGNED_AT = "ASSIGNED_AT"
    ALLOCATED_AT = "ALLOCATED_AT"


described(
    CompanyOrderField,
    "What companies are sorted by.",
    NAME="The name.",
    CREATED_AT="When it was created.",
)
described(
    UserOrderField,
    "What people are sorted by.",
    NAME="The full name.",
    EMAIL="The address.",
    CREATED_AT="When they were added.",
    LAST_SIGN_IN_AT="When they last signed in.",
)
described(
    OrderOrderField,
    "What orders are sorted by.",
    REQUESTED_AT="When it was requested.",
    ASSIGNED_AT="When it was last assigned.",
    NUMBER="The number.",
    QUANTITY="How many licenses.",
    COMPANY_NAME="The name of who ordered.",
)
described(
    LicenseOrderField,
    "What licenses are sorted by.",
    EXPIRES_AT="When it expires.",
    ASSIGNED_AT="When it was assigned.",
    ALLOCATED_AT="When its holder got it.",
)

WAY = "Which way round."


class OrderInput:
    """What a list is sorted by, and which way round."""

    field: Any
    direction: Any

    @property
    def neutral(self) -> tuple[str, SortDirection]:
        return self.field.value, self.direction


def by(default: object, description: str) -> Any:
    return strawberry.field(default=default, description=description)


@strawberry.input(description="By what companies are sorted; ties go by id, null is last.")
class CompanyOrder(OrderInput):
    field: CompanyOrderField = by(CompanyOrderField.NAME, "By what.")
    direction: SortDirection = by(SortDirection.ASC, WAY)


@strawberry.input(description="By what people are sorted; ties go by id, null is last.")
class UserOrder(OrderInput):
    field: UserOrderField = by(UserOrderField.NAME, "By what.")
    direction: SortDirection = by(SortDirection.ASC, WAY)


@strawberry.input(description="By what orders are sorted; ties go by id, null is last.")
class OrderOrder(OrderInput):
    field: OrderOrderField = by(OrderOrderField.REQUESTED_AT, "By what.")
    direction: SortDirection = by(SortDirection.DESC, WAY)


@strawberry.input(description="By what licenses are sorted; ties go by id, null is last.")
class LicenseOrder(OrderInput):
    field: LicenseOrderField = by(LicenseOrderField.EXPIRES_AT, "By what.")
    direction: SortDirection = by(SortDirection.ASC, WAY)
