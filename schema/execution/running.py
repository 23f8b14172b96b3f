"""Running a plan: a level completes all its values, then its edges are loaded, each at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as set_up
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from graphql.pyutils import Path, gather_with_cancel
from strawberry import Info
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from schema.execution.declared import Edge
from schema.execution.fields import Field
from schema.execution.leaves import Unfit

Answer: TypeAlias = dict[str, Any]
Waiting: TypeAlias = tuple[Sequence[Any], Sequence[Answer]]
"""Of an edge: the key of each parent, and the parent's answer, where its place is still null."""


class NoPath:
    """In a plan nobody knows where a value will stand: asking for it hands over to stock."""

    def __getattribute__(self, name: str) -> Any:
        raise Unfit

    def __iter__(self) -> Iterator[Any]:
        raise Unfit

    def __eq__(self, other: object) -> bool:
        raise Unfit

    def __repr__(self) -> str:
        raise Unfit

    __hash__ = None  # type: ignore[assignment]


class Failure(NamedTuple):
    """A key of a nullable edge that failed: its place stays null."""

    answer: Answer
    step: "Step"
    error: Exception


class Attempt:
    """One go at completing a value by a plan."""

    def __init__(self, executor: Stock, given: dict["Step", Mapping[str, Any]]) -> None:
        self.executor = executor
        self.failures: list[Failure] = []
        self._given = given

    def info(self, asking: Field) -> Info[Any, Any]:
        """What a resolver of a field is given; it is the same for all values."""
        path: Any = NoPath()
        raw = self.executor.build_resolve_info(asking.definition, asking.nodes, asking.parent, path)
        return Info(_raw_info=raw, _field=asking.declared)

    def given(self, step: "Step") -> Mapping[str, Any]:
        """The arguments of an edge, made once in a request."""
        if step not in self._given:
            self._given[step] = step.arguments(self.executor)
        return self._given[step]

    def tell(self, data: Any, path: Path) -> None:
        """Tell of each failure, wherever its answer stands in `data`; stock words it."""
        failed: dict[int, list[Failure]] = {}
        for failure in self.failures:
            failed.setdefault(id(failure.answer), []).append(failure)
        for answer, place in _answers(data, path):
            for failure in failed.get(id(answer), ()):
                self._tell(failure, place)

    def _tell(self, failure: Failure, place: Path) -> None:
        asked = failure.step.field
        self.executor.handle_field_error(
            failure.error,
            asked.definition.type,
            asked.details,
            Path(place, asked.name, asked.parent.name),
        )


def _answers(data: Any, path: Path) -> Iterator[tuple[Answer, Path]]:
    """Every object in `data`, and where it stands."""
    if isinstance(data, dict):
        yield data, path
    items: Iterable[tuple[Any, Any]] = (
        data.items() if isinstance(data, dict) else enumerate(data) if type(data) is list else ()
    )
    for name, value in items:
        if type(value) in {dict, list}:
            yield from _answers(value, Path(path, name, None))


@dataclass(eq=False)
class Level:
    """Completes values of one type, all of them together.

    `complete(values, attempt)` gives their answers, and for each of `steps` what waits for it.
    """

    complete: Callable[[Sequence[Any], Attempt], tuple[list[Any], Sequence[Waiting]]]
    steps: Sequence["Step"]
    weight: int
    """Characters of code, here and below: what it costs to remember."""

    async def run(self, values: Sequence[Any], attempt: Attempt) -> list[Any]:
        """Raises Unfit, and whatever a value raises that does not go well."""
        answers, waiting = self.complete(values, attempt)
        await self.fill(waiting, attempt)
        return answers

    async def fill(self, waiting: Sequence[Waiting], attempt: Attempt) -> None:
        """Put in place what the edges bring."""
        going = [
            step.take(keys, answers, attempt)
            for step, (keys, answers) in zip(self.steps, waiting, strict=True)
            if keys
        ]
        if len(going) == 1:
            await going[0]
        elif going:
            await gather_with_cancel(*going)


@dataclass(eq=False)
class Step:
    """An edge that hangs on a level."""

    edge: Edge
    field: Field
    level: Level
    """Completes what the edge finds."""
    nullable: bool
    selected: Mapping[str, Any]
    """Arguments told by what is selected beneath."""
    _constant: Mapping[str, Any] | None = set_up(default=None, init=False)

    def arguments(self, executor: Stock) -> Mapping[str, Any]:
        if self._constant is not None:
            return self._constant
        told = self.field.arguments(executor)
        given = {name: self.edge.neutral(value) for name, value in told.items()}
        given.update(self.selected)
        if not self.field.has_variables:
            self._constant = given
        return given

    async def take(self, keys: Sequence[Any], answers: Sequence[Answer], attempt: Attempt) -> None:
        """Load the edge for all parents, complete what is found, and put it into their answers."""
        if self.edge.many:
            await self._take_many(keys, answers, attempt)
            return
        wanted = dict.fromkeys(keys)
        found = await self.edge.load(attempt.executor.context_value, wanted, attempt.given(self))
        there, failed = self._sorted(wanted, found)
        completed = await self._completed(there, attempt)
        name = self.field.name
        for key, answer in zip(keys, answers, strict=True):
            if key in completed:
                answer[name] = completed[key]
            elif key in failed:
                attempt.failures.append(Failure(answer, self, failed[key]))

    def _sorted(
        self, wanted: Iterable[Any], found: Mapping[Any, Any]
    ) -> tuple[dict[Any, Any], dict[Any, Exception]]:
        """What is there, and what failed. Raises Unfit where null is not allowed."""
        there, failed = {}, {}
        for key in wanted:
            value = found.get(key)
            if isinstance(value, Exception):
                failed[key] = value
            elif value is not None:
                there[key] = value
            elif not self.nullable:
                raise Unfit
        if failed and not self.nullable:
            raise Unfit
        return there, failed

    async def _completed(self, there: Mapping[Any, Any], attempt: Attempt) -> Mapping[Any, Any]:
        if not there:
            return {}
        answers = await self.level.run(list(there.values()), attempt)
        return dict(zip(there, answers, strict=True))

    async def _take_many(
        self, keys: Sequence[Sequence[Any]], answers: Sequence[Answer], attempt: Attempt
    ) -> None:
        wanted = dict.fromkeys(chain.from_iterable(keys))
        found = await self.edge.load(attempt.executor.context_value, wanted, attempt.given(self))
        there = {key: found[key] for key in wanted if found.get(key) is not None}
        if any(isinstance(value, Exception) for value in there.values()):
            raise Unfit
        lists = [[there[key] for key in several if key in there] for several in keys]
        for answer, told in zip(answers, await self.level.run(lists, attempt), strict=True):
            answer[self.field.name] = told
