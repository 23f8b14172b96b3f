"""Sessions (who may ask, until when), set-password links, and the tallies of attempts.

Only hashes of tokens are kept.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from models import text
from models.base import Entity
from models.companies import Company
from models.users import User

SESSION_HOURS: Final = timedelta(hours=12)
MANAGE_HOURS: Final = timedelta(hours=1)
WELCOME_LINK: Final = timedelta(days=7)
RESET_LINK: Final = timedelta(hours=1)
RESET_PAUSE: Final = timedelta(minutes=30)
WRONG_PASSWORDS: Final = 5
LOCKED_FOR: Final = timedelta(minutes=10)
DUPLICATES_A_DAY: Final = 100


def new_token() -> str:
    """256 bits by chance."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Tokens are long and random, so that a plain SHA-256 is no easier to invert than to guess."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


class Session(Entity):
    """A sign-in, or with a `company` a stay in manage mode."""

    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="sessions", on_delete=fields.RESTRICT
    )
    token_hash = fields.CharField(max_length=64)
    entered_from: fields.ForeignKeyNullableRelation["Session"] = fields.ForeignKeyField(
        "models.Session", related_name="entered", null=True, on_delete=fields.RESTRICT
    )
    company: fields.ForeignKeyNullableRelation[Company] = fields.ForeignKeyField(
        "models.Company", related_name="manage_sessions", null=True, on_delete=fields.RESTRICT
    )
    reason = fields.TextField(null=True)
    started_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    if TYPE_CHECKING:
        user_id: UUID
        entered_from_id: UUID | None
        company_id: UUID | None

    class Meta:
        table = "sessions"
        constraints = (
            CheckConstraint(
                name="sessions_managed", check="(company_id IS NULL) = (entered_from_id IS NULL)"
            ),
        )

    @classmethod
    def sign_in(cls, user_id: UUID, token: str, *, at: datetime) -> Self:
        return cls(
            user_id=user_id,
            token_hash=digest(token),
            started_at=at,
            expires_at=at + SESSION_HOURS,
        )

    @classmethod
    def manage(
        cls,
        company: Company,
        token: str,
        *,
        user_id: UUID,
        entered_from_id: UUID,
        reason: str | None,
        at: datetime,
    ) -> Self:
        return cls(
            user_id=user_id,
            token_hash=digest(token),
            entered_from_id=entered_from_id,
            company_id=company.id,
            reason=text.note(reason, ("reason",)),
            started_at=at,
            expires_at=at + MANAGE_HOURS,
        )


class LinkPurpose(StrEnum):
    WELCOME = "WELCOME"
    RESET = "RESET"


class PasswordLink(Entity):
    """A link that sets a password: works once, and ends when a newer one is made."""

    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="password_links", on_delete=fields.RESTRICT
    )
    purpose = fields.CharEnumField(LinkPurpose, max_length=8)
    token_hash = fields.CharField(max_length=64)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    if TYPE_CHECKING:
        user_id: UUID

    class Meta:
        table = "password_links"

    @classmethod
    def make(cls, user: User, purpose: LinkPurpose, token: str, *, at: datetime) -> Self:
        lasts = WELCOME_LINK if purpose is LinkPurpose.WELCOME else RESET_LINK
        return cls(
            user_id=user.id,
            purpose=purpose,
            token_hash=digest(token),
            created_at=at,
            expires_at=at + lasts,
        )


class TallyKind(StrEnum):
    WRONG_PASSWORDS = "WRONG_PASSWORDS"
    DUPLICATES = "DUPLICATES"
    RATE = "RATE"


class Tally(Entity):
    """How often something was refused: what a refused call may leave behind.

    `subject` is a digest of the address, or the id of the company. A RATE is how often something
    was asked in a window of the clock that ends at `until`, by all processes.
    """

    kind = fields.CharEnumField(TallyKind, max_length=16)
    subject = fields.CharField(max_length=64)
    count = fields.IntField()
    until = fields.DatetimeField()

    class Meta:
        table = "tallies"
