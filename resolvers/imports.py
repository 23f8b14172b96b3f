"""People in bulk: the rows of a file become new learners, or change those who are known."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from models import text
from models.access import Action, Caller, oneself, visible
from models.companies import Company
from models.errors import Duplicate, InvalidInput, NotFound, Refusal, Unauthenticated
from models.people import managers_of, save_changed, save_new, taken
from models.pool import Learner
from models.sheets import FaultyRows, Row, RowFault, Sheet, read
from models.users import User, taken_in
from resolvers.licenses import Wanted, allocate
from resolvers.lists import MOST
from resolvers.people import Person, follow_addresses, told_of
from resolvers.work import Work

FIELDS: Final = Person.__slots__
UNIQUE: Final[Mapping[str, Callable[[str], str]]] = {"email": text.email_key, "external_id": str}
"""What one row alone may say, and what it is compared by."""


def silent(done: int, of: int) -> None:
    """Where nobody waits for it."""


@dataclass(frozen=True, slots=True)
class Imported:
    created: int
    updated: int
    unchanged: int
    licensed: int
    shortage: int


async def read_people(caller: Caller | None, csv: str, columns: Mapping[str, str]) -> Sheet:
    """The people of a file, and the rows that cannot be; before any transaction, in a thread.

    Raises InvalidInput for a file that cannot be read, and Unauthenticated.
    """
    if caller is None:
        raise Unauthenticated
    return await asyncio.to_thread(_read_people, csv, columns)


async def import_users(
    work: Work,
    company_id: UUID | None,
    sheet: Sheet,
    wanted: Wanted | None,
    told: Callable[[int, int], object] = silent,
) -> Imported:
    """Take in the people of a file: all of them, or nobody if any row is at fault.

    New ones get a license while the pool lasts, unless `wanted` is None; known ones never do.
    `told` is told that so many more rows are done, of so many.
    """
    company = await work.lock_company(company_id)
    work.require(Action.KEEP_USERS, company)
    if wanted is not None:
        work.require(Action.ALLOCATE_LICENSES, company)
    have = await taken(text.email_key(row.cells["email"]) for row in sheet.rows)
    called = await _called(work, company, sheet.rows)
    merged = _Merge(work, company, sheet, have, called)
    await asyncio.to_thread(merged.run)
    attempts = await told_of(work, merged.elsewhere, asks=merged.asks)
    if faults := sheet.faults + merged.faults:
        raise FaultyRows(faults, attempts=attempts)
    written = merged.new + merged.changed
    told(len(sheet.rows) - len(written), len(sheet.rows))
    await save_new(merged.new, lambda number: told(number, len(sheet.rows)))
    await save_changed(merged.changed, work.now, lambda number: told(number, len(sheet.rows)))
    await follow_addresses(work, merged.moved)
    if written:
        only = written[0] if len(written) == 1 else None
        work.audit("user.imported", company, only, count=len(written))
    licenses: list[UUID] = []
    if wanted is not None:
        licenses = await allocate(work, company, [Learner(user.id) for user in merged.new], wanted)
    return Imported(
        created=len(merged.new),
        updated=len(merged.changed),
        unchanged=len(sheet.rows) - len(written),
        licensed=len(licenses),
        shortage=len(merged.new) - len(licenses) if wanted else 0,
    )


async def import_users_for_vendor(
    work: Work,
    company_id: UUID,
    csv: str,
    columns: Mapping[str, str],
    wanted: Wanted | None,
    told: Callable[[int, int], object],
) -> Imported:
    """As `import_users`, for whoever keeps the machine and need not sign in.

    That is the vendor, who runs the platform: the first of its account managers stands for it.
    """
    root = await Company.get_or_none(parent_id=None)
    managers = await managers_of(root.id) if root else []
    if not managers:
        raise NotFound("vendor")
    work.by = await oneself(managers[0].id)
    try:
        sheet = await read_people(work.by, csv, columns)
        return await import_users(work, company_id, sheet, wanted, told)
    finally:
        work.by = None  # who has no session to be looked at again


def _read_people(csv: str, columns: Mapping[str, str]) -> Sheet:
    """With what is told of each person as it is kept, and only rows that each could stand alone."""
    sheet = read(csv, FIELDS, columns, required="email", most=MOST)
    people: list[Row] = []
    faults = list(sheet.faults)
    lines: dict[tuple[str, str], int] = {}
    for row in sheet.rows:
        person, wrong = _person(row, sheet.names)
        wrong = wrong or list(_twice(person, sheet.names, lines))
        faults += wrong
        if not wrong:
            people.append(person)
    return Sheet(sheet.names, people, faults)


def _person(row: Row, names: Mapping[str, str]) -> tuple[Row, list[RowFault]]:
    kept: dict[str, str] = {}
    faults: list[RowFault] = []
    for name, told in {"email": None, **row.cells}.items():
        try:
            kept |= taken_in({name: told})
        except InvalidInput as fault:
            faults.append(RowFault(row.line, names[name], fault.message))
    return Row(row.line, kept), faults


def _twice(
    row: Row, names: Mapping[str, str], lines: dict[tuple[str, str], int]
) -> Iterable[RowFault]:
    """Of two rows alike the later is at fault."""
    for name, key in UNIQUE.items():
        if name in row.cells:
            first = lines.setdefault((name, key(row.cells[name])), row.line)
            if first != row.line:
                yield RowFault(row.line, names[name], f"Line {first} has this, too.")


@dataclass
class _Merge:
    """Makes people of rows; `have` are those known by address, `called` by external id.

    `moved` have another address now, `elsewhere` are people whose address a row asks for, and it
    `asks` by an address that is nobody's here.
    """

    work: Work
    company: Company
    sheet: Sheet
    have: Mapping[str, User]
    called: Mapping[str, User]
    new: list[User] = field(default_factory=list)
    changed: list[User] = field(default_factory=list)
    moved: list[User] = field(default_factory=list)
    elsewhere: list[User] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    asks: bool = False

    def run(self) -> None:
        lines: dict[UUID, int] = {}
        for row in self.sheet.rows:
            try:
                self._take(row, lines)
            except Refusal as fault:
                self.faults.append(RowFault(row.line, self.sheet.names["email"], fault.message))

    def _take(self, row: Row, lines: dict[UUID, int]) -> None:
        owner = self.have.get(text.email_key(row.cells["email"]))
        user = self.called.get(row.cells.get("external_id", ""))
        self.asks |= owner is None or owner.company_id != self.company.id
        if owner is not None and owner.company_id != self.company.id:
            self.elsewhere.append(owner)
            raise Duplicate("This address is taken.")
        if owner is not None and user is not None and owner.id != user.id:
            raise Duplicate("Somebody else here has this address.")
        known = user or owner
        if known is None:
            self.new.append(User.join(self.company, row.cells, at=self.work.now))
            return
        first = lines.setdefault(known.id, row.line)
        if first != row.line:
            raise Duplicate(f"Line {first} is about this person, too.")
        self._update(known, row.cells)

    def _update(self, user: User, told: Mapping[str, str]) -> None:
        """An address in another case is the same."""
        given = dict(told)
        is_moved = text.email_key(given["email"]) != user.email_key
        if not is_moved:
            del given["email"]
        if user.update(given, at=self.work.now):
            self.work.require_learner(user, ())
            self.changed.append(user)
            self.moved += [user] * is_moved


async def _called(work: Work, company: Company, rows: Iterable[Row]) -> dict[str, User]:
    ids = [row.cells["external_id"] for row in rows if "external_id" in row.cells]
    here = visible(User, work.caller, by_key=True).filter(
        company_id=company.id, removed_at__isnull=True
    )
    found = await here.filter(external_id__in=ids) if ids else []
    return {user.external_id: user for user in found if user.external_id}
