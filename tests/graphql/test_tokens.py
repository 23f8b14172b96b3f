"""API tokens over the API: made, listed, revoked, and what each scope opens."""

from typing import Any, Final

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_required_input_field,
)
from strawberry.relay import to_base64

from models.companies import Company, CompanyPlan
from models.licenses import License
from models.orders import Order
from models.tokens import ApiScope, ApiToken
from models.users import User
from schema.build import export_schema
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import Api
from tests.http.client import Client, Json
from tests.scene import Scene
from tests.snapshots import snapshot

CREATE: Final = """
mutation($input: CreateApiTokenInput!) {
  createApiToken(input: $input) {
    secret
    apiToken {
      name prefix scopes expiresAt lastUsedAt revokedAt company { name } createdBy { name }
    }
    errors { code path }
  }
}"""
REVOKE: Final = """
mutation($id: ID!) {
  revokeApiToken(input: {apiTokenId: $id}) { apiToken { revokedAt } errors { code path } }
}"""
LIST: Final = "{ apiTokens { totalCount edges { node { id name } } } }"
VIEWER: Final = "{ viewer { user { email } company { name } manageSession { id } } }"

MUTATIONS: Final = {
    ApiScope.COMPANIES_WRITE: {
        "createCompany",
        "updateCompany",
        "moveCompany",
        "archiveCompany",
        "restoreCompany",
    },
    ApiScope.USERS_WRITE: {"addUsers", "importUsers", "updateUser", "removeUsers"},
    ApiScope.ORDERS_REQUEST: {"requestLicenses", "upgradeTrial", "updateOrder", "cancelOrder"},
    ApiScope.ORDERS_ASSIGN: {"assignOrder", "declineOrder", "returnOrder"},
    ApiScope.LICENSES_ALLOCATE: {"allocateLicenses", "releaseLicenses", "reallocateLicense"},
    ApiScope.WEBHOOKS_WRITE: {
        "createWebhookEndpoint",
        "updateWebhookEndpoint",
        "deleteWebhookEndpoint",
        "redeliverWebhook",
    },
}
"""The table of docs; what it does not list is for people only, and READ is for all that is read."""
SCOPE_OF: Final = {name: scope for scope, names in MUTATIONS.items() for name in names}
SDL: Final[GraphQLSchema] = build_schema(export_schema())


def fields_of(kind: GraphQLObjectType | None) -> dict[str, Any]:
    return dict(kind.fields) if kind is not None else {}


QUERIES: Final = fields_of(SDL.query_type)
CHANGES: Final = fields_of(SDL.mutation_type)
SUBSCRIPTIONS: Final = fields_of(SDL.subscription_type)


def least(kind: Any) -> Any:
    """A value of the type with nothing in it that need not be; READ asks for nothing besides."""
    if isinstance(kind, GraphQLNonNull):
        return least(kind.of_type)
    if isinstance(kind, GraphQLList):
        return []
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        return {
            name: False if name == "allocate" else least(field.type)
            for name, field in kind.fields.items()
            if is_required_input_field(field) or name == "allocate"
        }
    return {"Int": 1, "Boolean": False, "DateTime": "2026-03-02T09:30:00Z"}.get(kind.name, "x")


def document(operation: str, name: str, field: Any) -> tuple[str, dict[str, Any]]:
    """Asks for that root field, with the least that may be sent."""
    taken = {
        arg: argument
        for arg, argument in field.args.items()
        if isinstance(argument.type, GraphQLNonNull)
    }
    variables = ", ".join(f"${arg}: {argument.type}" for arg, argument in taken.items())
    given = ", ".join(f"{arg}: ${arg}" for arg in taken)
    return (
        f"{operation}{f'({variables})' if taken else ''} "
        f"{{ {name}{f'({given})' if taken else ''} {{ __typename }} }}",
        {arg: least(argument.type) for arg, argument in taken.items()},
    )


DOCUMENTS: Final = {
    **{name: document("query", name, field) for name, field in QUERIES.items()},
    **{name: document("mutation", name, field) for name, field in CHANGES.items()},
}


