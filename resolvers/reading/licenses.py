"""Licenses and their stays with learners: one, and lists of them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Unpack

from tortoise.expressions import F, Q, Subquery

from models.access import visible
from models.base import where
from models.companies import Company
from models.licenses import Allocation, License, has_status, live
from models.orders import Order
from models.rows import as_model
from models.users import User
from resolvers.reading.by_id import ById
from resolvers.reading.companies import of_companies
from resolvers.reading.filters import (
    Word,
    Words,
    each,
    kept_from_learners,
    one_of,
    same,
    time,
)
from resolvers.reading.pages import Listing
from resolvers.reading.reader import Reader
from resolvers.reading.sql import by_column, rows_with
from resolvers.reading.users import PERSON
from resolvers.reading.windows import Asked, Sort, SortDirection
from resolvers.reading.within import Within, of_scope

LONGEST: Final = 365_000
"""Days; no license lasts as long, and the calendar goes no further than some times that."""
EXPIRY: Final = "license_expires_at"


def _expires_within(reader: Reader, days: int) -> Q:
    latest = reader.now + timedelta(days=max(-1, min(days, LONGEST)))
    return live(reader.now) & Q(expires_at__lte=latest)


def _held_by(word: str) -> Word:
    """By people whom that word of theirs is true of."""
    person = PERSON[word]

    def ask(reader: Reader, value: Any) -> Q:
        people = visible(User, reader.caller).filter(person(reader, value))
        return where(holder_id__in=Subquery(people.values("id")))

    return ask


LICENSES: Final = Listing(
    License,
    sorts={
        "EXPIRES_AT": Sort("expires_at", nullable=True),
        "ASSIGNED_AT": Sort("assigned_at"),
        "ALLOCATED_AT": Sort("allocated_at", nullable=True),
    },
    is_planned_anew=True,
    default=("EXPIRES_AT", SortDirection.ASC),
    words=Words(
        {
            "status": each(lambda reader, status: has_status(status, reader.now)),
            "type": one_of(License, "type"),
            "company_id": same("company_id"),
            "order_id": kept_from_learners(same("order_id")),
            "expires_within_days": _expires_within,
            "expires_at": time("expires_at"),
            "allocated_at": time("allocated_at"),
            "updated_at": time("updated_at"),
            "user_name": _held_by("name"),
            "user_email": _held_by("email"),
            "user_department": _held_by("department"),
            "user_never_signed_in": _held_by("never_signed_in"),
        },
        shown=Q(voided_at__isnull=True),
    ),
)


def tell_ends(reader: Reader, stays: Sequence[Allocation]) -> list[Allocation]:
    """A stay ends with its license by the clock, before anybody has written it down."""
    field = License._meta.fields_map["expires_at"]
    told = [as_model(stay) for stay in stays]
    for stay in told:
        expires_at = field.to_python_value(getattr(stay, EXPIRY))
        ended_at, reason = stay.ended(expires_at, reader.now)
        stay.released_at, stay.release_reason = ended_at, reason  # type: ignore[assignment]
    return told


ALLOCATIONS: Final = Listing(
    Allocation,
    sorts={"ALLOCATED_AT": Sort("allocated_at")},
    default=("ALLOCATED_AT", SortDirection.DESC),
    words=Words({}),
    related={EXPIRY: "license__expires_at"},
    dress=tell_ends,
    always=None,
)
_OF_COMPANY: Final = Within.owner("Company.licenses", "company_id")
_OF_ORDER: Final = Within.owner("Order.licenses", "order_id")
_OF_LICENSE: Final = Within.owner("License.allocations", "license_id")
_OF_USER: Final = Within.owner("User.allocations", "user_id")


license_by_id: Final = ById(License, visible)


async def licenses(
    reader: Reader, keys: Sequence[Any], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await LICENSES.pages(
        reader, keys, of_scope("licenses", reader, asked.get("scope")), asked
    )


async def licenses_of_company(
    reader: Reader, keys: Sequence[Company], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await of_companies(LICENSES, _OF_COMPANY, reader, keys, asked)


async def licenses_of_order(
    reader: Reader, keys: Sequence[Order], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await LICENSES.pages(reader, keys, _OF_ORDER, asked)


async def license_held(reader: Reader, keys: Sequence[User]) -> Mapping[Any, Any]:
    """The live license of each user, if any."""
    held = visible(License, reader.caller, by_key=True).filter(live(reader.now))
    found = await rows_with(held, "holder_id", [user.id for user in keys])
    by_holder = by_column(found, "holder_id")
    return {user: by_holder.get(user.id) for user in keys}


async def license_of_stay(reader: Reader, ids: Sequence[Any]) -> Mapping[Any, License]:
    """As by id; a learner sees the licenses they had before, but nothing of who has them now."""
    found = dict(await license_by_id(reader, ids))
    left = [id for id in ids if id not in found]
    if left and reader.asking.is_learner:
        stays = visible(Allocation, reader.caller).filter(license_id__in=left)
        for stay in await stays.select_related("license"):
            found[stay.license.id] = _without_holder(stay.license)
    return found


async def allocation_by_id(reader: Reader, ids: Sequence[Any]) -> Mapping[Any, Allocation]:
    stays = visible(Allocation, reader.caller).annotate(**{EXPIRY: F("license__expires_at")})
    return by_column(tell_ends(reader, await rows_with(stays, "id", ids)))


async def allocations_of_license(
    reader: Reader, keys: Sequence[License], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await ALLOCATIONS.pages(reader, keys, _OF_LICENSE, asked)


async def allocations_of_user(
    reader: Reader, keys: Sequence[User], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await ALLOCATIONS.pages(reader, keys, _OF_USER, asked)


def _without_holder(license: License) -> License:
    license.holder_id = license.allocated_at = None
    license.updated_at = license.assigned_at
    return license
