"""Where webhooks may be sent: which URLs are taken in, and which addresses are connected to.

A name says nothing of where it leads, and may lead elsewhere a moment later: the address that is
connected to is what counts. A URL is looked at as well, so that a mistake is told at once.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from models import text
from models.errors import InvalidInput, Path

LONGEST: Final = 2_000
Address = IPv4Address | IPv6Address

UNICAST: Final = IPv6Network("2000::/3")
"""What there is of IPv6 for everybody; all else is local, or stands for an address of IPv4."""
SPECIAL: Final = (
    IPv4Network("0.0.0.0/8"),  # this network
    IPv4Network("10.0.0.0/8"),  # private, RFC 1918; so are 172.16/12 and 192.168/16
    IPv4Network("100.64.0.0/10"),  # carrier NAT, RFC 6598
    IPv4Network("127.0.0.0/8"),  # loopback
    IPv4Network("168.63.129.16/32"),  # a cloud's own services, as seen from its machines
    IPv4Network("169.254.0.0/16"),  # link-local, and the metadata of clouds
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.0.0.0/24"),  # assignments of protocols
    IPv4Network("192.0.2.0/24"),  # documentation; so are 198.51.100/24 and 203.0.113/24
    IPv4Network("192.31.196.0/24"),  # AS112
    IPv4Network("192.52.193.0/24"),  # AMT
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("192.168.0.0/16"),
    IPv4Network("192.175.48.0/24"),  # AS112
    IPv4Network("198.18.0.0/15"),  # benchmarks
    IPv4Network("198.51.100.0/24"),
    IPv4Network("203.0.113.0/24"),
    IPv4Network("224.0.0.0/4"),  # multicast
    IPv4Network("240.0.0.0/4"),  # reserved, and broadcast
    IPv6Network("2001::/23"),  # assignments of protocols: Teredo, ORCHID, benchmarks
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4: stands for an address of IPv4
    IPv6Network("2620:4f:8000::/48"),  # AS112
    IPv6Network("3fff::/20"),  # documentation
)
LOCAL_NAMES: Final = ("localhost", "localhost.localdomain")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")


@dataclass(frozen=True, slots=True)
class Destinations:
    """`plain_http` and `loopback` are for development: without them https, and public addresses."""

    plain_http: bool = False
    loopback: bool = False

    def allows(self, address: Address) -> bool:
        """Whether a connection to this address may be made."""
        if self.loopback and address.is_loopback:
            return True
        if isinstance(address, IPv6Address) and address not in UNICAST:
            return False
        return address.is_global and not any(address in network for network in SPECIAL)

    def take_in(self, url: str, path: Path = ("url",)) -> str:
        """The URL as it is kept: its host in lower case, and in ASCII. Raises InvalidInput."""
        url = text.line(url, path, longest=LONGEST)
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise InvalidInput("This is not a URL.", path) from None
        self._check_scheme(parts, path)
        if parts.username is not None or parts.password is not None:
            raise InvalidInput("A URL of a webhook holds no user and no password.", path)
        if parts.fragment or "#" in url:
            raise InvalidInput("A URL of a webhook has no fragment (#).", path)
        if not host or port == 0:
            raise InvalidInput("A URL of a webhook names a host, and no port 0.", path)
        kept = self._host(host, path) + (f":{port}" if port is not None else "")
        url = urlunsplit(parts._replace(netloc=kept))
        if not url.isascii() or any(character in url for character in ' \\<>"^`{|}'):
            raise InvalidInput("What is special in a URL must be percent-encoded.", path)
        return text.line(url, path, longest=LONGEST)

    def _check_scheme(self, parts: SplitResult, path: Path) -> None:
        if parts.scheme == "https" or (parts.scheme == "http" and self.plain_http):
            return
        raise InvalidInput("A webhook is sent by https: begin its URL with https://.", path)

    def _host(self, host: str, path: Path) -> str:
        """A name, or an address that is allowed, as it stands in a URL. Raises InvalidInput."""
        if ":" in host:
            return f"[{self._checked(host, path)}]"
        try:
            name = host.encode("idna").decode().lower()
        except UnicodeError:
            raise InvalidInput("This is no name of a host, and no address.", path) from None
        plain = name.removesuffix(".")
        labels = plain.split(".")
        if _NUMBER.fullmatch(labels[-1]):
            return str(self._checked(plain, path))
        if len(plain) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
            raise InvalidInput("This is no name of a host, and no address.", path)
        if not self.loopback and (plain in LOCAL_NAMES or labels[-1] == "localhost"):
            raise InvalidInput(_NOT_PUBLIC, path)
        return name

    def _checked(self, number: str, path: Path) -> Address:
        """An address by number, in any form that a resolver would take. Raises InvalidInput."""
        try:
            address = numeric(number)
        except ValueError:
            raise InvalidInput("This is no name of a host, and no address.", path) from None
        if not self.allows(address):
            raise InvalidInput(_NOT_PUBLIC, path)
        return address


PUBLIC: Final = Destinations()
_NOT_PUBLIC: Final = (
    "Webhooks are sent to public addresses alone: this one is private, loopback or otherwise local."
)


def numeric(host: str) -> Address:
    """`127.0.0.1`, and also `0x7f.1` and `2130706433`, as the C library reads them.

    Raises ValueError for a name.
    """
    if ":" in host:
        return ip_address(host)
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        raise ValueError from None
