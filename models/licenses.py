"""Licenses, and their stays with learners. Status is told from the clock, never stored."""

import calendar
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.migrations.constraints import CheckConstraint

from models.base import Entity, PathField, where
from models.companies import Company, CompanyKind
from models.errors import AlreadyLicensed, Conflict, LicenseExpired
from models.users import User

if TYPE_CHECKING:
    from models.orders import Order

MONTHS: Final = 12
TRIAL_DAYS: Final = 30
EXPIRING: Final = timedelta(days=30)
NFR_GRANT: Final = 10


class LicenseType(StrEnum):
    PREMIUM = "PREMIUM"
    MANAGED = "MANAGED"
    TRIAL = "TRIAL"
    NFR = "NFR"


class LicenseStatus(StrEnum):
    AVAILABLE = "AVAILABLE"
    ALLOCATED = "ALLOCATED"
    EXPIRED = "EXPIRED"
    VOID = "VOID"


class ReleaseReason(StrEnum):
    RELEASED = "RELEASED"
    REALLOCATED = "REALLOCATED"
    USER_REMOVED = "USER_REMOVED"
    EXPIRED = "EXPIRED"
    UPGRADED = "UPGRADED"


def add_months(at: datetime, months: int) -> datetime:
    """The same day and time `months` later, or the last day of a shorter month."""
    year, month = divmod(at.month - 1 + months, 12)
    year, month = at.year + year, month + 1
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))


def expiry(kind: LicenseType, assigned_at: datetime) -> datetime | None:
    """When a license assigned then ends; None is never."""
    match kind:
        case LicenseType.PREMIUM | LicenseType.MANAGED:
            return add_months(assigned_at, MONTHS)
        case LicenseType.TRIAL:
            return assigned_at + timedelta(days=TRIAL_DAYS)
        case LicenseType.NFR:
            return None


def live(now: datetime, through: str = "") -> Q:
    """Neither expired nor void; `through` is the way to the license, as in `license__`."""
    return where(**{f"{through}voided_at__isnull": True}) & (
        where(**{f"{through}expires_at__isnull": True}) | where(**{f"{through}expires_at__gt": now})
    )


def has_status(status: LicenseStatus, now: datetime) -> Q:
    """The licenses that `License.status_at` calls so."""
    match status:
        case LicenseStatus.AVAILABLE:
            return live(now) & Q(holder_id__isnull=True)
        case LicenseStatus.ALLOCATED:
            return live(now) & Q(holder_id__isnull=False)
        case LicenseStatus.EXPIRED:
            return Q(voided_at__isnull=True, expires_at__lte=now)
        case LicenseStatus.VOID:
            return Q(voided_at__isnull=False)


class License(Entity):
    order: fields.ForeignKeyRelation["Order"] = fields.ForeignKeyField(
        "models.Order", related_name="licenses", on_delete=fields.RESTRICT
    )
    company: fields.ForeignKeyRelation[Company] = fields.ForeignKeyField(
        "models.Company", related_name="licenses", on_delete=fields.RESTRICT
    )
    path = PathField()
    type = fields.CharEnumField(LicenseType, max_length=16)
    holder: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="licenses", null=True, on_delete=fields.RESTRICT
    )
    assigned_at = fields.DatetimeField()
    allocated_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField(null=True)
    voided_at = fields.DatetimeField(null=True)
    updated_at = fields.DatetimeField()

    if TYPE_CHECKING:
        order_id: UUID
        company_id: UUID
        holder_id: UUID | None

    class Meta:
        table = "licenses"
        constraints = (
            CheckConstraint(
                name="licenses_nfr_never_expire", check="(type = 'NFR') = (expires_at IS NULL)"
            ),
            CheckConstraint(
                name="licenses_expire_after_assignment", check="expires_at >= assigned_at"
            ),
            CheckConstraint(
                name="licenses_held_since", check="(holder_id IS NULL) = (allocated_at IS NULL)"
            ),
            CheckConstraint(
                name="licenses_void_are_free", check="voided_at IS NULL OR holder_id IS NULL"
            ),
        )

    def is_live(self, now: datetime) -> bool:
        return self.voided_at is None and (self.expires_at is None or now < self.expires_at)

    def status_at(self, now: datetime) -> LicenseStatus:
        return _status(now, self.voided_at, self.expires_at, self.holder_id)

    def days_remaining(self, now: datetime) -> int | None:
        """Whole days of 24 hours; None for a license that never expires."""
        if self.expires_at is None:
            return None
        return max(0, (self.expires_at - now).days)

    def allocate(self, user: User, *, at: datetime) -> None:
        """Tie this license to a learner of its company. The clock does not restart."""
        self._must_be_live(at)
        if self.holder_id is not None:
            raise AlreadyLicensed(
                "This license is with somebody already: release it first.", ("license_id",)
            )
        if user.removed_at is not None:
            raise Conflict("This user has been removed: add them anew.", ("user_id",))
        self.change(at, holder_id=user.id, allocated_at=at)

    def release(self, *, at: datetime) -> bool:
        """Take it back from its holder; it keeps its expiry. True if there was one."""
        self._must_be_live(at)
        return self.change(at, holder_id=None, allocated_at=None)

    def _must_be_live(self, now: datetime) -> None:
        if not self.is_live(now):
            raise LicenseExpired(
                "This license has expired or was returned: take another.", ("license_id",)
            )


class Allocation(Entity):
    """One stay of a license with a learner, kept for good.

    Open (`released_at` is null) until its end is written down.
    """

    license: fields.ForeignKeyRelation[License] = fields.ForeignKeyField(
        "models.License", related_name="allocations", on_delete=fields.RESTRICT
    )
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="allocations", on_delete=fields.RESTRICT
    )
    allocated_at = fields.DatetimeField()
    allocated_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="allocated", null=True, on_delete=fields.RESTRICT
    )
    released_at = fields.DatetimeField(null=True)
    release_reason = fields.CharEnumField(ReleaseReason, max_length=16, null=True)

    if TYPE_CHECKING:
        license_id: UUID
        user_id: UUID
        allocated_by_id: UUID | None

    class Meta:
        table = "allocations"
        constraints = (
            CheckConstraint(
                name="allocations_end", check="(released_at IS NULL) = (release_reason IS NULL)"
            ),
            CheckConstraint(
                name="allocations_end_after_start", check="released_at >= allocated_at"
            ),
        )

    def ended(
        self, expires_at: datetime | None, now: datetime
    ) -> tuple[datetime | None, ReleaseReason | None]:
        """When and why the stay ended, as the clock has it before anybody wrote it down."""
        if self.released_at is None and expires_at is not None and expires_at <= now:
            return expires_at, ReleaseReason.EXPIRED
        return self.released_at, self.release_reason


def statuses(
    now: datetime,
    voided: Iterable[datetime | None],
    expire: Iterable[datetime | None],
    holders: Iterable[UUID | None],
) -> list[LicenseStatus]:
    """Of many licenses."""
    return list(map(partial(_status, now), voided, expire, holders))


def _status(
    now: datetime, voided_at: datetime | None, expires_at: datetime | None, holder_id: UUID | None
) -> LicenseStatus:
    if voided_at is not None:
        return LicenseStatus.VOID
    if expires_at is not None and expires_at <= now:
        return LicenseStatus.EXPIRED
    return LicenseStatus.AVAILABLE if holder_id is None else LicenseStatus.ALLOCATED


def prefers_nfr(kind: CompanyKind) -> bool:
    """NFR licenses go first to people of a partner."""
    return kind is not CompanyKind.CUSTOMER
