"""1,000 sockets, each with a subscription, and one event that all of them hear."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from statistics import median
from typing import Any, Final

import httpx
import orjson

from app.clock import utc_now
from app.database import connected, migrate
from benchmarks.servers import canopy
from models.orders import Order
from schema.ids import global_id
from tests.factories import Make
from tests.http.sockets import ORDER_CHANGED, Socket, opened

SOCKETS: Final = 1_000
EVENTS: Final = 5
AT_ONCE: Final = 50
"""Sockets that are opened together."""
CHANGE: Final = """
mutation Change($id: ID!, $quantity: Int!) {
  updateOrder(input: {orderId: $id, quantity: $quantity}) { order { quantity } errors { code } }
}"""


async def listening(url: str, say: Callable[[str], None]) -> None:
    await migrate(url)
    async with connected(url):
        make = Make(utc_now)
        company = await make.company(await make.partner())
        manager, order = await make.manager(company), await make.order(company)
        token = await make.token(manager)
    limits = {
        "CANOPY_MAX_SOCKETS_PER_USER": str(2 * SOCKETS),
        "CANOPY_MAX_SUBSCRIPTIONS_PER_USER": str(2 * SOCKETS),
    }
    async with canopy("canopy", url, limits) as server, AsyncExitStack() as stack:
        address = f"http://127.0.0.1:{server.port}"
        sockets: list[Socket] = []
        while len(sockets) < SOCKETS:
            some = [_listen(stack, address, token) for _ in range(AT_ONCE)]
            sockets += await asyncio.gather(*some)
        memory = server.memory
        took = [await _told(sockets, address, token, order, 10 + n) for n in range(EVENTS)]
    say(
        f"One event to {SOCKETS:,} sockets: the last one has it after {1000 * median(took):.0f} ms "
        f"(median of {EVENTS}, this client's reading included); the server holds {memory:.0f} MiB."
    )


async def _listen(stack: AsyncExitStack, address: str, token: str) -> Socket:
    socket = await stack.enter_async_context(opened(address))
    await socket.sign_in(token)
    await socket.subscribe("a", ORDER_CHANGED)
    return socket


async def _told(
    sockets: list[Socket], address: str, token: str, order: Order, quantity: int
) -> float:
    """Seconds from the change until all have been told of it."""
    body: dict[str, Any] = {
        "query": CHANGE,
        "variables": {"id": global_id("Order", order.id), "quantity": quantity},
    }
    hearing = [asyncio.create_task(_hears(socket, quantity)) for socket in sockets]
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
        began = time.monotonic()
        answer = await http.post(f"{address}/graphql", json=body)
        assert orjson.loads(answer.content)["data"]["updateOrder"]["errors"] == [], answer.text
    await asyncio.gather(*hearing)
    return time.monotonic() - began


async def _hears(socket: Socket, quantity: int) -> None:
    while (await socket.told("a"))["quantity"] != quantity:
        pass
