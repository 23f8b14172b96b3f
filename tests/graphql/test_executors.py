"""Both executors answer alike about real rows, and ask the database alike."""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, Final

import pytest
from graphql import GraphQLInputType, OperationType, parse
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from models.access import Caller
from resolvers.reading.reader import Batch, Reader
from schema.build import Executor, schema
from schema.context import Context
from schema.execution.plans import Plans
from schema.ids import global_id
from tests.conftest import Clock
from tests.execution.answers import alike, executed, left_behind, told
from tests.execution.documents import Documents
from tests.factories import Make
from tests.faults.fuzzing import Values, seasoned, shapes
from tests.graphql.api import application
from tests.http.client import Client
from tests.scene import Scene
from tests.statements import statements

CORE: Final = schema._schema
PAGES: Final = [
    """query($id: ID!) { company(id: $id) {
        name kind licenseSummary { total }
        children(first: 5) { totalCount pageInfo { hasNextPage } edges { cursor node {
            name viewerCan { move { allowed } } managers { name } children { edges { node { id } } }
        } } }
    } }""",
    """{ orders(first: 5) { totalCount edges { node {
        number status requestedAt company { name parent { name } } requestedBy { name user { id } }
    } } } }""",
    """{ licenses(first: 5) { edges { node {
        id status daysRemaining user { name company { name } } order { number }
        allocations { edges { node { allocatedBy { name } } } }
    } } } }""",
    """{ auditEvents { edges { node {
           summary actor { name } subject { id ... on Order { number } }
       } } }
       notifications { edges { node { subject order { number } } } } }""",
]


class Broken(Exception):
    """What a database may say."""


class Faulty(Reader):
    """Fails for some keys of some edges: the same ones whenever they are asked for."""

    rate = 0.0
    seed = 0

    async def load_all(
        self, batch: Batch, keys: Iterable[Any], **arguments: Any
    ) -> Mapping[Any, Any]:
        keys = list(keys)
        return self._planted(batch, keys, await super().load_all(batch, keys, **arguments))

    async def load_now(
        self, batch: Batch, keys: Iterable[Any], **arguments: Any
    ) -> Mapping[Any, Any]:
        keys = list(keys)
        return self._planted(batch, keys, await super().load_now(batch, keys, **arguments))

    def at_hand(
        self, batch: Batch, keys: Sequence[Any], arguments: Mapping[str, Any]
    ) -> Sequence[Any] | None:
        found = super().at_hand(batch, keys, arguments)
        if found is None:
            return None
        return [
            Broken() if self._fails(batch, key) else value
            for key, value in zip(keys, found, strict=True)
        ]

    def _planted(
        self, batch: Batch, keys: list[Any], found: Mapping[Any, Any]
    ) -> Mapping[Any, Any]:
        return {key: Broken() if self._fails(batch, key) else found[key] for key in keys}

    def _fails(self, batch: Batch, key: Any) -> bool:
        what = (self.seed, getattr(batch, "__name__", ""), str(getattr(key, "id", key)))
        return zlib.crc32(repr(what).encode()) / 2**32 < self.rate


async def scene_with_rows(make: Make) -> tuple[Scene, Mapping[str, list[str]]]:
    scene = await Scene.set(make)
    first, second, *_ = await make.licenses(scene.customer, 4)
    learner, _ = await make.learners(scene.customer, 2)
    await make.allocation(first, learner)
    await make.allocation(second, scene.cora)
    order = await make.order(scene.customer, requested_by_id=scene.cora.id)
    rows = (
        scene.vendor,
        scene.partner,
        scene.customer,
        scene.pam,
        scene.cora,
        learner,
        first,
        order,
    )
    ids = defaultdict[str, list[str]](list)
    for row in rows:
        ids[type(row).__name__].append(global_id(type(row).__name__, row.id))
    return scene, ids


def answering(who: Caller, clock: Clock, *, seed: int = 0, rate: float = 0.0) -> Context:
    reader = Faulty(who, clock())
    reader.seed, reader.rate = seed, rate
    return Context(who, reader, clock)


@left_behind
@pytest.mark.parametrize("rate", [0.0, 0.05])
async def test_documents_by_chance(make: Make, clock: Clock, rate: float, documents: int) -> None:
    """Of our own, and of a library's that asks each root field."""
    scene, ids = await scene_with_rows(make)
    callers = [await make.caller(user) for user in (scene.vic, scene.pam, scene.cora)]
    random = Random(f"real {rate}")
    values = Values(random, ids, cursors=["nowhere"])

    def value(random: Random, name: str, kind: GraphQLInputType) -> Any:
        """Mostly fitting: where one root field refuses an argument, nothing else is answered."""
        is_place = name in {"last", "before", "after"}
        return ... if is_place and random.random() < 0.95 else values(random, name, kind)

    writer = Documents(CORE, random, value, depth=4)
    written = [writer.write() for _ in range(documents // 3)]
    of_each_root = shapes(max(1, documents // 60), OperationType.QUERY)
    written += [seasoned(shape, random, value) for shape in of_each_root]

    answers = []
    for number, document in enumerate(written):
        context = partial(answering, callers[number % 3], clock, seed=number, rate=rate)
        parsed = parse(document.text)
        answers.append(await alike(CORE, Executor, parsed, context, document.variables))

    assert sum(not answer.errors for answer in answers) >= len(answers) / 10
    assert sum(bool(answer.errors) for answer in answers) >= len(answers) * rate


@pytest.mark.parametrize("document", PAGES)
async def test_a_page_is_equal_and_costs_no_more_statements(
    make: Make, clock: Clock, document: str
) -> None:
    scene, ids = await scene_with_rows(make)
    caller = await make.caller(scene.vic)
    answers, sent = [], []

    for by in (Executor, Stock):
        with statements() as kept:
            context = answering(caller, clock)
            answers.append(await executed(CORE, by, document, context, {"id": ids["Company"][0]}))
        sent.append(sorted(kept))

    assert told(answers[0]) == told(answers[1])
    assert answers[0].errors is None
    assert len(sent[0]) == len(sent[1])


async def test_a_setting_switches_plans_off(
    make: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Executor, "plans", Plans())
    scene, _ = await scene_with_rows(make)
    asked = "{ viewer { company { name } user { id } } }"
    answers, kept = [], []

    for executor in ("standard", "compiled"):
        async with application(make, clock, executor=executor) as api:
            before = len(Executor.plans)
            client: Client = await api.of(scene.pam)
            answers.append(await client.ask(asked))
            kept.append(len(Executor.plans) - before)

    assert answers[0] == answers[1]
    assert kept == [0, 1]
