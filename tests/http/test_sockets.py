"""What the server makes of messages at its WebSocket, by the protocol graphql-transport-ws."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from app.database import migrate
from app.subscriptions import INIT_WITHIN
from tests.factories import PASSWORD
from tests.http.client import Client
from tests.http.server import Server
from tests.http.sockets import ORDER_CHANGED, PATIENCE, Socket, opened, signed_in
from tests.measured import refusals

EMAIL = "vera@vendor.example"
ALLOWED = "https://app.example"


@dataclass
class House:
    server: Server
    vera: Client

    @property
    def url(self) -> str:
        return self.server.url


@pytest_asyncio.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One server for all, with a vendor; it has small limits."""
    limits = {
        "CANOPY_ALLOWED_ORIGINS": ALLOWED,
        "CANOPY_MAX_MESSAGE_BYTES": "20000",
        "CANOPY_MAX_QUERY_LENGTH": "10000",
        "CANOPY_MAX_QUERY_TOKENS": "500",
        "CANOPY_MAX_QUERY_ALIASES": "5",
        "CANOPY_MAX_SOCKETS": "10",
        "CANOPY_MAX_SOCKETS_PER_USER": "3",
        "CANOPY_MAX_SUBSCRIPTIONS_PER_SOCKET": "2",
        "CANOPY_MAX_SUBSCRIPTIONS_PER_USER": "3",
    }
    async with _served(tmp_path_factory.mktemp("sockets"), **limits) as house:
        yield house


@asynccontextmanager
async def _served(folder: Path, **settings: str) -> AsyncIterator[House]:
    database_url = f"sqlite://{folder}/canopy.sqlite3"
    await migrate(database_url)
    settings |= {"CANOPY_EMBEDDED_WORKER": "false"}
    async with Server(database_url, 1, folder / "log", **settings) as server:
        server.run(
            *("create-vendor", "--name", "Vendor", "--email", EMAIL, "--password-stdin"),
            told=PASSWORD,
        )
        async with httpx.AsyncClient(base_url=server.url) as http:
            yield House(server, await Client(http).sign_in(EMAIL))
        assert "Traceback" not in (folder / "log").read_text()


@pytest_asyncio.fixture
async def socket(house: House) -> AsyncIterator[Socket]:
    """Of Vera, signed in."""
    async with signed_in(house.url, house.vera.token) as socket:
        yield socket


# ── Who is let in ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("protocol", [None, "graphql-ws", "soap"])
async def test_only_one_sub_protocol_is_spoken(house: House, protocol: str | None) -> None:
    async with opened(house.url, protocol=protocol) as socket:
        assert await socket.closed() == (4406, "Speak graphql-transport-ws.")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://app.example"])
async def test_a_page_of_another_origin_is_refused(house: House, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(house.url, origin=origin):
            pass

    assert refused.value.response.status_code == 403


async def test_pages_of_this_server_and_of_allowed_origins_may_come_in(house: House) -> None:
    for origin in (house.url, ALLOWED):
        async with opened(house.url, origin=origin) as socket:
            await socket.sign_in(house.vera.token)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"authorization": None},
        {"authorization": 7},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer nobodys"},
        {"authorization": "Basic dmVyYTp2ZXJh"},
        {"authorization": "Bearer nobodys", "Authorization": "Bearer nobodys"},
    ],
)
async def test_who_has_no_token_is_closed_with_4403(house: House, payload: object) -> None:
    async with opened(house.url) as socket:
        await socket.send(type="connection_init", payload=payload)

        code, reason = await socket.closed()

    assert (code, reason[:5]) == (4403, "Send ")


async def test_the_token_is_taken_from_connection_init_alone(house: House) -> None:
    """So that what a browser sends by itself never signs anybody in."""
    async with opened(house.url) as socket:
        await socket.send(
            type="connection_init", payload={"AUTHORIZATION": f"bearer {house.vera.token}"}
        )

        assert await socket.next() == {"type": "connection_ack"}


