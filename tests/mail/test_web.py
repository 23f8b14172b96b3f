"""Requests to strangers: where they go, where they never go, and what is kept of the answer.

Names are looked up, and connections made, by what the test puts in; those that are made go to
loopback alone.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import httpcore
import pytest
import pytest_asyncio
import trustme

from mail.web import TRIED, Unanswered, Web
from models.destinations import PUBLIC, Destinations
from tests.receiver import (
    HOST,
    Receiver,
    answers,
    drips,
    floods,
    hangs,
    hangs_up,
    mumbles,
)

LOCAL = Destinations(plain_http=True, loopback=True)
NAME = "hooks.example.com"
UNREACHED = (
    "The receiver cannot be reached: its name is unknown, its address is not public, "
    "or nobody answers there."
)


class Names:
    """A resolver: what it says of any name, each time the next; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.asked: list[tuple[str, int]] = []
        self._answers = list(answers)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Connector(httpcore.AsyncNetworkBackend):
    """Notes where a connection was to go; it goes to the receiver, or nowhere."""

    def __init__(self, receiver: Receiver | None = None, *, fails: Iterable[str] = ()) -> None:
        self.connected: list[tuple[str, int]] = []
        self._receiver = receiver
        self._fails = set(fails)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as httpcore declares it
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append((host, port))
        if self._receiver is None or host in self._fails:
            raise httpcore.ConnectError("refused")
        return await httpcore.AnyIOBackend().connect_tcp(HOST, self._receiver.port, timeout)


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


async def post(web: Web, url: str) -> int:
    try:
        return await web.post(url, {"webhook-id": "1"}, '{"type":"COMPANY_CREATED"}')
    finally:
        await web.close()


async def unanswered(web: Web, url: str) -> str:
    with pytest.raises(Unanswered) as why:
        await post(web, url)
    return str(why.value)


# ── Where it never goes ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],
        ["224.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["::ffff:8.8.8.8"],
        ["64:ff9b::a00:1"],
        ["2002:7f00:1::"],
        ["fe80::1%1"],
        ["8.8.8.8", "127.0.0.1"],
        ["2606:4700:4700::1111", "fd00::1"],
    ],
)
async def test_a_name_with_a_local_address_is_never_connected_to(addresses: list[str]) -> None:
    names, connector = Names(addresses), Connector()

    why = await unanswered(Web(PUBLIC, resolve=names, backend=connector), f"https://{NAME}/")

    assert why == UNREACHED
    assert names.asked == [(NAME, 443)]
    assert connector.connected == []


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:7f00:1]"])
async def test_a_local_number_is_never_looked_up_nor_connected_to(host: str) -> None:
    names, connector = Names(["8.8.8.8"]), Connector()

    await unanswered(Web(PUBLIC, resolve=names, backend=connector), f"https://{host}/")

    assert (names.asked, connector.connected) == ([], [])


async def test_a_name_that_changes_is_connected_to_where_it_was_checked() -> None:
    """What is connected to is an address, and the name is looked up once for each request."""
    names, connector = Names(["8.8.8.8"], ["127.0.0.1"]), Connector()
    web = Web(PUBLIC, resolve=names, backend=connector)

    first = await unanswered(web, f"https://{NAME}/")
    second = await unanswered(web, f"https://{NAME}/")

    assert (first, second) == (UNREACHED, UNREACHED)
    assert connector.connected == [("8.8.8.8", 443)]
    assert len(names.asked) == 2


