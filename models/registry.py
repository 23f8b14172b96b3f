"""Every table, for Tortoise."""

from models.audit import AuditEvent, IdempotencyKey
from models.chores import Chore
from models.companies import Company
from models.licenses import Allocation, License
from models.orders import Order
from models.outbox import Notification
from models.sessions import PasswordLink, Session, Tally
from models.tokens import ApiToken
from models.users import User
from models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookMessage

__all__ = [
    "Allocation",
    "ApiToken",
    "AuditEvent",
    "Chore",
    "Company",
    "IdempotencyKey",
    "License",
    "Notification",
    "Order",
    "PasswordLink",
    "Session",
    "Tally",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
]
