"""What must always hold, asked of the database itself: each rule is one statement that finds ids.

Nothing is taken on trust that a constraint, an index or an operation should have seen to. A rule
about mail finds only what the rows prove: who was to be mailed then may have changed since.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tortoise.models import Model

from models import registry
from models.chores import last_round
from models.companies import MAY_CREATE, STEP, CompanyKind
from models.database import is_sqlite, rows
from models.deadlines import NEWS_FOR, utc_day
from models.licenses import LicenseType, ReleaseReason
from models.orders import OrderOrigin, may_request
from models.outbox import NotificationTemplate
from models.users import UserRole, managing_role

MOST: Final = 100
"""Ids that are found of one rule."""
MARGIN: Final = timedelta(days=1)
"""The daily jobs have done what was due so long before their last round ended."""
NEVER: Final = datetime(9000, 1, 1, tzinfo=UTC)
_NAMED: Final = re.compile(r"(?<!:):([a-z_]+)")

LIVE: Final = (
    "licenses.voided_at IS NULL AND (licenses.expires_at IS NULL OR licenses.expires_at > :now)"
)
# In order of time, a stay that overlaps any later one overlaps the next.
OVERLAP: Final = """
    SELECT id FROM (
        SELECT id, released_at, LEAD(allocated_at) OVER (
            PARTITION BY {column} ORDER BY allocated_at, COALESCE(released_at, :never), id
        ) AS next FROM allocations
    ) AS stay WHERE next IS NOT NULL AND (released_at IS NULL OR released_at > next)"""


def _listed(*values: str) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _any_of(*conditions: str) -> str:
    return "(" + " OR ".join(conditions) + ")"


KINDS_FIT: Final = _any_of(
    *(
        f"above.kind = '{kind}' AND companies.kind IN ({_listed(*beneath)})"
        for kind, beneath in MAY_CREATE.items()
        if beneath
    )
)
TYPES_FIT: Final = _any_of(
    *(
        f"companies.kind = '{k}' AND license_type IN ({_listed(*may_request(k))})"
        for k in CompanyKind
    ),
    f"companies.kind = '{CompanyKind.CUSTOMER}' AND license_type = '{LicenseType.TRIAL}'",
    f"companies.kind IN ({_listed(CompanyKind.DISTRIBUTOR, CompanyKind.PARTNER)})"
    f" AND license_type = '{LicenseType.NFR}'",
)
ROLES_FIT: Final = _any_of(
    f"users.role = '{UserRole.LEARNER}'",
    *(
        f"companies.kind = '{kind}' AND users.role = '{managing_role(kind)}'"
        for kind in CompanyKind
    ),
)

OF_THE_TREE: Final = {
    "there is one root": """
        SELECT id FROM companies WHERE parent_id IS NULL
        AND (SELECT COUNT(*) FROM companies WHERE parent_id IS NULL) > 1""",
    "a company's path leads through its parent's": f"""
        SELECT companies.id FROM companies LEFT JOIN companies above
        ON above.id = companies.parent_id
        WHERE LENGTH(companies.path) <> COALESCE(LENGTH(above.path), 0) + {STEP}
        OR SUBSTR(companies.path, 1, LENGTH(above.path)) <> above.path""",
    "a path is of one company": """
        SELECT id FROM companies WHERE path IN (
            SELECT path FROM companies GROUP BY path HAVING COUNT(*) > 1)""",
    "a company's kind fits its parent's": f"""
        SELECT companies.id FROM companies JOIN companies above ON above.id = companies.parent_id
        WHERE NOT {KINDS_FIT}""",
    "a company is archived when it is so itself, or the one above": """
        SELECT companies.id FROM companies LEFT JOIN companies above
        ON above.id = companies.parent_id WHERE companies.is_archived <>
        (companies.archived_at IS NOT NULL OR COALESCE(above.is_archived, FALSE))""",
    "a company's account manager is one of a company above": f"""
        SELECT companies.id FROM companies JOIN users ON users.id = companies.account_manager_id
        WHERE users.removed_at IS NOT NULL OR users.role <> '{UserRole.ACCOUNT_MANAGER}'
        OR users.path = companies.path
        OR SUBSTR(companies.path, 1, LENGTH(users.path)) <> users.path""",
    "a role fits the kind of company": f"""
        SELECT users.id FROM users JOIN companies ON companies.id = users.company_id
        WHERE NOT {ROLES_FIT}""",
    "an address is of one person": """
        SELECT id FROM users WHERE removed_at IS NULL AND email_key IN (
            SELECT email_key FROM users WHERE removed_at IS NULL
            GROUP BY email_key HAVING COUNT(*) > 1)""",
}
OF_LICENSES: Final = {
    "an order has as many licenses as were assigned": """
        SELECT orders.id FROM orders LEFT JOIN licenses ON licenses.order_id = orders.id
        GROUP BY orders.id, orders.assigned_quantity
        HAVING COUNT(licenses.id) <> orders.assigned_quantity""",
    "an order's type fits its company's kind": f"""
        SELECT orders.id FROM orders JOIN companies ON companies.id = orders.company_id
        WHERE NOT {TYPES_FIT}""",
    "a number is of one order": """
        SELECT id FROM orders WHERE number IN (
            SELECT number FROM orders GROUP BY number HAVING COUNT(*) > 1)""",
    "a license is of its order's company and type": """
        SELECT licenses.id FROM licenses JOIN orders ON orders.id = licenses.order_id
        WHERE licenses.company_id <> orders.company_id OR licenses.type <> orders.license_type""",
    "the licenses of a returned order, and no others, are void": """
        SELECT licenses.id FROM licenses JOIN orders ON orders.id = licenses.order_id
        WHERE (orders.status = 'RETURNED') <> (licenses.voided_at IS NOT NULL)""",
    "an order expires with the last of its licenses": """
        SELECT orders.id FROM orders JOIN licenses ON licenses.order_id = orders.id
        GROUP BY orders.id, orders.expires_at
        HAVING MAX(licenses.expires_at) <> orders.expires_at""",
    "licenses that an order was assigned at once expire at once": """
        SELECT order_id AS id FROM licenses GROUP BY order_id, assigned_at
        HAVING MIN(expires_at) <> MAX(expires_at) OR COUNT(expires_at) NOT IN (0, COUNT(*))""",
    "a learner holds at most one live license": f"""
        SELECT holder_id AS id FROM licenses WHERE {LIVE} AND holder_id IS NOT NULL
        GROUP BY holder_id HAVING COUNT(*) > 1""",
    "a license has at most one open stay": """
        SELECT license_id AS id FROM allocations WHERE released_at IS NULL
        GROUP BY license_id HAVING COUNT(*) > 1""",
    "a learner has at most one open stay": """
        SELECT user_id AS id FROM allocations WHERE released_at IS NULL
        GROUP BY user_id HAVING COUNT(*) > 1""",
    "a live license is with whoever has its open stay": f"""
        SELECT licenses.id FROM licenses LEFT JOIN allocations
        ON allocations.license_id = licenses.id AND allocations.released_at IS NULL
        WHERE {LIVE} AND NOT COALESCE(
            licenses.holder_id = allocations.user_id
            AND licenses.allocated_at = allocations.allocated_at,
            licenses.holder_id IS NULL AND allocations.id IS NULL)""",
    "a void license has never been with anybody": """
        SELECT licenses.id FROM licenses JOIN allocations ON allocations.license_id = licenses.id
        WHERE licenses.voided_at IS NOT NULL""",
    "a stay that the clock ended, ended with its license": """
        SELECT allocations.id FROM allocations JOIN licenses ON licenses.id = allocations.license_id
        WHERE allocations.release_reason = 'EXPIRED'
        AND allocations.released_at <> licenses.expires_at""",
    "no stay outlasts its license": """
        SELECT allocations.id FROM allocations JOIN licenses ON licenses.id = allocations.license_id
        WHERE allocations.released_at > licenses.expires_at
        OR allocations.allocated_at >= licenses.expires_at AND allocations.released_at IS NULL""",
    "stays of a license do not overlap": OVERLAP.format(column="license_id"),
    "stays of a learner do not overlap": OVERLAP.format(column="user_id"),
    "a stay is in its learner's company": """
        SELECT allocations.id FROM allocations JOIN licenses ON licenses.id = allocations.license_id
        JOIN users ON users.id = allocations.user_id
        WHERE users.company_id <> licenses.company_id""",
    "a holder is of the license's company": """
        SELECT licenses.id FROM licenses JOIN users ON users.id = licenses.holder_id
        WHERE users.company_id <> licenses.company_id""",
    "the holder of a live license is still there": f"""
        SELECT licenses.id FROM licenses JOIN users ON users.id = licenses.holder_id
        WHERE {LIVE} AND users.removed_at IS NOT NULL""",
    "the end of a stay that ran out before the last daily jobs is written down": """
        SELECT allocations.id FROM allocations JOIN licenses ON licenses.id = allocations.license_id
        WHERE allocations.released_at IS NULL AND licenses.expires_at < :jobs_done""",
}

TOLD_MANAGERS: Final = {
    "order.assigned": NotificationTemplate.ORDER_ASSIGNED,
    "order.declined": NotificationTemplate.ORDER_DECLINED,
    "order.cancelled": NotificationTemplate.ORDER_CANCELLED,
    "order.returned": NotificationTemplate.ORDER_CANCELLED,
}
TOLD_ACCOUNT_MANAGER: Final = {
    "order.requested": NotificationTemplate.ORDER_REQUESTED,
    "order.cancelled": NotificationTemplate.ORDER_CANCELLED,
    "order.returned": NotificationTemplate.ORDER_CANCELLED,
}


def _since(at: str, subject: str, *actions: str) -> str:
    """Whether anything of the kind was done to the subject after that, or at the same instant."""
    return f"""EXISTS (
        SELECT 1 FROM audit_events done WHERE done.subject_id = {subject}
        AND done.action IN ({_listed(*actions)}) AND done.at >= {at})"""


def _stood(at: str) -> str:
    """Whether a manager was one by then, and had muted what is muted now."""
    changes = ("manager.added", "manager.removed", "preferences.updated")
    return f"users.created_at < {at} AND NOT {_since(at, 'users.id', *changes)}"


def _looked_after(at: str) -> str:
    """Whether the person is the company's account manager and was so by then.

    Who stands above a company that is at work is at work, too.
    """
    return f"""companies.account_manager_id = users.id AND {_stood(at)}
        AND NOT EXISTS (
            SELECT 1 FROM audit_events done WHERE done.subject_id = companies.id
            AND done.action = 'company.updated' AND done.at >= {at}
            AND CAST(done.facts AS TEXT) LIKE '%"account_manager_id"%')"""


# Whoever was made with the company came at that very instant, and before its order was assigned.
CAME_ALONG: Final = f"""
    events.action = 'order.assigned' AND companies.created_at = events.at
    AND users.created_at = events.at
    AND NOT {_since("events.at", "users.id", "manager.removed", "preferences.updated")}
    AND EXISTS (
        SELECT 1 FROM audit_events done WHERE done.subject_id = users.id
        AND done.action = 'manager.added' AND done.at = events.at AND done.id < events.id)"""
# An event is of the instant of its transaction, and so is the mail that was promised in it. SQLite
# asks in the order that is written here: few are untold, and of those alone it asks why.
UNTOLD: Final = """
    users.removed_at IS NULL AND users.role <> 'LEARNER'
    AND (events.actor_id IS NULL OR events.actor_id <> users.id)
    AND CAST(users.muted_templates AS TEXT) NOT LIKE '%"' || {template} || '"%'
    AND NOT EXISTS (
        SELECT 1 FROM notifications WHERE notifications.order_id = orders.id
        AND notifications.user_id = users.id AND notifications.template = {template}
        AND notifications.created_at = events.at)"""
OF_EXPIRY: Final = (
    NotificationTemplate.LICENSES_EXPIRING,
    NotificationTemplate.LICENSES_EXPIRED,
    NotificationTemplate.TRIAL_EXPIRING,
    NotificationTemplate.TRIAL_EXPIRED,
)


def _told(templates: Mapping[str, NotificationTemplate]) -> str:
    cases = " ".join(f"WHEN '{action}' THEN '{mail}'" for action, mail in templates.items())
    return UNTOLD.format(template=f"CASE events.action {cases} END")


def _untold_of_expiry(template: NotificationTemplate) -> str:
    """Managers, and the account manager, who have no mail of an expiry that was taken up.

    An upgrade ends a trial, too, and mails nobody.
    """
    company = f"SUBSTR(chores.key, {len(template) + 2}, 36)"
    at = "chores.done_at"
    return f"""
        SELECT users.id FROM chores JOIN companies ON {{id_as_text}} = {company}
        JOIN users ON users.company_id = companies.id OR users.id = companies.account_manager_id
        WHERE chores.key LIKE '{template}:%'
        AND users.removed_at IS NULL AND users.role <> '{UserRole.LEARNER}'
        AND NOT EXISTS (SELECT 1 FROM notifications WHERE notifications.key =
            chores.key || ':' || CAST(users.id AS TEXT))
        AND CAST(users.muted_templates AS TEXT) NOT LIKE '%"{template}"%'
        AND NOT EXISTS (
            SELECT 1 FROM audit_events done WHERE done.company_id = companies.id
            AND '{template}' = '{NotificationTemplate.TRIAL_EXPIRED}'
            AND done.action = 'license.expired'
            AND CAST(done.facts AS TEXT) LIKE '%"{ReleaseReason.UPGRADED}"%')
        AND (users.company_id = companies.id AND {_stood(at)} OR {_looked_after(at)})"""


OF_MAIL: Final = {
    "whoever was made a manager was promised a welcome": """
        SELECT events.subject_id AS id FROM audit_events events
        WHERE events.action = 'manager.added' AND events.actor_id IS NOT NULL
        AND events.actor_id <> events.subject_id AND NOT EXISTS (
            SELECT 1 FROM notifications WHERE notifications.user_id = events.subject_id
            AND notifications.template IN ('MANAGER_WELCOME', 'PARTNER_WELCOME')
            AND notifications.created_at = events.at)""",
    "whoever was made a link to reset a password was promised it": """
        SELECT links.user_id AS id FROM password_links links
        WHERE links.purpose = 'RESET' AND NOT EXISTS (
            SELECT 1 FROM notifications WHERE notifications.user_id = links.user_id
            AND notifications.template = 'PASSWORD_RESET'
            AND notifications.created_at = links.created_at)""",
    "of an order's fate its company's managers were promised mail": f"""
        SELECT DISTINCT orders.id FROM audit_events events
        JOIN orders ON orders.id = events.subject_id
        JOIN companies ON companies.id = orders.company_id
        JOIN users ON users.company_id = companies.id
        WHERE events.action IN ({_listed(*TOLD_MANAGERS)})
        AND NOT (events.action = 'order.assigned' AND orders.origin = '{OrderOrigin.NFR_GRANT}')
        AND {_told(TOLD_MANAGERS)} AND ({_stood("events.at")} OR {CAME_ALONG})""",
    "of an order its company's account manager was promised mail": f"""
        SELECT DISTINCT orders.id FROM audit_events events
        JOIN orders ON orders.id = events.subject_id
        JOIN companies ON companies.id = orders.company_id
        JOIN users ON users.id = companies.account_manager_id
        WHERE events.action IN ({_listed(*TOLD_ACCOUNT_MANAGER)})
        AND NOT (events.action = 'order.requested'
            AND orders.origin = '{OrderOrigin.COMPANY_CREATION}')
        AND {_told(TOLD_ACCOUNT_MANAGER)} AND {_looked_after("events.at")}""",
    "of an order that somebody was reminded of there is the mail": """
        SELECT orders.id FROM orders WHERE orders.reminded_at IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM notifications WHERE notifications.order_id = orders.id
            AND notifications.template = 'ORDER_WAITING'
            AND notifications.created_at = orders.reminded_at)""",
    "of an order that somebody was reminded of its account manager was promised mail": f"""
        SELECT orders.id FROM orders JOIN companies ON companies.id = orders.company_id
        JOIN users ON users.id = companies.account_manager_id
        WHERE orders.reminded_at IS NOT NULL
        AND users.removed_at IS NULL AND users.role <> '{UserRole.LEARNER}'
        AND CAST(users.muted_templates AS TEXT) NOT LIKE
            '%"{NotificationTemplate.ORDER_WAITING}"%'
        AND NOT EXISTS (
            SELECT 1 FROM notifications WHERE notifications.order_id = orders.id
            AND notifications.user_id = users.id
            AND notifications.template = '{NotificationTemplate.ORDER_WAITING}'
            AND notifications.created_at = orders.reminded_at)
        AND {_looked_after("orders.reminded_at")}""",
    "the daily jobs took up every expiry that they went past": """
        SELECT DISTINCT licenses.company_id AS id FROM licenses
        JOIN companies ON companies.id = licenses.company_id
        WHERE licenses.voided_at IS NULL AND NOT companies.is_archived
        AND companies.updated_at < :jobs_done
        AND licenses.expires_at < :jobs_done AND licenses.expires_at > :news
        AND NOT EXISTS (SELECT 1 FROM chores WHERE chores.key =
            CASE licenses.type WHEN 'TRIAL' THEN 'TRIAL' ELSE 'LICENSES' END || '_EXPIRED:' ||
            CAST(licenses.company_id AS TEXT) || ':' || {day} || ':0')""",
    **{
        f"of an expiry that was taken up managers were promised {template}": _untold_of_expiry(
            template
        )
        for template in OF_EXPIRY
    },
    "a mail about an order is filed under its company": """
        SELECT notifications.id FROM notifications JOIN orders ON orders.id = notifications.order_id
        WHERE notifications.company_id <> orders.company_id""",
    "no secret is kept of a mail that has left": """
        SELECT id FROM notifications WHERE status <> 'QUEUED' AND token IS NOT NULL""",
}
OF_WRITING: Final = {
    "as many licenses were written down as assigned as there are": """
        SELECT orders.id FROM orders LEFT JOIN audit_events events
        ON events.subject_id = orders.id AND events.action = 'order.assigned'
        GROUP BY orders.id, orders.assigned_quantity
        HAVING COALESCE(SUM(events.count), 0) <> orders.assigned_quantity""",
    "with a key its first result is kept": """
        SELECT id FROM idempotency_keys WHERE CAST(result AS TEXT) = '{}'""",
}


def _tables() -> list[type[Model]]:
    return [getattr(registry, name) for name in registry.__all__]


def _filed() -> dict[str, str]:
    """By rule, the tables that carry a copy of their company's path."""
    return {
        f"{model._meta.db_table} are filed under their company": model._meta.db_table
        for model in _tables()
        if {"path", "company"} <= model._meta.fields_map.keys()
    }


