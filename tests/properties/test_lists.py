"""Every list of the API, with every filter, ordering and direction of pages, gives the rows that
plain Python finds in the whole table."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pytest_asyncio
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tortoise.models import Model

from models.audit import AuditEvent
from models.base import global_id, sort_key
from models.companies import Company
from models.licenses import Allocation, License
from models.orders import OPEN, Order
from models.outbox import Notification
from models.tokens import ApiToken
from models.users import User
from models.webhooks import WebhookDelivery, WebhookEndpoint
from schema.build import schema
from tests.conftest import Clock
from tests.factories import Make
from tests.graphql.api import application
from tests.http.client import Client
from tests.properties.plain import DAY, in_order
from tests.properties.street import Street, filled

SCHEMA: Final[Any] = schema._schema
LISTS: Final = [
    (type.name, name)
    for type in SCHEMA.type_map.values()
    if isinstance(type, GraphQLObjectType)
    for name, field in type.fields.items()
    if get_named_type(field.type).name.endswith("Connection")
]
"""Type and field of every list that there is."""

Row = dict[str, Any]
Holds = Callable[["World", Row, Any], bool]


class World:
    """Every row of every table, as Pam sees it, who looks after the partner and all beneath."""

    def __init__(self, street: Street, client: Client, now: datetime) -> None:
        self.street = street
        self.client = client
        self.now = now
        self.tables: dict[type[Model], dict[Any, Row]] = {}

    async def load(self) -> None:
        for model in {listed.model for listed in LISTED.values()}:
            rows: list[Row] = await model.all().values()
            self.tables[model] = {row["id"]: row for row in rows}

    @property
    def pam(self) -> Row:
        return self[User][self.street.pam.id]

    def __getitem__(self, model: type[Model]) -> dict[Any, Row]:
        return self.tables[model]

    def instants(self, field: str) -> list[str]:
        """Those of all rows: an instant is asked for exactly where there is one."""
        name = "".join(f"_{each.lower()}" if each.isupper() else each for each in field)
        rows = [row for table in self.tables.values() for row in table.values()]
        return [at.isoformat() for at in sorted({row[name] for row in rows if row.get(name)})]

    def texts(self, field: str) -> list[str]:
        """What is there, in this case and in others, and what it begins with."""
        rows = [(row, name) for model, name in TEXTS[field] for row in self[model].values()]
        there = sorted({row[name] for row, name in rows if row[name]})
        return [
            "",
            "%",
            "_",
            *there,
            *(each.upper() for each in there),
            *(each[:2] for each in there),
        ]

    def ids(self, field: str) -> list[str]:
        if field == "subjectId":
            events = self[AuditEvent].values()
            return [
                global_id(row["subject_type"], row["subject_id"])
                for row in events
                if row["subject_id"]
            ]
        return [global_id(IDS[field].__name__, id) for id in self[IDS[field]]]

    def owners(self, name: str) -> st.SearchStrategy[tuple[Row, str]]:
        """Rows that she sees of this type, with their ids."""
        return st.sampled_from([(row, global_id(name, row["id"])) for row in self.seen(name)])

    def seen(self, name: str) -> list[Row]:
        listed = LISTED[name]
        return [row for row in self[listed.model].values() if listed.sees(self, row)]

    def sees(self, row: Row) -> bool:
        path: str = row["path"]
        return path.startswith(self.pam["path"])

    def knows(self, user_id: Any) -> bool:
        """Whose name she is told: those of hers, and those above her."""
        path = self[User][user_id]["path"]
        return self.sees(self[User][user_id]) or self.pam["path"].startswith(path)

    def may_ask_by(self, user_id: Any) -> bool:
        return user_id == self.street.pam.id or self.sees(self[User][user_id])


# ── What is listed, and what words mean ──────────────────────────────────────────────────────────


def text(column: str, key: Callable[[str], str] | None = None) -> Holds:
    return lambda world, row, asked: reads(row[column], asked, key)


def reads(value: str | None, asked: Mapping[str, Any], key: Callable[[str], str] | None) -> bool:
    """A StringFilter; `key` compares without case, exactly as well."""
    if value is None:
        return not asked
    own, searched = (key(value), key(value)) if key else (value, value.upper())
    folded = key or str.upper
    exact = key or str
    return (
        ("eq" not in asked or own == exact(asked["eq"]))
        and ("in" not in asked or own in map(exact, asked["in"]))
        and ("contains" not in asked or folded(asked["contains"]) in searched)
        and ("startsWith" not in asked or searched.startswith(folded(asked["startsWith"])))
    )


def named(value: Callable[["World", Row], str | None]) -> Holds:
    """A name is the same in the same case alone, and searched in any."""

    def holds(world: "World", row: Row, asked: Mapping[str, Any]) -> bool:
        name = value(world, row)
        exact = {way: asked[way] for way in ("eq", "in") if way in asked}
        like = {way: asked[way] for way in asked if way not in exact}
        return reads(name, exact, None) and reads(name, like, sort_key)

    return holds


def number(column: str) -> Holds:
    return lambda world, row, asked: (
        ("eq" not in asked or row[column] == asked["eq"])
        and ("gte" not in asked or row[column] >= asked["gte"])
        and ("lte" not in asked or row[column] <= asked["lte"])
    )


def instant(column: str) -> Holds:
    def holds(_: World, row: Row, asked: Mapping[str, Any]) -> bool:
        at = row[column]
        if at is None:
            return asked.get("isNull", True) and not {"gte", "lt"} & asked.keys()
        return (
            not asked.get("isNull", False)
            and ("gte" not in asked or at >= datetime.fromisoformat(asked["gte"]))
            and ("lt" not in asked or at < datetime.fromisoformat(asked["lt"]))
        )

    return holds


def one_of(column: str) -> Holds:
    return lambda world, row, asked: row[column] in asked


def id_of(type_name: str, column: str) -> Holds:
    return lambda world, row, asked: global_id(type_name, row[column]) == asked


def full_name(user: Row) -> str:
    name: str = f"{user['first_name']} {user['last_name']}".strip()
    return name or user["email"]


def company(world: World, row: Row) -> Row:
    return world[Company][row["company_id"]]


def company_status(row: Row) -> str:
    return "ARCHIVED" if row["is_archived"] else "ACTIVE"


def user_status(row: Row) -> str:
    if row["removed_at"] is not None:
        return "REMOVED"
    return "ACTIVE" if row["password_hash"] else "INVITED"


def license_status(world: World, row: Row) -> str:
    if row["voided_at"] is not None:
        return "VOID"
    if row["expires_at"] is not None and row["expires_at"] <= world.now:
        return "EXPIRED"
    return "ALLOCATED" if row["holder_id"] else "AVAILABLE"


def licensed(world: World, user: Row) -> str:
    held = [row for row in world[License].values() if row["holder_id"] == user["id"]]
    if any(license_status(world, row) == "ALLOCATED" for row in held):
        return "LIVE"
    stays = [row for row in world[Allocation].values() if row["user_id"] == user["id"]]
    last = max(stays, key=lambda stay: (stay["allocated_at"], stay["id"]), default=None)
    ended = {None, "EXPIRED", "UPGRADED"}
    return "EXPIRED" if last is not None and last["release_reason"] in ended else "NONE"


def expires_within(world: World, row: Row, days: int) -> bool:
    live = license_status(world, row) in {"AVAILABLE", "ALLOCATED"}
    expires_at = row["expires_at"]
    return live and expires_at is not None and expires_at <= world.now + days * DAY


def of_holder(holds: Holds) -> Holds:
    def ask(world: World, row: Row, asked: Any) -> bool:
        holder = world[User].get(row["holder_id"])
        return holder is not None and world.sees(holder) and holds(world, holder, asked)

    return ask


def looked_after(world: World, company: Row, asked: str) -> bool:
    user_id = company["account_manager_id"]
    if user_id is None or not world.may_ask_by(user_id):
        return False
    return global_id("User", user_id) == asked


def has_requests(world: World, row: Row, asked: bool) -> bool:
    orders = (order for order in world[Order].values() if order["company_id"] == row["id"])
    return any(order["status"] in OPEN for order in orders) == asked


def requested_by(world: World, row: Row, asked: Mapping[str, Any]) -> bool:
    user_id = row["requested_by_id"]
    if user_id is None or not world.knows(user_id):
        return False
    return reads(world[User][user_id]["email_key"], asked, str.lower)


def about(world: World, row: Row, asked: str) -> bool:
    kinds: dict[str, type[Model]] = {
        "Company": Company,
        "User": User,
        "Order": Order,
        "License": License,
    }
    if row["subject_type"] not in kinds:
        return False
    subject = world[kinds[row["subject_type"]]].get(row["subject_id"])
    is_it = global_id(row["subject_type"], row["subject_id"]) == asked
    return is_it and subject is not None and world.sees(subject)


def done_by(world: World, row: Row, asked: str) -> bool:
    user_id = row["actor_id"]
    if user_id is None or not world.may_ask_by(user_id):
        return False
    return global_id("User", user_id) == asked


EMAIL: Final = text("email_key", str.lower)
NAME: Final = named(lambda world, row: full_name(row))
DEPARTMENT: Final = text("department")


def never_signed_in(world: World, row: Row, asked: bool) -> bool:
    return (row["last_sign_in_at"] is None) == asked


WORDS: Final[Mapping[str, Mapping[str, Holds]]] = {
    "CompanyFilter": {
        "name": named(lambda world, row: row["name"]),
        "kind": one_of("kind"),
        "status": lambda world, row, asked: company_status(row) in asked,
        "plan": one_of("plan"),
        "country": text("country"),
        "externalId": text("external_id"),
        "accountManagerId": looked_after,
        "createdAt": instant("created_at"),
        "updatedAt": instant("updated_at"),
        "hasRequestedOrders": has_requests,
    },
    "UserFilter": {
        "email": EMAIL,
        "name": NAME,
        "department": DEPARTMENT,
        "role": one_of("role"),
        "status": lambda world, row, asked: user_status(row) in asked,
        "licenseStatus": lambda world, row, asked: licensed(world, row) in asked,
        "neverSignedIn": never_signed_in,
        "lastSignInAt": instant("last_sign_in_at"),
        "updatedAt": instant("updated_at"),
        "externalId": text("external_id"),
        "companyId": id_of("Company", "company_id"),
    },
    "OrderFilter": {
        "number": text("number"),
        "companyId": id_of("Company", "company_id"),
        "companyName": named(lambda world, row: company(world, row)["name"]),
        "status": one_of("status"),
        "licenseType": one_of("license_type"),
        "origin": one_of("origin"),
        "quantity": number("quantity"),
        "purchaseOrder": text("purchase_order"),
        "requestedAt": instant("requested_at"),
        "assignedAt": instant("assigned_at"),
        "updatedAt": instant("updated_at"),
        "accountManagerId": lambda world, row, asked: looked_after(
            world, company(world, row), asked
        ),
        "requestedByEmail": requested_by,
    },
    "LicenseFilter": {
        "status": lambda world, row, asked: license_status(world, row) in asked,
        "type": one_of("type"),
        "companyId": id_of("Company", "company_id"),
        "orderId": id_of("Order", "order_id"),
        "expiresWithinDays": expires_within,
        "expiresAt": instant("expires_at"),
        "allocatedAt": instant("allocated_at"),
        "updatedAt": instant("updated_at"),
        "userName": of_holder(NAME),
        "userEmail": of_holder(EMAIL),
        "userDepartment": of_holder(DEPARTMENT),
        "userNeverSignedIn": of_holder(never_signed_in),
    },
    "NotificationFilter": {
        "template": one_of("template"),
        "status": one_of("status"),
        "companyId": id_of("Company", "company_id"),
        "orderId": id_of("Order", "order_id"),
        "recipient": text("recipient", str.lower),
        "createdAt": instant("created_at"),
    },
    "AuditEventFilter": {
        "action": text("action"),
        "companyId": id_of("Company", "company_id"),
        "subjectId": about,
        "actorId": done_by,
        "at": instant("at"),
        "manageMode": lambda world, row, asked: (row["on_behalf_of_id"] is not None) == asked,
    },
}
"""What each field of each filter means."""

Value = Callable[[World, Row], Any]


def column(name: str) -> Value:
    return lambda world, row: row[name]


ORDERS: Final[Mapping[str, Mapping[str, Value]]] = {
    "CompanyOrder": {"NAME": column("name_key"), "CREATED_AT": column("created_at")},
    "UserOrder": {
        "NAME": lambda world, row: sort_key(full_name(row)),
        "EMAIL": column("email_key"),
        "CREATED_AT": column("created_at"),
        "LAST_SIGN_IN_AT": column("last_sign_in_at"),
    },
    "OrderOrder": {
        "REQUESTED_AT": column("requested_at"),
        "ASSIGNED_AT": column("assigned_at"),
        "NUMBER": column("number"),
        "QUANTITY": column("quantity"),
        "COMPANY_NAME": lambda world, row: company(world, row)["name_key"],
    },
    "LicenseOrder": {
        "EXPIRES_AT": column("expires_at"),
        "ASSIGNED_AT": column("assigned_at"),
        "ALLOCATED_AT": column("allocated_at"),
    },
}
"""By what each field of each order sorts."""
DEFAULTS: Final = {
    "CompanyOrder": ("NAME", "ASC"),
    "UserOrder": ("NAME", "ASC"),
    "OrderOrder": ("REQUESTED_AT", "DESC"),
    "LicenseOrder": ("EXPIRES_AT", "ASC"),
}
SCOPES: Final[Mapping[str, Callable[[World, Row], bool]]] = {
    "OWN": lambda world, row: bool(row["path"] == world.pam["path"]),
    "BELOW": lambda world, row: bool(row["path"] != world.pam["path"]),
    "SUBTREE": lambda world, row: True,
}


def is_acting(world: World, row: Row) -> bool:
    return bool(row["company_id"] == world.street.partner.id)


def tells_of(world: World, row: Row) -> bool:
    """Mails to people of hers, to the account manager, and to those who acted on the order."""
    if not world.sees(row):
        return False
    order = world[Order].get(row["order_id"], {})
    acted = [order.get(f"{act}_by_id") for act in ("requested", "assigned", "decided")]
    named = {company(world, row)["account_manager_id"], *acted}
    return world.may_ask_by(row["user_id"]) or row["user_id"] in named


@dataclass(frozen=True)
class Listed:
    """Of which table a list is, which rows of it she sees, and which are shown unasked."""

    model: type[Model]
    sees: Callable[[World, Row], bool] = World.sees
    shown: Callable[[Row], bool] = lambda row: True
    newest: str = "created_at"
    """What it is sorted by where there is no choice."""


LISTED: Final[Mapping[str, Listed]] = {
    "Company": Listed(Company, shown=lambda row: not row["is_archived"]),
    "User": Listed(User, shown=lambda row: row["removed_at"] is None),
    "Order": Listed(Order),
    "License": Listed(License, shown=lambda row: row["voided_at"] is None),
    "Allocation": Listed(
        Allocation,
        lambda world, row: world.sees(world[License][row["license_id"]]),
        newest="allocated_at",
    ),
    "Notification": Listed(Notification, tells_of),
    "AuditEvent": Listed(AuditEvent, newest="at"),
    "ApiToken": Listed(ApiToken, is_acting),
    "WebhookEndpoint": Listed(WebhookEndpoint, is_acting),
    "WebhookDelivery": Listed(
        WebhookDelivery,
        lambda world, row: is_acting(world, world[WebhookEndpoint][row["endpoint_id"]]),
    ),
}
BELONGS: Final[Mapping[tuple[str, str], Callable[[Row, Row], bool]]] = {
    ("Company", "children"): lambda owner, row: row["parent_id"] == owner["id"],
    ("Company", "descendants"): lambda owner, row: (
        row["path"].startswith(owner["path"]) and row["path"] != owner["path"]
    ),
    ("Company", "users"): lambda owner, row: row["company_id"] == owner["id"],
    ("Company", "orders"): lambda owner, row: row["company_id"] == owner["id"],
    ("Company", "licenses"): lambda owner, row: row["company_id"] == owner["id"],
    ("Order", "licenses"): lambda owner, row: row["order_id"] == owner["id"],
    ("License", "allocations"): lambda owner, row: row["license_id"] == owner["id"],
    ("User", "allocations"): lambda owner, row: row["user_id"] == owner["id"],
    ("WebhookEndpoint", "deliveries"): lambda owner, row: row["endpoint_id"] == owner["id"],
}
"""The lists that belong to a row: which of the others they hold."""


# ── What is asked ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class List:
    """A list as the schema has it."""

    owner: str
    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """Their types, but for those of pages."""
        found = SCHEMA.type_map[self.owner].fields[self.name].args
        return {name: found[name].type for name in ("scope", "filter", "orderBy") if name in found}

    @property
    def listed(self) -> Listed:
        connection = get_named_type(SCHEMA.type_map[self.owner].fields[self.name].type)
        return LISTED[connection.name.removesuffix("Connection")]

    @property
    def document(self) -> str:
        types = {name: str(type) for name, type in self.arguments.items()}
        types |= {"first": "Int", "last": "Int", "after": "String", "before": "String"}
        takes = ", ".join(f"${name}: {type}" for name, type in types.items())
        passes = ", ".join(f"{name}: ${name}" for name in types)
        page = f"""page: {self.name}({passes}) {{ totalCount edges {{ cursor node {{ id }} }}
            pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }}"""
        if self.owner == "Query":
            return f"query({takes}) {{ {page} }}"
        return (
            f"query($id: ID!, {takes}) {{ node(id: $id) {{ ... on {self.owner} {{ {page} }} }} }}"
        )

    def asked(self, world: World) -> st.SearchStrategy[Row]:
        """Arguments of all kinds, with values that are there and some that are not."""
        return st.fixed_dictionaries(
            {}, optional={name: given_as(type, world) for name, type in self.arguments.items()}
        )

    def expected(self, world: World, owner: Row | None, asked: Row) -> list[str]:
        """The ids, in order."""
        listed = self.listed
        belongs = BELONGS.get((self.owner, self.name))
        rows = [
            row
            for row in world[listed.model].values()
            if listed.sees(world, row)
            and (owner is None or belongs is None or belongs(owner, row))
            and SCOPES[asked.get("scope", "SUBTREE")](world, row)
            and self._holds(world, row, asked.get("filter", {}))
        ]
        value, direction = self._order(asked.get("orderBy"))
        ids = in_order(rows, lambda row: value(world, row), descending=direction == "DESC")
        return [global_id(listed.model.__name__, id) for id in ids]

    def _order(self, asked: Row | None) -> tuple[Value, str]:
        if "orderBy" not in self.arguments:
            return column(self.listed.newest), "DESC"
        kind = get_named_type(self.arguments["orderBy"]).name
        field, direction = DEFAULTS[kind]
        asked = asked or {}
        return ORDERS[kind][asked.get("field", field)], asked.get("direction", direction)

    def _holds(self, world: World, row: Row, filter: Row, *, decided: bool = False) -> bool:
        decided = decided or "status" in filter
        words = WORDS[get_named_type(self.arguments["filter"]).name] if filter else {}
        fields = {name: asked for name, asked in filter.items() if name != "or"}
        if not all(words[name](world, row, asked) for name, asked in fields.items()):
            return False
        if "or" in filter:
            return any(self._holds(world, row, each, decided=decided) for each in filter["or"])
        return decided or self.listed.shown(row)


TEXTS: Final[Mapping[str, tuple[tuple[type[Model], str], ...]]] = {
    "name": ((Company, "name"), (User, "first_name")),
    "userName": ((User, "first_name"), (User, "last_name")),
    "companyName": ((Company, "name"),),
    "country": ((Company, "country"),),
    "externalId": ((Company, "external_id"), (User, "external_id")),
    "email": ((User, "email"),),
    "userEmail": ((User, "email"),),
    "requestedByEmail": ((User, "email"),),
    "recipient": ((Notification, "recipient"),),
    "department": ((User, "department"),),
    "userDepartment": ((User, "department"),),
    "number": ((Order, "number"),),
    "purchaseOrder": ((Order, "purchase_order"),),
    "action": ((AuditEvent, "action"),),
}
IDS: Final[Mapping[str, type[Model]]] = {
    "companyId": Company,
    "orderId": Order,
    "accountManagerId": User,
    "actorId": User,
}


ALL: Final = [List(*each) for each in LISTS]
FILTERED: Final = [each for each in ALL if "filter" in each.arguments]


def given_as(type: Any, world: World, field: str = "", depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of this type that an argument may have; `field` says of what."""
    type = get_nullable_type(type)
    if isinstance(type, GraphQLList):
        most = 2 if isinstance(get_named_type(type), GraphQLInputObjectType) else 3
        return st.lists(given_as(type.of_type, world, field, depth), max_size=most)
    if isinstance(type, GraphQLEnumType):
        return st.sampled_from(sorted(type.values))
    if isinstance(type, GraphQLInputObjectType):
        return filters(type, world, depth) if type.name in WORDS else parts(type, world, field)
    match type.name:
        case "Boolean":
            return st.booleans()
        case "Int":
            return st.integers(-1, 6) if field == "quantity" else st.integers(-1, 400)
        case "DateTime":
            return st.sampled_from(world.instants(field))
        case "ID":
            return st.sampled_from(world.ids(field))
        case _:
            return st.sampled_from(world.texts(field))


