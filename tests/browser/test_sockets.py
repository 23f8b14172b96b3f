"""What is told by itself, on a socket that may be anywhere on its way."""

import asyncio

from playwright.async_api import WebSocketRoute, expect

from app.sample import HANA
from tests.browser.dashboard import Dashboard

FORBIDDEN = 4403


async def test_whoever_leaves_before_the_socket_is_acknowledged_leaves_nothing_behind(
    dashboard: Dashboard,
) -> None:
    asked = asyncio.Event()
    held: list[WebSocketRoute] = []

    def hold(socket: WebSocketRoute) -> None:
        if held:
            socket.connect_to_server()
        else:
            held.append(socket)
            socket.on_message(lambda _: asked.set())

    await dashboard.page.route_web_socket("**/graphql", hold)
    await dashboard.sign_in(HANA)
    await asked.wait()
    await dashboard.sign_out()

    await held[0].close(code=FORBIDDEN, reason="The session has ended.")
    await dashboard.sign_in(HANA)
    await expect(dashboard.heading).to_have_text("Company")
