"""A client of graphql-transport-ws over a real socket, which hides nothing of the protocol."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from tests.http.client import Json

PATIENCE: Final = 15.0
"""Seconds for a message: less than those after which a server looks by itself."""
PROTOCOL: Final = "graphql-transport-ws"
ORDER_CHANGED: Final = """
subscription($id: ID) { orderChanged(companyId: $id) { id status quantity company { name } } }"""
SUMMARY_CHANGED: Final = """
subscription($id: ID!, $scope: Scope = OWN) {
  licenseSummaryChanged(companyId: $id, scope: $scope) { total available expired requested }
}"""


class Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def next(self) -> Json:
        async with asyncio.timeout(PATIENCE):
            message: Json = json.loads(await self.connection.recv())
        return message

    async def sign_in(self, token: str | None) -> None:
        await self.send(
            type="connection_init", payload={"authorization": f"Bearer {token}"} if token else None
        )
        assert await self.next() == {"type": "connection_ack"}

    async def subscribe(self, name: str, query: str, **variables: Any) -> None:
        """Whatever is committed from now on is heard."""
        await self.send(type="subscribe", id=name, payload={"query": query, "variables": variables})
        await self.send(type="ping")
        assert await self.next() == {"type": "pong"}

    async def told(self, id: str) -> Any:
        """The one root field of the next message, which is of that subscription."""
        message = await self.next()
        assert (message["type"], message["id"]) == ("next", id), message
        assert message["payload"].keys() == {"data"}, message
        [value] = message["payload"]["data"].values()
        return value

    async def refused(self, id: str) -> str:
        """The code of the one error that ends that subscription."""
        message = await self.next()
        assert (message["type"], message["id"]) == ("error", id), message
        [error] = message["payload"]
        code: str = error["extensions"]["code"]
        return code

    async def closed(self) -> tuple[int, str]:
        """Code and reason of the server, which says nothing before."""
        with pytest.raises(ConnectionClosed) as closed:
            raise AssertionError(f"told {await self.next()}")
        received = closed.value.rcvd
        assert received is not None
        return received.code, received.reason


@asynccontextmanager
async def opened(
    url: str, *, origin: str | None = None, protocol: str | None = PROTOCOL
) -> AsyncIterator[Socket]:
    """Before `connection_init`."""
    address = url.replace("http", "ws", 1) + "/graphql"
    protocols = [Subprotocol(protocol)] if protocol else None
    async with connect(
        address,
        subprotocols=protocols,
        origin=Origin(origin) if origin else None,
        proxy=None,
        compression=None,
    ) as connection:
        yield Socket(connection)


@asynccontextmanager
async def signed_in(url: str, token: str | None) -> AsyncIterator[Socket]:
    async with opened(url) as socket:
        await socket.sign_in(token)
        yield socket
