"""HTTP to strangers: a request to a URL that anybody may have named, and the status of the answer.

A name is looked up here, every address that it has is checked, and one of those checked is
connected to: who asks twice may be told two things. Nothing else decides where a request goes: no
redirect is followed, no proxy is asked, no connection is kept.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

import httpcore

from models.destinations import Address, Destinations, numeric
from models.errors import InvalidInput

TRIED: Final = 3
"""Addresses of one name."""
UNREACHED: Final = (
    "The receiver cannot be reached: its name is unknown, its address is not public, "
    "or nobody answers there."
)
"""One text for all of it, so that nobody can ask which names and addresses our network has."""
LOOKUPS: Final = 32
"""At once, on threads of their own: a name server that hangs holds up nobody's password."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""All addresses of a name. Raises OSError."""


class Unanswered(Exception):
    """There is no answer; the message says why, and is fit to be shown."""


class Forbidden(Exception):
    """An address of this name is none that may be connected to."""


class Web:
    """Sends requests. `timeout` is the seconds for all of one, and `connect` for connecting.

    `resolve` and `backend` look names up and connect; `tls` says whom to trust, or else the system.
    """

    def __init__(
        self,
        destinations: Destinations,
        *,
        timeout: float = 20.0,
        connect: float = 5.0,
        resolve: Resolve | None = None,
        backend: httpcore.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._destinations = destinations
        self._timeout = timeout
        self._connect = connect
        self._lookups = ThreadPoolExecutor(LOOKUPS, "lookup")
        self._backend = Checked(destinations, resolve or self._resolve, backend)
        self._tls = tls or ssl.create_default_context()

    @property
    def longest(self) -> timedelta:
        """How long a request may take at most, however many steps."""
        return timedelta(seconds=self._timeout)

    async def post(self, url: str, headers: Mapping[str, str], body: str) -> int:
        """The status of the answer, of which nothing else is read. Raises Unanswered."""
        try:
            self._destinations.take_in(url)
            async with asyncio.timeout(self._timeout):
                return await self._send(httpcore.URL(url), headers, body.encode())
        except InvalidInput as fault:
            raise Unanswered(fault.message) from fault
        except Forbidden as fault:
            raise Unanswered(UNREACHED) from fault
        except (TimeoutError, httpcore.TimeoutException) as fault:
            raise Unanswered("The receiver did not answer in time.") from fault
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError) as fault:
            raise Unanswered(_trouble(fault)) from fault

    async def close(self) -> None:
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def _send(self, url: httpcore.URL, headers: Mapping[str, str], body: bytes) -> int:
        connection = httpcore.AsyncHTTPConnection(
            url.origin, ssl_context=self._tls, network_backend=self._backend
        )
        try:
            sent = connection.stream(
                "POST",
                url,
                headers=[
                    (b"Host", _host(url)),
                    (b"Content-Length", str(len(body)).encode()),
                    (b"Connection", b"close"),
                    *((name.encode(), value.encode()) for name, value in headers.items()),
                ],
                content=body,
                extensions={"timeout": {"connect": self._connect}},
            )
            async with sent as response:
                return response.status
        finally:
            await connection.aclose()

    async def _resolve(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(address[0]) for *_, address in found]


class Checked(httpcore.AsyncNetworkBackend):
    """Connects to addresses that are allowed, and to no name that has another one."""

    def __init__(
        self,
        destinations: Destinations,
        resolve: Resolve,
        backend: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._destinations = destinations
        self._resolve = resolve
        self._backend = backend or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as httpcore declares it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises Forbidden before anything is connected."""
        addresses = await self._addresses(host, port)
        if not all(self._destinations.allows(address) for address in addresses):
            raise Forbidden
        error: Exception | None = None
        for address in addresses[:TRIED]:
            try:
                return await self._backend.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
        raise error or httpcore.ConnectError("no address")

    async def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            return [numeric(host)]
        except ValueError:
            found = await self._resolve(host, port)
        return [numeric(address) for address in dict.fromkeys(found)]


def _host(url: httpcore.URL) -> bytes:
    name = b"[" + url.host + b"]" if b":" in url.host else url.host
    usual = {b"https": 443, b"http": 80}[url.scheme]
    return name if url.port in {None, usual} else name + b":" + str(url.port).encode()


def _trouble(fault: Exception) -> str:
    """Why there was no answer, in words of ours."""
    match fault.__context__ or fault:
        case ssl.SSLCertVerificationError():
            return "The receiver's certificate is not trusted."
        case ssl.SSLError():
            return "No safe connection to the receiver."
    match fault:
        case httpcore.ConnectError() | OSError():
            return UNREACHED
        case httpcore.ProtocolError():
            return "The receiver does not speak HTTP."
    return "The connection to the receiver broke."
