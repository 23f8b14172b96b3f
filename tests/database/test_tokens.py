"""API tokens: who makes them, in whose name they act, and when they end."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from models.access import Caller, caller_of
from models.audit import AuditEvent
from models.base import new_id
from models.companies import Company, CompanyPlan
from models.database import rows
from models.errors import Forbidden, IdempotencyKeyReused, Unauthenticated
from models.licenses import LicenseType
from models.orders import Order, OrderOrigin
from models.tokens import MARK, ApiScope, ApiToken, is_secret
from models.users import User, UserRole
from resolvers.companies import archive_company, create_company, move_company, restore_company
from resolvers.orders import assign_order, request_licenses
from resolvers.people import Person
from resolvers.performing import perform
from resolvers.sessions import enter_manage_mode, set_password
from resolvers.tokens import (
    _NOTED,
    create_api_token,
    create_first_api_token,
    note_use,
    revoke_api_token,
)
from resolvers.users import (
    add_manager,
    add_users,
    remove_manager,
    remove_users,
    update_user,
)
from tests.conftest import Clock
from tests.factories import Make
from tests.scene import Do, Scene
from tests.snapshots import events, refused, snapshot
from tests.statements import statements

ALL = tuple(ApiScope)
READ = (ApiScope.READ,)


async def asking(secret: str, clock: Clock) -> Caller:
    caller = await caller_of(secret, clock())
    assert caller is not None
    return caller


async def test_a_manager_makes_a_token_of_their_company_and_its_secret_is_kept_nowhere(
    scene: Scene, do: Do, clock: Clock
) -> None:
    made = await do(
        scene.cora, create_api_token, "Directory", [ApiScope.USERS_WRITE, ApiScope.READ]
    )

    token = await ApiToken.get(id=made.token_id)
    assert (token.name, token.prefix) == ("Directory", made.secret[:12])
    assert token.scopes == ["READ", "USERS_WRITE"]
    assert (token.company_id, token.created_by_id) == (scene.customer.id, scene.cora.id)
    assert (token.created_at, token.expires_at) == (clock(), None)
    assert (token.last_used_at, token.revoked_at) == (None, None)
    assert made.secret.startswith(MARK)
    assert made.secret not in str(await snapshot())
    event = await AuditEvent.get(action="api_token.created")
    assert (event.actor_id, event.company_id, event.api_token_id) == (
        scene.cora.id,
        scene.customer.id,
        None,
    )
    assert (event.subject_type, event.subject_id) == ("ApiToken", token.id)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("", READ), ("name",)),
        (("Line\nbreak", READ), ("name",)),
        (("Directory", ()), ("scopes",)),
    ],
)
async def test_a_token_has_a_name_and_a_scope(
    scene: Scene, do: Do, arguments: tuple[str, tuple[ApiScope, ...]], path: tuple[str, ...]
) -> None:
    assert await refused(do(scene.cora, create_api_token, *arguments)) == [("INVALID_INPUT", path)]


async def test_a_token_ends_in_time_to_come(scene: Scene, do: Do, clock: Clock) -> None:
    assert await refused(do(scene.cora, create_api_token, "Late", READ, clock())) == [
        ("INVALID_INPUT", ("expires_at",))
    ]


async def test_learners_managers_of_a_managed_company_and_tokens_make_and_revoke_none(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    learner = await make.user(scene.customer)
    await do.sign_in(learner)
    of_pam = await asking(await make.api_token(scene.pam), clock)
    await make.api_token(scene.cora)
    of_cora = await ApiToken.get(company_id=scene.customer.id)
    await Company.filter(id=scene.customer.id).update(plan=CompanyPlan.MANAGED)

    for who in (learner, scene.cora, of_pam):
        assert await refused(do(who, create_api_token, "Mine", READ)) == [("FORBIDDEN", None)]
    for who in (learner, scene.cora, scene.pam):
        assert await refused(do(who, revoke_api_token, of_cora.id)) == [
            ("NOT_FOUND", ("api_token_id",))
        ]
    own = await ApiToken.get(company_id=scene.partner.id)
    assert await refused(do(of_pam, revoke_api_token, own.id)) == [("FORBIDDEN", None)]


async def test_in_manage_mode_a_token_is_the_managed_company_s(
    scene: Scene, do: Do, clock: Clock
) -> None:
    await Company.filter(id=scene.customer.id).update(plan=CompanyPlan.MANAGED)

    made = await do(
        await do.managing(scene.pam, scene.customer), create_api_token, "Directory", ALL
    )

    caller = await asking(made.secret, clock)
    assert (caller.user_id, caller.home_id) == (scene.pam.id, scene.partner.id)
    assert (caller.company_id, caller.path) == (scene.customer.id, scene.customer.path)
    assert (caller.role, caller.managing) == (UserRole.MANAGER, False)
    assert caller.scopes == frozenset(ApiScope)
    event = await AuditEvent.get(action="api_token.created")
    assert (event.company_id, event.on_behalf_of_id) == (scene.customer.id, scene.customer.id)


async def test_a_token_acts_as_its_creator_may_now(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    of_cora = await asking(await make.api_token(scene.cora), clock)
    made_above = await asking(await make.api_token(scene.pam, company=scene.customer), clock)
    await do(of_cora, add_users, None, [Person("ann@example.com")], None)

    await Company.filter(id=scene.customer.id).update(plan=CompanyPlan.MANAGED)

    assert await refused(do(of_cora, add_users, None, [Person("bob@example.com")], None)) == [
        ("FORBIDDEN", None)
    ]
    await do(made_above, add_users, None, [Person("bob@example.com")], None)
    await do(of_cora, request_licenses, None, LicenseType.MANAGED, 3)


async def test_orders_are_not_assigned_by_a_token_of_the_company_that_ordered(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer)
    from_inside = await asking(await make.api_token(scene.pam, company=scene.customer), clock)
    from_above = await asking(await make.api_token(scene.pam), clock)

    assert await refused(do(from_inside, assign_order, order.id)) == [("FORBIDDEN", None)]
    await do(from_above, assign_order, order.id)

    event = await AuditEvent.get(action="order.assigned")
    assert (event.actor_id, event.api_token_id) == (scene.pam.id, from_above.token_id)
    assert event.on_behalf_of_id is None


async def test_what_a_token_made_above_requests_is_requested_on_behalf_of_its_company(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    made_above = await asking(await make.api_token(scene.pam, company=scene.customer), clock)
    of_cora = await asking(await make.api_token(scene.cora), clock)

    theirs = (await do(made_above, request_licenses, None, LicenseType.PREMIUM, 3)).order_id
    own = (await do(of_cora, request_licenses, None, LicenseType.PREMIUM, 4)).order_id

    found = {order.id: order for order in await Order.all()}
    assert (found[theirs].origin, found[theirs].on_behalf_of_id, found[theirs].requested_by_id) == (
        OrderOrigin.PARTNER_ON_BEHALF,
        scene.customer.id,
        scene.pam.id,
    )
    assert (found[own].origin, found[own].on_behalf_of_id, found[own].requested_by_id) == (
        OrderOrigin.CUSTOMER_REQUEST,
        None,
        scene.cora.id,
    )


async def test_a_token_touches_no_managers(scene: Scene, do: Do, make: Make, clock: Clock) -> None:
    token = await asking(await make.api_token(scene.pam), clock)
    learner = await make.user(scene.customer)
    person = Person("new@example.com")

    assert await refused(do(token, add_manager, scene.customer.id, learner.id, None)) == [
        ("FORBIDDEN", None)
    ]
    assert await refused(do(token, remove_manager, scene.carl.id)) == [("FORBIDDEN", None)]
    assert await refused(do(token, update_user, scene.carl.id, {"email": "me@example.com"})) == [
        ("FORBIDDEN", ("user_id",))
    ]
    assert await refused(do(token, remove_users, [learner.id, scene.carl.id])) == [
        ("FORBIDDEN", ("user_ids", 1))
    ]
    new: tuple[Any, ...] = (None, "CUSTOMER", "New", {}, None)
    assert await refused(do(token, create_company, *new, person)) == [("FORBIDDEN", ("manager",))]
    assert await refused(do(token, enter_manage_mode, scene.customer.id)) == [("FORBIDDEN", None)]

    await do(token, update_user, learner.id, {"department": "Sales"})
    await do(token, remove_users, [learner.id])
    await do(token, create_company, *new)
    assert (await User.get(id=learner.id)).removed_at == clock()


async def test_a_token_is_good_until_it_expires(scene: Scene, make: Make, clock: Clock) -> None:
    expires_at = clock().replace(hour=10)
    secret = await make.api_token(scene.cora, expires_at=expires_at)

    assert await caller_of(secret, expires_at.replace(hour=9, minute=59)) is not None
    assert await caller_of(secret, expires_at) is None


async def test_a_token_is_revoked_at_once_and_once(scene: Scene, do: Do, clock: Clock) -> None:
    made = await do(scene.cora, create_api_token, "Directory", ALL)
    caller = await asking(made.secret, clock)

    clock.move(minutes=5)
    await do(scene.carl, revoke_api_token, made.token_id)
    revoked_at = clock()
    clock.move(minutes=5)
    await do(scene.carl, revoke_api_token, made.token_id)

    assert await caller_of(made.secret, clock()) is None
    with pytest.raises(Unauthenticated):
        await do(caller, add_users, None, [Person("ann@example.com")], None)
    assert (await ApiToken.get(id=made.token_id)).revoked_at == revoked_at
    assert await events() == ["api_token.created", "api_token.revoked"]


async def test_a_new_password_leaves_tokens_be(scene: Scene, make: Make, clock: Clock) -> None:
    secret = await make.api_token(scene.cora)
    link = "a link that was mailed"
    await make.link(scene.cora, link)

    await perform(None, clock, set_password, link, "$argon2id$")

    assert await caller_of(secret, clock()) is not None


Ending = Callable[[Scene, Do], Awaitable[object]]
ENDINGS: dict[str, Ending] = {
    "the creator is removed": lambda s, do: do(s.vic, remove_users, [s.pam.id]),
    "the creator manages nothing any more": lambda s, do: do(s.vic, remove_manager, s.pam.id),
    "the company is archived": lambda s, do: do(s.pam, archive_company, s.customer.id),
    "a company above is archived": lambda s, do: do(s.vic, archive_company, s.partner.id),
    "the company is moved away": lambda s, do: do(s.vic, move_company, s.customer.id, s.vendor.id),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_token_ends_for_good_with_its_creator_s_rights(
    scene: Scene, do: Do, make: Make, clock: Clock, ending: str
) -> None:
    secret = await make.api_token(scene.pam, company=scene.customer)

    await ENDINGS[ending](scene, do)

    assert await caller_of(secret, clock()) is None
    assert (await ApiToken.get()).revoked_at == clock()


@pytest.mark.parametrize(
    "lost",
    [
        "UPDATE users SET removed_at = created_at, password_hash = NULL",
        "UPDATE users SET role = 'LEARNER'",
        "UPDATE users SET role = 'MANAGER'",
        "UPDATE companies SET is_archived = TRUE WHERE kind = 'CUSTOMER'",
        "UPDATE companies SET is_archived = TRUE WHERE kind = 'PARTNER'",
        "UPDATE companies SET path = 'elsewhere/' WHERE kind = 'PARTNER'",
    ],
)
async def test_a_token_whose_creator_s_rights_are_gone_is_nobody_s_even_if_it_was_not_ended(
    scene: Scene, make: Make, clock: Clock, lost: str
) -> None:
    secret = await make.api_token(scene.pam, company=scene.customer)
    assert await caller_of(secret, clock()) is not None

    await rows(lost)

    assert await caller_of(secret, clock()) is None


async def test_a_token_of_an_archived_company_does_not_come_back_with_it(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    secret = await make.api_token(scene.cora)

    await do(scene.pam, archive_company, scene.customer.id)
    await do(scene.pam, restore_company, scene.customer.id)

    assert await caller_of(secret, clock()) is None


async def test_a_move_leaves_tokens_whose_creator_still_reaches_the_company(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    own = await make.api_token(scene.cora)
    of_vendor = await make.api_token(scene.vic, company=scene.customer)
    from_old_place = await make.api_token(scene.pam, company=scene.customer)
    beside = await make.api_token(scene.pam)
    elsewhere = await make.partner(scene.vendor)

    await do(scene.vic, move_company, scene.customer.id, elsewhere.id)

    good = [await caller_of(each, clock()) for each in (own, of_vendor, from_old_place, beside)]
    assert [caller is not None for caller in good] == [True, True, False, True]


async def test_rights_lost_since_the_request_came_in_are_lost_to_it(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    caller = await asking(await make.api_token(scene.cora), clock)
    await User.filter(id=scene.cora.id).update(role=UserRole.LEARNER)

    with pytest.raises(Unauthenticated):
        await do(caller, add_users, None, [Person("ann@example.com")], None)


async def test_scopes_taken_away_since_are_lost_too(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    caller = await asking(await make.api_token(scene.cora), clock)
    await ApiToken.filter(id=caller.session_id).update(scopes=["READ"])

    with pytest.raises(Forbidden, match="lacks the scope USERS_WRITE"):
        await do(caller, add_users, None, [Person("ann@example.com")], None)


async def test_idempotency_keys_are_the_person_s_by_token_or_signed_in(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    token = await asking(await make.api_token(scene.cora), clock)
    asked = (None, LicenseType.PREMIUM, 3)

    first = await do(scene.cora, request_licenses, *asked, key="7")
    again = await do(token, request_licenses, *asked, key="7")

    assert again == first
    assert await Order.all().count() == 1
    with pytest.raises(IdempotencyKeyReused):
        await do(token, request_licenses, None, LicenseType.PREMIUM, 4, key="7")


async def test_its_use_is_noted_once_a_minute(scene: Scene, make: Make, clock: Clock) -> None:
    secret = await make.api_token(scene.cora)
    noted = []

    for seconds in (0, 59, 1, 30):
        clock.move(seconds=seconds)
        caller = await asking(secret, clock)
        with statements() as sent:
            await note_use(caller, clock())
        noted.append((len(sent), (await ApiToken.get()).last_used_at == clock()))

    assert noted == [(1, True), (0, False), (1, True), (0, False)]


async def test_of_two_processes_the_second_goes_by_what_the_first_has_noted(
    scene: Scene, make: Make, clock: Clock
) -> None:
    caller = await asking(await make.api_token(scene.cora), clock)
    await note_use(caller, clock())
    _NOTED.clear()  # as in another process
    clock.move(seconds=59)
    await note_use(caller, clock())
    clock.move(seconds=1)

    await note_use(caller, clock())

    assert (await ApiToken.get()).last_used_at == clock()


async def test_of_two_requests_at_once_one_notes_the_use(
    scene: Scene, make: Make, clock: Clock
) -> None:
    first = await asking(await make.api_token(scene.cora), clock)
    noted_at = clock()
    await note_use(first, clock())
    clock.move(seconds=30)
    _NOTED.clear()  # as in another process

    await note_use(first, clock())
    await note_use(await make.caller(scene.cora), clock())
    await note_use(None, clock())

    assert (await ApiToken.get()).last_used_at == noted_at


async def test_one_statement_tells_whose_token_it_is(
    scene: Scene, make: Make, clock: Clock
) -> None:
    secrets = [await make.api_token(scene.cora), await make.token(scene.cora), "cnp_nobody's"]

    for secret in secrets:
        with statements() as sent:
            await caller_of(secret, clock())
        assert len(sent) == 1


def test_an_access_token_that_begins_like_an_api_token_is_none() -> None:
    assert not is_secret("cnp_" + "x" * 39)
    assert is_secret("cnp_" + "x" * 43)


async def test_the_first_token_is_made_for_whoever_has_the_address(
    scene: Scene, do: Do, clock: Clock
) -> None:
    done = await perform(
        None, clock, create_first_api_token, "CORA@example.com", "Directory", READ, None
    )

    caller = await asking(done.result.secret, clock)
    assert (caller.user_id, caller.company_id) == (scene.cora.id, scene.customer.id)
    event = await AuditEvent.get()
    assert (event.action, event.actor_id) == ("api_token.created", scene.cora.id)


@pytest.mark.parametrize(
    ("email", "code"), [("nobody@example.com", "NOT_FOUND"), ("learner@example.com", "FORBIDDEN")]
)
async def test_the_first_token_is_not_made_for_nobody_nor_for_a_learner(
    scene: Scene, make: Make, clock: Clock, email: str, code: str
) -> None:
    await make.user(scene.customer, email="learner@example.com")

    faults = await refused(perform(None, clock, create_first_api_token, email, "Mine", READ, None))

    assert [fault for fault, _ in faults] == [code]


async def test_an_unknown_token_is_not_revoked(scene: Scene, do: Do) -> None:
    assert await refused(do(scene.cora, revoke_api_token, new_id())) == [
        ("NOT_FOUND", ("api_token_id",))
    ]
