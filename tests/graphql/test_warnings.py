"""Whether somebody would be told of a company's orders."""

import pytest

from models.companies import Company
from models.users import User
from schema.ids import global_id
from tests.factories import Make
from tests.graphql.api import Api
from tests.scene import Scene

WARNING = "query($id: ID!) { company(id: $id) { notificationWarning } }"
NOBODY = (
    "Nobody would be mailed when an order is {}: there is nobody to tell, or they have muted it."
)


async def warning(api: Api, user: User, company: Company) -> str | None:
    answer = await api.send(user, WARNING, id=global_id("Company", company.id))
    told: str | None = answer["data"]["company"]["notificationWarning"]
    return told


@pytest.mark.parametrize(
    ("muted", "told"),
    [
        ({}, None),
        ({"cora": ["ORDER_ASSIGNED"]}, None),
        ({"cora": ["ORDER_ASSIGNED"], "carl": ["ORDER_ASSIGNED"]}, None),
        ({name: ["ORDER_ASSIGNED"] for name in ("cora", "carl", "pam")}, "assigned"),
        ({"pam": ["ORDER_REQUESTED", "ORDER_ASSIGNED"]}, "requested"),
        (
            {name: ["ORDER_CANCELLED", "ORDER_DECLINED"] for name in ("cora", "carl", "pam")},
            "declined, cancelled or returned",
        ),
    ],
)
async def test_a_company_says_which_mails_would_reach_nobody(
    api: Api, make: Make, muted: dict[str, list[str]], told: str | None
) -> None:
    scene = await Scene.set(make)
    for name, templates in muted.items():
        await User.filter(id=getattr(scene, name).id).update(muted_templates=templates)

    said = await warning(api, scene.cora, scene.customer)

    assert said == (NOBODY.format(told) if told else None)


async def test_nobody_at_work_above_is_a_reason_to_warn(api: Api, make: Make) -> None:
    scene = await Scene.set(make)
    for name in ("pam", "paul", "vic"):
        await User.filter(id=getattr(scene, name).id).update(removed_at=make.now)

    assert await warning(api, scene.cora, scene.customer) == NOBODY.format("requested")


async def test_a_learner_is_told_nothing(api: Api, make: Make) -> None:
    scene = await Scene.set(make)
    await User.filter(id=scene.pam.id).update(muted_templates=["ORDER_REQUESTED"])

    assert await warning(api, await make.user(scene.customer), scene.customer) is None
