"""What was mailed, and what was done."""

from datetime import datetime
from uuid import UUID

import strawberry

from models import audit, outbox
from models.outbox import NotificationStatus, NotificationTemplate
from resolvers.reading.companies import company_by_id
from resolvers.reading.events import subjects, summaries
from resolvers.reading.orders import order_by_id
from resolvers.reading.people import person
from resolvers.reading.tokens import api_token_by_id
from schema.edges import edge
from schema.types.companies import Company
from schema.types.nodes import Node, column
from schema.types.orders import Order
from schema.types.people import Contact
from schema.types.tokens import ApiToken


@strawberry.type(description="A mail to one recipient, promised and then sent.")
class Notification(Node, model=outbox.Notification):
    company_id: strawberry.Private[UUID]
    order_id: strawberry.Private[UUID | None]
    template: NotificationTemplate = column("What it says.")
    status: NotificationStatus = column("How far it is.")
    recipient: str = column("The address it goes to.")
    subject: str = column("Its subject line.")
    attempts: int = column("How often it was tried.")
    last_error: str | None = column("What the mail server said last.")
    created_at: datetime = column("When it was promised.")
    sent_at: datetime | None = column("When the mail server took it.")
    company: Company = edge(company_by_id, key="company_id", description="The company it is about.")
    order: Order | None = edge(order_by_id, key="order_id", description="The order it is about.")


@strawberry.type(description="One thing that was done; kept for good.")
class AuditEvent(Node, model=audit.AuditEvent):
    actor_id: strawberry.Private[UUID | None]
    api_token_id: strawberry.Private[UUID | None]
    on_behalf_of_id: strawberry.Private[UUID | None]
    company_id: strawberry.Private[UUID]
    action: str = column(
        "Dotted and in the past tense: order.assigned, license.allocated, manage_mode.entered."
    )
    at: datetime = column("When.")
    actor: Contact | None = edge(person, key="actor_id", description="Who did it.")
    api_token: ApiToken | None = edge(
        api_token_by_id,
        key="api_token_id",
        description="Set when it was done with a token that the viewer may see.",
    )
    on_behalf_of: Company | None = edge(
        company_by_id,
        key="on_behalf_of_id",
        description="The managed company when the actor was in manage mode.",
    )
    company: Company = edge(company_by_id, key="company_id", description="Where it was done.")
    subject: Node | None = edge(
        subjects, description="What it was done to. Null where out of sight."
    )
    summary: str = edge(summaries, description="The event in a sentence.")
