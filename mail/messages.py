"""What a mail says: HTML and plain text in one message, made from a row of the outbox.

People and companies are named by their rows as they are now, so that erasure reaches a mail that
waits; `facts` are what was true when it was promised.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from models import words
from models.outbox import Notification, NotificationTemplate
from models.sessions import RESET_LINK, WELCOME_LINK
from models.users import User

SAME_IN_EVERY_MAIL: Final = frozenset(
    {"content-type", "content-transfer-encoding", "mime-version", "auto-submitted"}
)


class Headers(HeaderRegistry):
    """Parses once what every mail says alike: parsing takes most of the time of writing a mail."""

    def __call__(self, name: str, value: Any) -> Any:
        if name.lower() in SAME_IN_EVERY_MAIL and isinstance(value, str):
            return self._known(name, str(value))
        return super().__call__(name, value)

    @lru_cache(maxsize=64)  # noqa: B019 - there is one, for good
    def _known(self, name: str, value: str) -> Any:
        return super().__call__(name, value)


POLICY: Final = SMTP.clone(max_line_length=76, header_factory=Headers())
"""The longest line that quoted-printable (RFC 2045) and encoded words (RFC 2047) may have."""
LONGEST_QUOTED: Final = 40
"""A header with a longer quoted name is folded, and Python then forgets the quotes."""
ENCODED: Final = "=?"
"""How an encoded word (RFC 2047) begins. Python decodes it even where it is only text."""
_SPECIALS: Final = re.compile(r'[()<>\[\]:;@\\,."]')


def compose(notification: Notification, public_url: str, mail_from: str) -> EmailMessage:
    """The mail of a row whose user, actor, company and order (with its requester) are loaded.

    Written again it has the same Message-ID. Raises jinja2's UndefinedError if a fact is missing,
    and ValueError for a recipient that would be read as another.
    """
    sender = sender_of(mail_from)
    message = EmailMessage(policy=POLICY)
    message["From"] = sender
    message["To"] = _recipient(notification)
    message["Subject"] = _line(notification.subject)
    message["Date"] = notification.created_at.astimezone(UTC)
    message["Message-ID"] = f"<{notification.id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    context = _context(notification, public_url.rstrip("/"))
    name = notification.template.lower()
    message.set_content(_written(f"{name}/body.txt", context), cte="quoted-printable")
    html = _written(f"{name}/body.html", context)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


@lru_cache
def sender_of(mail_from: str) -> Address:
    """The one mailbox in `Canopy <no-reply@example.com>`. Raises ValueError."""
    message = EmailMessage(policy=POLICY)
    message["From"] = mail_from
    addresses: tuple[Address, ...] = message["From"].addresses
    if len(addresses) != 1 or not addresses[0].username or not addresses[0].domain:
        raise ValueError("Mail must come from one address: Canopy <no-reply@example.com>")
    return addresses[0]


def _recipient(notification: Notification) -> Address:
    if ENCODED in notification.recipient:
        raise ValueError("Python would decode this address, and write another one.")
    username, _, domain = notification.recipient.rpartition("@")
    name = _line(f"{notification.user.first_name} {notification.user.last_name}")
    if len(name) > LONGEST_QUOTED:
        name = " ".join(_SPECIALS.sub(" ", name).split())
    return Address(name, username, domain)


def _line(text: str) -> str:
    """A header holds no control character, and what looks encoded is not decoded."""
    text = "".join(" " if _is_control(c) else c for c in text)
    return " ".join(text.replace(ENCODED, "= ?").split())


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}


def _context(notification: Notification, public_url: str) -> dict[str, Any]:
    token = notification.token
    link = {"link": f"{public_url}/set-password#token={token}"} if token else {}
    return link | {
        "subject": notification.subject,
        "first_name": notification.user.first_name,
        "company": notification.company.name,
        "actor": _name(notification.actor),
        "facts": notification.facts,
        "details": list(_details(notification)),
        "link_ends": _until(notification),
        "public_url": public_url,
    }


def _until(notification: Notification) -> datetime:
    is_reset = notification.template is NotificationTemplate.PASSWORD_RESET
    return notification.created_at + (RESET_LINK if is_reset else WELCOME_LINK)


def _details(notification: Notification) -> Iterator[tuple[str, str]]:
    """What stands beneath the sentences of a mail about an order."""
    order = notification.order
    if order is None:
        return
    yield "Order", order.number
    yield "Company", notification.company.name
    if requester := _name(order.requested_by):
        yield "Requested by", requester
    if order.purchase_order:
        yield "Purchase order", order.purchase_order
    if order.note:
        yield "Note", order.note


def _name(user: User | None) -> str | None:
    return user.name if user is not None and user.erased_at is None else None


def _written(template: str, context: dict[str, Any]) -> str:
    return _TEMPLATES.get_template(template).render(context)


_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.filters |= {"day": words.day, "minute": words.minute}
_TEMPLATES.globals |= {"licenses": words.licenses}