async def test_outside_of_development_nothing_is_sent_by_plain_http(receiver: Receiver) -> None:
    """Whatever a row says that was written while it was allowed."""
    names, connector = Names(["8.8.8.8"]), Connector(receiver)

    why = await unanswered(Web(PUBLIC, resolve=names, backend=connector), f"http://{NAME}/")

    assert "https" in why
    assert (names.asked, connector.connected, receiver.requests) == ([], [], [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.does(answers(status, f"Location: {receiver.url}"))

    assert await post(Web(LOCAL), receiver.url) == status

    assert receiver.connections == 1


async def test_no_proxy_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{HOST}:1")
        monkeypatch.setenv(name.lower(), f"http://{HOST}:1")

    assert await post(Web(LOCAL), receiver.url) == 204


# ── Where it goes ────────────────────────────────────────────────────────────────────────────────


async def test_a_public_name_is_connected_to_by_its_address(receiver: Receiver) -> None:
    names, connector = Names(["8.8.8.8", "1.1.1.1"]), Connector(receiver)
    anywhere = Destinations(plain_http=True)

    status = await post(
        Web(anywhere, resolve=names, backend=connector), f"http://{NAME}:8080/hook?to=x"
    )

    assert status == 204
    assert connector.connected == [("8.8.8.8", 8080)]
    [request] = receiver.requests
    assert request.target == "/hook?to=x"
    assert request.body == b'{"type":"COMPANY_CREATED"}'
    assert request.headers == {
        "host": f"{NAME}:8080",
        "content-length": "26",
        "connection": "close",
        "webhook-id": "1",
    }


async def test_the_next_address_is_tried_where_one_does_not_answer(receiver: Receiver) -> None:
    addresses = ["8.8.8.8", "1.1.1.1", "9.9.9.9", "8.8.4.4"]
    some = Connector(receiver, fails=addresses[:2])
    none = Connector(receiver, fails=addresses)
    anywhere = Destinations(plain_http=True)

    status = await post(Web(anywhere, resolve=Names(addresses), backend=some), f"http://{NAME}/")
    why = await unanswered(Web(anywhere, resolve=Names(addresses), backend=none), f"http://{NAME}/")

    assert (status, why) == (204, UNREACHED)
    assert [host for host, _ in some.connected] == addresses[:3]
    assert [host for host, _ in none.connected] == addresses[:TRIED]


async def test_over_tls_the_name_is_what_is_trusted() -> None:
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    async with Receiver(theirs) as receiver:

        def web(tls: ssl.SSLContext | None) -> Web:
            backend = Connector(receiver)
            return Web(PUBLIC, resolve=Names(["8.8.8.8"]), backend=backend, tls=tls)

        assert await post(web(ours), f"https://{NAME}/hook") == 204
        other = await unanswered(web(ours), "https://other.example.com/hook")
        nobodys = await unanswered(web(None), f"https://{NAME}/hook")

    assert other == nobodys == "The receiver's certificate is not trusted."
    assert len(receiver.requests) == 1


async def test_the_system_looks_names_up(receiver: Receiver) -> None:
    assert await post(Web(LOCAL), f"http://localhost:{receiver.port}/") == 204


# ── What is kept of an answer ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [200, 202, 299, 400, 410, 429, 500, 503])
async def test_the_status_is_all_that_is_kept(receiver: Receiver, status: int) -> None:
    receiver.does(answers(status, "Set-Cookie: a=b", body=b"a secret"))

    assert await post(Web(LOCAL), receiver.url) == status


async def test_a_body_without_end_is_not_read(receiver: Receiver) -> None:
    receiver.does(floods)

    async with asyncio.timeout(10):
        assert await post(Web(LOCAL), receiver.url) == 200


@pytest.mark.parametrize("act", [hangs, drips])
async def test_an_answer_that_takes_too_long_is_none(receiver: Receiver, act: Any) -> None:
    receiver.does(act)

    why = await unanswered(Web(LOCAL, timeout=0.2), receiver.url)

    assert why == "The receiver did not answer in time."


async def test_a_look_up_that_takes_too_long_is_none() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    connector = Connector()

    why = await unanswered(
        Web(PUBLIC, timeout=0.2, resolve=never, backend=connector), f"https://{NAME}/"
    )

    assert why == "The receiver did not answer in time."
    assert connector.connected == []


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (hangs_up, "The receiver does not speak HTTP."),
        (mumbles, "The receiver does not speak HTTP."),
    ],
)
async def test_what_is_no_answer_is_none(receiver: Receiver, act: Any, expected: str) -> None:
    receiver.does(act)

    assert await unanswered(Web(LOCAL), receiver.url) == expected


async def test_nobody_there_is_no_answer(receiver: Receiver) -> None:
    await receiver.stop()

    assert await unanswered(Web(LOCAL), receiver.url) == UNREACHED


async def test_an_unknown_name_is_no_answer() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    why = await unanswered(Web(PUBLIC, resolve=unknown), f"https://{NAME}/")

    assert why == UNREACHED