async def test_who_says_nothing_is_closed_with_4408(house: House) -> None:
    async with opened(house.url) as socket:
        await socket.send(type="ping")
        assert await socket.next() == {"type": "pong"}

        async with asyncio.timeout(INIT_WITHIN + PATIENCE):
            assert await socket.closed() == (4408, "Connection initialisation timeout")


async def test_subscribing_before_signing_in_is_closed_with_4401(house: House) -> None:
    async with opened(house.url) as socket:
        await socket.send(type="subscribe", id="1", payload={"query": ORDER_CHANGED})

        assert await socket.closed() == (4401, "Unauthorized")


async def test_a_second_init_is_closed_with_4429(socket: Socket) -> None:
    await socket.send(type="connection_init", payload={})

    assert await socket.closed() == (4429, "Too many initialisation requests")


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────

ASK = "subscription { orderChanged { id } }"
BAD = {
    "nothing": "",
    "no JSON": "{type: ping}",
    "an array": "[]",
    "null": "null",
    "a string": '"ping"',
    "no type": "{}",
    "a type that is none": '{"type": "start"}',
    "a type that is a number": '{"type": 1}',
    "one of the server": '{"type": "next", "id": "1", "payload": {}}',
    "a payload that is none": '{"type": "ping", "payload": 1}',
    "a payload in an array": '{"type": "connection_init", "payload": []}',
    "deep": '{"type": "ping", "payload": {"a":' + "[" * 9_000 + "]" * 9_000 + "}}",
    "a surrogate": '{"type": "ping", "payload": {"a": "\\ud800"}}',
    "bytes": b'{"type": "ping"}',
    "subscribe without an id": '{"type": "subscribe", "payload": {"query": "{ viewer }"}}',
    "subscribe with an empty id": '{"type": "subscribe", "id": "", "payload": {"query": "{ a }"}}',
    "subscribe with a number as id": '{"type": "subscribe", "id": 1, "payload": {"query": ""}}',
    "subscribe without a payload": '{"type": "subscribe", "id": "1"}',
    "subscribe to nothing": '{"type": "subscribe", "id": "1", "payload": {}}',
    "a query that is a number": '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
    "variables in an array": '{"type": "subscribe", "id": "1", "payload": {"query": "'
    + ASK
    + '", "variables": []}}',
    "a name that is a number": '{"type": "subscribe", "id": "1", "payload": {"query": "'
    + ASK
    + '", "operationName": 1}}',
    "complete without an id": '{"type": "complete"}',
}


@pytest.mark.parametrize("message", BAD.values(), ids=BAD.keys())
async def test_a_bad_message_is_closed_with_4400(socket: Socket, message: str | bytes) -> None:
    await socket.connection.send(message)

    code, reason = await socket.closed()

    assert code == 4400
    assert reason


@pytest.mark.parametrize("message", BAD.values(), ids=BAD.keys())
async def test_before_signing_in_too(house: House, message: str | bytes) -> None:
    async with opened(house.url) as socket:
        await socket.connection.send(message)

        code, _ = await socket.closed()

    assert code == (4401 if b'"subscribe"' in as_bytes(message) else 4400)


def as_bytes(message: str | bytes) -> bytes:
    return message.encode() if isinstance(message, str) else message


async def test_a_large_message_is_closed_with_1009(socket: Socket) -> None:
    await socket.send(type="ping", payload={"a": "a" * 20_000})

    code, _ = await socket.closed()

    assert code == 1009


async def test_pings_are_answered_and_pongs_are_not(socket: Socket) -> None:
    await socket.send(type="pong")
    await socket.send(type="ping", payload={"at": 1})

    assert await socket.next() == {"type": "pong"}


# ── Operations ───────────────────────────────────────────────────────────────────────────────────

