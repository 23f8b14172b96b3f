"""The checker of what must always hold: it finds each thing that does not, and says which."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
import pytest_asyncio
from tortoise.transactions import in_transaction

from app.sample import GWEN, Past, fill
from models.audit import IdempotencyKey
from models.companies import CompanyKind
from models.database import is_sqlite, rows
from models.invariants import FILED, ORPHANS, OTHERS, breaches
from models.licenses import Allocation, License, LicenseType
from models.outbox import UNMUTABLE, Notification, NotificationTemplate
from models.users import User
from resolvers.companies import (
    FirstOrder,
    archive_company,
    create_company,
    move_company,
    restore_company,
    update_company,
)
from resolvers.daily import round_if_due
from resolvers.licenses import Learners, ShortagePolicy, Wanted, allocate_licenses
from resolvers.orders import assign_order, request_licenses, upgrade_trial
from resolvers.people import Person
from resolvers.performing import perform
from resolvers.sessions import request_password_reset
from resolvers.users import (
    add_manager,
    remove_manager,
    remove_users,
    update_notification_preferences,
)
from tests.conftest import Clock
from tests.factories import Make
from tests.scene import Do, Scene

Named = Mapping[str, str]
STRANGER: Final = "01890000-0000-7000-8000-000000000000"
SECOND: Final = """
    INSERT INTO allocations (id, license_id, user_id, allocated_at)
    SELECT '{stranger}', '{license}', '{user}', allocated_at FROM allocations WHERE id = '{stay}'"""
FREE_OF_BOB: Final = SECOND.replace("{license}", "{free}").replace("{user}", "{bob}")
HELD_BY_ANN: Final = SECOND.replace("{license}", "{held}").replace("{user}", "{ann}")
ENDED_LATER: Final = """
    UPDATE allocations SET released_at = '{later}', release_reason = 'RELEASED'
    WHERE id = '{stay}'"""

NEW: Final[tuple[Any, ...]] = (
    None,
    CompanyKind.CUSTOMER,
    "Trying",
    {},
    None,
    Person("tina@example.com"),
)

BROKEN: Final[Mapping[str, tuple[str, list[str]]]] = {
    "there is one root": (
        "vendor partner",
        [
            "DROP INDEX companies_one_root",
            "UPDATE companies SET parent_id = NULL, kind = 'VENDOR' WHERE id = '{partner}'",
        ],
    ),
    "a company's path leads through its parent's": (
        "customer",
        ["UPDATE companies SET path = 'elsewhere/' WHERE id = '{customer}'"],
    ),
    "a path is of one company": (
        "customer trial",
        [
            "DROP INDEX companies_path",
            "UPDATE companies SET path = (SELECT path FROM companies WHERE id = '{trial}')"
            " WHERE id = '{customer}'",
        ],
    ),
    "a company's kind fits its parent's": (
        "trial",
        ["UPDATE companies SET parent_id = '{customer}' WHERE id = '{trial}'"],
    ),
    "a company is archived when it is so itself, or the one above": (
        "customer",
        ["UPDATE companies SET is_archived = TRUE WHERE id = '{customer}'"],
    ),
    "a company's account manager is one of a company above": (
        "customer",
        ["UPDATE companies SET account_manager_id = '{cora}' WHERE id = '{customer}'"],
    ),
    "a role fits the kind of company": (
        "cora",
        ["UPDATE users SET role = 'ACCOUNT_MANAGER' WHERE id = '{cora}'"],
    ),
    "an address is of one person": (
        "cora carl",
        [
            "DROP INDEX users_email",
            "UPDATE users SET email_key = 'cora@example.com' WHERE id = '{carl}'",
        ],
    ),
    "an order has as many licenses as were assigned": (
        "order",
        ["DELETE FROM licenses WHERE id = '{free}'"],
    ),
    "an order's type fits its company's kind": (
        "waiting",
        ["UPDATE orders SET license_type = 'NFR' WHERE id = '{waiting}'"],
    ),
    "a number is of one order": (
        "order waiting",
        [
            "DROP INDEX orders_number",
            "UPDATE orders SET number = 'ORD-SAME' WHERE id IN ('{order}', '{waiting}')",
        ],
    ),
    "a license is of its order's company and type": (
        "free",
        ["UPDATE licenses SET type = 'MANAGED' WHERE id = '{free}'"],
    ),
    "the licenses of a returned order, and no others, are void": (
        "free",
        ["UPDATE licenses SET voided_at = assigned_at WHERE id = '{free}'"],
    ),
    "an order expires with the last of its licenses": (
        "order",
        ["UPDATE orders SET expires_at = '{later}' WHERE id = '{order}'"],
    ),
    "licenses that an order was assigned at once expire at once": (
        "order",
        [
            "UPDATE licenses SET expires_at = '{later}' WHERE id = '{free}'",
            "UPDATE orders SET expires_at = '{later}' WHERE id = '{order}'",
        ],
    ),
    "a learner holds at most one live license": (
        "bob",
        ["UPDATE licenses SET holder_id = '{bob}', allocated_at = assigned_at WHERE id = '{free}'"],
    ),
    "a license has at most one open stay": (
        "held",
        ["DROP INDEX allocations_one_holder", HELD_BY_ANN],
    ),
    "a learner has at most one open stay": (
        "bob",
        ["DROP INDEX allocations_one_license", FREE_OF_BOB],
    ),
    "a live license is with whoever has its open stay": (
        "held",
        ["UPDATE licenses SET holder_id = '{ann}' WHERE id = '{held}'"],
    ),
    "a void license has never been with anybody": (
        "held",
        [
            "UPDATE licenses SET holder_id = NULL, allocated_at = NULL, voided_at = assigned_at"
            " WHERE id = '{held}'"
        ],
    ),
    "a stay that the clock ended, ended with its license": (
        "ended",
        ["UPDATE allocations SET released_at = allocated_at WHERE id = '{ended}'"],
    ),
    "no stay outlasts its license": ("stay", [ENDED_LATER]),
    "stays of a license do not overlap": ("stay", [ENDED_LATER, HELD_BY_ANN]),
    "stays of a learner do not overlap": ("stay", [ENDED_LATER, FREE_OF_BOB]),
    "a stay is in its learner's company": (
        "ended",
        ["UPDATE allocations SET user_id = '{pam}' WHERE id = '{ended}'"],
    ),
    "a holder is of the license's company": (
        "held",
        ["UPDATE licenses SET company_id = '{trial}' WHERE id = '{held}'"],
    ),
    "the holder of a live license is still there": (
        "held",
        ["UPDATE users SET removed_at = created_at WHERE id = '{bob}'"],
    ),
    "the end of a stay that ran out before the last daily jobs is written down": (
        "ended",
        ["UPDATE allocations SET released_at = NULL, release_reason = NULL WHERE id = '{ended}'"],
    ),
    "whoever was made a manager was promised a welcome": (
        "newcomer",
        ["DELETE FROM notifications WHERE user_id = '{newcomer}'"],
    ),
    "whoever was made a link to reset a password was promised it": (
        "carl",
        ["DELETE FROM notifications WHERE template = 'PASSWORD_RESET'"],
    ),
    "of an order's fate its company's managers were promised mail": (
        "order",
        ["DELETE FROM notifications WHERE order_id = '{order}' AND user_id = '{carl}'"],
    ),
    "of an order its company's account manager was promised mail": (
        "waiting",
        ["DELETE FROM notifications WHERE order_id = '{waiting}' AND template = 'ORDER_REQUESTED'"],
    ),
    "of an order that somebody was reminded of there is the mail": (
        "waiting",
        ["DELETE FROM notifications WHERE order_id = '{waiting}' AND template = 'ORDER_WAITING'"],
    ),
    "of an order that somebody was reminded of its account manager was promised mail": (
        "waiting",
        [
            "UPDATE notifications SET user_id = '{paul}'"
            " WHERE order_id = '{waiting}' AND template = 'ORDER_WAITING'"
        ],
    ),
    "the daily jobs took up every expiry that they went past": (
        "customer",
        ["DELETE FROM chores WHERE key LIKE 'LICENSES_EXPIRED:%'"],
    ),
    **{
        f"of an expiry that was taken up managers were promised {template}": (
            manager,
            [
                f"DELETE FROM notifications WHERE template = '{template}'"
                " AND user_id IN ('{carl}', '{tess}')"
            ],
        )
        for template, manager in (
            ("LICENSES_EXPIRING", "carl"),
            ("LICENSES_EXPIRED", "carl"),
            ("TRIAL_EXPIRING", "tess"),
            ("TRIAL_EXPIRED", "tess"),
        )
    },
    "a mail about an order is filed under its company": (
        "requested",
        ["UPDATE notifications SET company_id = '{trial}' WHERE id = '{requested}'"],
    ),
    "no secret is kept of a mail that has left": (
        "reset",
        ["UPDATE notifications SET status = 'FAILED' WHERE id = '{reset}'"],
    ),
    "as many licenses were written down as assigned as there are": (
        "order",
        ["DELETE FROM audit_events WHERE subject_id = '{order}' AND action = 'order.assigned'"],
    ),
    "with a key its first result is kept": (
        "key",
        ["UPDATE idempotency_keys SET result = '{{}}' WHERE id = '{key}'"],
    ),
}


@pytest_asyncio.fixture
async def named(scene: Scene, do: Do, make: Make, clock: Clock) -> Named:
    """A year in which everything happens that rules are about; ids by name, and a time to come."""
    clock.move(minutes=1)
    ann, bob = await make.learners(scene.customer, 2)
    await _assigned(do, scene, clock, 1)
    await _allocated(do, scene, ann)
    await _days_later(clock, 335)  # a notice of 30 days
    created = await do(
        scene.pam,
        create_company,
        scene.partner.id,
        CompanyKind.CUSTOMER,
        "Trial",
        {},
        None,
        Person("tess@example.com"),
        FirstOrder(LicenseType.TRIAL, 1),
    )
    await _days_later(clock, 28)  # the trial is about to end
    await _days_later(clock, 4)  # all have ended
    order = await _assigned(do, scene, clock, 2)
    await _allocated(do, scene, bob)
    waiting = await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 5)
    await _days_later(clock, 4)  # the order still waits
    newcomer = await do(
        scene.pam, add_manager, scene.customer.id, None, Person("nora@example.com"), key="nora"
    )
    await perform(None, clock, request_password_reset, scene.carl.email)
    await do.managing(scene.pam, scene.customer)
    await make.api_token(scene.pam)
    [held] = await License.filter(holder_id=bob.id)
    [free] = await License.filter(order_id=order, holder_id=None)
    found = {
        **{name: getattr(scene, name).id for name in Scene.__dataclass_fields__},
        "trial": created.company_id,
        "order": order,
        "waiting": waiting.order_id,
        "ann": ann.id,
        "bob": bob.id,
        "held": held.id,
        "free": free.id,
        "newcomer": newcomer,
        "tess": (await User.get(email="tess@example.com")).id,
        "stay": (await Allocation.get(user_id=bob.id)).id,
        "ended": (await Allocation.get(user_id=ann.id)).id,
        "requested": (
            await Notification.get(
                order_id=waiting.order_id,
                user_id=scene.pam.id,
                template=NotificationTemplate.ORDER_REQUESTED,
            )
        ).id,
        "reset": (await Notification.get(template=NotificationTemplate.PASSWORD_RESET)).id,
        "key": (await IdempotencyKey.get()).id,
        "stranger": STRANGER,
        "later": clock.now.replace(year=2040).isoformat(" "),
    }
    return {name: str(value) for name, value in found.items()}


async def test_what_does_not_hold_is_found(named: Named, clock: Clock) -> None:
    assert await breaches(clock.now) == {}

    for rule in OTHERS:
        culprits, statements = BROKEN[rule]
        found = await _broken([each.format(**named) for each in statements], clock)
        assert found.get(rule) == sorted(named[name] for name in culprits.split()), rule

    assert await breaches(clock.now) == {}


async def test_what_is_filed_elsewhere_is_found(named: Named, clock: Clock) -> None:
    assert set(FILED.values()) >= {"users", "orders", "licenses", "notifications", "audit_events"}

    for rule, table in FILED.items():
        for id in await _some(table, "id"):
            wrong = f"UPDATE {table} SET path = 'elsewhere/' WHERE id = '{id}'"
            assert (await _broken([wrong], clock)).get(rule) == [id]


async def test_whatever_refers_to_what_is_not_there_is_found(named: Named, clock: Clock) -> None:
    assert len(ORPHANS) >= 20

    for rule, (table, column, _) in ORPHANS.items():
        for id in await _some(table, column):
            wrong = f"UPDATE {table} SET {column} = '{STRANGER}' WHERE id = '{id}'"
            assert (await _broken([wrong], clock)).get(rule) == [id]


async def test_each_mail_of_a_year_that_is_missing_is_found(named: Named, clock: Clock) -> None:
    assert await _unnoticed(clock) == set()


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)  # as the demo is
async def test_each_mail_of_the_demo_that_is_missing_is_found(database: str, clock: Clock) -> None:
    past = Past(clock.now)
    await fill(past, _nothing)
    assert await round_if_due(past)

    assert await breaches(clock.now) == {}
    followed = {f"PASSWORD_RESET to {GWEN}"}  # and swept away since
    assert await _unnoticed(clock) == followed


async def _nothing() -> None:
    """Mail stays in the outbox."""


async def _unnoticed(clock: Clock) -> set[str]:
    """The mails of which each could be missing, and nothing be found."""
    mails = await rows("SELECT id, template, recipient FROM notifications")
    assert len(mails) > 20
    return {
        f"{mail['template']} to {mail['recipient']}"
        for mail in mails
        if not await _broken([f"DELETE FROM notifications WHERE id = '{mail['id']}'"], clock)
    }


@pytest.mark.parametrize("hours", [0, 1])
async def test_who_came_left_or_muted_later_was_not_to_be_told(
    scene: Scene, do: Do, make: Make, clock: Clock, hours: int
) -> None:
    [lea] = await make.learners(scene.customer, 1)
    clock.move(minutes=1)
    muted = [each for each in NotificationTemplate if each not in UNMUTABLE]
    await do(scene.carl, update_notification_preferences, None, muted)
    created = await do(scene.pam, create_company, *NEW, FirstOrder(LicenseType.TRIAL, 2))
    asked = await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 2)
    await do(scene.paul, assign_order, asked.order_id, 1)
    clock.move(hours=hours)
    later: list[tuple[Any, ...]] = [
        (scene.carl, update_notification_preferences, None, []),
        (scene.pam, add_manager, created.company_id, None, Person("tom@example.com")),
        (scene.pam, add_manager, scene.customer.id, None, Person("nora@example.com")),
        (scene.pam, add_manager, scene.partner.id, None, Person("petra@example.com")),
        (scene.pam, add_manager, scene.customer.id, lea.id, None),
        (scene.cora, remove_manager, scene.carl.id),
        (scene.cora, add_manager, None, scene.carl.id, None),
        (scene.pam, update_company, scene.customer.id, {"account_manager_id": scene.paul.id}),
        (scene.vic, archive_company, scene.partner.id),
        (scene.vic, restore_company, scene.partner.id),
        (scene.vic, move_company, scene.customer.id, scene.vendor.id),
        (scene.vic, update_company, scene.customer.id, {"account_manager_id": scene.vic.id}),
        (scene.vic, remove_users, [scene.carl.id]),
    ]

    for who, operation, *told in later:
        await do(who, operation, *told)
        assert await breaches(clock.now) == {}, operation


async def test_a_trial_that_was_upgraded_ends_without_mail(
    scene: Scene, do: Do, clock: Clock
) -> None:
    clock.move(minutes=1)
    created = await do(scene.pam, create_company, *NEW, FirstOrder(LicenseType.TRIAL, 2))
    clock.move(hours=1)
    asked = await do(scene.pam, upgrade_trial, created.company_id, LicenseType.PREMIUM, 2)
    clock.move(hours=1)
    await do(scene.pam, assign_order, asked)
    await _days_later(clock, 40)

    assert await breaches(clock.now) == {}
    assert not await Notification.filter(template=NotificationTemplate.TRIAL_EXPIRED).exists()


async def _days_later(clock: Clock, days: int) -> None:
    clock.move(days=days)
    assert await round_if_due(clock)


async def _assigned(do: Do, scene: Scene, clock: Clock, quantity: int) -> str:
    requested = await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, quantity)
    clock.move(minutes=1)
    return str(await do(scene.pam, assign_order, requested.order_id))


async def _allocated(do: Do, scene: Scene, user: User) -> None:
    wanted = Wanted(None, None, ShortagePolicy.FAIL)
    await do(scene.cora, allocate_licenses, None, Learners(user_ids=[user.id]), wanted)


async def _some(table: str, column: str) -> list[str]:
    """The id of a row, one where the column says something if there is any."""
    found = await rows(
        f"SELECT CAST(id AS TEXT) AS id FROM {table} ORDER BY {column} IS NULL, 1 LIMIT 1"
    )
    return [row["id"] for row in found]


async def _broken(statements: list[str], clock: Clock) -> dict[str, list[str]]:
    """What is found once this was done, which is then undone."""
    async with in_transaction() as transaction:
        await rows(
            "PRAGMA defer_foreign_keys = ON"
            if is_sqlite()
            else "SET LOCAL session_replication_role = replica"
        )
        for statement in statements:
            await rows(statement)
        found = await breaches(clock.now)
        await transaction.rollback()
    return found
