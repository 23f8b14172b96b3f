"""What the viewer may do, and which rule says no."""

from collections.abc import Mapping
from typing import Self

import strawberry

from resolvers.reading.permissions import CompanyRules, OrderRules
from schema.edges import wraps


@strawberry.type(description="Whether something may be done.")
class Permission:
    allowed: bool = strawberry.field(description="Whether it may be done.")
    reason: str | None = strawberry.field(
        description="Which rule refuses, in words for a person. Null when allowed."
    )

    @classmethod
    def of(cls, reason: str | None) -> Self:
        return cls(allowed=reason is None, reason=reason)


def _all_of(reasons: Mapping[str, str | None]) -> dict[str, Permission]:
    return {name: Permission.of(reason) for name, reason in reasons.items()}


@strawberry.type(description="What the viewer may do in a company.")
class CompanyPermissions:
    update: Permission = strawberry.field(description="Change what describes it.")
    move: Permission = strawberry.field(description="Hang it beneath another company.")
    archive: Permission = strawberry.field(description="Archive or restore it.")
    create_company: Permission = strawberry.field(description="Create a company beneath it.")
    enter_manage_mode: Permission = strawberry.field(description="Work in it as its manager would.")
    request_licenses: Permission = strawberry.field(description="Request licenses for it.")
    upgrade_trial: Permission = strawberry.field(description="Replace its trial.")
    allocate_licenses: Permission = strawberry.field(
        description="Allocate, release and reallocate its licenses."
    )
    add_users: Permission = strawberry.field(description="Add, update and remove its users.")
    add_manager: Permission = strawberry.field(description="Add and remove its managers.")

    @classmethod
    def of(cls, rules: CompanyRules) -> Self:
        return cls(**_all_of(rules.reasons))


@strawberry.type(description="What the viewer may do with an order.")
class OrderPermissions:
    update: Permission = strawberry.field(description="Change what is asked for.")
    assign: Permission = strawberry.field(description="Assign it, wholly or in part.")
    decline: Permission = strawberry.field(description="Refuse what is still open.")
    cancel: Permission = strawberry.field(description="Take back what is still open.")
    return_: Permission = strawberry.field(name="return", description="Give it back.")

    @classmethod
    def of(cls, rules: OrderRules) -> Self:
        return cls(**_all_of(rules.reasons))


wraps(CompanyRules, CompanyPermissions.of)
wraps(OrderRules, OrderPermissions.of)
