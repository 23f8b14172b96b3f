"""Audit events in plain English, of what the reader may know and nothing else."""

from collections.abc import Mapping
from typing import Any, Final

from models.audit import AuditEvent
from models.orders import Order
from models.rows import model_of
from models.users import User
from models.words import day

_BY_SOMEBODY: Final[Mapping[str, str]] = {
    "company.created": "created {company}",
    "company.updated": "updated {company}",
    "company.moved": "moved {company}",
    "company.archived": "archived {company}",
    "company.restored": "restored {company}",
    "user.added": "added {people} to {company}",
    "user.imported": "imported {people} into {company}",
    "user.updated": "updated {person} of {company}",
    "user.removed": "removed {people} from {company}",
    "user.erased": "erased {people} of {company}",
    "manager.added": "made {person} a manager of {company}",
    "manager.removed": "took {person} from the managers of {company}",
    "order.requested": "requested {licenses} for {company} ({order})",
    "order.updated": "changed {order} of {company}",
    "order.assigned": "assigned {licenses} to {company} ({order})",
    "order.declined": "declined {licenses} for {company} ({order})",
    "order.cancelled": "cancelled {licenses} for {company} ({order})",
    "order.returned": "returned {licenses} of {company} ({order})",
    "license.allocated": "allocated {licenses} in {company}",
    "license.released": "released {licenses} in {company}",
    "license.reallocated": "moved a license to another learner in {company}",
    "manage_mode.entered": "entered manage mode of {company}",
    "manage_mode.exited": "left manage mode of {company}",
    "session.signed_in": "signed in to {company}",
    "session.signed_out": "signed out of {company}",
    "api_token.created": "made an API token of {company}",
    "api_token.revoked": "revoked an API token of {company}",
    "webhook.created": "made a webhook of {company}",
    "webhook.updated": "changed a webhook of {company}",
    "webhook.deleted": "deleted a webhook of {company}",
    "webhook.redelivered": "sent a webhook of {company} again",
    "password.set": "set a new password",
    "preferences.updated": "changed what {person} is mailed",
    "export.downloaded": "downloaded {export} of {company}",
}
_BY_ITSELF: Final[Mapping[str, str]] = {
    "license.expired": "{licenses} of {company} expired{when}",
    "session.locked": "{person} of {company} was locked out after too many wrong passwords",
    "webhook.disabled": "A webhook of {company} was switched off after failing for three days",
}


def sentence(event: AuditEvent, actor: str | None, company: str, subject: Any) -> str:
    """`actor` and `subject` are None where the reader may not know them."""
    words = {
        "export": "a filtered export" if event.facts.get("filtered") else "an export",
        "company": company,
        "person": subject.name if model_of(subject) is User else "somebody",
        "people": _people(event, subject),
        "licenses": _number(event.count, "license", "licenses"),
        "when": f" on {day(event.facts['expiresAt'])}" if "expiresAt" in event.facts else "",
        "order": f"order {subject.number}" if model_of(subject) is Order else "an order",
    }
    if event.action in _BY_ITSELF:
        said = _BY_ITSELF[event.action].format(**words)
    else:
        what = _BY_SOMEBODY.get(event.action, "changed something in {company}")
        said = f"{actor or 'Somebody'} {what.format(**words)}"
    managing = " in manage mode" if event.on_behalf_of_id is not None else ""
    return f"{said[:1].upper()}{said[1:]}{managing}."


def _people(event: AuditEvent, subject: Any) -> str:
    if event.count in {None, 1} and model_of(subject) is User:
        name: str = subject.name
        return name
    return _number(event.count, "person", "people")


def _number(count: int | None, one: str, many: str) -> str:
    return many if count is None else f"{count:,} {one if count == 1 else many}"
