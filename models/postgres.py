"""Tortoise's asyncpg backend, with transactions that give their connection back in any case.

Its own keeps it when a task is cancelled while it begins: after a few of these the pool is empty.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from inspect import Parameter, signature
from typing import Any, Final

import asyncpg
from asyncpg.transaction import TransactionState
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError

POOLS: Final = {"min_size", "max_size"}
"""What a pool is told, and a connection is not."""


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """Of the pool, where nobody leaves anything behind in a session: locks end with transactions,
    and who listens has a connection aside. So nothing is to be reset after each statement.
    """

    patience = 5.0
    """Seconds for PostgreSQL to say that a statement has ended that nobody waits for any more."""

    def get_reset_query(self) -> str:
        return ""

    async def _cancel(self, *waiters: Any) -> None:
        """Then the connection is given up. Whoever gives it back waits for this, and would wait for
        ever, long after their own time, where PostgreSQL is cut off."""
        giving_up = self._loop.call_later(self.patience, self.terminate)
        try:
            await super()._cancel(*waiters)
        finally:
            giving_up.cancel()


class Pool(asyncpg.Pool):  # type: ignore[misc]
    """Hands on what was just given back as it is.

    asyncpg looks each connection over in a task of its own, which costs as much as a short
    statement. Here that is done when a connection is not well, or nobody has wanted it for a while.
    """

    patience = 0.5
    """Seconds."""

    def __init__(self, **options: Any) -> None:
        usual = {
            name: each.default
            for name, each in signature(asyncpg.create_pool).parameters.items()
            if each.default is not Parameter.empty
        }
        super().__init__(**usual | options)
        self._at_hand: list[asyncpg.pool.PoolConnectionProxy] = []
        self._waiting = 0
        self._round: asyncio.TimerHandle | None = None
        self._given_back: set[asyncio.Task[None]] = set()

    async def _acquire(
        self,
        timeout: float | None,  # noqa: ASYNC109
    ) -> asyncpg.pool.PoolConnectionProxy:
        while self._at_hand:
            connection = self._at_hand.pop()
            if not _is_gone(connection):
                return connection
            await super().release(connection)
        self._waiting += 1
        try:
            return await super()._acquire(timeout)
        finally:
            self._waiting -= 1

    async def release(
        self,
        connection: asyncpg.pool.PoolConnectionProxy,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> None:
        if self._waiting or self._closing or not _is_well(connection):
            await super().release(connection, timeout=timeout)
        else:
            self._hand_on(_renewed(connection))

    async def release_unseen(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        """As `release`, of a connection that only its own reader has had."""
        if self._waiting or self._closing or not _is_well(connection):
            await super().release(connection)
        else:
            self._hand_on(connection)

    def _hand_on(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        self._at_hand.append(connection)
        if self._round is None:
            self._round = self._loop.call_later(self.patience, self._give_back)

    def _give_back(self) -> None:
        self._round = None
        while self._at_hand:
            task = self._loop.create_task(super().release(self._at_hand.pop()))
            self._given_back.add(task)
            task.add_done_callback(self._given_back.discard)

    async def close(self) -> None:
        self._closing = True
        if self._round is not None:
            self._round.cancel()
        self._give_back()
        await super().close()

    def get_idle_size(self) -> int:
        alive = [each for each in self._at_hand if not _is_gone(each)]
        return int(super().get_idle_size()) + len(alive)


def _renewed(connection: asyncpg.pool.PoolConnectionProxy) -> asyncpg.pool.PoolConnectionProxy:
    """As asyncpg does it: whoever still holds the old one can do nothing with it, nor give it back
    again, and what was prepared by it is void."""
    holder = connection._holder
    connection._con._on_release()
    connection._detach()
    holder._proxy = asyncpg.pool.PoolConnectionProxy(holder, holder._con)
    return holder._proxy


def _is_gone(connection: asyncpg.pool.PoolConnectionProxy) -> bool:
    return connection._con is None or bool(connection._con.is_closed())


def _is_well(connection: asyncpg.pool.PoolConnectionProxy) -> bool:
    raw = connection._con
    return not (
        raw is None
        or raw.is_closed()
        or raw._protocol.is_in_transaction()
        or raw._protocol._is_cancelling()
        or raw._listeners
        or raw._log_listeners
    )


class Accompanied(asyncpg.transaction.Transaction):  # type: ignore[misc]
    """Sends one statement along with BEGIN, and others along with COMMIT: the way to PostgreSQL and
    back takes longer than what they do there. The outermost one of its connection."""

    def __init__(self, connection: asyncpg.Connection, first: str) -> None:
        super().__init__(connection, None, False, False)
        self._first = first
        self.last: list[str] = []

    async def start(self) -> None:
        self._connection._top_xact = self
        await self._send(TransactionState.STARTED, "BEGIN", self._first)

    async def commit(self) -> None:
        self._connection._top_xact = None
        await self._send(TransactionState.COMMITTED, *self.last, "COMMIT")

    async def _send(self, state: TransactionState, *statements: str) -> None:
        self._state = TransactionState.FAILED
        await self._connection.execute("; ".join(statements))
        self._state = state


class Transaction(TransactionWrapper):
    first = ""
    """A statement that it begins with."""

    async def begin(self) -> None:
        self.transaction = Accompanied(self._connection._con, self.first)
        await self.transaction.start()

    def end_with(self, statement: str) -> None:
        """Send it along with COMMIT."""
        assert isinstance(self.transaction, Accompanied)
        self.transaction.last.append(statement)

    async def read(
        self, statement: str, values: Sequence[Any], kind: type[asyncpg.Record] | None
    ) -> list[asyncpg.Record]:
        async with self._lock:
            return await _read(self, self._connection, statement, values, kind)


class PooledTransaction(TransactionContextPooled):
    def begin_with(self, statement: str) -> None:
        """Send it along with BEGIN."""
        client: Any = self.client
        client.first = statement

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        self.client._connection = await self.client._parent._pool.acquire()
        try:
            await self.client.begin()
        except BaseException:
            await self._give_back()
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def __aexit__(self, error: Any, *_: object) -> None:
        get_connections().reset(self.token)
        try:
            if error:
                await self._undo()
            elif not self.client._finalized:
                await self.client.commit()
        finally:
            await self._give_back()

    async def _undo(self) -> None:
        """A broken connection says no more than the error that is on its way."""
        if not self.client._finalized:
            with suppress(asyncpg.InterfaceError, asyncpg.PostgresConnectionError):
                await self.client.rollback()

    async def _give_back(self) -> None:
        """The pool ends whatever is left open in it."""
        await self.client._parent._pool.release(self.client._connection)


class Client(AsyncpgDBClient):
    connection_class = Connection

    async def create_pool(self, **options: Any) -> asyncpg.Pool:
        return await Pool(**options)

    async def read(
        self, statement: str, values: Sequence[Any], kind: type[asyncpg.Record] | None
    ) -> list[asyncpg.Record]:
        """Rows as asyncpg makes them, of class `kind`."""
        if self._pool is None:
            async with self._pool_init_lock:
                if self._pool is None:
                    await self.create_connection(with_db=True)
        pool: Any = self._pool
        connection = await pool._acquire(None)
        try:
            return await _read(self, connection._con, statement, values, kind)
        finally:
            await pool.release_unseen(connection)

    async def connect_aside(self) -> asyncpg.Connection:
        """A connection outside of the pool, for who keeps it. The pool must be open."""
        template = {name: self._template[name] for name in self._template.keys() - POOLS}
        return await asyncpg.connect(password=self.password, **template)

    def pool_use(self) -> tuple[int, int, int] | None:
        """How many connections there are, are at work, and may be; None before the first one."""
        pool = self._pool
        if pool is None:
            return None
        size = pool.get_size()
        return size, size - pool.get_idle_size(), pool.get_max_size()

    def _in_transaction(self) -> TransactionContext:
        return PooledTransaction(Transaction(self), self._pool_init_lock)


async def _read(
    client: AsyncpgDBClient,
    connection: asyncpg.Connection,
    statement: str,
    values: Sequence[Any],
    kind: type[asyncpg.Record] | None,
) -> list[asyncpg.Record]:
    client.log.debug("%s: %s", statement, values)
    try:
        found: list[asyncpg.Record] = await connection.fetch(statement, *values, record_class=kind)
    except (asyncpg.SyntaxOrAccessError, asyncpg.exceptions.DataError) as error:
        raise OperationalError(error) from error
    return found


client_class = Client
