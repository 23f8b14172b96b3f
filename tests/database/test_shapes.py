"""A statement is written once for all queries of a shape, and a shape is all that it depends on."""

import asyncio
from datetime import timedelta
from itertools import chain, combinations, islice
from typing import Any

import pytest
from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.access import visible
from models.companies import Company
from models.conditions import Condition
from models.database import is_sqlite
from models.licenses import License, live
from models.orders import Order, OrderStatus
from models.rows import _joined_class, as_model, joined_class, needed
from models.users import User
from resolvers.reading import pages
from resolvers.reading.by_id import Along
from resolvers.reading.companies import children, companies, company_by_id
from resolvers.reading.filters import Filter
from resolvers.reading.kept import Selects
from resolvers.reading.orders import orders
from resolvers.reading.people import person
from resolvers.reading.reader import Reader
from resolvers.reading.shapes import Shapeless, shape_of
from resolvers.reading.sql import _TEXTS, SHORT, Select, _beside, rows_with
from resolvers.reading.summaries import license_summaries
from resolvers.reading.windows import Scope
from tests.conftest import Clock
from tests.factories import Make
from tests.scene import Scene
from tests.statements import statements


def differing() -> list[QuerySet[Any]]:
    """No two of them are written alike."""
    ids = ["0198c0de-0000-7000-8000-000000000001", "0198c0de-0000-7000-8000-000000000002"]
    people = User.filter(name_key="a").values("id")
    return [
        Company.filter(),
        Company.filter(name="a"),
        Company.filter(name=None),
        Company.filter(name="*"),
        Company.filter(~Q(name="a")),
        Company.filter(name="a", name_key="b"),
        Company.filter(Q(name="a") | Q(name_key="b")),
        Company.filter(id__in=[]),
        Company.filter(id__in=ids[:1]),
        Company.filter(id__in=ids),
        Company.filter(parent_id__isnull=True),
        Company.filter(parent_id__isnull=False),
        Company.filter(name__gt="a"),
        Company.filter(Condition("name = {}", "a")),
        Company.filter(Condition("name <> {}", "a")),
        Company.filter(account_manager_id__in=Subquery(people)),
        Company.filter(account_manager__name_key="a"),
        Company.filter(name="a").order_by("name"),
        Company.filter(name="a").only("id"),
        User.filter(name_key="a"),
    ]


async def test_what_is_written_differently_differs_in_shape(make: Make) -> None:
    await Scene.set(make)
    texts = {Select._written(query, "").text for query in differing()}
    shapes = {shape_of(query).key for query in differing()}

    assert len(texts) == len(shapes) == len(differing())


async def test_a_query_of_a_known_shape_is_written_as_the_first(make: Make, clock: Clock) -> None:
    scene = await Scene.set(make)
    now, callers = clock(), [await make.caller(user) for user in (scene.pam, scene.cora)]

    def asked(number: int) -> list[QuerySet[Any]]:
        held = visible(License, callers[number]).filter(live(now + timedelta(days=number)))
        status = OrderStatus.REQUESTED if number else OrderStatus.ASSIGNED
        open_ones = visible(Order, callers[number], by_key=True).filter(status__in=[status])
        return [held.filter(holder_id=callers[number].user_id), open_ones]

    for first, second in zip(asked(0), asked(1), strict=True):
        known, written = Select.of(first), Select._written(second, "")
        assert Select.of(second) == written
        assert known.text == written.text
        assert known.values != written.values


async def test_what_is_not_known_has_no_shape(make: Make) -> None:
    await Scene.set(make)
    unknown = [
        Company.filter(name__icontains="a"),
        Company.filter(name="a").limit(1),
        Company.filter(name="a").select_related("parent"),
    ]

    for query in unknown:
        with pytest.raises(Shapeless):
            shape_of(query)
        assert Select.of(query) == Select._written(query, "")


