"""Anybody does anything in any order at any time, and what must always hold does.

`make test` runs a few lives, the same ones each time. To search on:
`make test ARGS='tests/properties/test_machine.py --deep 1000'`
"""

import asyncio
from collections.abc import Callable, Container, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from models import sheets
from models.companies import CompanyKind
from models.licenses import LicenseType
from models.outbox import NotificationTemplate
from resolvers.companies import (
    FirstOrder,
    archive_company,
    create_company,
    move_company,
    restore_company,
    update_company,
)
from resolvers.imports import import_users
from resolvers.licenses import (
    Learners,
    ShortagePolicy,
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
from resolvers.sessions import enter_manage_mode, exit_manage_mode, sign_out
from resolvers.users import (
    add_manager,
    add_users,
    remove_manager,
    remove_users,
    update_notification_preferences,
    update_user,
)
from tests.databases import Databases
from tests.properties.changes import Row
from tests.properties.world import World

R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., None])

ALWAYS: Final = settings(
    max_examples=6,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def deep(lives: int) -> settings:
    """Longer ones, by chance."""
    return settings(ALWAYS, max_examples=lives, stateful_step_count=60, derandomize=False)


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW, MOMENT = timedelta(0), timedelta(microseconds=1)

places = st.integers(0, 15)
few = st.lists(places, min_size=1, max_size=4)
who = st.tuples(places, st.sampled_from((True, True, True, True, False)))
sometimes = st.sampled_from((False, False, False, True))
types = st.sampled_from(
    (*[LicenseType.PREMIUM] * 5, LicenseType.MANAGED, LicenseType.TRIAL, LicenseType.NFR)
)
quantities = st.sampled_from((1, 2, 3, 4, 1, 2, 3, 0))
shortages = st.sampled_from(ShortagePolicy)
leaps = st.sampled_from(
    [
        *(
            timedelta(0),
            MOMENT,
            MOMENT,
            HOUR - MOMENT,
            HOUR,
            DAY,
            3 * DAY,
            14 * DAY - MOMENT,
            14 * DAY,
        ),
        *(30 * DAY - MOMENT, 30 * DAY, 31 * DAY, 335 * DAY, 365 * DAY, 366 * DAY),
    ]
)


STEPS: Final[dict[str, tuple[Callable[..., None], st.SearchStrategy[dict[str, Any]]]]] = {}
"""What may be done, and with what."""


OFTEN: Final = ("request", "assign", "assign", "allocate", "allocate", "add", "something_falls_due")
"""What leads on to other things."""


def step(**given: st.SearchStrategy[Any]) -> Callable[[F], F]:
    """A step of a life. Not a rule each, of which Hypothesis would use but a few in each life."""

    def taken(function: F) -> F:
        STEPS[function.__name__] = (function, st.fixed_dictionaries(given))
        return function

    return taken


def _calls(name: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(name), STEPS[name][1])


class Machine(RuleBasedStateMachine):
    """Runs in a thread beside the event loop that its calls are made in."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, databases: Databases, *, is_deep: bool
    ) -> None:
        super().__init__()
        self._is_deep = is_deep
        self._never: set[str] = set()
        self._loop = loop
        self._number = 0
        self.world = World(databases)

    def go(self, coroutine: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def teardown(self) -> None:
        self.go(self.world.close())

    def next(self, word: str) -> str:
        self._number += 1
        return f"{word}{self._number}"

    def act(
        self,
        by: tuple[int, bool],
        company: Row | None,
        operation: Any,
        *arguments: Any,
        keyed: bool = False,
        previewed: bool = False,
        above: bool = False,
    ) -> Any:
        """By somebody: mostly by one who can, from `above` where it takes that."""

        async def acted() -> Any:
            caller = await self.world.caller(by[0], company, able=by[1], above=above)
            key = self.next("key") if keyed else None
            return await self.world.act(caller, operation, *arguments, key=key, preview=previewed)

        return self.go(acted())

    def company(self, place: int) -> Row:
        """Of fifteen places one is for any, and the others for those where work goes on."""
        found = self.world.pick("Company", place, lambda row: place == 15 or not row["is_archived"])
        assert found is not None
        return found

    def customer(self, place: int) -> Row:
        """As `company`, but those above have one place in four."""

        def is_wanted(row: Row) -> bool:
            return not row["is_archived"] and row["kind"] == "CUSTOMER"

        found = self.world.pick("Company", place, is_wanted)
        return self.company(place) if place % 4 == 3 or found is None else found

    def company_with_licenses(self, place: int) -> Row:
        """As `customer`, but one with free licenses if there is any."""
        now = self.world.clock()
        free = {
            row["company_id"]
            for row in self.world.rows["License"]
            if row["holder_id"] is None and (row["expires_at"] is None or now < row["expires_at"])
        }
        found = self.world.pick(
            "Company", place, lambda row: row["id"] in free and not row["is_archived"]
        )
        return self.customer(place) if place % 4 == 3 or found is None else found

    def company_of(self, row: Row) -> Row:
        return self.world.row("Company", row["company_id"])

    def user(self, place: int, company: Row | None = None) -> Row:
        """Of the company if it has any."""

        def is_theirs(user: Row) -> bool:
            return company is not None and user["company_id"] == company["id"]

        found = self.world.pick("User", place, is_theirs) or self.world.pick("User", place)
        assert found is not None
        return found

    def ids(self, table: str, some: list[int], company: Row) -> list[UUID]:
        rows = [
            self.world.pick(table, place, lambda row: row["company_id"] == company["id"])
            for place in some
        ]
        return [row["id"] for row in rows if row is not None]

    def person(self, is_known: bool, place: int) -> Person:
        email = self.user(place)["email"] if is_known else f"{self.next('new')}@example.com"
        return Person(email, "New", "Person", "Sales")

    @rule(step=st.deferred(lambda: st.one_of([_calls(name) for name in (*STEPS, *OFTEN)])))
    def live(self, step: tuple[str, dict[str, Any]]) -> None:
        name, given = step
        if name not in self._never:
            STEPS[name][0](self, **given)

    @initialize(
        never=st.sets(st.deferred(lambda: st.sampled_from(sorted(STEPS)))),
        trial=sometimes,
        learners=st.integers(0, 4),
        quantity=st.integers(1, 4),
    )
    def begin(self, never: set[str], trial: bool, learners: int, quantity: int) -> None:
        """A customer with people and licenses, beside the one of the scene.

        What is `never` done in this life leaves room for more of the rest.
        """
        if self._is_deep:
            self._never = never
        self.go(self.world.open())
        kind = LicenseType.TRIAL if trial else LicenseType.PREMIUM
        pam = self.world.rows["User"][1]

        async def begun() -> None:
            caller = await self.world.signed_in(pam["id"])
            order = FirstOrder(kind, quantity)
            await self.world.act(
                caller,
                create_company,
                None,
                CompanyKind.CUSTOMER,
                "First",
                {},
                None,
                Person("boss@example.com", "Boss"),
                order,
            )
            people = [self.person(False, 0) for _ in range(learners)]
            for company in self.world.rows["Company"][2:]:
                wanted = Wanted(on_shortage=ShortagePolicy.PARTIAL)
                await self.world.act(caller, add_users, company["id"], people, wanted)
                people = [self.person(False, 0) for _ in range(learners)]

        self.go(begun())

    @step(by=leaps, daily=st.booleans())
    def time_passes(self, by: timedelta, daily: bool) -> None:
        self.go(self.world.move_clock(by))
        if daily:
            self.go(self.world.run_daily())

    @step(before=st.sampled_from((NOW, NOW, MOMENT, 3 * DAY, 30 * DAY)), daily=st.booleans())
    def something_falls_due(self, before: timedelta, daily: bool) -> None:
        """To the very instant, which no leap would find by chance."""
        rows = self.world.rows
        ends = [row["expires_at"] for row in rows["License"] if row["expires_at"] is not None]
        asked = [row["requested_at"] for row in rows["Order"] if row["status"] == "REQUESTED"]
        due = [at - before for at in ends] + [at + days * DAY for at in asked for days in (3, 7)]
        left = [at - self.world.clock() for at in due if at > self.world.clock()]
        if left:
            self.time_passes(min(left), daily)

    # ── Companies ────────────────────────────────────────────────────────────────────────────

    @step(
        by=who,
        parent=places,
        kind=st.sampled_from(CompanyKind),
        manager=st.booleans(),
        is_known=sometimes,
        place=places,
        order=st.none() | st.tuples(types, quantities, st.booleans()),
        named=sometimes,
        keyed=sometimes,
        previewed=sometimes,
    )
    def create(
        self,
        by: Any,
        parent: int,
        kind: CompanyKind,
        manager: bool,
        is_known: bool,
        place: int,
        order: Any,
        named: bool,
        keyed: bool,
        previewed: bool,
    ) -> None:
        above = self.company(parent)
        person = self.person(is_known, place) if manager else None
        self.act(
            by,
            above,
            create_company,
            above["id"],
            kind,
            self.next("Company "),
            {},
            self.user(place)["id"] if named else None,
            person,
            FirstOrder(order[0], order[1], assign=order[2]) if order else None,
            keyed=keyed,
            previewed=previewed,
        )

    @step(by=who, place=places, manager=st.none() | places, named=st.booleans())
    def update(self, by: Any, place: int, manager: int | None, named: bool) -> None:
        company = self.company(place)
        given: dict[str, Any] = {"industry": self.next("Trade ")}
        if named:
            given["account_manager_id"] = None if manager is None else self.user(manager)["id"]
        self.act(by, company, update_company, company["id"], given)

    @step(by=who, place=places, parent=places, previewed=sometimes)
    def move(self, by: Any, place: int, parent: int, previewed: bool) -> None:
        company, above = self.company(place), self.company(parent)
        top = self.world.rows["Company"][0]
        self.act(by, top, move_company, company["id"], above["id"], previewed=previewed)

    @step(by=who, place=places)
    def archive(self, by: Any, place: int) -> None:
        company = self.company(place)
        self.act(by, company, archive_company, company["id"], above=True)

    @step(by=who, place=places)
    def restore(self, by: Any, place: int) -> None:
        company = self.world.pick("Company", place, lambda row: row["archived_at"] is not None)
        if company is not None:
            self.act(by, company, restore_company, company["id"], above=True)

    @step(by=who, place=places)
    def enter(self, by: Any, place: int) -> None:
        company = self.company(place)
        self.act(by, company, enter_manage_mode, company["id"], None, above=True)

    @step(by=who, whole=sometimes)
    def leave(self, by: Any, whole: bool) -> None:
        if self.world.is_managing:
            self.act((by[0] // 4 * 4, by[1]), None, sign_out if whole else exit_manage_mode)

    # ── Orders ───────────────────────────────────────────────────────────────────────────────

    @step(
        by=who, place=places, kind=types, quantity=quantities, keyed=sometimes, previewed=sometimes
    )
    def request(
        self, by: Any, place: int, kind: LicenseType, quantity: int, keyed: bool, previewed: bool
    ) -> None:
        company = self.customer(place)
        self.act(
            by,
            company,
            request_licenses,
            company["id"],
            kind,
            quantity,
            "PO",
            None,
            keyed=keyed,
            previewed=previewed,
        )

    @step(by=who, place=places, quantity=st.none() | quantities, keyed=sometimes)
    def upgrade(self, by: Any, place: int, quantity: int | None, keyed: bool) -> None:
        company = self.world.pick("Company", place, lambda row: row["plan"] == "TRIAL")
        company = company or self.customer(place)
        self.act(
            by,
            company,
            upgrade_trial,
            company["id"],
            LicenseType.PREMIUM,
            quantity,
            None,
            keyed=keyed,
        )

    def order(
        self, place: int, *statuses: str, but: Container[UUID] = ()
    ) -> tuple[Row, Row] | tuple[None, None]:
        """An order in one of the states if there is any, the newest first."""

        def is_wanted(row: Row) -> bool:
            return row["status"] in statuses and row["id"] not in but

        order = self.world.pick("Order", -1 - place, is_wanted)
        return (None, None) if order is None else (order, self.company_of(order))

    @step(by=who, place=places, quantity=quantities)
    def change_order(self, by: Any, place: int, quantity: int) -> None:
        order, company = self.order(place, "REQUESTED")
        if order is not None:
            self.act(by, company, update_order, order["id"], {"quantity": quantity})

    @step(
        by=who, place=places, quantity=st.none() | quantities, keyed=sometimes, previewed=sometimes
    )
    def assign(
        self, by: Any, place: int, quantity: int | None, keyed: bool, previewed: bool
    ) -> None:
        order, company = self.order(place, "REQUESTED", "PARTIALLY_ASSIGNED")
        if order is not None:
            self.act(
                by,
                company,
                assign_order,
                order["id"],
                quantity,
                keyed=keyed,
                previewed=previewed,
                above=True,
            )

    @step(by=who, place=places, keyed=sometimes)
    def decline(self, by: Any, place: int, keyed: bool) -> None:
        order, company = self.order(place, "REQUESTED", "PARTIALLY_ASSIGNED")
        if order is not None:
            self.act(by, company, decline_order, order["id"], "No", keyed=keyed, above=True)

    @step(by=who, place=places, keyed=sometimes)
    def cancel(self, by: Any, place: int, keyed: bool) -> None:
        order, company = self.order(place, "REQUESTED", "PARTIALLY_ASSIGNED")
        if order is not None:
            self.act(by, company, cancel_order, order["id"], None, keyed=keyed)

    @step(by=who, place=places, keyed=sometimes)
    def give_back(self, by: Any, place: int, keyed: bool) -> None:
        used = {row["license_id"] for row in self.world.rows["Allocation"]}
        orders = {row["order_id"] for row in self.world.rows["License"] if row["id"] in used}
        order, company = self.order(place, "ASSIGNED", but=orders)
        if order is not None:
            self.act(by, company, return_order, order["id"], "Too many", keyed=keyed, above=True)

    # ── Licenses ─────────────────────────────────────────────────────────────────────────────

    @step(
        by=who,
        place=places,
        some=few,
        way=st.sampled_from(("ids", "emails", "expired")),
        kind=st.none() | types,
        order=st.none() | places,
        on_shortage=shortages,
        keyed=sometimes,
        previewed=sometimes,
    )
    def allocate(
        self,
        by: Any,
        place: int,
        some: list[int],
        way: str,
        kind: LicenseType | None,
        order: int | None,
        on_shortage: ShortagePolicy,
        keyed: bool,
        previewed: bool,
    ) -> None:
        company = self.company_with_licenses(place)
        ids = self.ids("User", some, company)
        emails = [self.user(at)["email"].upper() for at in some] + ["nobody@example.com"]
        learners = {
            "ids": Learners(user_ids=ids),
            "emails": Learners(emails=emails),
            "expired": Learners(all_expired=True),
        }[way]
        narrowed = self.ids("Order", [order], company) if order is not None else []
        wanted = Wanted(kind, narrowed[0] if narrowed else None, on_shortage)
        done = self.act(
            by,
            company,
            allocate_licenses,
            company["id"],
            learners,
            wanted,
            keyed=keyed,
            previewed=previewed,
        )
        if done is not None and way == "ids":
            told = len(done.result.licenses) + done.result.shortage
            assert told + len(done.result.already_licensed) == len(set(ids))

    @step(by=who, place=places, some=few, previewed=sometimes)
    def release(self, by: Any, place: int, some: list[int], previewed: bool) -> None:
        company = self.customer(place)
        ids = self.ids("License", some, company)
        self.act(by, company, release_licenses, ids, previewed=previewed)

    @step(by=who, place=places, to=places, keyed=sometimes)
    def reallocate(self, by: Any, place: int, to: int, keyed: bool) -> None:
        """Mostly to somebody who has none."""
        held = {row["holder_id"] for row in self.world.rows["License"]}
        license = self.world.pick("License", -1 - place, lambda row: row["holder_id"] is not None)
        if license is not None:
            company = self.company_of(license)
            theirs = self.world.pick(
                "User",
                to,
                lambda row: row["company_id"] == company["id"] and row["id"] not in held,
            )
            user = theirs or self.user(to, company)
            self.act(by, company, reallocate_license, license["id"], user["id"], keyed=keyed)

    # ── People ───────────────────────────────────────────────────────────────────────────────

    @step(
        by=who,
        place=places,
        new=st.lists(sometimes, max_size=3),
        at=places,
        allocate=st.booleans(),
        on_shortage=shortages,
        keyed=sometimes,
        previewed=sometimes,
    )
    def add(
        self,
        by: Any,
        place: int,
        new: list[bool],
        at: int,
        allocate: bool,
        on_shortage: ShortagePolicy,
        keyed: bool,
        previewed: bool,
    ) -> None:
        company = self.company_with_licenses(place)
        people = [self.person(is_known, at) for is_known in new]
        wanted = Wanted(on_shortage=on_shortage) if allocate else None
        self.act(
            by, company, add_users, company["id"], people, wanted, keyed=keyed, previewed=previewed
        )

    @step(
        by=who,
        place=places,
        new=st.lists(st.sampled_from((False, False, True)), max_size=3),
        at=places,
        allocate=st.booleans(),
        on_shortage=shortages,
        keyed=sometimes,
        previewed=sometimes,
    )
    def take_in_file(
        self,
        by: Any,
        place: int,
        new: list[bool],
        at: int,
        allocate: bool,
        on_shortage: ShortagePolicy,
        keyed: bool,
        previewed: bool,
    ) -> None:
        company = self.company_with_licenses(place)
        people = [
            Person(self.user(at, company)["email"], self.next("Name "))
            if is_known
            else self.person(False, at)
            for is_known in new
        ]
        rows = [sheets.Row(line, person.given) for line, person in enumerate(people, 2)]
        sheet = sheets.Sheet({name: name for name in ("email", "first_name")}, rows, [])
        wanted = Wanted(on_shortage=on_shortage) if allocate else None
        self.act(
            by,
            company,
            import_users,
            company["id"],
            sheet,
            wanted,
            keyed=keyed,
            previewed=previewed,
        )

    @step(by=who, place=places, address=st.none() | places, is_known=sometimes)
    def change_user(self, by: Any, place: int, address: int | None, is_known: bool) -> None:
        user = self.user(place)
        given = {"first_name": self.next("Name ")}
        if address is not None:
            given["email"] = self.person(is_known, address).email
        self.act(by, self.company_of(user), update_user, user["id"], given)

    @step(by=who, place=places, some=few, erase=st.booleans(), previewed=sometimes)
    def remove(self, by: Any, place: int, some: list[int], erase: bool, previewed: bool) -> None:
        company = self.customer(place)
        ids = self.ids("User", some, company)
        done = self.act(by, company, remove_users, ids, erase, previewed=previewed)
        if done is not None and erase:
            for id in ids:
                assert self.world.row("User", id)["email"] == f"erased-{id.hex}@invalid"
                assert {
                    mail["recipient"]
                    for mail in self.world.rows["Notification"]
                    if mail["user_id"] == id
                } <= {f"erased-{id.hex}@invalid"}

    @step(by=who, place=places, user=st.none() | places, is_known=sometimes, keyed=sometimes)
    def promote(self, by: Any, place: int, user: int | None, is_known: bool, keyed: bool) -> None:
        company = self.customer(place)
        id = None if user is None else self.user(user, company)["id"]
        person = self.person(is_known, place) if user is None else None
        self.act(by, company, add_manager, company["id"], id, person, keyed=keyed)

    @step(by=who, place=places)
    def demote(self, by: Any, place: int) -> None:
        user = self.world.pick("User", place, lambda row: row["role"] != "LEARNER")
        assert user is not None
        self.act(by, self.company_of(user), remove_manager, user["id"])

    @step(by=who, place=st.none() | places, muted=st.lists(st.sampled_from(NotificationTemplate)))
    def mute(self, by: Any, place: int | None, muted: list[NotificationTemplate]) -> None:
        user = None if place is None else self.user(place)["id"]
        self.act(by, None, update_notification_preferences, user, muted)

    # ── Once more ────────────────────────────────────────────────────────────────────────────

    @step(place=places)
    def ask_again(self, place: int) -> None:
        if self.world.calls:
            call = self.world.calls[place % len(self.world.calls)]
            self.go(self.world.again(call))


async def test_what_must_always_hold_holds_whatever_is_done(
    databases: Databases, request: pytest.FixtureRequest
) -> None:
    loop, lives = asyncio.get_running_loop(), request.config.getoption("--deep")
    begin: Any = partial(Machine, loop, databases, is_deep=bool(lives))

    await asyncio.to_thread(
        run_state_machine_as_test,
        begin,
        settings=deep(lives) if lives else ALWAYS,
    )
