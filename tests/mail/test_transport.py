"""One connection to a mail server, and what becomes of each mail."""

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import pytest
import pytest_asyncio

from mail.transport import Accepted, Deferred, Refused, ServerTrouble, Transport
from tests.smtp import HOST, Catcher, Session, client_tls, drop, hang

TIMEOUT = "The mail server did not answer in time."
BROKEN = "The connection to the mail server broke."


def a_mail(to: str = "ann@fjord.example") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Canopy <no-reply@canopy.example>"
    message["To"] = f"Ann <{to}>"
    message["Message-ID"] = "<1@canopy.example>"
    message.set_content("Hello\n.\n..\nFrom here\n")
    return message


@pytest_asyncio.fixture
async def transport(catcher: Catcher) -> AsyncIterator[Transport]:
    transport = Transport(catcher.url, timeout=1)
    yield transport
    await transport.close()


async def test_a_mail_arrives_as_it_was_written(catcher: Catcher, transport: Transport) -> None:
    assert await transport.send(a_mail()) == Accepted()

    (mail,) = catcher.mails
    assert (mail.sender, mail.recipient) == ("no-reply@canopy.example", "ann@fjord.example")
    assert mail.text() == "Hello\n.\n..\nFrom here\n"


async def test_mails_share_a_connection(catcher: Catcher, transport: Transport) -> None:
    for _ in range(3):
        assert await transport.send(a_mail()) == Accepted()

    assert catcher.commands == {"CONNECT": 1, "EHLO": 1, "MAIL": 3, "RCPT": 3, "DATA": 3, "END": 3}


@pytest.mark.parametrize("step", ["RCPT", "DATA", "END"])
@pytest.mark.parametrize(
    ("act", "result"),
    [
        ("450 4.2.0 Greylisted", Deferred("450 4.2.0 Greylisted")),
        ("421 Too many mails", Deferred("421 Too many mails")),
        ("550 5.1.1 Nobody here", Refused("550 5.1.1 Nobody here")),
        ("530 Sign in first", Deferred("530 Sign in first")),
        ("nonsense", Deferred("The mail server does not speak SMTP.")),
        (hang, Deferred(TIMEOUT)),
        (drop, Deferred(BROKEN)),
    ],
)
async def test_a_mail_fails_alone(
    catcher: Catcher, transport: Transport, step: str, act: Any, result: object
) -> None:
    catcher.at(step, act)

    first, second = await transport.send(a_mail()), await transport.send(a_mail())

    assert first == result
    assert second == Accepted()


async def test_a_refused_mail_leaves_nothing_behind_on_the_connection(
    catcher: Catcher, transport: Transport
) -> None:
    catcher.at("RCPT", "550 No", to="eve@fjord.example")

    await transport.send(a_mail("eve@fjord.example"))
    await transport.send(a_mail("ann@fjord.example"))

    assert [mail.recipient for mail in catcher.mails] == ["ann@fjord.example"]
    assert (catcher.commands["CONNECT"], catcher.commands["RSET"]) == (1, 1)


@pytest.mark.parametrize("act", ["450 No reset", hang, drop])
async def test_a_connection_that_cannot_be_reset_is_replaced(
    catcher: Catcher, transport: Transport, act: Any
) -> None:
    catcher.at("RCPT", "550 No")
    catcher.at("RSET", act)

    await transport.send(a_mail())

    assert await transport.send(a_mail()) == Accepted()
    assert catcher.commands["CONNECT"] == 2


@pytest.mark.parametrize("act", ["421 Idle for too long", hang, drop])
async def test_a_kept_connection_that_died_fails_no_mail(
    catcher: Catcher, transport: Transport, act: Any
) -> None:
    await transport.send(a_mail())
    catcher.at("MAIL", act)

    assert await transport.send(a_mail()) == Accepted()
    assert catcher.commands["CONNECT"] == 2


async def test_a_kept_connection_is_not_given_up_for_a_refusal(
    catcher: Catcher, transport: Transport
) -> None:
    await transport.send(a_mail())
    catcher.at("MAIL", "450 Later")

    assert await transport.send(a_mail()) == Deferred("450 Later")
    assert catcher.commands["CONNECT"] == 1


async def test_a_server_that_says_goodbye_is_believed(
    catcher: Catcher, transport: Transport
) -> None:
    catcher.at("END", "421 Goodbye")

    assert await transport.send(a_mail()) == Deferred("421 Goodbye")
    assert await transport.send(a_mail()) == Accepted()
    assert (catcher.commands["CONNECT"], catcher.commands["RSET"]) == (2, 0)


async def test_a_connection_that_the_server_closed_is_reopened(
    catcher: Catcher, transport: Transport
) -> None:
    await transport.send(a_mail())
    catcher.hang_up()

    assert await transport.send(a_mail()) == Accepted()


async def test_an_idle_connection_is_not_trusted(catcher: Catcher) -> None:
    transport = Transport(catcher.url, timeout=5, idle=0)
    await transport.send(a_mail())

    assert await transport.send(a_mail()) == Accepted()
    assert (catcher.commands["CONNECT"], catcher.commands["QUIT"]) == (2, 1)
    await transport.close()


@pytest.mark.parametrize(
    ("act", "result"),
    [
        ("450 Later", Deferred("450 Later")),
        ("421 Later", Deferred("421 Later")),
        (hang, Deferred(TIMEOUT)),
        (drop, Deferred(BROKEN)),
    ],
)
async def test_a_new_connection_is_not_opened_again(
    catcher: Catcher, transport: Transport, act: Any, result: object
) -> None:
    catcher.at("MAIL", act)

    assert await transport.send(a_mail()) == result
    assert catcher.commands["CONNECT"] == 1


