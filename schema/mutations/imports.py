"""The mutation that takes in a file of people."""

import strawberry

from models.licenses import LicenseType
from models.tokens import ApiScope
from resolvers import imports
from resolvers.licenses import ShortagePolicy, Wanted
from schema.context import Info
from schema.ids import optional_key
from schema.inputs import ACTING, KEY, PREVIEW, given, optional, required, value, with_default
from schema.payloads import Payload, mutation
from schema.scopes import Besides


@strawberry.input(
    description="How the columns are called; those left out are found by their usual names."
)
class ImportColumns:
    email: str = required("That of the address.")
    first_name: str | None = optional("That of the given name.")
    last_name: str | None = optional("That of the family name.")
    department: str | None = optional("That of the department.")
    external_id: str | None = optional("That of what a directory calls the person.")


@strawberry.input(
    description="A CSV text with a header row: email, and if known first name, last name, "
    "department and external id. Commas, semicolons or tabs."
)
class ImportUsersInput:
    company_id: strawberry.ID | None = optional(ACTING)
    csv: str = required("At most 20,000 rows and 10 MB.")
    columns: ImportColumns | None = optional("Where the columns have other names.")
    allocate: bool = with_default(True, "Give each new learner a license.")
    license_type: LicenseType | None = optional("Only of that type.")
    on_shortage: ShortagePolicy = with_default(
        ShortagePolicy.FAIL, "What if the pool is too small."
    )
    idempotency_key: str | None = optional(KEY)
    preview: bool = with_default(False, PREVIEW)


@strawberry.type(description="Why a row cannot be taken in.")
class ImportRowError:
    line: int = strawberry.field(description="The line it begins on; the header is 1.")
    column: str | None = strawberry.field(
        description="The column as the file calls it; null where the whole row is at fault."
    )
    message: str = strawberry.field(description="What is wrong with it, in words for a person.")


@strawberry.type(description="How many people were taken in, or why nobody was.")
class ImportUsersPayload(Payload):
    created: int = strawberry.field(default=0, description="New learners.")
    updated: int = strawberry.field(default=0, description="Known people with something new.")
    unchanged: int = strawberry.field(default=0, description="Known people with nothing new.")
    licensed: int = strawberry.field(default=0, description="New learners given a license.")
    shortage: int = strawberry.field(
        default=0, description="New learners left without a license; also when refused for it."
    )
    row_errors: list[ImportRowError] = strawberry.field(
        default_factory=list, description="Every faulty row; with any, nobody was taken in."
    )


@strawberry.type
class ImportMutations:
    @mutation(
        "Take in a file of people: new ones are added, known ones updated; all or nobody.",
        ApiScope.USERS_WRITE,
        Besides(ApiScope.LICENSES_ALLOCATE, "to `allocate`", lambda input: input.allocate),
    )
    async def import_users(self, info: Info, input: ImportUsersInput) -> ImportUsersPayload:
        columns = value(input.columns)
        called = given(columns, imports.FIELDS) if columns else {}
        called = {field: name for field, name in called.items() if name is not None}
        sheet = await imports.read_people(info.context.caller, input.csv, called)
        wanted = Wanted(value(input.license_type), None, input.on_shortage)
        done = await info.context.perform(
            imports.import_users,
            optional_key("Company", input.company_id),
            sheet,
            wanted if input.allocate else None,
            how=input,
        )
        result = done.result
        return ImportUsersPayload(
            created=result.created,
            updated=result.updated,
            unchanged=result.unchanged,
            licensed=result.licensed,
            shortage=result.shortage,
        )
