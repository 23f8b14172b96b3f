"""API tokens: how a program acts in the name of the person who made it. Only hashes are kept."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from models import text
from models.base import Entity
from models.companies import Company
from models.errors import InvalidInput
from models.sessions import digest, new_token
from models.users import User

MARK: Final = "cnp_"
SHOWN: Final = len(MARK) + 8
"""Characters that tell tokens apart; what is left unsaid is beyond guessing."""
NOTED_EVERY: Final = timedelta(minutes=1)


class ApiScope(StrEnum):
    READ = "READ"
    COMPANIES_WRITE = "COMPANIES_WRITE"
    USERS_WRITE = "USERS_WRITE"
    ORDERS_REQUEST = "ORDERS_REQUEST"
    ORDERS_ASSIGN = "ORDERS_ASSIGN"
    LICENSES_ALLOCATE = "LICENSES_ALLOCATE"
    WEBHOOKS_WRITE = "WEBHOOKS_WRITE"


def new_secret() -> str:
    return MARK + new_token()


_LENGTH: Final = len(new_secret())


def is_secret(token: str) -> bool:
    """Whether it has the form of an API token; an access token may begin alike by chance."""
    return token.startswith(MARK) and len(token) == _LENGTH


class ApiToken(Entity):
    """What a program asks with: belongs to a company, and acts in its creator's name."""

    name = fields.TextField()
    prefix = fields.CharField(max_length=16)
    token_hash = fields.CharField(max_length=64)
    scopes: Any = fields.JSONField()
    company: fields.ForeignKeyRelation[Company] = fields.ForeignKeyField(
        "models.Company", related_name="api_tokens", on_delete=fields.RESTRICT
    )
    created_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="api_tokens", on_delete=fields.RESTRICT
    )
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    if TYPE_CHECKING:
        company_id: UUID
        created_by_id: UUID

    class Meta:
        table = "api_tokens"
        constraints = (
            CheckConstraint(
                name="api_tokens_expire_after_creation", check="expires_at > created_at"
            ),
        )

    @classmethod
    def make(
        cls,
        company: Company,
        name: str,
        scopes: Iterable[ApiScope],
        secret: str,
        *,
        created_by_id: UUID,
        expires_at: datetime | None,
        at: datetime,
    ) -> Self:
        """Raises InvalidInput."""
        given = set(scopes)
        if not given:
            raise InvalidInput("Name at least one scope.", ("scopes",))
        if expires_at is not None and expires_at <= at:
            raise InvalidInput(
                "This is past already: name a time to come, or none.", ("expires_at",)
            )
        return cls(
            name=text.required_name(name, ("name",)),
            prefix=secret[:SHOWN],
            token_hash=digest(secret),
            scopes=[scope for scope in ApiScope if scope in given],
            company_id=company.id,
            created_by_id=created_by_id,
            created_at=at,
            expires_at=expires_at,
        )

    def revoke(self, *, at: datetime) -> bool:
        """True if it had not ended yet."""
        if self.revoked_at is not None:
            return False
        self.revoked_at = at
        return True
