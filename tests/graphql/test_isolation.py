"""A manager of one customer, given every id of another branch, learns nothing of it.

Whatever is asked is asked twice: with an id from the other branch, and with one that is nobody's.
But for the id itself the two answers must be the same, byte for byte.
"""

from itertools import cycle
from uuid import UUID, uuid4

import orjson
import pytest
from strawberry.relay import from_base64, to_base64

from models.audit import AuditEvent
from models.base import Entity
from models.companies import Company
from models.licenses import Allocation, License, LicenseType
from models.orders import Order
from models.outbox import Notification
from models.sessions import Session
from models.tokens import ApiToken
from models.users import User
from models.webhooks import WebhookDelivery, WebhookEndpoint
from resolvers.orders import request_licenses
from resolvers.work import perform
from tests.factories import Make
from tests.graphql.api import Api
from tests.snapshots import snapshot

BY_ID = {
    "node": "query($id: ID!) { node(id: $id) { __typename id } }",
    "nodes": "query($id: ID!) { nodes(ids: [$id]) { __typename id } }",
    "company": "query($id: ID!) { company(id: $id) { id name } }",
    "companies by account manager": """query($id: ID!) {
        companies(filter: {accountManagerId: $id}) { totalCount edges { cursor } } }""",
    "orders of a company": """query($id: ID!) {
        orders(filter: {companyId: $id}) { totalCount edges { cursor } } }""",
    "orders by account manager": """query($id: ID!) {
        orders(filter: {accountManagerId: $id}) { totalCount edges { cursor } } }""",
    "licenses of a company": """query($id: ID!) {
        licenses(filter: {companyId: $id}) { totalCount edges { cursor } } }""",
    "licenses of an order": """query($id: ID!) {
        licenses(filter: {orderId: $id}) { totalCount edges { cursor } } }""",
    "users of a company": """query($id: ID!) {
        users(filter: {companyId: $id}) { totalCount edges { cursor } } }""",
    "notifications of a company": """query($id: ID!) {
        notifications(filter: {companyId: $id}) { totalCount edges { cursor } } }""",
    "notifications of an order": """query($id: ID!) {
        notifications(filter: {orderId: $id}) { totalCount edges { cursor } } }""",
    "events of a company": """query($id: ID!) {
        auditEvents(filter: {companyId: $id}) { totalCount edges { cursor } } }""",
    "events of a subject": """query($id: ID!) {
        auditEvents(filter: {subjectId: $id}) { totalCount edges { cursor } } }""",
    "events by an actor": """query($id: ID!) {
        auditEvents(filter: {actorId: $id}) { totalCount edges { cursor } } }""",
}
ERRORS = "errors { code message path }"
MUTATIONS = {
    "enterManageMode": "{companyId: $id}",
    "createCompany": '{parentId: $id, kind: CUSTOMER, name: "New"}',
    "updateCompany": '{companyId: $id, name: "New"}',
    "moveCompany": "{companyId: $id, newParentId: $id}",
    "archiveCompany": "{companyId: $id}",
    "restoreCompany": "{companyId: $id}",
    "addUsers": '{companyId: $id, users: [{email: "new@example.com"}]}',
    "importUsers": '{companyId: $id, csv: "email\\nnew@example.com"}',
    "updateUser": '{userId: $id, firstName: "New"}',
    "removeUsers": "{userIds: [$id]}",
    "addManager": '{companyId: $id, person: {email: "new@example.com"}}',
    "removeManager": "{userId: $id}",
    "requestLicenses": "{companyId: $id, quantity: 1}",
    "upgradeTrial": "{companyId: $id, quantity: 1}",
    "updateOrder": "{orderId: $id, quantity: 1}",
    "assignOrder": "{orderId: $id}",
    "declineOrder": '{orderId: $id, reason: "No"}',
    "cancelOrder": "{orderId: $id}",
    "returnOrder": '{orderId: $id, reason: "No"}',
    "allocateLicenses": "{userIds: [$id]}",
    "releaseLicenses": "{licenseIds: [$id]}",
    "reallocateLicense": "{licenseId: $id, userId: $id}",
    "updateNotificationPreferences": "{userId: $id, muted: []}",
    "revokeApiToken": "{apiTokenId: $id}",
    "updateWebhookEndpoint": "{webhookEndpointId: $id, enabled: false}",
    "deleteWebhookEndpoint": "{webhookEndpointId: $id}",
    "redeliverWebhook": "{webhookDeliveryId: $id}",
}
DOCUMENTS = BY_ID | {
    name: f"mutation($id: ID!) {{ {name}(input: {input}) {{ {ERRORS} }} }}"
    for name, input in MUTATIONS.items()
}
TYPES: dict[type[Entity], str] = {Session: "ManageSession"}