def _orphans() -> dict[str, tuple[str, str, str]]:
    """By rule, a table, its column that refers to another, and that one.

    Foreign keys may have been off, or copied around.
    """
    found: dict[str, tuple[str, str, str]] = {}
    for model in _tables():
        table = model._meta.db_table
        for name in sorted(model._meta.fk_fields):
            field: Any = model._meta.fields_map[name]
            target = getattr(registry, field.model_name.split(".")[1])
            rule = f"the {name} of {table} is there"
            found[rule] = (table, f"{name}_id", target._meta.db_table)
    return found


OTHERS: Final[Mapping[str, str]] = {**OF_THE_TREE, **OF_LICENSES, **OF_MAIL, **OF_WRITING}
FILED: Final = _filed()
ORPHANS: Final = _orphans()
RULES: Final[Mapping[str, str]] = {
    **OTHERS,
    **{
        rule: f"""
        SELECT {table}.id FROM {table} JOIN companies ON companies.id = {table}.company_id
        WHERE {table}.path <> companies.path"""
        for rule, table in FILED.items()
    },
    **{
        rule: f"""
        SELECT {table}.id FROM {table} LEFT JOIN {target} target ON target.id = {table}.{column}
        WHERE {table}.{column} IS NOT NULL AND target.id IS NULL"""
        for rule, (table, column, target) in ORPHANS.items()
    },
}


