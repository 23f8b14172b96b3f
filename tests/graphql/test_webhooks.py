"""Webhooks as the API shows them."""

from typing import Any

from models.webhooks import WebhookDeliveryStatus, WebhookEndpoint, WebhookEvent
from tests.factories import Make
from tests.graphql.api import Api, application
from tests.http.client import Json
from tests.scene import Scene
from tests.statements import statements

ERRORS = "errors { code message path }"
ENDPOINT = "{ id url events enabled disabledAt createdAt company { name } }"
CREATE = f"""mutation($url: String!, $events: [WebhookEvent!]!) {{
    createWebhookEndpoint(input: {{url: $url, events: $events}}) {{
        secret webhookEndpoint {ENDPOINT} {ERRORS} }} }}"""
UPDATE = f"""mutation($input: UpdateWebhookEndpointInput!) {{
    updateWebhookEndpoint(input: $input) {{ webhookEndpoint {ENDPOINT} {ERRORS} }} }}"""
DELETE = f"""mutation($id: ID!) {{
    deleteWebhookEndpoint(input: {{webhookEndpointId: $id}}) {{ deletedId {ERRORS} }} }}"""
REDELIVER = f"""mutation($id: ID!) {{
    redeliverWebhook(input: {{webhookDeliveryId: $id}}) {{
        webhookDelivery {{ id status attempts }} {ERRORS} }} }}"""
LIST = f"""{{ webhookEndpoints {{ totalCount edges {{ node {ENDPOINT} }} }} }}"""
DELIVERIES = """query($first: Int, $after: String) { webhookEndpoints { edges { node {
    url deliveries(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    edges { node { id event status attempts responseStatus lastError createdAt deliveredAt } } }
} } } }"""
NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
URL = "https://hooks.example.com/canopy"


