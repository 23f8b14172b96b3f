"""People: added, updated, removed, erased; managers; and what is told of addresses elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any
from uuid import UUID

import pytest

from models.access import Caller
from models.audit import AuditEvent
from models.companies import Company, CompanyKind, CompanyPlan
from models.errors import InsufficientLicenses, RateLimited, Refusal, TokenInvalid
from models.licenses import Allocation, License, LicenseType
from models.orders import Order
from models.outbox import Notification, NotificationStatus, NotificationTemplate
from models.sessions import WELCOME_LINK, PasswordLink, Tally, digest
from models.users import User, UserRole
from resolvers.companies import archive_company, create_company
from resolvers.licenses import ShortagePolicy, Wanted
from resolvers.orders import assign_order, request_licenses
from resolvers.people import Person
from resolvers.performing import perform, previewing
from resolvers.sessions import request_password_reset, set_password
from resolvers.users import (
    Added,
    add_manager,
    add_users,
    remove_manager,
    remove_users,
    update_notification_preferences,
    update_user,
)
from tests.conftest import Clock
from tests.factories import Make
from tests.scene import Do, Scene
from tests.snapshots import columns, events, mails, refused, snapshot

ANN, BOB = Person("ann@example.com", "Ann", "Lee"), Person("bob@example.com", "Bob")
T = NotificationTemplate


async def emails_of(ids: list[UUID]) -> list[str]:
    found = {user.id: user.email for user in await User.filter(id__in=ids)}
    return [found[id] for id in ids]


async def strangers(make: Make, number: int) -> list[Person]:
    """People of another branch, as somebody here would try to add them."""
    company = await make.company(await make.partner())
    users = [
        User.join(company, {"email": f"taken{n}@example.com"}, at=company.created_at)
        for n in range(number)
    ]
    await User.bulk_create(users)
    return [Person(user.email.upper()) for user in users]


# ── Adding ───────────────────────────────────────────────────────────────────────────────────────


async def test_new_people_are_learners_of_the_company(scene: Scene, do: Do, clock: Clock) -> None:
    clock.move(days=1)
    person = Person(" Ann@Example.com ", "Ann", "Lee", "Sales", "17")

    added = await do(scene.cora, add_users, None, [person, BOB], None)

    assert await emails_of(added.users) == ["Ann@Example.com", "bob@example.com"]
    ann = await User.get(id=added.users[0])
    assert columns(ann) == {
        "id": added.users[0],
        "company_id": scene.customer.id,
        "path": scene.customer.path,
        "email": "Ann@Example.com",
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


async def test_adding_is_one_event_and_mails_nobody(scene: Scene, do: Do) -> None:
    one = await do(scene.cora, add_users, None, [ANN], None)
    await do(scene.pam, add_users, scene.customer.id, [BOB, Person("eve@example.com")], None)

    first, second = await AuditEvent.all().order_by("id")
    assert (first.action, first.count, first.actor_id, first.subject_id) == (
        "user.added",
        1,
        scene.cora.id,
        one.users[0],
    )
    assert (second.action, second.count, second.actor_id, second.subject_id) == (
        "user.added",
        2,
        scene.pam.id,
        None,
    )
    assert {event.company_id for event in (first, second)} == {scene.customer.id}
    assert await mails() == []


async def test_nobody_added_is_nothing_done(scene: Scene, do: Do) -> None:
    before = await snapshot()

    assert await do(scene.cora, add_users, None, [], Wanted()) == Added([], [], 0)

    assert await snapshot() == before


async def test_new_people_get_a_license_while_the_pool_lasts(
    scene: Scene, do: Do, make: Make
) -> None:
    await make.licenses(scene.customer, 3)

    added = await do(scene.cora, add_users, None, [ANN, BOB], Wanted())

    held = await License.filter(holder_id__isnull=False)
    assert {license.id for license in held} == set(added.licenses)
    assert {license.holder_id for license in held} == set(added.users)
    assert (added.shortage, await Allocation.all().count()) == (0, 2)
    assert await events() == ["user.added", "license.allocated"]


async def test_more_people_than_licenses_are_refused_whole(
    scene: Scene, do: Do, make: Make
) -> None:
    await make.licenses(scene.customer, 1)
    people = [ANN, BOB, Person("eve@example.com")]

    assert await refused(do(scene.cora, add_users, None, people, Wanted())) == [
        ("INSUFFICIENT_LICENSES", None)
    ]

    with pytest.raises(InsufficientLicenses, match="missing: 2") as refusal:
        await do(scene.cora, add_users, None, people, Wanted())
    assert refusal.value.missing == 2


async def test_or_the_first_ones_get_a_license_and_the_rest_are_told(
    scene: Scene, do: Do, make: Make
) -> None:
    await make.licenses(scene.customer, 1)
    wanted = Wanted(on_shortage=ShortagePolicy.PARTIAL)

    added = await do(scene.cora, add_users, None, [ANN, BOB], wanted)

    [license] = await License.all()
    assert (len(added.users), added.licenses, added.shortage) == (2, [license.id], 1)
    assert license.holder_id == added.users[0]


async def test_licenses_of_the_type_that_is_named_are_given(
    scene: Scene, do: Do, make: Make
) -> None:
    await make.licenses(scene.customer, 1, LicenseType.TRIAL)
    wanted = Wanted(license_type=LicenseType.PREMIUM)

    assert await refused(do(scene.cora, add_users, None, [ANN], wanted)) == [
        ("INSUFFICIENT_LICENSES", None)
    ]


async def test_every_faulty_row_is_told_at_once_and_nobody_is_added(scene: Scene, do: Do) -> None:
    people = [
        ANN,
        Person("no address"),
        Person("eve@example.com", "a" * 201),
        Person("joe@example.com", external_id="17"),
        Person("ANN@example.com"),
        Person("kim@example.com", department="x\ny"),
        Person("lou@example.com", external_id="17"),
    ]

    faults = await refused(do(scene.cora, add_users, None, people, None))

    assert sorted(faults, key=str) == [
        ("DUPLICATE", ("users", 4, "email")),
        ("DUPLICATE", ("users", 6, "external_id")),
        ("INVALID_INPUT", ("users", 1, "email")),
        ("INVALID_INPUT", ("users", 2, "first_name")),
        ("INVALID_INPUT", ("users", 5, "department")),
    ]


async def test_an_address_that_is_taken_is_duplicate_wherever_it_is(
    scene: Scene, do: Do, make: Make
) -> None:
    elsewhere = await make.user(await make.company())
    people = [Person("CARL@example.com"), ANN, Person(elsewhere.email.upper())]

    assert await refused(do(scene.cora, add_users, None, people, None), counted=True) == [
        ("DUPLICATE", ("users", 0, "email")),
        ("DUPLICATE", ("users", 2, "email")),
    ]


async def test_the_address_of_a_removed_person_is_free(scene: Scene, do: Do) -> None:
    await do(scene.cora, remove_users, [scene.carl.id])

    added = await do(scene.cora, add_users, None, [Person("Carl@example.com")], None)

    assert added.users != [scene.carl.id]
    assert await User.filter(email_key="carl@example.com").count() == 2


async def test_an_address_is_given_once_to_whoever_asks_at_the_same_time(
    scene: Scene, do: Do, make: Make
) -> None:
    other = await make.company()
    beside = await make.manager(other)
    await do.sign_in(beside)

    answers = await asyncio.gather(
        *(do(who, add_users, None, [ANN], None) for who in (scene.cora, beside) * 3),
        return_exceptions=True,
    )

    faults = [answer for answer in answers if isinstance(answer, Refusal)]
    assert len(faults) == len(answers) - 1 == 5
    assert {fault.code for each in faults for fault in each.all} == {"DUPLICATE"}
    assert await User.filter(email_key="ann@example.com").count() == 1


async def test_an_external_id_is_unique_in_the_company_alone(
    scene: Scene, do: Do, make: Make
) -> None:
    await make.user(scene.customer, external_id="17")
    await make.user(await make.company(scene.partner), external_id="18")
    ann = Person("ann@example.com", external_id="17")

    assert await refused(do(scene.cora, add_users, None, [BOB, ann], None)) == [
        ("DUPLICATE", ("users", 1, "external_id"))
    ]

    other = Person("ann@example.com", external_id="18")
    assert len((await do(scene.cora, add_users, None, [other], None)).users) == 1


async def test_at_most_20_000_are_added_at_once(scene: Scene, do: Do) -> None:
    assert await refused(do(scene.cora, add_users, None, [ANN] * 20_001, None)) == [
        ("INVALID_INPUT", ("users",))
    ]


async def test_who_may_not_add_people_is_told_so_or_sees_no_company(
    scene: Scene, do: Do, make: Make
) -> None:
    beside, archived = await make.company(), await make.company(scene.partner)
    managed = await make.company(scene.partner, plan=CompanyPlan.MANAGED)
    learner, manager = await make.user(scene.customer), await make.manager(managed)
    await do(scene.pam, archive_company, archived.id)
    for user in (learner, manager):
        await do.sign_in(user)

    for who, company, answer in [
        (scene.cora, scene.partner, [("NOT_FOUND", ("company_id",))]),
        (scene.cora, beside, [("NOT_FOUND", ("company_id",))]),
        (scene.pam, beside, [("NOT_FOUND", ("company_id",))]),
        (learner, scene.customer, [("FORBIDDEN", None)]),
        (manager, managed, [("FORBIDDEN", None)]),
        (scene.pam, archived, [("CONFLICT", None)]),
    ]:
        assert await refused(do(who, add_users, company.id, [ANN], None)) == answer

    inside = await do.managing(scene.pam, managed)
    assert len((await do(inside, add_users, None, [ANN], None)).users) == 1


# ── What is told of addresses elsewhere ──────────────────────────────────────────────────────────


async def test_after_100_addresses_taken_elsewhere_a_company_is_told_no_more_for_a_day(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    taken = await strangers(make, 101)
    for person in taken[:2]:
        await refused(do(scene.cora, add_users, None, [person], None), counted=True)
    await refused(do(scene.carl, add_users, None, taken[2:100], None), counted=True)
    clock.move(days=1, microseconds=-1)

    for person in (taken[100], ANN):
        assert await refused(do(scene.cora, add_users, None, [person], None), counted=True) == [
            ("RATE_LIMITED", None)
        ]

    clock.move(microseconds=1)
    assert await refused(do(scene.cora, add_users, None, [taken[100]], None), counted=True) == [
        ("DUPLICATE", ("users", 0, "email"))
    ]
    await do(scene.cora, add_users, None, [ANN], None)


async def test_whoever_would_learn_of_more_than_100_at_once_learns_of_none(
    scene: Scene, do: Do, make: Make
) -> None:
    taken = await strangers(make, 101)

    assert await refused(do(scene.cora, add_users, None, taken, None), counted=True) == [
        ("RATE_LIMITED", None)
    ]

    [tally] = await Tally.all()
    assert (tally.subject, tally.count) == (str(scene.customer.id), 101)


async def test_the_limit_of_one_company_is_not_that_of_another(
    scene: Scene, do: Do, make: Make
) -> None:
    taken = await strangers(make, 101)
    with pytest.raises(RateLimited):
        await do(scene.cora, add_users, None, taken, None)

    added = await do(scene.pam, add_users, scene.customer.id, [ANN], None)

    assert len(added.users) == 1


async def test_in_manage_mode_the_limit_is_that_of_one_s_own_company(
    scene: Scene, do: Do, make: Make
) -> None:
    taken = await strangers(make, 101)
    inside = await do.managing(scene.pam, scene.customer)
    with pytest.raises(RateLimited):
        await do(inside, add_users, None, taken, None)

    assert await refused(do(scene.paul, add_users, None, [ANN], None)) == [("RATE_LIMITED", None)]
    assert len((await do(scene.cora, add_users, None, [ANN], None)).users) == 1


async def test_addresses_in_sight_are_not_counted(scene: Scene, do: Do) -> None:
    seen = [Person(user.email) for user in (scene.paul, scene.cora, scene.carl)]

    faults = await refused(do(scene.pam, add_users, scene.customer.id, seen, None))

    assert [code for code, _ in faults] == ["DUPLICATE"] * 3
    assert await Tally.all().count() == 0


async def test_previews_are_counted_too(scene: Scene, do: Do, make: Make) -> None:
    taken = await strangers(make, 3)

    for _ in range(2):
        with pytest.raises(Refusal):
            async with previewing():
                await do.done(scene.cora, add_users, None, taken, None, preview=True)

    [tally] = await Tally.all()
    assert tally.count == 6


@pytest.mark.parametrize("preview", [False, True])
async def test_many_at_once_learn_no_more_than_one_after_the_other(
    scene: Scene, do: Do, make: Make, preview: bool
) -> None:
    taken = await strangers(make, 60)
    cora = await do.sign_in(scene.cora)

    async def probe() -> str:
        async with previewing() if preview else nullcontext():
            with pytest.raises(Refusal) as refused:
                await do.done(cora, add_users, None, taken, None, preview=preview)
        return " ".join(sorted({fault.code for fault in refused.value.all}))

    told = await asyncio.gather(*(probe() for _ in range(3)))

    assert sorted(told) == ["DUPLICATE", "RATE_LIMITED", "RATE_LIMITED"]


async def test_who_loses_a_race_for_an_address_is_told_so_by_its_path_and_counted(
    scene: Scene, do: Do, make: Make
) -> None:
    other = await make.company()
    callers = await do.sign_in(scene.cora), await do.sign_in(await make.manager(other))

    done = await asyncio.gather(
        *(do(caller, add_users, None, [ANN], None) for caller in callers), return_exceptions=True
    )

    [lost] = [refusal for refusal in done if isinstance(refusal, Refusal)]
    assert [(each.code, each.path) for each in lost.all] == [("DUPLICATE", ("users", 0, "email"))]
    assert await User.filter(email_key="ann@example.com").count() == 1
    assert (await Tally.get()).count == 1


@pytest.mark.parametrize(
    ("operation", "arguments", "path"),
    [
        (add_manager, (None, None), ("person", "email")),
        (update_user, (), ("email",)),
    ],
)
async def test_every_way_to_give_an_address_counts(
    scene: Scene,
    do: Do,
    make: Make,
    operation: Callable[..., Awaitable[Any]],
    arguments: tuple[Any, ...],
    path: tuple[str, ...],
) -> None:
    [taken] = await strangers(make, 1)
    given = (*arguments, taken) if arguments else (scene.carl.id, {"email": taken.email})

    assert await refused(do(scene.cora, operation, *given), counted=True) == [("DUPLICATE", path)]

    [tally] = await Tally.all()
    assert tally.count == 1


async def test_a_manager_of_a_new_company_is_counted_among_addresses_too(
    scene: Scene, do: Do, make: Make
) -> None:
    [taken] = await strangers(make, 1)
    call = do(scene.pam, create_company, None, CompanyKind.CUSTOMER, "New", {}, None, taken)

    assert await refused(call, counted=True) == [("DUPLICATE", ("manager", "email"))]

    [tally] = await Tally.all()
    assert (tally.subject, tally.count) == (str(scene.partner.id), 1)


# ── Updating ─────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_given_of_a_person_is_changed_and_nothing_else(
    scene: Scene, do: Do, clock: Clock
) -> None:
    before = columns(await User.get(id=scene.carl.id))
    clock.move(days=1)

    await do(scene.cora, update_user, scene.carl.id, {"email": "C@x.example", "last_name": "Lee"})

    assert columns(await User.get(id=scene.carl.id)) == before | {
        "email": "C@x.example",
        "email_key": "c@x.example",
        "last_name": "Lee",
        "name_key": "carl lee",
        "updated_at": clock(),
    }
    [event] = await AuditEvent.all()
    assert (event.action, event.subject_id, event.facts) == (
        "user.updated",
        scene.carl.id,
        {"fields": ["email", "last_name"]},
    )


async def test_the_same_again_is_no_change_and_no_event(scene: Scene, do: Do) -> None:
    before = await snapshot()

    for given in ({}, {"email": "carl@example.com", "first_name": "Carl", "department": None}):
        await do(scene.cora, update_user, scene.carl.id, given)

    assert await snapshot() == before


async def test_one_s_own_address_may_be_written_in_another_case(scene: Scene, do: Do) -> None:
    await do(scene.cora, update_user, scene.carl.id, {"email": "CARL@example.com"})

    assert (await User.get(id=scene.carl.id)).email == "CARL@example.com"


async def test_an_address_or_external_id_that_is_taken_is_refused(
    scene: Scene, do: Do, make: Make
) -> None:
    await make.user(scene.customer, external_id="17")

    for given in ({"email": "CORA@example.com"}, {"external_id": "17"}):
        assert await refused(do(scene.cora, update_user, scene.carl.id, given)) == [
            ("DUPLICATE", tuple(given))
        ]


async def test_mail_that_waits_goes_to_the_address_that_they_have_when_it_leaves(
    scene: Scene, do: Do
) -> None:
    await do(scene.pam, request_licenses, scene.customer.id, LicenseType.PREMIUM, 5)
    order = await Order.get()
    await do(scene.pam, assign_order, order.id, 1)
    sent = await Notification.get(user_id=scene.carl.id)
    sent.status, sent.sent_at = NotificationStatus.SENT, sent.created_at
    await sent.save()
    await do(scene.pam, assign_order, order.id, 1)

    await do(scene.cora, update_user, scene.carl.id, {"email": "carl@new.example"})

    assert await mails() == [
        (T.ORDER_ASSIGNED, "cora@example.com"),
        (T.ORDER_ASSIGNED, "carl@example.com"),
        (T.ORDER_ASSIGNED, "cora@example.com"),
        (T.ORDER_ASSIGNED, "carl@new.example"),
    ]


async def test_a_link_that_has_left_ends_when_the_address_is_changed(
    scene: Scene, do: Do, clock: Clock
) -> None:
    id = await do(scene.cora, add_manager, None, None, ANN)
    secret = (await Notification.get()).token
    await Notification.all().update(status=NotificationStatus.SENT, sent_at=clock(), token=None)
    clock.move(hours=1)

    await do(scene.cora, update_user, id, {"email": "ANN@example.com"})
    assert (await PasswordLink.get()).ended_at is None
    await do(scene.cora, update_user, id, {"email": "ann@new.example"})

    assert (await PasswordLink.get()).ended_at == clock()
    with pytest.raises(TokenInvalid):
        await perform(None, clock, set_password, secret, "a hash")
    await perform(None, clock, request_password_reset, "ann@new.example")
    assert (await mails())[1:] == [(T.PASSWORD_RESET, "ann@new.example")]


async def test_a_link_that_waits_gets_another_secret_when_the_address_is_changed(
    scene: Scene, do: Do, clock: Clock
) -> None:
    id = await do(scene.cora, add_manager, None, None, ANN)
    before = await Notification.get()
    clock.move(hours=1)

    await do(scene.cora, update_user, id, {"email": "ann@new.example"})

    after, link = await Notification.get(), await PasswordLink.get()
    assert (after.recipient, after.token != before.token) == ("ann@new.example", True)
    assert (link.ended_at, link.expires_at) == (None, before.created_at + WELCOME_LINK)
    with pytest.raises(TokenInvalid):  # a worker may have the old one in its hand
        await perform(None, clock, set_password, before.token, "a hash")
    await perform(None, clock, set_password, after.token, "a hash")
    assert (await User.get(id=id)).password_hash == "a hash"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"email": None}, ("email",)),
        ({"email": "no address"}, ("email",)),
        ({"first_name": "http://evil.example"}, ("first_name",)),
        ({"department": "a\nb"}, ("department",)),
    ],
)
async def test_what_does_not_fit_is_refused(
    scene: Scene, do: Do, given: dict[str, Any], path: tuple[str]
) -> None:
    assert await refused(do(scene.cora, update_user, scene.carl.id, given)) == [
        ("INVALID_INPUT", path)
    ]


async def test_who_may_not_update_a_person_is_told_so_or_sees_nobody(
    scene: Scene, do: Do, make: Make
) -> None:
    learner, beside = await make.user(scene.customer), await make.user(await make.company())
    removed = await make.user(scene.customer, removed_at=scene.customer.created_at)
    await do.sign_in(learner)
    unknown = [("NOT_FOUND", ("user_id",))]

    for who, user, answer in [
        (learner, learner, [("FORBIDDEN", None)]),
        (learner, scene.cora, unknown),
        (scene.cora, scene.pam, unknown),
        (scene.cora, beside, unknown),
        (scene.cora, removed, [("CONFLICT", ("user_id",))]),
    ]:
        assert await refused(do(who, update_user, user.id, {"first_name": "X"})) == answer


# ── Removing ─────────────────────────────────────────────────────────────────────────────────────


async def test_removal_frees_the_license_and_keeps_the_history(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    [license] = await make.licenses(scene.customer, 1)
    learner = await make.user(scene.customer)
    await make.allocation(license, learner)
    clock.move(days=1)

    removed = await do(scene.cora, remove_users, [learner.id])

    stay, freed = await Allocation.get(), await License.get(id=license.id)
    gone = await User.get(id=learner.id)
    assert (removed.users, removed.licenses) == ([learner.id], [license.id])
    assert (freed.holder_id, freed.allocated_at, freed.expires_at) == (
        None,
        None,
        license.expires_at,
    )
    assert (stay.user_id, stay.released_at, stay.release_reason) == (
        learner.id,
        clock(),
        "USER_REMOVED",
    )
    assert columns(gone) == columns(learner) | {"removed_at": clock(), "updated_at": clock()}
    assert await events() == ["license.released", "user.removed"]


async def test_removal_takes_the_password(scene: Scene, do: Do) -> None:
    await User.filter(id=scene.carl.id).update(password_hash="a hash")

    await do(scene.cora, remove_users, [scene.carl.id])

    assert (await User.get(id=scene.carl.id)).password_hash is None


async def test_removal_in_several_companies_is_one_event_in_each(
    scene: Scene, do: Do, make: Make
) -> None:
    other = await make.company(scene.partner)
    users = [*await make.learners(scene.customer, 2), await make.user(other)]

    await do(scene.pam, remove_users, [user.id for user in users])

    told = await AuditEvent.all()
    assert {(event.action, event.company_id, event.count, event.subject_id) for event in told} == {
        ("user.removed", scene.customer.id, 2, None),
        ("user.removed", other.id, 1, users[2].id),
    }


async def test_removing_whom_is_removed_already_succeeds_and_writes_nothing(
    scene: Scene, do: Do, clock: Clock
) -> None:
    await do(scene.cora, remove_users, [scene.carl.id])
    clock.move(days=1)
    before = await snapshot()

    removed = await do(scene.cora, remove_users, [scene.carl.id, scene.carl.id])

    assert (removed.users, removed.licenses) == ([scene.carl.id], [])
    assert await snapshot() == before


async def test_one_who_cannot_be_removed_keeps_all_from_it(
    scene: Scene, do: Do, make: Make
) -> None:
    learner = await make.user(scene.customer)
    managed = await make.company(scene.partner, plan=CompanyPlan.MANAGED)
    their_learner, manager = await make.user(managed), await make.manager(managed)
    beside = await make.user(await make.company())
    await do.sign_in(manager)

    for who, users, answer in [
        (scene.cora, [learner, scene.cora], ("CONFLICT", ("user_ids", 1))),
        (scene.pam, [learner, scene.cora, scene.carl], ("CONFLICT", ("user_ids", 1))),
        (scene.pam, [learner, beside], ("NOT_FOUND", ("user_ids", 1))),
        (scene.cora, [learner, scene.pam], ("NOT_FOUND", ("user_ids", 1))),
        (manager, [their_learner], ("FORBIDDEN", None)),
    ]:
        ids = [user.id for user in users]
        assert await refused(do(who, remove_users, ids)) == [answer]


async def test_of_two_managers_who_remove_each_other_one_stays(scene: Scene, do: Do) -> None:
    pairs = ((scene.cora, scene.carl), (scene.carl, scene.cora))

    await asyncio.gather(
        *(do(who, remove_users, [whom.id]) for who, whom in pairs), return_exceptions=True
    )

    left = await User.filter(company_id=scene.customer.id, removed_at__isnull=True)
    assert len(left) == 1
    assert await events() == ["user.removed"]


async def test_when_the_account_manager_is_removed_there_is_none_until_another_is_set(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    other = await make.company(scene.partner, account_manager_id=scene.paul.id)
    clock.move(days=1)

    await do(scene.paul, remove_users, [scene.pam.id])

    customer, untouched = await Company.get(id=scene.customer.id), await Company.get(id=other.id)
    assert (customer.account_manager_id, customer.updated_at) == (None, clock())
    assert columns(untouched) == columns(other)


# ── Erasing ──────────────────────────────────────────────────────────────────────────────────────

EVE = Person("eve.q@example.com", "Evangeline", "Quist", "Quality", "HR-4711")
TRACES = ("eve.q", "evangeline", "quist", "quality", "hr-4711")


async def eve_with_a_past(scene: Scene, do: Do, make: Make, clock: Clock) -> UUID:
    """A manager who was mailed, and had a license; in capitals and in small letters."""
    await make.licenses(scene.customer, 1)
    [id] = (await do(scene.cora, add_users, None, [EVE], Wanted())).users
    await do(scene.cora, add_manager, None, id, None)
    await do(scene.cora, update_notification_preferences, id, [T.ORDER_WAITING])
    clock.move(days=1)
    await do(scene.cora, request_password_reset, EVE.email)
    mail = await Notification.get(template="PASSWORD_RESET")
    mail.last_error = f"550 <{EVE.email}> unknown"
    await mail.save()
    return id


async def traces() -> list[str]:
    everything = str(await snapshot()).lower()
    return [trace for trace in TRACES if trace in everything]


async def test_erasing_leaves_nothing_that_identifies_the_person_but_the_id(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    id = await eve_with_a_past(scene, do, make, clock)
    others = await Notification.exclude(user_id=id).count()
    assert await traces() == list(TRACES)

    await do(scene.cora, remove_users, [id], True)

    eve = await User.get(id=id)
    address = f"erased-{id.hex}@invalid"
    assert await traces() == []
    assert (eve.email, eve.email_key, eve.name, eve.muted_templates) == (
        address,
        address,
        "Erased user",
        [],
    )
    assert (eve.removed_at, eve.erased_at, eve.updated_at) == (clock(),) * 3
    promised = await Notification.filter(user_id=id)
    assert {mail.recipient for mail in promised} == {address}
    assert {mail.token or mail.last_error for mail in promised} == {None}
    assert await Notification.exclude(user_id=id).count() == others
    assert (await events())[-3:] == ["license.released", "user.removed", "user.erased"]


async def test_one_removed_before_may_be_erased_later(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    id = await eve_with_a_past(scene, do, make, clock)
    await do(scene.cora, remove_users, [id])
    left = clock()
    clock.move(days=1)

    await do(scene.cora, remove_users, [id], True)

    eve = await User.get(id=id)
    assert (eve.removed_at, eve.erased_at) == (left, clock())
    assert await traces() == []
    assert (await events())[-2:] == ["user.removed", "user.erased"]


async def test_erasing_again_writes_nothing(scene: Scene, do: Do, make: Make, clock: Clock) -> None:
    id = await eve_with_a_past(scene, do, make, clock)
    await do(scene.cora, remove_users, [id], True)
    clock.move(days=1)
    before = await snapshot()

    await do(scene.cora, remove_users, [id], True)

    assert await snapshot() == before


async def test_many_are_erased_and_nobody_else(scene: Scene, do: Do, make: Make) -> None:
    users = await make.learners(scene.customer, 3)
    gone = [user.id for user in users[:2]]

    await do(scene.cora, remove_users, gone, True)

    erased = await User.filter(erased_at__isnull=False).order_by("id")
    assert [(user.id, user.email) for user in erased] == [
        (id, f"erased-{id.hex}@invalid") for id in gone
    ]
    assert columns(await User.get(id=users[2].id)) == columns(users[2])


async def test_people_of_an_archived_company_are_erased_from_above_but_not_just_removed(
    scene: Scene, do: Do, make: Make
) -> None:
    learner = await make.user(scene.customer)
    await do(scene.pam, archive_company, scene.customer.id)
    assert await refused(do(scene.pam, remove_users, [learner.id])) == [("CONFLICT", None)]

    await do(scene.pam, remove_users, [learner.id], True)

    assert (await User.get(id=learner.id)).name == "Erased user"


# ── Managers ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_learner_is_made_a_manager_and_welcomed_with_a_link(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    learner = await make.user(scene.customer)
    clock.move(days=1)

    done = await do.done(scene.cora, add_manager, None, learner.id, None)

    [mail], [link] = await Notification.all(), await PasswordLink.all()
    user = await User.get(id=learner.id)
    assert columns(user) == columns(learner) | {"role": UserRole.MANAGER, "updated_at": clock()}
    assert (done.result, done.notices) == (learner.id, [mail.id])
    assert (mail.template, mail.recipient, mail.user_id, mail.actor_id) == (
        T.MANAGER_WELCOME,
        learner.email,
        learner.id,
        scene.cora.id,
    )
    assert mail.token is not None
    assert (link.user_id, link.token_hash) == (learner.id, digest(mail.token))
    assert await events() == ["manager.added"]


async def test_a_new_person_is_made_a_manager(scene: Scene, do: Do) -> None:
    id = await do(scene.pam, add_manager, scene.customer.id, None, ANN)

    user = await User.get(id=id)
    assert (user.email, user.name, user.role, user.company_id) == (
        "ann@example.com",
        "Ann Lee",
        UserRole.MANAGER,
        scene.customer.id,
    )
    assert await mails() == [("MANAGER_WELCOME", "ann@example.com")]
    assert await events() == ["manager.added"]


async def test_a_manager_of_a_partner_is_an_account_manager(scene: Scene, do: Do) -> None:
    id = await do(scene.pam, add_manager, None, None, ANN)

    assert (await User.get(id=id)).role is UserRole.ACCOUNT_MANAGER
    assert await mails() == [("PARTNER_WELCOME", "ann@example.com")]


async def test_one_who_has_a_password_is_welcomed_without_a_link(
    scene: Scene, do: Do, make: Make
) -> None:
    learner = await make.user(scene.customer, password_hash="a hash")

    await do(scene.cora, add_manager, None, learner.id, None)

    assert [mail.token for mail in await Notification.all()] == [None]
    assert await PasswordLink.all().count() == 0


async def test_a_welcome_cannot_be_muted(scene: Scene, do: Do, make: Make) -> None:
    learner = await make.user(scene.customer, muted_templates=list(T))

    await do(scene.cora, add_manager, None, learner.id, None)

    assert await mails() == [("MANAGER_WELCOME", learner.email)]


async def test_making_a_manager_of_a_manager_writes_and_mails_nothing(scene: Scene, do: Do) -> None:
    before = await snapshot()

    assert await do(scene.cora, add_manager, None, scene.carl.id, None) == scene.carl.id

    assert await snapshot() == before


async def test_who_cannot_be_made_a_manager(scene: Scene, do: Do, make: Make) -> None:
    removed = await make.user(scene.customer, removed_at=scene.customer.created_at)
    in_another = await make.user(await make.company(scene.partner))
    learner = await make.user(scene.customer)
    await do.sign_in(learner)
    unknown = [("NOT_FOUND", ("user_id",))]

    for who, user_id, person, answer in [
        (scene.cora, None, None, [("INVALID_INPUT", ())]),
        (scene.cora, learner.id, ANN, [("INVALID_INPUT", ())]),
        (scene.cora, removed.id, None, unknown),
        (scene.cora, in_another.id, None, unknown),
        (scene.pam, in_another.id, None, unknown),
        (scene.cora, None, Person("no address"), [("INVALID_INPUT", ("person", "email"))]),
        (scene.cora, None, Person("CARL@example.com"), [("DUPLICATE", ("person", "email"))]),
        (learner, learner.id, None, [("FORBIDDEN", None)]),
    ]:
        call = do(who, add_manager, scene.customer.id, user_id, person)
        assert await refused(call) == answer


async def test_a_manager_is_left_a_learner(scene: Scene, do: Do, make: Make, clock: Clock) -> None:
    [license] = await make.licenses(scene.customer, 1)
    await make.allocation(license, scene.carl)
    clock.move(days=1)
    before = columns(await User.get(id=scene.carl.id))

    await do(scene.cora, remove_manager, scene.carl.id)

    assert columns(await User.get(id=scene.carl.id)) == before | {
        "role": UserRole.LEARNER,
        "updated_at": clock(),
    }
    assert (await License.get()).holder_id == scene.carl.id
    [event] = await AuditEvent.all()
    assert (event.action, event.subject_id) == ("manager.removed", scene.carl.id)
    assert await mails() == []


async def test_the_last_manager_and_oneself_cannot_be_removed(
    scene: Scene, do: Do, make: Make
) -> None:
    other = await make.company(scene.partner)
    last = await make.manager(other)
    await make.learners(other, 2)

    for who, whom in [(scene.pam, last), (scene.cora, scene.cora), (scene.pam, scene.pam)]:
        assert await refused(do(who, remove_manager, whom.id)) == [("CONFLICT", ("user_id",))]


async def test_removing_the_manager_in_a_learner_writes_nothing(
    scene: Scene, do: Do, make: Make
) -> None:
    learner = await make.user(scene.customer)
    before = await snapshot()

    assert await do(scene.cora, remove_manager, learner.id) == learner.id

    assert await snapshot() == before


async def test_of_two_managers_who_dismiss_each_other_one_stays(scene: Scene, do: Do) -> None:
    pairs = ((scene.cora, scene.carl), (scene.carl, scene.cora))

    await asyncio.gather(
        *(do(who, remove_manager, whom.id) for who, whom in pairs), return_exceptions=True
    )

    assert await User.filter(company_id=scene.customer.id, role=UserRole.MANAGER).count() == 1
    assert await events() == ["manager.removed"]


async def test_an_account_manager_who_loses_the_role_looks_after_nobody(
    scene: Scene, do: Do, clock: Clock
) -> None:
    clock.move(days=1)

    await do(scene.paul, remove_manager, scene.pam.id)

    customer = await Company.get(id=scene.customer.id)
    assert (customer.account_manager_id, customer.updated_at) == (None, clock())


async def test_then_their_mail_goes_to_all_account_managers_of_the_parent(
    scene: Scene, do: Do, make: Make
) -> None:
    third, muted = await make.manager(scene.partner), await make.manager(scene.partner)
    await make.user(scene.partner)
    await do(scene.pam, update_notification_preferences, muted.id, [T.ORDER_REQUESTED])
    request = (request_licenses, scene.customer.id, LicenseType.PREMIUM, 5)

    await do(scene.cora, *request)
    assert await mails() == [("ORDER_REQUESTED", scene.pam.email)]

    await do(scene.paul, remove_manager, scene.pam.id)
    await do(scene.cora, *request)
    assert (await mails())[1:] == [
        ("ORDER_REQUESTED", scene.paul.email),
        ("ORDER_REQUESTED", third.email),
    ]
    await do(scene.paul, *request)
    assert (await mails())[3:] == [("ORDER_REQUESTED", third.email)]


async def test_nobody_is_mailed_about_what_they_did_themselves(scene: Scene, do: Do) -> None:
    await do(scene.pam, request_licenses, scene.customer.id, LicenseType.PREMIUM, 5)

    assert await mails() == []


# ── Preferences ──────────────────────────────────────────────────────────────────────────────────


async def test_muted_templates_are_kept_once_and_in_order(
    scene: Scene, do: Do, clock: Clock
) -> None:
    clock.move(days=1)
    muted = [T.ORDER_WAITING, T.ORDER_ASSIGNED, T.ORDER_WAITING]

    assert await do(scene.cora, update_notification_preferences, None, muted) == scene.cora.id

    user = await User.get(id=scene.cora.id)
    assert (user.muted_templates, user.updated_at) == (["ORDER_ASSIGNED", "ORDER_WAITING"], clock())
    [event] = await AuditEvent.all()
    assert (event.action, event.company_id, event.subject_id) == (
        "preferences.updated",
        scene.customer.id,
        scene.cora.id,
    )
    before = await snapshot()
    await do(scene.cora, update_notification_preferences, scene.cora.id, muted)
    assert await snapshot() == before


async def test_one_s_own_preferences_are_always_one_s_own(scene: Scene, do: Do, make: Make) -> None:
    managed = await make.company(scene.partner, plan=CompanyPlan.MANAGED)
    manager, learner = await make.manager(managed), await make.user(managed)
    inside = await do.managing(scene.pam, managed)

    everybody: list[tuple[User | Caller, User]] = [
        (manager, manager),
        (learner, learner),
        (inside, scene.pam),
    ]
    for who, user in everybody:
        for named in (None, user.id):
            assert await do(who, update_notification_preferences, named, [T.ORDER_WAITING]) == (
                user.id
            )
    event = await AuditEvent.get(subject_id=scene.pam.id)
    assert (event.company_id, event.on_behalf_of_id) == (scene.partner.id, managed.id)


async def test_those_of_others_are_changed_by_who_keeps_the_managers(
    scene: Scene, do: Do, make: Make
) -> None:
    managed = await make.company(scene.partner, plan=CompanyPlan.MANAGED)
    manager, colleague = await make.manager(managed), await make.manager(managed)
    await do.sign_in(manager)

    for who, whom, answer in [
        (manager, colleague, [("FORBIDDEN", None)]),
        (scene.cora, scene.pam, [("NOT_FOUND", ("user_id",))]),
    ]:
        call = do(who, update_notification_preferences, whom.id, [T.ORDER_WAITING])
        assert await refused(call) == answer

    await do(scene.pam, update_notification_preferences, scene.cora.id, [T.ORDER_WAITING])
    assert (await User.get(id=scene.cora.id)).muted_templates == ["ORDER_WAITING"]


@pytest.mark.parametrize("template", [T.PARTNER_WELCOME, T.MANAGER_WELCOME, T.PASSWORD_RESET])
async def test_welcome_and_reset_mails_cannot_be_muted(
    scene: Scene, do: Do, template: NotificationTemplate
) -> None:
    muted = [T.ORDER_WAITING, template]

    assert await refused(do(scene.cora, update_notification_preferences, None, muted)) == [
        ("INVALID_INPUT", ("muted", 1))
    ]
