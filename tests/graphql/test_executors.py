"""Both executors answer alike about real rows, and ask the database alike."""

import zlib
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any, Final

import pytest
from graphql import GraphQLInputType, is_non_null_type, parse
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from models.access import Caller
from resolvers.reading.reader import Batch, Reader
from schema.build import Executor, schema
from schema.context import Context
from schema.execution.plans import Plans
from schema.ids import global_id
from tests.conftest import Clock
from tests.execution.answers import executed, left_behind, same
from tests.execution.documents import Documents, simple_value
from tests.factories import Make
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
        found = await super().load_all(batch, keys, **arguments)
        return {key: Broken() if self._fails(batch, key) else found[key] for key in keys}

    def _fails(self, batch: Batch, key: Any) -> bool:
        what = (self.seed, getattr(batch, "__name__", ""), str(getattr(key, "id", key)))
        return zlib.crc32(repr(what).encode()) / 2**32 < self.rate


async def scene_with_rows(make: Make) -> tuple[Scene, list[str]]:
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
    return scene, [global_id(type(row).__name__, row.id) for row in rows]


def answering(who: Caller, clock: Clock, *, seed: int = 0, rate: float = 0.0) -> Context:
    reader = Faulty(who, clock())
    reader.seed, reader.rate = seed, rate
    return Context(who, reader, clock)


@left_behind
@pytest.mark.parametrize("rate", [0.0, 0.05])
async def test_documents_by_chance(make: Make, clock: Clock, rate: float, documents: int) -> None:
    scene, ids = await scene_with_rows(make)
    callers = [await make.caller(user) for user in (scene.vic, scene.pam, scene.cora)]

    def value(random: Random, name: str, kind: GraphQLInputType) -> Any:
        inner: Any = kind.of_type if is_non_null_type(kind) else kind
        if str(inner) == "ID":
            return random.choice([*ids, "nobody"])
        return ["nobody", *ids] if name == "ids" else simple_value(random, name, kind)

    writer = Documents(CORE, Random(f"real {rate}"), value, depth=4)
    equal = 0
    for number in range(documents // 3):
        document, who = writer.write(), callers[number % 3]
        parsed = parse(document.text)
        ours, stocks = [
            await executed(
                CORE, by, parsed, answering(who, clock, seed=number, rate=rate), document.variables
            )
            for by in (Executor, Stock)
        ]
        equal += same(ours, stocks)

    # Arguments by chance are wrong in several places, too, and one of them is told.
    assert equal >= (documents // 3) * (0.9 if rate else 0.98)


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
            answers.append(await executed(CORE, by, document, context, {"id": ids[0]}))
        sent.append(sorted(kept))

    assert same(*answers)
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
