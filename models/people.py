"""People found across the tree: recipients of mail, and who has an address already."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
from tortoise.expressions import Q

from models.companies import Company, ancestor_paths
from models.database import is_sqlite, rows
from models.sessions import Tally, TallyKind, digest
from models.users import User, UserRole

PRESENT = Q(removed_at__isnull=True)
MANAGING = Q(role__not=UserRole.LEARNER)
IDENTIFYING: Final = (
    "email",
    "email_key",
    "first_name",
    "last_name",
    "name_key",
    "department",
    "external_id",
)
"""Texts that identify a person."""
BATCH: Final = 5_000
"""People that one statement writes down."""


async def managers_of(*company_ids: UUID) -> list[User]:
    """Those who manage the companies, as their managers or account managers."""
    return await User.filter(PRESENT & MANAGING, company_id__in=company_ids).order_by("id")


async def managers_by_company(company_ids: Iterable[UUID]) -> dict[UUID, list[User]]:
    """As `managers_of`, by company; of a company that has none, nothing."""
    found: dict[UUID, list[User]] = {}
    for user in await managers_of(*set(company_ids)):
        found.setdefault(user.company_id, []).append(user)
    return found


async def account_managers_for(company: Company) -> list[User]:
    """The company's account manager; if there is none, all account managers of its parent.

    Where the parent has none either, those of the next company up that has. The root has nobody
    above it: its own are asked.
    """
    return (await account_managers_of([company]))[company.id]


async def account_managers_of(companies: Sequence[Company]) -> dict[UUID, list[User]]:
    """As `account_managers_for`, for each of the companies by its id."""
    at_work = User.filter(PRESENT & MANAGING, company__is_archived=False)
    named = {
        user.id: user
        for user in await at_work.filter(
            id__in={company.account_manager_id for company in companies} - {None}
        )
    }
    found = {
        company.id: [named[company.account_manager_id]]
        for company in companies
        if company.account_manager_id in named
    }
    without = [company for company in companies if company.id not in found]
    above = await _nearest(
        {company.path: ancestor_paths(company.path) or [company.path] for company in without}
    )
    return found | {company.id: above[company.path] for company in without}


async def account_managers_above(paths: Iterable[str]) -> dict[str, list[User]]:
    """Those of the next company above each that has any; none above the root."""
    return await _nearest({path: ancestor_paths(path) for path in paths})


async def _nearest(lines: Mapping[str, Sequence[str]]) -> dict[str, list[User]]:
    """Of each line of paths the account managers of the longest one that has any."""
    paths = {path for line in lines.values() for path in line}
    people = User.filter(PRESENT & MANAGING, company__is_archived=False, path__in=paths)
    at: dict[str, list[User]] = {}
    for user in await people.order_by("id") if paths else ():
        at.setdefault(user.path, []).append(user)
    return {
        key: next((at[path] for path in sorted(line, key=len, reverse=True) if path in at), [])
        for key, line in lines.items()
    }


async def present(user_id: UUID | None) -> list[User]:
    """That person, unless there is none or they have been removed."""
    return await User.filter(PRESENT, id=user_id) if user_id else []


def silent(number: int) -> None:
    """Where nobody wants to be told how many people were written down."""


async def save_new(users: Sequence[User], told: Callable[[int], object] = silent) -> None:
    """Write down new people, all of one company, role and instant."""
    texts = ", ".join(IDENTIFYING)
    for part in _batches(users):
        await rows(
            f"""
            INSERT INTO users (id, {texts}, company_id, path, role, muted_templates,
                created_at, updated_at)
            SELECT id, {texts}, $2, $3, $4, '[]', $5, $5
            FROM ({_each_of(*IDENTIFYING)}) AS new
            """,  # noqa: S608
            _as_json(part, *IDENTIFYING),
            str(part[0].company_id),
            part[0].path,
            part[0].role,
            part[0].created_at,
        )
        told(len(part))


async def save_changed(
    users: Sequence[User], at: datetime, told: Callable[[int], object] = silent
) -> None:
    """Write down what is known now of people who are there."""
    for part in _batches(users):
        await rows(
            f"""
            UPDATE users SET {_texts_of("given")}, updated_at = $2
            FROM ({_each_of(*IDENTIFYING)}) AS given WHERE users.id = given.id
            """,  # noqa: S608
            _as_json(part, *IDENTIFYING),
            at,
        )
        told(len(part))


async def save_removed(users: Sequence[User], at: datetime) -> None:
    """Write down with one statement that they were removed."""
    gone = User.filter(id__in=[user.id for user in users])
    await gone.update(removed_at=at, password_hash=None, updated_at=at)


async def save_erased(users: Sequence[User], at: datetime) -> None:
    """Write down what stands for erased people now, in the mails promised to them too."""
    await rows(
        f"""
        UPDATE users SET {_texts_of("gone")},
            muted_templates = '[]', password_hash = NULL, erased_at = $2, updated_at = $2
        FROM ({_each_of(*IDENTIFYING)}) AS gone WHERE users.id = gone.id
        """,  # noqa: S608
        _as_json(users, *IDENTIFYING),
        at,
    )
    await rows(
        f"""
        UPDATE notifications SET recipient = gone.email, token = NULL, last_error = NULL
        FROM ({_each_of("email")}) AS gone WHERE notifications.user_id = gone.id
        """,  # noqa: S608
        _as_json(users, "email"),
    )


async def save_recipients(users: Sequence[User]) -> None:
    """Send mail that waits to the addresses that they have now."""
    await rows(
        f"""
        UPDATE notifications SET recipient = person.email
        FROM ({_each_of("email")}) AS person
        WHERE notifications.user_id = person.id AND notifications.status = 'QUEUED'
        """,  # noqa: S608
        _as_json(users, "email"),
    )


async def forget_addresses(email_keys: Iterable[str]) -> None:
    """Drop what is kept of addresses that nobody has any more."""
    keys = set(email_keys)
    nobodys = keys - (await taken(keys)).keys()
    wrong_passwords = Tally.filter(kind=TallyKind.WRONG_PASSWORDS)
    await wrong_passwords.filter(subject__in=[digest(key) for key in nobodys]).delete()


async def taken(email_keys: Iterable[str]) -> dict[str, User]:
    """Who has these addresses, anywhere on the platform."""
    found = await User.filter(PRESENT, email_key__in=list(email_keys))
    return {user.email_key: user for user in found}


def _batches(users: Sequence[User]) -> Iterator[Sequence[User]]:
    """The event loop has its turn in between."""
    for start in range(0, len(users), BATCH):
        yield users[start : start + BATCH]


def _texts_of(source: str) -> str:
    return ", ".join(f"{column} = {source}.{column}" for column in IDENTIFYING)


def _as_json(users: Sequence[User], *columns: str) -> str:
    people = [{name: getattr(user, name) for name in ("id", *columns)} for user in users]
    return orjson.dumps(people, default=str).decode()


def _each_of(*columns: str) -> str:
    """The people in the JSON of $1: id, and texts."""
    cast, people = "::uuid", "jsonb_array_elements($1::jsonb) AS value"
    if is_sqlite():
        cast, people = "", "json_each($1)"
    texts = ", ".join(f"value ->> '{column}' AS {column}" for column in columns)
    return f"SELECT (value ->> 'id'){cast} AS id, {texts} FROM {people}"  # noqa: S608