def scope_of(name: str) -> ApiScope | None:
    return ApiScope.READ if name in QUERIES | SUBSCRIPTIONS else SCOPE_OF.get(name)


def codes(answer: Json) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", ())]


@pytest.mark.parametrize("name", [*QUERIES, *CHANGES, *SUBSCRIPTIONS])
def test_the_description_says_which_scope_an_api_token_needs(name: str) -> None:
    told = (QUERIES | CHANGES | SUBSCRIPTIONS)[name].description
    scope = scope_of(name)

    expected = f"API tokens need {scope}" if scope else "For people only: API tokens are refused."
    assert expected in told
    assert {each for each in ApiScope if each in told.split("API tokens need")[-1]} == (
        {scope, ApiScope.ORDERS_REQUEST, ApiScope.ORDERS_ASSIGN}
        if name == "createCompany"
        else {scope, ApiScope.LICENSES_ALLOCATE}
        if name in {"addUsers", "importUsers"}
        else {scope} - {None}
    )


async def test_every_root_field_is_refused_to_a_token_that_has_every_scope_but_its_own(
    scene: Scene, make: Make, api: Api
) -> None:
    without = {
        lacking: await make.api_token(scene.pam, *(set(ApiScope) - {lacking}))
        for lacking in (None, *ApiScope)
    }
    before = await snapshot(but=ApiToken)

    told = {
        name: codes(await api.by(without[scope_of(name)]).send(text, **variables))
        for name, (text, variables) in DOCUMENTS.items()
    }

    assert {name: each for name, each in told.items() if each != ["FORBIDDEN"]} == {}
    assert await snapshot(but=ApiToken) == before


async def test_every_root_field_is_open_to_a_token_that_has_its_scope_alone(
    scene: Scene, make: Make, api: Api
) -> None:
    tokens = {scope: await make.api_token(scene.pam, scope) for scope in ApiScope}

    told = {
        name: codes(await api.by(tokens[scope]).send(text, **variables))
        for name, (text, variables) in DOCUMENTS.items()
        if (scope := scope_of(name)) is not None
    }

    assert {name: each for name, each in told.items() if each} == {}


CREATE_COMPANY: Final = """
mutation($order: CompanyOrderInput) {
  createCompany(input: {kind: CUSTOMER, name: "New", order: $order}) { errors { code } }
}"""
ADD_USERS: Final = """
mutation($allocate: Boolean! = true) {
  addUsers(input: {allocate: $allocate, users: [{email: "new@example.com"}]}) { errors { code } }
}"""
COMPANIES, REQUEST, ASSIGN = (
    ApiScope.COMPANIES_WRITE,
    ApiScope.ORDERS_REQUEST,
    ApiScope.ORDERS_ASSIGN,
)
USERS, ALLOCATE = ApiScope.USERS_WRITE, ApiScope.LICENSES_ALLOCATE


@pytest.mark.parametrize(
    ("text", "variables", "scopes", "may"),
    [
        (CREATE_COMPANY, {}, {COMPANIES}, True),
        (CREATE_COMPANY, {"order": {"quantity": 3}}, {COMPANIES}, False),
        (CREATE_COMPANY, {"order": {"quantity": 3}}, {COMPANIES, REQUEST}, False),
        (CREATE_COMPANY, {"order": {"quantity": 3}}, {COMPANIES, ASSIGN}, False),
        (CREATE_COMPANY, {"order": {"quantity": 3}}, {COMPANIES, REQUEST, ASSIGN}, True),
        (CREATE_COMPANY, {"order": {"quantity": 3, "assign": False}}, {COMPANIES}, False),
        (CREATE_COMPANY, {"order": {"quantity": 3, "assign": False}}, {COMPANIES, REQUEST}, True),
        (ADD_USERS, {}, {USERS}, False),
        (ADD_USERS, {}, {USERS, ALLOCATE}, True),
        (ADD_USERS, {"allocate": False}, {USERS}, True),
    ],
)
async def test_what_is_done_besides_needs_its_own_scope(
    scene: Scene,
    make: Make,
    api: Api,
    text: str,
    variables: dict[str, Any],
    scopes: set[ApiScope],
    may: bool,
) -> None:
    await make.licenses(scene.partner, 1)
    before = await snapshot()
    client = api.by(await make.api_token(scene.pam, *scopes))

    answer = await client.send(text, **variables)

    if may:
        assert answer["data"].popitem()[1] == {"errors": []}
    else:
        assert codes(answer) == ["FORBIDDEN"]
        after = await snapshot()
        assert {name for name in after if after[name] != before[name]} == {"ApiToken"}


