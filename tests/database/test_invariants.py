"""The checker of what must always hold: it finds each thing that does not."""

from collections.abc import Callable
from typing import Final

import pytest_asyncio
from tortoise.transactions import in_transaction

from models.database import rows
from models.licenses import LicenseType
from resolvers.orders import request_licenses
from tests.conftest import Clock
from tests.factories import Make
from tests.invariants import BREACHES, FILED, breaches
from tests.scene import Do, Scene

SECOND: Final = """
    INSERT INTO allocations (id, license_id, user_id, allocated_at)
    SELECT '{free}', '{license}', '{user}', allocated_at FROM allocations"""

BROKEN: Final[dict[str, list[str]]] = {
    "an order has as many licenses as were assigned": ["DELETE FROM licenses WHERE id = '{free}'"],
    "a license is of its order's company and type": ["UPDATE licenses SET type = 'MANAGED'"],
    "the licenses of a returned order, and no others, are void": [
        "UPDATE licenses SET voided_at = assigned_at WHERE id = '{free}'"
    ],
    "an order expires with the last of its licenses": ["UPDATE orders SET expires_at = '{later}'"],
    "a learner holds at most one live license": [
        "UPDATE licenses SET holder_id = '{ann}', allocated_at = assigned_at"
    ],
    "a license has at most one open stay": [
        "DROP INDEX allocations_one_holder",
        SECOND.replace("{license}", "{held}").replace("{user}", "{bob}"),
    ],
    "a learner has at most one open stay": [
        "DROP INDEX allocations_one_license",
        SECOND.replace("{license}", "{free}").replace("{user}", "{ann}"),
    ],
    "a live license is with whoever has its open stay": [
        "UPDATE licenses SET holder_id = '{bob}' WHERE id = '{held}'"
    ],
    "a void license has never been with anybody": [
        "UPDATE licenses SET holder_id = NULL, allocated_at = NULL, voided_at = assigned_at"
    ],
    "a stay that the clock ended, ended with its license": [
        "UPDATE allocations SET released_at = allocated_at, release_reason = 'EXPIRED'"
    ],
    "no stay outlasts its license": [
        "UPDATE allocations SET released_at = '{later}', release_reason = 'RELEASED'"
    ],
    "stays of a license do not overlap": [
        "UPDATE allocations SET released_at = '{later}', release_reason = 'RELEASED'",
        SECOND.replace("{license}", "{held}").replace("{user}", "{bob}"),
    ],
    "stays of a learner do not overlap": [
        "UPDATE allocations SET released_at = '{later}', release_reason = 'RELEASED'",
        SECOND.replace("{license}", "{free}").replace("{user}", "{ann}"),
    ],
    "a holder is of the license's company": ["UPDATE licenses SET company_id = '{partner}'"],
    "the holder of a live license is still there": ["UPDATE users SET removed_at = created_at"],
    "a company's path leads through its parent's": [
        "UPDATE companies SET path = 'elsewhere/' WHERE kind = 'PARTNER'"
    ],
    **{
        f"{table} are filed under their company": [f"UPDATE {table} SET path = 'elsewhere/'"]
        for table in FILED
    },
}


@pytest_asyncio.fixture
async def said(scene: Scene, do: Do, make: Make, clock: Clock) -> Callable[[str], str]:
    """Puts in the ids of two licenses, one of them held, and of two learners."""
    held, free = await make.licenses(scene.customer, 2, LicenseType.PREMIUM)
    ann, bob = await make.learners(scene.customer, 2)
    await make.allocation(held, ann)
    await do(scene.cora, request_licenses, None, LicenseType.PREMIUM, 5)  # an event, and a mail
    later = clock.now.replace(year=2030).isoformat(" ")
    ids = {"held": held, "free": free, "ann": ann, "bob": bob, "partner": scene.partner}
    named = {name: str(row.id) for name, row in ids.items()}
    return lambda statement: statement.format(later=later, **named)


async def test_what_does_not_hold_is_found(said: Callable[[str], str], clock: Clock) -> None:
    assert await breaches(clock.now) == {}

    for rule in BREACHES:
        async with in_transaction() as transaction:
            for statement in BROKEN[rule]:
                await rows(said(statement))
            assert rule in await breaches(clock.now)
            await transaction.rollback()

    assert await breaches(clock.now) == {}
