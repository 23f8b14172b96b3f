"""What an application declares of its fields, for executors."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

EDGE: Final = "edge"
"""In the metadata of a Strawberry field: the Edge that answers it."""
ROOT: Final = "root"
"""In the metadata of a Strawberry field of the query: the Root that answers it."""
FIRST: Final = "first"
"""The argument of an edge of several keys that says how many of them are asked for."""
INLINE: Final = "inline"
"""In the metadata of a Strawberry field: an Inline, which says the same as its resolver."""
COLUMNS: Final = "__columns__"
"""Of a class of what is shown: how an attribute is read of many at once, by its name. What it
leaves out is read of each."""
TABLES: Final[set[type[Any]]] = set()
"""Classes of lists that are kept by columns: all items of one are of the class `kind`, and
`chained` makes one list of several with the same."""
READS: Final = "__reads__"
"""Of a Strawberry type: the attribute that has the attributes which its values lack. A plan takes
what is there as it is, and makes a value of it only for a resolver."""

Load = Callable[[Any, Iterable[Any], Mapping[str, Any]], Awaitable[Mapping[Any, Any]]]


@dataclass(frozen=True, eq=False)
class Edge:
    """A field that is answered for many parents at once.

    `load(context, keys, arguments)` finds a value for each key. A key that it leaves out is null; a
    value that is an exception is raised for its key alone. It may be asked twice, so it only reads.
    `key` is the attribute of the parent that holds its key, None for null; with `many`, that holds
    several, and the answer is the list of what is there of the `first` of them. `value` makes the
    GraphQL value of what was found, and `neutral` of an argument what `load` takes. A `selective`
    edge has more arguments, told by what is selected beneath it: `selective(selections, nodes,
    kind)`. `batch` is what the application knows the edge by.

    `load_now` does as `load`, and is asked where nothing else is asked for meanwhile. `at_hand`
    takes the same, and gives what has come along with the parents, a value for each key in their
    order; None is nothing, or not enough.
    """

    load: Load
    load_now: Load
    at_hand: Callable[[Any, Sequence[Any], Mapping[str, Any]], Sequence[Any] | None]
    key: str
    value: Callable[[Any], Any]
    neutral: Callable[[Any], Any]
    many: bool = False
    selective: Callable[..., Mapping[str, Any]] | None = None
    batch: Any = None


@dataclass(frozen=True, eq=False)
class Root:
    """A field of the query, answered by an edge that hangs on nothing.

    `allowed(context)` raises what the extensions and the resolver of the field do where somebody
    may not ask. `asked` takes the field's arguments apart: the edge's key, and what it is given.
    """

    edge: Edge
    allowed: Callable[[Any], None]
    asked: Callable[[Mapping[str, Any]], tuple[Any, Mapping[str, Any]]]


@dataclass(frozen=True, eq=False)
class Inline:
    """What a field reads of that which its type shows: a column, of columns.

    `{0}` are those that are shown, `{0.name}` an attribute of each; `{1}` is what the parent of
    each shows. `{kind}` is the name of the type, `{context}` the context of the request; what else
    it `uses` has a name of its own. What it finds is made a GraphQL value by `value`; None where
    all that is selected of it is inline as well.
    """

    expression: str
    value: Callable[[Any], Any] | None = None
    uses: Mapping[str, Any] = field(default_factory=dict)
