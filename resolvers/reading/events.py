"""What was done: events, and the sentence that sums one up."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Unpack
from uuid import UUID

from tortoise.expressions import Q, Subquery

from models.access import visible
from models.audit import LONGEST_ACTION, AuditEvent, Subject
from models.base import Entity, within
from models.companies import Company
from models.licenses import License
from models.orders import Order
from models.sessions import Session
from models.tokens import ApiToken
from models.users import User
from models.webhooks import WebhookEndpoint
from resolvers.reading.companies import company_by_id
from resolvers.reading.filters import Words, same, text, time
from resolvers.reading.licenses import license_by_id
from resolvers.reading.orders import order_by_id
from resolvers.reading.pages import Listing
from resolvers.reading.people import person
from resolvers.reading.reader import Batch, Reader
from resolvers.reading.sentences import sentence
from resolvers.reading.sessions import manage_session_by_id
from resolvers.reading.sql import NOTHING, by_column, rows_with
from resolvers.reading.tokens import api_token_by_id
from resolvers.reading.users import user_by_id
from resolvers.reading.webhooks import endpoint_by_id
from resolvers.reading.windows import Asked, Sort, SortDirection
from resolvers.reading.within import Within

MODELS: Final[Mapping[Subject, type[Entity]]] = {
    Subject.COMPANY: Company,
    Subject.USER: User,
    Subject.ORDER: Order,
    Subject.LICENSE: License,
    Subject.MANAGE_SESSION: Session,
    Subject.API_TOKEN: ApiToken,
    Subject.WEBHOOK_ENDPOINT: WebhookEndpoint,
}
BY_ID: Final[Mapping[Subject, Batch]] = {
    Subject.COMPANY: company_by_id,
    Subject.USER: user_by_id,
    Subject.ORDER: order_by_id,
    Subject.LICENSE: license_by_id,
    Subject.MANAGE_SESSION: manage_session_by_id,
    Subject.API_TOKEN: api_token_by_id,
    Subject.WEBHOOK_ENDPOINT: endpoint_by_id,
}


def _is_about(reader: Reader, subject: tuple[str, UUID]) -> Q:
    """Only where the reader sees the subject."""
    name, id = subject
    if name not in MODELS:
        return NOTHING
    seen = visible(MODELS[Subject(name)], reader.caller).filter(id=id)
    return Q(subject_type=name, subject_id__in=Subquery(seen.values("id")))


def _is_by(reader: Reader, user_id: UUID) -> Q:
    """Only where the reader sees the actor, or is the actor."""
    caller = reader.asking
    seen = within(caller.path, "actor__path") | Q(actor_id=caller.user_id)
    return Q(actor_id=user_id) & seen


EVENTS: Final = Listing(
    AuditEvent,
    sorts={"AT": Sort("at")},
    default=("AT", SortDirection.DESC),
    words=Words(
        {
            "action": text("action", LONGEST_ACTION),
            "company_id": same("company_id"),
            "subject_id": _is_about,
            "actor_id": _is_by,
            "at": time("at"),
            "manage_mode": lambda reader, value: Q(on_behalf_of_id__isnull=not value),
        }
    ),
)


async def event_by_id(reader: Reader, ids: Sequence[Any]) -> Mapping[Any, AuditEvent]:
    return by_column(await rows_with(visible(AuditEvent, reader.caller), "id", ids))


async def events(reader: Reader, keys: Sequence[Any], **asked: Unpack[Asked]) -> Mapping[Any, Any]:
    return await EVENTS.pages(reader, keys, Within("auditEvents"), asked)


async def subjects(reader: Reader, keys: Sequence[AuditEvent]) -> Mapping[Any, Any]:
    """What each event is about; left out where it is out of sight."""
    ids: dict[Subject, list[UUID]] = {}
    for event in keys:
        if event.subject_id is not None:
            ids.setdefault(event.subject_type, []).append(event.subject_id)
    found = {kind: await BY_ID[kind](reader, theirs) for kind, theirs in ids.items()}
    return {
        event: found[event.subject_type].get(event.subject_id)
        for event in keys
        if event.subject_type in found
    }


async def summaries(reader: Reader, keys: Sequence[AuditEvent]) -> Mapping[AuditEvent, str]:
    """A sentence of what the reader may know; made when asked, so that erasure reaches it."""
    actors = await person(reader, [event.actor_id for event in keys if event.actor_id])
    companies = await company_by_id(reader, [event.company_id for event in keys])
    about = await subjects(reader, keys)
    return {
        event: sentence(
            event,
            actors[event.actor_id].name if event.actor_id in actors else None,
            companies[event.company_id].name,
            about.get(event),
        )
        for event in keys
        if event.company_id in companies
    }
