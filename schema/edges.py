"""Fields that lead from a row to others, each declared as one batch function.

    company: "companies.Company" = edge(company_by_id, key="company_id", description="Who ordered.")

`batch(reader, keys, **arguments)` answers all keys at once; `key` names the attribute that holds
the key, and a key of null is answered by null. What it finds is wrapped in its GraphQL type.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from inspect import Parameter, Signature
from typing import Annotated, Any, Final

import strawberry

from models.rows import model_of
from resolvers.reading.reader import Batch, raised
from schema.context import Context, Info
from schema.execution.declared import EDGE, Edge, Load
from schema.neutral import neutral
from schema.scopes import READS, Needs
from schema.selections import selected

ROOT: Final = "root"
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


def edge(
    batch: Batch,
    key: str = "row",
    *,
    takes: Iterable[Parameter] = (),
    selective: bool = False,
    description: str,
) -> Any:
    """A field answered by `batch`; a `selective` one is told what is selected, as `want`."""

    async def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        found = getattr(root, key)
        if found is None:
            return None
        return await load(info, batch, found, arguments, selective=selective)

    declared = Edge(_loading(batch), key, wrapped, neutral, selective=selective)
    return _field(resolve, takes, description, declared)


def root_edge(
    batch: Batch,
    *,
    takes: Iterable[Parameter] = (),
    selective: bool = False,
    description: str,
) -> Any:
    """As `edge`, at the root; for those who are signed in, and API tokens that may read."""

    async def resolve(root: Any, info: Info, **arguments: Any) -> Any:  # noqa: ARG001
        _ = info.context.reader.asking
        return await load(info, batch, ROOT, arguments, selective=selective)

    return _field(resolve, takes, description, needs=READS)


def edges(batch: Batch, keys: str, *, description: str) -> Any:
    """As `edge` for several keys, in their order; what is out of sight is left out."""

    async def resolve(root: Any, info: Info) -> Any:
        ids = getattr(root, keys)
        found = await info.context.reader.load_all(batch, ids)
        return [wrapped(raised(found[id])) for id in ids if found[id] is not None]

    declared = Edge(_loading(batch), keys, wrapped, neutral, many=True)
    return _field(resolve, (), description, declared)


async def load(
    info: Info,
    batch: Batch,
    key: Any,
    arguments: Mapping[str, Any] | None = None,
    *,
    selective: bool = False,
) -> Any:
    given = {name: neutral(value) for name, value in (arguments or {}).items()}
    if selective:
        given["want"] = selected(info)
    return wrapped(await info.context.reader.load(batch, key, **given))


def _loading(batch: Batch) -> Load:
    def load(
        context: Context, keys: Iterable[Any], arguments: Mapping[str, Any]
    ) -> Awaitable[Mapping[Any, Any]]:
        return context.reader.load_all(batch, keys, **arguments)

    return load


def _field(
    resolve: Callable[..., Any],
    takes: Iterable[Parameter],
    description: str,
    declared: Edge | None = None,
    needs: Needs | None = None,
) -> Any:
    given = (
        Parameter("root", Parameter.POSITIONAL_OR_KEYWORD),
        Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
    )
    resolve.__signature__ = Signature([*given, *takes])  # type: ignore[attr-defined]
    return strawberry.field(
        resolver=resolve,
        metadata={EDGE: declared},
        description=needs.described(description) if needs else description,
        extensions=[needs] if needs else [],
    )
