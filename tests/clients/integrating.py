"""An integration in clients/, run as docs/integrating.md says, while somebody above assigns."""

import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from app.sample import PASSWORD, VERA
from tests.postgres import free_port

PATIENCE: Final = 60.0
SCOPES: Final = "READ, USERS_WRITE, ORDERS_REQUEST, LICENSES_ALLOCATE, WEBHOOKS_WRITE"
LICENSES: Final = """{
  licenses(filter: {status: [AVAILABLE, ALLOCATED, EXPIRED, VOID]}) { totalCount }
}"""
PEOPLE: Final = """email,first_name,external_id
one@{0},Ines,e-1
two@{0},Jan,e-2
three@{0},Kira,e-3
"""


def try_out(program: Sequence[str | Path], address: str, folder: Path, manager: str) -> None:
    """Twice: the second time there is nothing left to do."""
    with _signed_in(address, manager) as inside, _signed_in(address, VERA) as above:
        _try_out(program, address, folder, inside, above)


def _try_out(
    program: Sequence[str | Path],
    address: str,
    folder: Path,
    inside: httpx.Client,
    above: httpx.Client,
) -> None:
    domain = _ask(inside, "{ viewer { user { email } } }")["user"]["email"].partition("@")[2]
    token = _ask(
        inside,
        f'mutation {{ createApiToken(input: {{name: "People", scopes: [{SCOPES}]}})'
        " { secret errors { code } } }",
    )["secret"]
    (folder / "people.csv").write_text(PEOPLE.format(domain))
    port = str(free_port())
    told = os.environ | {
        "CANOPY_ADDRESS": address,
        "CANOPY_TOKEN": token,
        "HOOKS_PORT": port,
        "HOOKS_URL": f"http://127.0.0.1:{port}/",
    }
    command = (*program, "people.csv", "PO-2041")

    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, env=told, stdout=said, stderr=said)
        try:
            number = _waits_for(folder / "said", process)
            _assign(above, number)
            assert process.wait(PATIENCE) == 0, (folder / "said").read_text()
        finally:
            process.kill()
            process.wait()
    again = subprocess.run(
        command, cwd=folder, env=told, capture_output=True, text=True, check=False, timeout=PATIENCE
    )

    licenses = _ask(inside, LICENSES)["totalCount"]
    people = _ask(inside, "{ users { totalCount } }")["totalCount"]
    assert (folder / "said").read_text().splitlines() == [
        "3 new, 0 changed, 0 as before.",
        f"{number} is REQUESTED.",
        "Told of ORDER_ASSIGNED.",
        f"{number} is ASSIGNED.",
        "Allocated 3, had one 0, went without 0.",
        f"{people} learners changed.",
        f"{licenses} licenses exported.",
    ]
    assert (again.returncode, again.stdout.splitlines(), again.stderr) == (
        0,
        [
            "0 new, 0 changed, 3 as before.",
            f"{number} is ASSIGNED.",
            "Allocated 0, had one 3, went without 0.",
            "3 learners changed.",
            f"{licenses} licenses exported.",
        ],
        "",
    )
    assert _ask(inside, "{ webhookEndpoints { totalCount } }")["totalCount"] == 0


@contextmanager
def _signed_in(address: str, email: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=20) as client:
        token = _ask(
            client,
            f'mutation {{ signIn(input: {{email: "{email}", password: "{PASSWORD}"}})'
            " { accessToken errors { code } } }",
        )["accessToken"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def _ask(client: httpx.Client, document: str) -> Any:
    answer = client.post("/graphql", json={"query": document}).json()
    assert "errors" not in answer, answer
    [value] = answer["data"].values()
    assert not value.get("errors"), value
    return value


def _waits_for(said: Path, process: subprocess.Popen[bytes]) -> str:
    """The number of the order that it waits for."""
    deadline = time.monotonic() + PATIENCE
    while not (waiting := re.search(r"(ORD-\w+) is REQUESTED", said.read_text())):
        assert process.poll() is None, said.read_text()
        assert time.monotonic() < deadline, said.read_text()
        time.sleep(0.05)
    return waiting[1]


def _assign(client: httpx.Client, number: str) -> None:
    """By its number, as people above do."""
    orders = _ask(
        client,
        f'{{ orders(filter: {{number: {{eq: "{number}"}}}}) {{ edges {{ node {{ id }} }} }} }}',
    )
    [edge] = orders["edges"]
    _ask(
        client,
        f'mutation {{ assignOrder(input: {{orderId: "{edge["node"]["id"]}"}})'
        " { errors { code } } }",
    )
