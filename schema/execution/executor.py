"""Where the stock executor hands a value over to a plan, and takes it back."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, Final, TypeAlias

from graphql import (
    GraphQLError,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    OperationType,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path
from graphql.type import GraphQLAbstractType

from schema.execution.compiler import compiled, whole
from schema.execution.fields import DEFINITION, Unknown, understood
from schema.execution.plans import Kept, Plans
from schema.execution.running import Answer, Attempt, Level, Step, Waiting, Whole
from schema.execution.standard import StandardExecutor

MOST_DOUBTED: Final = 32
"""Attempts of a request after the first that came to nothing, but for those that go well. Each may
go through all that is beneath a value, so a page of errors would cost several times what it costs
stock alone."""

ByStock: TypeAlias = Callable[[], AwaitableOrValue[Any]]


class CompilingExecutor(StandardExecutor):
    """Completes values by plans where it can; all else, and all that goes wrong, is stock's.

    The methods it overrides are private to graphql-core, whose version is pinned.
    """

    plans: ClassVar[Plans[Level]] = Plans()
    wholes: ClassVar[Plans[Whole]] = Plans()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._plans_here: dict[tuple[GraphQLOutputType, int], Kept[Level]] = {}
        self._given: dict[Step, Mapping[str, Any]] = {}
        self._doubted: int | None = None
        self._is_open = self.may_compile()
        self._flags = tuple(
            (name, value)
            for name, value in self.variable_values.coerced.items()
            if type(value) is bool
        )

    def may_compile(self) -> bool:
        """Whether plans are made and used for this request at all."""
        return not (
            (self.middleware_manager and self.middleware_manager.middlewares)
            or self.abort_signal is not None
            or not self.error_propagation
            or self.schema.extensions[DEFINITION].exception_handlers
        )

    def execute_root_grouped_field_set(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,
        grouped_field_set: GroupedFieldSet,
        serially: bool,
        delivery_group_map: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        by_stock = partial(
            super().execute_root_grouped_field_set,
            *(root_type, root_value, grouped_field_set, serially, delivery_group_map),
        )
        is_query = self.operation.operation is OperationType.QUERY and not delivery_group_map
        plan = self._whole(root_type, grouped_field_set) if self._is_open and is_query else None
        if plan is None:
            return by_stock()
        return self._run(by_stock, plan) if plan.steps else dict(plan.blank)

    def complete_list_value(
        self,
        return_type: GraphQLList[Any],
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[list[Any]]:
        given = (return_type, field_details_list, info, path, result, position_context)
        return self._complete(partial(super().complete_list_value, *given), *given)

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        given = (return_type, field_details_list, info, path, result, position_context)
        return self._complete(partial(super().complete_object_value, *given), *given)

    def complete_abstract_value(
        self,
        return_type: GraphQLAbstractType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        given = (return_type, field_details_list, info, path, result, position_context)
        return self._complete(partial(super().complete_abstract_value, *given), *given)

    async def _run(self, by_stock: ByStock, plan: Whole) -> Any:
        attempt = self._begun()
        answer: Answer | None
        try:
            answer = await plan.run(attempt)
        except Exception:  # noqa: BLE001 - stock comes upon it again, and tells of it
            answer = None
        return await self._told(by_stock, attempt, answer, None)

    def _complete(
        self,
        by_stock: ByStock,
        kind: GraphQLOutputType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        value: Any,
        position_context: Any,
    ) -> AwaitableOrValue[Any]:
        plan = self._plan(kind, details) if self._is_open and position_context is None else None
        if plan is None or (self._doubted or 0) >= MOST_DOUBTED:
            return by_stock()
        attempt = self._begun()
        try:
            answers, waiting = plan.complete((value,), attempt)
        except Exception:  # noqa: BLE001 - stock comes upon it again, and tells of it
            answers, waiting = [], ()
        # Out of the `except`, or what stock raises would hold on to what was raised before.
        if answers and any(keys for keys, _ in waiting):
            return self._fill(by_stock, plan, attempt, answers[0], waiting, path)
        self._ended(attempt, well=bool(answers))
        return answers[0] if answers else by_stock()

    def _begun(self) -> Attempt:
        attempt = Attempt(self, self._given, is_doubted=self._doubted is not None)
        if self._doubted is not None:
            self._doubted += 1
        return attempt

    def _ended(self, attempt: Attempt, *, well: bool) -> None:
        if not well:
            self._doubted = self._doubted or 0
        elif self._doubted and attempt.is_doubted:
            self._doubted -= 1

    async def _fill(
        self,
        by_stock: ByStock,
        plan: Level,
        attempt: Attempt,
        answer: Any,
        waiting: Sequence[Waiting],
        path: Path,
    ) -> Any:
        try:
            await plan.fill(waiting, attempt)
        except Exception:  # noqa: BLE001 - as above
            answer = None
        return await self._told(by_stock, attempt, answer, path)

    async def _told(
        self, by_stock: ByStock, attempt: Attempt, answer: Any, path: Path | None
    ) -> Any:
        """The answer of an attempt, or stock's where there is none."""
        self._ended(attempt, well=answer is not None)
        if answer is None:
            completed = by_stock()
            return await completed if self.is_awaitable(completed) else completed
        if attempt.failures:
            attempt.tell(answer, path)
        return answer

    def _plan(self, kind: GraphQLOutputType, details: FieldDetailsList) -> Level | None:
        here = (kind, id(details))  # `Kept` holds the list, so its identity stays its own
        kept = self._plans_here.get(here)
        if kept is None:
            kept = self._plans_here[here] = self._kept(kind, details)
        return kept.plan

    def _kept(self, kind: GraphQLOutputType, details: FieldDetailsList) -> Kept[Level]:
        key = (kind, tuple(id(each.node) for each in details), self._flags)
        kept = self.plans.get(key)
        if kept is None:
            kept = Kept(self._compiled(kind, details), details)
            self.plans.keep(key, kept)
        return Kept(kept.plan, details)

    def _whole(self, query: GraphQLObjectType, found: GroupedFieldSet) -> Whole | None:
        if not found:
            return None
        details = [each for several in found.values() for each in several]
        key = (query, tuple(id(each.node) for each in details), self._flags)
        kept = self.wholes.get(key)
        if kept is None:
            plan = None
            with suppress(Unknown, GraphQLError):
                plan = whole(self, query, found)
            kept = Kept(plan, details)
            self.wholes.keep(key, kept)
        return kept.plan

    def _compiled(self, kind: GraphQLOutputType, details: FieldDetailsList) -> Level | None:
        if not understood(details):
            return None
        try:
            return compiled(self, kind, details)
        except (Unknown, GraphQLError):
            return None
