"""A world of companies in which anybody tries anything at any time, checked after each call."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from models.access import Caller, caller_of
from models.companies import Company
from models.errors import Refusal, Unauthenticated
from models.orders import OPEN, Order
from models.sessions import Session, new_token
from models.users import managing_role
from resolvers.daily import run
from resolvers.performing import KEYS_LAST, Done, perform, previewing
from resolvers.reading.reader import Reader
from resolvers.reading.summaries import (
    Summary,
    license_summaries,
    order_days_elapsed,
    order_days_idle,
    order_days_used,
)
from resolvers.reading.windows import Scope
from resolvers.sessions import Entered
from tests.conftest import Clock
from tests.databases import Databases
from tests.factories import Make
from tests.invariants import breaches
from tests.kept import connected
from tests.properties import jobs
from tests.properties.changes import Changes, Row
from tests.properties.plain import plain
from tests.scene import How, Scene
from tests.snapshots import Snapshot, snapshot

FAR: Final = timedelta(days=36_500)
Operation = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Call:
    """One that was answered, and may be sent again."""

    caller: Caller
    operation: Operation
    arguments: tuple[Any, ...]
    key: str
    done: Done[Any]


class World:
    def __init__(self, databases: Databases) -> None:
        self.clock = Clock()
        self.rows: Snapshot = {}
        self.calls: list[Call] = []
        self._databases = databases
        self._stack = AsyncExitStack()
        self._tokens: dict[UUID, str] = {}
        self._managing: list[str] = []

    async def open(self) -> None:
        url = await self._stack.enter_async_context(self._databases.fresh())
        await self._stack.enter_async_context(connected(url))
        await Scene.set(Make(self.clock))
        self.rows = await snapshot()

    async def close(self) -> None:
        await self._stack.aclose()

    # ── Who and what ─────────────────────────────────────────────────────────────────────────

    def pick(
        self, table: str, place: int, wanted: Callable[[Row], bool] = lambda row: True
    ) -> Row | None:
        """One of the rows wanted, if there is any."""
        rows = [row for row in self.rows[table] if wanted(row)]
        return rows[place % len(rows)] if rows else None

    @property
    def is_managing(self) -> bool:
        return bool(self._managing)

    def row(self, table: str, id: UUID) -> Row:
        return next(row for row in self.rows[table] if row["id"] == id)

    async def caller(
        self, place: int, company: Row | None, *, able: bool, above: bool
    ) -> Caller | None:
        """Somebody; with `able`, one who manages the company or is above, be it in manage mode."""
        if place % 4 == 0 and not above:
            for token in self._managing[place % 3 :]:
                caller = await caller_of(token, self.clock())
                if caller is not None and (company is None or caller.reach(company["path"])):
                    return caller

        def can(user: Row) -> bool:
            if user["role"] == "LEARNER" or user["removed_at"] is not None:
                return False
            if self.row("Company", user["company_id"])["is_archived"] or company is None:
                return company is None
            is_own = company["path"] == user["path"]
            return company["path"].startswith(user["path"]) and not (above and is_own)

        user = self.pick("User", place, can) if able else self.pick("User", place)
        return await self.signed_in(user["id"]) if user is not None else None

    async def signed_in(self, id: UUID) -> Caller | None:
        """None for those who cannot be: removed, or of an archived company."""
        found = await caller_of(self._tokens.get(id, ""), self.clock())
        if found is not None:
            return found
        token = self._tokens[id] = new_token()
        session = Session.sign_in(id, token, at=self.clock())
        session.expires_at += FAR
        await session.save(force_create=True)
        self.rows["Session"] = await Session.all().order_by("id").values()
        return await caller_of(token, self.clock())

    # ── What is done ─────────────────────────────────────────────────────────────────────────

    async def act(
        self,
        caller: Caller | None,
        operation: Operation,
        *arguments: Any,
        key: str | None = None,
        preview: bool = False,
    ) -> Done[Any] | None:
        """Do it and check what it did; None if it was refused, which must have done nothing."""
        if caller is None:
            return None
        if preview:
            await self._preview(caller, operation, arguments)
        try:
            done = await perform(caller, self.clock, operation, *arguments, how=How(key))
        except (Refusal, Unauthenticated):
            await self._nothing_happened("a refused call")
            return None
        before, self.rows = self.rows, await snapshot()
        Changes(before, self.rows).check(caller, self.clock())
        await self.check()
        if isinstance(done.result, Entered):
            self._managing.append(done.result.token)
        if key is not None:
            call = Call(caller, operation, arguments, key, done)
            self.calls.append(call)
            await self.again(call)
        return done

    async def again(self, call: Call) -> None:
        """The same call, with its key: within a day nothing happens, and it is answered alike."""
        if self.clock() >= call.done.at + KEYS_LAST:
            self.calls.remove(call)
            await self.act(call.caller, call.operation, *call.arguments, key=call.key)
            return
        try:
            done = await perform(
                call.caller, self.clock, call.operation, *call.arguments, how=How(call.key)
            )
        except Unauthenticated:  # they have lost the right to ask meanwhile
            pass
        else:
            assert (done.result, done.notices) == (call.done.result, call.done.notices)
        await self._nothing_happened("a repeated call")

    async def _preview(
        self, caller: Caller, operation: Operation, arguments: tuple[Any, ...]
    ) -> None:
        try:
            async with previewing():
                await perform(caller, self.clock, operation, *arguments, how=How(preview=True))
        except (Refusal, Unauthenticated):
            pass
        await self._nothing_happened("a preview")

    async def _nothing_happened(self, what: str) -> None:
        after = await snapshot()
        self.rows["Tally"] = after["Tally"]
        assert after == self.rows, f"{what} changed something"

    async def move_clock(self, by: timedelta) -> None:
        self.clock.now += by
        await self.check()

    async def run_daily(self) -> None:
        """What the clock has brought is done, and once: by whichever of two comes to it."""
        await asyncio.gather(run(self.clock), run(self.clock))
        before, self.rows = self.rows, await snapshot()
        jobs.check(before, self.rows, self.clock())
        await self.check()
        await run(self.clock)
        await self._nothing_happened("another run of the daily jobs")

    # ── What must hold ───────────────────────────────────────────────────────────────────────

    async def check(self) -> None:
        assert await breaches(self.clock()) == {}
        await self._counts_are_plain()
        await self._days_of_orders_are_plain()

    async def _counts_are_plain(self) -> None:
        reader = Reader(self._vendor(), self.clock())
        companies = await Company.all().order_by("id")
        licenses, orders, stays = map(self._plain, ("License", "Order", "Allocation"))
        for scope in Scope:
            found = await license_summaries(reader, companies, scope=scope)
            for company in companies:
                assert found[company] == Summary(
                    company.id,
                    scope,
                    **plain(_within(licenses, company, scope), stays, self.clock()),
                    requested=sum(
                        order.quantity - order.assigned_quantity
                        for order in _within(orders, company, scope)
                        if order.status in OPEN
                    ),
                )

    async def _days_of_orders_are_plain(self) -> None:
        reader = Reader(self._vendor(), self.clock())
        orders, stays = await Order.all(), self._plain("Allocation")
        brought: dict[UUID, list[Any]] = {order.id: [] for order in orders}
        for license in self._plain("License"):
            brought[license.order_id].append(license)
        elapsed, used, idle = [
            await batch(reader, orders)
            for batch in (order_days_elapsed, order_days_used, order_days_idle)
        ]
        for order in orders:
            days = plain(brought[order.id], stays, self.clock())
            told = (days["license_days_elapsed"], days["license_days_used"])
            assert (elapsed[order], used[order], idle[order]) == (*told, told[0] - told[1])

    def _plain(self, table: str) -> list[Any]:
        return [SimpleNamespace(**row) for row in self.rows[table]]

    def _vendor(self) -> Caller:
        """Sees all; performs nothing."""
        vic, root = self.rows["User"][0], self.rows["Company"][0]
        return Caller(
            session_id=vic["id"],
            user_id=vic["id"],
            role=managing_role(root["kind"]),
            company_id=root["id"],
            path=root["path"],
            home_id=root["id"],
        )


def _within(rows: list[Any], company: Company, scope: Scope) -> list[Any]:
    return [
        row
        for row in rows
        if row.path.startswith(company.path)
        and (scope is not Scope.OWN or row.path == company.path)
        and (scope is not Scope.BELOW or row.path != company.path)
    ]
