"""What the reader may do, and which rule says no."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from models.access import Action, Caller, visible, why_not
from models.companies import MAY_CREATE, Company
from models.errors import Conflict, Forbidden, OrderNotOpen, Refusal
from models.licenses import Allocation, License, LicenseType
from models.orders import Order, OrderStatus, is_upgraded
from models.rows import as_model
from resolvers.reading.companies import company_by_id
from resolvers.reading.reader import Reader
from resolvers.reading.sql import those_with


@dataclass(frozen=True)
class CompanyRules:
    """Why not, for each thing that may be done in a company; None where it may."""

    reasons: Mapping[str, str | None]


@dataclass(frozen=True)
class OrderRules:
    """Why not, for each thing that may be done with an order; None where it may."""

    reasons: Mapping[str, str | None]


COMPANY: Final[Mapping[str, Action]] = {
    "update": Action.UPDATE_COMPANY,
    "move": Action.MOVE_COMPANY,
    "archive": Action.ARCHIVE_COMPANY,
    "create_company": Action.CREATE_COMPANY,
    "enter_manage_mode": Action.ENTER_MANAGE_MODE,
    "request_licenses": Action.REQUEST_LICENSES,
    "upgrade_trial": Action.REQUEST_LICENSES,
    "allocate_licenses": Action.ALLOCATE_LICENSES,
    "add_users": Action.KEEP_USERS,
    "add_manager": Action.KEEP_MANAGERS,
}
ORDER: Final[Mapping[str, Action]] = {
    "update": Action.CHANGE_ORDER,
    "assign": Action.ASSIGN_ORDER,
    "decline": Action.ASSIGN_ORDER,
    "cancel": Action.CHANGE_ORDER,
    "return_": Action.ASSIGN_ORDER,
}


async def company_rules(reader: Reader, keys: Sequence[Company]) -> Mapping[Company, CompanyRules]:
    trials = visible(License, reader.caller, by_key=True).filter(
        type=LicenseType.TRIAL, voided_at__isnull=True
    )
    on_trial = await those_with(trials, "company_id", [company.id for company in keys])
    upgrades = visible(Order, reader.caller, by_key=True).filter(is_upgraded())
    on_trial -= await those_with(upgrades, "company_id", list(on_trial))
    return {company: _of_company(reader.asking, company, on_trial) for company in keys}


async def order_rules(reader: Reader, keys: Sequence[Order]) -> Mapping[Order, OrderRules]:
    companies = await company_by_id(reader, [order.company_id for order in keys])
    assigned = [order.id for order in keys if order.status is OrderStatus.ASSIGNED]
    stays = visible(Allocation, reader.caller)
    used = await those_with(stays, "license__order_id", assigned)
    return {
        order: _of_order(reader, order, companies[order.company_id], order.id in used)
        for order in keys
    }


def _of_company(caller: Caller, company: Company, on_trial: set[UUID]) -> CompanyRules:
    rules = {name: why_not(caller, action, company) for name, action in COMPANY.items()}
    if not MAY_CREATE[company.kind]:
        rules["create_company"] = rules["create_company"] or Forbidden(
            "A customer has no companies beneath it."
        )
    if company.id not in on_trial:
        rules["upgrade_trial"] = rules["upgrade_trial"] or Conflict(
            "This company has no trial to upgrade: request licenses."
        )
    return CompanyRules(_told(rules))


def _of_order(reader: Reader, order: Order, company: Company, used: bool) -> OrderRules:
    rules = {
        name: why_not(reader.asking, action, company) or _by_state(reader, name, order, used)
        for name, action in ORDER.items()
    }
    return OrderRules(_told(rules))


def _by_state(reader: Reader, name: str, order: Order, used: bool) -> Refusal | None:
    if name == "return_":
        return _why_not_returned(reader, order, used)
    is_open = order.status is OrderStatus.REQUESTED if name == "update" else order.is_open
    return None if is_open else OrderNotOpen(order.number, order.status)


def _why_not_returned(reader: Reader, order: Order, used: bool) -> Refusal | None:
    """The rule of the order itself, asked of a copy."""
    try:
        as_model(order).give_back("-", used=used, by=reader.asking.user_id, at=reader.now)
    except Refusal as refusal:
        return refusal
    return None


def _told(rules: Mapping[str, Refusal | None]) -> dict[str, Any]:
    return {name: refusal.message if refusal else None for name, refusal in rules.items()}
