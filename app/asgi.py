"""The web application: its routes, and what lives as long as it does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from app import health, logs, pages
from app.access import Access
from app.clock import utc_now
from app.database import opened, pending
from app.documents import Documents
from app.draining import Draining
from app.export import EXPORTS, Download
from app.graphql import INTERNAL_CODE, GraphQL, Sleep, refusal
from app.hearing import hearing
from app.memory import settle
from app.places import Places
from app.rates import Rates
from app.requests import JSON, BadRequest
from app.scraping import Metrics, kept_fresh
from app.settings import OTLP_ENDPOINT, Settings, WrongSettings, load
from app.subscriptions import Subscriptions
from app.worker import workers, working
from resolvers.work import Clock
from schema.build import schema
from schema.errors import UNEXPECTED

if TYPE_CHECKING:  # an extra
    from app.tracing import Tracing


class SchemaBehind(Exception):
    """The database lacks migrations; nothing is served before it has had them."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"The database lacks {', '.join(names)}. Run: canopy migrate")


def from_environment() -> Starlette:
    """What uvicorn calls in each of its processes."""
    settings = load()
    logs.configure(settings.log_format)
    app = create_app(settings)
    settle()
    return app


def create_app(
    settings: Settings,
    clock: Clock = utc_now,
    routes: Sequence[BaseRoute] = (),
    sleep: Sleep = asyncio.sleep,
) -> Starlette:
    """The application; `routes` are more of them, and `sleep` is what answers wait by."""
    rates, draining = Rates(settings, clock), Draining(settings.drain_seconds)
    tracing = _tracing(settings.otel_exporter_otlp_endpoint)
    graphql, others = _routes(settings, clock, rates, draining, sleep)
    return Canopy(
        settings,
        tracing,
        routes=[graphql, *others, *routes, *_pages(settings)],
        middleware=[Middleware(Shortcut, graphql)],
        exception_handlers={Exception: _failed, ClientDisconnect: _left, 404: pages.unknown},
        lifespan=lambda _: _alive(settings, clock, rates, draining, tracing),
    )


class Canopy(Starlette):
    """What is said of every answer is said of the answer to a failure, too."""

    def __init__(self, settings: Settings, tracing: "Tracing | None", **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self._tracing = tracing

    def build_middleware_stack(self) -> ASGIApp:
        settings, app = self._settings, super().build_middleware_stack()
        if settings.allowed_origins:
            app = CORSMiddleware(
                app,
                allow_origins=settings.allowed_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "X-Request-Id"],
                expose_headers=["Retry-After", "X-Request-Id"],
            )
        app = pages.SafeHeaders(app, is_https=settings.public_url.startswith("https:"))
        paths = {route.path for route in self.routes if isinstance(route, Route)}
        return Access(app, paths, self._tracing)


class Shortcut:
    """Leads to the one address that most requests are for without asking all that others need.

    Whatever is another address is found by the routes: `/graphql/` is led back to it, too.
    """

    def __init__(self, app: ASGIApp, route: Route) -> None:
        self._app = app
        self._path = route.path
        self._endpoint: ASGIApp = route.app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        with suppress(ClientDisconnect):
            await self._endpoint(scope, receive, send)


def _tracing(endpoint: str) -> "Tracing | None":
    if not endpoint:
        return None
    try:
        from app.tracing import Tracing
    except ModuleNotFoundError:
        raise WrongSettings([f"{OTLP_ENDPOINT} needs: pip install 'canopy[telemetry]'"]) from None
    return Tracing(endpoint)


def _routes(
    settings: Settings, clock: Clock, rates: Rates, draining: Draining, sleep: Sleep
) -> tuple[Route, list[BaseRoute]]:
    """The one of most requests, and the others."""
    core: Any = schema._schema
    documents, places = Documents(core, settings), Places(settings)
    endpoint = GraphQL(schema, settings, clock, rates, places, documents, sleep)
    graphql = Route("/graphql", endpoint)
    return graphql, [
        WebSocketRoute("/graphql", Subscriptions(core, settings, clock, rates, documents)),
        *(Route(f"/export/{name}.csv", Download(name, clock, rates, places)) for name in EXPORTS),
        Route("/set-password", pages.set_password),
        Route("/health/live", health.live),
        Route("/health/ready", health.Ready(draining).page),
        Route("/metrics", Metrics(settings, clock, rates).page),
        Mount("/static", StaticFiles(directory=pages.STATIC)),
    ]


def _pages(settings: Settings) -> list[BaseRoute]:
    """The dashboard and the explorer, where they are built; the explorer's page is at /graphql."""
    routes: list[BaseRoute] = []
    if pages.is_dashboard_built():
        routes += [Route(address, pages.dashboard) for address in pages.DASHBOARD_PAGES]
        routes += [Route("/demo.json", pages.nobody)]
        routes += [Mount("/assets", _assets(pages.DASHBOARD))]
    if settings.shows_explorer and pages.is_explorer_built():
        routes += [Mount("/explorer/assets", _assets(pages.EXPLORER))]
    if settings.shows_explorer:
        routes += [Route("/", pages.api)]
    return routes


def _assets(built: Path) -> ASGIApp:
    """Nothing in them is secret, so that their length may tell of it."""
    return GZipMiddleware(pages.Unchanging(directory=built / "assets"))


@asynccontextmanager
async def _alive(
    settings: Settings,
    clock: Clock,
    rates: Rates,
    draining: Draining,
    tracing: "Tracing | None",
) -> AsyncIterator[None]:
    async with opened(settings) as connection, AsyncExitStack() as stack:
        if tracing:
            stack.callback(tracing.close)
        stack.enter_context(draining.noticed())
        if behind := await pending(connection):
            raise SchemaBehind(behind)
        await stack.enter_async_context(hearing())
        await stack.enter_async_context(kept_fresh())
        if (settings.rate or settings.guess_rate) and not settings.on_sqlite:
            await stack.enter_async_context(rates.shared())
        if settings.embedded_worker:
            await stack.enter_async_context(working(workers(settings, clock), clock))
        yield


async def _failed(_: Request, __: Exception) -> Response:
    """Told by uvicorn, which is given the exception after the answer."""
    return refusal(BadRequest(500, INTERNAL_CODE, UNEXPECTED), JSON)


async def _left(_: Request, __: Exception) -> None:
    """Nobody is there to be answered; it is noted as such."""
