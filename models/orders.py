"""Orders: a company's request for licenses from the company above it."""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.migrations.constraints import CheckConstraint

from models import text
from models.base import Entity, PathField
from models.companies import Company, CompanyKind
from models.errors import Conflict, InvalidInput, OrderNotOpen
from models.licenses import LicenseType, expiry
from models.users import User

LARGEST: Final = 100_000
RETURN_WITHIN: Final = timedelta(days=14)
NUMBER_LENGTH: Final = 12
NUMBER_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class OrderStatus(StrEnum):
    REQUESTED = "REQUESTED"
    PARTIALLY_ASSIGNED = "PARTIALLY_ASSIGNED"
    ASSIGNED = "ASSIGNED"
    DECLINED = "DECLINED"
    CANCELLED = "CANCELLED"
    RETURNED = "RETURNED"


class OrderOrigin(StrEnum):
    CUSTOMER_REQUEST = "CUSTOMER_REQUEST"
    PARTNER_ON_BEHALF = "PARTNER_ON_BEHALF"
    COMPANY_CREATION = "COMPANY_CREATION"
    TRIAL_UPGRADE = "TRIAL_UPGRADE"
    RENEWAL = "RENEWAL"
    NFR_GRANT = "NFR_GRANT"


OPEN: Final = (OrderStatus.REQUESTED, OrderStatus.PARTIALLY_ASSIGNED)


def new_number() -> str:
    """By chance: counting would tell each company how much the others order."""
    return "ORD-" + "".join(secrets.choice(NUMBER_ALPHABET) for _ in range(8))


def check_quantity(quantity: int, *, most: int = LARGEST) -> int:
    if not 1 <= quantity <= most:
        raise InvalidInput(
            f"A quantity is from 1 to {most:,}; this is {quantity:,}.", ("quantity",)
        )
    return quantity


