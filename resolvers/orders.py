"""Orders: request, update, assign, decline, cancel, return."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tortoise.expressions import Subquery

from models.access import Action, Reach, visible
from models.base import is_within
from models.companies import Company, CompanyPlan
from models.deadlines import settle_expiry
from models.errors import Conflict, InvalidInput
from models.licenses import EXPIRING, Allocation, License, LicenseType, ReleaseReason
from models.orders import OPEN, Order, OrderOrigin, is_upgraded, may_request
from models.outbox import NotificationTemplate
from models.people import account_managers_for, managers_of, present
from models.pool import mint
from models.users import User
from models.webhooks import WebhookEvent
from resolvers import notices
from resolvers.work import Work

SIMILAR_WITHIN: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Requested:
    order_id: UUID
    similar: list[UUID]


async def request_licenses(
    work: Work,
    company_id: UUID | None,
    license_type: LicenseType,
    quantity: int,
    purchase_order: str | None = None,
    note: str | None = None,
) -> Requested:
    """Ask the company above for licenses, and tell the account manager."""
    company = await work.lock_company(company_id)
    work.require(Action.REQUEST_LICENSES, company)
    _must_be_requestable(company, license_type)
    similar = await _similar(work, company, license_type, quantity)
    order = Order.place(
        company,
        license_type,
        quantity,
        await _origin(work, company, license_type),
        by=work.caller.user_id,
        at=work.now,
        purchase_order=purchase_order,
        note=note,
        on_behalf_of=on_behalf_of(work, company),
    )
    await _save_request(work, company, order)
    return Requested(order.id, similar)


async def upgrade_trial(
    work: Work,
    company_id: UUID | None,
    license_type: LicenseType,
    quantity: int | None = None,
    purchase_order: str | None = None,
) -> UUID:
    """Ask for licenses that replace the trial, by default one for each of its learners."""
    company = await work.lock_company(company_id)
    work.require(Action.REQUEST_LICENSES, company)
    _must_be_requestable(company, license_type)
    trial = visible(License, work.caller, by_key=True).filter(
        company_id=company.id, type=LicenseType.TRIAL, voided_at__isnull=True
    )
    upgraded = visible(Order, work.caller, by_key=True).filter(is_upgraded(), company_id=company.id)
    if not await trial.exists() or await upgraded.exists():
        raise Conflict("This company has no trial to upgrade: request licenses.", ("company_id",))
    if quantity is None:
        held = Subquery(trial.filter(holder_id__isnull=False).values("holder_id"))
        holders = visible(User, work.caller, by_key=True).filter(
            id__in=held, removed_at__isnull=True
        )
        quantity = await holders.count()
        if quantity == 0:
            raise InvalidInput("No learner has a trial license: say how many.", ("quantity",))
    order = Order.place(
        company,
        license_type,
        quantity,
        OrderOrigin.TRIAL_UPGRADE,
        by=work.caller.user_id,
        at=work.now,
        purchase_order=purchase_order,
        on_behalf_of=on_behalf_of(work, company),
    )
    await _save_request(work, company, order)
    return order.id


async def update_order(work: Work, order_id: UUID, given: dict[str, Any]) -> UUID:
    """Change quantity, purchase order or note while nobody has acted on the request."""
    order, company = await _lock(work, order_id, Action.CHANGE_ORDER)
    before = {name: getattr(order, name) for name in ("quantity", "purchase_order", "note")}
    if order.update(at=work.now, **(before | given)):
        await order.save()
        work.audit("order.updated", company, order, number=order.number)
    return order.id


async def assign_order(work: Work, order_id: UUID, quantity: int | None = None) -> UUID:
    """Fulfil an order of a company beneath the caller's, and tell that company's managers."""
    order, company = await _lock(work, order_id, Action.ASSIGN_ORDER)
    await assign(work, order, company, quantity, to=await managers_of(company.id))
    return order.id


async def decline_order(work: Work, order_id: UUID, reason: str) -> UUID:
    """Refuse what is still open; what was assigned stays."""
    order, company = await _lock(work, order_id, Action.ASSIGN_ORDER)
    closed = order.open_quantity
    order.decline(reason, by=work.caller.user_id, at=work.now)
    await order.save()
    work.audit("order.declined", company, order, count=closed, number=order.number)
    work.publish(WebhookEvent.ORDER_DECLINED, company, order=order, count=closed)
    work.notify(
        notices.order_declined(company, order, closed),
        to=await _concerned(order),
        otherwise=await account_managers_for(company),
    )
    return order.id


async def cancel_order(work: Work, order_id: UUID, reason: str | None = None) -> UUID:
    """Take back what is still open; what was assigned stays."""
    order, company = await _lock(work, order_id, Action.CHANGE_ORDER)
    closed = order.open_quantity
    order.cancel(reason, by=work.caller.user_id, at=work.now)
    await order.save()
    work.audit("order.cancelled", company, order, count=closed, number=order.number)
    work.publish(WebhookEvent.ORDER_CANCELLED, company, order=order, count=closed)
    work.notify(
        notices.order_cancelled(company, order, closed),
        to=await _concerned(order) + await account_managers_for(company),
    )
    return order.id


async def return_order(work: Work, order_id: UUID, reason: str) -> UUID:
    """Give back an order of which nothing was ever allocated; its licenses become VOID."""
    order, company = await _lock(work, order_id, Action.ASSIGN_ORDER)
    used = await visible(Allocation, work.caller).filter(license__order_id=order.id).exists()
    order.give_back(reason, used=used, by=work.caller.user_id, at=work.now)
    await order.save()
    licenses = visible(License, work.caller, by_key=True).filter(order_id=order.id)
    await licenses.update(voided_at=work.now, updated_at=work.now)
    work.audit("order.returned", company, order, count=order.assigned_quantity, number=order.number)
    work.publish(WebhookEvent.ORDER_RETURNED, company, order=order, count=order.assigned_quantity)
    work.notify(
        notices.order_returned(company, order),
        to=await _concerned(order) + await account_managers_for(company),
    )
    return order.id


async def assign(
    work: Work, order: Order, company: Company, quantity: int | None, *, to: Iterable[User]
) -> None:
    """Mint licenses into the company's pool, and promise the mail that says so."""
    is_first = order.assigned_at is None
    count = order.assign(quantity, by=work.caller.user_id, at=work.now)
    await order.save()
    minted = await mint(order, count)
    if company.follow_order(CompanyPlan(order.license_type), at=work.now):
        await company.save(update_fields=["plan", "updated_at"])
    if is_first and order.origin is OrderOrigin.TRIAL_UPGRADE:
        await _end_trial(work, company)
    work.audit("order.assigned", company, order, count=count, number=order.number)
    work.publish(
        WebhookEvent.ORDER_ASSIGNED,
        company,
        order=order,
        license_ids=minted,
        expires_at=order.expires_at,
    )
    if order.origin is not OrderOrigin.NFR_GRANT:
        work.notify(
            notices.order_assigned(company, order, count),
            to=to,
            otherwise=await account_managers_for(company),
        )


