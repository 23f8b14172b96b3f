"""Where webhooks may lead: URLs that are taken in, and addresses that are connected to."""

from ipaddress import IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.destinations import PUBLIC, Destinations, numeric
from models.errors import InvalidInput

DEVELOPMENT = Destinations(plain_http=True, loopback=True)

LOCAL = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200"),
    *("127.0.0.1", "127.255.255.254", "169.254.169.254", "168.63.129.16", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:20::1"),
    *("2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1", "5f00::1", "fc00::1"),
    *("fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "ff0e::1"),
]
OPEN = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::2004"]


@pytest.mark.parametrize("address", LOCAL)
def test_local_and_special_addresses_are_never_connected_to(address: str) -> None:
    assert not PUBLIC.allows(ip_address(address))


@pytest.mark.parametrize("address", OPEN)
def test_public_addresses_may_be_connected_to(address: str) -> None:
    assert PUBLIC.allows(ip_address(address))


@pytest.mark.parametrize("address", LOCAL)
def test_in_development_loopback_may_be_and_nothing_else_that_is_local(address: str) -> None:
    loopback = {"127.0.0.1", "127.255.255.254", "::1"}

    assert DEVELOPMENT.allows(ip_address(address)) is (address in loopback)


@given(st.integers(0, 2**32 - 1))
def test_an_address_of_ipv4_within_one_of_ipv6_is_never_connected_to(number: int) -> None:
    inside = (0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80, number)

    for destinations in (PUBLIC, Destinations(loopback=True)):
        allowed = [ip for ip in map(IPv6Address, inside) if destinations.allows(ip)]
        assert [str(ip) for ip in allowed if str(ip) != "::1"] == []


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "https://hooks.example.com/canopy?token=a%20b",
        "https://hooks.example.com:8443/",
        "https://hooks.example.com./",
        "https://8.8.8.8/hook",
        "https://[2606:4700:4700::1111]:8443/hook",
        "https://a_b.example.com/~x/(y);z=1,2'",
        "https://xn--bcher-kva.example/",
    ],
)
def test_a_url_is_kept_as_it_is(url: str) -> None:
    assert PUBLIC.take_in(url) == url


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("  https://Hooks.Example.COM/Path ", "https://hooks.example.com/Path"),
        ("HTTPS://hooks.example.com/", "https://hooks.example.com/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://hooks.example.com:/x", "https://hooks.example.com/x"),
        ("https://0x8.8.8.8/", "https://8.8.8.8/"),
        ("https://134744072/", "https://8.8.8.8/"),
    ],
)
def test_a_host_is_kept_in_one_form(url: str, kept: str) -> None:
    assert PUBLIC.take_in(url) == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "https:///hook",
        "https://user@hooks.example.com/",
        "https://user:password@hooks.example.com/",
        "https://:@hooks.example.com/",
        "https://hooks.example.com@127.0.0.1/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com/#",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:65536/",
        "https://hooks.example.com:x/",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/ü",
        "https://hooks.example.com/\r\nX-Header: 1",
        "https://hooks..example.com/",
        "https://-hooks.example.com/",
        "https://.../",
        f"https://{'a' * 64}.example.com/",
        f"https://hooks.example.com/{'a' * 2000}",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[hooks.example.com]/",
        "https://1.2.3.4.5/",
        "https://999.1.1.1/",
        "https://0xffffffffff/",
    ],
)
def test_what_is_no_good_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        PUBLIC.take_in(url)

    assert refusal.value.path == ("url",)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "127.0.0.1."),
        *("0", "0.0.0.0", "10.1.2.3", "169.254.169.254", "0xa9fea9fe", "100.64.0.1", "224.0.0.1"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]"),
        *("[2002:7f00:1::]", "[fe80::1]", "[fd00:ec2::254]", "[ff02::1]"),
        *("localhost", "LOCALHOST.", "canopy.localhost", "localhost.localdomain"),
        *("\uff11\uff12\uff17.0.0.1", "\u2460\u2461\u2466.0.0.1", "127\u30020\u30020\u30021"),
    ],
)
def test_a_local_host_is_refused_in_every_form(host: str) -> None:
    with pytest.raises(InvalidInput, match=r"public addresses|cannot be|not a URL"):
        PUBLIC.take_in(f"https://{host}/")


def test_in_development_plain_http_and_loopback_are_taken_in() -> None:
    kept = [
        DEVELOPMENT.take_in(url)
        for url in ("http://127.0.0.1:9000/hook", "http://localhost:9000/", "https://[::1]/")
    ]

    assert kept == ["http://127.0.0.1:9000/hook", "http://localhost:9000/", "https://[::1]/"]
    with pytest.raises(InvalidInput):
        DEVELOPMENT.take_in("http://10.0.0.1/")


@given(st.text(min_size=1, max_size=20))
def test_whatever_stands_for_a_host_is_taken_in_or_refused(host: str) -> None:
    try:
        kept = PUBLIC.take_in(f"https://{host}/")
    except InvalidInput:
        return
    assert kept.isascii()
    assert PUBLIC.take_in(kept) == kept


def test_a_name_is_no_number() -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it has no words
        numeric("hooks.example.com")