REFUSED = {
    "{ viewer { user { id } } }": "METHOD_NOT_ALLOWED",
    "mutation { signOut { errors { code } } }": "METHOD_NOT_ALLOWED",
    "subscription {": "GRAPHQL_PARSE_FAILED",
    "subscription { nothing }": "GRAPHQL_VALIDATION_FAILED",
    "subscription { orderChanged { id } again: orderChanged { id } }": "GRAPHQL_VALIDATION_FAILED",
    "subscription { licenseSummaryChanged { total } }": "GRAPHQL_VALIDATION_FAILED",
    "subscription A { orderChanged { id } } query B { __typename }": "OPERATION_RESOLUTION_FAILURE",
    "subscription($id: ID!) { licenseSummaryChanged(companyId: $id) { total } }": "BAD_USER_INPUT",
    'subscription { licenseSummaryChanged(companyId: "junk") { total } }': "NOT_FOUND",
    'subscription { orderChanged(companyId: "junk") { id } }': "NOT_FOUND",
    "subscription { orderChanged { id } } #" + " " * 10_000: "QUERY_TOO_LARGE",
    "subscription { orderChanged {" + "".join(f" a{n}: id" for n in range(6)) + "} }": (
        "TOO_MANY_ALIASES"
    ),
    "subscription { orderChanged {" + " id" * 500 + "} }": "QUERY_TOO_LARGE",
}


@pytest.mark.parametrize(("query", "code"), REFUSED.items(), ids=range(len(REFUSED)))
async def test_what_cannot_be_run_is_an_error_of_its_own(
    socket: Socket, house: House, query: str, code: str
) -> None:
    """It is counted; the socket goes on, and the id is free again."""
    before = await refusals(house.url)
    for _ in range(2):
        await socket.send(type="subscribe", id="1", payload={"query": query})
        assert await socket.refused("1") == code

    assert await refusals(house.url) == before | {code: before.get(code, 0) + 2}
    await socket.send(type="ping")
    assert await socket.next() == {"type": "pong"}


async def test_the_same_id_twice_is_closed_with_4409(socket: Socket) -> None:
    await socket.subscribe("1", ORDER_CHANGED)
    await socket.send(type="subscribe", id="1", payload={"query": ORDER_CHANGED})

    assert await socket.closed() == (4409, "Subscriber for 1 already exists")


async def test_what_is_completed_is_over_and_its_id_free(socket: Socket, house: House) -> None:
    for _ in range(3):
        await socket.subscribe("1", ORDER_CHANGED)
        await socket.send(type="complete", id="1")
    await socket.send(type="complete", id="unknown")
    await socket.subscribe("2", ORDER_CHANGED)

    order = await house.vera.ask(REQUEST)

    assert (await socket.told("2"))["id"] == order["order"]["id"]
    await socket.send(type="ping")
    assert await socket.next() == {"type": "pong"}


REQUEST = "mutation { requestLicenses(input: {quantity: 1}) { order { id } errors { code } } }"


COUNTS = """subscription($id: ID!, $yes: Boolean!) {
  licenseSummaryChanged(companyId: $id) { total @include(if: $yes) expired @skip(if: $yes) }
}"""
ORDERS = """subscription($yes: Boolean!) {
  orderChanged { licenses { totalCount @include(if: $yes) edges @skip(if: $yes) { cursor } } }
}"""


async def test_variables_say_what_is_left_out_of_an_event(socket: Socket, house: House) -> None:
    home = (await house.vera.ask("{ viewer { company { id } } }"))["company"]["id"]

    await socket.send(
        type="subscribe", id="1", payload={"query": COUNTS, "variables": {"id": home, "yes": True}}
    )
    assert await socket.told("1") == {"total": 0}

    await socket.subscribe("2", ORDERS, yes=True)
    await house.vera.ask(REQUEST)
    assert await socket.told("2") == {"licenses": {"totalCount": 0}}


async def test_a_long_id_is_cut_in_the_reason(socket: Socket) -> None:
    id = "ä" * 200
    await socket.subscribe(id, ORDER_CHANGED)
    await socket.send(type="subscribe", id=id, payload={"query": ORDER_CHANGED})

    code, reason = await socket.closed()

    assert (code, reason) == (4409, "Subscriber for " + "ä" * 54)


