"""The pages that this server has itself; they load nothing from anywhere else."""

import re
from collections.abc import Collection
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
)
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC: Final = Path(__file__).parent / "static"
EXPLORER: Final = Path(__file__).parent / "explorer"
"""GraphiQL, where `make explorer` has built it."""
DASHBOARD: Final = Path(__file__).parent / "dashboard"
"""The dashboard, where `make dashboard` has built it."""
DASHBOARD_PAGES: Final = (
    "/",
    "/companies",
    "/companies/{id}",
    "/licenses",
    "/licenses/{state}",
    "/orders",
    "/orders/{which}",
    "/users",
    "/users/import",
    "/my-license",
    "/overview",
    "/sent-mail",
    "/audit-trail",
)
"""The addresses that its router knows: `dashboard/source/routes.tsx`."""
NONCE: Final = "{{nonce}}"
NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
OWN_FILES: Final = f"{NOTHING}; script-src 'self'; style-src 'self'; connect-src 'self'"
EXPLORERS_FILES: Final = (
    f"{NOTHING}; script-src 'self'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src data:"
)
"""Styles may be inline: its editor, Monaco, writes each line of text as HTML with a `style` of its
own, and its themes as elements. Its fonts and some images are data in its stylesheet."""
DASHBOARDS_FILES: Final = (
    f"{NOTHING}; script-src 'self'; style-src 'self' 'nonce-{NONCE}'; connect-src 'self'; "
    "font-src 'self'; img-src 'self' data:"
)
"""Its components write style elements of their own, with the nonce of the page."""
POLICY: Final = "content-security-policy"
FOREVER: Final = "public, max-age=31536000, immutable"
HASHED: Final = re.compile(r"-[\w-]{8}\.")


def page(name: str) -> FileResponse:
    headers = {POLICY: OWN_FILES, "Cache-Control": "no-cache"}
    return FileResponse(STATIC / f"{name}.html", headers=headers)


def explorer() -> FileResponse:
    """GraphiQL; where it is not built, a page that says how."""
    if not is_explorer_built():
        return page("api")
    headers = {POLICY: EXPLORERS_FILES, "Cache-Control": "no-cache"}
    return FileResponse(EXPLORER / "index.html", headers=headers)


def is_explorer_built() -> bool:
    return (EXPLORER / "index.html").is_file()


async def dashboard(_: Request) -> Response:
    """Whichever page of it is asked for: its router shows the right one."""
    nonce = token_urlsafe(16)
    page = (DASHBOARD / "index.html").read_text(encoding="utf-8")
    headers = {POLICY: DASHBOARDS_FILES.replace(NONCE, nonce), "Cache-Control": "no-store"}
    return HTMLResponse(page.replace(NONCE, nonce), headers=headers)


async def unknown(request: Request, _: Exception) -> Response:
    """To a browser the dashboard, which says so and has its menu; to others no more than that."""
    if not is_dashboard_built() or "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse("Not Found", 404)
    response = await dashboard(request)
    response.status_code = 404
    return response


def is_dashboard_built() -> bool:
    return (DASHBOARD / "index.html").is_file()


async def nobody(_: Request) -> Response:
    """Who may sign in by one click: nobody, but in the demo."""
    return JSONResponse([])


class Unchanging(StaticFiles):
    """Files whose names change with what is in them; of others among them it is asked each time."""

    def file_response(self, full_path: Any, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(full_path, *args, **kwargs)
        is_hashed = HASHED.search(Path(full_path).name)
        response.headers["Cache-Control"] = FOREVER if is_hashed else "no-cache"
        return response


async def set_password(_: Request) -> Response:
    return page("set-password")


async def api(_: Request) -> Response:
    """Where the API is, for one who opens its address in a browser."""
    return page("api")


class SafeHeaders:
    """What a browser is to be told with every answer; an answer may say less of its own."""

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self._app = app
        headers = {
            POLICY: NOTHING,
            "cross-origin-opener-policy": "same-origin",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
        }
        if is_https:
            headers["strict-transport-security"] = "max-age=31536000"
        self._headers = {name.encode(): value.encode() for name, value in headers.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = dict(message["headers"])
                more = self._headers if said.keys().isdisjoint(self._headers) else self._more(said)
                message["headers"] = [*message["headers"], *more.items()]
            await send(message)

        await self._app(scope, receive, with_headers)

    def _more(self, said: Collection[bytes]) -> dict[bytes, bytes]:
        return {name: value for name, value in self._headers.items() if name not in said}
