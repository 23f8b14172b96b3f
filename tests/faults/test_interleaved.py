"""Two operations at once, one of them held at each place where it waits for the database, until the
other is done or waits for it: no update is lost, no rule is broken by two that each kept it, and
whoever loses is tried again unseen. SQLite has one writer at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from types import CodeType
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
from strawberry.utils.str_converters import to_camel_case

from app.database import connected
from models.companies import Company, CompanyKind
from models.destinations import Destinations
from models.errors import Refusal, Unauthenticated
from models.licenses import License, LicenseType
from models.orders import Order
from models.outbox import Notification, NotificationTemplate
from models.sessions import Session
from models.tokens import ApiScope, ApiToken
from models.users import User, UserRole
from models.webhooks import MOST_ENDPOINTS, WebhookEndpoint, WebhookEvent
from resolvers.companies import (
    archive_company,
    create_company,
    move_company,
    restore_company,
    update_company,
)
from resolvers.imports import import_users, read_people
from resolvers.licenses import (
    Learners,
    Wanted,
    allocate_licenses,
    reallocate_license,
    release_licenses,
)
from resolvers.orders import (
    assign_order,
    cancel_order,
    decline_order,
    request_licenses,
    return_order,
    update_order,
    upgrade_trial,
)
from resolvers.people import Person
from resolvers.performing import perform
from resolvers.sessions import (
    enter_manage_mode,
    exit_manage_mode,
    request_password_reset,
    set_password,
    sign_in,
    sign_out,
)
from resolvers.tokens import create_api_token, revoke_api_token
from resolvers.users import (
    add_manager,
    add_users,
    remove_manager,
    remove_users,
    update_notification_preferences,
    update_user,
)
from resolvers.webhooks import (
    create_webhook_endpoint,
    delete_webhook_endpoint,
    redeliver_webhook,
    update_webhook_endpoint,
)
from tests.conftest import Clock
from tests.factories import Make
from tests.invariants import breaches
from tests.isolation.asking import mutations
from tests.scene import Do, Scene
from tests.stepping import held_at

PREMIUM: Final = LicenseType.PREMIUM
WAITS: Final = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)"
NOTHING: Final[dict[str, Any]] = {}
Call = Awaitable[object]
Outcome = tuple[str, str]
"""Of each of the two: DONE, or the code that it was refused with."""


@dataclass
class Street:
    """Where each pair meets, in a company of its own."""

    scene: Scene
    make: Make
    do: Do
    elsewhere: Company
    company: Company = field(init=False)
    cora: User = field(init=False)
    carl: User = field(init=False)

    async def renew(self) -> None:
        """Another customer, with two managers."""
        self.company = await self.make.company(self.scene.partner)
        self.cora, self.carl = [await self.make.manager(self.company) for _ in range(2)]
        await self.do.sign_in(self.cora, self.carl)

    async def order(self) -> Order:
        return await self.make.order(self.company, 4)

    async def learners(self, number: int) -> list[UUID]:
        return [user.id for user in await self.make.learners(self.company, number)]

    async def held(self) -> tuple[License, list[UUID]]:
        """A license with the first of three learners."""
        [license], people = await self.make.licenses(self.company, 1), await self.learners(3)
        await self.make.allocation(license, await User.get(id=people[0]))
        return license, people

    async def link(self) -> str:
        """That was mailed to Cora."""
        await perform(None, self.make.clock, request_password_reset, self.cora.email)
        mail = await Notification.get(user_id=self.cora.id)
        assert mail.token is not None
        return mail.token

    def allocate(self, *people: UUID, by: User | None = None) -> Call:
        asked = (self.company.id, Learners(user_ids=list(people)), Wanted())
        return self.do(by or self.cora, allocate_licenses, *asked)


Pair = Callable[[Street], Awaitable[tuple[Call, Call]]]
PAIRS: Final[dict[str, tuple[Pair, set[Outcome]]]] = {}


def pair(*outcomes: Outcome) -> Callable[[Pair], Pair]:
    """What both may end with, and nothing else."""

    def keep(made: Pair) -> Pair:
        PAIRS[made.__name__] = (made, set(outcomes))
        return made

    return keep


DONE: Final = "DONE"
ONE_OF_THEM: Final = ((DONE, "ORDER_NOT_OPEN"), ("ORDER_NOT_OPEN", DONE))


@pair(*ONE_OF_THEM)
async def assign_and_assign(street: Street) -> tuple[Call, Call]:
    order, do, scene = await street.order(), street.do, street.scene
    return do(scene.pam, assign_order, order.id), do(scene.vic, assign_order, order.id)


@pair(*ONE_OF_THEM)
async def assign_and_decline(street: Street) -> tuple[Call, Call]:
    order, do, scene = await street.order(), street.do, street.scene
    return do(scene.pam, assign_order, order.id), do(scene.vic, decline_order, order.id, "No.")


@pair(*ONE_OF_THEM)
async def cancel_and_assign(street: Street) -> tuple[Call, Call]:
    order, do = await street.order(), street.do
    return do(street.cora, cancel_order, order.id), do(street.scene.pam, assign_order, order.id)


@pair((DONE, DONE), ("ORDER_NOT_OPEN", DONE))
async def update_and_assign(street: Street) -> tuple[Call, Call]:
    order, do = await street.order(), street.do
    update = do(street.cora, update_order, order.id, {"quantity": 9})
    return update, do(street.scene.pam, assign_order, order.id)


@pair((DONE, DONE))
async def two_parts_are_assigned(street: Street) -> tuple[Call, Call]:
    order, do, scene = await street.order(), street.do, street.scene
    return do(scene.pam, assign_order, order.id, 2), do(scene.vic, assign_order, order.id, 2)


@pair((DONE, DONE))
async def move_and_assign(street: Street) -> tuple[Call, Call]:
    order, do, scene = await street.order(), street.do, street.scene
    move = do(scene.vic, move_company, street.company.id, street.elsewhere.id)
    return move, do(scene.vic, assign_order, order.id)


@pair((DONE, DONE))
async def request_and_move(street: Street) -> tuple[Call, Call]:
    do = street.do
    move = do(street.scene.vic, move_company, street.company.id, street.elsewhere.id)
    return do(street.cora, request_licenses, None, PREMIUM, 3), move


@pair((DONE, DONE), (DONE, "CONFLICT"), (DONE, "UNAUTHENTICATED"))
async def archive_and_allocate(street: Street) -> tuple[Call, Call]:
    await street.make.licenses(street.company, 1)
    archive = street.do(street.scene.vic, archive_company, street.company.id)
    return archive, street.allocate(*await street.learners(1), by=street.scene.pam)


@pair((DONE, "INSUFFICIENT_LICENSES"), ("INSUFFICIENT_LICENSES", DONE))
async def two_learners_and_one_license(street: Street) -> tuple[Call, Call]:
    await street.make.licenses(street.company, 1)
    ann, bob = await street.learners(2)
    return street.allocate(ann), street.allocate(bob, by=street.scene.pam)


@pair((DONE, DONE))
async def one_learner_twice(street: Street) -> tuple[Call, Call]:
    await street.make.licenses(street.company, 2)
    [ann] = await street.learners(1)
    return street.allocate(ann), street.allocate(ann, by=street.carl)


@pair((DONE, DONE), ("INSUFFICIENT_LICENSES", DONE))
async def allocate_and_release(street: Street) -> tuple[Call, Call]:
    license, people = await street.held()
    return street.allocate(people[1]), street.do(street.carl, release_licenses, [license.id])


@pair(("INSUFFICIENT_LICENSES", DONE))
async def allocate_and_reallocate(street: Street) -> tuple[Call, Call]:
    license, people = await street.held()
    to = (reallocate_license, license.id, people[2])
    return street.allocate(people[1]), street.do(street.carl, *to)


@pair((DONE, DONE))
async def reallocate_and_reallocate(street: Street) -> tuple[Call, Call]:
    license, people = await street.held()
    one, other = [(reallocate_license, license.id, to) for to in people[1:]]
    return street.do(street.cora, *one), street.do(street.carl, *other)


@pair((DONE, DONE), ("CONFLICT", DONE))
async def reallocate_and_release(street: Street) -> tuple[Call, Call]:
    license, people = await street.held()
    give = street.do(street.cora, reallocate_license, license.id, people[1])
    return give, street.do(street.carl, release_licenses, [license.id])


@pair((DONE, "CONFLICT"), ("INSUFFICIENT_LICENSES", DONE))
async def allocate_and_return(street: Street) -> tuple[Call, Call]:
    [license] = await street.make.licenses(street.company, 1)
    give_back = street.do(street.scene.pam, return_order, license.order_id, "No.")
    return street.allocate(*await street.learners(1)), give_back


@pair((DONE, DONE), (DONE, "NOT_FOUND"), (DONE, "CONFLICT"))
async def remove_and_allocate(street: Street) -> tuple[Call, Call]:
    await street.make.licenses(street.company, 1)
    [ann] = await street.learners(1)
    return street.do(street.cora, remove_users, [ann]), street.allocate(ann, by=street.carl)


@pair((DONE, DONE))
async def upgrade_and_allocate(street: Street) -> tuple[Call, Call]:
    await street.make.licenses(street.company, 2, LicenseType.TRIAL)
    order_id = await street.do(street.cora, upgrade_trial, None, PREMIUM, 2)
    upgrade = street.do(street.scene.pam, assign_order, order_id)
    return upgrade, street.allocate(*await street.learners(1))


@pair((DONE, "DUPLICATE"), ("DUPLICATE", DONE))
async def the_same_address_is_added_twice(street: Street) -> tuple[Call, Call]:
    added = (add_users, street.company.id, [Person(f"{street.company.id}@example.com")], None)
    return street.do(street.cora, *added), street.do(street.scene.pam, *added)


@pair((DONE, "NOT_FOUND"), ("NOT_FOUND", DONE))
async def each_of_two_managers_removes_the_other(street: Street) -> tuple[Call, Call]:
    """Each leaves one, and both together would leave none."""
    one = street.do(street.cora, remove_manager, street.carl.id)
    return one, street.do(street.carl, remove_manager, street.cora.id)


@pair((DONE, DONE))
async def two_change_a_company(street: Street) -> tuple[Call, Call]:
    one = (update_company, street.company.id, {"industry": "Ships"})
    other = (update_company, street.company.id, {"employee_count": 7})
    return street.do(street.cora, *one), street.do(street.carl, *other)


@pair((DONE, DONE))
async def two_change_a_person(street: Street) -> tuple[Call, Call]:
    [ann] = await street.learners(1)
    one, other = (
        (update_user, ann, {"department": "Ships"}),
        (update_user, ann, {"last_name": "Fox"}),
    )
    return street.do(street.cora, *one), street.do(street.carl, *other)


@pair((DONE, DONE))
async def licenses_of_two_companies_in_either_order(street: Street) -> tuple[Call, Call]:
    licenses = [(await street.held())[0].id]
    here, street.company = street.company, await street.make.company(street.scene.partner)
    licenses.append((await street.held())[0].id)
    street.company = here
    one = street.do(street.scene.pam, release_licenses, licenses)
    return one, street.do(street.scene.vic, release_licenses, licenses[::-1])


@pair((DONE, DONE))
async def a_reset_is_asked_for_twice(street: Street) -> tuple[Call, Call]:
    one, other = [
        perform(None, street.make.clock, request_password_reset, street.cora.email)
        for _ in range(2)
    ]
    return one, other


@pair((DONE, "DUPLICATE"), ("DUPLICATE", DONE))
async def the_same_manager_is_added_twice(street: Street) -> tuple[Call, Call]:
    added = (add_manager, street.company.id, None, Person(f"{street.company.id}@example.com"))
    return street.do(street.cora, *added), street.do(street.scene.pam, *added)


@pair((DONE, DONE), (DONE, "DUPLICATE"))
async def import_and_add(street: Street) -> tuple[Call, Call]:
    """Whoever is there already is updated by an import."""
    email = f"{street.company.id}@example.com"
    sheet = await read_people(await street.do.sign_in(street.cora), f"email\n{email}", {})
    imports = street.do(street.cora, import_users, None, sheet, None)
    return imports, street.do(street.carl, add_users, None, [Person(email)], None)


@pair((DONE, DONE), ("CONFLICT", DONE))
async def create_and_archive(street: Street) -> tuple[Call, Call]:
    above = await street.make.partner(street.scene.partner)
    asked = (create_company, above.id, CompanyKind.CUSTOMER, "Beneath", NOTHING)
    archive = street.do(street.scene.vic, archive_company, above.id)
    return street.do(street.scene.pam, *asked), archive


@pair((DONE, DONE))
async def create_and_move(street: Street) -> tuple[Call, Call]:
    above = await street.make.partner(street.scene.partner)
    asked = (create_company, above.id, CompanyKind.CUSTOMER, "Beneath", NOTHING)
    move = street.do(street.scene.vic, move_company, above.id, street.elsewhere.id)
    return street.do(street.scene.vic, *asked), move


@pair((DONE, DONE))
async def restore_and_restore(street: Street) -> tuple[Call, Call]:
    do, scene = street.do, street.scene
    await do(scene.vic, archive_company, street.company.id)
    one, other = [do(who, restore_company, street.company.id) for who in (scene.vic, scene.pam)]
    return one, other


@pair((DONE, DONE), ("FORBIDDEN", DONE))
async def a_token_is_made_and_its_maker_no_manager(street: Street) -> tuple[Call, Call]:
    made = street.do(street.carl, create_api_token, "New", [ApiScope.READ])
    return made, street.do(street.cora, remove_manager, street.carl.id)


@pair((DONE, DONE))
async def a_token_is_revoked_twice(street: Street) -> tuple[Call, Call]:
    made = await street.do(street.cora, create_api_token, "Old", [ApiScope.READ])
    one, other = [
        street.do(who, revoke_api_token, made.token_id) for who in (street.cora, street.carl)
    ]
    return one, other


@pair((DONE, DONE), ("NOT_FOUND", DONE))
async def enter_and_move(street: Street) -> tuple[Call, Call]:
    do, scene = street.do, street.scene
    move = do(scene.vic, move_company, street.company.id, street.elsewhere.id)
    return do(scene.pam, enter_manage_mode, street.company.id), move


@pair((DONE, "UNAUTHENTICATED"), ("UNAUTHENTICATED", DONE))
async def one_stay_is_left_twice(street: Street) -> tuple[Call, Call]:
    visitor = await street.do.managing(street.scene.pam, street.company)
    return street.do(visitor, exit_manage_mode), street.do(visitor, exit_manage_mode)


@pair((DONE, "UNAUTHENTICATED"), ("UNAUTHENTICATED", DONE))
async def one_session_is_left_twice(street: Street) -> tuple[Call, Call]:
    caller = await street.make.caller(street.cora)
    return street.do(caller, sign_out), street.do(caller, sign_out)


@pair((DONE, DONE), ("INVALID_CREDENTIALS", DONE))
async def sign_in_and_set_a_password(street: Street) -> tuple[Call, Call]:
    clock, token = street.make.clock, await street.link()
    await User.filter(id=street.cora.id).update(password_hash="old")
    enter = perform(None, clock, sign_in, street.cora.id, "old", None)
    return enter, perform(None, clock, set_password, token, "new")


@pair((DONE, "TOKEN_INVALID"), ("TOKEN_INVALID", DONE))
async def a_link_is_used_twice(street: Street) -> tuple[Call, Call]:
    clock, token = street.make.clock, await street.link()
    one, other = [perform(None, clock, set_password, token, new) for new in ("one", "other")]
    return one, other


@pair((DONE, DONE))
async def two_mute_mails(street: Street) -> tuple[Call, Call]:
    one, other = [
        street.do(who, update_notification_preferences, street.cora.id, [template])
        for who, template in (
            (street.cora, NotificationTemplate.ORDER_ASSIGNED),
            (street.carl, NotificationTemplate.ORDER_DECLINED),
        )
    ]
    return one, other


@pair((DONE, "CONFLICT"), ("CONFLICT", DONE))
async def one_webhook_too_many(street: Street) -> tuple[Call, Call]:
    for _ in range(MOST_ENDPOINTS - 1):
        await street.make.endpoint(street.company, street.cora)
    asked = (create_webhook_endpoint, "https://hooks.example.com/", list(WebhookEvent))
    one, other = [street.do(who, *asked, Destinations()) for who in (street.cora, street.carl)]
    return one, other


@pair((DONE, DONE), ("NOT_FOUND", DONE))
async def a_webhook_changes_and_goes(street: Street) -> tuple[Call, Call]:
    endpoint = await street.make.endpoint(street.company, street.cora)
    asked = (update_webhook_endpoint, endpoint.id, {"enabled": False}, Destinations())
    go = street.do(street.carl, delete_webhook_endpoint, endpoint.id)
    return street.do(street.cora, *asked), go


@pair((DONE, DONE), ("NOT_FOUND", DONE))
async def a_webhook_is_to_tell_again_and_goes(street: Street) -> tuple[Call, Call]:
    endpoint = await street.make.endpoint(street.company, street.cora)
    delivery = await street.make.delivery(endpoint)
    go = street.do(street.carl, delete_webhook_endpoint, endpoint.id)
    return street.do(street.cora, redeliver_webhook, delivery.id), go


# ── What holds of each pair besides ──────────────────────────────────────────────────────────────


async def nothing_is_lost(street: Street) -> None:
    company = await Company.get(id=street.company.id)
    assert (company.industry, company.employee_count) == ("Ships", 7)


async def no_change_is_lost(street: Street) -> None:
    ann = await User.get(company_id=street.company.id, role=UserRole.LEARNER)
    assert (ann.department, ann.last_name) == ("Ships", "Fox")


async def one_manager_is_left(street: Street) -> None:
    assert await User.filter(company_id=street.company.id, role=UserRole.MANAGER).count() == 1


async def one_link_is_mailed(street: Street) -> None:
    assert await Notification.filter(user_id=street.cora.id).count() == 1


async def nobody_is_signed_in(street: Street) -> None:
    sessions = Session.filter(user_id=street.cora.id, company_id__isnull=True)
    assert await sessions.filter(ended_at__isnull=True).count() == 0


async def no_token_is_left(street: Street) -> None:
    assert await ApiToken.filter(company_id=street.company.id, revoked_at__isnull=True).count() == 0


async def one_webhook_is_left_out(street: Street) -> None:
    kept = await WebhookEndpoint.filter(company_id=street.company.id).count()
    assert kept == MOST_ENDPOINTS


async def no_stay_outlasts_its_reach(street: Street) -> None:
    company = await Company.get(id=street.company.id)
    assert company.parent_id == street.elsewhere.id
    stays = Session.filter(company_id=company.id, ended_at__isnull=True)
    assert await stays.count() == 0


async def the_order_is_minted_once(street: Street) -> None:
    order = await Order.get(company_id=street.company.id)
    assert await License.filter(order_id=order.id).count() == order.assigned_quantity
    mails = Notification.filter(order_id=order.id, template=NotificationTemplate.ORDER_ASSIGNED)
    assert await mails.count() == (2 if order.assigned_quantity else 0)


ALSO: Final[dict[Pair, Callable[[Street], Awaitable[None]]]] = {
    two_change_a_company: nothing_is_lost,
    two_change_a_person: no_change_is_lost,
    each_of_two_managers_removes_the_other: one_manager_is_left,
    a_reset_is_asked_for_twice: one_link_is_mailed,
    sign_in_and_set_a_password: nobody_is_signed_in,
    a_link_is_used_twice: nobody_is_signed_in,
    a_token_is_made_and_its_maker_no_manager: no_token_is_left,
    a_token_is_revoked_twice: no_token_is_left,
    one_webhook_too_many: one_webhook_is_left_out,
    enter_and_move: no_stay_outlasts_its_reach,
    assign_and_assign: the_order_is_minted_once,
    assign_and_decline: the_order_is_minted_once,
    cancel_and_assign: the_order_is_minted_once,
}


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def test_every_mutation_meets_another() -> None:
    """One that is new is to be held at each of its statements, too."""
    made: list[Any] = [Street.allocate, *(made for made, _ in PAIRS.values())]
    met = {to_camel_case(name) for each in made for name in _names(each.__code__)}

    assert sorted(mutations().keys() - met) == []


# ── Trying ───────────────────────────────────────────────────────────────────────────────────────


async def told(call: Call) -> str:
    try:
        await call
    except Unauthenticated:
        return "UNAUTHENTICATED"
    except Refusal as refusal:
        return refusal.all[0].code
    return DONE


class Watch(Clock):
    """Counts how often it is looked at: once by who calls, and once by each attempt."""

    looks = 0

    def __call__(self) -> datetime:
        self.looks += 1
        return self.now


@dataclass
class Trial:
    street: Street
    watch: Watch
    other: asyncpg.Connection
    retries: int = 0

    async def outcome(self, made: Pair, place: int) -> tuple[Outcome, bool]:
        """How both ended, and whether the first one waited that often."""
        await self.street.renew()
        first, second = await made(self.street)
        looks = self.watch.looks
        meeting: list[asyncio.Task[str]] = []
        outside = copy_context()  # of the transaction that the first one has open

        async def meet() -> None:
            meeting.append(asyncio.create_task(told(second), context=outside))
            while not (meeting[0].done() or await self.other.fetchval(WAITS)):
                pass

        ended, was_held = await held_at(told(first), place, meet)
        outcome = (ended, await (meeting[0] if meeting else told(second)))
        self.retries += max(0, self.watch.looks - looks - 4)
        return outcome, was_held

    async def every_outcome(self, made: Pair, step: int, name: str) -> None:
        _, expected = PAIRS[name]
        for place in count(1, step):
            outcome, was_held = await self.outcome(made, place)
            assert outcome in expected, f"{name}, the first held at {place}"
            if made in ALSO:
                await ALSO[made](self.street)
            if not was_held:
                return


@asynccontextmanager
async def trial(url: str, isolation: str) -> AsyncIterator[Trial]:
    settings = {"default_transaction_isolation": isolation, "deadlock_timeout": "20ms"}
    async with connected(url, server_settings=settings):
        watch = Watch()
        make = Make(watch)
        scene = await Scene.set(make)
        street = Street(scene, make, Do(watch), await make.partner(scene.vendor))
        await street.do.sign_in(*scene.people)
        other = await asyncpg.connect(url)
        try:
            yield Trial(street, watch, other)
        finally:
            await other.close()


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
@pytest.mark.parametrize("isolation", ["read committed", "serializable"])
async def test_two_at_once_end_as_if_one_had_come_after_the_other(
    database_url: str, isolation: str, rounds: int
) -> None:
    """At every place in `make faults`, at some in `make test`."""
    async with trial(database_url, isolation) as tried:
        for name, (made, _) in PAIRS.items():
            await tried.every_outcome(made, 1 if rounds > 1 else 8, name)
        assert await breaches(tried.watch.now) == {}

    if isolation == "serializable":
        assert tried.retries > len(PAIRS) // 2  # the fewer statements, the fewer places to meet at
