"""Mails that would reach nobody."""

from collections.abc import Mapping, Sequence
from typing import Final

from models.companies import Company
from models.outbox import NotificationTemplate, is_wanted
from models.people import account_managers_of, managers_by_company
from models.users import User
from resolvers.reading.companies import shown
from resolvers.reading.reader import Reader

TO_THOSE_ABOVE: Final = {NotificationTemplate.ORDER_REQUESTED: "requested"}
TO_MANAGERS: Final = {
    NotificationTemplate.ORDER_ASSIGNED: "assigned",
    NotificationTemplate.ORDER_DECLINED: "declined",
    NotificationTemplate.ORDER_CANCELLED: "cancelled or returned",
}
"""To those above as well, if no manager is left."""


async def notification_warnings(
    reader: Reader, keys: Sequence[Company]
) -> Mapping[Company, str | None]:
    """Which mails of a company's orders nobody would get, as things stand."""
    companies = shown(reader, keys)
    managers = await managers_by_company(company.id for company in companies)
    above = await account_managers_of(companies)
    return {
        company: _warning(managers.get(company.id, []), above[company.id]) for company in companies
    }


def _warning(managers: Sequence[User], above: Sequence[User]) -> str | None:
    unheard = [
        *_unheard(TO_THOSE_ABOVE, above),
        *_unheard(TO_MANAGERS, [*managers, *above]),
    ]
    if not unheard:
        return None
    return (
        f"Nobody would be mailed when an order is {', '.join(unheard)}: "
        "there is nobody to tell, or they have muted it."
    )


def _unheard(templates: Mapping[NotificationTemplate, str], people: Sequence[User]) -> list[str]:
    return [
        what
        for template, what in templates.items()
        if not any(is_wanted(template, by=user) for user in people)
    ]
