"""Lists as CSV (RFC 4180), streamed in constant memory."""

import csv
import io
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from app.auth import Callers
from app.graphql import FRESH, known, refusal
from app.places import Places
from app.rates import Rates, address
from app.requests import JSON, BadRequest, filter_of
from models.access import Caller, lacking
from models.companies import Company
from models.errors import BadUserInput, Busy, NotFound, Refusal, Unauthenticated
from models.tokens import ApiScope
from resolvers.performing import perform
from resolvers.reading.companies import company_by_id
from resolvers.reading.exports import all_pages, note_download
from resolvers.reading.filters import Filter
from resolvers.reading.licenses import LICENSES
from resolvers.reading.orders import ORDERS, order_by_id
from resolvers.reading.pages import Listing
from resolvers.reading.reader import Batch, Reader
from resolvers.reading.summaries import order_days_elapsed, order_days_idle, order_days_used
from resolvers.reading.users import USERS, user_by_id
from resolvers.reading.windows import Scope
from resolvers.tokens import note_use
from resolvers.work import Clock
from schema.build import neutral_filter
from schema.filters import LicenseFilter, OrderFilter, UserFilter
from schema.ids import global_id, key
from schema.neutral import FilterInput
from schema.scalars import told

METHODS: Final = ("GET", "HEAD")
PARAMETERS: Final = {"companyId", "scope", "filter"}
FORMULA: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for a formula, when a cell begins with it; the last four are wide."""
INSIDE: Final = re.compile("(?<=[;\t\r\n])(?=[=+@\uff1d\uff0b\uff0d\uff20-])")
"""Where another cell begins to a spreadsheet that parts cells by semicolons, as many countries'
do: quotes that begin elsewhere are none to it, and hold no lines together."""

Column = Callable[["Line"], Any]
Pages = AsyncGenerator[tuple[Reader, Sequence[Any]], None]


@dataclass(frozen=True)
class Line:
    """A row, the instant of the download, and what was found besides; null where out of sight."""

    row: Any
    now: datetime
    beside: Mapping[str, Any]


@dataclass(frozen=True)
class Export:
    """A list, the columns that are told of it, and by what batch function what is found besides."""

    listing: Listing[Any]
    filter: type[FilterInput]
    columns: Mapping[str, Column]
    beside: Mapping[str, tuple[Batch, str | None]]

    async def lines(self, reader: Reader, rows: Sequence[Any]) -> list[list[Any]]:
        found = {
            name: await batch(reader, _keys(rows, column))
            for name, (batch, column) in self.beside.items()
        }
        return [self._line(row, reader.now, found) for row in rows]

    def _line(self, row: Any, now: datetime, found: Mapping[str, Mapping[Any, Any]]) -> list[Any]:
        beside = {
            name: found[name].get(getattr(row, column) if column else row)
            for name, (_, column) in self.beside.items()
        }
        line = Line(row, now, beside)
        return [cell(column(line)) for column in self.columns.values()]


def _own(name: str) -> Column:
    return lambda line: getattr(line.row, name)


def _id(kind: str) -> Column:
    return lambda line: global_id(kind, line.row.id)


def _beside(name: str, column: str) -> Column:
    return lambda line: getattr(line.beside[name], column, None)


def _beside_id(name: str, kind: str) -> Column:
    return lambda line: global_id(kind, line.beside[name].id) if line.beside[name] else None


COMPANY: Final[dict[str, Column]] = {
    "companyId": _beside_id("company", "Company"),
    "companyName": _beside("company", "name"),
}
OF_COMPANY: Final[dict[str, tuple[Batch, str | None]]] = {"company": (company_by_id, "company_id")}

# People's scripts may read columns by their place: new ones are added at the end.
EXPORTS: Final[Mapping[str, Export]] = {
    "licenses": Export(
        LICENSES,
        LicenseFilter,
        {
            "id": _id("License"),
            "type": _own("type"),
            "status": lambda line: line.row.status_at(line.now),
            "assignedAt": _own("assigned_at"),
            "allocatedAt": _own("allocated_at"),
            "expiresAt": _own("expires_at"),
            "daysRemaining": lambda line: line.row.days_remaining(line.now),
            "updatedAt": _own("updated_at"),
            **COMPANY,
            "orderId": _beside_id("order", "Order"),
            "userId": _beside_id("user", "User"),
            "userEmail": _beside("user", "email"),
        },
        OF_COMPANY | {"order": (order_by_id, "order_id"), "user": (user_by_id, "holder_id")},
    ),
    "orders": Export(
        ORDERS,
        OrderFilter,
        {
            "id": _id("Order"),
            "number": _own("number"),
            "licenseType": _own("license_type"),
            "quantity": _own("quantity"),
            "assignedQuantity": _own("assigned_quantity"),
            "status": _own("status"),
            "origin": _own("origin"),
            "purchaseOrder": _own("purchase_order"),
            "note": _own("note"),
            "requestedAt": _own("requested_at"),
            "updatedAt": _own("updated_at"),
            "assignedAt": _own("assigned_at"),
            "expiresAt": _own("expires_at"),
            "decidedAt": _own("decided_at"),
            "decisionReason": _own("decision_reason"),
            "remindedAt": _own("reminded_at"),
            **COMPANY,
            "licenseDaysElapsed": lambda line: line.beside["elapsed"],
            "licenseDaysUsed": lambda line: line.beside["used"],
            "licenseDaysIdle": lambda line: line.beside["idle"],
        },
        OF_COMPANY
        | {
            "elapsed": (order_days_elapsed, None),
            "used": (order_days_used, None),
            "idle": (order_days_idle, None),
        },
    ),
    "users": Export(
        USERS,
        UserFilter,
        {
            "id": _id("User"),
            "email": _own("email"),
            "firstName": _own("first_name"),
            "lastName": _own("last_name"),
            "name": _own("name"),
            "department": _own("department"),
            "role": _own("role"),
            "status": _own("status"),
            "externalId": _own("external_id"),
            "lastSignInAt": _own("last_sign_in_at"),
            "createdAt": _own("created_at"),
            "updatedAt": _own("updated_at"),
            **COMPANY,
        },
        OF_COMPANY,
    ),
}


def cell(value: Any) -> Any:
    """As it stands in a file: an instant in RFC 3339, a text never as a formula."""
    if isinstance(value, datetime):
        return told(value)
    if isinstance(value, str):
        value = INSIDE.sub("'", value)
        return f"'{value}" if value.startswith(FORMULA) else value
    return value


class Download:
    """An ASGI application: one list, for whoever may see it."""

    def __init__(self, name: str, clock: Clock, rates: Rates, places: Places) -> None:
        self._name = name
        self._export = EXPORTS[name]
        self._clock = clock
        self._rates = rates
        self._callers = Callers()
        self._places = places

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        with ExitStack() as place:
            response = await self._response(Request(scope, receive), place)
            await response(scope, receive, send)

    async def _response(self, request: Request, place: ExitStack) -> Response:
        try:
            return await self._answer(request, place)
        except BadRequest as refused:
            return refusal(refused, JSON)
        except Unauthenticated:
            return refusal(_nobody(), JSON)
        except Refusal as rule:
            status = 503 if isinstance(rule, Busy) else 404
            return refusal(BadRequest(status, rule.code, rule.message), JSON)

    async def _answer(self, request: Request, place: ExitStack) -> Response:
        await self._rates.count_address(address(request))
        if request.method not in METHODS:
            allow = ", ".join(METHODS)
            raise BadRequest(405, "METHOD_NOT_ALLOWED", f"Send {allow}.", {"Allow": allow})
        place.enter_context(self._places.place()).take()
        async with self._places.turn_in_time():
            return await self._begin(request, place)

    async def _begin(self, request: Request, place: ExitStack) -> Response:
        now = self._clock()
        caller = await self._caller(request, now)
        place.enter_context(self._places.download(caller.user_id))
        company_id, scope, sent = _asked(request)
        filter = None if sent is None else self._filter(caller, now, sent)
        company = await self._company(caller, now, company_id)
        used = BackgroundTask(note_use, caller, now)
        headers = FRESH | {"Content-Disposition": f'attachment; filename="{self._name}.csv"'}
        media_type = "text/csv; charset=utf-8; header=present"
        if request.method == "HEAD":
            empty = Response(None, 200, headers, media_type, background=used)
            del empty.headers["content-length"]
            return empty
        await perform(
            caller, self._clock, note_download, company.id, self._name, scope, bool(filter)
        )
        text = self._text(caller, company, scope, filter)
        return StreamingResponse(text, 200, headers, media_type, background=used)

    async def _caller(self, request: Request, now: datetime) -> Caller:
        caller = await known(request, self._callers, self._rates, now)
        if caller is None:
            raise _nobody()
        if (words := lacking(caller, ApiScope.READ)) is not None:
            raise BadRequest(403, "FORBIDDEN", words)
        return caller

    def _filter(self, caller: Caller, now: datetime, sent: str) -> Filter | None:
        """Looked at as a whole before the first row leaves. Raises BadRequest."""
        try:
            filter = neutral_filter(self._export.filter, filter_of(sent))
            self._export.listing.words.ask(Reader(caller, now), filter)
        except BadUserInput as error:
            raise _bad(str(error)) from None
        return filter

    async def _company(self, caller: Caller, now: datetime, company_id: str | None) -> Company:
        """The one that is asked for, which is in sight; the acting one if none is."""
        id = caller.company_id if company_id is None else key("Company", company_id)
        company: Company | None = (await company_by_id(Reader(caller, now), [id])).get(id)
        if company is None or caller.reach(company.path) is None:
            raise NotFound("company")
        return company

    async def _text(
        self, caller: Caller, company: Company, scope: Scope, filter: Filter | None
    ) -> AsyncIterator[str]:
        """What goes wrong in here breaks the connection off, and so is seen to be broken."""
        yield _csv([list(self._export.columns)])
        pages = all_pages(caller, self._clock, self._export.listing, company, scope, filter)
        async with aclosing(pages):
            while text := await self._page(pages):
                yield text

    async def _page(self, pages: Pages) -> str:
        """Empty behind the last one."""
        async with self._places.turn_in_time():
            page = await anext(pages, None)
            return _csv(await self._export.lines(*page)) if page else ""


def _keys(rows: Sequence[Any], column: str | None) -> Sequence[Any]:
    """Those of what is found besides; a row may be its own."""
    if column is None:
        return rows
    return [id for row in rows if (id := getattr(row, column)) is not None]


def _csv(lines: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


def _asked(request: Request) -> tuple[str | None, Scope, str | None]:
    """The company's id, of which companies, and the filter as it came. Raises BadRequest."""
    try:
        sent = request.scope["query_string"].decode("ascii")
        pairs = parse_qsl(sent, keep_blank_values=True, errors="strict", max_num_fields=16)
    except ValueError:
        raise _bad("The parameters of this address cannot be read.") from None
    given = dict(pairs)
    if len(given) < len(pairs) or not given.keys() <= PARAMETERS:
        raise _bad("The parameters are `companyId`, `scope` and `filter`, each once at most.")
    try:
        scope = Scope(given.get("scope", Scope.SUBTREE))
    except ValueError:
        raise _bad(f"`scope` is {', '.join(Scope)}.") from None
    return given.get("companyId"), scope, given.get("filter")


def _nobody() -> BadRequest:
    return BadRequest(401, "UNAUTHENTICATED", "Sign in first.", {"WWW-Authenticate": "Bearer"})


def _bad(message: str) -> BadRequest:
    return BadRequest(400, "BAD_USER_INPUT", message)
