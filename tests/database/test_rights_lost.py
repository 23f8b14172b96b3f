"""Rights that are lost while a call waits are lost to it; and none are lost by being in a hurry."""

import asyncio
import contextvars

import pytest
from tortoise.transactions import in_transaction

from models.companies import Company
from models.database import is_sqlite, rows
from models.errors import Forbidden, Unauthenticated
from models.users import User, UserRole
from resolvers.companies import archive_company, create_company
from resolvers.passwords import hash_password
from resolvers.people import Person
from resolvers.performing import perform
from resolvers.sessions import check_password, sign_in
from resolvers.users import add_users
from tests.conftest import Clock
from tests.factories import PASSWORD, Make
from tests.scene import Do, Scene


async def until_somebody_waits() -> None:
    """On PostgreSQL for a lock; on SQLite there is one writer, and whoever began has to wait."""
    if is_sqlite():
        await asyncio.sleep(0)
        return
    while not await rows("SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
        await asyncio.sleep(0)


@pytest.mark.parametrize("lost", [{"removed": True}, {"role": UserRole.LEARNER}])
async def test_a_call_that_waited_while_its_caller_was_removed_does_nothing(
    scene: Scene, do: Do, clock: Clock, lost: dict[str, object]
) -> None:
    cora = await do.sign_in(scene.cora)
    outside = contextvars.copy_context()
    change = {"removed_at": clock(), "password_hash": None} if lost.get("removed") else lost

    async with in_transaction():
        await Company.select_for_update(no_key=True).get(id=scene.customer.id)
        await User.filter(id=scene.cora.id).update(**change)
        late = asyncio.get_running_loop().create_task(
            do(cora, add_users, None, [Person("late@example.com")], None), context=outside
        )
        await until_somebody_waits()
    with pytest.raises((Unauthenticated, Forbidden)):
        await late

    assert not await User.exists(email="late@example.com")


async def test_who_is_removed_meanwhile_is_made_nobodys_account_manager(
    scene: Scene, do: Do, clock: Clock
) -> None:
    vic = await do.sign_in(scene.vic)
    outside = contextvars.copy_context()

    async with in_transaction():
        await User.filter(id=scene.pam.id).update(removed_at=clock(), password_hash=None)
        late = asyncio.get_running_loop().create_task(
            do(vic, create_company, scene.partner.id, "CUSTOMER", "Late", {}, scene.pam.id),
            context=outside,
        )
        await until_somebody_waits()
    with pytest.raises(Exception, match="no such user"):
        await late

    assert not await Company.exists(name="Late")


async def test_20_who_know_the_password_sign_in_at_once(make: Make, clock: Clock) -> None:
    company = await make.company()
    user = await make.manager(company, password_hash=await hash_password(PASSWORD))

    found = await asyncio.gather(*(check_password(user.email, PASSWORD, clock) for _ in range(20)))

    assert [known.id for known, _ in found] == [user.id] * 20


async def test_the_right_password_does_not_lock_an_archived_companys_people(
    scene: Scene, do: Do, clock: Clock
) -> None:
    password_hash = await hash_password(PASSWORD)
    await User.filter(id=scene.cora.id).update(password_hash=password_hash)
    await do(scene.pam, archive_company, scene.customer.id)

    for _ in range(6):
        user, known = await check_password(scene.cora.email, PASSWORD, clock)
        with pytest.raises(Forbidden):
            await perform(None, clock, sign_in, user.id, known, None)
