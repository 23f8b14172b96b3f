"""What the database itself forbids, alike on both: each constraint refuses a row that breaks it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

import pytest
import pytest_asyncio
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from models.audit import IdempotencyKey
from models.base import new_id
from models.chores import Chore
from models.companies import Company, CompanyKind
from models.database import is_sqlite, rows
from models.licenses import Allocation, License, ReleaseReason
from models.orders import Order, OrderStatus
from models.outbox import Notice, Notification, NotificationStatus, NotificationTemplate
from models.sessions import LinkPurpose, PasswordLink, Session, Tally, TallyKind
from models.tokens import ApiToken
from models.users import User
from models.webhooks import WebhookDelivery, WebhookDeliveryStatus, WebhookEndpoint
from tests.conftest import Clock
from tests.factories import Make

DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class World:
    """One row of each kind, all of them good."""

    company: Company
    ann: User
    bob: User
    order: Order
    held: License
    free: License
    stay: Allocation
    session: Session
    link: PasswordLink
    tally: Tally
    key: IdempotencyKey
    mail: Notification
    token: ApiToken
    chore: Chore
    endpoint: WebhookEndpoint
    delivery: WebhookDelivery

    @classmethod
    async def of(cls, make: Make, clock: Clock) -> Self:
        company = await make.company()
        ann, bob = await make.user(company, external_id="7"), await make.user(company)
        held, free = await make.licenses(company, 2)
        await make.token(ann)
        await make.api_token(ann)
        notice = Notice(NotificationTemplate.ORDER_REQUESTED, company, "Five licenses")
        mail = Notification.promise(notice, ann, actor_id=None, batch=ann.id, at=clock.now)
        mail.key = "expiring:7"
        endpoint = await make.endpoint(company, ann)
        world = cls(
            company=company,
            ann=ann,
            bob=bob,
            order=await make.order(company, 5),
            held=held,
            free=free,
            stay=await make.allocation(held, ann),
            session=await Session.get(),
            link=PasswordLink.make(ann, LinkPurpose.RESET, "secret", at=clock.now),
            tally=Tally(kind=TallyKind.DUPLICATES, subject="7", count=1, until=clock.now),
            key=IdempotencyKey(
                user_id=ann.id, key="7", mutation="m", input_hash="h", created_at=clock.now
            ),
            mail=mail,
            token=await ApiToken.get(),
            chore=Chore(key="7", done_at=clock.now),
            endpoint=endpoint,
            delivery=await make.delivery(endpoint),
        )
        for row in (world.link, world.tally, world.key, world.mail, world.chore):
            await row.save(force_create=True)
        return world


@pytest_asyncio.fixture
async def world(make: Make, clock: Clock) -> World:
    return await World.of(make, clock)


def changed(row: str, **columns: Any) -> Callable[[World], Awaitable[object]]:
    """That row, with other values; a function of the world is asked for its value."""

    async def change(world: World) -> None:
        found = getattr(world, row)
        values = {name: v(world) if callable(v) else v for name, v in columns.items()}
        await type(found).filter(id=found.id).update(**values)

    return change


def another(row: str, **columns: Any) -> Callable[[World], Awaitable[object]]:
    """A second row like that one, but for these values."""

    async def create(world: World) -> None:
        found = getattr(world, row)
        values = {name: v(world) if callable(v) else v for name, v in columns.items()}
        await found.clone(pk=new_id()).update_from_dict(values).save(force_create=True)

    return create


async def another_root(world: World) -> None:
    await Company.root("Another", at=world.company.created_at).save(force_create=True)


BROKEN: Final[dict[str, Callable[[World], Awaitable[object]]]] = {
    "companies_root_is_vendor": changed("company", kind=CompanyKind.VENDOR),
    "companies_archived": changed("company", archived_at=lambda w: w.company.created_at),
    "companies_path": another("company"),
    "companies_one_root": another_root,
    "users_erased_are_removed": changed("ann", erased_at=lambda w: w.ann.created_at),
    "users_removed_cannot_sign_in": changed(
        "ann", removed_at=lambda w: w.ann.created_at, password_hash="$argon2id$"
    ),
    "users_email": another("ann", external_id=None),
    "users_external_id": another("ann", email_key="other@example.com"),
    "sessions_managed": changed("session", company_id=lambda w: w.company.id),
    "sessions_token": another("session"),
    "api_tokens_token": another("token"),
    "api_tokens_expire_after_creation": changed(
        "token", expires_at=lambda w: w.token.created_at - DAY
    ),
    "password_links_newest": another("link", token_hash="other"),
    "password_links_token": another("link", ended_at=lambda w: w.link.created_at),
    "tallies_subject": another("tally"),
    "orders_number": another("order"),
    "orders_quantity": changed("order", quantity=100_001),
    "orders_assigned_quantity": changed("order", assigned_quantity=6),
    "orders_status_fits_quantity": changed("order", status=OrderStatus.ASSIGNED),
    "licenses_nfr_never_expire": changed("free", expires_at=None),
    "licenses_expire_after_assignment": changed(
        "free", expires_at=lambda w: w.free.assigned_at - DAY
    ),
    "licenses_held_since": changed("free", holder_id=lambda w: w.bob.id),
    "licenses_void_are_free": changed("held", voided_at=lambda w: w.held.assigned_at),
    "allocations_end": changed("stay", released_at=lambda w: w.stay.allocated_at),
    "allocations_end_after_start": changed(
        "stay",
        released_at=lambda w: w.stay.allocated_at - DAY,
        release_reason=ReleaseReason.RELEASED,
    ),
    "allocations_one_holder": another("stay", user_id=lambda w: w.bob.id),
    "allocations_one_license": another("stay", license_id=lambda w: w.free.id),
    "idempotency_keys_key": another("key"),
    "notifications_sent": changed("mail", status=NotificationStatus.SENT),
    "notifications_key": another("mail"),
    "chores_key": another("chore"),
    "chores_held_or_done": changed("chore", done_at=None),
    "webhook_endpoints_disabled": changed("endpoint", disabled_at=lambda w: w.ann.created_at),
    "webhook_deliveries_delivered": changed("delivery", status=WebhookDeliveryStatus.DELIVERED),
    "webhook_deliveries_once": another("delivery"),
}


async def test_each_constraint_of_this_database_is_broken_below(database: str) -> None:
    assert set(await _unique_indexes()) | await _checks() == set(BROKEN)


async def test_a_row_that_breaks_it_is_refused(world: World) -> None:
    assert {name: await _broken_by(world, name) for name in BROKEN} == {n: n for n in BROKEN}


@pytest.mark.parametrize("quantity", [0, -1, 100_001])
async def test_a_quantity_is_bounded_on_both_sides(world: World, quantity: int) -> None:
    with pytest.raises(IntegrityError):
        await Order.filter(id=world.order.id).update(quantity=quantity)


async def test_what_has_ended_stands_in_nobodys_way(world: World, clock: Clock) -> None:
    """A removed person's address and external id, an old link, a stay that is over."""
    await User.filter(id=world.ann.id).update(removed_at=clock.now)
    await PasswordLink.filter(id=world.link.id).update(ended_at=clock.now)
    await Allocation.filter(id=world.stay.id).update(
        released_at=clock.now, release_reason=ReleaseReason.RELEASED
    )

    await another("ann")(world)
    await another("link", token_hash="other")(world)
    await another("stay")(world)

    assert await User.filter(email_key=world.ann.email_key).count() == 2
    assert await PasswordLink.filter(user_id=world.ann.id).count() == 2
    assert await Allocation.filter(user_id=world.ann.id).count() == 2


