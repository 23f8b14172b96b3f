"""Mutations of orders."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from models.licenses import LicenseType
from models.tokens import ApiScope
from resolvers import orders
from resolvers.reading.orders import order_by_id
from schema.context import Info
from schema.edges import edge, edges
from schema.ids import key, optional_key
from schema.inputs import ACTING, KEY, PREVIEW, given, optional, required, value, with_default
from schema.payloads import OrderPayload, Payload, mutation
from schema.types import Order


@strawberry.input(description="Ask the company above for licenses.")
class RequestLicensesInput:
    company_id: strawberry.ID | None = optional(ACTING)
    license_type: LicenseType = with_default(
        LicenseType.PREMIUM, "PREMIUM, or for customers MANAGED."
    )
    quantity: int = required("From 1 to 100,000.")
    purchase_order: str | None = optional("The purchase order that pays for it.")
    note: str | None = optional("A note to the account manager, up to 2,000 characters.")
    idempotency_key: str | None = optional(KEY)
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Ask for licenses that replace a trial.")
class UpgradeTrialInput:
    company_id: strawberry.ID | None = optional(ACTING)
    license_type: LicenseType = with_default(LicenseType.PREMIUM, "PREMIUM or MANAGED.")
    quantity: int | None = optional("The number of learners who hold a trial license, if left out.")
    purchase_order: str | None = optional("The purchase order that pays for it.")
    idempotency_key: str | None = optional(KEY)
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Change a request that nobody has acted on yet.")
class UpdateOrderInput:
    order_id: strawberry.ID = required("The order.")
    quantity: int | None = optional("From 1 to 100,000.")
    purchase_order: str | None = optional("The purchase order; null clears it.")
    note: str | None = optional("The note; null clears it.")


@strawberry.input(description="Mint an order's licenses into the pool of the company that ordered.")
class AssignOrderInput:
    order_id: strawberry.ID = required("The order.")
    quantity: int | None = optional("All that is open if left out; fewer leaves the rest open.")
    idempotency_key: str | None = optional(KEY)
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Refuse what is still open of an order.")
class DeclineOrderInput:
    order_id: strawberry.ID = required("The order.")
    reason: str = required("Why; the requester is told. Up to 2,000 characters.")
    idempotency_key: str | None = optional(KEY)
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Take back what is still open of an order.")
class CancelOrderInput:
    order_id: strawberry.ID = required("The order.")
    reason: str | None = optional("Why, up to 2,000 characters.")
    idempotency_key: str | None = optional(KEY)
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Give back an order of which nothing was ever allocated.")
class ReturnOrderInput:
    order_id: strawberry.ID = required("The order.")
    reason: str = required("Why, up to 2,000 characters.")
    idempotency_key: str | None = optional(KEY)
    preview: bool = with_default(False, PREVIEW)


@strawberry.type(description="An open request, or why there is none.")
class RequestLicensesPayload(OrderPayload):
    similar_ids: strawberry.Private[Sequence[UUID]] = ()
    similar: list[Order] = edges(
        order_by_id,
        "similar_ids",
        description="Open requests of the same company, type and quantity from the last 24 hours: "
        "perhaps the same one asked twice.",
    )


@strawberry.type(description="An open request, or why there is none.")
class UpgradeTrialPayload(OrderPayload):
    pass


@strawberry.type(description="The order as it is now, or why it could not be changed.")
class UpdateOrderPayload(Payload):
    order_id: strawberry.Private[UUID | None] = None
    order: Order | None = edge(order_by_id, "order_id", description="The order.")


@strawberry.type(description="The order with its new licenses, or why there are none.")
class AssignOrderPayload(OrderPayload):
    pass


@strawberry.type(description="The order as it is now, or why it was not declined.")
class DeclineOrderPayload(OrderPayload):
    pass


@strawberry.type(description="The order as it is now, or why it was not cancelled.")
class CancelOrderPayload(OrderPayload):
    pass


@strawberry.type(description="The order as it is now, or why it was not returned.")
class ReturnOrderPayload(OrderPayload):
    pass


@strawberry.type
class OrderMutations:
    @mutation("Ask the company above for licenses. No license exists yet.", ApiScope.ORDERS_REQUEST)
    async def request_licenses(
        self, info: Info, input: RequestLicensesInput
    ) -> RequestLicensesPayload:
        done = await info.context.perform(
            orders.request_licenses,
            optional_key("Company", input.company_id),
            input.license_type,
            input.quantity,
            value(input.purchase_order),
            value(input.note),
            how=input,
        )
        return RequestLicensesPayload(
            order_id=done.result.order_id, similar_ids=done.result.similar, notice_ids=done.notices
        )

    @mutation(
        "Ask for licenses that replace the company's trial once they are assigned.",
        ApiScope.ORDERS_REQUEST,
    )
    async def upgrade_trial(self, info: Info, input: UpgradeTrialInput) -> UpgradeTrialPayload:
        done = await info.context.perform(
            orders.upgrade_trial,
            optional_key("Company", input.company_id),
            input.license_type,
            value(input.quantity),
            value(input.purchase_order),
            how=input,
        )
        return UpgradeTrialPayload(order_id=done.result, notice_ids=done.notices)

    @mutation("Change a request that nobody has acted on yet.", ApiScope.ORDERS_REQUEST)
    async def update_order(self, info: Info, input: UpdateOrderInput) -> UpdateOrderPayload:
        done = await info.context.perform(
            orders.update_order,
            key("Order", input.order_id),
            given(input, ("quantity", "purchase_order", "note")),
        )
        return UpdateOrderPayload(order_id=done.result)

    @mutation(
        "Mint an order's licenses, start their clock and mail the managers.", ApiScope.ORDERS_ASSIGN
    )
    async def assign_order(self, info: Info, input: AssignOrderInput) -> AssignOrderPayload:
        done = await info.context.perform(
            orders.assign_order, key("Order", input.order_id), value(input.quantity), how=input
        )
        return AssignOrderPayload(order_id=done.result, notice_ids=done.notices)

    @mutation(
        "Refuse what is still open of an order; what was assigned stays.", ApiScope.ORDERS_ASSIGN
    )
    async def decline_order(self, info: Info, input: DeclineOrderInput) -> DeclineOrderPayload:
        done = await info.context.perform(
            orders.decline_order, key("Order", input.order_id), input.reason, how=input
        )
        return DeclineOrderPayload(order_id=done.result, notice_ids=done.notices)

    @mutation(
        "Take back what is still open of an order; what was assigned stays.",
        ApiScope.ORDERS_REQUEST,
    )
    async def cancel_order(self, info: Info, input: CancelOrderInput) -> CancelOrderPayload:
        done = await info.context.perform(
            orders.cancel_order, key("Order", input.order_id), value(input.reason), how=input
        )
        return CancelOrderPayload(order_id=done.result, notice_ids=done.notices)

    @mutation(
        "Give back an order within 14 days, if nothing of it was ever allocated.",
        ApiScope.ORDERS_ASSIGN,
    )
    async def return_order(self, info: Info, input: ReturnOrderInput) -> ReturnOrderPayload:
        done = await info.context.perform(
            orders.return_order, key("Order", input.order_id), input.reason, how=input
        )
        return ReturnOrderPayload(order_id=done.result, notice_ids=done.notices)
