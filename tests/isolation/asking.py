"""All that can be asked, told by the schema: a new field is asked for from the day it is there."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from schema.build import schema

CORE: Final[GraphQLSchema] = schema._schema
PAGED: Final = {"first", "last", "after", "before"}
AT: Final = "2026-03-01T09:30:00Z"
UNLIMITED: Final = {
    "max_query_length": 10**6,
    "max_query_tokens": 10**6,
    "max_query_merges": 10**9,
    "max_query_aliases": 10**6,
    "max_query_root_fields": 10**6,
    "max_query_cost": 10**9,
}
"""Settings for documents that ask everything at once."""
BRIEF: Final = "totalCount pageInfo { startCursor endCursor } edges { cursor }"


@dataclass(frozen=True)
class IdPlace:
    """An argument of a mutation that takes an id; `path` leads to it from the input."""

    mutation: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class TextPlace:
    """An argument of a mutation that takes what names a row, in a column of its own."""

    mutation: str
    path: tuple[str, ...]
    column: str

    @property
    def kind(self) -> str:
        """Whose it is: a person's, unless the company itself has it."""
        return "Company" if self.mutation.endswith("Company") and len(self.path) == 1 else "User"

    def holds(self, path: tuple[str, ...]) -> bool:
        """Whether it is there, or within."""
        return self.path[: len(path)] == path


def fields_of(name: str) -> dict[str, GraphQLField]:
    kind: Any = CORE.type_map[name]
    found: dict[str, GraphQLField] = kind.fields
    return found


def nodes() -> list[GraphQLObjectType]:
    """The types that have an id."""
    node: Any = CORE.type_map["Node"]
    return sorted(CORE.get_possible_types(node), key=lambda kind: kind.name)


# ── What is told ─────────────────────────────────────────────────────────────────────────────────


def everything(kind: GraphQLNamedType, depth: int, first: int = 3) -> str:
    """All that a type tells, and of what it leads to within `depth` steps."""
    if isinstance(kind, GraphQLInterfaceType):
        parts = " ".join(
            f"... on {each.name} {{ {everything(each, depth, first)} }}"
            for each in sorted(CORE.get_possible_types(kind), key=lambda each: each.name)
        )
        return f"__typename {parts}"
    chosen = ["__typename"]
    fields: dict[str, GraphQLField] = getattr(kind, "fields", {})
    for name, field in fields.items():
        chosen += _selected(kind.name, name, field, depth, first)
    return " ".join(chosen)


def _selected(parent: str, name: str, field: GraphQLField, depth: int, first: int) -> Iterator[str]:
    inner = get_named_type(field.type)
    alias = f"{parent}_{name}"
    if is_leaf_type(inner):
        yield f"{alias}: {name}"
        return
    below = depth - 1 if _is_step(inner) else depth
    if below < 0:
        return
    for number, arguments in enumerate(_ways(field, first)):
        yield f"{alias}_{number}: {name}{arguments} {{ {everything(inner, below, first)} }}"


def _is_step(kind: GraphQLNamedType) -> bool:
    """To another row; the parts of a connection, a person's name and the like are none."""
    if kind.name.endswith("Edge") or kind.name == "PageInfo":
        return False
    return (
        kind.name == "Node" or kind.name.endswith("Connection") or kind in nodes()
    ) and not kind.name.endswith("Edge")


def _ways(field: GraphQLField, first: int) -> Iterator[str]:
    """The arguments to ask with: a small page, and each value of an enum."""
    fixed = [f"first: {first}"] if "first" in field.args else []
    enums = [
        (name, argument.type)
        for name, argument in field.args.items()
        if isinstance(get_named_type(argument.type), GraphQLEnumType)
    ]
    if not enums:
        yield f"({', '.join(fixed)})" if fixed else ""
    for name, kind in enums:
        for value in _values(kind):
            yield f"({', '.join([*fixed, f'{name}: {value}'])})"


def _values(kind: GraphQLInputType) -> list[str]:
    named: Any = get_named_type(kind)
    return list(named.values)


def rows(depth: int) -> str:
    """Of each row that is asked for by id, all, and all that it leads to; and who is asking."""
    kinds = " ".join(f"... on {kind.name} {{ {everything(kind, depth)} }}" for kind in nodes())
    viewer: Any = CORE.type_map["Viewer"]
    return (
        "query($ids: [ID!]!) { viewer { "
        + everything(viewer, depth + 1)
        + " } nodes(ids: $ids) { __typename "
        + kinds
        + " } }"
    )


