"""The mutations: each translates its input, has one operation performed, and wraps the result."""

import strawberry

from schema.mutations.companies import CompanyMutations
from schema.mutations.imports import ImportMutations
from schema.mutations.licenses import LicenseMutations
from schema.mutations.orders import OrderMutations
from schema.mutations.sessions import SessionMutations
from schema.mutations.tokens import ApiTokenMutations
from schema.mutations.users import UserMutations
from schema.mutations.webhooks import WebhookMutations


@strawberry.type(description="What can be changed. What is refused is data in `errors`.")
class Mutation(
    SessionMutations,
    CompanyMutations,
    UserMutations,
    ImportMutations,
    OrderMutations,
    LicenseMutations,
    ApiTokenMutations,
    WebhookMutations,
):
    pass
