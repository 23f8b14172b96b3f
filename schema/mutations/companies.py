"""Mutations of companies."""

from uuid import UUID

import strawberry

from models.companies import CompanyKind
from models.licenses import LicenseType
from models.tokens import ApiScope
from resolvers import companies
from resolvers.reading.companies import company_by_id
from schema.context import Info
from schema.edges import edge
from schema.ids import key, optional_key
from schema.inputs import (
    KEY,
    PREVIEW,
    PersonInput,
    given,
    optional,
    required,
    value,
    with_default,
)
from schema.payloads import OrderPayload, Payload, mutation
from schema.scopes import Besides
from schema.types import Company

DETAILS = ("industry", "employee_count", "country", "language", "external_id")


@strawberry.input(description="Licenses ordered with the company, on its purchase order.")
class CompanyOrderInput:
    license_type: LicenseType = with_default(
        LicenseType.PREMIUM, "PREMIUM, or for customers MANAGED or TRIAL."
    )
    quantity: int = required("From 1 to 100,000.")
    purchase_order: str | None = optional("The purchase order that pays for it.")
    assign: bool = with_default(True, "False leaves it requested.")

    @property
    def order(self) -> companies.FirstOrder:
        return companies.FirstOrder(
            self.license_type, self.quantity, value(self.purchase_order), self.assign
        )


@strawberry.input(description="A company beneath another, with its manager and first order.")
class CreateCompanyInput:
    parent_id: strawberry.ID | None = optional("The acting company if left out.")
    kind: CompanyKind = required("What it is; the kinds of parent and child must fit.")
    name: str = required("Up to 200 characters; no link.")
    industry: str | None = optional("What it does.")
    employee_count: int | None = optional("How many people work there.")
    country: str | None = optional("ISO 3166-1 alpha-2.")
    language: str | None = optional("BCP 47.")
    external_id: str | None = optional("What the partner's own system calls it; unchecked.")
    account_manager_id: strawberry.ID | None = optional("The creator if left out.")
    manager: PersonInput | None = optional(
        "Becomes MANAGER of a customer, ACCOUNT_MANAGER of any other kind. Not for API tokens."
    )
    order: CompanyOrderInput | None = optional("The first order.")
    idempotency_key: str | None = optional(KEY)
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Change what describes a company; what is left out stays.")
class UpdateCompanyInput:
    company_id: strawberry.ID = required("The company.")
    name: str | None = optional("Up to 200 characters; no link.")
    industry: str | None = optional("What it does.")
    employee_count: int | None = optional("How many people work there.")
    country: str | None = optional("ISO 3166-1 alpha-2.")
    language: str | None = optional("BCP 47.")
    external_id: str | None = optional("What the partner's own system calls it; unchecked.")
    account_manager_id: strawberry.ID | None = optional(
        "An account manager of a company above; only from above."
    )


@strawberry.input(description="Hang a company, with all beneath it, under another one.")
class MoveCompanyInput:
    company_id: strawberry.ID = required("The company to move.")
    new_parent_id: strawberry.ID = required("Where it goes.")
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Stop everything in a company and beneath it.")
class ArchiveCompanyInput:
    company_id: strawberry.ID = required("The company.")
    preview: bool = with_default(False, PREVIEW)


@strawberry.input(description="Let an archived company work again.")
class RestoreCompanyInput:
    company_id: strawberry.ID = required("The company.")
    preview: bool = with_default(False, PREVIEW)


@strawberry.type(description="The company and its first order, or why there is none.")
class CreateCompanyPayload(OrderPayload):
    company_id: strawberry.Private[UUID | None] = None
    company: Company | None = edge(company_by_id, "company_id", description="The new company.")


@strawberry.type(description="The company as it is now, or why it was not changed.")
class CompanyPayload(Payload):
    company_id: strawberry.Private[UUID | None] = None
    company: Company | None = edge(company_by_id, "company_id", description="The company.")


@strawberry.type(description="The company as it is now, or why it was not changed.")
class UpdateCompanyPayload(CompanyPayload):
    pass


@strawberry.type(description="The company in its new place, or why it was not moved.")
class MoveCompanyPayload(CompanyPayload):
    pass


@strawberry.type(description="The archived company, or why it was not archived.")
class ArchiveCompanyPayload(CompanyPayload):
    pass


@strawberry.type(description="The restored company, or why it was not restored.")
class RestoreCompanyPayload(CompanyPayload):
    pass


def _orders(input: CreateCompanyInput) -> bool:
    return value(input.order) is not None


def _assigns(input: CreateCompanyInput) -> bool:
    order = value(input.order)
    return order is not None and order.assign


@strawberry.type
class CompanyMutations:
    @mutation(
        "A company with its manager, order and licenses: all come to be, or none.",
        ApiScope.COMPANIES_WRITE,
        Besides(ApiScope.ORDERS_REQUEST, "with an `order`", _orders),
        Besides(ApiScope.ORDERS_ASSIGN, "to assign it", _assigns),
    )
    async def create_company(self, info: Info, input: CreateCompanyInput) -> CreateCompanyPayload:
        manager, order = value(input.manager), value(input.order)
        done = await info.context.perform(
            companies.create_company,
            optional_key("Company", input.parent_id),
            input.kind,
            input.name,
            given(input, DETAILS),
            optional_key("User", input.account_manager_id),
            manager.person if manager else None,
            order.order if order else None,
            how=input,
        )
        return CreateCompanyPayload(
            company_id=done.result.company_id,
            order_id=done.result.order_id,
            notice_ids=done.notices,
        )

    @mutation(
        "Change what describes a company; its account manager only from above.",
        ApiScope.COMPANIES_WRITE,
    )
    async def update_company(self, info: Info, input: UpdateCompanyInput) -> UpdateCompanyPayload:
        changes = given(input, ("name", *DETAILS))
        if input.account_manager_id is not strawberry.UNSET:
            changes["account_manager_id"] = optional_key("User", input.account_manager_id)
        done = await info.context.perform(
            companies.update_company, key("Company", input.company_id), changes
        )
        return UpdateCompanyPayload(company_id=done.result)

    @mutation("Hang a company, with all beneath it, under another one.", ApiScope.COMPANIES_WRITE)
    async def move_company(self, info: Info, input: MoveCompanyInput) -> MoveCompanyPayload:
        done = await info.context.perform(
            companies.move_company,
            key("Company", input.company_id),
            key("Company", input.new_parent_id),
            how=input,
        )
        return MoveCompanyPayload(company_id=done.result)

    @mutation(
        "Stop everything in a company and beneath it; nothing is deleted.", ApiScope.COMPANIES_WRITE
    )
    async def archive_company(
        self, info: Info, input: ArchiveCompanyInput
    ) -> ArchiveCompanyPayload:
        done = await info.context.perform(
            companies.archive_company, key("Company", input.company_id), how=input
        )
        return ArchiveCompanyPayload(company_id=done.result)

    @mutation(
        "Let an archived company work again, with what is beneath it.", ApiScope.COMPANIES_WRITE
    )
    async def restore_company(
        self, info: Info, input: RestoreCompanyInput
    ) -> RestoreCompanyPayload:
        done = await info.context.perform(
            companies.restore_company, key("Company", input.company_id), how=input
        )
        return RestoreCompanyPayload(company_id=done.result)
