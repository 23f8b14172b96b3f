"""The demo's mail server: it takes whatever is sent to it, keeps it in a folder, and shows it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope, Session
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.pages import OWN_FILES, POLICY

HOST: Final = "127.0.0.1"
PORT: Final = 1025
SHOWN: Final = ("From", "To", "Date", "Message-ID", "Auto-Submitted")
FRAMED: Final = f"{OWN_FILES}; frame-src 'self'"
IN_FRAME: Final = {
    POLICY: "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=select_autoescape()
)


@dataclass(frozen=True)
class Mail:
    number: int
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def to(self) -> str:
        return str(self.message["To"])

    @property
    def date(self) -> str:
        return f"{self.message['Date'].datetime:%Y-%m-%d %H:%M}"

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name, str(self.message[name])) for name in SHOWN if name in self.message]

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        """Its links open beside the page that frames it."""
        return self._part("html").replace("<head>", '<head><base target="_blank">', 1)

    def _part(self, kind: str) -> str:
        part: Any = self.message.get_body((kind,))
        return str(part.get_content()) if part else ""


class Catcher:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.url = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """At the usual port, or where that is taken, at any."""
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(self._session, HOST, PORT)
        except OSError:
            server = await loop.create_server(self._session, HOST, 0)
        self.url = f"smtp://{HOST}:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Called by aiosmtpd."""
        self._keep(envelope.content)
        return "250 Kept"

    def forget(self) -> None:
        for file in self._folder.glob("*.eml"):
            file.unlink()

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/mail", self._list),
            Route("/mail/{number:int}", self._show),
            Route("/mail/{number:int}/html", self._show_html),
        ]

    def _session(self) -> SMTP:
        loop = asyncio.get_running_loop()
        return SMTP(self, hostname="localhost", enable_SMTPUTF8=True, loop=loop)

    def _keep(self, content: bytes | str | None) -> None:
        assert isinstance(content, bytes)
        number = max(self._numbers(), default=0) + 1
        (self._folder / f"{number}.eml").write_bytes(content)

    def _numbers(self) -> list[int]:
        return sorted((int(file.stem) for file in self._folder.glob("*.eml")), reverse=True)

    def _mail(self, number: int) -> Mail:
        file = self._folder / f"{number}.eml"
        if not file.exists():
            raise HTTPException(404)
        message = message_from_bytes(file.read_bytes(), policy=default)
        assert isinstance(message, EmailMessage)
        return Mail(number, message)

    async def _list(self, _: Request) -> Response:
        return _page("mails", mails=[self._mail(number) for number in self._numbers()])

    async def _show(self, request: Request) -> Response:
        return _page("mail", mail=self._mail(request.path_params["number"]))

    async def _show_html(self, request: Request) -> Response:
        mail = self._mail(request.path_params["number"])
        return HTMLResponse(mail.html, headers=IN_FRAME)


def _page(name: str, **values: Any) -> Response:
    html = _TEMPLATES.get_template(f"{name}.html").render(values)
    return HTMLResponse(html, headers={POLICY: FRAMED, "Cache-Control": "no-store"})
