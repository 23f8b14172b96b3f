"""A renewal is previewed: who will get a license and who will not, and nothing is written."""

from datetime import timedelta
from typing import Any, Final

import pytest

from models.licenses import Allocation, License
from models.users import User
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import Api
from tests.http.client import Client
from tests.scene import Scene
from tests.snapshots import snapshot

RENEW: Final = """
mutation($input: AllocateLicensesInput!) {
  allocateLicenses(input: $input) {
    licenses { status user { firstName license { type } } }
    withoutLicense { firstName license { type } }
    alreadyLicensed { firstName } unknownEmails shortage errors { code }
  }
}"""
FIRST: Final = """
mutation($input: AllocateLicensesInput!, $first: Int) {
  allocateLicenses(input: $input) {
    licenses(first: $first) { user { firstName } }
    withoutLicense(first: $first) { firstName }
    nobody: withoutLicense(first: 0) { firstName }
    allocated shortage errors { code }
  }
}"""
HELD: Final = {"type": "PREMIUM"}


@pytest.fixture
async def cora(make: Make, api: Api, clock: Clock) -> Client:
    """Of Ann, Bob, Cat and Dan the licenses ran out, Eve has a live one, Fay never had any, Gus was
    removed, and Hal is of another company. Two licenses are free."""
    scene = await Scene.set(make)
    await make.licenses(scene.customer, 6)
    names = ("dan", "cat", "bob", "ann", "gus", "eve", "fay")
    people = {name: await named(make, scene.customer, name) for name in names}
    held = await License.all().order_by("id")
    for license, name in zip(held, ("ann", "bob", "cat", "dan", "gus"), strict=False):
        await make.allocation(license, people[name])
    await named(make, await make.company(scene.partner), "hal")
    clock.move(days=366)
    people["gus"].remove(at=clock.now)
    await people["gus"].save()
    free = await make.licenses(scene.customer, 3)
    await make.allocation(free[0], people["eve"])
    return await api.of(scene.cora)


async def named(make: Make, company: Any, name: str) -> User:
    return await make.user(company, email=f"{name}@example.com", first_name=name, last_name="")


async def previewed(client: Client, **input: Any) -> dict[str, Any]:
    """What the renewal would do, which is the same when it is done at last."""
    before = await snapshot()
    told: dict[str, Any] = await client.ask(RENEW, input={**input, "preview": True})
    assert await snapshot() == before
    assert await client.ask(RENEW, input=input) == told
    return told


def renewed(*names: str) -> list[dict[str, Any]]:
    return [{"status": "ALLOCATED", "user": {"firstName": name, "license": HELD}} for name in names]


def left(*names: str) -> list[dict[str, Any]]:
    return [{"firstName": name, "license": None} for name in names]


async def test_of_all_expired_the_first_by_name_are_renewed_and_the_rest_named(
    cora: Client,
) -> None:
    assert await previewed(cora, allExpired=True, onShortage="PARTIAL") == {
        "licenses": renewed("ann", "bob"),
        "withoutLicense": left("cat", "dan"),
        "alreadyLicensed": [],
        "unknownEmails": [],
        "shortage": 2,
        "errors": [],
    }


@pytest.mark.parametrize(("first", "named"), [(1, 1), (9, 2), (None, 2)])
async def test_of_all_no_more_are_named_than_are_asked_for_and_all_are_counted(
    cora: Client, first: int | None, named: int
) -> None:
    input = {"allExpired": True, "onShortage": "PARTIAL", "idempotencyKey": "all"}

    told = await cora.ask(FIRST, first=first, input={**input, "preview": True})

    assert told == {
        "licenses": [{"user": {"firstName": name}} for name in ("ann", "bob")[:named]],
        "withoutLicense": [{"firstName": name} for name in ("cat", "dan")[:named]],
        "nobody": [],
        "allocated": 2,
        "shortage": 2,
        "errors": [],
    }
    assert await cora.ask(FIRST, first=first, input=input) == told
    assert await cora.ask(FIRST, first=first, input=input) == told


async def test_fewer_than_none_are_no_number_to_be_asked_for(cora: Client) -> None:
    input = {"allExpired": True, "onShortage": "PARTIAL"}

    [error] = (await cora.send(FIRST, first=-1, input={**input, "preview": True}))["errors"]

    assert error["message"] == "`first` is 0 or more."
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "first"}


async def test_of_emails_the_licensed_and_nobodys_are_told_and_left_alone(cora: Client) -> None:
    given = ("dan", "eve", "who", "gus", "hal", "ann", "bob")
    emails = [f"{name.upper()}@example.com" for name in given]

    assert await previewed(cora, emails=emails, onShortage="PARTIAL") == {
        "licenses": renewed("dan", "ann"),
        "withoutLicense": left("bob"),
        "alreadyLicensed": [{"firstName": "eve"}],
        "unknownEmails": ["WHO@example.com", "GUS@example.com", "HAL@example.com"],
        "shortage": 1,
        "errors": [],
    }


async def test_too_few_licenses_are_told_and_renew_nobody(cora: Client) -> None:
    stays = await Allocation.all().count()

    assert await previewed(cora, allExpired=True) == {
        "licenses": [],
        "withoutLicense": [],
        "alreadyLicensed": [],
        "unknownEmails": [],
        "shortage": 2,
        "errors": [{"code": "INSUFFICIENT_LICENSES"}],
    }
    assert await Allocation.all().count() == stays


async def test_enough_licenses_renew_all_of_them(cora: Client, clock: Clock) -> None:
    emails = ["ann@example.com", "dan@example.com"]

    told = await previewed(cora, emails=emails)

    assert told["licenses"] == renewed("ann", "dan")
    assert (told["withoutLicense"], told["shortage"], told["errors"]) == ([], 0, [])
    begun = await Allocation.filter(allocated_at__gt=clock.now - timedelta(days=1))
    assert len(begun) == 2 + 1
