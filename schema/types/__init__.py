"""The object types; each module holds one noun, and they refer to each other by module."""

from schema.types.companies import Company, LicenseSummary
from schema.types.events import AuditEvent, Notification
from schema.types.licenses import Allocation, License
from schema.types.nodes import Node
from schema.types.orders import Order
from schema.types.people import Contact
from schema.types.sessions import ManageSession, Viewer
from schema.types.tokens import ApiToken
from schema.types.users import User
from schema.types.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "Allocation",
    "ApiToken",
    "AuditEvent",
    "Company",
    "Contact",
    "License",
    "LicenseSummary",
    "ManageSession",
    "Node",
    "Notification",
    "Order",
    "User",
    "Viewer",
    "WebhookDelivery",
    "WebhookEndpoint",
]