@pytest.mark.parametrize(
    ("step", "act", "message"),
    [
        ("CONNECT", "421 Busy", "The mail server takes no mail (421)."),
        ("CONNECT", "554 Not you", "The mail server takes no mail (554)."),
        ("CONNECT", hang, "The mail server does not answer."),
        ("CONNECT", drop, "The mail server hangs up."),
        ("EHLO", hang, "The mail server does not answer."),
        ("EHLO", drop, "The mail server hangs up."),
        ("EHLO", "421 Busy", "The mail server takes no mail (421)."),
        ("MAIL", "530 Sign in first", "The mail server refuses our address (530)."),
        ("MAIL", "553 Not your domain", "The mail server refuses our address (553)."),
    ],
)
async def test_trouble_of_the_server_is_no_fault_of_a_mail(
    catcher: Catcher, transport: Transport, step: str, act: Any, message: str
) -> None:
    catcher.at(step, act)

    with pytest.raises(ServerTrouble) as trouble:
        await transport.send(a_mail())

    assert str(trouble.value) == message
    assert await transport.send(a_mail()) == Accepted()


async def test_a_server_that_is_down_is_trouble(catcher: Catcher, transport: Transport) -> None:
    await transport.send(a_mail())
    await catcher.stop()

    with pytest.raises(ServerTrouble, match=r"cannot be reached \(Connection refused\)"):
        await transport.send(a_mail())

    await catcher.start()
    assert await transport.send(a_mail()) == Accepted()


async def test_an_unknown_name_is_trouble() -> None:
    with pytest.raises(ServerTrouble, match="cannot be reached"):
        await Transport("smtp://no-such-host.invalid", timeout=5).send(a_mail())


async def test_an_old_server_without_ehlo_is_served(catcher: Catcher, transport: Transport) -> None:
    catcher.at("EHLO", "502 What?")

    assert await transport.send(a_mail()) == Accepted()
    assert catcher.commands["HELO"] == 1


async def test_all_steps_together_end_in_time(catcher: Catcher, transport: Transport) -> None:
    async def slow(session: Session) -> None:
        await asyncio.sleep(0.6)

    for step in ("MAIL", "RCPT", "DATA", "END"):
        catcher.at(step, slow)

    assert await transport.send(a_mail()) == Deferred(TIMEOUT)
    assert transport.longest.total_seconds() == 2


async def test_a_password_is_given(catcher: Catcher) -> None:
    async with Catcher(login=("canopy@mail", "p/s:s#w?rd")) as guarded:
        url = f"smtp://canopy%40mail:p%2Fs%3As%23w%3Frd@{HOST}:{guarded.port}"
        transport = Transport(url, timeout=5)

        assert await transport.send(a_mail()) == Accepted()
        await transport.close()


@pytest.mark.parametrize("user", ["canopy:wrong-password", "canopy"])
async def test_a_wrong_password_is_trouble_and_is_not_told(
    user: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Catcher(login=("canopy", "right-password")) as guarded:
        transport = Transport(f"smtp://{user}@{HOST}:{guarded.port}", timeout=5)

        with pytest.raises(ServerTrouble) as trouble:
            await transport.send(a_mail())

    assert str(trouble.value) == "The mail server refuses our name or password (535)."
    assert "wrong-password" not in caplog.text


async def test_a_password_for_a_server_that_asks_for_none_is_trouble(catcher: Catcher) -> None:
    catcher.at("EHLO", "250 catcher.test")

    with pytest.raises(ServerTrouble, match="lacks what we need"):
        await Transport(f"smtp://a:b@{HOST}:{catcher.port}", timeout=5).send(a_mail())


async def test_starttls_comes_before_the_password() -> None:
    async with Catcher(starttls=True, login=("canopy", "secret")) as safe:
        url = f"smtp+starttls://canopy:secret@{HOST}:{safe.port}"
        transport = Transport(url, timeout=5, tls=client_tls())

        assert await transport.send(a_mail()) == Accepted()
        assert safe.commands["EHLO"] == 2
        await transport.close()


async def test_tls_from_the_start() -> None:
    async with Catcher(tls=True) as safe:
        transport = Transport(f"smtps://{HOST}:{safe.port}", timeout=5, tls=client_tls())

        assert await transport.send(a_mail()) == Accepted()
        await transport.close()


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
async def test_a_certificate_that_is_not_trusted_is_trouble(scheme: str) -> None:
    async with Catcher(tls=scheme == "smtps", starttls=scheme != "smtps") as unknown:
        with pytest.raises(ServerTrouble) as trouble:
            await Transport(f"{scheme}://{HOST}:{unknown.port}", timeout=5).send(a_mail())

    told = "No safe connection to the mail server (CERTIFICATE_VERIFY_FAILED)."
    assert str(trouble.value) == told
    assert unknown.mails == []


async def test_starttls_is_never_done_without(catcher: Catcher) -> None:
    with pytest.raises(ServerTrouble, match="STARTTLS"):
        await Transport(f"smtp+starttls://{HOST}:{catcher.port}", timeout=5).send(a_mail())

    assert catcher.mails == []


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example",
        "mail.example:25",
        "smtp://",
        "smtp://user:12/secret@mail.example",
        "smtp://user:12#secret@mail.example",
        "smtp://user:secret?@mail.example",
        "smtp://mail.example:port",
        "smtp://mail.example/path",
    ],
)
def test_an_address_that_is_none_is_refused_without_saying_it(url: str) -> None:
    with pytest.raises(ValueError, match="not the URL of a mail server") as refused:
        Transport(url)

    assert "secret" not in str(refused.value)
    assert refused.value.__context__ is None
