"""A mail server on loopback that keeps what it takes, and misbehaves as it is told."""

import asyncio
import ssl
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Final, Self

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

HOST: Final = "127.0.0.1"
AUTHORITY: Final = trustme.CA()
"""Of this run alone: nobody else trusts it, and its key is never written down."""


@dataclass(frozen=True)
class Mail:
    """A mail as the server took it."""

    sender: str
    recipient: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        message = message_from_bytes(self.content, policy=default)
        assert isinstance(message, EmailMessage)
        return message

    @property
    def id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    def text(self, kind: str = "plain") -> str:
        part = self.message.get_body((kind,))
        assert isinstance(part, EmailMessage)
        return str(part.get_content()).replace("\r\n", "\n")


Act = Callable[["Session"], Awaitable[str | None]]
"""What the server does at a step: the reply to give, or None for what it would do anyway."""


async def hang(session: "Session") -> str | None:
    """Until the client goes away."""
    await asyncio.get_running_loop().create_future()
    return None


async def drop(session: "Session") -> str | None:
    assert isinstance(session.transport, asyncio.Transport)
    session.transport.abort()
    return await hang(session)


@dataclass
class _Rule:
    act: str | Act
    to: str | None
    left: int | None


class Catcher:
    """Listens while it is entered, or from `start` to `stop`, always at the same port."""

    def __init__(
        self,
        *,
        login: tuple[str, str] | None = None,
        starttls: bool = False,
        tls: bool = False,
    ) -> None:
        self.mails: list[Mail] = []
        self.commands: Counter[str] = Counter()
        self.port = 0
        self._login = login
        self._starttls = starttls
        self._tls = tls
        self._rules: dict[str, list[_Rule]] = {}
        self._server: asyncio.Server | None = None
        self.sessions: set[Session] = set()

    @property
    def url(self) -> str:
        return f"smtp://{HOST}:{self.port}"

    @property
    def is_listening(self) -> bool:
        return self._server is not None

    @property
    def ids(self) -> list[str]:
        return [mail.id for mail in self.mails]

    def at(
        self, step: str, act: str | Act, *, to: str | None = None, times: int | None = 1
    ) -> None:
        """From now on, `times` times or always, do this at CONNECT, a command, or END of a mail.

        `to` narrows it to mails for that address, at RCPT and END.
        """
        self._rules.setdefault(step, []).append(_Rule(act, to, times))

    def behave(self) -> None:
        self._rules.clear()

    async def act(self, step: str, session: "Session", to: str = "") -> str | None:
        """What to reply at this step, if something else than usual."""
        self.commands[step] += 1
        for rule in self._rules.get(step, []):
            if rule.left == 0 or (rule.to is not None and rule.to not in to):
                continue
            if rule.left is not None:
                rule.left -= 1
            return rule.act if isinstance(rule.act, str) else await rule.act(session)
        return None

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Session(self, **self._options()),
            HOST,
            self.port,
            ssl=server_tls() if self._tls else None,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections, and break those that are open."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self.hang_up()

    def hang_up(self) -> None:
        """Break all connections."""
        for session in list(self.sessions):
            if isinstance(session.transport, asyncio.Transport):
                session.transport.abort()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _options(self) -> dict[str, Any]:
        return {
            "tls_context": server_tls() if self._starttls else None,
            "require_starttls": self._starttls,
            "auth_required": self._login is not None,
            "auth_require_tls": False,
            "auth_exclude_mechanism": [] if self._login else ["LOGIN", "PLAIN"],
            "authenticator": self._authenticate,
        }

    def _authenticate(self, *given: Any) -> AuthResult:
        data = given[-1]
        assert isinstance(data, LoginPassword)
        known = (data.login.decode(), data.password.decode()) == self._login
        return AuthResult(success=known, handled=False)


class Session(SMTP):
    """One connection to a catcher."""

    def __init__(self, catcher: Catcher, **options: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a password goes in the clear
            super().__init__(
                self, hostname="catcher.test", loop=asyncio.get_running_loop(), **options
            )
        self._catcher = catcher
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._catcher.sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._catcher.sessions.discard(self)
        super().connection_lost(error)

    async def push(self, status: Any) -> None:
        if not self._greeted:
            self._greeted = True
            status = await self._catcher.act("CONNECT", self) or status
        await super().push(status)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        if not await self._acts("EHLO"):
            await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802
        if not await self._acts("HELO"):
            await super().smtp_HELO(hostname)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        if not await self._acts("AUTH"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        if not await self._acts("MAIL"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        if not await self._acts("RCPT", arg or ""):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if not await self._acts("DATA"):
            await super().smtp_DATA(arg)

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802
        if not await self._acts("RSET"):
            await super().smtp_RSET(arg)

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802
        if not await self._acts("QUIT"):
            await super().smtp_QUIT(arg)

    async def handle_DATA(self, *given: Any) -> str:  # noqa: N802
        """Keeps the mail unless it replies 4xx or 5xx; one that hangs or drops has kept it."""
        envelope = given[-1]
        assert isinstance(envelope, Envelope)
        assert isinstance(envelope.content, bytes)
        recipient = envelope.rcpt_tos[0]
        mail = Mail(envelope.mail_from or "", recipient, envelope.content)
        self._catcher.mails.append(mail)
        reply = await self._catcher.act("END", self, recipient)
        if reply is not None and not reply.startswith("2"):
            self._catcher.mails.remove(mail)
        return reply or "250 OK"

    async def _acts(self, step: str, to: str = "") -> bool:
        reply = await self._catcher.act(step, self, to)
        if reply is not None:
            await self.push(reply)
        return reply is not None


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(HOST, "localhost").configure_cert(context)
    return context


def client_tls() -> ssl.SSLContext:
    """Trusts the catcher alone."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context
