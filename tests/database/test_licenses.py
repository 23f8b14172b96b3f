"""Licenses: allocate, release, reallocate; and what the clock does to them."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from models.audit import AuditEvent
from models.base import new_id
from models.companies import CompanyKind, CompanyPlan
from models.database import is_sqlite
from models.errors import InsufficientLicenses
from models.licenses import Allocation, License, LicenseType, ReleaseReason
from models.users import User, UserRole
from resolvers.licenses import (
    Learners,
    ShortagePolicy,
    Wanted,
    allocate_licenses,
    reallocate_license,
    release_licenses,
)
from resolvers.orders import assign_order, request_licenses, upgrade_trial
from resolvers.people import Person
from resolvers.users import add_users, remove_users
from tests.conftest import Clock
from tests.crowds import crowd, licensed_crowd
from tests.factories import Make
from tests.invariants import breaches
from tests.scene import Do, Scene
from tests.snapshots import mails, refused, snapshot
from tests.statements import statements

PREMIUM, MANAGED, TRIAL, NFR = LicenseType
PARTIAL = ShortagePolicy.PARTIAL
ANY = Wanted()


def these(*users: User) -> Learners:
    return Learners(user_ids=[user.id for user in users])


async def held() -> dict[UUID, UUID]:
    """Who has which license, live or not."""
    found = await License.filter(holder_id__isnull=False)
    return {license.holder_id: license.id for license in found if license.holder_id}


async def stays(user: User) -> list[tuple[datetime | None, ReleaseReason | None]]:
    """When and why each stay of this person ended, the first one first."""
    found = await Allocation.filter(user_id=user.id).order_by("allocated_at", "id")
    return [(stay.released_at, stay.release_reason) for stay in found]


# ── Allocate ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_allocation_ties_one_license_to_one_learner(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    [license] = await make.licenses(scene.customer, 1)
    [ann] = await make.learners(scene.customer, 1)
    clock.move(days=3)

    allocated = await do(scene.cora, allocate_licenses, None, these(ann), ANY)

    assert allocated.licenses == [license.id]
    assert (allocated.shortage, allocated.already_licensed, allocated.unknown_emails) == (0, [], [])
    [row] = await License.all().values()
    assert row == {
        "id": license.id,
        "order_id": license.order_id,
        "company_id": scene.customer.id,
        "path": scene.customer.path,
        "type": PREMIUM,
        "holder_id": ann.id,
        "assigned_at": license.assigned_at,
        "allocated_at": clock.now,
        "expires_at": license.expires_at,
        "voided_at": None,
        "updated_at": clock.now,
    }
    [stay] = await Allocation.all().values()
    assert stay | {"id": None} == {
        "id": None,
        "license_id": license.id,
        "user_id": ann.id,
        "allocated_at": clock.now,
        "allocated_by_id": scene.cora.id,
        "released_at": None,
        "release_reason": None,
    }
    assert await mails() == []
    assert await breaches(clock.now) == {}


async def test_an_allocation_is_one_event_that_says_how_many(
    scene: Scene, do: Do, make: Make
) -> None:
    await make.licenses(scene.customer, 3)
    ann, bob, cleo = await make.learners(scene.customer, 3)
    managing = await do.managing(scene.pam, scene.customer)

    one = await do(scene.cora, allocate_licenses, None, these(ann), ANY)
    await do(managing, allocate_licenses, None, these(bob, cleo), ANY)

    first, second = await AuditEvent.filter(action="license.allocated").order_by("id")
    assert (first.count, first.subject_type, first.subject_id) == (1, "License", one.licenses[0])
    assert first.actor_id == scene.cora.id
    assert second.count == 2
    assert second.subject_id is None
    assert (second.actor_id, second.on_behalf_of_id) == (scene.pam.id, scene.customer.id)


async def test_learners_are_named_by_email_in_any_case(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 3)
    ann = await make.user(scene.customer, email="Ann@Example.com")
    gone = await make.user(scene.customer, email="gone@example.com", removed_at=clock.now)
    far = await make.user(scene.partner, email="far@example.com")
    emails = ["NOBODY@example.com", "ann@example.COM", gone.email, far.email, "nobody@example.com"]

    allocated = await do(
        scene.cora, allocate_licenses, None, Learners(emails=[*emails, "ANN@example.com"]), ANY
    )

    assert [emails[place] for place in allocated.unknown_emails] == [
        "NOBODY@example.com",
        gone.email,
        far.email,
    ]
    assert await held() == {ann.id: allocated.licenses[0]}


@pytest.mark.parametrize("junk", ["", "no address", "a\x00b@example.com", "\ud800@example.com"])
async def test_what_is_no_address_is_nobodys(scene: Scene, do: Do, make: Make, junk: str) -> None:
    await make.licenses(scene.customer, 1)

    allocated = await do(scene.cora, allocate_licenses, None, Learners(emails=[junk]), ANY)

    assert (allocated.licenses, allocated.unknown_emails) == ([], [0])


async def test_who_has_a_live_license_is_left_alone_and_told(
    scene: Scene, do: Do, make: Make
) -> None:
    first, *_ = await make.licenses(scene.customer, 3)
    ann, bob = await make.learners(scene.customer, 2)
    await make.allocation(first, ann)

    by_id = await do(scene.cora, allocate_licenses, None, these(ann, bob), ANY)
    again = await do(scene.cora, allocate_licenses, None, Learners(emails=[ann.email]), ANY)

    assert (len(by_id.licenses), by_id.already_licensed) == (1, [ann.id])
    assert (again.licenses, again.already_licensed, again.shortage) == ([], [ann.id], 0)
    assert (await held())[ann.id] == first.id
    assert await AuditEvent.filter(action="license.allocated").count() == 1


async def test_the_same_learner_twice_gets_one_license(scene: Scene, do: Do, make: Make) -> None:
    await make.licenses(scene.customer, 2)
    [ann] = await make.learners(scene.customer, 1)

    allocated = await do(scene.cora, allocate_licenses, None, these(ann, ann), ANY)

    assert (len(allocated.licenses), allocated.already_licensed) == (1, [])
    assert await Allocation.all().count() == 1


@pytest.mark.parametrize("stranger", ["unknown", "of the partner", "removed", "out of sight"])
async def test_an_unknown_id_is_not_found_and_nothing_is_written(
    scene: Scene, do: Do, make: Make, clock: Clock, stranger: str
) -> None:
    await make.licenses(scene.customer, 2)
    [ann] = await make.learners(scene.customer, 1)
    ids = {
        "unknown": new_id(),
        "of the partner": scene.pam.id,
        "removed": (await make.user(scene.customer, removed_at=clock.now)).id,
        "out of sight": (await make.user(await make.company(scene.partner))).id,
    }
    named = Learners(user_ids=[ann.id, ids[stranger]])

    call = do(scene.cora, allocate_licenses, None, named, ANY)

    assert await refused(call) == [("NOT_FOUND", ("user_ids", 1))]


@pytest.mark.parametrize(
    "learners",
    [
        Learners(),
        Learners(user_ids=[], emails=[]),
        Learners(user_ids=[], all_expired=True),
        Learners(emails=[], all_expired=True),
    ],
)
async def test_learners_are_named_in_one_way(scene: Scene, do: Do, learners: Learners) -> None:
    call = do(scene.cora, allocate_licenses, None, learners, ANY)

    assert await refused(call) == [("INVALID_INPUT", ())]


async def test_nobody_named_is_nothing_done(scene: Scene, do: Do) -> None:
    before = await snapshot()

    allocated = await do(scene.cora, allocate_licenses, None, Learners(user_ids=[]), ANY)

    assert (allocated.licenses, allocated.shortage) == ([], 0)
    assert await snapshot() == before


@pytest.mark.parametrize(
    ("learners", "path"),
    [
        (Learners(user_ids=[new_id() for _ in range(20_001)]), ("user_ids",)),
        (Learners(emails=["ann@example.com"] * 20_001), ("emails",)),
    ],
    ids=["ids", "emails"],
)
async def test_more_than_20000_at_once_are_refused(
    scene: Scene, do: Do, learners: Learners, path: tuple[str]
) -> None:
    call = do(scene.cora, allocate_licenses, None, learners, ANY)

    assert await refused(call) == [("INVALID_INPUT", path)]
    assert await refused(do(scene.cora, release_licenses, [new_id() for _ in range(20_001)])) == [
        ("INVALID_INPUT", ("license_ids",))
    ]


async def test_a_manager_may_have_a_license_like_anybody(scene: Scene, do: Do, make: Make) -> None:
    [license] = await make.licenses(scene.customer, 1)

    await do(scene.cora, allocate_licenses, None, these(scene.cora), ANY)

    assert await held() == {scene.cora.id: license.id}


# ── Which license is taken, and what if they are too few ─────────────────────────────────────────


async def test_the_one_that_expires_soonest_is_taken_first(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    day = timedelta(days=1)
    [late] = await make.licenses(scene.customer, 1, at=clock.now)
    [soon] = await make.licenses(scene.customer, 1, at=clock.now - 100 * day)
    [trial] = await make.licenses(scene.customer, 1, TRIAL, at=clock.now)
    await make.licenses(scene.customer, 1, at=clock.now - 366 * day)  # has expired
    ann, bob, cleo = await make.learners(scene.customer, 3)

    allocated = await do(scene.cora, allocate_licenses, None, these(cleo, ann, bob), ANY)

    assert allocated.licenses == [trial.id, soon.id, late.id]
    assert await held() == {cleo.id: trial.id, ann.id: soon.id, bob.id: late.id}


@pytest.mark.parametrize("kind", [CompanyKind.PARTNER, CompanyKind.DISTRIBUTOR])
async def test_people_of_a_partner_get_nfr_first(
    scene: Scene, do: Do, make: Make, clock: Clock, kind: CompanyKind
) -> None:
    company = await make.company(scene.vendor, kind)
    [soon] = await make.licenses(company, 1, at=clock.now - timedelta(days=364))
    nfr = await make.licenses(company, 2, NFR)
    people = await make.learners(company, 3)

    allocated = await do(scene.vic, allocate_licenses, company.id, these(*people), ANY)

    assert allocated.licenses == [*(license.id for license in nfr), soon.id]


async def test_people_of_a_partner_who_are_licensed_already_are_told_so_too(
    scene: Scene, do: Do, make: Make
) -> None:
    await make.licenses(scene.partner, 10, LicenseType.NFR)
    await do(scene.pam, allocate_licenses, None, Learners([scene.paul.id]), ANY)

    allocated = await do(scene.pam, allocate_licenses, None, Learners([scene.paul.id]), ANY)

    assert (allocated.licenses, allocated.already_licensed) == ([], [scene.paul.id])


async def test_where_nobody_is_served_no_license_is_read(scene: Scene, do: Do, make: Make) -> None:
    await make.licenses(scene.customer, 3)

    with statements() as kept:
        await do(scene.cora, allocate_licenses, None, Learners([]), ANY)

    assert [statement for statement in kept if 'FROM "licenses"' in statement] == []


async def test_type_and_order_narrow_what_is_taken(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 5, TRIAL)
    [managed] = await make.licenses(scene.customer, 1, MANAGED)
    [later] = await make.licenses(scene.customer, 1, MANAGED)
    ann, bob = await make.learners(scene.customer, 2)

    of_order = Wanted(order_id=later.order_id)
    first = await do(scene.pam, allocate_licenses, scene.customer.id, these(ann), of_order)
    of_type = Wanted(license_type=MANAGED)
    second = await do(scene.pam, allocate_licenses, scene.customer.id, these(bob), of_type)

    assert (first.licenses, second.licenses) == ([later.id], [managed.id])


async def test_type_and_order_narrow_together(scene: Scene, do: Do, make: Make) -> None:
    [license] = await make.licenses(scene.customer, 1)
    [ann] = await make.learners(scene.customer, 1)
    wanted = Wanted(license_type=TRIAL, order_id=license.order_id)

    call = do(scene.cora, allocate_licenses, None, these(ann), wanted)

    assert await refused(call) == [("INSUFFICIENT_LICENSES", None)]


async def test_an_order_of_another_company_is_not_found(scene: Scene, do: Do, make: Make) -> None:
    [license] = await make.licenses(await make.company(scene.partner), 1)
    [ann] = await make.learners(scene.customer, 1)
    wanted = Wanted(order_id=license.order_id)

    for who in (scene.cora, scene.pam):
        assert await refused(do(who, allocate_licenses, scene.customer.id, these(ann), wanted)) == [
            ("NOT_FOUND", ("order_id",))
        ]


async def test_licenses_of_other_companies_are_never_taken(
    scene: Scene, do: Do, make: Make
) -> None:
    await make.licenses(scene.partner, 5)
    await make.licenses(await make.company(scene.partner), 5)
    [ann] = await make.learners(scene.customer, 1)

    call = do(scene.pam, allocate_licenses, scene.customer.id, these(ann), ANY)

    assert await refused(call) == [("INSUFFICIENT_LICENSES", None)]


async def test_a_batch_larger_than_the_pool_fails_whole(scene: Scene, do: Do, make: Make) -> None:
    first, *_ = await make.licenses(scene.customer, 3)
    people = await make.learners(scene.customer, 5)
    await make.allocation(first, people[0])
    before = await snapshot()

    with pytest.raises(InsufficientLicenses) as refusal:
        await do(scene.cora, allocate_licenses, None, these(*people), ANY)

    assert refusal.value.missing == 2
    assert "missing: 2" in refusal.value.message
    assert await snapshot() == before


async def test_partial_serves_those_named_first(scene: Scene, do: Do, make: Make) -> None:
    await make.licenses(scene.customer, 2)
    ann, bob, cleo = await make.learners(scene.customer, 3)

    allocated = await do(
        scene.cora, allocate_licenses, None, these(cleo, ann, bob), Wanted(on_shortage=PARTIAL)
    )

    assert allocated.shortage == 1
    assert list(await held()) != []
    assert set(await held()) == {cleo.id, ann.id}
    assert (await AuditEvent.get(action="license.allocated")).count == 2


async def test_partial_with_nothing_free_does_nothing(scene: Scene, do: Do, make: Make) -> None:
    [ann] = await make.learners(scene.customer, 1)
    before = await snapshot()

    allocated = await do(
        scene.cora, allocate_licenses, None, these(ann), Wanted(on_shortage=PARTIAL)
    )

    assert (allocated.licenses, allocated.shortage) == ([], 1)
    assert await snapshot() == before


async def test_new_users_get_a_license_while_the_pool_lasts(
    scene: Scene, do: Do, make: Make
) -> None:
    await make.licenses(scene.customer, 2)
    people = [Person(f"new{number}@example.com") for number in range(3)]

    assert await refused(do(scene.cora, add_users, None, people, ANY)) == [
        ("INSUFFICIENT_LICENSES", None)
    ]
    added = await do(scene.cora, add_users, None, people, Wanted(on_shortage=PARTIAL))

    assert (len(added.users), len(added.licenses), added.shortage) == (3, 2, 1)
    assert set(await held()) == set(added.users[:2])


async def test_new_users_may_be_added_without_a_license(scene: Scene, do: Do, make: Make) -> None:
    await make.licenses(scene.customer, 2)

    added = await do(scene.cora, add_users, None, [Person("new@example.com")], None)

    assert (len(added.users), added.licenses, added.shortage) == (1, [], 0)
    assert await held() == {}


# ── Expiry ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_license_is_allocated_until_the_very_instant_of_its_expiry(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 2, TRIAL)
    ann, bob = await make.learners(scene.customer, 2)

    clock.move(days=30, microseconds=-1)
    await do(scene.cora, allocate_licenses, None, these(ann), ANY)
    clock.move(microseconds=1)

    assert await refused(do(scene.cora, allocate_licenses, None, these(bob), ANY)) == [
        ("INSUFFICIENT_LICENSES", None)
    ]


async def test_a_renewal_writes_down_the_stay_that_the_clock_ended(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    ann, bob = await make.learners(scene.customer, 2)
    old, other = await make.licenses(scene.customer, 2)
    await make.allocation(old, ann)
    await make.allocation(other, bob)
    clock.move(days=400)
    [new] = await make.licenses(scene.customer, 1)

    allocated = await do(scene.cora, allocate_licenses, None, these(ann), ANY)

    assert (allocated.licenses, allocated.already_licensed) == ([new.id], [])
    assert await stays(ann) == [(old.expires_at, ReleaseReason.EXPIRED), (None, None)]
    assert await stays(bob) == [(None, None)]  # nothing of his was touched: the daily job will
    assert (await License.get(id=old.id)).holder_id == ann.id
    assert await breaches(clock.now) == {}


async def test_all_expired_are_those_who_held_a_license_to_its_end(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    async def learner(name: str) -> User:
        return await make.user(scene.customer, email=f"{name}@example.com", first_name=name)

    zoe, ann, released, leaver, never, renewed, moved = [
        await learner(name)
        for name in ("zoe", "ann", "released", "leaver", "never", "renewed", "moved")
    ]
    licenses = await make.licenses(scene.customer, 6)
    for license, user in zip(licenses, (zoe, ann, released, leaver, renewed, moved), strict=True):
        await make.allocation(license, user)
    await do(scene.cora, release_licenses, [licenses[2].id])
    await do(scene.cora, reallocate_license, licenses[5].id, never.id)
    await do(scene.cora, remove_users, [never.id])
    clock.move(days=366)
    await do(scene.cora, remove_users, [leaver.id])
    await make.licenses(scene.customer, 10)
    await do(scene.cora, allocate_licenses, None, these(renewed), ANY)

    allocated = await do(scene.cora, allocate_licenses, None, Learners(all_expired=True), ANY)

    named = await License.filter(id__in=allocated.licenses).select_related("holder")
    by_id = {license.id: license for license in named}
    assert [by_id[id].holder_id for id in allocated.licenses] == [ann.id, zoe.id]
    assert (allocated.shortage, allocated.already_licensed) == (0, [])
    assert await breaches(clock.now) == {}


async def test_all_expired_are_served_by_name_as_far_as_the_pool_lasts(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    people = [await make.user(scene.customer, first_name=name) for name in ("zoe", "Émile", "ann")]
    for license, user in zip(await make.licenses(scene.customer, 3), people, strict=True):
        await make.allocation(license, user)
    clock.move(days=366)
    await make.licenses(scene.customer, 1)

    assert await refused(
        do(scene.cora, allocate_licenses, None, Learners(all_expired=True), ANY)
    ) == [("INSUFFICIENT_LICENSES", None)]
    allocated = await do(
        scene.cora,
        allocate_licenses,
        None,
        Learners(all_expired=True),
        Wanted(on_shortage=PARTIAL),
    )

    assert allocated.shortage == 2
    assert (await License.get(id=allocated.licenses[0])).holder_id == people[2].id


async def test_those_whose_trial_was_upgraded_are_among_all_expired(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    [ann] = await make.learners(scene.customer, 1)
    [license] = await make.licenses(scene.customer, 1, TRIAL)
    await make.allocation(license, ann)
    order_id = await do(scene.cora, upgrade_trial, None, PREMIUM)
    await do(scene.pam, assign_order, order_id)

    allocated = await do(scene.cora, allocate_licenses, None, Learners(all_expired=True), ANY)

    assert (await License.get(id=allocated.licenses[0])).holder_id == ann.id
    assert await stays(ann) == [(clock.now, ReleaseReason.UPGRADED), (None, None)]
    assert await breaches(clock.now) == {}


async def test_nobody_whose_license_expired_gets_one_by_themselves(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    [ann] = await make.learners(scene.customer, 1)
    [license] = await make.licenses(scene.customer, 1)
    await make.allocation(license, ann)
    clock.move(days=366)
    requested = await do(scene.cora, request_licenses, None, PREMIUM, 2)

    await do(scene.pam, assign_order, requested.order_id)
    await do(scene.cora, add_users, None, [Person("new@example.com")], ANY)

    assert await License.filter(holder_id=ann.id).count() == 1
    assert await stays(ann) == [(None, None)]


# ── Release ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_released_license_is_free_and_keeps_its_expiry(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    [license] = await make.licenses(scene.customer, 1)
    ann, bob = await make.learners(scene.customer, 2)
    await make.allocation(license, ann)
    clock.move(days=5)

    released = await do(scene.cora, release_licenses, [license.id, license.id])

    assert (released.licenses, released.users) == ([license.id], [ann.id])
    after = await License.get(id=license.id)
    assert after.holder_id is None
    assert after.allocated_at is None
    assert (after.expires_at, after.updated_at) == (license.expires_at, clock.now)
    assert await stays(ann) == [(clock.now, ReleaseReason.RELEASED)]
    written = await AuditEvent.get(action="license.released")
    assert (written.count, written.subject_id) == (1, license.id)

    await do(scene.cora, allocate_licenses, None, these(bob), ANY)
    assert await held() == {bob.id: license.id}
    assert await breaches(clock.now) == {}


async def test_what_is_free_void_or_has_expired_stays_as_it_is(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    [ann] = await make.learners(scene.customer, 1)
    [expired] = await make.licenses(scene.customer, 1, TRIAL)
    await make.allocation(expired, ann)
    clock.move(days=30)
    [free] = await make.licenses(scene.customer, 1)
    before = await snapshot()

    released = await do(scene.cora, release_licenses, [free.id, expired.id])

    assert (released.licenses, released.users) == ([free.id, expired.id], [])
    assert await snapshot() == before


async def test_licenses_of_several_companies_are_released_at_once(
    scene: Scene, do: Do, make: Make
) -> None:
    sister = await make.company(scene.partner)
    ids = []
    for company, number in ((scene.customer, 2), (sister, 1)):
        people = await make.learners(company, number)
        for license, user in zip(await make.licenses(company, number), people, strict=True):
            await make.allocation(license, user)
            ids.append(license.id)

    await do(scene.pam, release_licenses, ids)

    assert await held() == {}
    written = await AuditEvent.filter(action="license.released")
    assert {row.company_id: row.count for row in written} == {scene.customer.id: 2, sister.id: 1}


async def test_one_license_out_of_sight_keeps_all_where_they_are(
    scene: Scene, do: Do, make: Make
) -> None:
    [mine] = await make.licenses(scene.customer, 1)
    [other] = await make.licenses(await make.company(scene.partner), 1)
    [ann] = await make.learners(scene.customer, 1)
    await make.allocation(mine, ann)

    for id in (other.id, new_id()):
        assert await refused(do(scene.cora, release_licenses, [mine.id, mine.id, id])) == [
            ("NOT_FOUND", ("license_ids", 2))
        ]


async def test_removing_a_person_frees_the_license_and_keeps_the_history(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    [license] = await make.licenses(scene.customer, 1)
    [ann] = await make.learners(scene.customer, 1)
    await make.allocation(license, ann)
    clock.move(days=5)

    removed = await do(scene.cora, remove_users, [ann.id])

    assert removed.licenses == [license.id]
    assert await held() == {}
    assert await stays(ann) == [(clock.now, ReleaseReason.USER_REMOVED)]
    assert (await License.get(id=license.id)).expires_at == license.expires_at
    assert await breaches(clock.now) == {}


# ── Reallocate ───────────────────────────────────────────────────────────────────────────────────


async def test_a_reallocation_moves_a_license_for_the_time_that_is_left(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    [license] = await make.licenses(scene.customer, 1)
    ann, bob = await make.learners(scene.customer, 2)
    await make.allocation(license, ann)
    clock.move(days=5)

    moved = await do(scene.cora, reallocate_license, license.id, bob.id)

    assert (moved.license_id, moved.previous_user_id) == (license.id, ann.id)
    after = await License.get(id=license.id)
    assert (after.holder_id, after.allocated_at) == (bob.id, clock.now)
    assert (after.assigned_at, after.expires_at) == (license.assigned_at, license.expires_at)
    assert await stays(ann) == [(clock.now, ReleaseReason.REALLOCATED)]
    assert await stays(bob) == [(None, None)]
    written = await AuditEvent.get(action="license.reallocated")
    assert (written.subject_id, written.company_id) == (license.id, scene.customer.id)
    assert await mails() == []
    assert await breaches(clock.now) == {}


async def test_one_whose_license_expired_may_take_anothers(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    ann, bob = await make.learners(scene.customer, 2)
    [old] = await make.licenses(scene.customer, 1, TRIAL)
    await make.allocation(old, bob)
    clock.move(days=31)
    [license] = await make.licenses(scene.customer, 1)
    await make.allocation(license, ann)

    await do(scene.cora, reallocate_license, license.id, bob.id)

    assert await stays(bob) == [(old.expires_at, ReleaseReason.EXPIRED), (None, None)]
    assert await breaches(clock.now) == {}


async def test_what_cannot_be_reallocated(scene: Scene, do: Do, make: Make, clock: Clock) -> None:
    ann, bob, cleo = await make.learners(scene.customer, 3)
    stranger = await make.user(await make.company(scene.partner))
    gone = await make.user(scene.customer, removed_at=clock.now)
    [expired] = await make.licenses(scene.customer, 1, at=clock.now - timedelta(days=366))
    await make.allocation(expired, cleo, at=clock.now - timedelta(days=300))
    first, second, free = await make.licenses(scene.customer, 3)
    await make.allocation(first, ann)
    await make.allocation(second, bob)
    [hidden] = await make.licenses(await make.company(scene.partner), 1)

    attempts = {
        (first.id, bob.id): ("ALREADY_LICENSED", ("user_id",)),
        (first.id, ann.id): ("ALREADY_LICENSED", ("user_id",)),
        (free.id, cleo.id): ("CONFLICT", ("license_id",)),
        (expired.id, cleo.id): ("LICENSE_EXPIRED", ("license_id",)),
        (first.id, stranger.id): ("NOT_FOUND", ("user_id",)),
        (first.id, gone.id): ("NOT_FOUND", ("user_id",)),
        (first.id, new_id()): ("NOT_FOUND", ("user_id",)),
        (hidden.id, cleo.id): ("NOT_FOUND", ("license_id",)),
        (new_id(), cleo.id): ("NOT_FOUND", ("license_id",)),
    }
    for (license_id, user_id), expected in attempts.items():
        assert await refused(do(scene.cora, reallocate_license, license_id, user_id)) == [expected]


# ── Who may ──────────────────────────────────────────────────────────────────────────────────────


async def test_on_the_managed_plan_the_partner_allocates(scene: Scene, do: Do, make: Make) -> None:
    company = await make.company(scene.partner, licenses=2, plan=CompanyPlan.MANAGED)
    manager = await make.manager(company)
    ann, bob = await make.learners(company, 2)
    await do.sign_in(manager)
    inside = await do.managing(scene.pam, company)

    assert await refused(do(manager, allocate_licenses, None, these(ann), ANY)) == [
        ("FORBIDDEN", None)
    ]
    first = await do(inside, allocate_licenses, None, these(ann), ANY)
    assert await refused(do(manager, release_licenses, first.licenses)) == [("FORBIDDEN", None)]
    assert await refused(do(manager, reallocate_license, first.licenses[0], bob.id)) == [
        ("FORBIDDEN", None)
    ]
    await do(scene.pam, allocate_licenses, company.id, these(bob), ANY)

    assert set(await held()) == {ann.id, bob.id}


async def test_a_learner_allocates_nothing(scene: Scene, do: Do, make: Make) -> None:
    [license] = await make.licenses(scene.customer, 1)
    ann = await make.user(scene.customer, UserRole.LEARNER)
    await make.allocation(license, ann)
    await do.sign_in(ann)

    assert await refused(do(ann, allocate_licenses, None, these(ann), ANY)) == [("FORBIDDEN", None)]
    assert await refused(do(ann, release_licenses, [license.id])) == [("FORBIDDEN", None)]


async def test_an_archived_company_allocates_nothing(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    company = await make.company(scene.partner, archived_at=clock.now, is_archived=True)
    [license] = await make.licenses(company, 1)
    ann, bob = await make.learners(company, 2)
    await make.allocation(license, ann)

    assert await refused(do(scene.pam, allocate_licenses, company.id, these(bob), ANY)) == [
        ("CONFLICT", None)
    ]
    assert await refused(do(scene.pam, release_licenses, [license.id])) == [("CONFLICT", None)]
    assert await refused(do(scene.pam, reallocate_license, license.id, bob.id)) == [
        ("CONFLICT", None)
    ]


# ── Many at once ─────────────────────────────────────────────────────────────────────────────────


async def test_a_batch_takes_no_more_statements_than_one(
    scene: Scene, do: Do, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async def statements(people: list[User]) -> tuple[int, int]:
        with caplog.at_level(logging.DEBUG, logger="tortoise.db_client"):
            caplog.clear()
            allocated = await do(scene.cora, allocate_licenses, None, these(*people), ANY)
            to_allocate = len(caplog.records)
            caplog.clear()
            await do(scene.cora, release_licenses, allocated.licenses)
            return to_allocate, len(caplog.records)

    await make.licenses(scene.customer, 100)
    one = await statements(await make.learners(scene.customer, 1))

    assert await statements(await make.learners(scene.customer, 100)) == one
    assert one == ((9, 9) if is_sqlite() else (8, 8))  # and who asks


async def test_twenty_thousand_are_allocated_and_released_at_once(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    people = await crowd(scene.customer, 20_000, at=clock.now)
    await make.licenses(scene.customer, 20_000)

    allocated = await do(scene.cora, allocate_licenses, None, Learners(user_ids=people), ANY)

    assert len(set(allocated.licenses)) == 20_000
    assert await License.filter(holder_id__isnull=False).count() == 20_000
    assert await Allocation.filter(released_at__isnull=True).count() == 20_000

    released = await do(scene.cora, release_licenses, allocated.licenses)

    assert released.users == people
    assert await License.filter(holder_id__isnull=False).count() == 0
    assert await breaches(clock.now) == {}


async def test_more_may_have_expired_than_one_statement_holds(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    await licensed_crowd(scene.customer, 33_000, TRIAL, at=clock.now)
    clock.move(days=31)
    await make.licenses(scene.customer, 3)

    allocated = await do(
        scene.cora,
        allocate_licenses,
        None,
        Learners(all_expired=True),
        Wanted(on_shortage=PARTIAL),
    )

    assert (len(allocated.licenses), allocated.shortage) == (3, 32_997)
    assert await breaches(clock.now) == {}
