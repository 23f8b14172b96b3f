"""Nobody learns anything of another's company: whatever is asked, by whomever, about anything.

What is asked is told by the schema (`asking`), what may be answered by the rows (`oracle`); neither
knows how access is decided. `make test` lives in one random world, and draws from it; `make faults`
asks about all ids of a new one each time, and draws from some more. A world that a test failed in
is made again by its seed: `make test ARGS='tests/isolation --seed 17'`; `--deep 1` for all ids.
"""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Hashable,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

import orjson
import pytest
import pytest_asyncio
from graphql import GraphQLField, get_named_type, parse
from graphql.execution import subscribe
from strawberry.execution.is_awaitable import optimized_is_awaitable

from app.export import EXPORTS
from models.access import caller_of
from models.audit import AuditEvent
from models.base import global_id
from models.database import is_sqlite
from models.licenses import Allocation, License
from models.orders import Order
from models.sessions import Tally
from resolvers.changes import EVERYWHERE, Change, committed
from resolvers.live import Subscriber, Turns
from resolvers.performing import previewing
from resolvers.reading.reader import Reader
from resolvers.reading.sql import chunks
from schema.context import LiveContext
from schema.execution.standard import StandardExecutor
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import Api, application
from tests.http.client import Client, Json
from tests.isolation.asking import (
    CORE,
    UNLIMITED,
    Inputs,
    Narrowing,
    TextPlace,
    by_id,
    by_parts,
    by_text,
    columns,
    counted,
    every_way,
    fields_of,
    id_places,
    kept_back,
    mutation,
    mutations,
    narrowed,
    rows,
    subscriptions,
    text_places,
    whole_lists,
    worded,
)
from tests.isolation.oracle import MARK, Oracle, Row, Sight, marks_in
from tests.isolation.world import KINDS, Rows, Who, World
from tests.snapshots import snapshot
from tests.statements import statements

T = TypeVar("T")

NOBODYS: Final = "q00000q"
HERE: Final = "the id"
TAKEN: Final = "This address is taken."
"""The one thing ever told of others."""


@dataclass
class Stage:
    """A world, everybody who asks, and what each may be told."""

    world: World
    api: Api
    clock: Clock
    callers: list[Who]
    oracle: Oracle
    is_deep: bool
    sights: dict[Who, Sight] = field(default_factory=dict)

    def sight(self, who: Who) -> Sight:
        if who not in self.sights:
            self.sights[who] = self.oracle.sight(who)
        return self.sights[who]

    def knows(self, rows: Rows) -> None:
        """What there is by now."""
        self.oracle = Oracle(rows)
        self.sights.clear()

    def client(self, who: Who) -> Client:
        return self.api.by(who.token) if who.token else Client(self.api.http)

    async def asked(self, who: Who, document: str, variables: Mapping[str, Any]) -> Json:
        """An answer that tells nothing of others: that is looked at before what failed in it."""
        answer = await self.client(who).send(document, **variables)
        assert self.oracle.leaks(answer, self.sight(who)) == [], f"{who} is told too much"
        assert failures(answer) == [], str(who)
        return answer

    def some(self, all: Sequence[T], few: int, many: int | None = None) -> list[T]:
        """A few of them; where one looks deep, many, or all."""
        number = (many or len(all)) if self.is_deep else few
        return self.world.random.sample(all, min(number, len(all)))

    def foreign(self, who: Who, *kinds: str) -> list[tuple[str, UUID]]:
        """One of each kind, or of these kinds, that is out of sight; those first that a row in
        sight names, for they are where a filter goes wrong."""
        seen, named = self.sight(who).ids, self.named(who)
        first, others = list[tuple[str, UUID]](), list[tuple[str, UUID]]()
        for kind in kinds or self.oracle.rows:
            hidden = [row["id"] for row in self.oracle.rows[kind] if row["id"] not in seen]
            near = [id for id in hidden if id in named]
            if near:
                first.append((kind, self.world.random.choice(near)))
            elif hidden:
                others.append((kind, self.world.random.choice(hidden)))
        return [*first, *self.some(others, 1)]

    def named(self, who: Who) -> set[UUID]:
        """What the rows in sight name: their company, who acted, and so on."""
        seen = self.sight(who).ids
        return {
            value
            for listed in self.oracle.rows.values()
            for row in listed
            if row["id"] in seen
            for value in row.values()
            if isinstance(value, UUID)
        }

    def own(self, who: Who, kind: str) -> list[str]:
        seen = self.sight(who).ids
        return [global_id(kind, row["id"]) for row in self.oracle.rows[kind] if row["id"] in seen]

    def strangers(self, who: Who, kind: str) -> list[Row]:
        """Of the rows out of sight some from above, some from beside, of those removed as well."""
        above = self.oracle.above(who.acting) if who.acting else []
        groups: dict[tuple[bool, bool], list[Row]] = {}
        for row in self.oracle.rows[kind]:
            if row["id"] not in self.sight(who).ids:
                is_above = row.get("company_id", row["id"]) in above
                groups.setdefault((is_above, is_removed(row)), []).append(row)
        return [row for group in groups.values() for row in self.some(group, 1, 4)]

    def hidden_texts(self, who: Who) -> tuple[list[str], list[str]]:
        """Names, addresses, numbers and more that are out of sight: of rows that a row in sight
        names, and of some others."""
        sight, named = self.sight(who), self.named(who)
        near, far = list[str](), list[str]()
        for row in (row for listed in self.oracle.rows.values() for row in listed):
            if row["id"] not in sight.ids:
                (near if row["id"] in named else far).extend(_unknown(row, sight))
        return near, self.some(far, 20, 100)


