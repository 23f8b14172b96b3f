"""Remembers plans: what was used last stays, up to a size."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from graphql.execution.collect_fields import FieldDetailsList

LARGEST: Final = 1_000_000
"""Characters of code, and of the documents it was made from, of all plans together."""


class Plan(Protocol):
    @property
    def weight(self) -> int:
        """Characters of code: what it costs to remember."""


P = TypeVar("P", bound=Plan)


class Kept(NamedTuple, Generic[P]):
    """A plan, or None where none can be made."""

    plan: P | None
    details: FieldDetailsList
    """Where it was selected: while its nodes are held, no others can have their identity."""

    @property
    def weight(self) -> int:
        where = self.details[0].node.loc
        document = len(where.source.body) if where else 0
        return document + (self.plan.weight if self.plan else 0)


class Plans(Generic[P]):
    """Plans by what they were made from. Nothing is kept here of those whom nobody knows."""

    def __init__(self, largest: int = LARGEST) -> None:
        self._largest = largest
        self._kept: OrderedDict[Hashable, Kept[P]] = OrderedDict()
        self.weight = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Kept[P] | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def keep(self, key: Hashable, kept: Kept[P]) -> None:
        self._kept[key] = kept
        self.weight += kept.weight
        while self.weight > self._largest:
            _, forgotten = self._kept.popitem(last=False)
            self.weight -= forgotten.weight
