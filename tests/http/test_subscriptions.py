"""What subscribers are told by running servers: their own changes, and those of other processes."""

import asyncio
import contextlib
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from tortoise.transactions import in_transaction
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from app.clock import utc_now
from models.database import is_sqlite, rows
from models.licenses import LicenseType
from models.tokens import ApiScope, ApiToken
from resolvers.orders import request_licenses
from schema.ids import global_id
from tests.factories import Make
from tests.http.client import ASSIGN, EXIT, ORDERS, REQUEST, Client, Json
from tests.http.server import Server
from tests.http.sockets import ORDER_CHANGED, PATIENCE, PROTOCOL, SUMMARY_CHANGED, Socket, signed_in
from tests.scene import Do, Scene

WAITING = "SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
CANCEL = "mutation($input: CancelOrderInput!) { cancelOrder(input: $input) { errors { code } } }"
SIGN_OUT = "mutation { signOut { errors { code } } }"
MANY = 10
CUT = """SELECT pg_terminate_backend(pid) AS cut FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'LISTEN %'"""


@dataclass
class Street:
    """A server, and who is at work there: Pam above the customer, and Cora in it."""

    server: Server
    database_url: str
    folder: Path
    scene: Scene
    make: Make
    pam: Client
    cora: Client

    @property
    def customer(self) -> str:
        return global_id("Company", self.scene.customer.id)

    @property
    def partner(self) -> str:
        return global_id("Company", self.scene.partner.id)

    async def request(self, client: Client, quantity: int = 1, **more: object) -> str:
        asked = {"companyId": self.customer, "quantity": quantity, **more}
        order: str = (await client.done(REQUEST, input=asked))["order"]["id"]
        return order

    def another(self, **settings: str) -> Server:
        """A second process on the same database."""
        return Server(self.database_url, 1, self.folder / "another", **ALONE, **settings)


ALONE = {"CANOPY_EMBEDDED_WORKER": "false", "CANOPY_MAX_QUERY_ALIASES": "500"}


@pytest_asyncio.fixture
async def street(database: str, tmp_path: Path) -> AsyncIterator[Street]:
    make = Make(utc_now)
    scene = await Scene.set(make)
    async with (
        Server(database, 1, tmp_path / "log", **ALONE) as server,
        httpx.AsyncClient(base_url=server.url, timeout=60) as http,
    ):
        pam = Client(http, await make.token(scene.pam))
        cora = Client(http, await make.token(scene.cora))
        yield Street(server, database, tmp_path, scene, make, pam, cora)
    assert "Traceback" not in (tmp_path / "log").read_text()


async def test_a_partner_is_told_until_the_session_ends(street: Street) -> None:
    async with (
        signed_in(street.server.url, street.pam.token) as socket,
        signed_in(street.server.url, street.cora.token) as beneath,
    ):
        await beneath.subscribe("orders", ORDER_CHANGED)
        await socket.subscribe("orders", ORDER_CHANGED)
        await socket.send(
            type="subscribe",
            id="counts",
            payload={"query": SUMMARY_CHANGED, "variables": {"id": street.customer}},
        )
        first = await socket.told("counts")
        order = await street.request(street.cora, 3)
        requested = by_id([await socket.next(), await socket.next()])
        await street.pam.done(ASSIGN, input={"orderId": order, "quantity": 2})
        assigned = by_id([await socket.next(), await socket.next()])
        await street.pam.done(SIGN_OUT)
        await street.request(street.cora)

        assert first == counts(total=0, requested=0)
        assert requested == {
            "orders": order_as(order, "REQUESTED"),
            "counts": counts(total=0, requested=3),
        }
        assert assigned == {
            "orders": order_as(order, "PARTIALLY_ASSIGNED"),
            "counts": counts(total=2, requested=1),
        }
        assert await socket.closed() == (4403, "The session has ended.")
        told = [await beneath.told("orders") for _ in range(3)]
        assert [each["status"] for each in told] == ["REQUESTED", "PARTIALLY_ASSIGNED", "REQUESTED"]


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    "read",
    [
        "licenseSummaryChanged(companyId: $id) { total }",
        "orderChanged(companyId: $id) { licenses(first: 1) { totalCount } }",
    ],
)
async def test_who_subscribes_waits_no_longer_than_who_asks(street: Street, read: str) -> None:
    """For what the subscription reads by itself, and for what is selected of it."""
    order = await street.request(street.cora)
    impatient = street.another(CANOPY_MAX_OPERATION_SECONDS="0.5")
    async with (
        impatient as server,
        signed_in(server.url, street.pam.token) as socket,
        in_transaction() as elsewhere,
        asyncio.timeout(PATIENCE),
    ):
        await elsewhere.execute_query("LOCK TABLE licenses IN ACCESS EXCLUSIVE MODE")
        text = f"subscription($id: ID!) {{ {read} }}"
        await socket.subscribe("read", text, id=street.customer)
        await street.cora.done(CANCEL, input={"orderId": order})

        assert await socket.refused("read") == "OPERATION_TIMEOUT"
        while await rows(WAITING):  # noqa: ASYNC110 - until the database has heard of it
            await asyncio.sleep(0.01)


def by_id(messages: list[Json]) -> Json:
    return {each["id"]: next(iter(each["payload"]["data"].values())) for each in messages}


