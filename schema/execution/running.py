"""Running a plan: a level completes all its values, then its edges are loaded, each at once."""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as set_up
from itertools import chain, repeat
from operator import setitem
from types import MappingProxyType, NoneType
from typing import Any, Final, NamedTuple, TypeAlias

from graphql.pyutils import Path, Undefined, UndefinedType, gather_with_cancel
from strawberry import Info
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from schema.execution.columns import kinds
from schema.execution.declared import FIRST, Edge, Root
from schema.execution.fields import Field
from schema.execution.leaves import Unfit

Answer: TypeAlias = dict[str, Any]
Waiting: TypeAlias = tuple[Sequence[Any], Sequence[Answer]]
"""Of an edge: the key of each parent, and the parent's answer, where its place is still null."""


SHORT: Final = frozenset({str, int, float, bool, NoneType, UndefinedType})
LONG: Final = 100
MOST_GIVEN: Final = 16
NONE_FAILED: Final[Mapping[Any, Exception]] = MappingProxyType({})


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

    def __init__(
        self, executor: Stock, given: dict["Step", Mapping[str, Any]], *, is_doubted: bool
    ) -> None:
        self.executor = executor
        self.is_doubted = is_doubted
        """Whether one before has come to nothing."""
        self.failures: list[Failure] = []
        self.is_alone = False
        """Whether nothing else of the operation is under way while an edge is loaded."""
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

    def tell(self, data: Any, path: Path | None) -> None:
        """Tell of each failure, wherever its answer stands in `data`; stock words it."""
        failed: dict[int, list[Failure]] = {}
        for failure in self.failures:
            failed.setdefault(id(failure.answer), []).append(failure)
        for answer, place in _answers(data, path):
            for failure in failed.get(id(answer), ()):
                self._tell(failure, place)

    def _tell(self, failure: Failure, place: Path | None) -> None:
        asked = failure.step.field
        self.executor.handle_field_error(
            failure.error,
            asked.definition.type,
            asked.details,
            Path(place, asked.name, asked.parent.name),
        )


def _answers(data: Any, path: Path | None) -> Iterator[tuple[Answer, Path | None]]:
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

    async def fill(self, waiting: Sequence[Waiting], attempt: Attempt) -> None:
        """Put in place what the edges bring. Raises Unfit, and what a value raises."""
        missing: list[tuple[Step, Sequence[Any], Sequence[Answer]]] = []
        placed: list[tuple[Level, Sequence[Waiting]]] = []
        for step, (keys, answers) in zip(self.steps, waiting, strict=True):
            found = step.at_hand(keys, attempt) if keys else ()
            if found is None:
                missing.append((step, keys, answers))
            elif keys:
                placed.append((step.level, step.place_at_hand(keys, answers, found, attempt)))
        await together(
            [
                *(step.take(keys, answers, attempt) for step, keys, answers in missing),
                *(level.fill(beneath, attempt) for level, beneath in placed if beneath),
            ],
            attempt,
        )


@dataclass(eq=False)
class Whole:
    """A query from its root on; `blank` is its answer before any edge has brought anything."""

    blank: Mapping[str, Any]
    steps: Sequence[tuple[Root, "Step"]]

    @property
    def weight(self) -> int:
        return sum(step.level.weight for _, step in self.steps)

    async def run(self, attempt: Attempt) -> Answer:
        """Raises what somebody hears who may not ask, Unfit, and what a value raises."""
        answer = dict(self.blank)
        for root, _ in self.steps:
            root.allowed(attempt.executor.context_value)
        asked = [(step, *root.asked(attempt.given(step))) for root, step in self.steps]
        attempt.is_alone = True
        await together(
            [step.take([key], [answer], attempt, given) for step, key, given in asked], attempt
        )
        return answer


async def together(going: Sequence[Coroutine[Any, Any, None]], attempt: Attempt) -> None:
    if len(going) == 1:
        await going[0]
    elif going:
        was_alone, attempt.is_alone = attempt.is_alone, False
        await gather_with_cancel(*going)
        attempt.is_alone = was_alone


def _first(
    keys: Sequence[Sequence[Any]], given: Mapping[str, Any]
) -> tuple[Sequence[Sequence[Any]], Mapping[str, Any]]:
    """Of each parent's keys those that are asked for. Raises Unfit for a number that cannot be."""
    most = given.get(FIRST)
    if most is not None and most < 0:
        raise Unfit
    others = {name: value for name, value in given.items() if name != FIRST}
    return [several[:most] for several in keys], others


