"""Signing in and out, passwords and their links, and manage mode."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from time import process_time
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from argon2 import PasswordHasher

from models.access import Caller, caller_of
from models.audit import AuditEvent
from models.base import Entity
from models.companies import Company
from models.errors import Refusal, Unauthenticated
from models.outbox import Notification
from models.sessions import LinkPurpose, PasswordLink, Session, Tally, digest
from models.users import User, UserRole
from resolvers import passwords
from resolvers.companies import (
    archive_company,
    move_company,
    restore_company,
    update_company,
)
from resolvers.performing import Done, perform
from resolvers.sessions import (
    Entered,
    SignedIn,
    check_password,
    enter_manage_mode,
    exit_manage_mode,
    request_password_reset,
    set_password,
    sign_in,
    sign_out,
)
from resolvers.users import add_manager, remove_manager, remove_users
from tests.conftest import Clock
from tests.factories import PASSWORD, Make
from tests.scene import Do, Scene
from tests.snapshots import columns, events, mails, refused, snapshot

WRONG = "not the right password"
NEW = "another long password"
NOBODY = "nobody@example.com"
JUNK = ("", "junk", "\x00", "\ud800", "x" * 99_999)


@pytest_asyncio.fixture(scope="session")
async def password_hash() -> str:
    """Of PASSWORD."""
    return await passwords.hash_password(PASSWORD)


@pytest_asyncio.fixture
async def ann(make: Make, password_hash: str) -> User:
    """A manager of a customer, with a password."""
    company = await make.company(name="Acme")
    await make.manager(company)
    return await make.manager(company, email="Ann@example.com", password_hash=password_hash)


async def signed_in(clock: Clock, email: str, password: str = PASSWORD) -> SignedIn:
    """As the mutation does it."""
    user, known = await check_password(email, password, clock)
    renewed = await passwords.renewed(known, password)
    return (await perform(None, clock, sign_in, user.id, known, renewed)).result


async def code(call: Awaitable[object]) -> str:
    """What a call is refused for, if it is."""
    try:
        await call
    except Refusal as refusal:
        return refusal.code
    return "done"


async def codes(clock: Clock, email: str, *tries: str) -> list[str]:
    return [await code(signed_in(clock, email, password)) for password in tries]


async def reset(clock: Clock, email: str, caller: Caller | None = None) -> Done[None]:
    return await perform(caller, clock, request_password_reset, email)


async def link_to(email: str) -> str:
    """The token in the last mail."""
    mail = await Notification.filter(recipient=email).order_by("-id").first()
    assert mail is not None
    assert mail.token is not None
    return mail.token


async def set_to(clock: Clock, token: str, password: str = NEW) -> Done[object]:
    """As the mutation does it."""
    return await perform(None, clock, set_password, token, await passwords.hash_password(password))


async def is_good(token: str, clock: Clock) -> bool:
    return await caller_of(token, clock()) is not None


# ── Signing in ───────────────────────────────────────────────────────────────────────────────────


async def test_the_right_password_opens_a_session_for_twelve_hours(ann: User, clock: Clock) -> None:
    done = await signed_in(clock, "ann@example.com")

    session = await Session.get()
    assert (session.id, session.user_id, session.token_hash) == (
        done.session_id,
        ann.id,
        digest(done.token),
    )
    assert done.expires_at == session.expires_at == clock() + timedelta(hours=12)
    assert await caller_of(done.token, clock()) == Caller(
        session_id=session.id,
        user_id=ann.id,
        role=UserRole.MANAGER,
        company_id=ann.company_id,
        path=ann.path,
        home_id=ann.company_id,
    )
    clock.move(hours=12, microseconds=-1)
    assert await is_good(done.token, clock)
    clock.move(microseconds=1)
    assert not await is_good(done.token, clock)


async def test_signing_in_is_remembered_and_written_down_and_changes_nothing_else(
    ann: User, clock: Clock
) -> None:
    before = await snapshot()
    clock.move(days=1)

    await signed_in(clock, ann.email)

    after = await snapshot()
    [event] = await AuditEvent.all()
    user = await User.get(id=ann.id)
    assert (user.last_sign_in_at, user.updated_at) == (clock(), ann.updated_at)
    assert (event.action, event.actor_id, event.company_id) == (
        "session.signed_in",
        ann.id,
        ann.company_id,
    )
    assert {table for table in after if after[table] != before[table]} == {
        "User",
        "Session",
        "AuditEvent",
    }


async def test_an_address_signs_in_in_any_case(ann: User, clock: Clock) -> None:
    for email in ("ANN@EXAMPLE.COM", "  ann@example.com "):
        assert await codes(clock, email, PASSWORD) == ["done"]


async def test_whoever_it_is_not_gets_the_same_answer(ann: User, clock: Clock) -> None:
    for email in (NOBODY, *JUNK, "ann\x00@example.com", "ann@example.com\x00"):
        assert await refused(signed_in(clock, email), counted=True) == [
            ("INVALID_CREDENTIALS", None)
        ]


async def test_another_password_is_refused(ann: User, clock: Clock) -> None:
    for password in ("", PASSWORD.upper(), f"{PASSWORD} ", "\ud800"):
        assert await refused(signed_in(clock, ann.email, password), counted=True) == [
            ("INVALID_CREDENTIALS", None)
        ]


async def test_one_who_never_set_a_password_has_none_that_fits(make: Make, clock: Clock) -> None:
    invited = await make.manager(await make.company())

    assert await codes(clock, invited.email, "", PASSWORD) == ["INVALID_CREDENTIALS"] * 2


async def test_a_removed_person_cannot_sign_in(ann: User, do: Do, make: Make, clock: Clock) -> None:
    vic = await make.manager(await make.root())
    await do(vic, remove_users, [ann.id])

    assert await refused(signed_in(clock, ann.email), counted=True) == [
        ("INVALID_CREDENTIALS", None)
    ]


async def test_nobody_signs_in_while_their_company_or_one_above_is_archived(
    make: Make, do: Do, clock: Clock, password_hash: str
) -> None:
    vic, partner = await make.manager(await make.root()), await make.partner()
    customer = await make.company(partner)
    pam = await make.manager(partner, password_hash=password_hash)
    cora = await make.manager(customer, password_hash=password_hash)
    await do(vic, archive_company, partner.id)

    for user in (pam, cora):
        assert await refused(signed_in(clock, user.email), counted=True) == [("FORBIDDEN", None)]
        assert await codes(clock, user.email, WRONG) == ["INVALID_CREDENTIALS"]

    await do(vic, restore_company, partner.id)
    assert await codes(clock, cora.email, PASSWORD) == ["done"]


async def test_a_password_that_changed_since_it_was_looked_at_is_refused(
    ann: User, clock: Clock
) -> None:
    user, known = await check_password(ann.email, PASSWORD, clock)
    await reset(clock, ann.email)
    await set_to(clock, await link_to(ann.email))

    assert await refused(perform(None, clock, sign_in, user.id, known, None)) == [
        ("INVALID_CREDENTIALS", None)
    ]


async def test_whoever_was_signed_in_before_has_no_part_in_it(
    ann: User, make: Make, clock: Clock
) -> None:
    """A browser sends the token it has, with whatever it asks."""
    other = await make.caller(await make.manager(await make.company()))
    user, known = await check_password(ann.email, PASSWORD, clock)

    await perform(other, clock, sign_in, user.id, known, None)
    await reset(clock, ann.email, other)
    await perform(other, clock, set_password, await link_to(ann.email), "a hash")

    assert [(event.action, event.actor_id) for event in await AuditEvent.all().order_by("id")] == [
        ("session.signed_in", ann.id),
        ("password.set", ann.id),
    ]


async def test_a_hash_made_with_other_parameters_is_made_anew(ann: User, clock: Clock) -> None:
    weak = PasswordHasher(memory_cost=64, time_cost=1, parallelism=1).hash(PASSWORD)
    ann.password_hash = weak
    await ann.save()

    await signed_in(clock, ann.email)

    renewed = (await User.get(id=ann.id)).password_hash
    assert renewed != weak
    assert await codes(clock, ann.email, PASSWORD) == ["done"]
    assert (await User.get(id=ann.id)).password_hash == renewed


# ── Locked out ───────────────────────────────────────────────────────────────────────────────────

FIVE = ["INVALID_CREDENTIALS"] * 5


@pytest.mark.parametrize("email", ["ann@example.com", NOBODY])
async def test_five_wrong_ones_lock_the_address_for_ten_minutes_whether_or_not_it_is_anybody_s(
    ann: User, clock: Clock, email: str
) -> None:
    assert await codes(clock, email, *[WRONG] * 5) == FIVE
    assert await codes(clock, email, WRONG, PASSWORD) == ["LOCKED_OUT"] * 2
    clock.move(minutes=10, microseconds=-1)
    assert await codes(clock, email.upper(), PASSWORD) == ["LOCKED_OUT"]
    clock.move(microseconds=1)
    assert await codes(clock, email, WRONG) == ["INVALID_CREDENTIALS"]


async def test_nothing_tells_the_one_lock_from_the_other(ann: User, clock: Clock) -> None:
    told: dict[str, list[tuple[str, str]]] = {ann.email: [], NOBODY: []}
    for email, answers in told.items():
        for _ in range(6):
            with pytest.raises(Refusal) as refusal:
                await signed_in(clock, email, WRONG)
            answers.append((refusal.value.code, refusal.value.message))

    assert told[ann.email] == told[NOBODY]


async def test_an_address_that_nobody_has_costs_as_much_work(
    ann: User, make: Make, clock: Clock
) -> None:
    invited = await make.manager(await make.company())

    async def least_work(email: str) -> float:
        seconds = []
        for _ in range(4):
            start = process_time()
            assert await codes(clock, email, WRONG) == ["INVALID_CREDENTIALS"]
            seconds.append(process_time() - start)
        return min(seconds)

    work = [await least_work(email) for email in (ann.email, NOBODY, invited.email)]

    assert max(work) < 4 * min(work)


async def test_ten_minutes_count_from_the_fifth_and_trying_on_does_not_prolong_them(
    ann: User, clock: Clock
) -> None:
    for _ in range(4):
        await codes(clock, ann.email, WRONG)
        clock.move(minutes=1)
    await codes(clock, ann.email, WRONG)
    for _ in range(9):
        clock.move(minutes=1)
        assert await codes(clock, ann.email, WRONG) == ["LOCKED_OUT"]
    clock.move(minutes=1)

    assert await codes(clock, ann.email, PASSWORD) == ["done"]


async def test_wrong_ones_are_forgotten_after_ten_minutes(ann: User, clock: Clock) -> None:
    assert await codes(clock, ann.email, *[WRONG] * 4) == FIVE[:4]
    clock.move(minutes=10)

    assert await codes(clock, ann.email, *[WRONG] * 5, PASSWORD) == [*FIVE, "LOCKED_OUT"]


async def test_a_success_forgets_the_wrong_ones(ann: User, clock: Clock) -> None:
    tries = [*[WRONG] * 4, PASSWORD]

    assert await codes(clock, ann.email, *tries, *tries) == [*FIVE[:4], "done"] * 2
    assert await Tally.all().count() == 0


async def test_the_lock_of_one_address_is_not_that_of_another(
    ann: User, make: Make, clock: Clock, password_hash: str
) -> None:
    other = await make.manager(await make.company(), password_hash=password_hash)
    await codes(clock, ann.email, *[WRONG] * 5)

    assert await codes(clock, other.email, PASSWORD) == ["done"]


async def test_a_lock_is_written_down_once_where_it_is_somebody_s_address(
    ann: User, clock: Clock
) -> None:
    for email in (ann.email, NOBODY):
        await codes(clock, email, *[WRONG] * 7)

    [event] = await AuditEvent.all()
    assert (event.action, event.at, event.company_id, event.path) == (
        "session.locked",
        clock(),
        ann.company_id,
        ann.path,
    )
    assert (event.actor_id, event.subject_type, event.subject_id) == (None, "User", ann.id)


@pytest.mark.parametrize("email", ["ann@example.com", NOBODY])
async def test_of_100_wrong_ones_at_once_five_are_looked_at(
    ann: User, clock: Clock, email: str
) -> None:
    answers = await asyncio.gather(*(code(signed_in(clock, email, WRONG)) for _ in range(100)))

    assert sorted(answers) == FIVE + ["LOCKED_OUT"] * 95
    assert await codes(clock, email, PASSWORD) == ["LOCKED_OUT"]
    assert await events() == (["session.locked"] if email != NOBODY else [])


async def test_sessions_go_on_while_the_address_is_locked(ann: User, clock: Clock) -> None:
    done = await signed_in(clock, ann.email)
    await codes(clock, ann.email, *[WRONG] * 6)

    assert await is_good(done.token, clock)


async def test_a_reset_works_while_the_address_is_locked(ann: User, clock: Clock) -> None:
    await codes(clock, ann.email, *[WRONG] * 6)

    await reset(clock, ann.email)
    await set_to(clock, await link_to(ann.email))

    clock.move(minutes=10)
    assert await codes(clock, ann.email, NEW) == ["done"]


# ── Passwords and links ──────────────────────────────────────────────────────────────────────────


async def test_a_reset_is_mailed_to_that_person_alone(ann: User, clock: Clock) -> None:
    done = await reset(clock, " ANN@example.com ")

    [mail] = await Notification.all()
    [link] = await PasswordLink.all()
    assert done.notices == [mail.id]
    assert await mails() == [("PASSWORD_RESET", "Ann@example.com")]
    assert (mail.user_id, mail.actor_id, mail.company_id) == (ann.id, None, ann.company_id)
    assert mail.token is not None
    assert (link.user_id, link.purpose, link.token_hash) == (
        ann.id,
        LinkPurpose.RESET,
        digest(mail.token),
    )
    assert link.expires_at == clock() + timedelta(hours=1)


async def test_one_who_is_signed_in_is_mailed_a_reset_too(
    ann: User, make: Make, clock: Clock
) -> None:
    caller = await make.caller(ann)

    await reset(clock, ann.email, caller)

    assert await mails() == [("PASSWORD_RESET", ann.email)]


async def test_a_reset_is_mailed_once_in_thirty_minutes(ann: User, clock: Clock) -> None:
    await reset(clock, ann.email)
    clock.move(minutes=30, microseconds=-1)
    before = await snapshot()

    await reset(clock, ann.email)

    assert await snapshot() == before
    clock.move(microseconds=1)
    await reset(clock, ann.email)
    assert await mails() == [("PASSWORD_RESET", ann.email)] * 2


async def test_of_many_resets_at_once_one_is_mailed(ann: User, clock: Clock) -> None:
    await asyncio.gather(*(reset(clock, ann.email) for _ in range(10)))

    assert await mails() == [("PASSWORD_RESET", ann.email)]
    assert await PasswordLink.filter(ended_at__isnull=True).count() == 1


async def test_a_reset_for_nobody_is_answered_alike_and_does_nothing(
    ann: User, clock: Clock
) -> None:
    before = await snapshot()

    done = [await reset(clock, email) for email in (NOBODY, *JUNK, "ann\x00@example.com")]

    assert [(each.result, each.notices) for each in done] == [(None, [])] * len(done)
    assert await snapshot() == before


async def test_a_reset_for_one_removed_or_archived_does_nothing(
    ann: User, make: Make, do: Do, clock: Clock
) -> None:
    vic, partner = await make.manager(await make.root()), await make.partner()
    pam = await make.manager(partner)
    await do(vic, remove_users, [ann.id])
    await do(vic, archive_company, partner.id)
    before = await snapshot()

    for user in (ann, pam):
        await reset(clock, user.email)

    assert await snapshot() == before


async def test_a_reset_serves_one_who_never_had_a_password(make: Make, clock: Clock) -> None:
    learner = await make.user(await make.company())

    await reset(clock, learner.email)
    await set_to(clock, await link_to(learner.email))

    assert await codes(clock, learner.email, NEW) == ["done"]


async def test_a_new_password_replaces_the_old_one_and_ends_every_session(
    ann: User, make: Make, clock: Clock
) -> None:
    tokens = [(await signed_in(clock, ann.email)).token for _ in range(2)]
    other = await make.token(await make.manager(await make.company()))
    await reset(clock, ann.email)

    done = await set_to(clock, await link_to(ann.email))

    assert done.result == ann.id
    assert [await is_good(token, clock) for token in [*tokens, other]] == [False, False, True]
    assert await codes(clock, ann.email, PASSWORD, NEW) == ["INVALID_CREDENTIALS", "done"]
    event = await AuditEvent.get(action="password.set")
    assert (event.actor_id, event.company_id, event.subject_id) == (
        ann.id,
        ann.company_id,
        ann.id,
    )


async def test_a_new_password_ends_stays_in_manage_mode(
    scene: Scene, make: Make, clock: Clock
) -> None:
    token = await make.manage_token(scene.pam, scene.customer)
    await reset(clock, scene.pam.email)

    await set_to(clock, await link_to(scene.pam.email))

    assert not await is_good(token, clock)
    assert await Session.filter(user_id=scene.pam.id, ended_at__isnull=True).count() == 0


async def test_a_link_works_once(ann: User, clock: Clock) -> None:
    await reset(clock, ann.email)
    token = await link_to(ann.email)
    await set_to(clock, token)

    assert await refused(set_to(clock, token, PASSWORD)) == [("TOKEN_INVALID", ("token",))]


async def test_of_two_who_use_a_link_at_once_one_sets_the_password(ann: User, clock: Clock) -> None:
    await reset(clock, ann.email)
    token = await link_to(ann.email)

    answers = await asyncio.gather(*(code(set_to(clock, token)) for _ in range(2)))

    assert sorted(answers) == ["TOKEN_INVALID", "done"]
    assert (await events()).count("password.set") == 1


async def test_a_reset_link_is_good_for_an_hour(ann: User, clock: Clock) -> None:
    await reset(clock, ann.email)
    first = await link_to(ann.email)
    clock.move(hours=1)
    assert await refused(set_to(clock, first)) == [("TOKEN_INVALID", ("token",))]

    await reset(clock, ann.email)
    second = await link_to(ann.email)
    clock.move(hours=1, microseconds=-1)
    assert await code(set_to(clock, second)) == "done"


async def new_manager(scene: Scene, make: Make, do: Do) -> User:
    """A learner of the customer until now; mailed a welcome."""
    learner = await make.user(scene.customer)
    await do(scene.pam, add_manager, scene.customer.id, learner.id, None)
    return learner


@pytest.mark.parametrize(("late", "answer"), [(-1, "done"), (0, "TOKEN_INVALID")])
async def test_a_welcome_link_is_good_for_seven_days(
    scene: Scene, make: Make, do: Do, clock: Clock, late: int, answer: str
) -> None:
    learner = await new_manager(scene, make, do)
    token = await link_to(learner.email)

    clock.move(days=7, microseconds=late)

    assert await code(set_to(clock, token)) == answer


async def test_an_older_link_ends_when_a_newer_one_is_made(
    scene: Scene, make: Make, do: Do, clock: Clock
) -> None:
    learner = await new_manager(scene, make, do)
    welcome = await link_to(learner.email)
    await reset(clock, learner.email)

    assert await refused(set_to(clock, welcome)) == [("TOKEN_INVALID", ("token",))]
    assert await code(set_to(clock, await link_to(learner.email))) == "done"


async def test_a_token_that_was_never_made_is_no_link(ann: User, clock: Clock) -> None:
    for token in JUNK:
        assert await refused(perform(None, clock, set_password, token, "a hash")) == [
            ("TOKEN_INVALID", ("token",))
        ]


async def test_a_removed_person_sets_no_password(
    ann: User, make: Make, do: Do, clock: Clock
) -> None:
    await reset(clock, ann.email)
    await do(await make.manager(await make.root()), remove_users, [ann.id])

    assert await refused(set_to(clock, await link_to(ann.email))) == [("TOKEN_INVALID", ("token",))]


async def test_a_link_rests_while_the_company_is_archived(
    ann: User, make: Make, do: Do, clock: Clock
) -> None:
    vic = await make.manager(await make.root())
    await reset(clock, ann.email)
    token = await link_to(ann.email)
    await do(vic, archive_company, ann.company_id)
    assert await refused(set_to(clock, token)) == [("TOKEN_INVALID", ("token",))]

    await do(vic, restore_company, ann.company_id)

    assert await code(set_to(clock, token)) == "done"


@pytest.mark.parametrize("length", [0, 11, 1_025])
async def test_a_password_has_12_characters_at_least_and_1_024_at_most(length: int) -> None:
    with pytest.raises(Refusal) as refusal:
        await passwords.hash_password("ä" * length)

    assert (refusal.value.code, refusal.value.path) == ("INVALID_INPUT", ("password",))


@pytest.mark.parametrize("password", ["ä" * 12, "x" * 1_024, "\x00" * 12, "\ud800" * 12])
async def test_a_password_is_kept_as_argon2id_and_fits_itself_alone(password: str) -> None:
    kept = await passwords.hash_password(password)

    assert kept.startswith("$argon2id$")
    assert await passwords.verify(kept, password)
    assert not await passwords.verify(kept, password + "x")
    assert not await passwords.verify(None, password)


# ── Ending at once ───────────────────────────────────────────────────────────────────────────────


async def test_signing_out_ends_this_session_and_no_other(
    ann: User, make: Make, clock: Clock
) -> None:
    this, other = await make.token(ann), await make.token(ann)

    await perform(await caller_of(this, clock()), clock, sign_out)

    assert [await is_good(token, clock) for token in (this, other)] == [False, True]
    [event] = await AuditEvent.all()
    assert (event.action, event.actor_id, event.company_id, event.subject_id) == (
        "session.signed_out",
        ann.id,
        ann.company_id,
        ann.id,
    )


async def test_removal_ends_tokens_at_once(ann: User, make: Make, do: Do, clock: Clock) -> None:
    token = await make.token(ann)

    await do(await make.manager(await make.root()), remove_users, [ann.id])

    assert not await is_good(token, clock)


async def test_archiving_ends_tokens_at_once_beneath_too_and_restoring_brings_none_back(
    make: Make, do: Do, clock: Clock
) -> None:
    vic, partner = await make.manager(await make.root()), await make.partner()
    customer, beside = await make.company(partner), await make.company()
    tokens = [
        await make.token(await make.manager(company)) for company in (partner, customer, beside)
    ]

    await do(vic, archive_company, partner.id)
    assert [await is_good(token, clock) for token in tokens] == [False, False, True]

    await do(vic, restore_company, partner.id)
    assert [await is_good(token, clock) for token in tokens] == [False, False, True]


async def test_a_token_is_good_only_while_all_it_stands_on_is(
    scene: Scene, make: Make, clock: Clock
) -> None:
    """However that came to change, and whether or not somebody ended the session."""
    token, beside = await make.token(scene.pam), await make.partner()
    first = await Session.get(token_hash=digest(token))
    entered = await enter(clock, token, scene.customer)
    pam, partner, customer = scene.pam.id, scene.partner.id, scene.customer.id
    neither, first_alone = [False, False], [True, False]
    changes: list[tuple[type[Entity], UUID, dict[str, Any], list[bool]]] = [
        (User, pam, {"removed_at": clock()}, neither),
        (User, pam, {"role": UserRole.LEARNER}, first_alone),
        (Company, partner, {"is_archived": True}, neither),
        (Company, partner, {"path": f"{beside.path}moved/"}, first_alone),
        (Company, partner, {"path": scene.customer.path[:-1] + "x/"}, first_alone),
        (Company, customer, {"is_archived": True}, first_alone),
        (Company, customer, {"path": f"{beside.path}moved/"}, first_alone),
        (Session, first.id, {"ended_at": clock()}, neither),
        (Session, first.id, {"expires_at": clock()}, neither),
        (Session, entered.session_id, {"ended_at": clock()}, first_alone),
        (Session, entered.session_id, {"expires_at": clock()}, first_alone),
    ]

    for model, id, values, good in changes:
        before = columns(await model.get(id=id))
        await model.filter(id=id).update(**values)
        assert [await is_good(each, clock) for each in (token, entered.token)] == good, values
        await model.filter(id=id).update(**{name: before[name] for name in values})
    assert [await is_good(each, clock) for each in (token, entered.token)] == [True, True]


async def test_with_a_token_that_has_ended_nothing_is_done(
    ann: User, make: Make, clock: Clock
) -> None:
    caller = await make.caller(ann)
    await perform(caller, clock, sign_out)
    before = await snapshot()

    for operation in (sign_out, exit_manage_mode):
        with pytest.raises(Unauthenticated):
            await perform(caller, clock, operation)
        with pytest.raises(Unauthenticated):
            await perform(None, clock, operation)

    assert await snapshot() == before


# ── Manage mode ──────────────────────────────────────────────────────────────────────────────────


async def enter(clock: Clock, token: str, company: Company, reason: str | None = None) -> Entered:
    caller = await caller_of(token, clock())
    return (await perform(caller, clock, enter_manage_mode, company.id, reason)).result


async def test_entering_gives_a_second_token_for_an_hour_and_the_first_goes_on_working(
    scene: Scene, make: Make, clock: Clock
) -> None:
    first = await make.token(scene.pam)

    entered = await enter(clock, first, scene.customer, "  Setting up  ")

    session = await Session.get(id=entered.session_id)
    first_session = await Session.get(token_hash=digest(first))
    assert (session.user_id, session.company_id, session.entered_from_id) == (
        scene.pam.id,
        scene.customer.id,
        first_session.id,
    )
    assert (session.token_hash, session.reason) == (digest(entered.token), "Setting up")
    assert entered.expires_at == session.expires_at == clock() + timedelta(hours=1)
    clock.move(hours=1, microseconds=-1)
    assert [await is_good(token, clock) for token in (first, entered.token)] == [True, True]
    clock.move(microseconds=1)
    assert [await is_good(token, clock) for token in (first, entered.token)] == [True, False]


async def test_a_stay_is_no_longer_than_the_session_it_was_entered_from(
    scene: Scene, make: Make, clock: Clock
) -> None:
    first = await make.token(scene.pam)
    ends = clock() + timedelta(hours=12)
    clock.move(hours=11, minutes=30)

    entered = await enter(clock, first, scene.customer)

    assert entered.expires_at == ends


async def test_inside_a_customer_one_is_its_manager(scene: Scene, make: Make, clock: Clock) -> None:
    entered = await enter(clock, await make.token(scene.pam), scene.customer)

    assert await caller_of(entered.token, clock()) == Caller(
        session_id=entered.session_id,
        user_id=scene.pam.id,
        role=UserRole.MANAGER,
        company_id=scene.customer.id,
        path=scene.customer.path,
        home_id=scene.partner.id,
        managing=True,
    )


async def test_inside_a_partner_one_is_its_account_manager(
    scene: Scene, make: Make, clock: Clock
) -> None:
    entered = await enter(clock, await make.token(scene.vic), scene.partner)

    caller = await caller_of(entered.token, clock())

    assert caller is not None
    assert (caller.role, caller.company_id, caller.home_id, caller.managing) == (
        UserRole.ACCOUNT_MANAGER,
        scene.partner.id,
        scene.vendor.id,
        True,
    )


async def test_entering_and_exiting_are_written_down_in_the_managed_company(
    scene: Scene, make: Make, clock: Clock
) -> None:
    entered = await enter(clock, await make.token(scene.pam), scene.customer)
    inside = await caller_of(entered.token, clock())

    await perform(inside, clock, update_company, scene.customer.id, {"industry": "Steel"})
    await perform(inside, clock, exit_manage_mode)

    written = await AuditEvent.all().order_by("id")
    assert [(event.action, event.on_behalf_of_id, event.subject_id) for event in written] == [
        ("manage_mode.entered", None, entered.session_id),
        ("company.updated", scene.customer.id, scene.customer.id),
        ("manage_mode.exited", scene.customer.id, entered.session_id),
    ]
    assert {(event.actor_id, event.company_id, event.path) for event in written} == {
        (scene.pam.id, scene.customer.id, scene.customer.path)
    }


async def test_a_reason_is_a_note(scene: Scene, make: Make, clock: Clock) -> None:
    token = await make.token(scene.pam)

    for junk in ("a\x00b", "a" * 2_001):
        assert await refused(enter(clock, token, scene.customer, junk)) == [
            ("INVALID_INPUT", ("reason",))
        ]


async def test_who_may_not_enter_is_told_why_or_sees_nothing(
    scene: Scene, make: Make, do: Do, clock: Clock
) -> None:
    beside, archived = await make.partner(), await make.company(scene.partner)
    learner = await make.user(scene.partner)
    await do(scene.pam, archive_company, archived.id)
    unknown = [("NOT_FOUND", ("company_id",))]
    forbidden = [("FORBIDDEN", None)]

    for user, company, answer in [
        (scene.pam, scene.partner, forbidden),
        (scene.pam, scene.vendor, unknown),
        (scene.pam, beside, unknown),
        (scene.pam, archived, [("CONFLICT", None)]),
        (scene.cora, scene.customer, forbidden),
        (scene.cora, scene.partner, unknown),
        (learner, scene.customer, unknown),
        (learner, scene.partner, forbidden),
    ]:
        assert await refused(enter(clock, await make.token(user), company)) == answer


async def test_managing_from_inside_manage_mode_is_refused(
    scene: Scene, make: Make, clock: Clock
) -> None:
    inside = await enter(clock, await make.token(scene.vic), scene.partner)

    for company in (scene.customer, scene.partner):
        assert await refused(enter(clock, inside.token, company)) == [("FORBIDDEN", None)]
    assert await refused(enter(clock, inside.token, scene.vendor)) == [
        ("NOT_FOUND", ("company_id",))
    ]


async def test_several_companies_may_be_entered_one_beside_the_other(
    scene: Scene, make: Make, clock: Clock
) -> None:
    first, other = await make.token(scene.pam), await make.company(scene.partner)

    stays = [await enter(clock, first, company) for company in (scene.customer, other)]

    callers = [await caller_of(stay.token, clock()) for stay in stays]
    assert [caller and caller.company_id for caller in callers] == [scene.customer.id, other.id]


async def test_exiting_ends_the_stay_and_leaves_the_first_token_be(
    scene: Scene, make: Make, clock: Clock
) -> None:
    first = await make.token(scene.pam)
    entered = await enter(clock, first, scene.customer)
    inside = await caller_of(entered.token, clock())
    clock.move(minutes=5)

    done = await perform(inside, clock, exit_manage_mode)

    assert done.result == entered.session_id
    assert (await Session.get(id=entered.session_id)).ended_at == clock()
    assert [await is_good(token, clock) for token in (first, entered.token)] == [True, False]
    before = await snapshot()
    with pytest.raises(Unauthenticated):
        await perform(inside, clock, exit_manage_mode)
    assert await snapshot() == before


async def test_one_who_is_not_in_manage_mode_cannot_exit_it(
    scene: Scene, make: Make, clock: Clock
) -> None:
    caller = await make.caller(scene.pam)

    assert await refused(perform(caller, clock, exit_manage_mode)) == [("CONFLICT", None)]


async def test_signing_out_of_manage_mode_leaves_the_first_token_be(
    scene: Scene, make: Make, clock: Clock
) -> None:
    first = await make.token(scene.pam)
    stays = [await enter(clock, first, scene.customer) for _ in range(2)]

    await perform(await caller_of(stays[0].token, clock()), clock, sign_out)

    tokens = [first, *(stay.token for stay in stays)]
    assert [await is_good(token, clock) for token in tokens] == [True, False, True]


async def test_signing_out_ends_what_was_entered_from_there_and_nothing_else(
    scene: Scene, make: Make, clock: Clock
) -> None:
    first, second = await make.token(scene.pam), await make.token(scene.pam)
    stays = [await enter(clock, token, scene.customer) for token in (first, second)]

    await perform(await caller_of(first, clock()), clock, sign_out)

    tokens = [first, second, *(stay.token for stay in stays)]
    assert [await is_good(token, clock) for token in tokens] == [False, True, False, True]
    assert (await Session.get(id=stays[0].session_id)).ended_at == clock()


@pytest.mark.parametrize("who", ["pam", "vic"])
async def test_archiving_ends_stays_for_good(
    scene: Scene, make: Make, do: Do, clock: Clock, who: str
) -> None:
    """Pam's with her session; Vic's, who stands above what is archived, alone."""
    user: User = getattr(scene, who)
    entered = await enter(clock, await make.token(user), scene.customer)

    await do(scene.vic, archive_company, scene.partner.id)
    assert not await is_good(entered.token, clock)

    await do(scene.vic, restore_company, scene.partner.id)
    assert not await is_good(entered.token, clock)
    assert (await Session.get(id=entered.session_id)).ended_at == clock()


async def test_a_move_ends_for_good_the_stays_from_where_the_company_is_out_of_reach(
    scene: Scene, make: Make, do: Do, clock: Clock
) -> None:
    other = await make.partner()
    lost, kept = [
        await enter(clock, await make.token(user), scene.customer)
        for user in (scene.pam, scene.vic)
    ]

    await do(scene.vic, move_company, scene.customer.id, other.id)
    assert [await is_good(stay.token, clock) for stay in (lost, kept)] == [False, True]

    await do(scene.vic, move_company, scene.customer.id, scene.partner.id)
    assert [await is_good(stay.token, clock) for stay in (lost, kept)] == [False, True]


async def test_a_move_of_both_the_visitor_and_the_company_ends_no_stay(
    scene: Scene, make: Make, do: Do, clock: Clock
) -> None:
    other = await make.partner()
    entered = await enter(clock, await make.token(scene.pam), scene.customer)

    await do(scene.vic, move_company, scene.partner.id, other.id)

    caller = await caller_of(entered.token, clock())
    assert caller is not None
    assert caller.path == (await Company.get(id=scene.customer.id)).path
    assert caller.path.startswith(other.path)


async def test_the_loss_of_the_role_ends_stays_for_good_and_no_other_session(
    scene: Scene, make: Make, do: Do, clock: Clock
) -> None:
    first = await make.token(scene.pam)
    entered = await enter(clock, first, scene.customer)

    await do(scene.paul, remove_manager, scene.pam.id)
    assert [await is_good(token, clock) for token in (first, entered.token)] == [True, False]

    await do(scene.paul, add_manager, scene.partner.id, scene.pam.id, None)
    assert [await is_good(token, clock) for token in (first, entered.token)] == [True, False]


async def test_removal_ends_stays(scene: Scene, make: Make, do: Do, clock: Clock) -> None:
    entered = await enter(clock, await make.token(scene.pam), scene.customer)

    await do(scene.paul, remove_users, [scene.pam.id])

    assert not await is_good(entered.token, clock)
    assert (await Session.get(id=entered.session_id)).ended_at == clock()
