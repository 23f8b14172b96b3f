"""What is told of licenses that were just handed over, and what that costs."""

from typing import Any, Final

import pytest

from models.database import is_sqlite
from models.licenses import License
from schema.ids import global_id
from tests.factories import Make
from tests.graphql.api import Api
from tests.http.client import Client
from tests.scene import Scene
from tests.statements import statements

ALLOCATE: Final = """
mutation($input: AllocateLicensesInput!) {
  allocateLicenses(input: $input) { licenses { SELECTED } errors { code } }
}"""


@pytest.fixture
async def cora(scene: Scene, make: Make, api: Api) -> Client:
    """With six licenses that are free."""
    await make.licenses(scene.customer, 6)
    return await api.of(scene.cora)


async def two_of(scene: Scene, make: Make, **more: Any) -> dict[str, Any]:
    people = await make.learners(scene.customer, 2)
    return {"userIds": [global_id("User", user.id) for user in people], **more}


def told(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the licenses."""
    assert answer["errors"] == []
    found: list[dict[str, Any]] = answer["licenses"]
    return found


async def test_licenses_are_read_again_for_more_than_their_ids_alone(
    scene: Scene, make: Make, cora: Client
) -> None:
    answers, sent = [], []
    for selected in ("id", "__typename id", "id status"):
        input = await two_of(scene, make)
        with statements() as kept:
            answer = await cora.ask(ALLOCATE.replace("SELECTED", selected), input=input)
        answers += told(answer)
        sent.append(len(kept))

    ids = [global_id("License", license.id) for license in await License.all().order_by("id")]
    one: dict[str, str] = {}
    other, last = {"__typename": "License"}, {"status": "ALLOCATED"}
    assert answers == [
        {**more, "id": id}
        for more, id in zip((one, one, other, other, last, last), ids, strict=True)
    ]
    at_least = 9 if is_sqlite() else 8
    assert sent == [at_least, at_least, at_least + 1]


async def test_a_repeat_tells_only_what_is_in_sight_by_now(
    scene: Scene, make: Make, cora: Client
) -> None:
    ask, input = ALLOCATE.replace("SELECTED", "id"), await two_of(scene, make, idempotencyKey="k")
    first = told(await cora.ask(ask, input=input))
    assert told(await cora.ask(ask, input=input)) == first

    gone = await License.filter(holder_id__isnull=False).order_by("id").first()
    assert gone is not None
    await License.filter(id=gone.id).update(path=scene.partner.path)

    assert told(await cora.ask(ask, input=input)) == first[1:]