async def test_no_row_is_without_what_it_refers_to(world: World) -> None:
    with pytest.raises(IntegrityError):
        await Order.filter(id=world.order.id).update(company_id=world.ann.id)
    with pytest.raises(IntegrityError):
        await Company.filter(id=world.company.id).delete()


async def _checks() -> set[str]:
    if not is_sqlite():
        found = await rows(
            "SELECT conname AS name FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid"
            " WHERE contype = 'c' AND relnamespace = 'public'::regnamespace"
        )
        return {row["name"] for row in found}
    tables = await rows("SELECT sql FROM sqlite_master WHERE type = 'table'")
    return {name for row in tables for name in re.findall(r'CONSTRAINT "(\w+)" CHECK', row["sql"])}


async def _unique_indexes() -> dict[str, str]:
    """By name, the columns as SQLite tells them when one is broken."""
    if not is_sqlite():
        found = await rows(
            "SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public'"
            " AND indexdef LIKE 'CREATE UNIQUE %' AND indexname NOT LIKE '%_pkey'"
            " AND tablename <> 'tortoise_migrations'"
        )
        return {row["name"]: "" for row in found}
    found = await rows(
        "SELECT name, tbl_name FROM sqlite_master"
        " WHERE type = 'index' AND sql LIKE 'CREATE UNIQUE %'"
    )
    return {
        row["name"]: ", ".join(
            f"{row['tbl_name']}.{column['name']}"
            for column in await rows(f"PRAGMA index_info({row['name']})")
        )
        for row in found
    }


async def _broken_by(world: World, name: str) -> str:
    try:
        async with in_transaction():
            await BROKEN[name](world)
    except IntegrityError as error:
        return await _named(error)
    return "nothing"


async def _named(error: IntegrityError) -> str:
    """The constraint that was broken."""
    if not is_sqlite():
        return str(getattr(error.__cause__, "constraint_name", ""))
    _, _, told = str(error).partition("constraint failed: ")
    by_columns = {columns: name for name, columns in (await _unique_indexes()).items()}
    return by_columns.get(told, told)