@dataclass(eq=False)
class Step:
    """An edge that hangs on a level."""

    edge: Edge
    field: Field
    level: Level
    """Completes what the edge finds."""
    nullable: bool
    selected: dict[str, Any]
    """Arguments told by what is selected beneath."""
    _given: dict[tuple[Any, ...], Mapping[str, Any]] = set_up(default_factory=dict, init=False)

    def arguments(self, executor: Stock) -> Mapping[str, Any]:
        """Made once for the same values of the variables, of which the last few are known."""
        values = executor.variable_values.coerced
        key = tuple(values.get(name, Undefined) for name in self.field.variables)
        are_short = all(type(value) in SHORT and len(str(value)) < LONG for value in key)
        if are_short and key in self._given:
            return self._given[key]
        told = self.field.arguments(executor)
        given = {name: self.edge.neutral(value) for name, value in told.items()} | self.selected
        if are_short:
            if len(self._given) == MOST_GIVEN:
                self._given.clear()
            self._given[key] = given
        return given

    def at_hand(self, keys: Sequence[Any], attempt: Attempt) -> Sequence[Any] | None:
        """What has come along with the parents, for each of them."""
        if self.edge.many:
            return None
        return self.edge.at_hand(attempt.executor.context_value, keys, attempt.given(self))

    async def take(
        self,
        keys: Sequence[Any],
        answers: Sequence[Answer],
        attempt: Attempt,
        given: Mapping[str, Any] | None = None,
    ) -> None:
        """Load the edge for all parents, complete what is found, and put it into their answers."""
        load = self.edge.load_now if attempt.is_alone else self.edge.load
        given = attempt.given(self) if given is None else given
        if self.edge.many:
            keys, given = _first(keys, given)
        wanted = dict.fromkeys(chain.from_iterable(keys) if self.edge.many else keys)
        found = await load(attempt.executor.context_value, wanted, given)
        if beneath := self.place(keys, answers, found, attempt):
            await self.level.fill(beneath, attempt)

    def place_at_hand(
        self,
        keys: Sequence[Any],
        answers: Sequence[Answer],
        values: Sequence[Any],
        attempt: Attempt,
    ) -> Sequence[Waiting]:
        """As `place`. What several parents share is completed for each, if nothing hangs on it."""
        if self.level.steps:
            return self.place(keys, answers, dict(zip(keys, values, strict=True)), attempt)
        if not self.nullable and NoneType in kinds(values):
            raise Unfit
        told, _ = self.level.complete(values, attempt)
        any(map(setitem, answers, repeat(self.field.name), told))  # goes through all
        return ()

    def place(
        self,
        keys: Sequence[Any],
        answers: Sequence[Answer],
        found: Mapping[Any, Any],
        attempt: Attempt,
    ) -> Sequence[Waiting]:
        """Complete what was found, and put it into the answers; gives what waits beneath."""
        if self.edge.many:
            return self._place_many(keys, answers, found, attempt)
        unique = list(dict.fromkeys(keys))
        values, failed = list(map(found.get, unique)), NONE_FAILED
        found_kinds = kinds(values)
        if NoneType in found_kinds or any(issubclass(kind, Exception) for kind in found_kinds):
            unique, values, failed = self._sorted(unique, values)
        told, waiting = self.level.complete(values, attempt)
        if len(told) < len(keys):
            told = list(map(dict(zip(unique, told, strict=True)).get, keys))
        any(map(setitem, answers, repeat(self.field.name), told))  # goes through all
        if failed:
            pairs = zip(keys, answers, strict=True)
            attempt.failures += [Failure(at, self, failed[k]) for k, at in pairs if k in failed]
        return waiting

    def _sorted(
        self, keys: Sequence[Any], values: Sequence[Any]
    ) -> tuple[list[Any], list[Any], dict[Any, Exception]]:
        """Whose value is there, that, and what failed. Raises Unfit where null may not be."""
        if not self.nullable:
            raise Unfit
        pairs = list(zip(keys, values, strict=True))
        failed = {key: value for key, value in pairs if isinstance(value, Exception)}
        there = {k: value for k, value in pairs if value is not None and k not in failed}
        return list(there), list(there.values()), failed

    def _place_many(
        self,
        keys: Sequence[Sequence[Any]],
        answers: Sequence[Answer],
        found: Mapping[Any, Any],
        attempt: Attempt,
    ) -> Sequence[Waiting]:
        there = {key: value for key, value in found.items() if value is not None}
        lists = [[there[key] for key in several if key in there] for several in keys]
        if any(isinstance(value, Exception) for several in lists for value in several):
            raise Unfit
        told, waiting = self.level.complete(lists, attempt)
        any(map(setitem, answers, repeat(self.field.name), told))  # goes through all
        return waiting
