"""People: one email, one user, on the whole platform."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from models import text
from models.base import Entity, PathField, sort_key
from models.companies import Company, CompanyKind
from models.errors import Conflict, InvalidInput, Path
from models.rows import TOLD_TOGETHER

if TYPE_CHECKING:
    from uuid import UUID


class UserRole(StrEnum):
    LEARNER = "LEARNER"
    MANAGER = "MANAGER"
    ACCOUNT_MANAGER = "ACCOUNT_MANAGER"


class UserStatus(StrEnum):
    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    REMOVED = "REMOVED"


def managing_role(kind: CompanyKind) -> UserRole:
    """What a manager is called in a company of that kind."""
    return UserRole.MANAGER if kind is CompanyKind.CUSTOMER else UserRole.ACCOUNT_MANAGER


class User(Entity):
    company: fields.ForeignKeyRelation[Company] = fields.ForeignKeyField(
        "models.Company", related_name="users", on_delete=fields.RESTRICT
    )
    path = PathField()
    email = fields.TextField()
    email_key = fields.TextField()
    first_name = fields.TextField(default="")
    last_name = fields.TextField(default="")
    name_key = fields.TextField(default="")
    department = fields.TextField(null=True)
    external_id = fields.TextField(null=True)
    role = fields.CharEnumField(UserRole, max_length=16, default=UserRole.LEARNER)
    password_hash = fields.TextField(null=True)
    muted_templates: Any = fields.JSONField(default=list)
    last_sign_in_at = fields.DatetimeField(null=True)
    removed_at = fields.DatetimeField(null=True)
    erased_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    if TYPE_CHECKING:
        company_id: UUID

    class Meta:
        table = "users"
        constraints = (
            CheckConstraint(
                name="users_erased_are_removed", check="erased_at IS NULL OR removed_at IS NOT NULL"
            ),
            CheckConstraint(
                name="users_removed_cannot_sign_in",
                check="removed_at IS NULL OR password_hash IS NULL",
            ),
        )

    @classmethod
    def join(
        cls,
        company: Company,
        person: Mapping[str, Any],
        *,
        at: datetime,
        role: UserRole = UserRole.LEARNER,
        path: Path = (),
    ) -> Self:
        """A new person of `company`, from an email and what else is known. Raises InvalidInput."""
        user = cls(
            company_id=company.id, path=company.path, role=role, created_at=at, updated_at=at
        )
        user.update({**person, "email": person.get("email")}, at=at, path=path)
        return user

    @property
    def name(self) -> str:
        """The full name, or the address of one whose name nobody gave."""
        [name] = full_names([self.first_name], [self.last_name], [self.email])
        return name

    @property
    def status(self) -> UserStatus:
        if self.removed_at is not None:
            return UserStatus.REMOVED
        return UserStatus.ACTIVE if self.password_hash else UserStatus.INVITED

    @property
    def is_manager(self) -> bool:
        return self.role is not UserRole.LEARNER

    def update(self, given: Mapping[str, Any], *, at: datetime, path: Path = ()) -> bool:
        """Set what is given; true if anything changed. Raises InvalidInput, Conflict."""
        if self.removed_at is not None:
            raise Conflict("This user has been removed: add them anew.", ("user_id",))
        values = taken_in(given, path)
        if "email" in values:
            values["email_key"] = text.email_key(values["email"])
        changed = self.change(at, **values)
        self.name_key = sort_key(self.name)
        return changed

    def become(self, role: UserRole, *, at: datetime) -> bool:
        return self.change(at, role=role)

    def mute(self, templates: Iterable[str], *, at: datetime) -> bool:
        """Set the templates that are not mailed; true if they differ from before."""
        return self.change(at, muted_templates=sorted(set(templates)))

    def remove(self, *, at: datetime) -> bool:
        """True if the user was there; history stays, signing in ends."""
        if self.removed_at is not None:
            return False
        return self.change(at, removed_at=at, password_hash=None)

    def erase(self, *, at: datetime) -> bool:
        """Replace what identifies the person, for good; the id stays."""
        if self.erased_at is not None:
            return False
        address = f"erased-{self.id.hex}@invalid"
        return self.change(
            at,
            email=address,
            email_key=address,
            first_name="Erased",
            last_name="user",
            name_key=sort_key("Erased user"),
            department=None,
            external_id=None,
            password_hash=None,
            muted_templates=[],
            erased_at=at,
        )


def full_names(first: Iterable[str], last: Iterable[str], emails: Iterable[str]) -> list[str]:
    names = [f"{one} {other}".strip() for one, other in zip(first, last, strict=True)]
    if "" not in names:
        return names
    return [name or email for name, email in zip(names, emails, strict=True)]


TOLD_TOGETHER[User] = {
    "name": lambda column: full_names(column("first_name"), column("last_name"), column("email"))
}


def taken_in(given: Mapping[str, Any], path: Path = ()) -> dict[str, Any]:
    """What is told of a person, as it is kept. Raises InvalidInput."""
    return {name: _TAKE_IN[name](value, (*path, name)) for name, value in given.items()}


def _email(value: str | None, path: Path) -> str:
    if value is None:
        raise InvalidInput("An email address is needed.", path)
    return text.email(value, path)


def _part_of_name(value: str | None, path: Path) -> str:
    if value is None:
        raise InvalidInput("A name may be empty, and not null.", path)
    return text.name(value, path)


def _optional(value: str | None, path: Path) -> str | None:
    return text.optional_line(value, path)


_TAKE_IN: Final[Mapping[str, Any]] = {
    "email": _email,
    "first_name": _part_of_name,
    "last_name": _part_of_name,
    "department": text.optional_name,
    "external_id": _optional,
}
