"""Fields that lead from a row to others, each declared as one batch function.

    company: "companies.Company" = edge(company_by_id, key="company_id", description="Who ordered.")

`batch(reader, keys, **arguments)` answers all keys at once; `key` names the attribute that holds
the key, and a key of null is answered by null. What it finds is wrapped in its GraphQL type.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Annotated, Any, Final

import strawberry
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)

from resolvers.reading.reader import Batch
from schema.context import Info
from schema.neutral import neutral

ROOT: Final = "root"
"""The key of what hangs on nothing."""
METADATA: Final = "edge"


@dataclass(frozen=True)
class Edge:
    """What an edge was declared as, for executors: `key` is None at the root."""

    batch: Batch
    key: str | None
    selective: bool


_WRAPPERS: Final[dict[type, Callable[[Any], Any]]] = {}


def wraps(kind: type, wrapper: Callable[[Any], Any]) -> None:
    """Say what GraphQL type stands for what batch functions find."""
    _WRAPPERS[kind] = wrapper


def wrapped(value: Any) -> Any:
    """The GraphQL value of what a batch function found."""
    if isinstance(value, list):
        return [wrapped(each) for each in value]
    wrapper = _WRAPPERS.get(type(value))
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

    return _field(resolve, Edge(batch, key, selective), takes, description)


def root_edge(
    batch: Batch,
    *,
    takes: Iterable[Parameter] = (),
    selective: bool = False,
    description: str,
) -> Any:
    """As `edge`, at the root; for those who are signed in."""

    async def resolve(root: Any, info: Info, **arguments: Any) -> Any:  # noqa: ARG001
        _ = info.context.reader.asking
        return await load(info, batch, ROOT, arguments, selective=selective)

    return _field(resolve, Edge(batch, None, selective), takes, description)


def edges(batch: Batch, keys: str, *, description: str) -> Any:
    """As `edge` for several keys, in their order; what is out of sight is left out."""

    async def resolve(root: Any, info: Info) -> Any:
        ids = getattr(root, keys)
        found = await batch(info.context.reader, ids) if ids else {}
        return [wrapped(found[id]) for id in ids if id in found]

    return _field(resolve, None, (), description)


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


def selected(info: Info) -> frozenset[str]:
    """What is selected of the field, two levels deep: `edges`, `edges.cursor`."""
    raw = info._raw_info
    names: set[str] = set()
    for field in _fields(raw, (node.selection_set for node in raw.field_nodes)):
        name = field.name.value
        names.add(name)
        if field.selection_set is not None:
            below = _fields(raw, (field.selection_set,))
            names.update(f"{name}.{each.name.value}" for each in below)
    return frozenset(names)


def _fields(
    info: GraphQLResolveInfo[Any], sets: Iterable[SelectionSetNode | None]
) -> Iterator[FieldNode]:
    """The fields of selection sets, and of the fragments in them; each fragment once."""
    waiting = [selection for each in sets if each for selection in each.selections]
    seen: set[str] = set()
    while waiting:
        selection = waiting.pop()
        if not _is_included(info, selection):
            continue
        if isinstance(selection, FieldNode):
            yield selection
        elif isinstance(selection, InlineFragmentNode):
            waiting.extend(selection.selection_set.selections)
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
            seen.add(selection.name.value)
            waiting.extend(info.fragments[selection.name.value].selection_set.selections)


def _is_included(info: GraphQLResolveInfo[Any], selection: SelectionNode) -> bool:
    for directive in selection.directives or ():
        wanted = {"include": True, "skip": False}.get(directive.name.value)
        for given in directive.arguments or () if wanted is not None else ():
            value: Any = given.value
            if isinstance(value, VariableNode):
                told: Any = info.variable_values
                value = told.get(value.name.value)
            if getattr(value, "value", value) is not wanted:
                return False
    return True


def _field(
    resolve: Callable[..., Any], declared: Edge | None, takes: Iterable[Parameter], description: str
) -> Any:
    given = (
        Parameter("root", Parameter.POSITIONAL_OR_KEYWORD),
        Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
    )
    resolve.__signature__ = Signature([*given, *takes])  # type: ignore[attr-defined]
    return strawberry.field(
        resolver=resolve, metadata={METADATA: declared}, description=description
    )
