"""Writes the function of each level.

Of `{ edges { node { name company { name } } } }` on a page of orders, the first level is

    def level(values, attempt):
        answers = []
        keys0, into0 = [], []
        for v in values:
            v1 = v.edges
            v2 = []
            for v3 in v1:
                v4 = v3.node
                v5 = v4.name
                v6 = {"name": v5, "company": None}
                v7 = v4.company_id
                keys0.append(v7); into0.append(v6)
                v2.append({"node": v6})
            answers.append({"edges": v2})
        return answers, ((keys0, into0),)

with a look at each value between these lines; the company's name is the second level. What an edge
has found is read as it is: a value of its GraphQL type is made of it only for a resolver.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

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

from schema.execution.declared import INLINE, READS, Edge, Inline
from schema.execution.fields import Field, Unknown, fields, grouped
from schema.execution.leaves import Unfit, write_leaf
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
    """Where something comes from: it is a value, or what `make` makes one of."""

    make: Make | None = None
    around: str = ""
    """The variable of what its parent shows, for inline fields."""
    is_part: bool = False
    """Of the parent: no value is ever made of it, and all its fields are inline."""


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
        told = edge.selective(found, field.nodes, kind) if edge.selective else {}
        return Step(edge, field, level, inner is kind, told)


class _Function:
    """Writes the function of a level, from one value inwards.

    Each method is given the variable that holds a value, and gives what stands for its answer.
    """

    def __init__(self, plan: _Plan, field_name: str) -> None:
        self._plan = plan
        self._field_name = field_name
        self._code = Writer("def level(values, attempt):")
        self._unfit = f"raise {self._code.constant(Unfit)}"
        self._before = ["answers = []"]
        self._steps: list[Step] = []
        self._context = ""

    def level(self, kind: GraphQLOutputType, details: FieldDetailsList, origin: _Origin) -> Level:
        code = self._code
        with code.block("for v in values:"):
            code.line(f"answers.append({self._value(kind, 'v', details, origin)})")
        waiting = "".join(f"(keys{at}, into{at}), " for at in range(len(self._steps)))
        code.line(f"return answers, ({waiting})")
        code.begin(self._before)
        weight = len(code.text) + sum(step.level.weight for step in self._steps)
        return Level(code.function(), self._steps, weight)

    def _value(
        self, kind: GraphQLOutputType, name: str, details: FieldDetailsList, origin: _Origin
    ) -> str:
        inner = kind.of_type if is_non_null_type(kind) else kind
        nullable = inner is kind
        if is_leaf_type(inner):
            write_leaf(self._code, inner, name, nullable=nullable)
            return name
        if not nullable:  # null is of no class that is looked for
            return self._present(inner, name, details, origin)
        answer = self._code.name()
        self._code.line(f"{answer} = None")
        with self._code.block(f"if {name} is not None:"):
            self._code.line(f"{answer} = {self._present(inner, name, details, origin)}")
        return answer

    def _present(
        self, kind: GraphQLOutputType, name: str, details: FieldDetailsList, origin: _Origin
    ) -> str:
        if is_list_type(kind):
            return self._list(kind, name, details, origin)
        if is_abstract_type(kind):
            return self._abstract(kind, name, details, origin)
        assert is_object_type(kind)
        return self._object(kind, name, details, origin)

    def _list(
        self, kind: GraphQLList[Any], name: str, details: FieldDetailsList, origin: _Origin
    ) -> str:
        code, answers, item = self._code, self._code.name(), self._code.name()
        code.line(f"if type({name}) not in {code.constant(LISTS)}: {self._unfit}")
        code.line(f"{answers} = []")
        with code.block(f"for {item} in {name}:"):
            code.line(f"{answers}.append({self._value(kind.of_type, item, details, origin)})")
        return answers

    def _abstract(
        self, kind: GraphQLAbstractType, name: str, details: FieldDetailsList, origin: _Origin
    ) -> str:
        code, answer, found = self._code, self._code.name(), self._code.name()
        schema = self._plan.executor.schema
        types = Types(schema, kind, self._field_name, origin.make)
        known, find = code.constant(types.known), code.constant(types.find)
        code.line(f"{found} = {known}.get(type({name})) or {find}({name})")
        for at, possible in enumerate(schema.get_possible_types(kind)):
            with code.block(f"{'elif' if at else 'if'} {found} == {possible.name!r}:"):
                code.line(f"{answer} = {self._object(possible, name, details, origin)}")
        code.line(f"else: {self._unfit}")
        return answer

    def _object(
        self, kind: GraphQLObjectType, name: str, details: FieldDetailsList, origin: _Origin
    ) -> str:
        code, answer = self._code, self._code.name()
        if not origin.is_part:
            classes = Classes(kind, origin.make)
            known, check = code.constant(classes.known), code.constant(classes.check)
            code.line(f"if type({name}) not in {known}: {check}({name})")
        read = _Reading(code, kind, name, origin)
        edges: list[tuple[Edge, Field]] = []
        parts = []
        for field in self._plan.fields(kind, details):
            if not field.is_typename and field.edge is not None:
                edges.append((field.edge, field))
            parts.append(f"{field.name!r}: {self._field(field, read)}")
        code.line(f"{answer} = {{{', '.join(parts)}}}")
        for edge, field in edges:
            self._hang(edge, field, read, answer)
        return answer

    def _field(self, field: Field, read: "_Reading") -> str:
        if field.is_typename:
            return repr(field.parent.name)
        if field.edge is not None:
            return "None"
        name, origin = self._code.name(), VALUE
        resolver, inline = field.declared.base_resolver, read.inline(field)
        if inline is not None:
            called, origin = self._inline(inline, field, read), read.origin(inline)
        elif resolver is not None:
            called = self._call(resolver, field, read)
        else:
            called = read.attribute(field)
        self._code.line(f"{name} = {called}")
        outer, self._field_name = self._field_name, field.nodes[0].name.value
        answer = self._value(field.definition.type, name, field.details, origin)
        self._field_name = outer
        return answer

    def _inline(self, inline: Inline, field: Field, read: "_Reading") -> str:
        used = {name: self._code.constant(value) for name, value in inline.uses.items()}
        if "{context}" in inline.expression and not self._context:
            self._context = self._code.name()
            self._before.append(f"{self._context} = attempt.executor.context_value")
        return inline.expression.format(
            *read.shown(), kind=repr(field.parent.name), context=self._context, **used
        )

    def _call(self, resolver: StrawberryResolver[Any], field: Field, read: "_Reading") -> str:
        """An ordinary resolver. One that awaits or takes arguments is stock's."""
        if field.declared.is_async or field.definition.args:
            raise Unknown(f"{field.parent}.{field.name}")
        given = [read.value()] if resolver.self_parameter else []
        for parameter in (resolver.parent_parameter, resolver.root_parameter):
            given += [f"{parameter.name}={read.value()}"] if parameter else []
        if resolver.info_parameter:
            info = self._code.name()
            self._before.append(f"{info} = attempt.info({self._code.constant(field)})")
            given.append(f"{resolver.info_parameter.name}={info}")
        return f"{self._code.constant(resolver.wrapped_func)}({', '.join(given)})"

    def _hang(self, edge: Edge, field: Field, read: "_Reading", answer: str) -> None:
        """Note down what an edge is to be asked for this answer."""
        code, at, key = self._code, len(self._steps), self._code.name()
        self._steps.append(self._plan.step(edge, field))
        self._before.append(f"keys{at}, into{at} = [], []")
        code.line(f"{key} = {read.named(edge.key)}")
        with code.block(f"if {key} is not None:"):
            code.line(f"keys{at}.append({key}); into{at}.append({answer})")
        if not self._steps[at].nullable:
            code.line(f"else: {self._unfit}")


