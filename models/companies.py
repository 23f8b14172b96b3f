"""Companies: one tree, each with one parent."""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from models import text
from models.base import SEPARATOR, Entity, PathField, is_within, sort_key
from models.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from uuid import UUID

    from models.users import User

LABEL_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
LABEL_LENGTH: Final = 8
STEP: Final = LABEL_LENGTH + len(SEPARATOR)
"""The characters that one level takes in a path."""
DEEPEST: Final = 200
"""Levels of the tree: an index row of PostgreSQL holds no longer path."""


class CompanyKind(StrEnum):
    VENDOR = "VENDOR"
    DISTRIBUTOR = "DISTRIBUTOR"
    PARTNER = "PARTNER"
    CUSTOMER = "CUSTOMER"


class CompanyStatus(StrEnum):
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class CompanyPlan(StrEnum):
    NONE = "NONE"
    TRIAL = "TRIAL"
    PREMIUM = "PREMIUM"
    MANAGED = "MANAGED"
    NFR = "NFR"


MAY_CREATE: Final[Mapping[CompanyKind, frozenset[CompanyKind]]] = {
    CompanyKind.VENDOR: frozenset(
        {CompanyKind.DISTRIBUTOR, CompanyKind.PARTNER, CompanyKind.CUSTOMER}
    ),
    CompanyKind.DISTRIBUTOR: frozenset({CompanyKind.PARTNER, CompanyKind.CUSTOMER}),
    CompanyKind.PARTNER: frozenset({CompanyKind.PARTNER, CompanyKind.CUSTOMER}),
    CompanyKind.CUSTOMER: frozenset(),
}
GETS_NFR: Final = frozenset({CompanyKind.DISTRIBUTOR, CompanyKind.PARTNER})