def filters(
    type: GraphQLInputObjectType, world: World, depth: int
) -> st.SearchStrategy[Mapping[str, Any]]:
    given = {
        name: given_as(each.type, world, name, depth + (name == "or"))
        for name, each in type.fields.items()
        if name != "or" or depth < 2
    }
    return few(given)


def parts(
    type: GraphQLInputObjectType, world: World, field: str
) -> st.SearchStrategy[Mapping[str, Any]]:
    return few({name: given_as(each.type, world, field) for name, each in type.fields.items()})


def few(given: Mapping[str, Any]) -> st.SearchStrategy[Mapping[str, Any]]:
    """One or two fields at once, so that something is found."""
    some = st.lists(st.sampled_from(sorted(given)), min_size=1, max_size=2, unique=True)
    return some.flatmap(lambda names: st.fixed_dictionaries({name: given[name] for name in names}))


def values(type: Any, world: World, field: str) -> list[Any]:
    """Some for each way in which a word may be asked."""
    type = get_nullable_type(type)
    if isinstance(type, GraphQLInputObjectType):
        ways = type.fields.items()
        return [{way: value} for way, each in ways for value in values(each.type, world, field)]
    if isinstance(type, GraphQLList):
        return [[value] for value in values(type.of_type, world, field)]
    if isinstance(type, GraphQLEnumType):
        return sorted(type.values)
    match type.name:
        case "Boolean":
            return [True, False]
        case "Int":
            return [2, 3, 6] if field == "quantity" else [-1, 0, 29, 30, 400]
        case "DateTime":
            return some(world.instants(field), 3)
        case "ID":
            return some(world.ids(field), 8)
        case _:
            return some(world.texts(field), 6)


