"""Mutations of licenses."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from models.licenses import LicenseType
from models.tokens import ApiScope
from resolvers import licenses
from resolvers.licenses import Learners, ShortagePolicy, Wanted
from resolvers.reading.by_id import prime
from resolvers.reading.licenses import license_by_id
from resolvers.reading.users import user_by_id
from schema.context import Info
from schema.edges import edge, edges
from schema.ids import key, keys, optional_key
from schema.inputs import ACTING, KEY, PREVIEW, optional, required, value, with_default
from schema.payloads import Payload, mutation
from schema.types import License, User

TYPE = "Only of that type."
SHORTAGE = "What if the pool is too small."


@strawberry.input(description="Learners by id, by email, or all whose license has expired.")
class AllocateLicensesInput:
    company_id: strawberry.ID | None = optional(ACTING)
    user_ids: list[strawberry.ID] | None = optional("Learners by id; at most 20,000.")
    emails: list[str] | None = optional("Learners by email; at most 20,000.")
    all_expired: bool | None = optional("All whose license has expired, by name.")
    license_type: LicenseType | None = optional(TYPE)
    order_id: strawberry.ID | None = optional("Only from that order.")
    on_shortage: ShortagePolicy = with_default(ShortagePolicy.FAIL, SHORTAGE)
    idempotency_key: str | None = optional(KEY)
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Take licenses back into their pools.")
class ReleaseLicensesInput:
    license_ids: list[strawberry.ID] = required("At most 20,000.")
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Move a license to another learner for the time that is left.")
class ReallocateLicenseInput:
    license_id: strawberry.ID = required("The license.")
    user_id: strawberry.ID = required("Who gets it: a learner of the same company.")
    idempotency_key: str | None = optional(KEY)
    preview: bool = with_default(False, PREVIEW)


@strawberry.type(description="The licenses handed out, and who is left without one.")
class AllocateLicensesPayload(Payload):
    license_ids: strawberry.Private[Sequence[UUID]] = ()
    already_licensed_ids: strawberry.Private[Sequence[UUID]] = ()
    without_license_ids: strawberry.Private[Sequence[UUID]] = ()
    licenses: list[License] = edges(
        license_by_id, "license_ids", description="The licenses handed out."
    )
    allocated: int = strawberry.field(default=0, description="How many were handed out.")
    shortage: int = strawberry.field(
        default=0, description="Learners left without one; also when refused for it."
    )
    without_license: list[User] = edges(
        user_by_id,
        "without_license_ids",
        description="With PARTIAL: the learners whom `shortage` counts.",
    )
    already_licensed: list[User] = edges(
        user_by_id,
        "already_licensed_ids",
        description="Named learners who hold a live license; left as they are. No error.",
    )
    unknown_emails: list[str] = strawberry.field(
        default_factory=list, description="Emails that are no user's of the company. No error."
    )


@strawberry.type(description="The licenses named, and who had them.")
class ReleaseLicensesPayload(Payload):
    license_ids: strawberry.Private[Sequence[UUID]] = ()
    user_ids: strawberry.Private[Sequence[UUID]] = ()
    licenses: list[License] = edges(
        license_by_id, "license_ids", description="The licenses, now free."
    )
    users: list[User] = edges(user_by_id, "user_ids", description="Who had them.")


@strawberry.type(description="The license with its new holder, or why it was not moved.")
class ReallocateLicensePayload(Payload):
    license_id: strawberry.Private[UUID | None] = None
    previous_user_id: strawberry.Private[UUID | None] = None
    license: License | None = edge(license_by_id, "license_id", description="The license.")
    previous_user: User | None = edge(
        user_by_id, "previous_user_id", description="Who had it before."
    )


@strawberry.type
class LicenseMutations:
    @mutation(
        "Tie free licenses to learners. The clock does not restart.", ApiScope.LICENSES_ALLOCATE
    )
    async def allocate_licenses(
        self, info: Info, input: AllocateLicensesInput
    ) -> AllocateLicensesPayload:
        user_ids, emails = value(input.user_ids), value(input.emails)
        done = await info.context.perform(
            licenses.allocate_licenses,
            optional_key("Company", input.company_id),
            Learners(
                keys("User", user_ids) if user_ids is not None else None,
                emails,
                bool(value(input.all_expired)),
            ),
            Wanted(
                value(input.license_type),
                optional_key("Order", input.order_id),
                input.on_shortage,
            ),
            how=input,
        )
        if not done.is_repeat:
            prime(info.context.reader, license_by_id, done.result.licenses)
        return AllocateLicensesPayload(
            license_ids=done.result.licenses,
            allocated=len(done.result.licenses),
            shortage=done.result.shortage,
            without_license_ids=done.result.without_license,
            already_licensed_ids=done.result.already_licensed,
            unknown_emails=[(emails or [])[place] for place in done.result.unknown_emails],
        )

    @mutation(
        "Take licenses back into their pools; they keep their expiry.", ApiScope.LICENSES_ALLOCATE
    )
    async def release_licenses(
        self, info: Info, input: ReleaseLicensesInput
    ) -> ReleaseLicensesPayload:
        done = await info.context.perform(
            licenses.release_licenses, keys("License", input.license_ids), how=input
        )
        return ReleaseLicensesPayload(license_ids=done.result.licenses, user_ids=done.result.users)

    @mutation(
        "Move a license to another learner for the time that is left.", ApiScope.LICENSES_ALLOCATE
    )
    async def reallocate_license(
        self, info: Info, input: ReallocateLicenseInput
    ) -> ReallocateLicensePayload:
        done = await info.context.perform(
            licenses.reallocate_license,
            key("License", input.license_id),
            key("User", input.user_id),
            how=input,
        )
        return ReallocateLicensePayload(
            license_id=done.result.license_id, previous_user_id=done.result.previous_user_id
        )
