"""Rows of every kind, by id."""

from collections.abc import Mapping
from typing import Final

from models.audit import AuditEvent
from models.base import Entity
from models.companies import Company
from models.licenses import Allocation, License
from models.orders import Order
from models.outbox import Notification
from models.sessions import Session
from models.tokens import ApiToken
from models.users import User
from models.webhooks import WebhookDelivery, WebhookEndpoint
from resolvers.reading.companies import company_by_id
from resolvers.reading.events import event_by_id
from resolvers.reading.licenses import allocation_by_id, license_by_id
from resolvers.reading.notifications import notification_by_id
from resolvers.reading.orders import order_by_id
from resolvers.reading.reader import Batch
from resolvers.reading.sessions import manage_session_by_id
from resolvers.reading.tokens import api_token_by_id
from resolvers.reading.users import user_by_id
from resolvers.reading.webhooks import delivery_by_id, endpoint_by_id

BY_ID: Final[Mapping[type[Entity], Batch]] = {
    Company: company_by_id,
    User: user_by_id,
    Order: order_by_id,
    License: license_by_id,
    Allocation: allocation_by_id,
    Notification: notification_by_id,
    AuditEvent: event_by_id,
    Session: manage_session_by_id,
    ApiToken: api_token_by_id,
    WebhookEndpoint: endpoint_by_id,
    WebhookDelivery: delivery_by_id,
}
MOST_NODES: Final = 1_000
