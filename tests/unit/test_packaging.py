"""PyPI has strangers under the names of our packages; what is installed under them must be ours."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["app", "schema", "resolvers", "models", "mail"]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
NPM_LOCKS = sorted(ROOT.glob("*/package-lock.json"))
LOCKED = re.compile(r"#.*|[a-z0-9-]+==[^ ]+( ; [^:/]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")


def files_of(package: str) -> Iterator[str]:
    """What a package holds on disk, compiled code aside."""
    for path in (ROOT / package).rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_comes_from_our_distribution_alone(package: str) -> None:
    others = set(packages_distributions().get(package, [])) - {"canopy"}
    found = find_spec(package)

    assert others == set()
    assert found is not None
    assert found.origin == str(ROOT / package / "__init__.py")


def test_the_command_is_ours() -> None:
    commands = {entry.name: entry.value for entry in distribution("canopy").entry_points}

    assert commands == {"canopy": "app.cli:main"}


def test_the_wheel_holds_every_file_of_every_package(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*build, tmp_path], cwd=ROOT, capture_output=True, check=True)

    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert packed == {name for package in PACKAGES for name in files_of(package)}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_file_names_versions_and_hashes_alone(lock: Path) -> None:
    strange = [line for line in lock.read_text().splitlines() if not LOCKED.fullmatch(line)]

    assert strange == []


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda lock: lock.parent.name)
def test_a_lock_file_of_npm_names_no_address_to_load_from(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    loaded = {name: package for name, package in packages.items() if name}

    assert [name for name, package in loaded.items() if "resolved" in package] == []
    assert [name for name, package in loaded.items() if "integrity" not in package] == []


def test_what_runs_is_locked_as_it_is_declared() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]

    pins = {re.sub(r"\[.*]", "", dependency) for dependency in declared}

    for lock in ("run", "demo", "dev"):
        locked = re.findall(
            r"^[^ #]+", (ROOT / f"requirements/{lock}.txt").read_text(), re.MULTILINE
        )
        assert pins <= set(locked)
