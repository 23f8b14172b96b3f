"""`canopy demo`: what it prints is so, and what it shows is there."""

import re
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.commands import answering, canopy, running
from tests.postgres import free_port

SIGN_IN = """mutation($email: String!, $password: String!) {
  signIn(input: {email: $email, password: $password}) { accessToken errors { code } }
}"""
ACTIVE = "{ users(first: 100, filter: {status: [ACTIVE]}) { edges { node { email } } } }"
TREE = """{
  companies(first: 100) { edges { node { kind plan } } }
  orders(first: 100) { edges { node { status } } }
  licenses(first: 200, filter: {status: [AVAILABLE, ALLOCATED, EXPIRED, VOID]}) {
    edges { node { status daysRemaining } }
  }
}"""
ELSEWHERE = {"CANOPY_DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "CANOPY_GRAPHIQL": "0"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path) -> Iterator[httpx.Client]:
    """A demo, whatever the environment says; at the end Ctrl-C ends it well."""
    port = free_port()
    with running("demo", "--port", str(port), folder=folder, **ELSEWHERE) as process:
        with answering(f"http://127.0.0.1:{port}", process) as client:
            yield client
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert "Traceback" not in said(folder)


def said(folder: Path) -> str:
    return (folder / "said").read_text()


def ask(demo: httpx.Client, query: str, token: str = "", **variables: str) -> Any:
    response = demo.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )
    answer = response.json()
    assert "errors" not in answer
    return answer["data"]


def sign_in(demo: httpx.Client, email: str, password: str) -> str:
    token: str = ask(demo, SIGN_IN, email=email, password=password)["signIn"]["accessToken"]
    return token


def logins(folder: Path) -> tuple[list[str], str]:
    password = re.search(r"password (\S+)", said(folder))
    assert password is not None
    return re.findall(r"^  (\S+@\S+)", said(folder), re.MULTILINE), password[1]


def test_everybody_printed_may_sign_in(demo: httpx.Client, folder: Path) -> None:
    emails, password = logins(folder)

    assert all(sign_in(demo, email, password) for email in emails)


def test_who_may_sign_in_is_printed(demo: httpx.Client, folder: Path) -> None:
    emails, password = logins(folder)

    found = ask(demo, ACTIVE, sign_in(demo, emails[0], password))

    assert {edge["node"]["email"] for edge in found["users"]["edges"]} == {*emails}


def test_the_tree_has_a_bit_of_everything(demo: httpx.Client, folder: Path) -> None:
    emails, password = logins(folder)

    found = ask(demo, TREE, sign_in(demo, emails[0], password))

    rows = {name: [edge["node"] for edge in page["edges"]] for name, page in found.items()}
    kinds = Counter(row["kind"] for row in rows["companies"])
    assert kinds == {"VENDOR": 1, "DISTRIBUTOR": 2, "PARTNER": 3, "CUSTOMER": 8}
    plans = {row["plan"] for row in rows["companies"] if row["kind"] == "CUSTOMER"}
    assert plans == {"NONE", "TRIAL", "PREMIUM", "MANAGED"}
    assert {row["status"] for row in rows["orders"]} == {
        *("REQUESTED", "PARTIALLY_ASSIGNED", "ASSIGNED", "DECLINED", "CANCELLED", "RETURNED")
    }
    assert {row["status"] for row in rows["licenses"]} == {
        *("AVAILABLE", "ALLOCATED", "EXPIRED", "VOID")
    }
    left = [row["daysRemaining"] for row in rows["licenses"] if row["status"] == "ALLOCATED"]
    assert any(days is not None and 0 < days <= 30 for days in left)


def test_its_mail_is_shown(demo: httpx.Client) -> None:
    listed = demo.get("/mail")
    [newest, *older] = re.findall(r'href="(/mail/\d+)"', listed.text)
    shown, framed = demo.get(newest), demo.get(f"{newest}/html")

    assert len(older) > 20
    assert "Order" in shown.text
    assert 'sandbox="' in shown.text
    assert "sandbox" in framed.headers["content-security-policy"]
    assert "script-src" not in framed.headers["content-security-policy"]
    assert demo.get("/mail/9999").status_code == demo.get("/mail/x").status_code == 404


def test_a_port_that_is_taken_is_told(demo: httpx.Client, tmp_path: Path) -> None:
    second = canopy("demo", "--port", str(demo.base_url.port), folder=tmp_path)

    assert second.returncode == 1
    assert "cannot be used" in second.stderr
    assert "Traceback" not in second.stderr


SHOWN = re.compile(r"<tr><td>(.*?)</td><td>(.*?)</td><td><a [^>]*>(.*?)</a>")
"""A mail in the list: when, to whom, about what."""


def test_what_was_done_is_there_the_next_time(tmp_path: Path) -> None:
    mails = []
    for _ in range(2):
        port = free_port()
        with (
            running("demo", "--port", str(port), folder=tmp_path) as process,
            answering(f"http://127.0.0.1:{port}", process) as client,
        ):
            mails.append(set(SHOWN.findall(client.get("/mail").text)))

    assert mails[0]
    assert mails[0] <= mails[1]  # what the clock brings may come in between
    assert "Making up" not in said(tmp_path)