def columns() -> str:
    """Of each row that is asked for by id, what it tells by itself: nothing else can fail."""
    kinds = " ".join(f"... on {kind.name} {{ {' '.join(_leaves(kind))} }}" for kind in nodes())
    return f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ __typename {kinds} }} }}"


def kept_back() -> str:
    """What a company need not tell of itself, for it may be null."""
    names = [
        name
        for name, field in fields_of("Company").items()
        if is_leaf_type(get_nullable_type(field.type)) and not is_non_null_type(field.type)
    ]
    return f"query($id: ID!) {{ company(id: $id) {{ {' '.join(names)} }} }}"


def counted() -> str:
    """All that is counted of a company: its lists, and its licenses in each scope."""
    chosen = []
    for name, field in fields_of("Company").items():
        inner: Any = get_named_type(field.type)
        if inner.name.endswith("Connection"):
            chosen.append(f"{name} {{ totalCount }}")
        elif inner.name == "LicenseSummary":
            numbers = " ".join(
                each
                for each, of in inner.fields.items()
                if get_named_type(of.type).name in {"Int", "Float"}
            )
            chosen += [
                f"{name}_{number}: {name}{way} {{ {numbers} }}"
                for number, way in enumerate(_ways(field, 0))
            ]
    return f"query($id: ID!) {{ company(id: $id) {{ {' '.join(chosen)} }} }}"


def _leaves(kind: GraphQLObjectType) -> Iterator[str]:
    for name, field in kind.fields.items():
        if is_leaf_type(get_named_type(field.type)):
            yield f"{kind.name}_{name}: {name}"


def lists() -> dict[str, GraphQLField]:
    """The lists at the root."""
    return {name: field for name, field in fields_of("Query").items() if "first" in field.args}


def whole_lists() -> tuple[str, dict[str, Any]]:
    """Every id of each list at the root, in each of its scopes and orders, whose cursors tell what
    they sort by; what lists hide by themselves, such as who was removed, as well."""
    chosen, declared, sent = [], [], {}
    for name, field in lists().items():
        given = ["first: 200"]
        if "filter" in field.args:
            kind: Any = get_named_type(field.args["filter"].type)
            status = kind.fields.get("status")
            declared.append(f"$all_{name}: {kind.name}")
            sent[f"all_{name}"] = {"status": _values(status.type)} if status else {}
            given.append(f"filter: $all_{name}")
        for number, way in enumerate([*_scopes(field), *_sorted_ways(field)]):
            arguments = ", ".join([*given, *way])
            chosen.append(
                f"{name}_{number}: {name}({arguments}) {{ {BRIEF[:-2]} node {{ id }} }} }}"
            )
    return f"query({', '.join(declared)}) {{ {' '.join(chosen)} }}", sent


def _sorted_ways(field: GraphQLField) -> Iterator[list[str]]:
    if "orderBy" in field.args:
        kind: Any = get_named_type(field.args["orderBy"].type)
        for value in _values(kind.fields["field"].type):
            yield [f"orderBy: {{field: {value}, direction: ASC}}"]


def _scopes(field: GraphQLField) -> list[list[str]]:
    if "scope" not in field.args:
        return [[]]
    return [[f"scope: {value}"] for value in _values(field.args["scope"].type)]


# ── Filters and orders ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Listed:
    """A list that can be filtered or sorted: at the root, or of a row."""

    parent: str
    name: str
    field: GraphQLField

    def filter_type(self) -> GraphQLInputObjectType | None:
        argument = self.field.args.get("filter")
        return None if argument is None else get_named_type(argument.type)  # type: ignore[return-value]


def listed() -> list[Listed]:
    """All of them."""
    parents = ["Query", *(kind.name for kind in nodes())]
    return [
        Listed(parent, name, field)
        for parent in parents
        for name, field in fields_of(parent).items()
        if "first" in field.args
    ]


Narrowing = Callable[[str, GraphQLInputType], Iterator[Any]]
"""The values to ask a field of a filter with, by its name and type."""


@dataclass(frozen=True)
class Ask:
    """A list, and one argument of it."""

    of: Listed
    argument: str
    kind: str
    value: Any


def narrowed(
    narrow: Narrowing,
    *,
    sorts: bool = True,
    draw: Callable[[list[Ask]], list[Ask]] = lambda all: all,
) -> tuple[str, dict[str, Any]]:
    """Every list, by each field of its filter alone and in each order, or those that are drawn.

    What is of rows is asked of those of $ids.
    """
    asks = [ask for each in listed() for ask in (*_filters(each, narrow), *_orders(each, sorts))]
    by_parent: dict[str, list[str]] = {}
    declared, sent = ["$ids: [ID!]!"], {}
    for number, ask in enumerate(draw(asks)):
        name = f"v{number}"
        declared.append(f"${name}: {ask.kind}")
        sent[name] = ask.value
        by_parent.setdefault(ask.of.parent, []).append(
            f"{name}: {ask.of.name}(first: 3, {ask.argument}: ${name}) {{ {BRIEF} }}"
        )
    root = " ".join(by_parent.pop("Query", ()))
    of_rows = " ".join(f"... on {name} {{ {' '.join(them)} }}" for name, them in by_parent.items())
    document = f"{root} nodes(ids: $ids) {{ __typename {of_rows} }}"
    return f"query({', '.join(declared)}) {{ {document} }}", sent


