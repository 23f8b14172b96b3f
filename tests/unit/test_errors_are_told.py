"""docs/errors.md has every code that an answer can carry, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from models import errors
from models.errors import Refusal
from schema.errors import UserErrorCode

ROOT: Final = Path(__file__).parents[2]
TOLD: Final = (ROOT / "docs" / "errors.md").read_text()
CODE: Final = re.compile(r"[A-Z]+(_[A-Z]+)+|UNAUTHENTICATED|FORBIDDEN|CONFLICT|OVERLOADED")
CODED: Final = [
    *({*(ROOT / "app").rglob("*.py")} - {ROOT / "app/settings.py"}),
    ROOT / "schema/errors.py",
    ROOT / "schema/preview.py",
]
"""Where errors at the top get their codes; settings have names in capitals, and none."""
OF_REFUSALS: Final = {"NOT_FOUND", "CONFLICT"}
"""What a list or an export is refused for; the code is the refusal's."""


def table(title: str) -> set[str]:
    """The codes in the first column beneath that title."""
    _, _, rest = TOLD.partition(f"## {title}\n")
    rows = [row for row in rest.partition("\n## ")[0].splitlines() if row.startswith("| `")]
    assert all(len(row.split(" | ")) == rows[0].count(" | ") + 1 for row in rows)
    return {code for row in rows for code in re.findall(r"`(\w+)`", row.split(" | ")[0])}


def words(path: Path) -> Iterator[str]:
    """What stands in the code in capitals, but for what names a value of an enum."""
    tree = ast.parse(path.read_text())
    enums = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.bases]
    named = {id(each) for node in enums for each in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in named:
            yield node.value


def refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for each in kind.__subclasses__():
        yield each
        yield from refusals(each)


def test_every_refusal_is_told() -> None:
    codes = {each.code for each in refusals() if each.__module__ == errors.__name__}

    assert codes == set(UserErrorCode)
    assert table("In the `errors` of a payload") == codes


def test_every_error_at_the_top_is_told() -> None:
    codes = {word for path in CODED for word in words(path) if CODE.fullmatch(word)}

    assert table("At the top of the answer") == codes | OF_REFUSALS