def on_behalf_of(work: Work, company: Company) -> UUID | None:
    """The managed company in manage mode, else the ordering one when asked from above."""
    if work.caller.managing:
        return work.caller.company_id
    return company.id if _is_from_above(work, company) else None


def _is_from_above(work: Work, company: Company) -> bool:
    return work.caller.is_visiting or work.caller.reach(company.path) is Reach.BELOW


def tell_requested(work: Work, company: Company, order: Order) -> None:
    work.audit("order.requested", company, order, count=order.quantity, number=order.number)
    work.publish(WebhookEvent.ORDER_REQUESTED, company, order=order, count=order.quantity)


async def _save_request(work: Work, company: Company, order: Order) -> None:
    await order.save(force_create=True)
    tell_requested(work, company, order)
    work.notify(notices.order_requested(company, order), to=await account_managers_for(company))


async def _lock(work: Work, order_id: UUID, action: Action) -> tuple[Order, Company]:
    """A company is locked before its orders, by all alike."""
    order = await work.find(Order, order_id, ("order_id",))
    company = await work.lock_company(order.company_id)
    work.require(action, company)
    return await work.lock(Order, order_id, ("order_id",)), company


async def _concerned(order: Order) -> list[User]:
    """The requester, if the order is still theirs to see, and the managers who ordered."""
    requester = await present(order.requested_by_id)
    return [
        *(user for user in requester if user.is_manager and is_within(order.path, user.path)),
        *await managers_of(order.company_id),
    ]


async def _similar(
    work: Work, company: Company, license_type: LicenseType, quantity: int
) -> list[UUID]:
    found = visible(Order, work.caller, by_key=True).filter(
        company_id=company.id,
        license_type=license_type,
        quantity=quantity,
        status__in=OPEN,
        requested_at__gt=work.now - SIMILAR_WITHIN,
    )
    return [order.id for order in await found.order_by("-requested_at", "-id")]


async def _origin(work: Work, company: Company, license_type: LicenseType) -> OrderOrigin:
    running_out = visible(License, work.caller, by_key=True).filter(
        company_id=company.id,
        type=license_type,
        voided_at__isnull=True,
        expires_at__lte=work.now + EXPIRING,
    )
    if await running_out.exists():
        return OrderOrigin.RENEWAL
    if _is_from_above(work, company):
        return OrderOrigin.PARTNER_ON_BEHALF
    return OrderOrigin.CUSTOMER_REQUEST


async def _end_trial(work: Work, company: Company) -> None:
    """All trial licenses expire now; those who hold one have it no longer."""
    running = {"company_id": company.id, "expires_at__gt": work.now}
    trial = visible(License, work.caller, by_key=True).filter(
        type=LicenseType.TRIAL, voided_at__isnull=True, **running
    )
    stays = Allocation.filter(license_id__in=Subquery(trial.values("id")), released_at__isnull=True)
    latest = await trial.order_by("-assigned_at").first()
    if latest is None:
        return
    youngest = await stays.order_by("-allocated_at").first()
    begun = [latest.assigned_at, *([youngest.allocated_at] if youngest else [])]
    now = max(work.now, *begun)  # a clock may have been set back
    await stays.update(released_at=now, release_reason=ReleaseReason.UPGRADED)
    ended = await trial.update(expires_at=now, updated_at=work.now)
    orders = visible(Order, work.caller, by_key=True).filter(
        license_type=LicenseType.TRIAL, **running
    )
    work.changed(*await orders)
    await orders.update(expires_at=now, updated_at=work.now)
    work.audit("license.expired", company, count=ended, reason=ReleaseReason.UPGRADED)
    await settle_expiry(company.id, NotificationTemplate.TRIAL_EXPIRED, now)
    work.publish(WebhookEvent.LICENSES_EXPIRED, company, count=ended, expires_at=now)


def _must_be_requestable(company: Company, license_type: LicenseType) -> None:
    allowed = may_request(company.kind)
    if license_type not in allowed:
        raise InvalidInput(
            f"A {company.kind.lower()} can request {' or '.join(allowed)}, not {license_type}.",
            ("license_type",),
        )
