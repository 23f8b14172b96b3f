"""Licenses: allocate, release, reallocate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from models import text
from models.access import Action, visible
from models.companies import Company
from models.errors import AlreadyLicensed, Conflict, InsufficientLicenses, InvalidInput, NotFound
from models.licenses import (
    License,
    LicenseStatus,
    LicenseType,
    ReleaseReason,
    has_status,
    prefers_nfr,
)
from models.orders import Order
from models.pool import (
    Learner,
    expired_learners,
    hand_over,
    learners,
    take_back,
    write_down_expired,
)
from models.users import User
from models.webhooks import WebhookEvent
from resolvers.lists import distinct, found_all, parts
from resolvers.reading.sql import among, ids_of, models_of
from resolvers.work import Work


class ShortagePolicy(StrEnum):
    FAIL = "FAIL"
    PARTIAL = "PARTIAL"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which licenses of the pool, and what if they are too few."""

    license_type: LicenseType | None = None
    order_id: UUID | None = None
    on_shortage: ShortagePolicy = ShortagePolicy.FAIL


@dataclass(frozen=True, slots=True)
class Learners:
    """By id, by email, or all whose license has expired: exactly one of the three."""

    user_ids: list[UUID] | None = None
    emails: list[str] | None = None
    all_expired: bool = False


@dataclass(frozen=True, slots=True)
class Allocated:
    licenses: list[UUID]
    shortage: int
    already_licensed: list[UUID] = field(default_factory=list)
    unknown_emails: list[int] = field(default_factory=list)
    """Their places among the emails given: addresses are kept nowhere, so that erasure is whole."""
    without_license: list[UUID] = field(default_factory=list)


async def allocate_licenses(
    work: Work, company_id: UUID | None, asked: Learners, wanted: Wanted
) -> Allocated:
    """Tie free licenses to learners; who has a live one is left alone and told."""
    company = await work.lock_company(company_id)
    work.require(Action.ALLOCATE_LICENSES, company)
    people, unknown = await _asked_for(work, company, asked)
    waiting = [learner for learner in people if not learner.is_licensed]
    allocated = await allocate(work, company, waiting, wanted)
    return Allocated(
        licenses=allocated,
        shortage=len(waiting) - len(allocated),
        already_licensed=[learner.id for learner in people if learner.is_licensed],
        unknown_emails=unknown,
        without_license=[learner.id for learner in waiting[len(allocated) :]],
    )


async def allocate(
    work: Work, company: Company, people: Sequence[Learner], wanted: Wanted
) -> list[UUID]:
    """Give each a license of the company's pool, the first ones first; their ids, in that order.

    The company must be locked: its pool is handed out by one at a time. The people must be there
    and without a live license. Raises InsufficientLicenses unless PARTIAL.
    """
    free = await _free(work, company, wanted, len(people))
    if len(free) < len(people) and wanted.on_shortage is ShortagePolicy.FAIL:
        raise InsufficientLicenses(len(people), len(free))
    if not free:
        return []
    await _hand_over(work, free, people[: len(free)])
    only = License(id=free[0]) if len(free) == 1 else None
    work.audit("license.allocated", company, only, count=len(free))
    work.publish(WebhookEvent.LICENSES_ALLOCATED, company, license_ids=free)
    return free


@dataclass(frozen=True, slots=True)
class Released:
    licenses: list[UUID]
    users: list[UUID]


async def release_licenses(work: Work, license_ids: list[UUID]) -> Released:
    """Take licenses back into their pools; those that are free, or have ended, stay as they are."""
    found = await _companies_of(work, license_ids)
    companies = await lock_companies(work, set(found.values()))
    for company in companies:
        work.require(Action.ALLOCATE_LICENSES, company)
    held = await _held(work, list(found))
    await release(work, companies, held, ReleaseReason.RELEASED)
    return Released(list(found), [row.holder_id for row in held if row.holder_id])


async def release(
    work: Work, companies: Iterable[Company], held: Sequence[License], reason: ReleaseReason
) -> None:
    """Free licenses of locked companies, and write down what was freed in each."""
    if not held:
        return
    await take_back([license.id for license in held], reason, work.now)
    of_company: dict[UUID, list[License]] = {}
    for license in held:
        of_company.setdefault(license.company_id, []).append(license)
    for company in companies:
        if freed := of_company.get(company.id):
            only = freed[0] if len(freed) == 1 else None
            work.audit("license.released", company, only, count=len(freed), reason=reason)
            ids = [license.id for license in freed]
            work.publish(WebhookEvent.LICENSES_RELEASED, company, license_ids=ids)


@dataclass(frozen=True, slots=True)
class Reallocated:
    license_id: UUID
    previous_user_id: UUID


async def reallocate_license(work: Work, license_id: UUID, user_id: UUID) -> Reallocated:
    """Move a license to another learner for the time that is left."""
    license = await work.find(License, license_id, ("license_id",))
    company = await work.lock_company(license.company_id)
    work.require(Action.ALLOCATE_LICENSES, company)
    license = await work.lock(License, license_id, ("license_id",))
    user, learner = await _learner(work, company, user_id)
    previous = license.holder_id
    if not license.release(at=work.now) or previous is None:
        raise Conflict("Nobody has this license: allocate it.", ("license_id",))
    if learner.is_licensed:
        raise AlreadyLicensed("This learner has a license already.", ("user_id",))
    await take_back([license.id], ReleaseReason.REALLOCATED, work.now)
    license.allocate(user, at=work.now)
    await _hand_over(work, [license.id], [learner])
    work.audit("license.reallocated", company, license, count=1)
    for event in (WebhookEvent.LICENSES_RELEASED, WebhookEvent.LICENSES_ALLOCATED):
        work.publish(event, company, license_ids=[license.id])
    return Reallocated(license.id, previous)