_COUNTRY: Final = re.compile(r"[A-Za-z]{2}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_MOST_EMPLOYEES: Final = 2**31 - 1


def new_label() -> str:
    """By chance, like order numbers: counting would tell of the others."""
    return "".join(secrets.choice(LABEL_ALPHABET) for _ in range(LABEL_LENGTH))


def depth(path: str) -> int:
    """Levels below the root; the root is 0."""
    return len(path) // STEP - 1


def ancestor_paths(path: str) -> list[str]:
    """The paths of the companies above, from the root down."""
    return [path[: STEP * level] for level in range(1, len(path) // STEP)]


class Company(Entity):
    parent: fields.ForeignKeyNullableRelation["Company"] = fields.ForeignKeyField(
        "models.Company", related_name="children", null=True, on_delete=fields.RESTRICT
    )
    kind = fields.CharEnumField(CompanyKind, max_length=16)
    name = fields.TextField()
    name_key = fields.TextField()
    path = PathField()
    plan = fields.CharEnumField(CompanyPlan, max_length=16, default=CompanyPlan.NONE)
    industry = fields.TextField(null=True)
    employee_count = fields.IntField(null=True)
    country = fields.TextField(null=True)
    language = fields.TextField(null=True)
    external_id = fields.TextField(null=True)
    account_manager: fields.ForeignKeyNullableRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="looks_after", null=True, on_delete=fields.RESTRICT
    )
    archived_at = fields.DatetimeField(null=True)
    is_archived = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    if TYPE_CHECKING:
        parent_id: UUID | None
        account_manager_id: UUID | None

    class Meta:
        table = "companies"
        constraints = (
            CheckConstraint(
                name="companies_root_is_vendor", check="(parent_id IS NULL) = (kind = 'VENDOR')"
            ),
            CheckConstraint(name="companies_archived", check="archived_at IS NULL OR is_archived"),
        )

    @classmethod
    def root(cls, name: str, *, at: datetime) -> Self:
        company = cls(
            kind=CompanyKind.VENDOR,
            path=new_label() + SEPARATOR,
            created_at=at,
            updated_at=at,
        )
        company._rename(name)
        return company

    @classmethod
    def under(cls, parent: "Company", kind: CompanyKind, name: str, *, at: datetime) -> Self:
        """A new company beneath `parent`. Raises InvalidInput if the kinds do not fit."""
        _must_fit(parent, kind, ("kind",))
        _must_be_shallow(depth(parent.path) + 1, ("parent_id",))
        company = cls(
            parent_id=parent.id,
            kind=kind,
            plan=CompanyPlan.NFR if kind in GETS_NFR else CompanyPlan.NONE,
            path=parent.path + new_label() + SEPARATOR,
            created_at=at,
            updated_at=at,
        )
        company._rename(name)
        return company

    @property
    def label(self) -> str:
        return self.path[-STEP:]

    @property
    def status(self) -> CompanyStatus:
        return CompanyStatus.ARCHIVED if self.is_archived else CompanyStatus.ACTIVE

    @property
    def is_managed(self) -> bool:
        return self.plan is CompanyPlan.MANAGED

    def update(self, given: Mapping[str, Any], *, at: datetime) -> bool:
        """Set what is given of the descriptive fields; true if anything changed.

        Raises InvalidInput for a value that does not fit, and for null where there must be one.
        """
        values = {name: _TAKE_IN[name](value) for name, value in given.items()}
        if "name" in values:
            values["name_key"] = sort_key(values["name"])
        return self.change(at, **values)

    def move_under(self, parent: "Company", *, deepest: int, at: datetime) -> None:
        """Hang this company beneath `parent`; `deepest` is the longest path in its subtree."""
        if is_within(parent.path, self.path):
            raise InvalidInput("A company cannot be moved beneath itself.", ("new_parent_id",))
        _must_fit(parent, self.kind, ("new_parent_id",))
        _must_be_shallow(
            depth(parent.path) + 1 + (deepest - len(self.path)) // STEP, ("new_parent_id",)
        )
        self.change(at, parent_id=parent.id, path=parent.path + self.label)

    def archive(self, *, at: datetime) -> bool:
        """True if it was not archived itself yet."""
        if self.archived_at is not None:
            return False
        return self.change(at, archived_at=at, is_archived=True)

    def restore(self, *, parent_is_archived: bool, at: datetime) -> bool:
        """True if it was archived. Raises Conflict where a company above still is."""
        if parent_is_archived:
            raise Conflict(
                "A company above this one is archived: restore that one first.", ("company_id",)
            )
        if self.archived_at is None:
            return False
        return self.change(at, archived_at=None, is_archived=False)

    def follow_order(self, plan: CompanyPlan, *, at: datetime) -> bool:
        """An order of that type was assigned; PREMIUM does not take a MANAGED company back."""
        if plan is CompanyPlan.NFR or (self.is_managed and plan is CompanyPlan.PREMIUM):
            return False
        return self.change(at, plan=plan)

    def _rename(self, name: str) -> None:
        self.name = text.required_name(name, ("name",))
        self.name_key = sort_key(self.name)


def _must_fit(parent: Company, kind: CompanyKind, path: tuple[str, ...]) -> None:
    if kind not in MAY_CREATE[parent.kind]:
        raise InvalidInput(f"A {kind.lower()} cannot be beneath a {parent.kind.lower()}.", path)


def _must_be_shallow(level: int, path: tuple[str, ...]) -> None:
    if level > DEEPEST:
        raise InvalidInput(f"The tree is at most {DEEPEST} levels deep.", path)


def _name(value: str | None) -> str:
    if value is None:
        raise InvalidInput("A company must have a name.", ("name",))
    return text.required_name(value, ("name",))


def _employee_count(value: int | None) -> int | None:
    if value is not None and not 0 <= value <= _MOST_EMPLOYEES:
        raise InvalidInput("A number of employees is 0 or more.", ("employee_count",))
    return value


def _country(value: str | None) -> str | None:
    value = text.optional_line(value, ("country",))
    if value is not None and not _COUNTRY.fullmatch(value):
        raise InvalidInput("A country is two letters: ISO 3166-1 alpha-2.", ("country",))
    return value and value.upper()


def _language(value: str | None) -> str | None:
    value = text.optional_line(value, ("language",))
    if value is not None and not _LANGUAGE.fullmatch(value):
        raise InvalidInput("A language is a BCP 47 tag, such as en or pt-BR.", ("language",))
    return value


_TAKE_IN: Final[Mapping[str, Any]] = {
    "name": _name,
    "industry": lambda value: text.optional_line(value, ("industry",)),
    "employee_count": _employee_count,
    "country": _country,
    "language": _language,
    "external_id": lambda value: text.optional_line(value, ("external_id",)),
}