def _filters(each: Listed, narrow: Narrowing) -> Iterator[Ask]:
    kind = each.filter_type()
    if kind is not None:
        for name, field in kind.fields.items():
            for value in narrow(name, field.type):
                filter = value if name == "or" else {name: value}
                yield Ask(each, "filter", kind.name, filter)


def _orders(each: Listed, sorts: bool) -> Iterator[Ask]:
    if sorts and "orderBy" in each.field.args:
        kind: Any = get_named_type(each.field.args["orderBy"].type)
        for field in _values(kind.fields["field"].type):
            for direction in _values(kind.fields["direction"].type):
                value = {"field": field, "direction": direction}
                yield Ask(each, "orderBy", kind.name, value)


def every_way(texts: Sequence[str], id: str) -> Narrowing:
    """Each field in each of its ways, once."""

    def narrow(name: str, kind: GraphQLInputType) -> Iterator[Any]:
        named = get_named_type(kind)
        if isinstance(named, GraphQLEnumType):
            yield from ([value] for value in _values(kind))
        elif named.name == "StringFilter":
            yield from ({"in": list(texts)}, {"contains": "Q0"}, {"startsWith": texts[0][:3]})
        elif named.name == "DateTimeFilter":
            yield from ({"gte": AT}, {"lt": AT}, {"isNull": True})
        elif named.name == "IntFilter":
            yield from ({"gte": 4}, {"lte": 4}, {"eq": 4})
        elif named.name == "Boolean":
            yield from (True, False)
        elif named.name == "Int":
            yield 400
        elif named.name == "ID":
            yield id
        elif name != "or":
            raise AssertionError(f"say how {name}: {kind} is to be asked")

    return narrow


def by_text(texts: Sequence[str]) -> Narrowing:
    """Fields of text that are one of these."""

    def narrow(name: str, kind: GraphQLInputType) -> Iterator[Any]:
        if get_named_type(kind).name == "StringFilter":
            yield {"in": list(texts)}

    return narrow


def by_parts(texts: Sequence[str]) -> Narrowing:
    """Fields of text that begin with one of these, or hold it: much slower."""

    def narrow(name: str, kind: GraphQLInputType) -> Iterator[Any]:
        inner: Any = get_named_type(kind)
        if name == "or":
            fields = [
                each
                for each, field in inner.fields.items()
                if get_named_type(field.type).name == "StringFilter"
            ]
            for way in ("contains", "startsWith"):
                for each in fields:
                    yield {"or": [{each: {way: text}} for text in texts]}

    return narrow


def by_id() -> str:
    """Wherever a question takes an id: at the root, and in filters."""
    chosen = []
    for name, field in fields_of("Query").items():
        taking = [
            each for each, argument in field.args.items() if str(argument.type) in {"ID!", "ID"}
        ]
        listing = [
            each
            for each, argument in field.args.items()
            if is_list_type(get_nullable_type(argument.type))
            and get_named_type(argument.type).name == "ID"
        ]
        what = everything(get_named_type(field.type), 0)
        chosen += [f"{name}_{each}: {name}({each}: $id) {{ {what} }}" for each in taking]
        chosen += [f"{name}_{each}: {name}({each}: [$id]) {{ {what} }}" for each in listing]
        if "filter" in field.args:
            kind: Any = get_named_type(field.args["filter"].type)
            for each, inside in kind.fields.items():
                if get_named_type(inside.type).name == "ID":
                    chosen.append(f"{name}_{each}: {name}(filter: {{{each}: $id}}) {{ {BRIEF} }}")
    return f"query($id: ID!) {{ {' '.join(chosen)} }}"


# ── Mutations ────────────────────────────────────────────────────────────────────────────────────

WORDS: Final[dict[str, Any]] = {
    "url": "https://hooks.example.com/new",
    "password": "a password that is new",
    "country": "NL",
    "language": "nl",
    "kind": "CUSTOMER",
    "expiresAt": None,
}
COLUMNS: Final = {
    "mail": ("email",),
    "externalid": ("external_id",),
    "csv": ("email", "external_id"),
}
"""Which columns of a row a text is looked for in, by what its argument is called."""