async def _hand_over(work: Work, free: Sequence[UUID], people: Sequence[Learner]) -> None:
    overdue = [learner.id for learner in people if learner.is_overdue]
    if overdue:
        await write_down_expired(overdue, work.now)
    await hand_over(free, people, by=work.caller.user_id, at=work.now)


async def _free(work: Work, company: Company, wanted: Wanted, most: int) -> list[UUID]:
    """The soonest to expire first; for people of a partner NFR before all."""
    free = visible(License, work.caller, by_key=True).filter(
        company_id=company.id, holder_id__isnull=True, voided_at__isnull=True
    )
    if wanted.license_type is not None:
        free = free.filter(type=wanted.license_type)
    if wanted.order_id is not None:
        orders = visible(Order, work.caller).filter(company_id=company.id)
        if not await orders.filter(id=wanted.order_id).exists():
            raise NotFound("order", ("order_id",))
        free = free.filter(order_id=wanted.order_id)
    if most == 0:  # to Tortoise a limit of 0 is none
        return []
    first: list[UUID] = []
    if prefers_nfr(company.kind):
        first = await ids_of(
            free.filter(expires_at__isnull=True), then=f" ORDER BY id LIMIT {most}"
        )
    ending = free.filter(expires_at__gt=work.now)
    left = most - len(first)
    return first + await ids_of(ending, then=f" ORDER BY expires_at, id LIMIT {left}")


async def _asked_for(
    work: Work, company: Company, asked: Learners
) -> tuple[list[Learner], list[int]]:
    """The people, and the places of emails that are nobody's of the company."""
    given = [asked.user_ids is not None, asked.emails is not None, asked.all_expired]
    if sum(given) != 1:
        raise InvalidInput(
            "Name learners by userIds, by emails, or as allExpired: one of them.", ()
        )
    if asked.emails is not None:
        return await _by_emails(work, company, asked.emails)
    if asked.user_ids is not None:
        return await _by_ids(work, company, asked.user_ids), []
    expired = await expired_learners(company.id, work.now)
    found = await _known(work, company, "id", expired)
    return [found[id] for id in expired], []


async def _by_ids(work: Work, company: Company, user_ids: list[UUID]) -> list[Learner]:
    path = ("user_ids",)
    found = await _known(work, company, "id", distinct(user_ids, path))
    return found_all(user_ids, found, "user", path)


async def _by_emails(
    work: Work, company: Company, emails: list[str]
) -> tuple[list[Learner], list[int]]:
    given = [text.email_key(email) for email in emails]
    keys = distinct(given, ("emails",))
    places = {key: place for place, key in reversed(list(enumerate(given)))}
    found = await _known(work, company, "email_key", keys)
    return (
        [found[key] for key in keys if key in found],
        [places[key] for key in keys if key not in found],
    )


async def _known(
    work: Work, company: Company, column: str, values: Sequence[Any]
) -> dict[Any, Learner]:
    """Those of the company, which must be locked."""
    found: dict[Any, Learner] = {}
    for part in parts(values):
        found |= await learners(company.id, column, part, work.now)
    return found


async def _learner(work: Work, company: Company, user_id: UUID) -> tuple[User, Learner]:
    here = visible(User, work.caller).filter(company_id=company.id, removed_at__isnull=True)
    user = await here.get_or_none(id=user_id)
    found = await _known(work, company, "id", [user_id])
    if user is None or user_id not in found:
        raise NotFound("user", ("user_id",))
    return user, found[user_id]


async def _companies_of(work: Work, license_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The company of each license, in the order given."""
    path = ("license_ids",)
    wanted = distinct(license_ids, path)
    found: dict[UUID, UUID] = {}
    for part in parts(wanted):
        licenses = visible(License, work.caller, by_key=True).filter(among(License, "id", part))
        found |= {license.id: license.company_id for license in await models_of(licenses)}
    companies = found_all(license_ids, found, "license", path)
    return dict(zip(wanted, companies, strict=True))


async def _held(work: Work, license_ids: Sequence[UUID]) -> list[License]:
    """Those of them that are with somebody, in the order of their ids."""
    found: dict[UUID, License] = {}
    held = visible(License, work.caller, by_key=True).filter(
        has_status(LicenseStatus.ALLOCATED, work.now)
    )
    for part in parts(license_ids):
        some = await models_of(held.filter(among(License, "id", part)))
        found |= {license.id: license for license in some}
    return [found[id] for id in license_ids if id in found]


async def lock_companies(work: Work, ids: set[UUID]) -> list[Company]:
    """Always in the same order, so that two calls do not wait for each other."""
    locked: list[Company] = []
    for part in parts(sorted(ids)):
        companies = visible(Company, work.caller, by_key=True).filter(among(Company, "id", part))
        locked += await models_of(companies.order_by("id"), lock=True)
    return locked