async def test_without_read_a_mutation_answers_plain_fields_alone_and_else_does_nothing(
    scene: Scene, make: Make, api: Api
) -> None:
    client = api.by(await make.api_token(scene.cora, ApiScope.ORDERS_REQUEST))
    text = """mutation($deep: Boolean!) { requestLicenses(input: {quantity: 3}) {
        order { status ...more @include(if: $deep) } errors { code } } }
        fragment more on Order { company { users { totalCount } } }"""

    assert codes(await client.send(text, deep=True)) == ["FORBIDDEN"]
    assert await Order.all().count() == 0
    assert await client.done(text, deep=False) == {"order": {"status": "REQUESTED"}, "errors": []}


async def test_a_token_is_made_shown_once_used_listed_and_revoked(
    scene: Scene, make: Make, api: Api, clock: Clock
) -> None:
    cora = await api.of(scene.cora)
    asked = {
        "name": "Directory",
        "scopes": ["USERS_WRITE", "READ", "READ"],
        "expiresAt": "2026-04-01T00:00:00Z",
    }

    made = await cora.done(CREATE, input=asked)
    by_token = api.by(made["secret"])

    assert made["apiToken"] == {
        "name": "Directory",
        "prefix": made["secret"][:12],
        "scopes": ["READ", "USERS_WRITE"],
        "expiresAt": "2026-04-01T00:00:00Z",
        "lastUsedAt": None,
        "revokedAt": None,
        "company": {"name": "Customer"},
        "createdBy": {"name": "Cora"},
    }
    assert await by_token.ask(VIEWER) == {
        "user": {"email": "cora@example.com"},
        "company": {"name": "Customer"},
        "manageSession": None,
    }
    [edge] = (await cora.ask(LIST))["edges"]
    used = await cora.ask(
        "query($id: ID!) { node(id: $id) { ... on ApiToken { lastUsedAt } } }",
        id=edge["node"]["id"],
    )
    assert used == {"lastUsedAt": "2026-03-02T09:30:00Z"}
    revoked = await cora.done(REVOKE, id=edge["node"]["id"])
    assert revoked["apiToken"] == {"revokedAt": "2026-03-02T09:30:00Z"}
    assert await by_token.ask(VIEWER) is None
    assert codes(await by_token.send(LIST)) == ["UNAUTHENTICATED"]


async def test_a_token_made_in_manage_mode_acts_on_the_managed_company_for_who_made_it(
    scene: Scene, make: Make, api: Api
) -> None:
    inside = api.by(await make.manage_token(scene.pam, scene.customer))
    made = await inside.done(CREATE, input={"name": "Sync", "scopes": ["READ"]})
    by_token = api.by(made["secret"])

    assert await by_token.ask(VIEWER) == {
        "user": {"email": "pam@example.com"},
        "company": {"name": "Customer"},
        "manageSession": None,
    }
    names = "{ companies { edges { node { name } } } users { edges { node { email } } } }"
    seen = (await by_token.send(names))["data"]
    assert [edge["node"]["name"] for edge in seen["companies"]["edges"]] == ["Customer"]
    assert [edge["node"]["email"] for edge in seen["users"]["edges"]] == [
        "carl@example.com",
        "cora@example.com",
    ]


