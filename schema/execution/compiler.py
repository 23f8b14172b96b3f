"""Writes the function of each level.

A level completes many values at once, and does it column by column: what is read of all of them is
one list, and so is what they answer. Of `{ edges { node { name company { name } } } }` on pages of
orders, the first level is

    def level(v0, attempt):
        v1 = attribute("rows")(v0)
        v2 = chained(v1)
        columns = columns_of(v2)
        v3 = column(columns["name"](v2))
        v4 = [{"name": w0, "company": None} for w0 in v3]
        v5 = columns["company_id"](v2)
        keys0, into0 = v5, v4
        v6 = [{"node": w0} for w0 in v4]
        v7 = apart(v1, v6)
        v8 = [{"edges": w0} for w0 in v7]
        return v8, ((keys0, into0),)

with a look at the classes of each list between these lines, and attributes of each where a class
reads no columns; the company's name is the second level.
What an edge has found is read as it is: a value of its GraphQL type is made of it only for a
resolver.
"""

from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from graphql import (
    GraphQLAbstractType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock
from strawberry.types.fields.resolver import StrawberryResolver

from schema.execution.columns import (
    apart,
    attribute,
    chained,
    columns_of,
    kinds,
    present,
    those_with_key,
    with_nulls,
)
from schema.execution.declared import INLINE, READS, TABLES, Edge, Inline
from schema.execution.fields import Field, Unknown, fields, grouped
from schema.execution.leaves import Unfit, column
from schema.execution.objects import Classes, Make, Types, definition_of
from schema.execution.running import Level, Step, Whole
from schema.execution.writer import Writer
from schema.selections import Selections

P = TypeVar("P")

MOST_FIELDS: Final = 1_000
"""Of a plan: a short document may stand for a great many, as fragments are spread in fragments."""
LISTS: Final = frozenset({list, tuple})
"""What may be gone through twice; a generator is stock's."""


def compiled(executor: Stock, kind: GraphQLOutputType, details: FieldDetailsList) -> Level:
    """The plan for values of a type. Raises Unknown where it cannot be made."""
    return _shallow(lambda: _Plan(executor).level(kind, details, "", VALUE))


def whole(executor: Stock, query: GraphQLObjectType, found: GroupedFieldSet) -> Whole:
    """The plan of a query, from its root on. Raises Unknown where it cannot be made."""
    return _shallow(lambda: _Plan(executor).whole(query, found))


def _shallow(make: Callable[[], P]) -> P:
    try:
        return make()
    except (SyntaxError, RecursionError):
        reason = "nested too deeply"
    raise Unknown(reason)


class _Origin(NamedTuple):
    """Where values come from: they are values, or what `make` makes them of."""

    make: Make | None = None
    around: str = ""
    """For inline fields: what the parent of each shows, a column, written where it is used."""
    is_part: bool = False
    """Of the parent: no value is ever made of it, and all its fields are inline."""

    def of_items(self, lists: str) -> "_Origin":
        """Of what is in lists."""
        pairs = f"zip({self.around}, {lists}, strict=True)"
        return self._replace(
            around=f"[p for p, each in {pairs} for _ in each]" if self.around else ""
        )

    def of_present(self, values: str) -> "_Origin":
        """Of the values that are not null."""
        pairs = f"zip({self.around}, {values}, strict=True)"
        some = f"[p for p, value in {pairs} if value is not None]"
        return self._replace(around=some if self.around else "")


VALUE: Final = _Origin()


class _Plan:
    """What the levels of a plan have in common."""

    def __init__(self, executor: Stock) -> None:
        self.executor = executor
        self._fields = 0

    def level(
        self, kind: GraphQLOutputType, details: FieldDetailsList, field_name: str, origin: _Origin
    ) -> Level:
        return _Function(self, field_name).level(kind, details, origin)

    def fields(self, kind: GraphQLObjectType, details: FieldDetailsList) -> list[Field]:
        found = list(fields(self.executor, kind, details))
        self._count(found)
        return found

    def _count(self, found: list[Field]) -> None:
        self._fields += len(found)
        if self._fields > MOST_FIELDS:
            raise Unknown("too many fields")

    def whole(self, query: GraphQLObjectType, found: GroupedFieldSet) -> Whole:
        selected = list(grouped(self.executor, query, found))
        self._count(selected)
        blank = {field.name: query.name if field.is_typename else None for field in selected}
        roots = [(field.root, field) for field in selected if not field.is_typename]
        return Whole(blank, [(root, self.step(root.edge, field)) for root, field in roots])

    def step(self, edge: Edge, field: Field) -> Step:
        kind = field.definition.type
        inner = kind.of_type if is_non_null_type(kind) else kind
        origin = _Origin(edge.value)
        level = self.level(inner, field.details, field.nodes[0].name.value, origin)
        executor = self.executor
        found = Selections(executor.fragment_definitions, executor.variable_values.coerced)
        told = dict(edge.selective(found, field.nodes, kind)) if edge.selective else {}
        return Step(edge, field, level, inner is kind, told)


class _Function:
    """Writes the function of a level, from its values inwards.

    Each method is given the variable of a list of values, and gives that of the list of their
    answers.
    """

    def __init__(self, plan: _Plan, field_name: str) -> None:
        self._plan = plan
        self._field_name = field_name
        self._code = Writer("def level(values, attempt):")
        self._unfit = f"raise {self._code.constant(Unfit)}"
        self._before: list[str] = []
        self._steps: list[Step] = []
        self._context = ""

    def level(self, kind: GraphQLOutputType, details: FieldDetailsList, origin: _Origin) -> Level:
        code = self._code
        answers = self._values(kind, "values", details, origin)
        waiting = "".join(f"(keys{at}, into{at}), " for at in range(len(self._steps)))
        code.line(f"return {answers}, ({waiting})")
        code.begin(self._before)
        weight = len(code.text) + sum(step.level.weight for step in self._steps)
        return Level(code.function(), self._steps, weight)

    def _values(
        self, kind: GraphQLOutputType, values: str, details: FieldDetailsList, origin: _Origin
    ) -> str:
        code, inner = self._code, kind.of_type if is_non_null_type(kind) else kind
        nullable = inner is kind
        if is_leaf_type(inner):
            return code.assign(f"{code.constant(column(inner, nullable=nullable))}({values})")
        if not nullable:  # null is of no class that is looked for
            return self._present(inner, values, details, origin)
        there = code.assign(f"{code.constant(present)}({values})")
        answers = self._present(inner, there, details, origin.of_present(values))
        return code.assign(f"{code.constant(with_nulls)}({values}, {there}, {answers})")

    def _present(
        self, kind: GraphQLOutputType, values: str, details: FieldDetailsList, origin: _Origin
    ) -> str:
        if is_list_type(kind):
            return self._lists(kind, values, details, origin)
        if is_abstract_type(kind):
            return self._abstract(kind, values, details, origin)
        assert is_object_type(kind)
        return self._objects(kind, values, details, origin)

    def _lists(
        self, kind: GraphQLList[Any], values: str, details: FieldDetailsList, origin: _Origin
    ) -> str:
        code = self._code
        known = code.constant(LISTS | TABLES)
        code.line(f"if not {known}.issuperset(set(map(type, {values}))): {self._unfit}")
        items = code.assign(f"{code.constant(chained)}({values})")
        answers = self._values(kind.of_type, items, details, origin.of_items(values))
        return code.assign(f"{code.constant(apart)}({values}, {answers})")

    def _abstract(
        self, kind: GraphQLAbstractType, values: str, details: FieldDetailsList, origin: _Origin
    ) -> str:
        code, schema = self._code, self._plan.executor.schema
        possible = schema.get_possible_types(kind)
        types = Types(schema, kind, self._field_name, origin.make)
        names = code.assign(f"{code.constant(types.names)}({values})")
        known = code.constant(frozenset(each.name for each in possible))
        code.line(f"if not {known}.issuperset({names}): {self._unfit}")
        answers = []
        for each in possible:
            pairs = f"zip({values}, {names}, strict=True)"
            some = code.assign(f"[v for v, name in {pairs} if name == {each.name!r}]")
            told = self._objects(each, some, details, _Origin(origin.make))
            answers.append(f"{each.name!r}: iter({told})")
        left = code.assign(f"{{{', '.join(answers)}}}")
        return code.assign(f"[next({left}[name]) for name in {names}]")

    def _objects(
        self, kind: GraphQLObjectType, values: str, details: FieldDetailsList, origin: _Origin
    ) -> str:
        told = self._told(kind, values, details, origin)
        return told if isinstance(told, str) else self._written(told, values)

    def _told(
        self, kind: GraphQLObjectType, values: str, details: FieldDetailsList, origin: _Origin
    ) -> "str | _Parts":
        """The answers, or where no edge hangs on them, what each will be made of."""
        code = self._code
        if not origin.is_part:
            classes = Classes(kind, origin.make)
            known, check = code.constant(classes.known), code.constant(classes.check)
            of = code.constant(kinds)
            code.line(f"if not {known}.issuperset({of}({values})): {check}({values})")
        read = _Reading(code, kind, values, origin)
        edges: list[tuple[Edge, Field]] = []
        parts: _Parts = {}
        for field in self._plan.fields(kind, details):
            if field.is_typename:
                parts[field.name] = _Constant(repr(field.parent.name))
            elif field.edge is not None:
                edges.append((field.edge, field))
                parts[field.name] = _Constant("None")
            else:
                parts[field.name] = self._column(field, read)
        if not edges:
            return parts
        answers = self._written(parts, values)
        for edge, field in edges:
            self._hang(edge, field, read, answers)
        return answers

    def _written(self, parts: "_Parts", values: str) -> str:
        columns: list[str] = []
        told = _text(parts, columns)
        return self._code.assign(f"[{told} {_for_each(columns or [values])}]")

    def _column(self, field: Field, read: "_Reading") -> "str | _Parts":
        """The answers of one field, or what each will be made of."""
        origin = VALUE
        resolver, inline = field.declared.base_resolver, read.inline(field)
        if inline is not None:
            values, origin = self._inline(inline, field, read), read.origin(inline)
        elif resolver is not None:
            values = self._call(resolver, field, read)
        else:
            values = read.attribute(field)
        outer, self._field_name = self._field_name, field.nodes[0].name.value
        kind = field.definition.type
        answers: str | _Parts
        if is_non_null_type(kind) and is_object_type(kind.of_type):
            answers = self._told(kind.of_type, values, field.details, origin)
        else:
            answers = self._values(kind, values, field.details, origin)
        self._field_name = outer
        return answers

    def _inline(self, inline: Inline, field: Field, read: "_Reading") -> str:
        used = {name: self._code.constant(value) for name, value in inline.uses.items()}
        if "{context}" in inline.expression and not self._context:
            self._context = self._code.name()
            self._before.append(f"{self._context} = attempt.executor.context_value")
        around = read.around() if "{1}" in inline.expression else ""
        kind, context = repr(field.parent.name), self._context
        told = inline.expression.format(_Shown(read), around, kind=kind, context=context, **used)
        return self._code.assign(told)

    def _call(self, resolver: StrawberryResolver[Any], field: Field, read: "_Reading") -> str:
        """An ordinary resolver. One that awaits or takes arguments is stock's."""
        if field.declared.is_async or field.definition.args:
            raise Unknown(f"{field.parent}.{field.name}")
        given = ["w0"] if resolver.self_parameter else []
        for parameter in (resolver.parent_parameter, resolver.root_parameter):
            given += [f"{parameter.name}=w0"] if parameter else []
        if resolver.info_parameter:
            info = self._code.name()
            self._before.append(f"{info} = attempt.info({self._code.constant(field)})")
            given.append(f"{resolver.info_parameter.name}={info}")
        values = read.values() if "w0" in "".join(given) else read.any()
        called = f"{self._code.constant(resolver.wrapped_func)}({', '.join(given)})"
        return self._code.assign(f"[{called} {_for_each([values])}]")

    def _hang(self, edge: Edge, field: Field, read: "_Reading", answers: str) -> None:
        """Note down what an edge is to be asked for these answers."""
        code, at = self._code, len(self._steps)
        self._steps.append(self._plan.step(edge, field))
        keys = read.named(edge.key)
        if self._steps[at].nullable:
            code.line(f"keys{at}, into{at} = {code.constant(those_with_key)}({keys}, {answers})")
            return
        of = code.constant(kinds)
        code.line(f"if {code.constant(NoneType)} in {of}({keys}): {self._unfit}")
        code.line(f"keys{at}, into{at} = {keys}, {answers}")


class _Constant(NamedTuple):
    """Python that is the same for all answers."""

    text: str


_Parts: TypeAlias = "dict[str, str | _Constant | _Parts]"
"""What an answer is made of, by the names in it: a column, a constant, or parts again."""


def _text(parts: _Parts, columns: list[str]) -> str:
    """A dict of constants and of w0, w1, …, whose columns are added to those there are."""
    told = []
    for name, part in parts.items():
        if isinstance(part, _Constant):
            text = part.text
        elif isinstance(part, str):
            text = f"w{len(columns)}"
            columns.append(part)
        else:
            text = _text(part, columns)
        told.append(f"{name!r}: {text}")
    return f"{{{', '.join(told)}}}"


def _for_each(columns: Sequence[str]) -> str:
    """What goes through columns side by side."""
    if len(columns) == 1:
        return f"for w0 in {columns[0]}"
    names = ", ".join(f"w{at}" for at in range(len(columns)))
    return f"for {names} in zip({', '.join(columns)}, strict=True)"


class _Shown:
    """Stands for `{0}` of what is inline, and its attributes for `{0.name}`."""

    def __init__(self, read: "_Reading") -> None:
        self._read = read

    def __format__(self, _: str) -> str:
        return self._read.shown()

    def __getattr__(self, name: str) -> str:
        return self._read.named(name)


class _Reading:
    """Columns of attributes of values, or of what they would show."""

    def __init__(self, code: Writer, kind: GraphQLObjectType, values: str, origin: _Origin) -> None:
        self._code = code
        self._origin = origin
        self._through: str | None = getattr(definition_of(kind).origin, READS, None)
        self._is_shown = origin.is_part or bool(self._through)
        self._values = values if origin.make is None and not origin.is_part else ""
        self._behind = values if self._is_shown and not self._values else ""
        self._columns = ""
        self._read: dict[str, str] = {}
        self._name = values

    def any(self) -> str:
        """A list as long as that of the values."""
        return self._name

    def values(self) -> str:
        """The values themselves, for a resolver. Raises Unknown for parts."""
        if not self._values:
            if self._origin.make is None:
                raise Unknown(self._name)
            make = self._code.constant(self._origin.make)
            self._values = self._code.assign(f"list(map({make}, {self._name}))")
        return self._values

    def attribute(self, field: Field) -> str:
        """What is answered by an attribute of that name."""
        if field.declared.default_resolver is not getattr or field.definition.args:
            raise Unknown(f"{field.parent}.{field.name}")
        return self.named(field.declared.python_name)

    def named(self, name: str) -> str:
        if not name.isidentifier():
            raise Unknown(name)
        if not self._is_shown:
            return self._code.assign(f"{self._attribute(name)}({self.values()})")
        return self.shown() if name == self._through else self._of_shown(name)

    def inline(self, field: Field) -> Inline | None:
        """How the field is read without its resolver, where that can be done."""
        inline = field.declared.metadata.get(INLINE)
        return inline if isinstance(inline, Inline) and self._is_shown else None

    def shown(self) -> str:
        """What they show."""
        if not self._behind:
            assert self._through is not None
            self._behind = self._code.assign(f"{self._attribute(self._through)}({self._values})")
        return self._behind

    def around(self) -> str:
        """What their parents show. Raises Unknown where nobody has kept it."""
        if not self._origin.around:
            raise Unknown(self._name)
        return self._code.assign(self._origin.around)

    def origin(self, inline: Inline) -> _Origin:
        """Of what an inline field finds."""
        return _Origin(inline.value, self.shown(), is_part=inline.value is None)

    def _of_shown(self, name: str) -> str:
        if name not in self._read:
            code, shown = self._code, self.shown()
            if not self._columns:
                self._columns = code.assign(f"{code.constant(columns_of)}({shown})")
            read = f"({self._columns}.get({name!r}) or {self._attribute(name)})"
            self._read[name] = code.assign(f"{read}({shown})")
        return self._read[name]

    def _attribute(self, name: str) -> str:
        return self._code.constant(attribute(name))
