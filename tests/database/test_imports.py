"""People in bulk: a file is taken in whole, or every faulty row is told and nothing is written."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from models.access import Caller, caller_of
from models.audit import AuditEvent
from models.companies import Company, CompanyKind, CompanyPlan
from models.errors import IdempotencyKeyReused, InsufficientLicenses, RateLimited, Unauthenticated
from models.licenses import Allocation, License, LicenseType
from models.sessions import Tally
from models.sheets import FaultyRows
from models.users import User, UserRole
from resolvers.companies import archive_company
from resolvers.imports import Imported, import_users, read_people
from resolvers.licenses import Learners, ShortagePolicy, Wanted, allocate_licenses
from resolvers.people import Person
from resolvers.performing import previewing
from resolvers.sessions import request_password_reset
from resolvers.users import add_users, remove_users
from tests.conftest import Clock
from tests.crowds import crowd
from tests.factories import Make
from tests.scene import Do, Scene
from tests.snapshots import columns, events, mails, refused, snapshot
from tests.statements import statements

CSV = """\
Email,First name,Last name,Department,External id
Ann@example.com,Ann,Lee,Sales,17
bob@example.com,Bob,,,
"""
Fault = tuple[int, str | None, str]


class Import:
    """Reads a file and takes it in, as a call of the API does."""

    def __init__(self, do: Do) -> None:
        self._do = do

    async def __call__(
        self,
        who: User | Caller,
        csv: str = CSV,
        company: Company | None = None,
        wanted: Wanted | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        **how: Any,
    ) -> Imported:
        caller = await self._do.sign_in(who) if isinstance(who, User) else who
        sheet = await read_people(caller, csv, columns or {})
        company_id = company.id if company else None
        done = await self._do.done(caller, import_users, company_id, sheet, wanted, **how)
        return done.result

    async def faults(
        self, who: User | Caller, csv: str, company: Company | None = None
    ) -> list[Fault]:
        """Each faulty row; and nothing but a tally was written."""
        before = await snapshot(but=Tally)
        with pytest.raises(FaultyRows) as refusal:
            await self(who, csv, company)
        assert await snapshot(but=Tally) == before
        assert (refusal.value.code, refusal.value.path) == ("INVALID_INPUT", ("csv",))
        return [
            (fault.line, fault.column, fault.message) for fault in refusal.value.told["row_errors"]
        ]


@pytest.fixture
def imported(do: Do) -> Import:
    return Import(do)


def file(*rows: str, header: str = "email,first name,external id") -> str:
    return "\n".join((header, *rows))


def created(number: int, **others: int) -> Imported:
    counts = {"created": number, "updated": 0, "unchanged": 0, "licensed": 0, "shortage": 0}
    return Imported(**counts | others)


async def strangers(make: Make, number: int) -> list[str]:
    """Addresses of people of another branch."""
    company = await make.company(await make.partner())
    ids = await crowd(company, number, at=make.now)
    return [f"{id}@example.com" for id in ids]


# ── New people ───────────────────────────────────────────────────────────────────────────────────


async def test_unknown_people_become_learners_of_the_company(
    scene: Scene, imported: Import, clock: Clock
) -> None:
    clock.move(days=1)

    assert await imported(scene.cora) == created(2)

    ann, bob = await User.filter(created_at=clock()).order_by("email")
    assert columns(ann) == {
        "id": ann.id,
        "company_id": scene.customer.id,
        "path": scene.customer.path,
        "email": "Ann@example.com",
        "email_key": "ann@example.com",
        "first_name": "Ann",
        "last_name": "Lee",
        "name_key": "ann lee",
        "department": "Sales",
        "external_id": "17",
        "role": UserRole.LEARNER,
        "password_hash": None,
        "muted_templates": [],
        "last_sign_in_at": None,
        "removed_at": None,
        "erased_at": None,
        "created_at": clock(),
        "updated_at": clock(),
    }
    assert (bob.email, bob.name) == ("bob@example.com", "Bob")
    assert columns(bob)["department"] is columns(bob)["external_id"] is None


async def test_an_import_is_one_event_with_the_number_and_mails_nobody(
    scene: Scene, imported: Import
) -> None:
    await imported(scene.pam, CSV, scene.customer)
    await imported(scene.cora, file("eve@example.com,Eve,"))

    first, second = await AuditEvent.all().order_by("id")
    eve = await User.get(email="eve@example.com")
    assert [
        (event.action, event.company_id, event.actor_id, event.count, event.subject_id)
        for event in (first, second)
    ] == [
        ("user.imported", scene.customer.id, scene.pam.id, 2, None),
        ("user.imported", scene.customer.id, scene.cora.id, 1, eve.id),
    ]
    assert await mails() == []


async def test_a_file_without_people_does_nothing(scene: Scene, imported: Import) -> None:
    before = await snapshot()

    assert await imported(scene.cora, "email\n", None, Wanted()) == created(0)

    assert await snapshot() == before


async def test_a_removed_person_is_unknown_and_their_address_and_id_are_free(
    scene: Scene, imported: Import, do: Do
) -> None:
    await imported(scene.cora, file("ann@example.com,Ann,17"))
    ann = await User.get(external_id="17")
    await do(scene.cora, remove_users, [ann.id])

    assert await imported(scene.cora, file("ann@example.com,Ann,17")) == created(1)

    again = await User.get(external_id="17", removed_at__isnull=True)
    assert again.id != ann.id
    assert columns(await User.get(id=ann.id))["removed_at"] is not None


# ── Known people ─────────────────────────────────────────────────────────────────────────────────


async def test_known_people_are_updated_or_left_as_they_are(
    scene: Scene, imported: Import, clock: Clock
) -> None:
    await imported(scene.cora)
    before = {user.email: columns(user) for user in await User.all()}
    clock.move(days=1)
    csv = file("ANN@EXAMPLE.COM,,", "bob@example.com,Robert,18", "eve@example.com,Eve,")

    assert await imported(scene.cora, csv) == created(1, updated=1, unchanged=1)

    after = {user.email: columns(user) for user in await User.all()}
    assert after.pop("eve@example.com")["created_at"] == clock()
    assert after == before | {
        "bob@example.com": before["bob@example.com"]
        | {
            "first_name": "Robert",
            "name_key": "robert",
            "external_id": "18",
            "updated_at": clock(),
        }
    }
    assert [event.count for event in await AuditEvent.all().order_by("id")] == [2, 2]


async def test_the_same_file_again_changes_nothing(
    scene: Scene, imported: Import, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 5)
    assert await imported(scene.cora, wanted=Wanted()) == created(2, licensed=2)
    clock.move(days=1)
    before = await snapshot()

    assert await imported(scene.cora, wanted=Wanted()) == created(0, unchanged=2)

    assert await snapshot() == before


async def test_a_person_is_known_by_the_external_id_first(
    scene: Scene, imported: Import, make: Make
) -> None:
    ann = await make.user(scene.customer, email="ann@example.com", external_id="17")

    csv = file("new@example.com,Ann,17", "ann@example.com,Eve,18")
    faults = await imported.faults(scene.cora, csv)
    assert await imported(scene.cora, file("new@example.com,Ann,17")) == created(0, updated=1)

    assert faults == [(3, "email", "Line 2 is about this person, too.")]
    assert (await User.get(id=ann.id)).email == "new@example.com"


async def test_a_person_known_by_the_address_gets_the_external_id(
    scene: Scene, imported: Import, make: Make
) -> None:
    ann = await make.user(scene.customer, email="ann@example.com", external_id="17")

    assert await imported(scene.cora, file("ann@example.com,,18")) == created(0, updated=1)

    assert (await User.get(id=ann.id)).external_id == "18"


async def test_mail_that_waits_goes_to_the_new_address(
    scene: Scene, imported: Import, do: Do, make: Make
) -> None:
    ann = await make.manager(scene.customer, email="ann@example.com", external_id="17")
    await do(scene.cora, request_password_reset, ann.email)

    await imported(scene.cora, file("new@example.com,Ann,17"))

    assert await mails() == [("PASSWORD_RESET", "new@example.com")]


async def test_an_external_id_is_that_of_one_company_alone(
    scene: Scene, imported: Import, make: Make
) -> None:
    beside = await make.user(await make.company(scene.partner), external_id="17")

    assert await imported(scene.pam, file("ann@example.com,Ann,17"), scene.customer) == created(1)

    assert columns(await User.get(id=beside.id)) == columns(beside)


async def test_managers_are_known_people_too(scene: Scene, imported: Import) -> None:
    assert await imported(scene.carl, file("cora@example.com,Coraline,")) == created(0, updated=1)

    cora = await User.get(id=scene.cora.id)
    assert (cora.first_name, cora.role) == ("Coraline", UserRole.MANAGER)


# ── Licenses ─────────────────────────────────────────────────────────────────────────────────────


async def test_new_people_get_a_license_and_known_ones_never_do(
    scene: Scene, imported: Import, do: Do, make: Make, clock: Clock
) -> None:
    [old, _] = await make.licenses(scene.customer, 2, LicenseType.TRIAL)
    expired, bare = await make.learners(scene.customer, 2)
    await make.allocation(old, expired)
    clock.move(days=31)
    await make.licenses(scene.customer, 5)
    csv = file(f"{expired.email},Ex,", f"{bare.email},Bare,", "ann@example.com,Ann,")

    assert await imported(scene.cora, csv, wanted=Wanted()) == created(1, updated=2, licensed=1)

    ann = await User.get(email="ann@example.com")
    held = await License.filter(holder_id__isnull=False, id__not=old.id)
    assert [license.holder_id for license in held] == [ann.id]
    assert await events() == ["user.imported", "license.allocated"]


async def test_without_licenses_wanted_nobody_gets_one(
    scene: Scene, imported: Import, make: Make
) -> None:
    await make.licenses(scene.customer, 5)

    assert await imported(scene.cora) == created(2)

    assert await Allocation.all().count() == 0


async def test_more_new_people_than_licenses_are_refused_whole(
    scene: Scene, imported: Import, make: Make
) -> None:
    await make.licenses(scene.customer, 1)

    before = await snapshot()
    with pytest.raises(InsufficientLicenses) as refusal:
        await imported(scene.cora, wanted=Wanted())

    assert refusal.value.told == {"shortage": 1}
    assert await snapshot() == before


async def test_or_the_first_rows_get_one_and_the_rest_are_told(
    scene: Scene, imported: Import, make: Make
) -> None:
    await make.licenses(scene.customer, 1)
    await make.licenses(scene.customer, 1, LicenseType.TRIAL)
    wanted = Wanted(LicenseType.PREMIUM, on_shortage=ShortagePolicy.PARTIAL)

    assert await imported(scene.cora, wanted=wanted) == created(2, licensed=1, shortage=1)

    [held] = await License.filter(holder_id__isnull=False)
    assert held.type == LicenseType.PREMIUM
    assert held.holder_id == (await User.get(email="Ann@example.com")).id


# ── Faulty rows ──────────────────────────────────────────────────────────────────────────────────


async def test_every_faulty_row_is_told_at_once_and_nobody_is_taken_in(
    scene: Scene, imported: Import, make: Make
) -> None:
    await make.user(scene.customer, email="ann@example.com", external_id="17")
    await make.user(await make.company(), email="taken@example.com")
    csv = file(
        "ok@example.com,Ok,1",
        "nobody,No,2",
        ",Empty,3",
        ",,",
        "short@example.com",
        '"long@example.com","' + "x" * 201 + '",4',
        'break@example.com,"two\nlines",5',
        "link@example.com,http://x.example,6",
        "OK@example.com,Again,7",
        "again@example.com,Again,1",
        "Taken@example.com,Taken,8",
        "pam@example.com,Pam,9",
        "cora@example.com,Ann,17",
        "both@x,http://x.example,10",
    )

    assert await imported.faults(scene.cora, csv) == [
        (3, "email", "This is not an email address."),
        (4, "email", "An email address is needed."),
        (5, None, "This row is empty."),
        (6, None, "This row has 1 cell, and the header 3 cells."),
        (7, "first name", "At most 200 characters; these are 201."),
        (8, "first name", "Control characters and line breaks are not allowed here."),
        (10, "first name", "A name cannot hold a link (://)."),
        (11, "email", "Line 2 has this, too."),
        (12, "external id", "Line 2 has this, too."),
        (13, "email", "This address is taken."),
        (14, "email", "This address is taken."),
        (15, "email", "Somebody else here has this address."),
        (16, "email", "This is not an email address."),
        (16, "first name", "A name cannot hold a link (://)."),
    ]


async def test_the_column_at_fault_is_named_as_in_the_file(scene: Scene, imported: Import) -> None:
    with pytest.raises(FaultyRows, match="1 row is at fault: nothing was written") as refusal:
        await imported(scene.cora, "Login\nnobody\n", columns={"email": "Login"})

    assert [fault.column for fault in refusal.value.faults] == ["Login"]


async def test_addresses_taken_elsewhere_are_counted_and_after_100_no_more_is_told(
    scene: Scene, imported: Import, make: Make, clock: Clock
) -> None:
    taken = await strangers(make, 101)
    told = "This address is taken."

    faults = await imported.faults(scene.cora, file(*taken[:100], header="email"))
    assert faults == [(line, "email", told) for line in range(2, 102)]
    [tally] = await Tally.all()
    assert (tally.subject, tally.count) == (str(scene.customer.id), 100)

    for address in (taken[100], "free@example.com"):
        with pytest.raises(RateLimited):
            await imported(scene.carl, file(address, header="email"))
    assert await imported(scene.cora, "email\ncarl@example.com") == created(0, unchanged=1)
    clock.move(days=1)
    assert await imported.faults(scene.cora, file(taken[100], header="email")) == [
        (2, "email", told)
    ]


async def test_a_file_with_more_than_100_of_them_tells_of_none(
    scene: Scene, imported: Import, make: Make
) -> None:
    taken = await strangers(make, 101)

    with pytest.raises(RateLimited):
        await imported(scene.cora, file("nobody", *taken, header="email"))

    [tally] = await Tally.all()
    assert tally.count == 101


async def test_addresses_in_sight_are_told_and_not_counted(scene: Scene, imported: Import) -> None:
    faults = await imported.faults(
        scene.pam, file("cora@example.com", header="email"), scene.partner
    )

    assert faults == [(2, "email", "This address is taken.")]
    assert await Tally.all().count() == 0


async def test_previews_are_undone_and_counted(scene: Scene, imported: Import, make: Make) -> None:
    [taken] = await strangers(make, 1)
    before = await snapshot()

    async with previewing():
        assert await imported(scene.cora, preview=True) == created(2)
    assert await snapshot() == before
    with pytest.raises(FaultyRows):
        async with previewing():
            await imported(scene.cora, file(taken, header="email"), preview=True)

    [tally] = await Tally.all()
    assert tally.count == 1


# ── Who, twice, and at once ──────────────────────────────────────────────────────────────────────


async def test_who_may_not_import_is_told_so_or_sees_no_company(
    scene: Scene, imported: Import, do: Do, make: Make
) -> None:
    beside, archived = await make.company(), await make.company(scene.partner)
    managed = await make.company(scene.partner, plan=CompanyPlan.MANAGED)
    learner, manager = await make.user(scene.customer), await make.manager(managed)
    await do(scene.pam, archive_company, archived.id)
    await do.sign_in(learner, manager)

    for who, company, answer in [
        (scene.cora, scene.partner, [("NOT_FOUND", ("company_id",))]),
        (scene.cora, beside, [("NOT_FOUND", ("company_id",))]),
        (scene.pam, beside, [("NOT_FOUND", ("company_id",))]),
        (learner, scene.customer, [("FORBIDDEN", None)]),
        (manager, managed, [("FORBIDDEN", None)]),
        (scene.pam, archived, [("CONFLICT", None)]),
    ]:
        assert await refused(imported(who, CSV, company)) == answer

    inside = await do.managing(scene.pam, managed)
    assert await imported(inside) == created(2)


async def test_api_tokens_change_learners_alone(
    scene: Scene, imported: Import, make: Make, clock: Clock
) -> None:
    token = await caller_of(await make.api_token(scene.cora), clock())
    assert token is not None
    await make.user(scene.customer, email="ann@example.com", first_name="Ann")

    faults = await imported.faults(token, file("carl@example.com,Charles,", "ann@example.com,Bo,"))
    told = "API tokens change learners alone: sign in to change a manager."
    assert faults == [(2, "email", told)]

    csv = file("carl@example.com,Carl,", "ann@example.com,Anna,")
    assert await imported(token, csv) == created(0, updated=1, unchanged=1)


async def test_without_anybody_signed_in_no_file_is_read() -> None:
    with pytest.raises(Unauthenticated):
        await read_people(None, "no such file", {})


async def test_the_same_key_again_gives_the_first_result(
    scene: Scene, imported: Import, make: Make
) -> None:
    await make.licenses(scene.customer, 2)
    first = await imported(scene.cora, wanted=Wanted(), key="monday")
    before = await snapshot()

    again = await imported(scene.cora, wanted=Wanted(), key="monday")

    assert first == again == created(2, licensed=2)
    with pytest.raises(IdempotencyKeyReused):
        await imported(scene.cora, CSV.replace("Ann,", "Anna,"), wanted=Wanted(), key="monday")
    assert await snapshot() == before


async def test_two_companies_at_once_do_not_both_get_a_person(
    scene: Scene, imported: Import, do: Do, make: Make
) -> None:
    beside = await make.manager(await make.company())
    await do.sign_in(beside)

    answers = await asyncio.gather(
        *(imported(who) for who in (scene.cora, beside) * 2), return_exceptions=True
    )

    won = [answer for answer in answers if isinstance(answer, Imported)]
    lost = [answer.faults for answer in answers if isinstance(answer, FaultyRows)]
    assert sorted(answer.created for answer in won) == [0, 2]
    assert [[fault.line for fault in faults] for faults in lost] == [[2, 3], [2, 3]]
    assert await User.filter(email_key="ann@example.com").count() == 1


# ── Very many ────────────────────────────────────────────────────────────────────────────────────

MANY = 20_000
A_FEW_DOZEN = 24


async def test_20_000_people_are_taken_in_with_few_statements(
    scene: Scene, imported: Import, make: Make
) -> None:
    await make.licenses(scene.customer, MANY)
    csv = file(*(f"learner{n}@example.com,Lea,{n}" for n in range(MANY)))

    with statements() as sent:
        assert await imported(scene.cora, csv, wanted=Wanted()) == created(MANY, licensed=MANY)

    assert len(sent) <= A_FEW_DOZEN
    assert await Allocation.filter(user__role=UserRole.LEARNER).count() == MANY


async def test_thousands_come_change_and_go_with_as_many_statements_as_two(
    scene: Scene, imported: Import, do: Do, make: Make, clock: Clock
) -> None:
    async def come_and_go(number: int) -> list[int]:
        await make.licenses(scene.customer, number, LicenseType.TRIAL)
        people = [Person(f"learner{n}@example.com", "Lea", "", None, str(n)) for n in range(number)]
        with statements() as adding:
            added = await do(scene.cora, add_users, None, people, Wanted())
        csv = file(*(f"new{n}@example.com,Leah,{n}" for n in range(number)))
        with statements() as updating:
            assert await imported(scene.cora, csv) == created(0, updated=number)
        clock.move(days=31)
        await make.licenses(scene.customer, number)
        with statements() as allocating:
            learners = Learners(all_expired=True)
            allocated = await do(scene.cora, allocate_licenses, None, learners, Wanted())
        with statements() as removing:
            removed = await do(scene.cora, remove_users, added.users, True)
        assert len(added.licenses) == len(allocated.licenses) == len(removed.licenses) == number
        return [len(sent) for sent in (adding, updating, allocating, removing)]

    few = await come_and_go(2)

    assert await come_and_go(3_000) == few
    assert max(few) <= A_FEW_DOZEN


async def test_people_of_many_companies_are_removed_with_few_statements(
    scene: Scene, do: Do, make: Make
) -> None:
    companies = [
        Company.under(scene.partner, CompanyKind.CUSTOMER, "Many", at=make.now) for _ in range(300)
    ]
    learners = [
        User.join(company, {"email": f"x{n}@x.example"}, at=make.now)
        for n, company in enumerate(companies)
    ]
    await Company.bulk_create(companies)
    await User.bulk_create(learners)

    with statements() as sent:
        await do(scene.pam, remove_users, [user.id for user in learners])

    assert await AuditEvent.filter(action="user.removed").count() == len(companies)
    assert len(sent) <= A_FEW_DOZEN


async def test_more_than_20_000_rows_are_refused(scene: Scene, imported: Import) -> None:
    csv = file(*["nobody,,"] * (MANY + 1))

    assert await refused(imported(scene.cora, csv)) == [("INVALID_INPUT", ("csv",))]
