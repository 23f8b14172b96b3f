"""Companies: create, update, move, archive, restore."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from models.access import Action, known, visible
from models.base import is_within
from models.companies import GETS_NFR, Company, CompanyKind
from models.errors import Conflict, Forbidden, InvalidInput, NotFound
from models.licenses import NFR_GRANT, LicenseType
from models.orders import Order, OrderOrigin, may_request
from models.people import account_managers_for
from models.sessions import LinkPurpose
from models.tree import deepest, refile, settle
from models.users import User, UserRole, managing_role
from models.webhooks import WebhookEvent
from resolvers import notices
from resolvers.orders import assign, on_behalf_of, tell_requested
from resolvers.people import Person, make_link, take_in
from resolvers.performing import reshapes_tree
from resolvers.sessions import end_sessions_within
from resolvers.work import Work


@dataclass(frozen=True, slots=True)
class FirstOrder:
    """Licenses ordered with the company."""

    license_type: LicenseType
    quantity: int
    purchase_order: str | None = None
    assign: bool = True


@dataclass(frozen=True, slots=True)
class Created:
    company_id: UUID
    order_id: UUID | None


async def create_vendor(work: Work, name: str, person: Person) -> tuple[UUID, str]:
    """The root company and its first account manager; the token of a set-password link.

    Raises Conflict where there is a root already.
    """
    if await Company.exists(parent_id=None):
        raise Conflict("There is a vendor already: one tree has one root.")
    company = Company.root(name, at=work.now)
    await company.save(force_create=True)
    user = User.join(company, person.given, at=work.now, role=UserRole.ACCOUNT_MANAGER)
    await user.save(force_create=True)
    work.audit("company.created", company, company)
    work.audit("manager.added", company, user)
    return user.id, await make_link(work, user, LinkPurpose.WELCOME)


async def create_company(
    work: Work,
    parent_id: UUID | None,
    kind: CompanyKind,
    name: str,
    details: dict[str, Any],
    account_manager_id: UUID | None = None,
    manager: Person | None = None,
    order: FirstOrder | None = None,
) -> Created:
    """A company with its manager, order, licenses and mails: all come to be, or none."""
    parent = await work.find(Company, parent_id or work.caller.company_id, ("parent_id",))
    work.require(Action.CREATE_COMPANY, parent)
    if manager is not None and work.caller.token_id is not None:
        raise Forbidden(
            "API tokens make no managers: leave it out, and add one signed in.", ("manager",)
        )
    company = Company.under(parent, kind, name, at=work.now)
    company.update(details, at=work.now)
    company.account_manager_id = work.caller.user_id
    if account_manager_id is not None:
        company.account_manager_id = await _account_manager(work, company, account_manager_id)
    await company.save(force_create=True)
    work.audit("company.created", company, company)
    work.publish(WebhookEvent.COMPANY_CREATED, company)
    managers = await _first_manager(work, company, manager) if manager else []
    if kind in GETS_NFR:
        await _grant_nfr(work, company)
    placed = await _first_order(work, company, order, managers) if order else None
    return Created(company.id, placed)


async def update_company(work: Work, company_id: UUID, given: dict[str, Any]) -> UUID:
    """Change what describes the company; its account manager only from above."""
    company = await work.lock_company(company_id)
    work.require(Action.UPDATE_COMPANY, company)
    details = dict(given)
    changed = False
    if "account_manager_id" in details:
        work.require(Action.SET_ACCOUNT_MANAGER, company)
        chosen = details.pop("account_manager_id")
        if chosen is not None:
            chosen = await _account_manager(work, company, chosen)
        changed = company.change(work.now, account_manager_id=chosen)
    if company.update(details, at=work.now) or changed:
        await company.save()
        work.audit("company.updated", company, company, fields=sorted(given))
    return company.id


@reshapes_tree
async def move_company(work: Work, company_id: UUID, new_parent_id: UUID) -> UUID:
    """Hang a company, with all beneath it, under another one that the caller controls too."""
    company = await work.lock_company(company_id)
    work.require(Action.MOVE_COMPANY, company)
    parent = await work.find(Company, new_parent_id, ("new_parent_id",))
    if company.parent_id == parent.id:
        return company.id
    work.require(Action.CREATE_COMPANY, parent)
    old_path, old_parent = company.path, company.parent_id
    company.move_under(parent, deepest=await deepest(old_path), at=work.now)
    await refile(old_path, company.path, work.now)
    await company.save(update_fields=["parent_id", "updated_at"])
    await settle(company.path, work.now)
    work.audit("company.moved", company, company, old=str(old_parent), new=str(parent.id))
    return company.id


@reshapes_tree
async def archive_company(work: Work, company_id: UUID) -> UUID:
    """Stop everything in a company and beneath it; nothing is deleted."""
    company = await work.lock_company(company_id)
    work.require(Action.ARCHIVE_COMPANY, company)
    if company.archive(at=work.now):
        await company.save(update_fields=["archived_at", "is_archived", "updated_at"])
        await settle(company.path, work.now)
        await end_sessions_within(company.path, work.now)
        work.audit("company.archived", company, company)
    return company.id


@reshapes_tree
async def restore_company(work: Work, company_id: UUID) -> UUID:
    """Let a company work again, and what is beneath it unless archived itself."""
    company = await work.lock_company(company_id)
    work.require(Action.ARCHIVE_COMPANY, company)
    if company.is_archived:
        above = visible(Company, work.caller, by_key=True).filter(
            id=company.parent_id, is_archived=True
        )
        if company.restore(parent_is_archived=await above.exists(), at=work.now):
            await company.save(update_fields=["archived_at", "is_archived", "updated_at"])
            await settle(company.path, work.now)
            work.audit("company.restored", company, company)
    return company.id


async def _account_manager(work: Work, company: Company, user_id: UUID) -> UUID:
    """Raises NotFound, and InvalidInput for one who is no account manager of a company above."""
    path = ("account_manager_id",)
    people = known(User, work.caller).select_for_update(no_key=True)
    user = await people.get_or_none(id=user_id, removed_at__isnull=True)
    if user is None:
        raise NotFound("user", path)
    is_above = is_within(company.path, user.path) and company.path != user.path
    if user.role is not UserRole.ACCOUNT_MANAGER or not is_above:
        raise InvalidInput("This is no account manager of a company above.", path)
    return user.id


async def _first_manager(work: Work, company: Company, person: Person) -> list[User]:
    users = await take_in(work, company, [(("manager",), person)], managing_role(company.kind))
    for user in users:
        token = await make_link(work, user, LinkPurpose.WELCOME)
        work.audit("manager.added", company, user)
        work.notify(notices.welcome(company, token), to=[user])
    return users


async def _grant_nfr(work: Work, company: Company) -> None:
    order = Order.place(
        company,
        LicenseType.NFR,
        NFR_GRANT,
        OrderOrigin.NFR_GRANT,
        by=work.caller.user_id,
        at=work.now,
        on_behalf_of=on_behalf_of(work, company),
    )
    await order.save(force_create=True)
    await assign(work, order, company, None, to=[])


async def _first_order(
    work: Work, company: Company, asked: FirstOrder, managers: list[User]
) -> UUID:
    trial = (LicenseType.TRIAL,) if company.kind is CompanyKind.CUSTOMER else ()
    allowed = (*may_request(company.kind), *trial)
    if asked.license_type not in allowed:
        raise InvalidInput(
            f"A {company.kind.lower()} can be created on {' or '.join(allowed)}.",
            ("order", "license_type"),
        )
    try:
        order = Order.place(
            company,
            asked.license_type,
            asked.quantity,
            OrderOrigin.COMPANY_CREATION,
            by=work.caller.user_id,
            at=work.now,
            purchase_order=asked.purchase_order,
            on_behalf_of=on_behalf_of(work, company),
        )
    except InvalidInput as fault:
        raise InvalidInput(fault.message, ("order", *(fault.path or ()))) from fault
    await order.save(force_create=True)
    tell_requested(work, company, order)
    if asked.assign:
        work.require(Action.ASSIGN_ORDER, company)
        await assign(work, order, company, None, to=managers)
    else:
        work.notify(notices.order_requested(company, order), to=await account_managers_for(company))
    return order.id
