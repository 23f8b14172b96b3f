"""The enums of the models, and of the lists, as GraphQL tells them."""

from enum import Enum
from typing import Any

import strawberry

from models.companies import CompanyKind, CompanyPlan, CompanyStatus
from models.licenses import LicenseStatus, LicenseType, ReleaseReason
from models.orders import OrderOrigin, OrderStatus
from models.outbox import NotificationStatus, NotificationTemplate
from models.tokens import ApiScope
from models.users import UserRole, UserStatus
from models.webhooks import WebhookDeliveryStatus, WebhookEvent
from resolvers.licenses import ShortagePolicy
from resolvers.reading.users import UserLicenseStatus
from resolvers.reading.windows import Scope, SortDirection


def described(enum: type[Enum], description: str, **values: str) -> None:
    """Make it a GraphQL enum; each of its values is described."""
    registered: Any = strawberry.enum(enum, description=description)
    for value in registered.__strawberry_definition__.values:
        value.description = values.pop(value.name)
    if values:
        raise ValueError(f"{enum.__name__} has no {', '.join(values)}.")


described(
    Scope,
    "Of which companies.",
    OWN="The acting company alone.",
    BELOW="Every company beneath it.",
    SUBTREE="Both.",
)
described(
    SortDirection,
    "Which way round. Null is last both ways.",
    ASC="Smallest, oldest or first by letter first.",
    DESC="Largest, newest or last by letter first.",
)
described(
    CompanyKind,
    "What a company is to the platform.",
    VENDOR="The root of the tree, who runs the platform.",
    DISTRIBUTOR="Looks after partners and customers.",
    PARTNER="Looks after customers, and partners beneath it.",
    CUSTOMER="Trains its own people; nothing is beneath it.",
)
described(
    CompanyStatus,
    "Whether work goes on.",
    ACTIVE="Work goes on.",
    ARCHIVED="Archived itself, or beneath a company that is.",
)
described(
    CompanyPlan,
    "What a company runs on.",
    NONE="Nothing: no order has been assigned yet.",
    TRIAL="A trial.",
    PREMIUM="Licenses of its own.",
    MANAGED="Licenses of its own, in a program that its partner runs.",
    NFR="Licenses not for resale: what partners and distributors start on.",
)
described(
    UserRole,
    "What a person is in their company.",
    LEARNER="Takes the training.",
    MANAGER="Manages a customer.",
    ACCOUNT_MANAGER="Manages a vendor, distributor or partner, and all companies beneath it.",
)
described(
    UserStatus,
    "Whether a person has come in.",
    INVITED="Has no password yet.",
    ACTIVE="Has a password.",
    REMOVED="Is gone; the history stays.",
)
described(
    UserLicenseStatus,
    "What a person has by way of a license.",
    NONE="Neither a live one, nor one that expired.",
    LIVE="A live one.",
    EXPIRED="None live, and the last one ran out, or was ended by an upgrade, while held.",
)
described(
    LicenseType,
    "What a license is for, and how long it lasts.",
    PREMIUM="12 months from assignment.",
    MANAGED="12 months from assignment; the partner runs the program.",
    TRIAL="30 days; comes with a customer's creation.",
    NFR="Never expires; not for resale.",
)
described(
    LicenseStatus,
    "Told from the clock at the moment of asking.",
    AVAILABLE="Live, with nobody.",
    ALLOCATED="Live, with a learner.",
    EXPIRED="Its time has run out.",
    VOID="Returned with its order; in no count, and in no list unless asked for.",
)
described(
    ReleaseReason,
    "Why a stay of a license with a learner ended.",
    RELEASED="It was taken back.",
    REALLOCATED="It was moved to another learner.",
    USER_REMOVED="The learner was removed.",
    EXPIRED="The license ran out.",
    UPGRADED="The trial was upgraded.",
)
described(
    OrderStatus,
    "How far an order is.",
    REQUESTED="Waits to be assigned.",
    PARTIALLY_ASSIGNED="A part is assigned, the rest waits.",
    ASSIGNED="All of it is assigned.",
    DECLINED="Refused by a company above.",
    CANCELLED="Taken back by the ordering side, or above.",
    RETURNED="Given back after assignment.",
)
described(
    OrderOrigin,
    "How an order came about.",
    CUSTOMER_REQUEST="The company asked for itself.",
    PARTNER_ON_BEHALF="Asked from above, or in manage mode.",
    COMPANY_CREATION="Came with the company.",
    TRIAL_UPGRADE="Replaces a trial.",
    RENEWAL="Licenses of that type had expired, or were about to.",
    NFR_GRANT="The licenses that a partner or distributor starts with.",
)
described(
    NotificationTemplate,
    "What a mail says.",
    ORDER_REQUESTED="An order waits to be assigned.",
    ORDER_ASSIGNED="Licenses are ready to allocate.",
    ORDER_DECLINED="An order was declined.",
    ORDER_CANCELLED="An order was cancelled or returned.",
    ORDER_WAITING="An order still waits to be assigned.",
    LICENSES_EXPIRING="Licenses are about to expire.",
    LICENSES_EXPIRED="Licenses have expired.",
    TRIAL_EXPIRING="A trial is about to end.",
    TRIAL_EXPIRED="A trial has ended.",
    PARTNER_WELCOME="Welcome to an account manager; with a link that sets a password.",
    MANAGER_WELCOME="Welcome to a manager; with a link that sets a password.",
    PASSWORD_RESET="A link that sets a new password.",  # noqa: S106
    WEBHOOK_DISABLED="A webhook failed for three days and was switched off.",
)
described(
    NotificationStatus,
    "How far a mail is.",
    QUEUED="Waits to be sent.",
    SENT="The mail server has taken it.",
    FAILED="It cannot be delivered.",
)
described(
    WebhookEvent,
    "What a webhook tells of.",
    COMPANY_CREATED="A company was created.",
    ORDER_REQUESTED="An order was requested; `count` licenses.",
    ORDER_ASSIGNED="An order was assigned, wholly or in part: `licenseIds` are there, `count` of "
    "them, until `expiresAt`.",
    ORDER_DECLINED="What was open of an order was declined: `count` licenses.",
    ORDER_CANCELLED="What was open of an order was cancelled: `count` licenses.",
    ORDER_RETURNED="An order was returned: its licenses, `count` of them, are void.",
    LICENSES_ALLOCATED="`licenseIds`, `count` of them, were given to learners.",
    LICENSES_RELEASED="`licenseIds`, `count` of them, were taken from learners.",
    LICENSES_EXPIRING="`count` licenses expire at `expiresAt`.",
    LICENSES_EXPIRED="`count` licenses expired at `expiresAt`.",
)
described(
    WebhookDeliveryStatus,
    "How far a delivery is.",
    QUEUED="Waits to be sent, or to be tried again.",
    DELIVERED="The receiver has taken it.",
    FAILED="It was given up: after three days, or because the endpoint was switched off.",
)
described(
    ShortagePolicy,
    "What if the pool is too small.",
    FAIL="All or nothing.",
    PARTIAL="The first ones get a license; the rest are told in `shortage`.",
)
described(
    ApiScope,
    "What an API token may be used for. What is listed for none of these is for people alone.",
    READ="All that is read: root fields, subscriptions, exports, and what lies behind the plain "
    "fields of the rows that a mutation answers with.",
    COMPANIES_WRITE="Create, update, move, archive and restore companies.",
    USERS_WRITE="Add, import, update and remove learners.",
    ORDERS_REQUEST="Request licenses, upgrade trials, update and cancel orders.",
    ORDERS_ASSIGN="Assign, decline and return orders.",
    LICENSES_ALLOCATE="Allocate, release and reallocate licenses.",
    WEBHOOKS_WRITE="Create, update and delete webhooks, and have them delivered again.",
)
