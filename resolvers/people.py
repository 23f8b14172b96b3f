"""Taking people in: each address once on the whole platform, and little told of where."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from models import text
from models.access import Caller, visible
from models.base import is_within
from models.companies import Company
from models.errors import Duplicate, InvalidInput, Path, RateLimited, Refusal, Refusals
from models.outbox import Notification, NotificationStatus
from models.people import save_new, save_recipients, taken
from models.sessions import (
    DUPLICATES_A_DAY,
    LinkPurpose,
    PasswordLink,
    TallyKind,
    digest,
    new_token,
)
from models.users import User, UserRole
from resolvers.tallies import Attempt, counted
from resolvers.work import Work


@dataclass(frozen=True, slots=True)
class Person:
    """What is told of somebody new."""

    email: str
    first_name: str | None = None
    last_name: str | None = None
    department: str | None = None
    external_id: str | None = None

    @property
    def given(self) -> dict[str, Any]:
        told = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: value for name, value in told if value is not None}


async def take_in(
    work: Work,
    company: Company,
    people: Sequence[tuple[Path, Person]],
    role: UserRole = UserRole.LEARNER,
) -> list[User]:
    """New people of the company, saved. Raises Refusals, one for each that cannot be taken in."""
    joined: list[tuple[Path, User]] = []
    faults: list[Refusal] = []
    for path, person in people:
        try:
            user = User.join(company, person.given, at=work.now, role=role, path=path)
            joined.append((path, user))
        except InvalidInput as fault:
            faults.append(fault)
    faults += _twice(joined) + await _external_ids_taken(work, company, joined)
    if faults:
        raise Refusals(faults)
    await refuse_taken(work, [((*path, "email"), user.email) for path, user in joined])
    users = [user for _, user in joined]
    await save_new(users)
    return users


async def refuse_taken(work: Work, addresses: Sequence[tuple[Path, str]]) -> None:
    """Raises Duplicate for addresses that somebody has.

    Raises RateLimited once too many were elsewhere, for free ones too: it would go on telling.
    """
    have = await taken(text.email_key(email) for _, email in addresses)
    attempts = await told_of(work, have.values(), asks=bool(addresses))
    if have:
        raise Refusals(
            [
                Duplicate("This address is taken.", path)
                for path, email in addresses
                if text.email_key(email) in have
            ],
            attempts=attempts,
        )


async def told_of(work: Work, users: Iterable[User], *, asks: bool) -> tuple[Attempt, ...]:
    """What to count when the caller is told that these have their addresses.

    Raises RateLimited as `refuse_taken` does; `asks` is whether any address is asked for.
    """
    tally = await counted(TallyKind.DUPLICATES, str(work.caller.home_id), work.now)
    if tally and tally.count >= DUPLICATES_A_DAY and asks:
        raise _rate_limited()
    return _attempts(work, sum(not _sees(work.caller, user) for user in users))


async def make_link(work: Work, user: User, purpose: LinkPurpose) -> str:
    """The token of a new set-password link; an older one ends."""
    await end_links_of(work, [user.id])
    token = new_token()
    await PasswordLink.make(user, purpose, token, at=work.now).save(force_create=True)
    return token


async def end_links_of(work: Work, user_ids: Sequence[UUID]) -> None:
    links = PasswordLink.filter(user_id__in=user_ids, ended_at__isnull=True)
    await links.update(ended_at=work.now)


async def follow_addresses(work: Work, users: Sequence[User]) -> None:
    """Mail that waits goes to their new addresses, and no link works that the old ones may have.

    A link in mail that waits gets another secret; one that has left ends: a password reset serves.
    """
    ids = [user.id for user in users]
    await save_recipients(users)
    links = PasswordLink.filter(user_id__in=ids, ended_at__isnull=True)
    by_hash = {link.token_hash: link for link in await links}
    waiting = Notification.filter(
        user_id__in=ids, status=NotificationStatus.QUEUED, token__isnull=False
    )
    for mail in await waiting:
        link = by_hash.pop(digest(mail.token or ""), None)
        if link is not None:
            mail.token = new_token()
            link.token_hash = digest(mail.token)
            await mail.save(update_fields=["token"])
            await link.save(update_fields=["token_hash"])
    left = PasswordLink.filter(id__in=[link.id for link in by_hash.values()])
    await left.update(ended_at=work.now)


def _twice(joined: Iterable[tuple[Path, User]]) -> list[Refusal]:
    """Of two alike the later is at fault."""
    faults: list[Refusal] = []
    emails: set[str] = set()
    external_ids: set[str] = set()
    for path, user in joined:
        if user.email_key in emails:
            faults.append(Duplicate("This address is here twice.", (*path, "email")))
        if user.external_id in external_ids:
            faults.append(Duplicate("This external id is here twice.", (*path, "external_id")))
        emails.add(user.email_key)
        if user.external_id is not None:
            external_ids.add(user.external_id)
    return faults


async def _external_ids_taken(
    work: Work, company: Company, joined: Sequence[tuple[Path, User]]
) -> list[Refusal]:
    given = {user.external_id: path for path, user in joined if user.external_id}
    if not given:
        return []
    here = visible(User, work.caller, by_key=True).filter(
        company_id=company.id, removed_at__isnull=True
    )
    return [
        Duplicate(
            "Somebody in this company has this external id: choose another.",
            (*given[user.external_id], "external_id"),
        )
        for user in await here.filter(external_id__in=list(given))
    ]


def _rate_limited() -> RateLimited:
    return RateLimited(
        f"More than {DUPLICATES_A_DAY} addresses that are taken were tried in a day. "
        "Ask again tomorrow."
    )


def _sees(caller: Caller, user: User) -> bool:
    return is_within(user.path, caller.path) or user.id == caller.user_id


def _attempts(work: Work, elsewhere: int) -> tuple[Attempt, ...]:
    if not elsewhere:
        return ()
    return (
        Attempt(
            TallyKind.DUPLICATES,
            str(work.caller.home_id),
            at=work.now,
            until=work.now + timedelta(days=1),
            number=elsewhere,
            most=DUPLICATES_A_DAY,
            beyond=_rate_limited(),
        ),
    )