class _Reading:
    """The attributes of one value, or of what it would show."""

    def __init__(self, code: Writer, kind: GraphQLObjectType, name: str, origin: _Origin) -> None:
        self._code = code
        self._origin = origin
        self._through: str | None = getattr(definition_of(kind).origin, READS, None)
        self._is_shown = origin.is_part or bool(self._through)
        self._value = name if origin.make is None and not origin.is_part else ""
        self._behind = name if self._is_shown and not self._value else ""
        self._name = name

    def value(self) -> str:
        """The value itself, for a resolver. Raises Unknown for a part."""
        if not self._value:
            if self._origin.make is None:
                raise Unknown(self._name)
            self._value = self._code.name()
            make = self._code.constant(self._origin.make)
            self._code.line(f"{self._value} = {make}({self._name})")
        return self._value

    def attribute(self, field: Field) -> str:
        """What is answered by an attribute of that name."""
        if field.declared.default_resolver is not getattr or field.definition.args:
            raise Unknown(f"{field.parent}.{field.name}")
        return self.named(field.declared.python_name)

    def named(self, name: str) -> str:
        if not name.isidentifier():
            raise Unknown(name)
        if not self._is_shown:
            return f"{self.value()}.{name}"
        return self._shown() if name == self._through else f"{self._shown()}.{name}"

    def inline(self, field: Field) -> Inline | None:
        """How the field is read without its resolver, where that can be done."""
        inline = field.declared.metadata.get(INLINE)
        return inline if isinstance(inline, Inline) and self._is_shown else None

    def shown(self) -> tuple[str, str]:
        """The variables of what it shows, and of what its parent shows."""
        return self._shown(), self._origin.around

    def origin(self, inline: Inline) -> _Origin:
        """Of what an inline field finds."""
        return _Origin(inline.value, self._shown(), is_part=inline.value is None)

    def _shown(self) -> str:
        if not self._behind:
            self._behind = self._code.name()
            self._code.line(f"{self._behind} = {self._value}.{self._through}")
        return self._behind
