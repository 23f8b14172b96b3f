"""SMTP: one kept connection, and what became of each mail that was handed over."""

import asyncio
import os
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from socket import gaierror
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPHeloError,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

GOODBYE: Final = 2.0
CLOSING: Final = 421
PERMANENT: Final = range(500, 600)
REPLIES: Final = range(200, 600)
OF_THE_SESSION: Final = frozenset({530, 534, 535, 538})
"""Authentication or TLS is missing (RFC 4954, RFC 3207): that is not the recipient's fault."""


@dataclass(frozen=True)
class Accepted:
    """The server has taken the mail."""


@dataclass(frozen=True)
class Deferred:
    """This mail failed for now: 4xx, a time-out, a broken connection."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """This mail failed for good: 5xx on its recipient or on itself."""

    reason: str


Result = Accepted | Deferred | Refused


class ServerTrouble(Exception):
    """The server takes no mail at all: it is down, or does not let us in. No mail is to blame.

    The message is ours and holds neither addresses nor passwords.
    """


class Transport:
    """For one worker: mails go one after the other.

    `timeout` is the seconds that each step may take; after `idle` seconds a kept connection is not
    used any more, for servers and routers drop it. `tls` says whom to trust, or else the system.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 30.0,
        idle: float = 20.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Raises ValueError for a URL that is none of a mail server, without saying it."""
        server = _parse(url)
        self._smtp = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.scheme == "smtps",
            start_tls=server.scheme == "smtp+starttls",
            tls_context=tls,
            timeout=timeout,
        )
        self._limit = 2 * timeout
        self._idle = idle
        self._is_kept = False
        self._needs_reset = False
        self._used_at = 0.0

    @property
    def longest(self) -> timedelta:
        """How long opening may take at most, and then sending; both however many steps."""
        return timedelta(seconds=self._limit)

    async def open(self) -> None:
        """Be connected and signed in. Raises ServerTrouble."""
        try:
            async with asyncio.timeout(self._limit):
                if not await self._is_usable():
                    await self._connect()
        except (SMTPException, OSError, ValueError) as error:
            self._smtp.close()
            raise ServerTrouble(_trouble(error)) from error
        except BaseException:
            self._smtp.close()
            raise

    async def send(self, message: EmailMessage) -> Result:
        """Hand over a mail with one recipient. Raises ServerTrouble, and then it was not tried."""
        sender, recipient = (message[name].addresses[0].addr_spec for name in ("From", "To"))
        content = message.as_bytes()
        await self.open()
        try:
            async with asyncio.timeout(self._limit):
                await self._begin(sender)
                await self._smtp.rcpt(recipient)
                await self._smtp.data(content)
        except SMTPResponseException as error:
            return self._answered(error)
        except ValueError:
            self._smtp.close()
            return Refused("The address cannot be used.")
        except (SMTPException, OSError) as error:
            self._smtp.close()
            return Deferred(_broken(error))
        except BaseException:
            self._smtp.close()
            raise
        self._keep()
        return Accepted()

    async def close(self) -> None:
        """Take leave of the server, if it listens."""
        if self._smtp.is_connected:
            with suppress(SMTPException, OSError):
                await self._smtp.quit(timeout=GOODBYE)
        self._smtp.close()

    async def _is_usable(self) -> bool:
        if not self._smtp.is_connected:
            return False
        if time.monotonic() - self._used_at > self._idle:
            await self.close()
            return False
        if self._needs_reset:
            try:
                await self._smtp.rset()
            except (SMTPException, OSError):
                self._smtp.close()
                return False
            self._needs_reset = False
        return True

    async def _connect(self) -> None:
        await self._smtp.connect()
        if self._smtp.is_ehlo_or_helo_needed:
            try:
                await self._smtp.ehlo()
            except SMTPHeloError:
                if not self._smtp.is_connected:
                    raise
                await self._smtp.helo()
        self._is_kept = self._needs_reset = False
        self._used_at = time.monotonic()

    async def _begin(self, sender: str) -> None:
        """Start a mail, on a new connection where the kept one turns out to be dead."""
        try:
            await self._smtp.mail(sender)
        except (SMTPSenderRefused, SMTPServerDisconnected, SMTPTimeoutError) as error:
            if not self._is_kept or getattr(error, "code", CLOSING) != CLOSING:
                raise
            self._smtp.close()
            await self.open()
            await self._smtp.mail(sender)

    def _answered(self, error: SMTPResponseException) -> Result:
        """What a refusal means. Raises ServerTrouble for one of our address, on every mail."""
        if isinstance(error, SMTPSenderRefused) and error.code in PERMANENT:
            self._smtp.close()
            raise ServerTrouble(f"The mail server refuses our address ({error.code}).") from error
        if error.code not in REPLIES:
            self._smtp.close()
            return Deferred("The mail server does not speak SMTP.")
        if error.code == CLOSING:
            self._smtp.close()
        self._keep()
        self._needs_reset = True
        reason = f"{error.code} {error.message}"
        is_permanent = error.code in PERMANENT and error.code not in OF_THE_SESSION
        return Refused(reason) if is_permanent else Deferred(reason)

    def _keep(self) -> None:
        self._is_kept = True
        self._used_at = time.monotonic()


class _Server(NamedTuple):
    scheme: str
    host: str
    port: int | None
    username: str | None
    password: str | None


def _parse(url: str) -> _Server:
    """Raises ValueError, which does not say the URL: it may hold a password."""
    try:
        server = _server(urlsplit(url))
    except ValueError:
        server = None
    if server is None:
        raise ValueError(
            "This is not the URL of a mail server: smtp://user:password@host:port, smtps:// or "
            "smtp+starttls://, with what is special in user and password percent-encoded."
        )
    return server


def _server(parts: SplitResult) -> _Server | None:
    """None for another scheme, and for what a character not encoded leaves behind."""
    if parts.scheme not in {"smtp", "smtps", "smtp+starttls"} or not parts.hostname:
        return None
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        return None
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password or "") if username else None
    return _Server(parts.scheme, parts.hostname, parts.port, username, password)


def _trouble(error: Exception) -> str:
    """Why we are not connected, in words of ours."""
    cause = error.__cause__ or error
    match error:
        case SMTPAuthenticationError():
            return f"The mail server refuses our name or password ({error.code})."
        case SMTPResponseException():
            return f"The mail server takes no mail ({error.code})."
        case TimeoutError():
            return "The mail server does not answer."
    match cause:
        case ssl.SSLError():
            return f"No safe connection to the mail server ({cause.reason})."
        case SMTPServerDisconnected():
            return "The mail server hangs up."
        case gaierror():
            return "The mail server cannot be reached (unknown name)."
        case OSError(errno=int() as number):
            return f"The mail server cannot be reached ({os.strerror(number)})."
        case OSError() | ValueError():
            return "The mail server cannot be reached."
    return f"The mail server lacks what we need ({error})."


def _broken(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "The mail server did not answer in time."
    return "The connection to the mail server broke."
