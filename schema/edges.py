"""Fields that lead from a row to others, each declared as one batch function.

    company: "companies.Company" = edge(company_by_id, key="company_id", description="Who ordered.")

`batch(reader, keys, **arguments)` answers all keys at once; `key` names the attribute that holds
the key, and a key of null is answered by null. What it finds is wrapped in its GraphQL type.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from inspect import Parameter, Signature
from typing import Annotated, Any, Final

import strawberry

from models.errors import BadUserInput
from models.rows import model_of
from resolvers.reading.by_id import ById
from resolvers.reading.reader import Batch, raised
from schema.columns import TELLS, of_page, of_row
from schema.context import Context, Info
from schema.execution.declared import EDGE, FIRST, ROOT, Edge, Root
from schema.ids import key
from schema.neutral import neutral
from schema.scopes import READS, Needs
from schema.selections import selections_of

Told = Callable[..., Mapping[str, Any]]

NOTHING: Final = "root"
"""The key of what hangs on nothing."""

_WRAPPERS: Final[dict[type, Callable[[Any], Any]]] = {}


def wraps(kind: type, wrapper: Callable[[Any], Any]) -> None:
    """Say what GraphQL type stands for what batch functions find."""
    _WRAPPERS[kind] = wrapper


def wrapped(value: Any) -> Any:
    """The GraphQL value of what a batch function found."""
    if isinstance(value, list):
        return [wrapped(each) for each in value]
    wrapper = _WRAPPERS.get(model_of(value))
    return value if wrapper is None else wrapper(value)


def argument(name: str, kind: Any, description: str, default: Any = strawberry.UNSET) -> Parameter:
    return Parameter(
        name,
        Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, strawberry.argument(description=description)],
    )


ID: Final = argument("id", strawberry.ID, "The global id.", Parameter.empty)
_FIRST: Final = argument(FIRST, int | None, "Only so many of them; all where it is left out.")


def edge(
    batch: Batch,
    key: str = "row",
    *,
    takes: Iterable[Parameter] = (),
    selective: bool = False,
    tells: Sequence[str] | None = None,
    description: str,
) -> Any:
    """A field answered by `batch`; a `selective` one is told what is selected.

    `tells` are the attributes of the row that it reads, where `key` is the row itself; None is any.
    """
    told = _told(batch, selective=selective)

    async def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        found = getattr(root, key)
        if found is None:
            return None
        return await load(info, batch, found, arguments, told)

    declared = _declared(batch, key, selective=told)
    tells = (key,) if key != "row" else tells
    return _field(resolve, takes, description, declared, tells=tells)


def root_edge(
    batch: Batch,
    *,
    takes: Iterable[Parameter] = (),
    selective: bool = False,
    description: str,
) -> Any:
    """As `edge`, at the root; for those who are signed in, and API tokens that may read."""

    told = _told(batch, selective=selective)

    async def resolve(root: Any, info: Info, **arguments: Any) -> Any:  # noqa: ARG001
        _ = info.context.reader.asking
        return await load(info, batch, NOTHING, arguments, told)

    root = Root(_declared(batch, selective=told), _may_ask, lambda given: (NOTHING, given))
    return _field(resolve, takes, description, root, needs=READS)


def root_row(batch: ById[Any], kind: str, *, description: str) -> Any:
    """As `root_edge`, for the row that a global id of `kind` names."""

    async def resolve(root: Any, info: Info, id: str) -> Any:  # noqa: ARG001
        _ = info.context.reader.asking
        return await load(info, batch, key(kind, id), told=of_row)

    def asked(given: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
        return key(kind, given["id"]), {name: given[name] for name in given if name != "id"}

    root = Root(_declared(batch, selective=of_row), _may_ask, asked)
    return _field(resolve, [ID], description, root, needs=READS)


def edges(batch: Batch, keys: str, *, description: str) -> Any:
    """As `edge` for several keys, in their order, or the first of them; what is out of sight is
    left out.
    """

    told = _told(batch, selective=False)

    async def resolve(root: Any, info: Info, first: int | None = None) -> Any:
        if first is not None and first < 0:
            raise BadUserInput("`first` is 0 or more.", FIRST)
        ids = getattr(root, keys)[:first]
        given = told(*selections_of(info), info._raw_info.return_type) if told else {}
        found = await info.context.reader.load_all(batch, ids, **given)
        return [wrapped(raised(found[id])) for id in ids if found[id] is not None]

    declared = _declared(batch, keys, many=True, selective=told)
    return _field(resolve, [_FIRST], description, declared)


async def load(
    info: Info,
    batch: Batch,
    key: Any,
    arguments: Mapping[str, Any] | None = None,
    told: Told | None = None,
) -> Any:
    given = {name: neutral(value) for name, value in (arguments or {}).items()}
    if told is not None:
        given |= told(*selections_of(info), info._raw_info.return_type)
    return wrapped(await info.context.reader.load(batch, key, **given))


def _told(batch: Batch, *, selective: bool) -> Told | None:
    if isinstance(batch, ById):
        return of_row
    return of_page if selective else None


def _may_ask(context: Context) -> None:
    """What is checked at the root before anything is read. Raises Unauthenticated, ScopeMissing."""
    READS.check(context.reader.asking)


def _declared(batch: Batch, key: str = "", **more: Any) -> Edge:
    def load(
        context: Context, keys: Iterable[Any], arguments: Mapping[str, Any]
    ) -> Awaitable[Mapping[Any, Any]]:
        return context.reader.load_all(batch, keys, **arguments)

    def load_now(
        context: Context, keys: Iterable[Any], arguments: Mapping[str, Any]
    ) -> Awaitable[Mapping[Any, Any]]:
        return context.reader.load_now(batch, keys, **arguments)

    def at_hand(
        context: Context, keys: Sequence[Any], arguments: Mapping[str, Any]
    ) -> Sequence[Any] | None:
        return context.reader.at_hand(batch, keys, arguments)

    return Edge(load, load_now, at_hand, key, wrapped, neutral, batch=batch, **more)


def _field(
    resolve: Callable[..., Any],
    takes: Iterable[Parameter],
    description: str,
    declared: Edge | Root,
    needs: Needs | None = None,
    tells: Sequence[str] | None = None,
) -> Any:
    given = (
        Parameter("root", Parameter.POSITIONAL_OR_KEYWORD),
        Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
    )
    resolve.__signature__ = Signature([*given, *takes])  # type: ignore[attr-defined]
    return strawberry.field(
        resolver=resolve,
        metadata={EDGE if isinstance(declared, Edge) else ROOT: declared, TELLS: tells},
        description=needs.described(description) if needs else description,
        extensions=[needs] if needs else [],
    )
