"""Lines of Python, and the names in them."""

from collections.abc import Sequence
from itertools import count
from typing import Any, Final

MODULE: Final = "<plan>"


class Writer:
    """One function. What it needs of this process is bound to names of its own: constants."""

    def __init__(self, head: str) -> None:
        self._lines = [head]
        self._numbers = count()
        self._constants: dict[int, tuple[str, Any]] = {}

    def line(self, text: str) -> None:
        self._lines.append("    " + text)

    def assign(self, expression: str) -> str:
        """The name of what an expression comes to."""
        if expression.isidentifier():
            return expression
        name = self.name()
        self.line(f"{name} = {expression}")
        return name

    def name(self) -> str:
        """A variable that nothing else uses."""
        return f"v{next(self._numbers)}"

    def constant(self, value: Any) -> str:
        """The name of a value; the same for the same object."""
        known = self._constants.get(id(value))
        if known is None:
            known = self._constants[id(value)] = (f"C{next(self._numbers)}", value)
        return known[0]

    def begin(self, lines: Sequence[str]) -> None:
        """What the function does first."""
        self._lines[1:1] = ["    " + line for line in lines]

    @property
    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    def function(self) -> Any:
        names = dict(self._constants.values())
        exec(compile(self.text, MODULE, "exec"), names)  # noqa: S102 - of names checked by GraphQL
        return names.pop("level")  # which would hold itself, and wait for the garbage collector