async def breaches(now: datetime) -> dict[str, list[str]]:
    """What does not hold at `now`, and for which ids, MOST of each; empty when all is well.

    What changes between two statements looks broken: read one snapshot, or have nobody write.
    """
    last = await last_round()
    jobs_done = last - MARGIN if last else datetime(1970, 1, 1, tzinfo=UTC)
    values = {
        "now": now,
        "never": NEVER,
        "jobs_done": jobs_done,
        "news": jobs_done - NEWS_FOR + 2 * MARGIN,
    }
    found = {rule: await _ids(statement, values) for rule, statement in RULES.items()}
    return {rule: ids for rule, ids in found.items() if ids}


async def _ids(statement: str, values: Mapping[str, datetime]) -> list[str]:
    id = "companies.id" if is_sqlite() else "CAST(companies.id AS TEXT)"
    statement = statement.replace("{id_as_text}", id)
    statement = statement.replace("{day}", utc_day("licenses.expires_at"))
    named = list(dict.fromkeys(_NAMED.findall(statement)))
    numbered = _NAMED.sub(lambda name: f"${named.index(name[1]) + 1}", statement)
    found = await rows(
        f"""
        SELECT DISTINCT CAST(id AS TEXT) AS id FROM ({numbered}) AS breach
        ORDER BY 1 LIMIT {MOST}""",
        *(values[name] for name in named),
    )
    return [row["id"] for row in found]
