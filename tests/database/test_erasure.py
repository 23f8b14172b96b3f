"""Erasure: whatever somebody did here, nothing that identifies them is left in any table."""

from typing import Final
from uuid import UUID

import pytest

from models.audit import AuditEvent, IdempotencyKey
from models.database import is_sqlite, rows
from models.errors import InvalidCredentials, TokenInvalid, Unauthenticated
from models.outbox import Notification, NotificationStatus, NotificationTemplate
from models.sessions import PasswordLink, Session, Tally, TallyKind, digest
from models.users import User
from resolvers.companies import archive_company
from resolvers.licenses import Learners, Wanted, allocate_licenses
from resolvers.orders import decline_order, request_licenses
from resolvers.passwords import hash_password
from resolvers.people import Person
from resolvers.performing import perform
from resolvers.sessions import (
    check_password,
    enter_manage_mode,
    request_password_reset,
    set_password,
    sign_in,
)
from resolvers.users import (
    add_manager,
    add_users,
    remove_users,
    update_notification_preferences,
    update_user,
)
from tests.conftest import Clock
from tests.factories import PASSWORD, Make
from tests.scene import Do, Scene
from tests.snapshots import snapshot

EVE: Final = Person("Eve.Roe@Mail.example", "Evelyn", "Roebuck-Ño", "Skunkworks", "DIR-4711")
BEFORE: Final = "e.maiden@old.example"
TRACES: Final = (
    "eve.roe@mail.example",
    digest("eve.roe@mail.example"),
    "e.maiden@old.example",
    "evelyn",
    "roebuck",
    "skunkworks",
    "dir-4711",
)
NOTHING: Final[dict[str, set[str]]] = {}


async def columns() -> list[tuple[str, str]]:
    """Every column of every table, from the catalog: a new table is in it the day it is made."""
    if is_sqlite():
        found = await rows(
            """
            SELECT m.name AS "table", c.name AS "column"
            FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'
            """
        )
    else:
        found = await rows(
            """
            SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
            WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
            """
        )
    return [(row["table"], row["column"]) for row in found]


async def traces(*wanted: str) -> dict[str, set[str]]:
    """Which of the texts wanted stand in which table, in any case, in columns of any type."""
    tables: dict[str, list[str]] = {}
    for table, column in await columns():
        tables.setdefault(table, []).append(f'CAST("{column}" AS TEXT) AS "{column}"')
    assert {"users", "notifications", "audit_events", "idempotency_keys", "tallies"} < set(tables)
    found: dict[str, set[str]] = {}
    for table, texts in tables.items():
        everything = str(await rows(f'SELECT {", ".join(texts)} FROM "{table}"')).lower()
        for trace in wanted:
            if trace in everything:
                found.setdefault(table, set()).add(trace)
    return found


async def live(scene: Scene, do: Do, make: Make, clock: Clock) -> tuple[UUID, str]:
    """A manager's life with all that may write them down; their id, and the secret of a link."""
    await make.licenses(scene.partner, 3)
    person = Person(BEFORE, EVE.first_name, EVE.last_name, EVE.department, EVE.external_id)
    [id] = (await do(scene.pam, add_users, None, [person], Wanted(), key="add")).users
    await do(scene.paul, allocate_licenses, scene.customer.id, Learners(emails=[BEFORE]), Wanted())
    await do(scene.pam, update_user, id, {"email": EVE.email})
    await do(scene.pam, add_manager, None, id, None, key="manager")
    user = await User.get(id=id)
    user.password_hash = await hash_password(PASSWORD)
    await user.save()
    whose, password_hash = await check_password(EVE.email.upper(), PASSWORD, clock)
    await perform(None, clock, sign_in, whose.id, password_hash, None)
    await do(user, update_notification_preferences, id, [NotificationTemplate.ORDER_WAITING])
    await do(user, enter_manage_mode, scene.customer.id, "The yearly look")
    requested = await do(user, request_licenses, scene.customer.id, "PREMIUM", 5, "PO-1", "Soon")
    await do(scene.pam, decline_order, requested.order_id, "No budget")
    with pytest.raises(InvalidCredentials):
        await check_password(EVE.email, "a wrong password", clock)
    for key, who in (("theirs", scene.cora), ("ours", scene.pam)):
        emails = Learners(emails=["x@example.com", EVE.email.upper(), BEFORE])
        await do(who, allocate_licenses, scene.customer.id, emails, Wanted(), key=key)
    await perform(None, clock, request_password_reset, EVE.email)
    reset = await Notification.get(template=NotificationTemplate.PASSWORD_RESET)
    assert reset.token is not None
    failed = Notification.filter(user_id=id, template=NotificationTemplate.ORDER_DECLINED)
    assert await failed.update(
        status=NotificationStatus.FAILED, last_error=f"550 <{EVE.email}> is unknown"
    )
    return id, reset.token


