"""What follows for all beneath when a company is moved, archived or restored.

Runs with the tree's lock alone: nothing is written meanwhile that would keep an old path.
"""

from datetime import datetime
from typing import Final

from models.base import successor
from models.database import rows

FILED: Final = ("companies", "users", "orders", "licenses", "notifications", "audit_events")
"""The tables that carry the path of their company."""


async def deepest(path: str) -> int:
    """The length of the longest path within."""
    found = await rows(
        "SELECT MAX(LENGTH(path)) AS longest FROM companies WHERE path >= $1 AND path < $2",
        path,
        successor(path),
    )
    return int(found[0]["longest"])


async def refile(old: str, new: str, now: datetime) -> None:
    """Move every row within one path beneath another; whoever looks for changed companies finds
    all of them, for what is above them changed.
    """
    for table in FILED:
        await rows(
            f"UPDATE {table} SET path = $1 || SUBSTR(path, {len(old) + 1})"  # noqa: S608
            " WHERE path >= $2 AND path < $3",
            new,
            old,
            successor(old),
        )
    await rows(
        "UPDATE companies SET updated_at = $3 WHERE path >= $1 AND path < $2",
        new,
        successor(new),
        now,
    )


async def settle(path: str, now: datetime) -> None:
    """Make right what depends on who is above, in the company at `path` and beneath it."""
    await _archive(path, now)
    await _dismiss_account_managers(path, now)
    await _end_manage_sessions(path, now)
    await _end_api_tokens(path, now)
    await _silence_webhooks(path, now)


async def _archive(path: str, now: datetime) -> None:
    """A company is archived when it is so itself, or one above it."""
    await rows(
        """
        UPDATE companies SET is_archived = NOT is_archived, updated_at = $3
        WHERE path >= $1 AND path < $2 AND is_archived <> EXISTS (
            SELECT 1 FROM companies above
            WHERE above.archived_at IS NOT NULL
            AND SUBSTR(companies.path, 1, LENGTH(above.path)) = above.path
        )
        """,
        path,
        successor(path),
        now,
    )


async def _dismiss_account_managers(path: str, now: datetime) -> None:
    """Whoever is not above any more looks after the company no longer."""
    await rows(
        """
        UPDATE companies SET account_manager_id = NULL, updated_at = $3
        WHERE path >= $1 AND path < $2 AND account_manager_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM users
            WHERE users.id = companies.account_manager_id AND users.path <> companies.path
            AND SUBSTR(companies.path, 1, LENGTH(users.path)) = users.path
        )
        """,
        path,
        successor(path),
        now,
    )


async def _end_manage_sessions(path: str, now: datetime) -> None:
    """Sessions that reached a company here from where it is out of reach now."""
    await rows(
        """
        UPDATE sessions SET ended_at = $3
        WHERE ended_at IS NULL AND company_id IN (
            SELECT companies.id FROM companies JOIN users ON users.id = sessions.user_id
            WHERE companies.path >= $1 AND companies.path < $2 AND (
                companies.is_archived OR users.path = companies.path
                OR SUBSTR(companies.path, 1, LENGTH(users.path)) <> users.path
            )
        )
        """,
        path,
        successor(path),
        now,
    )


async def _end_api_tokens(path: str, now: datetime) -> None:
    """Tokens of archived companies here, and of those that their creators do not reach now."""
    await rows(
        """
        UPDATE api_tokens SET revoked_at = $3
        WHERE revoked_at IS NULL AND company_id IN (
            SELECT companies.id FROM companies JOIN users ON users.id = api_tokens.created_by_id
            WHERE companies.path >= $1 AND companies.path < $2 AND (
                companies.is_archived
                OR SUBSTR(companies.path, 1, LENGTH(users.path)) <> users.path
            )
        )
        """,
        path,
        successor(path),
        now,
    )


async def _silence_webhooks(path: str, now: datetime) -> None:
    """Endpoints that somebody from above made here, who is above no more: where they lead to must
    hear no more of what happens here."""
    await rows(
        """
        UPDATE webhook_endpoints SET enabled = FALSE, updated_at = $3
        WHERE enabled AND company_id IN (
            SELECT companies.id FROM companies
            JOIN users ON users.id = webhook_endpoints.created_by_id
            WHERE companies.path >= $1 AND companies.path < $2
            AND SUBSTR(companies.path, 1, LENGTH(users.path)) <> users.path
        )
        """,
        path,
        successor(path),
        now,
    )
