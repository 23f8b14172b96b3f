"""All rows of a list, a page at a time, from one place in the tree."""

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from tortoise.expressions import Q

from models.access import Caller, caller_again, visible
from models.audit import AuditEvent
from models.base import beneath, where, within
from models.companies import Company
from models.conditions import Condition
from models.errors import Conflict, Unauthenticated
from resolvers.reading.filters import Filter
from resolvers.reading.pages import Listing
from resolvers.reading.reader import Reader
from resolvers.reading.windows import Scope
from resolvers.work import Clock, Work

PAGE: Final = 500
"""Rows that are held at once."""
MARGIN: Final = timedelta(minutes=1)
"""How much later a move may be committed than it says."""

MOVED: Final = "A company was moved during the download: begin again."
_PLACES: Final[dict[Scope, Callable[[str], Q]]] = {
    Scope.OWN: lambda path: where(path=path),
    Scope.BELOW: beneath,
    Scope.SUBTREE: within,
}


async def note_download(
    work: Work, company_id: Any, what: str, scope: Scope, is_filtered: bool
) -> None:
    """Write down who downloads what, before the first row leaves.

    Not what a filter says: it may name people, and erasure would not reach it.
    """
    company = await work.find(Company, company_id, ("company_id",))
    work.audit("export.downloaded", company, company, what=what, scope=scope, filtered=is_filtered)


async def all_pages(
    caller: Caller,
    clock: Clock,
    listing: Listing[Any],
    company: Company,
    scope: Scope,
    filter: Filter | None = None,
) -> AsyncGenerator[tuple[Reader, Sequence[Any]], None]:
    """Each with a reader of its own, so that nothing is kept of the pages before.

    Nothing is held between two pages, however slow their reader: neither a transaction nor a
    connection. By company, the oldest row first. Raises Unauthenticated when the caller's rights
    are not any more what they were at the beginning, and Conflict when a company has moved in here:
    its rows would be left out, or told twice.
    """
    now = clock()
    moves = await _moves(caller, company, now)
    table = listing.model._meta.db_table
    found = visible(listing.model, caller).filter(_PLACES[scope](company.path))
    found = found.filter(listing.words.ask(Reader(caller, now), filter)).order_by("path", "id")
    rows = await found.limit(PAGE)
    while rows:
        reader = Reader(caller, now)
        yield reader, listing.dress(reader, rows) if listing.dress else rows
        if await caller_again(caller, clock()) != caller:
            raise Unauthenticated
        if await _moves(caller, company, now) != moves:
            raise Conflict(MOVED)
        past = Condition(
            f"({table}.path, {table}.id) > ({{}}, {{}})", rows[-1].path, str(rows[-1].id)
        )
        rows = await found.filter(past).limit(PAGE) if len(rows) == PAGE else []


async def _moves(caller: Caller, company: Company, since: datetime) -> int:
    """How often a company was moved beneath this one, which must be where it was."""
    if not await visible(Company, caller).filter(id=company.id, path=company.path).exists():
        raise Conflict(MOVED)
    moves = visible(AuditEvent, caller).filter(within(company.path), action="company.moved")
    return await moves.filter(at__gte=since - MARGIN).count()
