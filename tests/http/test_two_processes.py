"""Two processes at one database, as `canopy serve --workers 2` has them: they answer as one.

What each keeps for itself - plans, selects, statements - has been in use before something changes.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import httpx
import pytest
import pytest_asyncio
from tortoise.backends.base.executor import EXECUTOR_CACHE

from app.clock import utc_now
from app.database import connected, migrate
from models.base import global_id
from models.companies import Company
from models.tokens import ApiToken
from models.users import User
from tests.factories import Make
from tests.http.client import ADD_USERS, ASSIGN, EXIT, REQUEST, Client, Json
from tests.http.server import Server
from tests.postgres import Postgres

OFTEN: Final = 3
"""So often each asks before: plans are made, and selects kept, by then."""
PAGE: Final = """
query Page($id: ID!) {
  viewer { user { email role } company { name plan status } manageSession { id } }
  company(id: $id) {
    name plan status parent { name } managers { email } licenseSummary { total available }
    users(first: 3) { totalCount } licenses(first: 3) { edges { node { status } } }
  }
  companies { totalCount edges { node { name status licenseSummary { requested } } } }
  orders(filter: {status: [REQUESTED, ASSIGNED]}) {
    totalCount edges { node { number status company { name } requestedBy { email } } }
  }
}"""
SIGN_OUT: Final = "mutation { signOut { errors { code } } }"
REVOKE: Final = """
mutation($input: RevokeApiTokenInput!) { revokeApiToken(input: $input) { errors { code } } }"""
DEMOTE: Final = """
mutation($input: RemoveManagerInput!) { removeManager(input: $input) { errors { code } } }"""
MOVE: Final = """
mutation($input: MoveCompanyInput!) { moveCompany(input: $input) { errors { code } } }"""
ARCHIVE: Final = """
mutation($input: ArchiveCompanyInput!) { archiveCompany(input: $input) { errors { code } } }"""


@dataclass
class Street:
    """Two processes, a partner and its customer, who works there, and another partner."""

    one: httpx.AsyncClient
    other: httpx.AsyncClient
    make: Make
    companies: dict[str, Company]
    people: dict[str, User]

    def id_of(self, name: str) -> str:
        return global_id("Company", self.companies[name].id)

    async def token(self, name: str) -> str:
        return await self.make.token(self.people[name])

    def at_one(self, token: str) -> Client:
        return Client(self.one, token)

    def at_other(self, token: str) -> Client:
        return Client(self.other, token)

    async def told(self, token: str | None) -> Json:
        """All that is shown to somebody: by both the same, however often it is asked."""
        answers = [
            await Client(http, token).send(PAGE, id=self.id_of("customer"))
            for http in (self.other, self.one) * OFTEN
        ]
        assert answers == answers[:1] * len(answers)
        return answers[0]


@pytest_asyncio.fixture(scope="module")
async def pair(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient, Make]]:
    log, url = tmp_path_factory.mktemp("pair"), postgres.create_database("pair")
    await migrate(url)
    settings = {"CANOPY_EMBEDDED_WORKER": "false"}
    EXECUTOR_CACHE.clear()  # of statements, by the name of the connection: always "default"
    async with (
        connected(url),
        Server(url, 1, log / "one", **settings) as one,
        Server(url, 1, log / "other", **settings) as other,
        httpx.AsyncClient(base_url=one.url, timeout=60) as to_one,
        httpx.AsyncClient(base_url=other.url, timeout=60) as to_other,
    ):
        yield to_one, to_other, Make(utc_now)
    EXECUTOR_CACHE.clear()
    assert "Traceback" not in (log / "one").read_text() + (log / "other").read_text()
    postgres.drop_database("pair")


@pytest_asyncio.fixture
async def street(pair: tuple[httpx.AsyncClient, httpx.AsyncClient, Make]) -> Street:
    one, other, make = pair
    vendor = await make.root()
    partner, elsewhere = await make.partner(vendor), await make.partner(vendor)
    customer = await make.company(partner, licenses=3)
    companies = {"vendor": vendor, "partner": partner, "customer": customer, "else": elsewhere}
    people = {
        "vic": await make.manager(vendor),
        "pam": await make.manager(partner),
        "paul": await make.manager(partner),
        "cora": await make.manager(customer),
        "carl": await make.manager(customer),
        "else": await make.manager(elsewhere),
    }
    return Street(one, other, make, companies, people)


async def test_what_one_writes_the_other_tells_at_once(street: Street) -> None:
    pam, cora = await street.token("pam"), await street.token("cora")
    pages = [await street.told(pam)]

    for quantity in (1, 2):
        asked = {"companyId": street.id_of("customer"), "quantity": quantity}
        requested = await street.at_one(cora).done(REQUEST, input=asked)
        pages.append(await street.told(pam))
        await street.at_other(pam).done(ASSIGN, input={"orderId": requested["order"]["id"]})
        pages.append(await street.told(pam))

    companies = [page["data"]["company"] for page in pages]
    assert [company["licenseSummary"]["total"] for company in companies] == [3, 3, 4, 4, 6]
    assert [page["data"]["orders"]["totalCount"] for page in pages] == [1, 2, 2, 3, 3]
    [newest, *_] = pages[-2]["data"]["orders"]["edges"]
    assert newest["node"]["status"] == "REQUESTED"


async def test_a_key_that_was_used_at_one_is_used_at_the_other(street: Street) -> None:
    cora = await street.token("cora")
    asked = {"companyId": street.id_of("customer"), "quantity": 2, "idempotencyKey": "once"}

    at_one = await street.at_one(cora).done(REQUEST, input=asked)
    at_other = await street.at_other(cora).done(REQUEST, input=asked)

    assert at_one == at_other
    assert (await street.told(cora))["data"]["orders"]["totalCount"] == 2


async def revoked(street: Street) -> str:
    secret = await street.make.api_token(street.people["cora"])
    token = await ApiToken.get(created_by_id=street.people["cora"].id)
    await street.told(secret)
    sent = {"apiTokenId": global_id("ApiToken", token.id)}
    await street.at_one(await street.token("carl")).done(REVOKE, input=sent)
    return secret


async def creator_gone(street: Street) -> str:
    """With who made it goes what they made."""
    secret = await street.make.api_token(street.people["cora"])
    await street.told(secret)
    sent = {"userId": global_id("User", street.people["cora"].id)}
    await street.at_one(await street.token("carl")).done(DEMOTE, input=sent)
    return secret


async def signed_out(street: Street) -> str:
    cora = await street.token("cora")
    await street.told(cora)
    await street.at_one(cora).done(SIGN_OUT)
    return cora


async def exited(street: Street) -> str:
    visitor = await street.make.manage_token(street.people["pam"], street.companies["customer"])
    await street.told(visitor)
    await street.at_one(visitor).done(EXIT)
    return visitor


async def archived(street: Street) -> str:
    cora, pam = await street.token("cora"), await street.token("pam")
    await street.told(cora)
    await street.at_one(pam).done(ARCHIVE, input={"companyId": street.id_of("customer")})
    return cora


async def visited_and_moved(street: Street) -> str:
    visitor = await street.make.manage_token(street.people["pam"], street.companies["customer"])
    await street.told(visitor)
    await moved(street)
    return visitor


@pytest.mark.parametrize(
    "ended", [revoked, creator_gone, signed_out, exited, archived, visited_and_moved]
)
async def test_a_token_that_ends_at_one_has_ended_at_the_other(
    street: Street, ended: Callable[[Street], Awaitable[str]]
) -> None:
    token = await ended(street)
    asked = {"companyId": street.id_of("customer"), "quantity": 1}

    after = await street.at_other(token).send(PAGE, id=street.id_of("customer"))
    written = await street.at_other(token).send(REQUEST, input=asked)

    nobody = Client(street.other)
    assert after == await nobody.send(PAGE, id=street.id_of("customer"))
    assert written == await nobody.send(REQUEST, input=asked)
    assert await street.told(token) == after


async def moved(street: Street) -> None:
    sent = {"companyId": street.id_of("customer"), "newParentId": street.id_of("else")}
    await street.at_one(await street.token("vic")).done(MOVE, input=sent)


async def test_a_company_that_was_moved_at_one_is_elsewhere_for_the_other(street: Street) -> None:
    before, after = await street.token("pam"), await street.token("else")
    seen = [(await street.told(token))["data"]["company"] for token in (before, after)]
    asked = {"companyId": street.id_of("customer"), "quantity": 1}

    await moved(street)
    codes = [await street.at_other(token).codes(REQUEST, input=asked) for token in (before, after)]
    then = [(await street.told(token))["data"] for token in (before, after)]

    assert (seen[0]["parent"]["name"], seen[1]) == (street.companies["partner"].name, None)
    assert codes == [["NOT_FOUND"], []]
    assert then[0]["company"] is None
    assert then[1]["company"]["parent"]["name"] == street.companies["else"].name
    assert [page["orders"]["totalCount"] for page in then] == [0, 2]


async def test_who_lost_a_role_at_one_has_lost_it_at_the_other(street: Street) -> None:
    pam, paul = await street.token("pam"), await street.token("paul")
    sent = {"userId": global_id("User", street.people["paul"].id)}
    asked = {"companyId": street.id_of("customer"), "quantity": 1}
    before = await street.told(paul)

    await street.at_one(pam).done(DEMOTE, input=sent)
    codes = await street.at_other(paul).codes(REQUEST, input=asked)
    after = await street.told(paul)

    assert before["data"]["company"]["name"] == street.companies["customer"].name
    assert codes == ["NOT_FOUND"]
    assert after["data"]["company"] is None
    assert after["data"]["viewer"]["user"]["role"] == "LEARNER"
    assert after["data"]["orders"]["totalCount"] == 0


async def test_a_plan_that_changed_at_one_binds_at_the_other(street: Street) -> None:
    pam, cora = await street.token("pam"), await street.token("cora")
    adding = {"users": [{"email": f"new{street.people['cora'].email}"}]}
    asked = {"companyId": street.id_of("customer"), "quantity": 1, "licenseType": "MANAGED"}
    preview = await street.at_other(cora).codes(ADD_USERS, input=adding | {"preview": True})
    await street.told(cora)

    requested = await street.at_one(pam).done(REQUEST, input=asked)
    await street.at_one(pam).done(ASSIGN, input={"orderId": requested["order"]["id"]})
    codes = await street.at_other(cora).codes(ADD_USERS, input=adding)

    assert (preview, codes) == ([], ["FORBIDDEN"])
    assert (await street.told(cora))["data"]["viewer"]["company"]["plan"] == "MANAGED"