async def test_no_long_statement_is_remembered(make: Make) -> None:
    """Or whoever sends long filters, each longer than the last, fills the memory."""
    root = await make.root()
    names = [str(number) for number in range(SHORT // 5)]
    short, known = Select.of(Company.filter(name="a")), len(_TEXTS)

    long = Select.of(Company.filter(name__in=names))

    assert len(long.text) > SHORT > len(short.text)
    assert len(_TEXTS) == known
    for select, is_remembered in ((long, False), (short, True)):
        joined = [select.joined("companies", [], "").text for _ in range(2)]
        beside = [_beside(select, [[root.id]])[0] for _ in range(2)]
        assert (joined[0] is joined[1], beside[0] is beside[1]) == (is_remembered, is_remembered)
        assert (joined[0], beside[0]) == (joined[1], beside[1])


async def test_a_row_reads_like_its_model_and_becomes_one(make: Make) -> None:
    scene = await Scene.set(make)

    [row] = await rows_with(visible(User, await make.caller(scene.cora)), "id", [scene.carl.id])
    model = as_model(row)

    assert (row.id, row.name, row.status, row.created_at, row.muted_templates) == (
        (model.id, model.name, model.status, model.created_at, model.muted_templates)
    )
    assert model == await User.get(id=scene.carl.id)
    with pytest.raises(AttributeError):
        row.email = "another@x.example"


def test_columns_are_found_through_properties_and_methods() -> None:
    assert needed(User, "name") == {"first_name", "last_name", "email"}
    assert needed(License, "status_at") == {"voided_at", "expires_at", "holder_id"}
    assert needed(Order, "number") == {"number"}


def test_columns_are_found_in_functions_within_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(user: User) -> list[str]:
        return [part for part in (user.name, *(str(user.role) for _ in "x")) if user.department]

    monkeypatch.setattr(User, "told_besides", told, raising=False)

    assert needed(User, "told_besides") >= {"first_name", "role", "department"}


async def test_rows_come_along_in_the_statement_of_those_that_name_them(
    make: Make, clock: Clock
) -> None:
    scene = await Scene.set(make)
    await make.order(scene.customer, requested_by_id=scene.cora.id)
    await make.order(scene.customer, requested_by_id=None)
    reader = Reader(await make.caller(scene.pam), clock())
    along = Along("requested_by_id", person, frozenset({"id", "first_name", "last_name", "email"}))

    with statements() as sent:
        found = await orders(reader, ["root"], columns=frozenset({"number"}), along=(along,))
        told = await reader.load_all(person, [scene.cora.id], tells=along.columns)

    assert len(sent) == 1
    assert [row.requested_by_id for row in found["root"].rows] == [None, scene.cora.id]
    assert told[scene.cora.id].email == scene.cora.email
    with pytest.raises(AttributeError):
        _ = found["root"].rows[0].quantity


@pytest.mark.parametrize(
    ("columns", "want", "read"),
    [
        ({"name"}, {"edges", "edges.node"}, {"name"}),
        (set(), {"edges", "edges.node"}, {"id"}),
        ({"name"}, {"edges", "edges.cursor"}, {"id", "name", "name_key", "path"}),
        ({"name"}, {"edges", "pageInfo"}, {"id", "name", "name_key", "path"}),
        ({"parent_id"}, {"edges", "edges.node"}, {"id", "name_key", "parent_id", "path"}),
    ],
)
async def test_no_column_is_read_that_nobody_reads(
    make: Make, clock: Clock, columns: set[str], want: set[str], read: set[str]
) -> None:
    scene = await Scene.set(make)
    reader = Reader(await make.caller(scene.pam), clock())

    asked: Any = {"columns": frozenset(columns), "want": frozenset(want)}
    found = await children(reader, [scene.partner], **asked)

    [row, *_] = found[scene.partner].rows
    assert set(row.columns_) == read


async def test_a_long_filter_is_not_remembered_even_if_it_asks_for_nothing(
    make: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await Scene.set(make)
    reader = Reader(await make.caller(scene.pam), clock())
    selects = Selects()
    monkeypatch.setattr(pages, "_SELECTS", selects)

    async def kept_after(filter: Filter) -> int:
        for _ in range(2):  # what is asked once is not kept
            await companies(reader, ["root"], filter=filter)
        return len(selects)

    assert await kept_after((("name", (("eq", "short"),)),)) == 1
    assert await kept_after((("name", (("eq", "x" * 10_000),)),)) == 1
    assert await kept_after((("name", (("in", ("x",) * 1_000),)),)) == 1
    assert await kept_after((("name", (("eq", "as short"),)),)) == 2


async def test_what_comes_along_tells_what_was_selected_of_it(make: Make, clock: Clock) -> None:
    scene = await Scene.set(make)
    await make.order(scene.customer)
    pam = await make.caller(scene.pam)

    async def along_with(*columns: str) -> Any:
        reader, selected = Reader(pam, clock()), frozenset(columns)
        along = Along("company_id", company_by_id, selected)
        await orders(reader, ["root"], columns=frozenset(), along=(along,))
        return await reader.load(company_by_id, scene.customer.id, tells=selected)

    some, more = await along_with("name"), await along_with("name", "kind")

    assert some.columns_ == ("id", "name", "path")
    assert more.columns_ == ("id", "kind", "name", "path")
    assert (more.name, more.kind) == (scene.customer.name, scene.customer.kind)
    with pytest.raises(AttributeError):
        _ = some.kind


async def test_a_row_by_its_id_is_read_as_far_as_it_is_asked_for(make: Make, clock: Clock) -> None:
    scene = await Scene.set(make)
    key = scene.customer.id
    reader = Reader(await make.caller(scene.pam), clock())

    async def told(*columns: str) -> tuple[int, Any]:
        with statements() as sent:
            found = await reader.load_now(company_by_id, [key], tells=frozenset(columns))
        return len(sent), found[key]

    times, row = await told("name", "plan")
    assert (times, row.name, row.plan) == (1, scene.customer.name, scene.customer.plan)
    assert row.columns_ == ("id", "name", "path", "plan")
    assert await told("name") == (0, row)
    with pytest.raises(AttributeError):
        _ = row.kind

    times, more = await told("name", "kind")
    assert (times, more.name, more.kind) == (1, scene.customer.name, scene.customer.kind)


async def test_counts_that_came_along_are_told_to_who_asks_for_no_others(
    make: Make, clock: Clock
) -> None:
    scene = await Scene.set(make)
    _, held = await make.licenses(scene.customer, 2)
    await make.allocation(held, scene.carl)
    reader = Reader(await make.caller(scene.pam), clock())
    counts = license_summaries.along(frozenset({"total", "available"}))
    found = await children(reader, [scene.partner], columns=frozenset({"name"}), along=(counts,))
    [customer] = found[scene.partner].rows

    async def told(*want: str, scope: Scope | None = None) -> tuple[int, Any]:
        with statements() as sent:
            asked: Any = {"scope": scope, "want": frozenset(want)}
            summary = await reader.load(license_summaries, customer, **asked)
        return len(sent), (summary.total, summary.available, summary.allocated)

    assert await told("available") == (is_sqlite(), (2 * (not is_sqlite()), 1, 0))
    assert await told("available", "allocated") == (1, (0, 1, 1))
    assert await told("total", scope=Scope.SUBTREE) == (1, (2, 0, 0))


@pytest.mark.usefixtures("database")
def test_no_more_classes_are_held_than_some_hundreds_whatever_is_selected() -> None:
    columns = sorted(Company._meta.db_fields - {"id"})

    for names in islice(chain.from_iterable(combinations(columns, n) for n in range(4)), 600):
        joined_class(Company, ("id", *names))

    assert _joined_class.cache_info().currsize == 500


async def test_what_came_along_is_not_told_to_whoever_reads_next(make: Make, clock: Clock) -> None:
    """A page may still be under way, for nobody, when a reader is renewed."""
    scene = await Scene.set(make)
    await make.order(scene.customer, requested_by_id=scene.cora.id)
    [ann] = await make.learners(scene.customer, 1)
    learner = await make.caller(ann)
    reader = Reader(await make.caller(scene.pam), clock())
    along = Along("requested_by_id", person, frozenset({"name"}))

    page = asyncio.create_task(orders(reader, ["root"], columns=frozenset(), along=(along,)))
    await asyncio.sleep(0)
    reader.renew(learner, clock())
    found = await page
    told = await reader.load_all(person, [scene.cora.id], tells=along.columns)

    assert [row.requested_by_id for row in found["root"].rows] == [scene.cora.id]
    assert told[scene.cora.id] is None