async def other_branch(make: Make) -> list[str]:
    """Ids of one of everything that there is in a branch beside."""
    partner = await make.partner()
    customer = await make.company(partner, licenses=2)
    manager = await make.manager(customer)
    account_manager = await make.manager(partner)
    await Company.filter(id=customer.id).update(account_manager_id=account_manager.id)
    [learner] = await make.learners(customer, 1)
    license = await License.filter(company_id=customer.id).first()
    assert license is not None
    await make.allocation(license, learner)
    await make.manage_token(account_manager, customer)
    await make.api_token(manager)
    await make.endpoint(customer, manager)
    await perform(
        await make.caller(manager), make.clock, request_licenses, None, LicenseType.PREMIUM, 3
    )
    kinds: list[type[Entity]] = [
        Company,
        User,
        Order,
        License,
        Allocation,
        Notification,
        AuditEvent,
        ApiToken,
        WebhookEndpoint,
        WebhookDelivery,
    ]
    found = [to_base64(kind.__name__, str(row.id)) for kind in kinds for row in await kind.all()]
    managed = [
        to_base64("ManageSession", str(row.id))
        for row in await Session.filter(company_id__isnull=False)
    ]
    assert len({from_base64(id)[0] for id in found + managed}) == 11
    return found + managed


@pytest.mark.parametrize("asked", DOCUMENTS)
async def test_a_foreign_id_is_answered_like_one_that_is_nobodys(
    make: Make, api: Api, asked: str
) -> None:
    foreign = await other_branch(make)
    company = await make.company(await make.partner(), licenses=1)
    manager = await make.manager(company)
    strangers = cycle([await api.of(manager), api.by(await make.api_token(manager))])
    before = await snapshot(but=ApiToken)

    for id, stranger in zip(foreign, strangers, strict=False):
        nobodys = to_base64(from_base64(id)[0], str(uuid4()))
        answers = [await stranger.send(DOCUMENTS[asked], id=each) for each in (id, nobodys)]

        told, expected = (orjson.dumps(answer).decode() for answer in answers)
        assert told == expected, f"{asked} tells {UUID(from_base64(id)[1])} from an unknown id"
    assert await snapshot(but=ApiToken) == before


async def test_lists_and_counts_hold_nothing_of_another_branch(make: Make, api: Api) -> None:
    await other_branch(make)
    company = await make.company(await make.partner())
    manager = await make.manager(company)
    strangers = [await api.of(manager), api.by(await make.api_token(manager))]
    lists = (
        *("companies", "orders", "licenses", "users", "notifications", "auditEvents"),
        *("apiTokens", "webhookEndpoints"),
    )
    asked = " ".join(f"{name} {{ totalCount edges {{ cursor }} }}" for name in lists)

    found = []
    for stranger in strangers:
        pages = (await stranger.send(f"{{ {asked} }}"))["data"]
        found.append(
            {name: (page["totalCount"], len(page["edges"])) for name, page in pages.items()}
        )

    assert found == 2 * [
        {
            "companies": (1, 1),
            "orders": (0, 0),
            "licenses": (0, 0),
            "users": (1, 1),
            "notifications": (0, 0),
            "auditEvents": (0, 0),
            "apiTokens": (1, 1),
            "webhookEndpoints": (0, 0),
        }
    ]
