"""Mutations of sessions: signing in and out, passwords, manage mode."""

from datetime import datetime
from uuid import UUID

import strawberry

from resolvers import passwords, sessions
from resolvers.reading.sessions import manage_session_by_id
from resolvers.reading.users import user_by_id
from schema.context import Info
from schema.edges import edge
from schema.ids import key
from schema.inputs import optional, required, value
from schema.payloads import Payload, mutation
from schema.types import ManageSession, User, Viewer


@strawberry.input(description="Who signs in.")
class SignInInput:
    email: str = required("The address, in any case.")
    password: str = required("The password.")


@strawberry.input(description="Have a link mailed that sets a new password.")
class RequestPasswordResetInput:
    email: str = required("The address, in any case.")


@strawberry.input(description="The link from a welcome or reset mail, and the new password.")
class SetPasswordInput:
    token: str = required("From the link: what stands behind `#token=`.")
    password: str = required("12 characters at least.")


@strawberry.input(description="Work in a company beneath as its manager would.")
class EnterManageModeInput:
    company_id: strawberry.ID = required("The company to manage.")
    reason: str | None = optional("Why; it is kept with the session.")


@strawberry.type(description="An access token, or why there is none.")
class SignInPayload(Payload):
    access_token: str | None = strawberry.field(
        default=None, description="Sent as `Authorization: Bearer …`; told this once."
    )
    expires_at: datetime | None = strawberry.field(default=None, description="12 hours from now.")
    viewer: Viewer | None = strawberry.field(default=None, description="Who signed in.")


@strawberry.type(description="Nothing, or why nobody was signed out.")
class SignOutPayload(Payload):
    pass


@strawberry.type(description="The same answer whether or not the address is known.")
class RequestPasswordResetPayload(Payload):
    pass


@strawberry.type(description="Whose password was set, or why none was.")
class SetPasswordPayload(Payload):
    user_id: strawberry.Private[UUID | None] = None
    user: User | None = edge(user_by_id, "user_id", description="Whose password it is.")


@strawberry.type(description="A second access token, or why there is none.")
class EnterManageModePayload(Payload):
    access_token: str | None = strawberry.field(
        default=None,
        description="Acts for the managed company; the caller's own goes on working beside it.",
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="An hour from now at most."
    )
    session_id: strawberry.Private[UUID | None] = None
    manage_session: ManageSession | None = edge(
        manage_session_by_id, "session_id", description="The stay in the managed company."
    )
    viewer: Viewer | None = strawberry.field(default=None, description="Who asks from now on.")


@strawberry.type(description="The ended stay, or why none was ended.")
class ExitManageModePayload(Payload):
    session_id: strawberry.Private[UUID | None] = None
    manage_session: ManageSession | None = edge(
        manage_session_by_id, "session_id", description="The ended stay."
    )


@strawberry.type
class SessionMutations:
    @mutation("An access token for an email and a password.", None)
    async def sign_in(self, info: Info, input: SignInInput) -> SignInPayload:
        context = info.context
        user, known = await sessions.check_password(input.email, input.password, context.clock)
        renewed = await passwords.renewed(known, input.password)
        done = await context.perform(sessions.sign_in, user.id, known, renewed)
        return SignInPayload(
            access_token=done.result.token,
            expires_at=done.result.expires_at,
            viewer=Viewer.of(await context.read_as(done.result.token)),
        )

    @mutation("End this token, and what was entered with it; in manage mode that stay alone.", None)
    async def sign_out(self, info: Info) -> SignOutPayload:
        await info.context.perform(sessions.sign_out)
        return SignOutPayload()

    @mutation("Mail a link that sets a new password, at most once in 30 minutes.", None)
    async def request_password_reset(
        self, info: Info, input: RequestPasswordResetInput
    ) -> RequestPasswordResetPayload:
        with info.context.untold_time():
            await info.context.perform(sessions.request_password_reset, input.email)
        return RequestPasswordResetPayload()

    @mutation("Set the password of whoever was mailed the link; all their tokens end.", None)
    async def set_password(self, info: Info, input: SetPasswordInput) -> SetPasswordPayload:
        password_hash = await passwords.hash_password(input.password)
        done = await info.context.perform(sessions.set_password, input.token, password_hash)
        await info.context.read_as_themselves(done.result)
        return SetPasswordPayload(user_id=done.result)

    @mutation("Enter a company beneath, to work there as its manager would.", None)
    async def enter_manage_mode(
        self, info: Info, input: EnterManageModeInput
    ) -> EnterManageModePayload:
        done = await info.context.perform(
            sessions.enter_manage_mode, key("Company", input.company_id), value(input.reason)
        )
        return EnterManageModePayload(
            access_token=done.result.token,
            expires_at=done.result.expires_at,
            session_id=done.result.session_id,
            viewer=Viewer.of(await info.context.read_as(done.result.token)),
        )

    @mutation("Leave the managed company; the token it was entered with goes on working.", None)
    async def exit_manage_mode(self, info: Info) -> ExitManageModePayload:
        done = await info.context.perform(sessions.exit_manage_mode)
        return ExitManageModePayload(session_id=done.result)
