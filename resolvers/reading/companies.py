"""Companies: one, lists of them, and where they hang in the tree."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Final, Unpack

from tortoise.expressions import Q

from models.access import all_shown, known, shows_all, visible
from models.base import are_within, is_within, successor, where
from models.base import within as in_subtree
from models.companies import Company, CompanyStatus, ancestor_paths
from models.companies import depth as level
from models.conditions import Condition
from models.orders import OPEN
from models.rows import as_model, column
from models.users import User, UserRole
from resolvers.reading.by_id import ById
from resolvers.reading.filters import (
    Word,
    Words,
    each,
    kept_from_learners,
    name,
    one_of,
    text,
    time,
)
from resolvers.reading.pages import Listing, Page
from resolvers.reading.reader import Reader
from resolvers.reading.sql import SLOTS, by_column, grouped, rows_with
from resolvers.reading.windows import Asked, Sort, SortDirection
from resolvers.reading.within import Within

KEPT_BACK: Final = (
    "industry",
    "employee_count",
    "country",
    "language",
    "external_id",
    "account_manager_id",
    "parent_id",
)
"""What a learner is not told of their company, and nobody in manage mode of their own."""
IS_ARCHIVED: Final = Condition('"companies"."is_archived"')
IS_ACTIVE: Final = Condition('NOT "companies"."is_archived"')
EMPTY: Final[Page[Any]] = Page()
_PATH: Final = attrgetter("path")


def dress(reader: Reader, companies: Sequence[Company]) -> Sequence[Company]:
    """Without what this reader is not shown; the very list where all is shown."""
    caller = reader.asking
    if caller.is_learner:
        return [_without(company, KEPT_BACK) for company in companies]
    top, paths = caller.path, column(companies, "path")
    if are_within(paths, top) and min(paths, default="") > top:
        return companies
    return [
        company
        if len(company.path) > len(top) and is_within(company.path, top)
        else _without(company, ("parent_id",) if company.path == top else KEPT_BACK)
        for company in companies
    ]


def _without(company: Company, hidden: Iterable[str]) -> Company:
    told = [attribute for attribute in hidden if hasattr(company, attribute)]
    if not told:
        return company
    rest = as_model(company)
    for attribute in told:
        setattr(rest, attribute, None)
    return rest


def spans_of(companies: Sequence[Company]) -> Sequence[Sequence[str]]:
    """Where the paths of each company and of all beneath it begin, and where they end."""
    paths = list(map(_PATH, companies))
    return paths, list(map(successor, paths))


def shown(reader: Reader, companies: Sequence[Company]) -> Sequence[Company]:
    """Those of which this reader may see more than the plain fields."""
    return all_shown(reader.asking, companies)


def depth(reader: Reader, company: Company) -> int:
    """0 at the top of what the reader may see."""
    seen = shows_all(reader.asking, company)
    return level(company.path) - level(reader.asking.path) if seen else 0


def looked_after(through: str = "") -> Word:
    """By an account manager in sight; `through` is the way to the company."""
    column = f"{through}account_manager"

    def ask(reader: Reader, user_id: Any) -> Q:
        caller = reader.asking
        in_sight = in_subtree(caller.path, f"{column}__path")
        oneself = where(**{f"{column}_id": caller.user_id})
        return where(**{f"{column}_id": user_id}) & (in_sight | oneself)

    return ask


def _has_requests(_: Reader, wanted: bool) -> Q:
    there = "EXISTS" if wanted else "NOT EXISTS"
    return Condition(
        f"{there} (SELECT 1 FROM orders WHERE orders.company_id = companies.id"  # noqa: S608
        " AND orders.status IN ({}, {}))",
        *(status.value for status in OPEN),
    )


def _has_status(_: Reader, status: CompanyStatus) -> Q:
    return IS_ARCHIVED if status is CompanyStatus.ARCHIVED else IS_ACTIVE


COMPANIES: Final = Listing(
    Company,
    sorts={"NAME": Sort("name_key", str), "CREATED_AT": Sort("created_at")},
    default=("NAME", SortDirection.ASC),
    counts_along=True,
    words=Words(
        {
            "name": name("name"),
            "kind": one_of(Company, "kind"),
            "status": each(_has_status),
            "plan": one_of(Company, "plan"),
            "country": kept_from_learners(text("country")),
            "external_id": kept_from_learners(text("external_id")),
            "account_manager_id": kept_from_learners(looked_after()),
            "created_at": time("created_at"),
            "updated_at": time("updated_at"),
            "has_requested_orders": kept_from_learners(_has_requests),
        },
        shown=IS_ACTIVE,
    ),
    dress=dress,
    always=("id", "path"),
    hides=frozenset(KEPT_BACK),
)
_CHILDREN: Final = Within.owner("Company.children", "parent_id")
_DESCENDANTS: Final = Within(
    "Company.descendants",
    where(path__gt=SLOTS[0], path__lt=SLOTS[1]),
    spans_of,
)


company_by_id: Final = ById(Company, known, dress, always=("id", "path"))


async def companies(
    reader: Reader, keys: Sequence[Any], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    """The acting company and every company beneath it."""
    return await COMPANIES.pages(reader, keys, Within("companies"), asked)


async def children(
    reader: Reader, keys: Sequence[Company], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await of_companies(COMPANIES, _CHILDREN, reader, keys, asked)


async def descendants(
    reader: Reader, keys: Sequence[Company], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await of_companies(COMPANIES, _DESCENDANTS, reader, keys, asked)


async def ancestors(reader: Reader, keys: Sequence[Company]) -> Mapping[Any, list[Company]]:
    """From the top of what the reader may see down to the parent."""
    above = {company: ancestor_paths(company.path) for company in keys}
    paths = chain.from_iterable(above.values())
    found = await rows_with(visible(Company, reader.caller, by_key=True), "path", paths)
    at = by_column(dress(reader, found), "path")
    return {key: [at[path] for path in above[key] if path in at] for key in keys}


async def managers(reader: Reader, keys: Sequence[Company]) -> Mapping[Any, list[User]]:
    """The managers of a customer, or the account managers of another company; by name."""
    people = visible(User, reader.caller, by_key=True).filter(
        role__not=UserRole.LEARNER, removed_at__isnull=True
    )
    ids = [company.id for company in keys]
    found = await rows_with(people.order_by("name_key", "id"), "company_id", ids)
    theirs = grouped(found, "company_id")
    return {company: theirs[company.id] for company in keys}


async def of_companies(
    listing: Listing[Any], within: Within, reader: Reader, keys: Sequence[Company], asked: Asked
) -> Mapping[Any, Any]:
    """A list of each company; empty where its plain fields alone are shown."""
    seen = shown(reader, keys)
    pages = await listing.pages(reader, seen, within, asked) if seen else {}
    return dict.fromkeys(keys, EMPTY) | pages
