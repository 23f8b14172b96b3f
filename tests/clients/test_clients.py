"""Clients that people use, each run by a script in clients/ against a server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.sample import ELI, FREYA, HANA, PASSWORD
from tests.app import commands
from tests.clients.integrating import try_out

CLIENTS = Path(__file__).parents[2] / "clients"
CODEGEN = CLIENTS / ".venv" / "bin"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a client."""
    with commands.demo(tmp_path_factory.mktemp("demo")) as address:
        yield os.environ | {
            "CANOPY_ADDRESS": address,
            "CANOPY_EMAIL": HANA,
            "CANOPY_PASSWORD": PASSWORD,
        }


def run(*command: str | Path, told: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=CLIENTS, env=told, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("script", ["audit", "urql", "apollo", "relay", "typed", "subscribe"])
def test_one_from_npm(script: str, told: dict[str, str]) -> None:
    run("npm", "run", "--silent", script, told=told)


def test_gql(told: dict[str, str]) -> None:
    run(sys.executable, "gql/main.py", told=told)


def test_ariadne_codegen(told: dict[str, str]) -> None:
    run(CODEGEN / "ariadne-codegen", "--config", "ariadne/ariadne.toml", told=told)
    run(CODEGEN / "python", "ariadne/main.py", told=told)


def test_an_integration_in_python(told: dict[str, str], tmp_path: Path) -> None:
    program = CLIENTS / "integration" / "integration.py"

    try_out((sys.executable, program), told["CANOPY_ADDRESS"], tmp_path, manager=ELI)


def test_an_integration_in_typescript(told: dict[str, str], tmp_path: Path) -> None:
    run("npm", "run", "--silent", "integration", told=told)
    program = CLIENTS / "integration" / "build" / "integration.js"

    try_out(("node", program), told["CANOPY_ADDRESS"], tmp_path, manager=FREYA)
