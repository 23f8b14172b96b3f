"""People: one, and lists of them."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Unpack

from tortoise.expressions import Q

from models.access import known
from models.base import sort_key, where
from models.companies import Company
from models.conditions import Condition
from models.licenses import ReleaseReason
from models.users import User, UserStatus
from resolvers.reading.by_id import ById
from resolvers.reading.companies import of_companies
from resolvers.reading.filters import Text, Word, Words, each, email, one_of, same, text, time
from resolvers.reading.pages import Listing
from resolvers.reading.reader import Reader
from resolvers.reading.windows import Asked, Sort, SortDirection
from resolvers.reading.within import Within, of_scope


class UserLicenseStatus(StrEnum):
    """LIVE: holds a live license. EXPIRED: none, and the last one ran out, or was ended by an
    upgrade, while held. NONE: neither."""

    NONE = "NONE"
    LIVE = "LIVE"
    EXPIRED = "EXPIRED"


_LIVE: Final = """EXISTS (
    SELECT 1 FROM licenses WHERE licenses.holder_id = users.id AND licenses.voided_at IS NULL
    AND (licenses.expires_at IS NULL OR licenses.expires_at > {})
)"""
_LAST_END: Final = """COALESCE((
    SELECT COALESCE(allocations.release_reason, 'EXPIRED') FROM allocations
    WHERE allocations.user_id = users.id
    ORDER BY allocations.allocated_at DESC, allocations.id DESC LIMIT 1
), '')"""
_RAN_OUT: Final = (ReleaseReason.EXPIRED, ReleaseReason.UPGRADED)
_TAKEN_BACK: Final = tuple(reason for reason in ReleaseReason if reason not in _RAN_OUT)
_FULL_NAME: Final = """CASE WHEN users.first_name = '' AND users.last_name = '' THEN users.email
    ELSE TRIM(users.first_name || ' ' || users.last_name) END"""


def _has_license(reader: Reader, status: UserLicenseStatus) -> Q:
    match status:
        case UserLicenseStatus.LIVE:
            return Condition(_LIVE, reader.now)
        case UserLicenseStatus.EXPIRED:
            return _ended(reader, but_by=("", *_TAKEN_BACK))
        case UserLicenseStatus.NONE:
            return _ended(reader, but_by=_RAN_OUT)


def _ended(reader: Reader, *, but_by: Sequence[str]) -> Q:
    """Has no live license, and the last did not end like that. PostgreSQL takes that for common, as
    it is, and one of two ways to end for so rare that it sorts a whole subtree to find some.
    """
    others = ", ".join("{}" for _ in but_by)
    return Condition(f"NOT {_LIVE} AND {_LAST_END} NOT IN ({others})", reader.now, *but_by)


def _has_status(_: Reader, status: UserStatus) -> Q:
    match status:
        case UserStatus.REMOVED:
            return Q(removed_at__isnull=False)
        case UserStatus.ACTIVE:
            return Q(removed_at__isnull=True, password_hash__isnull=False)
        case UserStatus.INVITED:
            return Q(removed_at__isnull=True, password_hash__isnull=True)


def _is_called(names: list[str]) -> Q:
    """The key is asked as well, for it has an index."""
    keys = Q(name_key__in=[sort_key(name) for name in names])
    return keys & Condition(f"{_FULL_NAME} IN ({', '.join('{}' for _ in names)})", *names)


PERSON: Final[Mapping[str, Word]] = {
    "name": Text(
        exact=_is_called, like=lambda way, value: where(**{f"name_key__{way}": sort_key(value)})
    ),
    "email": email("email_key"),
    "department": text("department"),
    "never_signed_in": same("last_sign_in_at__isnull"),
}
"""What licenses may be filtered by of their holders, too."""

USERS: Final = Listing(
    User,
    sorts={
        "NAME": Sort("name_key", str),
        "EMAIL": Sort("email_key", str),
        "CREATED_AT": Sort("created_at"),
        "LAST_SIGN_IN_AT": Sort("last_sign_in_at", nullable=True),
    },
    is_planned_anew=True,
    default=("NAME", SortDirection.ASC),
    words=Words(
        {
            **PERSON,
            "role": one_of(User, "role"),
            "status": each(_has_status),
            "license_status": each(_has_license),
            "last_sign_in_at": time("last_sign_in_at"),
            "updated_at": time("updated_at"),
            "external_id": text("external_id"),
            "company_id": same("company_id"),
        },
        shown=Q(removed_at__isnull=True),
    ),
)
_OF_COMPANY: Final = Within.owner("Company.users", "company_id")


user_by_id: Final = ById(User, known)


async def users(reader: Reader, keys: Sequence[Any], **asked: Unpack[Asked]) -> Mapping[Any, Any]:
    return await USERS.pages(reader, keys, of_scope("users", reader, asked.get("scope")), asked)


async def users_of_company(
    reader: Reader, keys: Sequence[Company], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await of_companies(USERS, _OF_COMPANY, reader, keys, asked)
