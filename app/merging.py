"""How much of a document is to be merged, told before it is validated.

Fields of one name in one place are one field of the answer. Validation compares each with each, and
all beneath the one with all beneath the other, and each fragment that is spread there with each: a
few kilobytes take it a second (https://spec.graphql.org/draft/#sec-Field-Selection-Merging).
"""

from collections.abc import Iterator, Sequence
from math import comb
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

Place = Sequence[SelectionSetNode]
"""What is selected in one place of an answer."""
MOST_WALKED: Final = 20_000
"""Selections of all places: ten times as many as a document has tokens."""


def merges(document: DocumentNode, most: int) -> int:
    """Pairs of fields that are one in the answer, and of fragments in one place. Where they are
    more than `most`, or there is no end of places, some number above it.

    A place that comes again, as those of a fragment do, is counted once.
    """
    return _Walk(document, most).pairs()


class _Walk:
    def __init__(self, document: DocumentNode, most: int) -> None:
        self._most = most
        self._pairs = 0
        self._left = MOST_WALKED
        self._fragments = {
            node.name.value: node.selection_set
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._unspread = dict(self._fragments)
        self._waiting: list[Place] = [
            [node.selection_set]
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        ]
        self._seen: set[frozenset[int]] = set()
        self._together: set[frozenset[str]] = set()

    def pairs(self) -> int:
        while self._pairs <= self._most:
            if not self._waiting and self._unspread:
                self._waiting.append([self._unspread.popitem()[1]])
            if not self._waiting:
                break
            self._look_at(self._waiting.pop())
            if self._left <= 0:
                return self._most + 1
        return self._pairs

    def _look_at(self, place: Place) -> None:
        key = frozenset(map(id, place))
        if key in self._seen:
            return
        self._seen.add(key)
        found: dict[str, list[FieldNode]] = {}
        for field in self._fields(place):
            found.setdefault((field.alias or field.name).value, []).append(field)
        for fields in found.values():
            self._pairs += comb(len(fields), 2)
            beneath = [field.selection_set for field in fields if field.selection_set]
            if beneath:
                self._waiting.append(beneath)

    def _fields(self, place: Place) -> Iterator[FieldNode]:
        waiting, spread = list(place), set[str]()
        while waiting and self._left > 0:
            for node in waiting.pop().selections:
                self._left -= 1
                if isinstance(node, FieldNode):
                    yield node
                elif isinstance(node, InlineFragmentNode):
                    waiting.append(node.selection_set)
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    self._unspread.pop(node.name.value, None)
                    if node.name.value in self._fragments:
                        waiting.append(self._fragments[node.name.value])
        if frozenset(spread) not in self._together:
            self._together.add(frozenset(spread))
            self._pairs += comb(len(spread), 2)
