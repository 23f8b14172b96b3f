"""The questions: everything that is asked starts here."""

from asyncio import gather
from typing import Annotated

import strawberry

from models.errors import BadUserInput
from resolvers.reading.companies import companies, company_by_id
from resolvers.reading.events import events
from resolvers.reading.licenses import licenses
from resolvers.reading.nodes import BY_ID, MOST_NODES
from resolvers.reading.notifications import notifications
from resolvers.reading.orders import orders
from resolvers.reading.tokens import api_tokens
from resolvers.reading.users import users
from resolvers.reading.webhooks import webhook_endpoints
from resolvers.reading.windows import Scope
from schema.columns import MODELS
from schema.connections import Connection, paged
from schema.context import Info
from schema.edges import load, root_edge, root_row
from schema.filters import (
    AuditEventFilter,
    CompanyFilter,
    CompanyOrder,
    LicenseFilter,
    LicenseOrder,
    NotificationFilter,
    OrderFilter,
    OrderOrder,
    UserFilter,
    UserOrder,
)
from schema.ids import named
from schema.scopes import question
from schema.types import (
    ApiToken,
    AuditEvent,
    Company,
    License,
    Node,
    Notification,
    Order,
    User,
    Viewer,
    WebhookEndpoint,
)

Id = Annotated[strawberry.ID, strawberry.argument(description="The global id.")]
Ids = Annotated[
    list[strawberry.ID], strawberry.argument(description=f"Up to {MOST_NODES:,} global ids.")
]


@strawberry.type(description="What can be asked. All but `viewer` is for those who are signed in.")
class Query:
    companies: Connection[Company] = root_edge(
        companies,
        takes=paged(CompanyFilter, CompanyOrder),
        selective=True,
        description="The acting company and every company beneath it.",
    )
    orders: Connection[Order] = root_edge(
        orders,
        takes=paged(OrderFilter, OrderOrder, Scope.SUBTREE),
        selective=True,
        description="Orders of the acting company, of those beneath it, or of both.",
    )
    licenses: Connection[License] = root_edge(
        licenses,
        takes=paged(LicenseFilter, LicenseOrder, Scope.SUBTREE),
        selective=True,
        description="Licenses of the acting company, of those beneath it, or of both.",
    )
    users: Connection[User] = root_edge(
        users,
        takes=paged(UserFilter, UserOrder, Scope.SUBTREE),
        selective=True,
        description="People of the acting company, of those beneath it, or of both.",
    )
    notifications: Connection[Notification] = root_edge(
        notifications,
        takes=paged(NotificationFilter),
        selective=True,
        description="Mails about the acting company and those beneath it, newest first.",
    )
    audit_events: Connection[AuditEvent] = root_edge(
        events,
        takes=paged(AuditEventFilter),
        selective=True,
        description="What was done in the acting company and beneath it, newest first.",
    )
    api_tokens: Connection[ApiToken] = root_edge(
        api_tokens,
        takes=paged(),
        selective=True,
        description="The API tokens of the acting company, newest first; to those who keep them.",
    )

    webhook_endpoints: Connection[WebhookEndpoint] = root_edge(
        webhook_endpoints,
        takes=paged(),
        selective=True,
        description="The webhooks of the acting company, newest first; to those who keep them.",
    )

    @question("Who is asking. Null without a valid token.")
    def viewer(self, info: Info) -> Viewer | None:
        caller = info.context.reader.caller
        return Viewer.of(caller) if caller else None

    company: Company | None = root_row(
        company_by_id,
        "Company",
        description="Null for an id that is unknown or not the viewer's to see: the two are never "
        "told apart.",
    )

    @question("Anything that has an id; null where `company` would be.")
    async def node(self, info: Info, id: Id) -> Node | None:
        _ = info.context.reader.asking
        return await _node(info, id)

    @question("As `node`, for many: in the order of the ids.")
    async def nodes(self, info: Info, ids: Ids) -> list[Node | None]:
        _ = info.context.reader.asking
        if len(ids) > MOST_NODES:
            raise BadUserInput(f"`ids` holds up to {MOST_NODES:,} ids.", "ids")
        return await gather(*(_node(info, id) for id in ids))


async def _node(info: Info, id: str) -> Node | None:
    name, row_id = named(id)
    if name not in MODELS:
        return None
    found: Node | None = await load(info, BY_ID[MODELS[name]], row_id)
    return found
