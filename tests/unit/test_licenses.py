"""The rules of a license and of its stays, by the clock alone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from models.base import new_id
from models.companies import CompanyKind
from models.errors import AlreadyLicensed, Conflict, LicenseExpired
from models.licenses import (
    Allocation,
    License,
    LicenseStatus,
    LicenseType,
    ReleaseReason,
    add_months,
    expiry,
    prefers_nfr,
)
from models.users import User

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=300)
MOMENT = timedelta(microseconds=1)
SOMEBODY = UUID(int=1)


def a_license(kind: LicenseType = LicenseType.PREMIUM, **columns: Any) -> License:
    return License(
        id=new_id(),
        type=kind,
        assigned_at=NOW,
        expires_at=expiry(kind, NOW),
        updated_at=NOW,
        **columns,
    )


def a_learner(**columns: object) -> User:
    return User(id=new_id(), **columns)


def at(day: str, time: str = "10:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{time}+00:00")


@pytest.mark.parametrize(
    ("assigned", "expires"),
    [
        ("2028-02-29", "2029-02-28"),
        ("2027-02-28", "2028-02-28"),
        ("2027-03-01", "2028-03-01"),
        ("2026-12-31", "2027-12-31"),
        ("2026-01-01", "2027-01-01"),
    ],
)
@pytest.mark.parametrize("kind", [LicenseType.PREMIUM, LicenseType.MANAGED])
def test_a_bought_license_lasts_twelve_calendar_months(
    kind: LicenseType, assigned: str, expires: str
) -> None:
    assert expiry(kind, at(assigned)) == at(expires)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-03-31", 1, "2026-04-30"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2026-05-05", 24, "2028-05-05"),
    ],
)
def test_a_month_ends_on_the_same_day_or_on_its_last(start: str, months: int, end: str) -> None:
    assert add_months(at(start, "23:59"), months) == at(end, "23:59")


def test_a_trial_lasts_thirty_days_to_the_microsecond() -> None:
    assert expiry(LicenseType.TRIAL, NOW) == NOW + timedelta(days=30)


def test_nfr_never_ends() -> None:
    license = a_license(LicenseType.NFR)

    assert license.expires_at is None
    assert license.is_live(NOW + timedelta(days=36_500))
    assert license.days_remaining(NOW) is None


def test_a_license_is_live_until_the_very_instant_of_its_expiry() -> None:
    license = a_license()
    end = at("2027-03-02", "09:30")

    assert license.expires_at == end
    assert license.is_live(end - MOMENT)
    assert not license.is_live(end)


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (timedelta(days=30), 30),
        (timedelta(days=30) - MOMENT, 29),
        (timedelta(days=1), 1),
        (timedelta(days=1) - MOMENT, 0),
        (timedelta(0), 0),
        (timedelta(days=-3), 0),
    ],
)
def test_days_remaining_are_whole_days_of_24_hours(left: timedelta, days: int) -> None:
    license = a_license()
    assert license.expires_at is not None

    assert license.days_remaining(license.expires_at - left) == days


@pytest.mark.parametrize(
    ("columns", "now", "status"),
    [
        ({}, NOW, LicenseStatus.AVAILABLE),
        ({"holder_id": SOMEBODY}, NOW, LicenseStatus.ALLOCATED),
        ({}, at("2027-03-02", "09:30"), LicenseStatus.EXPIRED),
        ({"holder_id": SOMEBODY}, at("2027-03-02", "09:30"), LicenseStatus.EXPIRED),
        ({"holder_id": SOMEBODY}, at("2027-03-02", "09:30") - MOMENT, LicenseStatus.ALLOCATED),
        ({"voided_at": NOW}, NOW, LicenseStatus.VOID),
        ({"voided_at": NOW}, at("2027-03-02", "09:30"), LicenseStatus.VOID),
    ],
)
def test_the_status_comes_from_the_clock(
    columns: dict[str, Any], now: datetime, status: LicenseStatus
) -> None:
    assert a_license(**columns).status_at(now) is status


def test_an_allocation_ties_a_license_to_a_learner_and_keeps_its_expiry() -> None:
    license, ann = a_license(), a_learner()

    license.allocate(ann, at=LATER)

    assert (license.holder_id, license.allocated_at) == (ann.id, LATER)
    assert (license.assigned_at, license.expires_at) == (NOW, at("2027-03-02", "09:30"))


def test_a_license_has_one_holder() -> None:
    license = a_license(holder_id=SOMEBODY, allocated_at=NOW)

    with pytest.raises(AlreadyLicensed):
        license.allocate(a_learner(), at=NOW)

    assert license.holder_id == SOMEBODY


def test_a_removed_person_gets_no_license() -> None:
    license = a_license()

    with pytest.raises(Conflict):
        license.allocate(a_learner(removed_at=NOW), at=NOW)

    assert license.holder_id is None


@pytest.mark.parametrize(
    ("columns", "now"),
    [({}, at("2027-03-02", "09:30")), ({"voided_at": NOW}, NOW)],
    ids=["expired", "void"],
)
def test_what_is_not_live_is_neither_allocated_nor_released(
    columns: dict[str, Any], now: datetime
) -> None:
    license = a_license(**columns)

    with pytest.raises(LicenseExpired):
        license.allocate(a_learner(), at=now)
    with pytest.raises(LicenseExpired):
        license.release(at=now)

    assert license.holder_id is None


def test_a_released_license_is_free_and_keeps_its_expiry() -> None:
    license = a_license(holder_id=SOMEBODY, allocated_at=NOW)

    assert license.release(at=LATER)
    assert not license.release(at=LATER)

    assert (license.holder_id, license.allocated_at) == (None, None)
    assert license.expires_at == at("2027-03-02", "09:30")


@pytest.mark.parametrize(
    ("written", "now", "told"),
    [
        ((None, None), LATER - MOMENT, (None, None)),
        ((None, None), LATER, (LATER, ReleaseReason.EXPIRED)),
        ((NOW, ReleaseReason.RELEASED), LATER, (NOW, ReleaseReason.RELEASED)),
    ],
)
def test_a_stay_ends_with_its_license_before_anybody_writes_it_down(
    written: tuple[datetime | None, ReleaseReason | None],
    now: datetime,
    told: tuple[datetime | None, ReleaseReason | None],
) -> None:
    stay = Allocation(allocated_at=NOW, released_at=written[0], release_reason=written[1])

    assert stay.ended(LATER, now) == told


def test_a_stay_with_a_license_that_never_ends_goes_on() -> None:
    assert Allocation(allocated_at=NOW).ended(None, LATER) == (None, None)


@pytest.mark.parametrize("kind", CompanyKind)
def test_nfr_goes_first_to_all_but_customers(kind: CompanyKind) -> None:
    assert prefers_nfr(kind) is (kind is not CompanyKind.CUSTOMER)
