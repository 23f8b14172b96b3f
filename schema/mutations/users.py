"""Mutations of people."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from models.licenses import LicenseType
from models.outbox import NotificationTemplate
from models.tokens import ApiScope
from resolvers import users
from resolvers.licenses import ShortagePolicy, Wanted
from resolvers.reading.licenses import license_by_id
from resolvers.reading.users import user_by_id
from schema.context import Info
from schema.edges import edge, edges
from schema.ids import key, keys, optional_key
from schema.inputs import (
    ACTING,
    KEY,
    PREVIEW,
    PersonInput,
    given,
    optional,
    required,
    value,
    with_default,
)
from schema.payloads import NotifyingPayload, Payload, mutation
from schema.scopes import Besides
from schema.types import License, User

PERSON = ("email", "first_name", "last_name", "department", "external_id")


@strawberry.input(description="New learners of a company.")
class AddUsersInput:
    company_id: strawberry.ID | None = optional(ACTING)
    users: list[PersonInput] = required("At most 20,000.")
    allocate: bool = with_default(True, "Give each a license.")
    license_type: LicenseType | None = optional("Only of that type.")
    on_shortage: ShortagePolicy = with_default(
        ShortagePolicy.FAIL, "What if the pool is too small."
    )
    idempotency_key: str | None = optional(KEY)
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Change what is known of a person; what is left out stays.")
class UpdateUserInput:
    user_id: strawberry.ID = required("The person.")
    email: str | None = optional("A new address, which must be free.")
    first_name: str | None = optional("The given name.")
    last_name: str | None = optional("The family name.")
    department: str | None = optional("Where in the company.")
    external_id: str | None = optional("What a directory calls this person.")


@strawberry.input(description="End what people have here, and free their licenses.")
class RemoveUsersInput:
    user_ids: list[strawberry.ID] = required("At most 20,000.")
    erase: bool = with_default(False, "Also replace what identifies the person, for good.")
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="An existing user by id, or a new one by person.")
class AddManagerInput:
    company_id: strawberry.ID | None = optional(ACTING)
    user_id: strawberry.ID | None = optional("Somebody of the company.")
    person: PersonInput | None = optional("Somebody new.")
    idempotency_key: str | None = optional(KEY)
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Leave a manager a learner.")
class RemoveManagerInput:
    user_id: strawberry.ID = required("The manager.")
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Choose what not to be mailed.")
class UpdateNotificationPreferencesInput:
    user_id: strawberry.ID | None = optional("Oneself if left out.")
    muted: list[NotificationTemplate] = required("The templates this manager does not want.")


@strawberry.type(description="The new learners and their licenses, or why there are none.")
class AddUsersPayload(Payload):
    user_ids: strawberry.Private[Sequence[UUID]] = ()
    license_ids: strawberry.Private[Sequence[UUID]] = ()
    users: list[User] = edges(user_by_id, "user_ids", description="The new learners.")
    licenses: list[License] = edges(
        license_by_id, "license_ids", description="The licenses handed out."
    )
    shortage: int = strawberry.field(
        default=0, description="Learners left without a license; also when refused for it."
    )


@strawberry.type(description="The person as known now, or why nothing was changed.")
class UserPayload(Payload):
    user_id: strawberry.Private[UUID | None] = None
    user: User | None = edge(user_by_id, "user_id", description="The person.")


@strawberry.type(description="The person as known now, or why nothing was changed.")
class UpdateUserPayload(UserPayload):
    pass


@strawberry.type(description="Who was removed and the licenses freed, or why nobody was.")
class RemoveUsersPayload(Payload):
    user_ids: strawberry.Private[Sequence[UUID]] = ()
    license_ids: strawberry.Private[Sequence[UUID]] = ()
    users: list[User] = edges(user_by_id, "user_ids", description="The people named.")
    licenses: list[License] = edges(license_by_id, "license_ids", description="The licenses freed.")


@strawberry.type(description="The manager, or why there is none.")
class AddManagerPayload(NotifyingPayload):
    user_id: strawberry.Private[UUID | None] = None
    user: User | None = edge(user_by_id, "user_id", description="The manager.")


@strawberry.type(description="The learner who was a manager, or why they still are.")
class RemoveManagerPayload(UserPayload):
    pass


@strawberry.type(description="The manager with the new choice, or why it stayed.")
class UpdateNotificationPreferencesPayload(UserPayload):
    pass


@strawberry.type
class UserMutations:
    @mutation(
        "New learners of a company, each with a license while the pool lasts.",
        ApiScope.USERS_WRITE,
        Besides(ApiScope.LICENSES_ALLOCATE, "to `allocate`", lambda input: input.allocate),
    )
    async def add_users(self, info: Info, input: AddUsersInput) -> AddUsersPayload:
        wanted = Wanted(value(input.license_type), None, input.on_shortage)
        done = await info.context.perform(
            users.add_users,
            optional_key("Company", input.company_id),
            [each.person for each in input.users],
            wanted if input.allocate else None,
            how=input,
        )
        return AddUsersPayload(
            user_ids=done.result.users,
            license_ids=done.result.licenses,
            shortage=done.result.shortage,
        )

    @mutation("Change what is known of a person.", ApiScope.USERS_WRITE)
    async def update_user(self, info: Info, input: UpdateUserInput) -> UpdateUserPayload:
        done = await info.context.perform(
            users.update_user, key("User", input.user_id), given(input, PERSON)
        )
        return UpdateUserPayload(user_id=done.result)

    @mutation("Remove people and free their licenses; their history stays.", ApiScope.USERS_WRITE)
    async def remove_users(self, info: Info, input: RemoveUsersInput) -> RemoveUsersPayload:
        done = await info.context.perform(
            users.remove_users, keys("User", input.user_ids), input.erase, how=input
        )
        return RemoveUsersPayload(user_ids=done.result.users, license_ids=done.result.licenses)

    @mutation("Make somebody a manager of their company, and welcome them.", None)
    async def add_manager(self, info: Info, input: AddManagerInput) -> AddManagerPayload:
        person = value(input.person)
        done = await info.context.perform(
            users.add_manager,
            optional_key("Company", input.company_id),
            optional_key("User", input.user_id),
            person.person if person else None,
            how=input,
        )
        return AddManagerPayload(user_id=done.result, notice_ids=done.notices)

    @mutation("Leave a manager a learner.", None)
    async def remove_manager(self, info: Info, input: RemoveManagerInput) -> RemoveManagerPayload:
        done = await info.context.perform(
            users.remove_manager, key("User", input.user_id), how=input
        )
        return RemoveManagerPayload(user_id=done.result)

    @mutation("Choose what not to be mailed; welcome and reset mails always are.", None)
    async def update_notification_preferences(
        self, info: Info, input: UpdateNotificationPreferencesInput
    ) -> UpdateNotificationPreferencesPayload:
        done = await info.context.perform(
            users.update_notification_preferences,
            optional_key("User", input.user_id),
            input.muted,
        )
        return UpdateNotificationPreferencesPayload(user_id=done.result)