# ── Limits ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_socket_has_few_subscriptions(socket: Socket) -> None:
    await socket.subscribe("1", ORDER_CHANGED)
    await socket.subscribe("2", ORDER_CHANGED)

    await socket.send(type="subscribe", id="3", payload={"query": ORDER_CHANGED})

    assert await socket.refused("3") == "RATE_LIMITED"
    await socket.send(type="complete", id="1")
    await socket.subscribe("3", ORDER_CHANGED)


async def test_a_user_has_few_subscriptions(house: House, socket: Socket) -> None:
    await socket.subscribe("1", ORDER_CHANGED)
    await socket.subscribe("2", ORDER_CHANGED)
    async with signed_in(house.url, house.vera.token) as second:
        await second.subscribe("1", ORDER_CHANGED)

        await second.send(type="subscribe", id="2", payload={"query": ORDER_CHANGED})

        assert await second.refused("2") == "RATE_LIMITED"


async def test_a_user_has_few_sockets(house: House, socket: Socket) -> None:
    token = house.vera.token
    async with (
        signed_in(house.url, token),
        signed_in(house.url, token),
        opened(house.url) as fourth,
    ):
        await fourth.send(type="connection_init", payload={"authorization": f"Bearer {token}"})

        code, reason = await fourth.closed()

    assert (code, reason) == (
        1013,
        "You have 3 sockets open (CANOPY_MAX_SOCKETS_PER_USER).",
    )


async def test_a_process_has_so_many_sockets(house: House) -> None:
    """Of whoever has not said anything yet, too."""
    async with AsyncExitStack() as sockets:

        async def open_them(number: int) -> None:
            for _ in range(number):
                await sockets.enter_async_context(opened(house.url))

        with pytest.raises(InvalidStatus) as refused:
            await open_them(11)

    assert refused.value.response.status_code == 503


@pytest_asyncio.fixture
async def strict(tmp_path: Path) -> AsyncIterator[House]:
    """As `house`, where one may ask three times a minute, and guess twice."""
    rates = {"CANOPY_RATE_LIMIT": "3 per day", "CANOPY_GUESS_LIMIT": "2 per day"}
    async with _served(tmp_path, **rates) as house:
        yield house


async def test_guesses_of_tokens_are_counted(strict: House) -> None:
    async def guess(token: str) -> tuple[int, str]:
        async with opened(strict.url) as socket:
            await socket.send(type="connection_init", payload={"authorization": token})
            return await socket.closed()

    codes = [(await guess(f"Bearer {number}"))[0] for number in range(2)]

    # One guess was the password that the fixture signed in with.
    assert codes == [4403, 1013]
    async with signed_in(strict.url, strict.vera.token):
        pass


async def test_subscribing_again_and_again_is_counted_for_the_token(strict: House) -> None:
    async with signed_in(strict.url, strict.vera.token) as socket:
        for number in range(3):
            await socket.subscribe(str(number), ORDER_CHANGED)
            await socket.send(type="complete", id=str(number))
        await socket.send(type="subscribe", id="last", payload={"query": ORDER_CHANGED})

        assert await socket.refused("last") == "RATE_LIMITED"


async def test_connecting_again_and_again_is_counted_for_the_address(strict: House) -> None:
    for _ in range(5 * 3 - 1):  # one request was the fixture's
        async with opened(strict.url):
            pass

    with pytest.raises(InvalidStatus) as refused:
        async with opened(strict.url):
            pass

    assert refused.value.response.status_code == 429
    assert int(refused.value.response.headers["retry-after"]) > 0


async def test_over_http_a_subscription_is_a_clean_400(house: House) -> None:
    answer = await house.vera.http.post("/graphql", json={"query": ORDER_CHANGED})

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert "graphql-transport-ws" in error["message"]