def _unknown(row: dict[str, Any], sight: Sight) -> list[str]:
    return [
        value
        for value in row.values()
        if isinstance(value, str) and (marks := marks_in(value)) and not marks & sight.marks
    ]


def is_removed(row: Row) -> bool:
    return row.get("removed_at") is not None


def failures(answer: Json) -> list[Any]:
    """What went wrong on our side."""
    return [
        error
        for error in answer.get("errors", ())
        if error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    ]


def told(answer: object) -> str:
    return orjson.dumps(answer).decode()


@pytest_asyncio.fixture
async def stage(make: Make, clock: Clock, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    world = World(make, Random(request.param))
    await world.fill()
    callers = await world.callers()
    async with application(make, clock, **UNLIMITED) as api:
        for who in callers:
            if who.token:  # notes the use of API tokens, once a minute
                await api.by(who.token).send("{ viewer { __typename } }")
        oracle = Oracle(await Rows.read())
        is_deep = bool(request.config.getoption("--deep"))
        if not is_deep:  # what is told to whom is no matter of the database
            callers = callers[is_sqlite() :: 2]
        yield Stage(world, api, clock, callers, oracle, is_deep)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each world by its seed, which `--seed` makes again."""
    if "stage" in metafunc.fixturenames:
        first, worlds = metafunc.config.getoption("--seed"), metafunc.config.getoption("--worlds")
        seeds = range(first, first + (metafunc.config.getoption("--deep") or worlds))
        metafunc.parametrize("stage", seeds, indirect=True, ids=lambda seed: f"seed {seed}")


async def test_each_caller_is_told_of_the_rows_that_are_theirs(stage: Stage) -> None:
    """Their own columns first: where what they lead to fails, nothing is told of them."""
    document = rows(2 if stage.is_deep else 1)

    for who in stage.callers:
        sight = stage.sight(who)
        seen = stage.some([each for each in stage.oracle.ids if each[1] in sight.ids], 20)
        hidden = [each for each in stage.oracle.ids if each[1] not in sight.ids]
        ids = [*seen, *stage.some(hidden, 100)]
        sent = {"ids": [global_id(*each) for each in ids]}

        await stage.asked(who, columns(), sent)
        answer = await stage.asked(who, document, sent)

        nodes = (answer.get("data") or {}).get("nodes", [])
        found = [each for each, row in zip(ids, nodes, strict=False) if row is not None]
        assert found == (seen if who.reads else []), f"{who} is shown other rows"


async def test_of_a_company_that_is_only_known_all_is_null_that_may_be_and_nothing_counted(
    stage: Stage,
) -> None:
    """A learner's own, and in manage mode one's own, which is above."""
    for who in stage.callers:
        if who.is_learner or (who.is_visiting and who.reads):
            home = stage.oracle.home(who)

            answer = await stage.asked(who, kept_back(), {"id": global_id("Company", home)})

            told = answer["data"]["company"]
            assert told == dict.fromkeys(told), f"{who} is told more than the plain fields"
            answer = await stage.asked(who, counted(), {"id": global_id("Company", home)})
            numbers = [each for of in answer["data"]["company"].values() for each in of.values()]
            assert numbers == [0] * len(numbers), f"{who} is told how many there are"


async def test_lists_hold_what_is_in_sight_and_count_it(stage: Stage) -> None:
    document, variables = whole_lists()

    for who in stage.callers:
        answer = await stage.asked(who, document, variables)

        for name, page in (answer.get("data") or {}).items():
            assert page["totalCount"] >= len(page["edges"])
            assert page["totalCount"] == len(page["edges"]) or len(page["edges"]) == 200, name


async def test_what_is_done_out_of_sight_changes_no_answer(stage: Stage) -> None:
    """No count, sum, order, cursor, permission or error tells of it, whatever is asked."""
    whole, all_of_it = whole_lists()
    ways = every_way(["Company Q00001Q", "first"], global_id("Company", uuid4()))

    for who in stage.some([who for who in stage.callers if who.acting], 2):
        assert who.acting is not None
        seen = [global_id(*each) for each in stage.oracle.ids if each[1] in stage.sight(who).ids]
        listing = [
            id
            for kind in ("Company", "Order", "License", "User", "WebhookEndpoint")
            for id in stage.some(stage.own(who, kind), 1, 3)
        ]
        questions: list[tuple[str, Mapping[str, Any]]] = [
            (rows(1), {"ids": stage.some(seen, 15, 100)}),
            (whole, all_of_it),
        ]
        narrow, narrowly = narrowed(ways, draw=lambda all: stage.some(all, 40, 120))
        questions.append((narrow, {"ids": listing, **narrowly}))
        within = stage.oracle.beneath(who.acting)
        outside = [each for each in stage.world.companies.values() if each.id not in within]
        spared = {who.user_id, *(row["id"] for row in stage.oracle.named_above(who))}

        before = [told(await stage.asked(who, *question)) for question in questions]
        await stage.world.go_on(stage.some(outside, 2, 4), spared)
        after = [told(await stage.asked(who, *question)) for question in questions]

        assert before == after, f"{who} notices what is done elsewhere"
        stage.knows(await Rows.read())  # the next one may see what was done


async def test_a_foreign_id_is_answered_like_one_that_is_nobodys(stage: Stage) -> None:
    """By the same bytes, after the same statements."""
    document = by_id()

    for who in stage.callers:
        for kind, id in stage.foreign(who):
            foreign, nobodys = [
                await asked_about(stage, who, document, each, {"id": global_id(kind, each)})
                for each in (id, uuid4())
            ]

            assert foreign[0] == nobodys[0], f"{who} is told of {kind} {id}"
            assert foreign[1] == nobodys[1], f"{kind} {id} costs {who} other statements"


async def test_a_foreign_text_is_found_like_one_that_is_nobodys(stage: Stage) -> None:
    """Whole, as any caller; by parts, which takes long, as some."""
    by_part = stage.some(stage.callers, 1)

    for who in stage.callers:
        near, far = stage.hidden_texts(who)
        await finds_nothing(stage, who, by_text, [[*near, *far]])
        if who in by_part:
            texts = [*stage.some(near, 5, 30), *stage.some(far, 3, 20)]
            await finds_nothing(stage, who, by_parts, chunks(texts, 25))


async def test_a_foreign_id_in_a_mutation_is_nobodys_and_changes_nothing(stage: Stage) -> None:
    before = await snapshot()

    for place in id_places():
        document = mutation(place.mutation, 0)
        for who in stage.some(stage.callers, 3):
            for kind, id in stage.foreign(who, kind_of(place.path)):
                sent = told(inputs(stage, who, place.path, HERE).of(place.mutation))
                foreign, nobodys = [
                    await asked_about(
                        stage,
                        who,
                        document,
                        each,
                        orjson.loads(sent.replace(HERE, global_id(kind, each))),
                    )
                    for each in (id, uuid4())
                ]

                assert foreign[0] == nobodys[0], f"{who} is told of {kind} {id} by {place}"
                assert foreign[1] == nobodys[1], f"{place}: {kind} {id} costs other statements"
    assert await snapshot() == before


async def test_a_foreign_text_in_a_mutation_is_nobodys_and_changes_nothing(stage: Stage) -> None:
    """But that an address is taken, which every one that somebody has is answered alike."""
    before = await snapshot(but=Tally)

    for place in text_places():
        document = mutation(place.mutation, 0)
        known = stage.oracle.rows[place.kind][0][place.column]
        nobody = {"id": uuid4(), place.column: MARK.sub(NOBODYS, known)}
        for who in stage.some(stage.callers, 3):
            sent = told(naming(stage, who, place).of(place.mutation))
            nobodys = await tried(stage, who, document, sent, place, nobody)
            taken = set[str]()
            for row in stage.strangers(who, place.kind):
                answer, lines = await tried(stage, who, document, sent, place, row)

                if place.column == "email" and TAKEN in answer and not is_removed(row):
                    taken.add(answer)
                    continue
                called = f"{place} of {row['id']}"
                assert answer == nobodys[0], f"{who} is told of {called}"
                if place.mutation != "requestPasswordReset":  # which mails them, and tells nobody
                    assert lines == nobodys[1], f"{called} costs {who} other statements"
            assert len(taken) <= 1, f"{who} is told where an address is taken: {taken}"
    assert await snapshot(but=Tally) == before


async def test_a_mutation_tells_nothing_of_others(stage: Stage) -> None:
    """Each, with the caller's own ids, with people from everywhere by their addresses, and all that
    may be said, whatever comes of it."""
    before = Oracle(await Rows.read())
    for name in mutations():
        document = mutation(name, 1)
        for who in stage.some(stage.callers, 1):
            sent = inputs(stage, who, (), "", says_all=True).of(name)

            answer = await stage.client(who).send(document, **sent)

            now = Oracle(await Rows.read())
            sight = before.sight(who) | now.sight(who)
            sight.marks |= marks_in(told(sent))
            assert now.leaks(answer, sight) == [], f"{name} tells {who} too much"
            assert failures(answer) == [], name
            before = now


async def test_subscribers_are_told_what_is_theirs(stage: Stage, clock: Clock) -> None:
    for name, (alone, whole) in subscriptions().items():
        for who in stage.callers:
            if who.token is None or who.acting is None:
                continue
            sight, own = stage.sight(who), stage.own(who, "Company")
            [(_, foreign)] = stage.foreign(who, "Company") or [("Company", uuid4())]
            ids = [global_id("Company", foreign), global_id("Company", uuid4())]

            refused = [told(await first_event(stage, who, alone, id)) for id in ids]
            asked = [(alone, own[0]), (whole, own[-1])] if own else []
            answers = [await first_event(stage, who, *each) for each in asked]

            assert refused[0] == refused[1], f"{who} is told of {foreign} by {name}"
            assert stage.oracle.leaks(answers, sight) == [], f"{name} tells {who} too much"
            assert who.is_learner or all(answers), f"{name} tells {who} nothing"
            assert who.is_learner or not any("errors" in answer for answer in answers), answers


async def test_downloads_hold_what_is_in_sight(stage: Stage) -> None:
    events = AuditEvent.filter(action="export.downloaded")

    for name in EXPORTS:
        for who in stage.callers:
            client, sight = stage.client(who), stage.sight(who)
            [(_, foreign)] = stage.foreign(who, "Company") or [("Company", uuid4())]
            refused = [
                await download(client, name, companyId=global_id("Company", id))
                for id in (foreign, uuid4())
            ]
            noted = await events.count()
            whole = await download(client, name)

            assert refused[0] == refused[1], f"{who} is told of {foreign} by {name}.csv"
            assert stage.oracle.leaks(whole[1], sight) == [], f"{name}.csv tells {who} too much"
            assert await events.count() == noted + (whole[0] == 200)


async def test_the_filter_of_a_download_finds_nothing_of_others(stage: Stage) -> None:
    """Neither by an id nor by a text, whole or in part: not even who holds or asked for it."""
    for name, export in EXPORTS.items():
        fields = fields_of(export.filter.__name__)
        taking = [each for each, field in fields.items() if type_of(field) == "ID"]
        for who in stage.callers:
            if who.acting is None or not who.reads:
                continue
            near, far = stage.hidden_texts(who)
            parts = [*stage.some(near, 5, 30), *stage.some(far, 3, 20)]
            hidden = dict(stage.foreign(who, *{kind_of((each,)) for each in taking}))
            ids = {each: hidden.get(kind_of((each,)), uuid4()) for each in taking}
            nobodys = either(fields, [NOBODYS], [NOBODYS], dict.fromkeys(ids, uuid4()))
            answers = [
                await download(stage.client(who), name, filter=told(filter))
                for filter in (nobodys, either(fields, [*near, *far], parts, ids))
            ]

            assert (answers[0][0], answers[0][1].count("\n")) == (200, 1), "there is a head alone"
            assert answers[1] == answers[0], f"{who} finds what is elsewhere in {name}.csv"


def either(
    fields: Mapping[str, GraphQLField],
    texts: Sequence[str],
    parts: Sequence[str],
    ids: Mapping[str, UUID],
) -> Json:
    """A filter that any of these is enough for, in any field that takes it."""
    words = [each for each, field in fields.items() if type_of(field) == "StringFilter"]
    whole = [{each: {"in": texts}} for each in words]
    within = [{each: {"contains": text}} for each in words for text in parts]
    rows = [{each: global_id(kind_of((each,)), id)} for each, id in ids.items()]
    return {"or": [*whole, *within, *rows]}


def type_of(field: GraphQLField) -> str:
    return get_named_type(field.type).name


async def download(client: Client, name: str, **asked: str) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {client.token}"} if client.token else {}
    response = await client.http.get(f"/export/{name}.csv", params=asked, headers=headers)
    return response.status_code, response.text


async def finds_nothing(
    stage: Stage,
    who: Who,
    way: Callable[[Sequence[str]], Narrowing],
    foreign: Iterable[Sequence[str]],
) -> None:
    ids = [id for kind in ("Company", "Order") for id in stage.own(who, kind)[:1]]
    answers = []
    for texts in ([NOBODYS], *foreign):
        document, variables = narrowed(way(texts), sorts=False)
        answers.append(told(await stage.asked(who, document, {"ids": ids, **variables})))

    assert answers[1:] == answers[:1] * (len(answers) - 1), f"{who} finds what is elsewhere"


async def asked_about(
    stage: Stage, who: Who, document: str, id: UUID, variables: Mapping[str, Any]
) -> tuple[str, list[str]]:
    """The answer, and the statements that made it, without the id itself."""
    with statements() as sent:
        answer = await stage.asked(who, document, variables)
    return told(answer), sorted(line.replace(str(id), "id") for line in sent)


class Counted(Turns):
    """Counts what subscribers read."""

    reads = 0

    async def read(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        self.reads += 1
        return await super().read(key, load)


async def first_event(stage: Stage, who: Who, document: str, id: str) -> Any:
    """What is told first, once an order out of sight was named, and every order there is has
    changed; None where that is nothing."""
    assert who.token is not None
    caller = await caller_of(who.token, stage.clock())
    assert caller is not None
    reader, turns = Reader(caller, stage.clock()), Counted(longest=60)
    context = LiveContext(
        caller, reader, stage.clock, Subscriber(reader, stage.clock, turns, every=0.0)
    )
    events: Any = subscribe(
        CORE,
        parse(document),
        variable_values={"id": id},
        context_value=context,
        executor_class=StandardExecutor,
    )
    if optimized_is_awaitable(events):
        events = await events
    first = asyncio.ensure_future(anext(events))
    await looked(turns, 3, first)  # all that changed before has been read by then
    stage.clock.move(seconds=1)
    hidden = frozenset(id for _, id in stage.foreign(who, "Order"))
    committed.tell([Change(EVERYWHERE, hidden)])
    await Order.all().update(updated_at=stage.clock())
    await looked(turns, 4, first)
    if not first.done():
        first.cancel()
    ended: Sequence[Any] = await asyncio.gather(first, return_exceptions=True)
    event = ended[0]
    await events.aclose()
    if isinstance(event, asyncio.CancelledError):
        return None
    return [repr(event)] if isinstance(event, BaseException) else event.formatted


async def looked(turns: Counted, often: int, first: "asyncio.Future[Any]") -> None:
    until = turns.reads + often
    while turns.reads < until and not first.done():  # noqa: ASYNC110 - as often as it reads
        await asyncio.sleep(0)


def kind_of(path: tuple[str, ...]) -> str:
    """What an argument takes the id of, by its name."""
    name = path[-1].removesuffix("s").removesuffix("Id")
    others = {"newParent": "Company", "parent": "Company", "accountManager": "User"}
    return others.get(name, f"{name[:1].upper()}{name[1:]}")


def inputs(
    stage: Stage, who: Who, path: tuple[str, ...], id: str, *, says_all: bool = False
) -> Inputs:
    """With `id` at `path`; the others that are named are the caller's own."""
    random = stage.world.random

    def give(here: tuple[str, ...], is_needed: bool) -> str | None:
        if here == path:
            return id
        own = stage.own(who, kind_of(here))
        return random.choice(own) if own and (is_needed or random.random() < 0.8) else None

    def of(column: str) -> str:
        names = [row[column] for row in stage.oracle.rows["User"] if row[column]]
        return random.choice(names) if says_all and random.random() < 0.6 else new(stage, column)

    return Inputs(give, lambda here: worded(here, of), lambda _: says_all and random.random() < 0.5)


def naming(stage: Stage, who: Who, place: TextPlace) -> Inputs:
    """With `HERE` at the place, and besides what must be said, of the caller's own."""
    random = stage.world.random

    def give(here: tuple[str, ...], is_needed: bool) -> str | None:
        own = stage.own(who, kind_of(here))
        is_where = here[-1] == "companyId" and random.random() < 0.5
        return random.choice(own) if own and (is_needed or is_where) else None

    def text(here: tuple[str, ...]) -> str:
        def of(column: str) -> str:
            is_here = (here, column) == (place.path, place.column)
            return HERE if is_here else new(stage, column)

        return worded(here, of)

    return Inputs(give, text, place.holds)


def new(stage: Stage, column: str) -> str:
    """An address or an external id of nobody."""
    name = f"new{stage.world.random.random()}"
    return f"{name}@example.com" if column == "email" else name


async def tried(
    stage: Stage, who: Who, document: str, sent: str, place: TextPlace, row: Row
) -> tuple[str, list[str]]:
    """The answer about a row that the place names, without its text, and the statements that made
    it, without their values; all of it is undone, and the row is left alone meanwhile."""
    await Tally.all().delete()  # for too many addresses that are taken are refused
    text = row[place.column]
    async with previewing():
        before = await standing(place.kind, row["id"])
        with statements() as lines:
            answer = await stage.client(who).send(
                document, **orjson.loads(sent.replace(HERE, text))
            )
        assert await standing(place.kind, row["id"]) == before, f"{who} changes {place} {text}"
    blank = told(answer).replace(text, HERE)
    assert stage.oracle.leaks(orjson.loads(blank), stage.sight(who)) == [], str(who)
    assert failures(answer) == [], str(who)
    return blank, sorted(line.partition(": ")[0] for line in lines)


async def standing(kind: str, id: UUID) -> list[Any]:
    """A row as it is, and the licenses of whoever it is."""
    return [
        await KINDS[kind].filter(id=id).values(),
        await License.filter(holder_id=id).order_by("id").values(),
        await Allocation.filter(user_id=id).order_by("id").values(),
    ]
