"""What each mail says: its subject, and the facts of that moment. Nobody's name is in them."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from models.companies import Company, CompanyKind
from models.deadlines import Expiry, Lead
from models.orders import Order
from models.outbox import Notice, NotificationTemplate
from models.webhooks import WebhookEndpoint
from models.words import day, licenses


def order_requested(company: Company, order: Order) -> Notice:
    asked = licenses(order.quantity, order.license_type)
    return Notice(
        NotificationTemplate.ORDER_REQUESTED,
        company,
        f"{company.name} requests {asked} ({order.number})",
        order,
        {"quantity": order.quantity, "licenseType": order.license_type},
    )


def order_assigned(company: Company, order: Order, quantity: int) -> Notice:
    return Notice(
        NotificationTemplate.ORDER_ASSIGNED,
        company,
        f"{licenses(quantity, order.license_type)} ready to allocate ({order.number})",
        order,
        {
            "quantity": quantity,
            "licenseType": order.license_type,
            "expiresAt": _iso(order.expires_at),
            "open": order.open_quantity,
        },
    )


def order_declined(company: Company, order: Order, closed: int) -> Notice:
    return Notice(
        NotificationTemplate.ORDER_DECLINED,
        company,
        f"Order {order.number} was declined",
        order,
        _closing(order, closed),
    )


def order_cancelled(company: Company, order: Order, closed: int) -> Notice:
    return Notice(
        NotificationTemplate.ORDER_CANCELLED,
        company,
        f"Order {order.number} was cancelled",
        order,
        _closing(order, closed),
    )


def order_returned(company: Company, order: Order) -> Notice:
    return Notice(
        NotificationTemplate.ORDER_CANCELLED,
        company,
        f"Order {order.number} was returned",
        order,
        _closing(order, order.assigned_quantity) | {"kept": 0, "returned": True},
    )


def order_waiting(company: Company, order: Order, key: str) -> Notice:
    asked = licenses(order.quantity, order.license_type)
    return Notice(
        NotificationTemplate.ORDER_WAITING,
        company,
        f"{company.name} still waits for {asked} ({order.number})",
        order,
        {
            "quantity": order.quantity,
            "licenseType": order.license_type,
            "requestedAt": _iso(order.requested_at),
        },
        key=key,
    )


def expiry(company: Company, expiry: Expiry, lead: Lead) -> Notice:
    """That licenses will run out, or have."""
    what = licenses(expiry.quantity, expiry.license_type)
    verb = "expired" if lead is Lead.NONE else "expires" if expiry.quantity == 1 else "expire"
    return Notice(
        expiry.template(lead),
        company,
        f"{what} of {company.name} {verb} on {day(expiry.day)}",
        facts={
            "quantity": expiry.quantity,
            "licenseType": expiry.license_type,
            "allocated": expiry.allocated,
            "day": expiry.day.isoformat(),
            "later": expiry.later,
            "lastAt": _iso(expiry.last),
        },
        key=expiry.key(lead),
    )


def welcome(company: Company, token: str | None) -> Notice:
    template = (
        NotificationTemplate.MANAGER_WELCOME
        if company.kind is CompanyKind.CUSTOMER
        else NotificationTemplate.PARTNER_WELCOME
    )
    return Notice(template, company, f"Welcome: you manage {company.name}", token=token)


def password_reset(company: Company, token: str) -> Notice:
    return Notice(NotificationTemplate.PASSWORD_RESET, company, "Set a new password", token=token)


def webhook_disabled(company: Company, endpoint: WebhookEndpoint) -> Notice:
    """Of the URL no more than its host: the rest may hold a secret."""
    return Notice(
        NotificationTemplate.WEBHOOK_DISABLED,
        company,
        f"A webhook of {company.name} was switched off",
        facts={"host": urlsplit(endpoint.url).hostname},
    )


def _closing(order: Order, closed: int) -> dict[str, Any]:
    return {
        "quantity": closed,
        "kept": order.assigned_quantity,
        "licenseType": order.license_type,
        "reason": order.decision_reason,
        "returned": False,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