def order_as(id: str, status: str) -> Json:
    return {"id": id, "status": status, "quantity": 3, "company": {"name": "Customer"}}


def counts(total: int, requested: int) -> Json:
    return {"total": total, "available": total, "expired": 0, "requested": requested}


async def test_manage_mode_that_ends_ends_its_socket(street: Street) -> None:
    token = await street.make.manage_token(street.scene.paul, street.scene.customer)
    inside = Client(street.pam.http, token)
    async with signed_in(street.server.url, inside.token) as socket:
        await socket.subscribe("orders", ORDER_CHANGED)
        order = await street.request(street.pam)
        assert (await socket.told("orders"))["id"] == order
        await inside.done(EXIT)

        await street.request(street.pam)

        assert await socket.closed() == (4403, "The session has ended.")


async def test_a_process_that_is_killed_takes_no_event_of_another_with_it(street: Street) -> None:
    """What it committed is told by the other one, and so is what happens after it."""
    async with (
        street.another() as other,
        httpx.AsyncClient(base_url=other.url) as http,
        signed_in(other.url, street.pam.token) as socket,
    ):
        await socket.subscribe("orders", ORDER_CHANGED)
        first = await street.request(street.pam)
        told = [(await socket.told("orders"))["id"]]
        asking = [asyncio.create_task(ask_in_vain(street)) for _ in range(MANY)]
        told.append((await socket.told("orders"))["id"])
        street.server.kill()
        await asyncio.gather(*asking)
        beside = Client(http, street.pam.token)
        last = await street.request(beside)

        while set(told) != await there(beside):  # what was on its way may be committed only now
            told.append((await socket.told("orders"))["id"])

        assert (told[0], last in told) == (first, True)
    await street.server.start()


async def there(client: Client) -> set[str]:
    return {each["node"]["id"] for each in (await client.ask(ORDERS))["edges"]}


async def ask_in_vain(street: Street) -> None:
    with contextlib.suppress(httpx.TransportError):
        await street.request(street.pam)


async def test_what_happens_while_a_server_cannot_hear_the_others_is_told_once_it_can(
    street: Street,
) -> None:
    """This process is another one to the server. On PostgreSQL what it listens by is cut."""
    do = Do(utc_now)
    async with signed_in(street.server.url, street.pam.token) as socket:
        await socket.subscribe("orders", ORDER_CHANGED)
        asked = street.scene.cora, request_licenses, None, LicenseType.PREMIUM
        told, made = [], []

        for cut in (False, True, False):
            if cut and not is_sqlite():
                assert await rows(CUT) == [{"cut": True}]
            made.append(global_id("Order", (await do(*asked, 1)).order_id))
            told.append((await socket.told("orders"))["id"])

        assert told == made


async def test_an_api_token_hears_what_its_scope_and_its_creator_may_see_until_it_is_revoked(
    street: Street,
) -> None:
    scene, url = street.scene, street.server.url
    reads = await street.make.api_token(scene.cora, ApiScope.READ)
    writes = await street.make.api_token(scene.cora, ApiScope.ORDERS_REQUEST)
    async with signed_in(url, reads) as socket, signed_in(url, writes) as deaf:
        await deaf.send(type="subscribe", id="orders", payload={"query": ORDER_CHANGED})
        assert await deaf.refused("orders") == "FORBIDDEN"
        above = {"query": ORDER_CHANGED, "variables": {"id": street.partner}}
        await socket.send(type="subscribe", id="above", payload=above)
        assert await socket.refused("above") == "NOT_FOUND"
        await socket.subscribe("orders", ORDER_CHANGED)

        order = await street.request(street.cora)

        assert (await socket.told("orders"))["id"] == order
        used = await ApiToken.all().values_list("last_used_at", flat=True)
        assert None not in used
        await ApiToken.all().update(revoked_at=utc_now())
        await street.request(street.cora)
        assert await socket.closed() == (4403, "The session has ended.")


async def test_who_reads_nothing_delays_neither_the_others_nor_the_end(street: Street) -> None:
    wide = "".join(f" a{number}: note" for number in range(450))
    async with (
        signed_in(street.server.url, street.pam.token) as socket,
        deaf(street.server.url) as slow,
    ):
        await slow.sign_in(street.pam.token)
        await slow.subscribe("orders", f"subscription {{ orderChanged {{ id {wide} }} }}")
        await socket.subscribe("orders", ORDER_CHANGED)
        slow.connection.transport.pause_reading()

        for _ in range(MANY):
            order = await street.request(street.cora, note="n" * 2_000)
            assert (await socket.told("orders"))["id"] == order
        async with asyncio.timeout(10):  # requests have 20 seconds to finish, and this is none
            await street.server.stop()

        assert await socket.closed() == (1012, "")
    await street.server.start()


@asynccontextmanager
async def deaf(url: str) -> AsyncIterator[Socket]:
    """A socket with little room of its own for what it does not read."""
    host, port = url.removeprefix("http://").split(":")
    with sockets.socket() as raw:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.connect((host, int(port)))
        raw.setblocking(False)
        connection = await connect(
            f"{url.replace('http', 'ws', 1)}/graphql",
            sock=raw,
            subprotocols=[Subprotocol(PROTOCOL)],
            compression=None,
            proxy=None,
        )
        try:
            yield Socket(connection)
        finally:
            connection.transport.abort()