def some(there: list[Any], most: int) -> list[Any]:
    """From the first to the last."""
    return there[:: -(-len(there) // most)] if there else []


# ── Tests ────────────────────────────────────────────────────────────────────────────────────────


def test_every_list_filter_and_order_of_the_schema_is_here() -> None:
    types = {get_named_type(type).name for each in ALL for type in each.arguments.values()}
    fields = {
        name: set(SCHEMA.type_map[name].fields) - {"or"}
        for name in types
        if name.endswith("Filter")
    }
    orders = {
        name: set(SCHEMA.type_map[f"{name}Field"].values)
        for name in types
        if name.endswith("Order")
    }

    assert {each for each in LISTS if each[0] != "Query"} == set(BELONGS)
    assert fields == {name: set(words) for name, words in WORDS.items()}
    assert orders == {name: set(values) for name, values in ORDERS.items()}


@pytest_asyncio.fixture
async def world(make: Make, clock: Clock) -> AsyncIterator[World]:
    street = await filled(make, clock)
    async with application(make, clock) as api:
        world = World(street, await api.of(street.pam), clock())
        await world.load()
        yield world


async def test_a_cursor_is_refused_by_every_other_list(world: World) -> None:
    cursors = {}
    ids = {}
    for asks in ALL:
        owners = [] if asks.owner == "Query" else world.seen(asks.owner)
        full = [row for row in owners if asks.expected(world, row, {})]
        ids[asks] = global_id(asks.owner, full[0]["id"]) if full else None
        answer = await world.client.ask(asks.document, id=ids[asks], first=1)
        page = answer if asks.owner == "Query" else answer["page"]
        cursors[asks] = page["pageInfo"]["endCursor"]

    taken = []
    for asks in ALL:
        for other in ALL:
            answer = await world.client.send(asks.document, id=ids[asks], after=cursors[other])
            codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
            if codes != ["BAD_USER_INPUT"]:
                taken.append((asks, other))

    assert None not in cursors.values()
    assert taken == [(asks, asks) for asks in ALL]


async def test_every_word_of_every_filter_finds_what_plain_python_finds(world: World) -> None:
    """Alone, with values that are there, in every way that it may be asked."""
    wrong = []
    for asks in FILTERED:
        if asks.owner != "Query":
            continue
        words = get_named_type(asks.arguments["filter"]).fields
        for name, type in words.items():
            for value in values(type.type, world, name) if name != "or" else ():
                filter = {name: value}
                page = await world.client.ask(asks.document, filter=filter, first=200)
                found = {edge["node"]["id"] for edge in page["edges"]}
                expected = asks.expected(world, None, {"filter": filter})
                if (found, page["totalCount"]) != (set(expected), len(expected)):
                    wrong.append((asks.name, filter))

    assert wrong == []


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_pages_hold_what_plain_python_finds(world: World, data: st.DataObject) -> None:
    """Forward or backward, in pages of any size, as many as are counted."""
    asks = data.draw(st.sampled_from(FILTERED) | st.sampled_from(ALL), "list")
    owner, id = data.draw(world.owners(asks.owner), "of") if asks.owner != "Query" else (None, None)
    tried = data.draw(st.lists(asks.asked(world), min_size=4, max_size=4), "one of which is asked")
    asked = next((each for each in tried if asks.expected(world, owner, each)), tried[0])
    backward = data.draw(st.booleans(), "backward")
    size = data.draw(st.sampled_from([7, 50]), "size")
    expected = asks.expected(world, owner, asked)

    found: list[str] = []
    cursor = None
    for _ in range(max(-(-len(expected) // size), 1)):
        window = {"last": size, "before": cursor} if backward else {"first": size, "after": cursor}
        answer = await world.client.ask(asks.document, id=id, **asked, **window)
        page = answer if owner is None else answer["page"]
        ids = [edge["node"]["id"] for edge in page["edges"]]
        found = ids + found if backward else found + ids
        info = page["pageInfo"]
        ahead, behind = ("hasPreviousPage", "hasNextPage")[:: 1 if backward else -1]
        assert (page["totalCount"], info[ahead]) == (len(expected), len(found) < len(expected))
        assert info[behind] == (len(found) > len(ids))
        cursor = info["startCursor" if backward else "endCursor"]

    assert found == expected
