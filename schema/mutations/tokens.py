"""Mutations of API tokens."""

from datetime import datetime
from uuid import UUID

import strawberry

from models.tokens import ApiScope
from resolvers import tokens
from resolvers.reading.tokens import api_token_by_id
from schema.context import Info
from schema.edges import edge
from schema.ids import key
from schema.inputs import optional, required, value
from schema.payloads import Payload, mutation
from schema.types import ApiToken


@strawberry.input(description="A token of the acting company, in the caller's name.")
class CreateApiTokenInput:
    name: str = required("What it is for; up to 200 characters.")
    scopes: list[ApiScope] = required("What it may be used for; at least one.")
    expires_at: datetime | None = optional("When it ends by itself; never if left out.")


@strawberry.input(description="End an API token.")
class RevokeApiTokenInput:
    api_token_id: strawberry.ID = required("The token.")


@strawberry.type(description="The new token, or why there is none.")
class CreateApiTokenPayload(Payload):
    secret: str | None = strawberry.field(
        default=None, description="Sent as `Authorization: Bearer …`; shown this once."
    )
    token_id: strawberry.Private[UUID | None] = None
    api_token: ApiToken | None = edge(api_token_by_id, "token_id", description="The token.")


@strawberry.type(description="The ended token, or why it was not ended.")
class RevokeApiTokenPayload(Payload):
    token_id: strawberry.Private[UUID | None] = None
    api_token: ApiToken | None = edge(api_token_by_id, "token_id", description="The token.")


@strawberry.type
class ApiTokenMutations:
    @mutation("A token that acts in the caller's name on the acting company and beneath.", None)
    async def create_api_token(
        self, info: Info, input: CreateApiTokenInput
    ) -> CreateApiTokenPayload:
        done = await info.context.perform(
            tokens.create_api_token, input.name, input.scopes, value(input.expires_at)
        )
        return CreateApiTokenPayload(secret=done.result.secret, token_id=done.result.token_id)

    @mutation("End an API token of the acting company, at once.", None)
    async def revoke_api_token(
        self, info: Info, input: RevokeApiTokenInput
    ) -> RevokeApiTokenPayload:
        done = await info.context.perform(
            tokens.revoke_api_token, key("ApiToken", input.api_token_id)
        )
        return RevokeApiTokenPayload(token_id=done.result)
