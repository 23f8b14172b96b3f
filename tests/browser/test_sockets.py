"""What is told by itself, on a socket that may be anywhere on its way."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest_asyncio
from playwright.async_api import Page, Request, WebSocketRoute, expect

from app.sample import DARIO, ELI, HANA, MIA, PASSWORD, VERA
from tests.browser.dashboard import Dashboard
from tests.http.client import ADD_USERS, ALLOCATE, REALLOCATE, RELEASE, REQUEST, Client
from tests.http.server import Server

FORBIDDEN = 4403
GONE = 3000
SPELL = 0.01
"""Seconds between two changes when much happens."""
MUCH = 100
SOON = 30_000
"""Milliseconds."""
HELD = """
query { licenses(scope: OWN, filter: {status: ALLOCATED}, first: 1) {
  edges { node { id company { id } } }
} }"""
HARBORS = """
query { companies(filter: {name: {eq: "Harbor IT"}}) { edges { node { id licenses(
  filter: {status: ALLOCATED}, first: 1
) { edges { node { id } } } } } } }"""
SOCKET = """host => new Promise(tell => {
    const socket = new WebSocket(`ws://${host}/graphql`, "graphql-transport-ws");
    socket.onopen = () => tell("open");
    socket.onerror = () => tell("refused");
})"""
FETCH = """host => fetch(`http://${host}/graphql`).then(() => "answered", () => "refused")"""


class Sockets:
    """Those of a page: what is told on them may come again and again, or not at all."""

    def __init__(self) -> None:
        self.has_told = asyncio.Event()
        self.order_told = ""
        self._is_cut = False
        self._last: WebSocketRoute | None = None

    async def connect(self, socket: WebSocketRoute) -> None:
        if self._is_cut:
            await socket.close(code=GONE)
            return
        self._last = socket
        server = socket.connect_to_server()

        def tell(said: str | bytes) -> None:
            socket.send(said)
            if "licenseSummaryChanged" in str(said):
                self.has_told.set()
            if "orderChanged" in str(said):
                self.order_told = str(said)

        server.on_message(tell)

    async def tell_again(self, times: int) -> None:
        """What was told of an order last."""
        assert self._last is not None
        for _ in range(times):
            self._last.send(self.order_told)
            await asyncio.sleep(SPELL)

    async def cut(self) -> None:
        assert self._last is not None
        self._is_cut = True
        await self._last.close(code=GONE)

    def mend(self) -> None:
        self._is_cut = False


@pytest_asyncio.fixture
async def sockets(page: Page) -> Sockets:
    sockets = Sockets()
    await page.route_web_socket("**/graphql", sockets.connect)
    return sockets


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


async def test_neither_a_socket_nor_a_request_goes_to_another_host(
    page: Page, expected_errors: set[str]
) -> None:
    """Not even where something on a page would have it so."""
    calls: list[asyncio.StreamWriter] = []
    elsewhere = await asyncio.start_server(lambda _, back: calls.append(back), "127.0.0.1", 0)
    port = elsewhere.sockets[0].getsockname()[1]
    await page.goto("/")
    async with elsewhere:
        for call in (SOCKET, FETCH):
            assert await page.evaluate(call, f"127.0.0.1:{port}") == "refused"
    assert calls == []
    refused = "violates the following Content Security Policy directive: \"connect-src 'self'\"."
    expected_errors |= {
        f"Connecting to 'ws://127.0.0.1:{port}/graphql' {refused} The action has been blocked.",
        f"Connecting to 'http://127.0.0.1:{port}/graphql' {refused} The action has been blocked.",
        f"Fetch API cannot load http://127.0.0.1:{port}/graphql. Refused to connect because it"
        " violates the document's Content Security Policy.",
    }


async def test_what_others_do_is_read_once_and_what_was_missed_when_the_socket_is_back(
    dashboard: Dashboard, sockets: Sockets, canopy: Server
) -> None:
    page, reads = dashboard.page, list[str]()
    page.on("request", lambda request: reads.extend(_asked(request)))
    await page.clock.install()
    await dashboard.sign_in(HANA)
    sockets.has_told.clear()
    await dashboard.open("/orders/requested")
    await sockets.has_told.wait()
    async with httpx.AsyncClient(base_url=canopy.url, timeout=60) as http:
        eli = await Client(http).sign_in(ELI, PASSWORD)
        await page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
        reads.clear()
        first = (await eli.done(REQUEST, input={"quantity": 3}))["order"]["number"]
        await expect(page.get_by_text(f"New request {first}")).to_be_visible()
        await sockets.tell_again(MUCH)
        await page.clock.resume()
        await expect(dashboard.row(first)).to_be_visible()
        assert reads.count("Orders") == 1

        await sockets.cut()
        second = (await eli.done(REQUEST, input={"quantity": 4}))["order"]["number"]
    sockets.mend()
    await expect(dashboard.row(second)).to_be_visible()


async def test_lists_go_with_the_counts_above_them(
    dashboard: Dashboard, sockets: Sockets, canopy: Server
) -> None:
    await dashboard.sign_in(HANA)
    sockets.has_told.clear()
    await dashboard.open("/licenses/allocated")
    rows = dashboard.page.get_by_role("checkbox", name=re.compile("^Select (?!all)"))
    await expect(rows).to_have_count(3)
    await sockets.has_told.wait()
    await dashboard.page.get_by_role("button", name=re.compile("^Actions for")).last.click()
    release_it = dashboard.page.get_by_role("menuitem", name="Release")
    await release_it.wait_for()
    async with httpx.AsyncClient(base_url=canopy.url, timeout=60) as http:
        dario = await Client(http).sign_in(DARIO, PASSWORD)
        [harbor] = (await dario.ask(HARBORS))["edges"]
        [license] = harbor["node"]["licenses"]["edges"]
        released = await dario.done(RELEASE, input={"licenseIds": [license["node"]["id"]]})
        await expect(rows).to_have_count(2)
        await dashboard.has_counts(allocated=2)

        ids = [user["id"] for user in released["users"]]
        await dario.done(ALLOCATE, input={"companyId": harbor["node"]["id"], "userIds": ids})
    await expect(rows).to_have_count(3)
    await dashboard.has_counts(allocated=3)
    await expect(release_it).to_be_visible()


async def test_a_partner_sees_what_its_customers_do(
    dashboard: Dashboard, sockets: Sockets, canopy: Server
) -> None:
    """Of counts it is told at once; of all else it reads when it comes back, or a little later."""
    page = dashboard.page
    await page.clock.install()
    await dashboard.sign_in(HANA)
    sockets.has_told.clear()
    await dashboard.open("/companies")
    await sockets.has_told.wait()
    row = page.get_by_role("treeitem").filter(has_text="Birch Logistics").last
    available = row.get_by_text(re.compile(r"^Available [\d,]+$"))
    free = int((await available.inner_text()).split()[-1])
    async with httpx.AsyncClient(base_url=canopy.url, timeout=60) as http:
        mia = await Client(http).sign_in(MIA, PASSWORD)
        [license] = [edge["node"] for edge in (await mia.ask(HELD))["edges"]]
        company = license["company"]["id"]
        released = await mia.done(RELEASE, input={"licenseIds": [license["id"]]})
        await expect(available).to_have_text(f"Available {free + 1}")
        ids = [user["id"] for user in released["users"]]
        await mia.done(ALLOCATE, input={"companyId": company, "userIds": ids})
        await expect(available).to_have_text(f"Available {free}")

        await dashboard.manage("Birch Logistics")
        await dashboard.open("/users?filter=email.contains.@quiet.example")
        await expect(page.get_by_text("Nothing fits.")).to_be_visible()
        quiet: list[dict[str, str]] = []
        for number, look in enumerate((_come_back, _wait), 1):
            person = {"email": f"p{number}@quiet.example"}
            new = {"companyId": company, "users": [person], "allocate": False}
            quiet += (await mia.done(ADD_USERS, input=new))["users"]
            await look(page)
            await expect(dashboard.row(person["email"])).to_be_visible()
        await dashboard.open("/licenses/allocated?filter=userEmail.contains.@quiet.example")
        await expect(page.get_by_text("Nothing fits.")).to_be_visible()
        moved = {"licenseId": license["id"], "userId": quiet[0]["id"]}
        await mia.done(REALLOCATE, input=moved)
        await _wait(page)
        await expect(dashboard.row(quiet[0]["email"])).to_be_visible()


async def test_the_vendor_sees_soon_what_customers_do(dashboard: Dashboard, canopy: Server) -> None:
    """Nothing tells it of licenses beneath: it reads again as soon as that costs little."""
    await dashboard.page.add_init_script("performance.now = () => 0")  # no answer takes any time
    await dashboard.sign_in(VERA)
    await dashboard.open("/companies?search=Birch+Logistics")
    available = dashboard.row("Birch Logistics").get_by_role("cell").nth(3)
    free = int(await available.inner_text())
    async with httpx.AsyncClient(base_url=canopy.url, timeout=60) as http:
        mia = await Client(http).sign_in(MIA, PASSWORD)
        [license] = [edge["node"] for edge in (await mia.ask(HELD))["edges"]]
        released = await mia.done(RELEASE, input={"licenseIds": [license["id"]]})
        await expect(available).to_have_text(str(free + 1))
        ids = [user["id"] for user in released["users"]]
        company = license["company"]["id"]
        await mia.done(ALLOCATE, input={"companyId": company, "userIds": ids})


async def _come_back(page: Page) -> None:
    await page.evaluate("dispatchEvent(new Event('focus'))")


async def _wait(page: Page) -> None:
    await page.clock.fast_forward(SOON)


def _asked(request: Request) -> list[str]:
    """The name of the operation that a request of the API asks."""
    return re.findall(r'"operationName": ?"(\w+)"', request.post_data or "")