async def test_the_life_of_an_endpoint(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    cora = await api.of(scene.cora)

    made = await cora.done(CREATE, url=URL, events=["ORDER_ASSIGNED"])
    endpoint = made["webhookEndpoint"]
    assert made["secret"].startswith("whsec_")
    assert endpoint == {
        "id": endpoint["id"],
        "url": URL,
        "events": ["ORDER_ASSIGNED"],
        "enabled": True,
        "disabledAt": None,
        "createdAt": "2026-03-02T09:30:00Z",
        "company": {"name": "Customer"},
    }
    assert await cora.ask(LIST) == {"totalCount": 1, "edges": [{"node": endpoint}]}
    changed = await cora.done(UPDATE, input={"webhookEndpointId": endpoint["id"], "enabled": False})
    assert changed["webhookEndpoint"] == endpoint | {"enabled": False}
    assert (await cora.ask(NODE, id=endpoint["id"]))["__typename"] == "WebhookEndpoint"
    assert (await cora.done(DELETE, id=endpoint["id"]))["deletedId"] == endpoint["id"]
    assert (await cora.ask(LIST))["totalCount"] == 0
    assert await cora.ask(NODE, id=endpoint["id"]) is None


async def test_a_refusal_names_its_argument(make: Make, api: Api) -> None:
    cora = await api.of((await Scene.set(make)).cora)

    refused: dict[str, Json] = {
        url: (await cora.ask(CREATE, url=url, events=["ORDER_ASSIGNED"]))
        for url in ("https://127.0.0.1/", "https://localhost/", "ftp://hooks.example.com/")
    }

    for payload in refused.values():
        [error] = payload.pop("errors")
        assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input", "url"])
        assert payload == {"secret": None, "webhookEndpoint": None}
    assert await WebhookEndpoint.all().count() == 0


async def test_http_is_for_development_and_loopback_for_those_who_say_so(
    make: Make, api: Api
) -> None:
    scene = await Scene.set(make)
    production = {"environment": "production", "public_url": "https://canopy.example"}

    async def codes(url: str, **settings: Any) -> list[str]:
        async with application(make, make.clock, **settings) as there:
            return await (await there.of(scene.cora)).codes(
                CREATE, url=url, events=["ORDER_ASSIGNED"]
            )

    assert await codes("http://hooks.example.com/") == []
    assert await codes("http://hooks.example.com/", **production) == ["INVALID_INPUT"]
    assert await codes("http://127.0.0.1:9000/") == ["INVALID_INPUT"]
    assert await codes("http://127.0.0.1:9000/", webhooks_to_loopback=True) == []
    assert await codes("http://10.0.0.1/", webhooks_to_loopback=True) == ["INVALID_INPUT"]


async def test_deliveries_are_read_newest_first_in_pages(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    endpoint = await make.endpoint(scene.customer, scene.cora)
    await make.delivery(
        endpoint,
        WebhookEvent.ORDER_ASSIGNED,
        status=WebhookDeliveryStatus.FAILED,
        attempts=19,
        response_status=500,
        last_error="The receiver answered 500.",
    )
    make.clock.move(minutes=1)  # type: ignore[attr-defined]
    await make.delivery(
        endpoint, status=WebhookDeliveryStatus.DELIVERED, attempts=1, delivered_at=make.now
    )
    cora = await api.of(scene.cora)

    first = (await cora.ask(DELIVERIES, first=1))["edges"][0]["node"]["deliveries"]
    cursor = first["pageInfo"]["endCursor"]
    second = (await cora.ask(DELIVERIES, first=1, after=cursor))["edges"][0]["node"]["deliveries"]

    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (2, True)
    [newest], [oldest] = ([edge["node"] for edge in page["edges"]] for page in (first, second))
    assert newest == {
        "id": newest["id"],
        "event": "COMPANY_CREATED",
        "status": "DELIVERED",
        "attempts": 1,
        "responseStatus": None,
        "lastError": None,
        "createdAt": "2026-03-02T09:31:00Z",
        "deliveredAt": "2026-03-02T09:31:00Z",
    }
    assert (oldest["status"], oldest["responseStatus"]) == ("FAILED", 500)
    assert oldest["lastError"] == "The receiver answered 500."
    again = (await cora.done(REDELIVER, id=oldest["id"]))["webhookDelivery"]
    assert again == {"id": oldest["id"], "status": "QUEUED", "attempts": 0}


async def test_webhooks_are_shown_from_inside_their_company_alone(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    endpoint = await make.endpoint(scene.customer, scene.cora)
    delivery = await make.delivery(endpoint)
    learner = await make.user(scene.customer)
    from schema.ids import global_id

    ids = [global_id("WebhookEndpoint", endpoint.id), global_id("WebhookDelivery", delivery.id)]
    inside = await api.of(scene.pam)
    inside.token = await make.manage_token(scene.pam, scene.customer)
    shown = {}
    for name, client in (
        ("cora", await api.of(scene.cora)),
        ("managing", inside),
        ("pam", await api.of(scene.pam)),
        ("vic", await api.of(scene.vic)),
        ("learner", await api.of(learner)),
    ):
        nodes = [await client.ask(NODE, id=id) for id in ids]
        shown[name] = ((await client.ask(LIST))["totalCount"], [bool(node) for node in nodes])

    everything, nothing = (1, [True, True]), (0, [False, False])
    assert shown == {
        "cora": everything,
        "managing": everything,
        "pam": nothing,
        "vic": nothing,
        "learner": nothing,
    }


async def test_the_secret_is_told_once_and_nowhere_else(make: Make, api: Api) -> None:
    scene = await Scene.set(make)
    cora = await api.of(scene.cora)
    secret = (await cora.done(CREATE, url=URL, events=["ORDER_ASSIGNED"]))["secret"]

    told = [
        await cora.send(document)
        for document in (
            LIST,
            '{ __type(name: "WebhookEndpoint") { fields { name } } }',
            "{ auditEvents { edges { node { action summary subject { __typename id } } } } }",
        )
    ]

    assert secret not in str(told)
    assert "secret" not in str(told)
    [event] = told[2]["data"]["auditEvents"]["edges"]
    assert event["node"]["summary"] == "Cora made a webhook of Customer."
    assert event["node"]["subject"]["__typename"] == "WebhookEndpoint"


async def test_pages_of_deliveries_cost_one_statement_for_all_endpoints(
    make: Make, api: Api
) -> None:
    scene = await Scene.set(make)
    cora = await api.of(scene.cora)
    counted = []
    for _ in range(2):
        for _ in range(3):
            endpoint = await make.endpoint(scene.customer, scene.cora)
            await make.delivery(endpoint)
        with statements() as sent:
            await cora.ask(DELIVERIES, first=5)
        counted.append(len(sent))

    assert counted[0] == counted[1]