class Order(Entity):
    number = fields.CharField(max_length=NUMBER_LENGTH)
    company: fields.ForeignKeyRelation[Company] = fields.ForeignKeyField(
        "models.Company", related_name="orders", on_delete=fields.RESTRICT
    )
    path = PathField()
    license_type = fields.CharEnumField(LicenseType, max_length=16)
    quantity = fields.IntField()
    assigned_quantity = fields.IntField(default=0)
    status = fields.CharEnumField(OrderStatus, max_length=24, default=OrderStatus.REQUESTED)
    origin = fields.CharEnumField(OrderOrigin, max_length=24)
    purchase_order = fields.TextField(null=True)
    note = fields.TextField(null=True)
    requested_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="requested", null=True, on_delete=fields.RESTRICT
    )
    on_behalf_of: fields.ForeignKeyNullableRelation[Company] = fields.ForeignKeyField(
        "models.Company", related_name="requested_for", null=True, on_delete=fields.RESTRICT
    )
    requested_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    assigned_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="assigned", null=True, on_delete=fields.RESTRICT
    )
    assigned_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField(null=True)
    decided_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="decided", null=True, on_delete=fields.RESTRICT
    )
    decided_at = fields.DatetimeField(null=True)
    decision_reason = fields.TextField(null=True)
    reminded_at = fields.DatetimeField(null=True)

    if TYPE_CHECKING:
        company_id: UUID
        requested_by_id: UUID | None
        on_behalf_of_id: UUID | None
        assigned_by_id: UUID | None
        decided_by_id: UUID | None

    class Meta:
        table = "orders"
        constraints = (
            CheckConstraint(name="orders_quantity", check="quantity BETWEEN 1 AND 100000"),
            CheckConstraint(
                name="orders_assigned_quantity", check="assigned_quantity BETWEEN 0 AND quantity"
            ),
            CheckConstraint(
                name="orders_status_fits_quantity",
                check="CASE status WHEN 'PARTIALLY_ASSIGNED'"
                " THEN assigned_quantity > 0 AND assigned_quantity < quantity"
                " WHEN 'ASSIGNED' THEN assigned_quantity = quantity"
                " WHEN 'RETURNED' THEN assigned_quantity = quantity"
                " ELSE assigned_quantity = 0 END",
            ),
        )

    @classmethod
    def place(
        cls,
        company: Company,
        license_type: LicenseType,
        quantity: int,
        origin: OrderOrigin,
        *,
        by: UUID | None,
        at: datetime,
        purchase_order: str | None = None,
        note: str | None = None,
        on_behalf_of: UUID | None = None,
    ) -> Self:
        """An open order; no license exists yet. Raises InvalidInput."""
        return cls(
            number=new_number(),
            company_id=company.id,
            path=company.path,
            license_type=license_type,
            quantity=check_quantity(quantity),
            origin=origin,
            purchase_order=text.optional_line(purchase_order, ("purchase_order",)),
            note=text.note(note, ("note",)),
            requested_by_id=by,
            on_behalf_of_id=on_behalf_of,
            requested_at=at,
            updated_at=at,
        )

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def open_quantity(self) -> int:
        return self.quantity - self.assigned_quantity if self.is_open else 0

    def update(
        self,
        *,
        at: datetime,
        quantity: int | None,
        purchase_order: str | None,
        note: str | None,
    ) -> bool:
        """Change what was asked for while nobody has acted on it; true if anything differs."""
        if self.status is not OrderStatus.REQUESTED:
            raise OrderNotOpen(self.number, self.status)
        if quantity is None:
            raise InvalidInput("An order must have a quantity.", ("quantity",))
        return self.change(
            at,
            quantity=check_quantity(quantity),
            purchase_order=text.optional_line(purchase_order, ("purchase_order",)),
            note=text.note(note, ("note",)),
        )

    def assign(self, quantity: int | None, *, by: UUID | None, at: datetime) -> int:
        """How many licenses to mint: all still open, or `quantity`; their clock starts at `at`."""
        self._must_be_open()
        quantity = self.open_quantity if quantity is None else quantity
        check_quantity(quantity, most=self.open_quantity)
        assigned = self.assigned_quantity + quantity
        self.change(
            at,
            assigned_quantity=assigned,
            status=OrderStatus.ASSIGNED
            if assigned == self.quantity
            else OrderStatus.PARTIALLY_ASSIGNED,
            assigned_by_id=by,
            assigned_at=at,
            expires_at=expiry(self.license_type, at),
        )
        return quantity

    def decline(self, reason: str, *, by: UUID, at: datetime) -> None:
        self._close(OrderStatus.DECLINED, text.required_note(reason, ("reason",)), by=by, at=at)

    def cancel(self, reason: str | None, *, by: UUID, at: datetime) -> None:
        self._close(OrderStatus.CANCELLED, text.note(reason, ("reason",)), by=by, at=at)

    def give_back(self, reason: str, *, used: bool, by: UUID, at: datetime) -> None:
        """Return a wholly assigned order. Raises OrderNotOpen, and Conflict when it is too late."""
        if self.is_open:
            raise Conflict(
                f"Order {self.number} is still open: cancel what is left of it.", ("order_id",)
            )
        if self.status is not OrderStatus.ASSIGNED or self.assigned_at is None:
            raise OrderNotOpen(self.number, self.status)
        reason = text.required_note(reason, ("reason",))
        if at >= self.assigned_at + RETURN_WITHIN:
            raise Conflict(
                f"Order {self.number} was assigned more than {RETURN_WITHIN.days} days ago: "
                "it is too late to return it.",
                ("order_id",),
            )
        if used:
            raise Conflict(
                f"Licenses of order {self.number} have been allocated: "
                "what was used is not returned.",
                ("order_id",),
            )
        self._decide(OrderStatus.RETURNED, reason, by=by, at=at)

    def _close(self, status: OrderStatus, reason: str | None, *, by: UUID, at: datetime) -> None:
        """A partly assigned order keeps what was assigned; only the rest is closed."""
        self._must_be_open()
        if self.status is OrderStatus.PARTIALLY_ASSIGNED:
            self.quantity = self.assigned_quantity
            status = OrderStatus.ASSIGNED
        self._decide(status, reason, by=by, at=at)

    def _decide(self, status: OrderStatus, reason: str | None, *, by: UUID, at: datetime) -> None:
        self.change(at, status=status, decided_by_id=by, decided_at=at, decision_reason=reason)

    def _must_be_open(self) -> None:
        if not self.is_open:
            raise OrderNotOpen(self.number, self.status)


def is_upgraded() -> Q:
    """The orders that have ended a trial for good."""
    return Q(origin=OrderOrigin.TRIAL_UPGRADE, assigned_at__isnull=False)


def may_request(kind: CompanyKind) -> tuple[LicenseType, ...]:
    """TRIAL and NFR come with a company's creation alone; only customers are MANAGED."""
    if kind is CompanyKind.CUSTOMER:
        return (LicenseType.PREMIUM, LicenseType.MANAGED)
    return (LicenseType.PREMIUM,)
