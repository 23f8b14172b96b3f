"""People found across the tree: recipients of mail, and who has an address already."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from tortoise.expressions import Q

from models.companies import Company
from models.outbox import Notification
from models.users import User, UserRole

PRESENT = Q(removed_at__isnull=True)
MANAGING = Q(role__not=UserRole.LEARNER)


async def managers_of(company_id: UUID) -> list[User]:
    """Those who manage the company, as its managers or account managers."""
    return await User.filter(PRESENT & MANAGING, company_id=company_id).order_by("id")


async def account_managers_for(company: Company) -> list[User]:
    """The company's account manager; if there is none, all account managers of its parent.

    The root has nobody above it: its own are asked.
    """
    if company.account_manager_id is not None:
        mailed = Q(id=company.account_manager_id)
    else:
        mailed = Q(company_id=company.parent_id or company.id) & MANAGING
    return await User.filter(PRESENT & mailed, company__is_archived=False).order_by("id")


async def present(user_id: UUID | None) -> list[User]:
    """That person, unless there is none or they have been removed."""
    return await User.filter(PRESENT, id=user_id) if user_id else []


async def erase_recipient(erased: Sequence[User]) -> None:
    """Take the addresses of erased people out of the mails that were promised to them."""
    for user in erased:
        await Notification.filter(user_id=user.id).update(recipient=user.email, token=None)


async def taken(email_keys: Iterable[str]) -> dict[str, User]:
    """Who has these addresses, anywhere on the platform."""
    found = await User.filter(PRESENT, email_key__in=list(email_keys))
    return {user.email_key: user for user in found}
