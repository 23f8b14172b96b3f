"""A client that does not read: how long it is waited for, and what that costs."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from app import connections, sockets
from models.base import new_id
from resolvers.changes import MOST_WAITING, Change, Watch
from tests.app.live import PATIENCE, serving, wait_until

CHUNK = 256 * 1024


class Hasty(sockets.Socket):
    patience = 0.3


@contextmanager
def deaf(address: str) -> Iterator[ClientConnection]:
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, port = address.removeprefix("http://").split(":")
        raw.connect((host, int(port)))
        with connect(
            f"ws://{host}:{port}/",
            sock=raw,
            compression=None,
            proxy=None,
            max_queue=1,
            close_timeout=0.1,  # nobody is there to say goodbye
        ) as client:
            yield client


def test_who_does_not_read_is_left_and_nothing_more_is_kept_for_them() -> None:
    sent, left = [0], []

    class Hastier(Hasty):
        linger = 0.3

    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while sent[0] < 400:
                await websocket.send_text("x" * CHUNK)
                sent[0] += 1
        except (WebSocketDisconnect, RuntimeError):
            left.append(True)

    app = Starlette(routes=[WebSocketRoute("/", talk)])
    with serving(app, ws=Hastier, ws_per_message_deflate=False) as address, deaf(address):
        wait_until(lambda: left)

    assert sent[0] < 100


def test_who_reads_on_too_late_is_told_why() -> None:
    given_up = []

    class Telling(Hasty):
        def _leave(self) -> None:
            super()._leave()
            given_up.append(True)

    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await websocket.send_text("x" * CHUNK)

    app = Starlette(routes=[WebSocketRoute("/", talk)])
    with serving(app, ws=Telling, ws_per_message_deflate=False) as address, deaf(address) as client:
        wait_until(lambda: given_up)
        with pytest.raises(ConnectionClosed) as closed:
            drain(client)

    told = closed.value.rcvd
    assert told is not None
    assert (told.code, told.reason) == (1013, "The client reads too slowly.")


def test_who_does_not_read_an_answer_is_left() -> None:
    sent, left = [0], []

    class HastyConnection(connections.Connection):
        patience = 0.3

    async def chunks() -> AsyncIterator[str]:
        try:
            while sent[0] < 400:
                yield "x" * CHUNK
                sent[0] += 1
                await asyncio.sleep(0)
        finally:
            left.append(True)

    async def answer(_: Request) -> StreamingResponse:
        return StreamingResponse(chunks())

    app = Starlette(routes=[Route("/", answer)])
    with serving(app, http=HastyConnection) as address, socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, port = address.removeprefix("http://").split(":")
        raw.connect((host, int(port)))
        raw.sendall(b"GET / HTTP/1.1\r\nHost: canopy.test\r\n\r\n")
        wait_until(lambda: left)

    assert sent[0] < 100


def drain(client: ClientConnection) -> None:
    while True:
        client.recv(PATIENCE)


def test_what_waits_for_one_who_lags_behind_is_bounded() -> None:
    watch = Watch()
    ids = [new_id() for _ in range(MOST_WAITING + 1)]
    for id in ids[:-1]:
        watch.hear(Change("a/", frozenset([id])))
        watch.hear(Change("a/", frozenset([id])))
    full = watch.take()
    for id in ids:
        watch.hear(Change("a/", frozenset([id])))

    assert full == (set(ids[:-1]), False)
    assert watch.take() == (set(), True)
    assert watch.take() == (set(), False)


def answered(client: socket.socket) -> tuple[int, bytes]:
    """Status and body, in however many parts they come."""
    answer = HTTPResponse(client)
    answer.begin()
    return answer.status, answer.read()


def test_a_head_without_end_is_refused() -> None:
    """And one that is long, but ends, is read."""

    async def told(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(request.headers["x"])))

    app = Starlette(routes=[Route("/", told)])
    with serving(app, **connections.of_connections()) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 40_000 + b"\r\n\r\n")
            answer = answered(client)
            with suppress(ConnectionError):
                client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nX: ")
                for _ in range(100):
                    client.sendall(b"x" * CHUNK)
            refused = b""
            with suppress(ConnectionError):
                while part := client.recv(CHUNK):
                    refused += part

    assert answer == (200, b"40000")
    assert refused == b"" or refused.startswith(b"HTTP/1.1 431 ")


BODY = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"


@contextmanager
def reading() -> Iterator[socket.socket]:
    """A client of a server that tells how long a body was, and what it was sent besides."""

    async def told(request: Request) -> PlainTextResponse:
        body = await request.body()
        return PlainTextResponse(f"{len(body)} {request.headers.get('x')}")

    app = Starlette(routes=[Route("/", told, methods=["POST"])])
    with serving(app, **connections.of_connections()) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
            yield client


def test_what_follows_a_body_is_no_header_of_it() -> None:
    with reading() as client:
        client.sendall(BODY + b"0\r\nX: too late\r\n\r\n")
        status, told = answered(client)

    assert (status, told) == (200, b"3 None")


@pytest.mark.parametrize(
    ("begun", "more"),
    [(b"0\r\nX: ", b"x"), (b"0\r\n", b"X: x\r\n"), (b"3;extension=", b"x")],
    ids=["a value", "many names", "an extension"],
)
def test_what_follows_a_body_or_parts_it_without_end_is_refused(begun: bytes, more: bytes) -> None:
    with reading() as client:
        sent, refused = 0, b""
        with suppress(ConnectionError):
            client.sendall(BODY + begun)
            for _ in range(200):
                client.sendall(more * (CHUNK // len(more)))
                sent += 1
        with suppress(ConnectionError):
            while part := client.recv(CHUNK):
                refused += part

    assert sent < 200
    assert refused == b"" or refused.startswith(b"HTTP/1.1 431 ")


def test_a_long_body_may_come_in_small_parts() -> None:
    with reading() as client:
        client.sendall(BODY + b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n")
        status, told = answered(client)

    assert (status, told) == (200, b"50003 None")