def mutations() -> dict[str, GraphQLField]:
    return fields_of("Mutation")


def id_places() -> list[IdPlace]:
    """Every id that a mutation takes."""
    return [
        IdPlace(name, path)
        for name, field in mutations().items()
        for path, kind in _arguments(_input(field))
        if kind == "ID"
    ]


def text_places() -> list[TextPlace]:
    """Every address and every external id that a mutation takes, be it in a file."""
    return [
        TextPlace(name, path, column)
        for name, field in mutations().items()
        for path, kind in _arguments(_input(field))
        if kind == "String" and "columns" not in path  # these are of a file, and no person's
        for column in _columns(path)
    ]


def worded(path: tuple[str, ...], of: Callable[[str], str]) -> str:
    """A text for that argument; `of` tells what to name a row by, by the column."""
    told = {column: of(column) for column in _columns(path)}
    if len(told) > 1:  # a file
        return f"{','.join(told)}\n{','.join(told.values())}"
    return next(iter(told.values()), "New")


def _columns(path: tuple[str, ...]) -> tuple[str, ...]:
    name = path[-1].lower()
    return next((columns for part, columns in COLUMNS.items() if part in name), ())


def _input(field: GraphQLField) -> GraphQLInputObjectType | None:
    return get_named_type(field.args["input"].type) if field.args else None  # type: ignore[return-value]


def _arguments(kind: GraphQLInputObjectType | None) -> Iterator[tuple[tuple[str, ...], str]]:
    """The way to each, and the name of its type."""
    for name, field in kind.fields.items() if kind else ():
        inner = get_named_type(field.type)
        if isinstance(inner, GraphQLInputObjectType):
            yield from (((name, *path), of) for path, of in _arguments(inner))
        else:
            yield (name,), inner.name


class Inputs:
    """Makes inputs of mutations: what must be said, and of the rest what `says` is true for.

    `id` is told whether there must be one.
    """

    def __init__(
        self,
        id: Callable[[tuple[str, ...], bool], Any],
        text: Callable[[tuple[str, ...]], str],
        says: Callable[[tuple[str, ...]], bool],
    ) -> None:
        self._id = id
        self._text = text
        self._says = says

    def of(self, mutation: str) -> dict[str, Any]:
        kind = _input(mutations()[mutation])
        return {} if kind is None else {"input": self._object(kind, ())}

    def _object(self, kind: GraphQLInputObjectType, path: tuple[str, ...]) -> dict[str, Any]:
        made = {}
        for name, field in kind.fields.items():
            here = (*path, name)
            is_id = get_named_type(field.type).name == "ID"
            is_needed = is_required_input_field(field)
            value = self._id(here, is_needed) if is_id else None
            if is_id and value is None and not is_needed:
                continue
            if not (is_id or is_needed or self._says(here)):
                continue
            one = value if is_id else self._value(name, get_named_type(field.type), here)
            is_many = is_list_type(get_nullable_type(field.type))
            made[name] = [one] if is_many and not isinstance(one, list) else one
        return made

    def _value(self, name: str, kind: GraphQLNamedType, path: tuple[str, ...]) -> Any:
        if name in WORDS:
            return WORDS[name]
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind, path)
        if isinstance(kind, GraphQLEnumType):
            return next(iter(kind.values))
        return (
            {"Int": 1, "Boolean": False}.get(kind.name)
            if kind.name != "String"
            else self._text(path)
        )


def mutation(name: str, depth: int) -> str:
    """All that its payload tells."""
    field = mutations()[name]
    told = everything(get_named_type(field.type), depth)
    if not field.args:
        return f"mutation {{ {name} {{ {told} }} }}"
    kind = field.args["input"].type
    return f"mutation($input: {kind}) {{ {name}(input: $input) {{ {told} }} }}"


# ── Subscriptions ────────────────────────────────────────────────────────────────────────────────


def subscriptions() -> dict[str, tuple[str, str]]:
    """Each, of the company $id: with what its event tells by itself, where nothing else can fail,
    and with all that it leads to."""
    found = {}
    for name, field in fields_of("Subscription").items():
        needed = [each for each, argument in field.args.items() if is_required_argument(argument)]
        assert set(needed) <= {"companyId"}, "say how it is to be asked"
        kind: Any = get_named_type(field.type)
        alone, whole = [
            f"subscription($id: ID!) {{ {name}(companyId: $id) {{ {told} }} }}"
            for told in (" ".join(_leaves(kind)), everything(kind, 1))
        ]
        found[name] = alone, whole
    return found
