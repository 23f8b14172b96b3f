"""Who is asked when a company orders: somebody always is."""

from models.companies import Company
from models.people import account_managers_for
from models.users import User, UserRole
from tests.factories import Make
from tests.scene import Scene


async def asked(company: Company) -> list[str]:
    return [user.email for user in await account_managers_for(company)]


async def test_the_account_manager_is_asked(scene: Scene) -> None:
    assert await asked(scene.customer) == ["pam@example.com"]


async def test_without_one_all_account_managers_of_the_parent_are(scene: Scene) -> None:
    scene.customer.account_manager_id = None

    assert await asked(scene.customer) == ["pam@example.com", "paul@example.com"]


async def test_one_who_is_none_any_more_is_not(scene: Scene) -> None:
    await User.filter(id=scene.pam.id).update(role=UserRole.LEARNER)

    assert await asked(scene.customer) == ["paul@example.com"]


async def test_where_the_parent_has_none_those_of_the_next_company_up_are(
    scene: Scene, make: Make
) -> None:
    empty = await make.partner(scene.partner)
    orphan = await make.company(empty)

    assert await asked(orphan) == ["pam@example.com", "paul@example.com"]


async def test_the_vendors_own_are_asked_for_the_vendor(scene: Scene) -> None:
    assert await asked(scene.vendor) == ["vic@example.com"]


async def test_nobody_of_an_archived_company_is(scene: Scene, make: Make) -> None:
    await Company.filter(id=scene.partner.id).update(is_archived=True)

    assert await asked(scene.customer) == ["vic@example.com"]
