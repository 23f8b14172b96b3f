"""What an API token needs for a field: said in its description, and checked before it is run."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from strawberry.extensions import FieldExtension

from models.access import Caller, lacking
from models.errors import ScopeMissing
from models.tokens import ApiScope
from schema.context import Info
from schema.selections import reads_on

PEOPLE_ONLY: Final = "For people only: API tokens are refused."


@dataclass(frozen=True)
class Besides:
    """A scope that some inputs need as well; `words` say which."""

    scope: ApiScope
    words: str
    when: Callable[[Any], bool]


class Needs(FieldExtension):
    """Of a root field: the scope that it needs of an API token. None is for people only."""

    def __init__(self, scope: ApiScope | None, *besides: Besides) -> None:
        self.scope = scope
        self.besides = besides

    def described(self, description: str) -> str:
        if self.scope is None:
            return f"{description} {PEOPLE_ONLY}"
        more = "".join(f", and {each.scope} {each.words}" for each in self.besides)
        return f"{description} API tokens need {self.scope}{more}."

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **arguments: Any) -> Any:
        self._check(info, arguments)
        return next_(source, info, **arguments)

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **arguments: Any
    ) -> Any:
        self._check(info, arguments)
        return await next_(source, info, **arguments)

    def check(self, caller: Caller) -> None:
        """Whether `caller` may ask a question that takes no input. Raises ScopeMissing."""
        require(caller, self.scope)

    def _check(self, info: Info, arguments: dict[str, Any]) -> None:
        caller = info.context.caller
        if caller is not None and caller.scopes is not None:
            for scope in self._scopes(info, arguments.get("input")):
                require(caller, scope)

    def _scopes(self, info: Info, input: Any) -> Iterator[ApiScope | None]:
        """What is needed; READ for what lies behind the plain fields of a payload's rows, too."""
        yield self.scope
        yield from (each.scope for each in self.besides if each.when(input))
        if input is not None and reads_on(info):
            yield ApiScope.READ


READS: Final = Needs(ApiScope.READ)


def question(description: str) -> Any:
    """A root field of the query."""
    return strawberry.field(description=READS.described(description), extensions=[READS])


def require(caller: Caller, scope: ApiScope | None) -> None:
    """Raises ScopeMissing."""
    if (words := lacking(caller, scope)) is not None:
        raise ScopeMissing(words)
