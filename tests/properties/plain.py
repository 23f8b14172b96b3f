"""Counts and days as domain.md says them, license by license, of plain rows."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

DAY: Final = timedelta(days=1)
MONTH: Final = timedelta(days=30)


def plain(licenses: Sequence[Any], stays: Iterable[Any], now: datetime) -> dict[str, Any]:
    """What a summary tells of these licenses, but `requested`; `stays` may hold others' too."""
    counted = [license for license in licenses if license.voided_at is None]
    ending = {license.id: license.expires_at for license in counted if license.expires_at}
    live = [each for each in counted if each.expires_at is None or now < each.expires_at]
    elapsed = used = timedelta(0)
    for license in counted:
        if license.expires_at is not None:
            elapsed += min(license.expires_at, now) - license.assigned_at
    for stay in stays:
        if stay.license_id in ending:
            used += min(stay.released_at or now, ending[stay.license_id], now) - stay.allocated_at
    expiries = [license.expires_at for license in live if license.expires_at is not None]
    return {
        "total": len(counted),
        "available": sum(license.holder_id is None for license in live),
        "allocated": sum(license.holder_id is not None for license in live),
        "expiring": sum(expiry <= now + MONTH for expiry in expiries),
        "expired": len(counted) - len(live),
        "next_expiry_at": min(expiries, default=None),
        "license_days_elapsed": elapsed // DAY,
        "license_days_used": used // DAY,
    }


def in_order(rows: Sequence[Any], value: Callable[[Any], Any], *, descending: bool) -> list[Any]:
    """Their ids. Null last both ways; ties by id, the same way round as the rest."""
    ids: Callable[[Any], Any] = lambda row: row["id"] if isinstance(row, dict) else row.id  # noqa: E731
    there = [row for row in rows if value(row) is not None]
    null = [row for row in rows if value(row) is None]
    there.sort(key=lambda row: (value(row), ids(row)), reverse=descending)
    null.sort(key=ids, reverse=descending)
    return [ids(row) for row in there + null]