async def test_nothing_that_identifies_the_erased_stands_in_any_table(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    id, _ = await live(scene, do, make, clock)
    everywhere = await traces(*TRACES)
    assert {trace for found in everywhere.values() for trace in found} >= set(TRACES) - {BEFORE}
    assert set(everywhere) == {"users", "notifications", "tallies"}

    await do(scene.pam, remove_users, [id], True)

    assert await traces(*TRACES) == NOTHING
    assert await AuditEvent.filter(actor_id=id).exists()


async def test_nor_of_one_who_was_removed_long_before(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    id, _ = await live(scene, do, make, clock)
    await do(scene.pam, remove_users, [id])
    for key, who in (("gone", scene.cora), ("left", scene.pam)):
        emails = Learners(emails=[EVE.email])
        await do(who, allocate_licenses, scene.customer.id, emails, Wanted(), key=key)
    clock.move(days=400)

    await do(scene.pam, remove_users, [id], True)

    assert await traces(*TRACES) == NOTHING


async def test_nor_in_a_company_that_was_archived(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    id, _ = await live(scene, do, make, clock)
    await do(scene.vic, archive_company, scene.partner.id)

    await do(scene.vic, remove_users, [id], True)

    assert await traces(*TRACES) == NOTHING


async def test_the_erased_can_do_nothing_more(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    id, secret = await live(scene, do, make, clock)
    caller = await do.sign_in(await User.get(id=id))
    await do(scene.pam, remove_users, [id], True)
    before = await snapshot(but=Tally)

    with pytest.raises(Unauthenticated):
        await do(caller, request_licenses, None, "PREMIUM", 5)
    with pytest.raises(TokenInvalid):
        await perform(None, clock, set_password, secret, "a hash")
    with pytest.raises(InvalidCredentials):
        await check_password(EVE.email, PASSWORD, clock)
    await perform(None, clock, request_password_reset, EVE.email)
    await perform(None, clock, request_password_reset, (await User.get(id=id)).email)

    assert await snapshot(but=Tally) == before
    assert not await Session.filter(user_id=id, ended_at__isnull=True).exists()
    assert not await PasswordLink.filter(user_id=id, ended_at__isnull=True).exists()


async def test_what_is_counted_of_an_address_stays_with_whoever_has_it_now(
    scene: Scene, do: Do, make: Make, clock: Clock
) -> None:
    ann = await make.user(scene.customer, email="ann@example.com")
    await do(scene.cora, remove_users, [ann.id])
    await make.user(scene.customer, email="Ann@example.com")
    with pytest.raises(InvalidCredentials):
        await check_password("ann@example.com", "a wrong password", clock)

    await do(scene.cora, remove_users, [ann.id], True)

    [tally] = await Tally.all()
    assert (tally.kind, tally.subject) == (TallyKind.WRONG_PASSWORDS, digest("ann@example.com"))


async def test_a_kept_result_tells_unknown_emails_again(scene: Scene, do: Do, make: Make) -> None:
    asked = (scene.cora, allocate_licenses, None, Learners(emails=["x@example.com"]), Wanted())

    first = await do(*asked, key="once")

    assert await do(*asked, key="once") == first
    assert await IdempotencyKey.all().count() == 1
    assert await traces("x@example.com") == NOTHING