async def test_tokens_are_seen_by_those_who_keep_them(scene: Scene, make: Make, api: Api) -> None:
    learner = await make.user(scene.customer)
    for user in (scene.vic, scene.pam, scene.cora):
        await make.api_token(user)
    inside = await make.manage_token(scene.pam, scene.customer)

    async def seen(client: Client) -> list[str]:
        found = await client.ask(LIST)
        assert found["totalCount"] == len(found["edges"])
        return [edge["node"]["name"] for edge in found["edges"]]

    of_vendor, of_partner, of_customer = [token.name for token in await ApiToken.all()]
    assert await seen(await api.of(scene.vic)) == [of_vendor]
    assert await seen(await api.of(scene.paul)) == [of_partner]
    assert await seen(await api.of(scene.carl)) == [of_customer]
    assert await seen(api.by(inside)) == [of_customer]
    assert await seen(await api.of(learner)) == []

    await Company.filter(id=scene.customer.id).update(plan=CompanyPlan.MANAGED)

    assert await seen(await api.of(scene.carl)) == []
    assert await seen(api.by(inside)) == [of_customer]


async def test_an_event_tells_of_the_token_it_was_done_with_to_those_who_keep_it(
    scene: Scene, make: Make, api: Api
) -> None:
    by_token = api.by(await make.api_token(scene.cora, ApiScope.ORDERS_REQUEST))
    await by_token.done("mutation { requestLicenses(input: {quantity: 3}) { errors { code } } }")
    [name] = await ApiToken.all().values_list("name", flat=True)
    asked = """{ auditEvents(filter: {action: {eq: "order.requested"}}) { edges { node {
        actor { name } apiToken { name } } } } }"""

    told = {
        user.first_name: (await api.send(user, asked))["data"]["auditEvents"]["edges"]
        for user in (scene.carl, scene.pam)
    }

    assert told == {
        "Carl": [{"node": {"actor": {"name": "Cora"}, "apiToken": {"name": name}}}],
        "Pam": [{"node": {"actor": {"name": "Cora"}, "apiToken": None}}],
    }


async def test_events_about_tokens_lead_to_them_and_are_told_in_words(
    scene: Scene, make: Make, api: Api
) -> None:
    cora = await api.of(scene.cora)
    await cora.done(CREATE, input={"name": "Directory", "scopes": ["READ"]})
    asked = """{ auditEvents(filter: {action: {startsWith: "api_token"}}) { edges { node {
        action summary subject { ... on ApiToken { name } } } } } }"""

    [event] = (await cora.ask(asked))["edges"]

    assert event["node"] == {
        "action": "api_token.created",
        "summary": "Cora made an API token of Customer.",
        "subject": {"name": "Directory"},
    }
    [of_pam] = (await api.send(scene.pam, asked))["data"]["auditEvents"]["edges"]
    assert of_pam["node"]["subject"] is None


async def test_what_a_token_may_do_is_what_it_is_told_it_may(
    scene: Scene, make: Make, api: Api
) -> None:
    client = api.by(await make.api_token(scene.pam, ApiScope.READ, ApiScope.ORDERS_REQUEST))
    asked = """query($id: ID!) { company(id: $id) { viewerCan {
        requestLicenses { allowed } addUsers { allowed reason }
        addManager { allowed reason } } } }"""

    can = (await client.ask(asked, id=to_base64("Company", str(scene.customer.id))))["viewerCan"]

    assert can == {
        "requestLicenses": {"allowed": True},
        "addUsers": {
            "allowed": False,
            "reason": "This API token lacks the scope USERS_WRITE: make one that has it.",
        },
        "addManager": {
            "allowed": False,
            "reason": "This is for people, not for API tokens: sign in to do it.",
        },
    }


async def test_a_token_of_a_customer_reads_and_changes_nothing_of_another_branch(
    scene: Scene, make: Make, api: Api
) -> None:
    other = await make.company(await make.partner(), licenses=1)
    await make.api_token(await make.manager(other))
    token = await ApiToken.get(company_id=other.id)
    foreign = [
        *(to_base64("User", str(row.id)) for row in await User.filter(company_id=other.id)),
        *(to_base64("License", str(row.id)) for row in await License.filter(company_id=other.id)),
        to_base64("Company", str(other.id)),
        to_base64("Company", str(scene.partner.id)),
        to_base64("User", str(scene.pam.id)),
        to_base64("ApiToken", str(token.id)),
    ]
    client = api.by(await make.api_token(scene.cora))

    found = await client.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=foreign)

    assert found == [None] * len(foreign)
