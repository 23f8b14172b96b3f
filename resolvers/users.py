"""People: add, update, remove, erase; and who manages a company."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from models.access import Action, visible
from models.companies import Company
from models.errors import Conflict, InvalidInput, NotFound, Path
from models.licenses import License, LicenseStatus, ReleaseReason, has_status
from models.outbox import UNMUTABLE, NotificationTemplate
from models.people import forget_addresses, managers_of, save_erased, save_removed
from models.pool import Learner
from models.sessions import LinkPurpose
from models.users import User, UserRole, managing_role
from resolvers import notices
from resolvers.licenses import Wanted, allocate, lock_companies, release
from resolvers.lists import bounded, distinct, found_all, parts
from resolvers.people import (
    Person,
    end_links_of,
    follow_addresses,
    make_link,
    refuse_taken,
    take_in,
)
from resolvers.reading.sql import among, models_of
from resolvers.sessions import end_sessions_of, end_stays_of
from resolvers.tokens import end_tokens_of
from resolvers.work import Work


@dataclass(frozen=True, slots=True)
class Added:
    users: list[UUID]
    licenses: list[UUID]
    shortage: int


async def add_users(
    work: Work, company_id: UUID | None, people: list[Person], wanted: Wanted | None
) -> Added:
    """New learners, who get a license while the pool lasts unless `wanted` is None."""
    company = await work.lock_company(company_id)
    work.require(Action.KEEP_USERS, company)
    named: list[tuple[Path, Person]] = [
        (("users", place), person) for place, person in enumerate(bounded(people, ("users",)))
    ]
    users = await take_in(work, company, named)
    if users:
        only = users[0] if len(users) == 1 else None
        work.audit("user.added", company, only, count=len(users))
    licenses: list[UUID] = []
    if wanted is not None:
        work.require(Action.ALLOCATE_LICENSES, company)
        licenses = await allocate(work, company, [Learner(user.id) for user in users], wanted)
    return Added(
        users=[user.id for user in users],
        licenses=licenses,
        shortage=len(users) - len(licenses) if wanted else 0,
    )


async def update_user(work: Work, user_id: UUID, given: dict[str, Any]) -> UUID:
    """Change what is known of a person; a new address must be free."""
    user, company = await _lock_person(work, user_id, Action.KEEP_USERS)
    work.require_learner(user, ("user_id",))
    before = user.email_key
    if user.update(given, at=work.now):
        if user.email_key != before:
            await refuse_taken(work, [(("email",), user.email)])
            await follow_addresses(work, [user])
        await user.save()
        work.audit("user.updated", company, user, fields=sorted(given))
    return user.id


@dataclass(frozen=True, slots=True)
class Removed:
    users: list[UUID]
    licenses: list[UUID]


async def remove_users(work: Work, user_ids: list[UUID], erase: bool = False) -> Removed:
    """End what people have here and free their licenses; `erase` takes away who they were."""
    action = Action.ERASE_USERS if erase else Action.KEEP_USERS
    companies = await lock_companies(
        work, {user.company_id for user in await _find_people(work, user_ids)}
    )
    for company in companies:
        work.require(action, company)
    users = await _find_people(work, user_ids)
    for place, user in enumerate(users):
        work.require_learner(user, ("user_ids", place))
    leaving = [user for user in users if user.remove(at=work.now)]
    places = {user.id: ("user_ids", place) for place, user in enumerate(users)}
    await _must_keep_a_manager(work, leaving, places)
    freed = await _free_licenses_of(work, companies, leaving)
    addresses = {user.id: user.email_key for user in users}
    erased = [user for user in users if erase and user.erase(at=work.now)]
    await save_removed(leaving, work.now)
    await save_erased(erased, work.now)
    await forget_addresses(addresses[user.id] for user in erased)
    await end_sessions_of([user.id for user in leaving], work.now)
    await end_links_of(work, [user.id for user in leaving])
    await end_tokens_of([user.id for user in leaving], work.now)
    await _dismiss(work, leaving)
    _audit_people(work, "user.removed", companies, leaving)
    _audit_people(work, "user.erased", companies, erased)
    return Removed([user.id for user in users], freed)


async def add_manager(
    work: Work,
    company_id: UUID | None,
    user_id: UUID | None,
    person: Person | None,
) -> UUID:
    """Make a person of the company, or a new one, its manager, and welcome them."""
    if (user_id is None) == (person is None):
        raise InvalidInput("Name either a userId or a person.", ())
    company = await work.lock_company(company_id)
    work.require(Action.KEEP_MANAGERS, company)
    role = managing_role(company.kind)
    if person is not None:
        [user] = await take_in(work, company, [(("person",), person)], role)
    else:
        found = visible(User, work.caller, by_key=True).filter(
            company_id=company.id, removed_at__isnull=True
        )
        maybe = await found.get_or_none(id=user_id)
        if maybe is None:
            raise NotFound("user", ("user_id",))
        user = maybe
        if not user.become(role, at=work.now):
            return user.id
        await user.save(update_fields=["role", "updated_at"])
    work.audit("manager.added", company, user)
    token = None
    if user.password_hash is None:
        token = await make_link(work, user, LinkPurpose.WELCOME)
    work.notify(notices.welcome(company, token), to=[user])
    return user.id


async def remove_manager(work: Work, user_id: UUID) -> UUID:
    """Leave a manager a learner; not the last one, and not oneself."""
    user, company = await _lock_person(work, user_id, Action.KEEP_MANAGERS)
    if not user.is_manager:
        return user.id
    user.become(UserRole.LEARNER, at=work.now)
    await _must_keep_a_manager(work, [user], {user.id: ("user_id",)})
    await user.save(update_fields=["role", "updated_at"])
    await _dismiss(work, [user])
    await end_stays_of(user.id, work.now)
    await end_tokens_of([user.id], work.now)
    work.audit("manager.removed", company, user)
    return user.id


async def update_notification_preferences(
    work: Work, user_id: UUID | None, muted: list[NotificationTemplate]
) -> UUID:
    """Choose what not to be mailed; one's own preferences are always one's own."""
    for place, template in enumerate(muted):
        if template in UNMUTABLE:
            raise InvalidInput(f"{template} is always mailed.", ("muted", place))
    if user_id is None or user_id == work.caller.user_id:
        user = await User.select_for_update(no_key=True).get(id=work.caller.user_id)
        company = await Company.get(id=user.company_id)
    else:
        user, company = await _lock_person(work, user_id, Action.KEEP_MANAGERS)
    if user.mute(muted, at=work.now):
        await user.save(update_fields=["muted_templates", "updated_at"])
        work.audit("preferences.updated", company, user)
    return user.id


async def _lock_person(work: Work, user_id: UUID, action: Action) -> tuple[User, Company]:
    """A person who is still there, and the company; a company is locked before its people."""
    user = await work.find(User, user_id, ("user_id",))
    company = await work.lock_company(user.company_id)
    work.require(action, company)
    user = await work.lock(User, user_id, ("user_id",))
    if user.removed_at is not None:
        raise Conflict("This user has been removed: add them anew.", ("user_id",))
    return user, company


async def _find_people(work: Work, user_ids: list[UUID]) -> list[User]:
    path = ("user_ids",)
    people: dict[UUID, User] = {}
    for part in parts(distinct(user_ids, path)):
        some = visible(User, work.caller, by_key=True).filter(among(User, "id", part))
        people |= {user.id: user for user in await models_of(some)}
    return found_all(user_ids, people, "user", path)


async def _must_keep_a_manager(
    work: Work, leaving: Sequence[User], places: Mapping[UUID, Path]
) -> None:
    """The last one cannot go, and nobody removes themselves; `places` says where each is named."""
    ids = {user.id for user in leaving}
    if work.caller.user_id in ids:
        raise Conflict(
            "Nobody removes themselves: ask another manager.", places[work.caller.user_id]
        )
    managers = await managers_of(*{user.company_id for user in leaving})
    managing = {user.id for user in managers}
    kept = {user.company_id for user in managers if user.id not in ids}
    for user in leaving:
        if user.id in managing and user.company_id not in kept:
            raise Conflict(
                "A company keeps at least one manager: add another first.", places[user.id]
            )


async def _free_licenses_of(
    work: Work, companies: Sequence[Company], leaving: Sequence[User]
) -> list[UUID]:
    theirs = among(License, "holder_id", [user.id for user in leaving])
    held = await models_of(
        visible(License, work.caller, by_key=True).filter(
            has_status(LicenseStatus.ALLOCATED, work.now), theirs
        )
    )
    await release(work, companies, held, ReleaseReason.USER_REMOVED)
    return [license.id for license in held]


async def _dismiss(work: Work, people: Sequence[User]) -> None:
    """Companies they looked after have no account manager until another is set."""
    ids = [user.id for user in people if user.role is not UserRole.MANAGER]
    await Company.filter(account_manager_id__in=ids).update(
        account_manager_id=None, updated_at=work.now
    )


def _audit_people(
    work: Work, action: str, companies: Sequence[Company], people: Sequence[User]
) -> None:
    of_company: dict[UUID, list[User]] = {}
    for user in people:
        of_company.setdefault(user.company_id, []).append(user)
    for company in companies:
        if theirs := of_company.get(company.id):
            only = theirs[0] if len(theirs) == 1 else None
            work.audit(action, company, only, count=len(theirs))
