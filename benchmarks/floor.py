"""The floor: Starlette, asyncpg and orjson, and SQL by hand for each question.

It knows neither tokens nor rights, and answers what Canopy does, byte for byte. On no more than one
core, nothing in Python is likely to be much faster.
"""

import os
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.memory import settle
from models.base import new_id

URL: Final = "FLOOR_DATABASE_URL"
CONNECTIONS: Final = 10

COMPANY = """
SELECT above.name AS above, above.kind, companies.id, companies.name
FROM companies above LEFT JOIN LATERAL (
    SELECT id, name, name_key FROM companies WHERE parent_id = above.id AND NOT is_archived
    ORDER BY name_key, id LIMIT 50
) AS companies ON true
WHERE above.id = $1 ORDER BY companies.name_key, companies.id"""
GRANDCHILDREN = """
SELECT above.id, array_agg(beneath.name ORDER BY beneath.name_key, beneath.id) AS names
FROM unnest($1::uuid[]) AS above (id) JOIN LATERAL (
    SELECT id, name, name_key FROM companies WHERE parent_id = above.id AND NOT is_archived
    ORDER BY name_key, id LIMIT 10
) AS beneath ON true GROUP BY above.id"""
COUNTS = """
SELECT company_id,
    count(*) FILTER (WHERE live AND holder_id IS NULL) AS available,
    count(*) FILTER (WHERE live AND holder_id IS NOT NULL) AS allocated,
    count(*) FILTER (WHERE live AND expires_at <= $3) AS expiring,
    count(*) FILTER (WHERE NOT live) AS expired
FROM (
    SELECT company_id, holder_id, expires_at, expires_at IS NULL OR expires_at > $2 AS live
    FROM licenses WHERE company_id = ANY ($1) AND voided_at IS NULL
) AS counted GROUP BY company_id"""
ORDERS = """
SELECT number, status, quantity, requested_at, companies.name AS company, first_name, last_name,
    email
FROM (
    SELECT id, number, status, quantity, requested_at, company_id, requested_by_id FROM orders
    WHERE status = 'REQUESTED' AND path >= $1 AND path < $2
    ORDER BY requested_at DESC, id DESC LIMIT 50
) AS found
JOIN companies ON companies.id = found.company_id JOIN users ON users.id = found.requested_by_id
ORDER BY requested_at DESC, found.id DESC"""
TOTAL = """
SELECT count(*) FROM orders WHERE status = 'REQUESTED' AND path >= $1 AND path < $2"""
LICENSES = """
SELECT found.id, found.expires_at, first_name, last_name, email, number
FROM (
    SELECT id, expires_at, holder_id, order_id FROM licenses
    WHERE company_id = $1 AND holder_id IS NOT NULL AND voided_at IS NULL
    AND (expires_at IS NULL OR expires_at > $2)
    ORDER BY expires_at, id LIMIT 100
) AS found
JOIN users ON users.id = holder_id JOIN orders ON orders.id = order_id
ORDER BY found.expires_at, found.id"""
LEARNERS = """
WITH ended AS (
    UPDATE allocations SET released_at = expires_at, release_reason = 'EXPIRED' FROM licenses
    WHERE licenses.id = license_id AND released_at IS NULL AND expires_at <= $3
    AND user_id = ANY ($1)
)
SELECT count(*) FROM users
WHERE id = ANY ($1) AND company_id = $2 AND removed_at IS NULL AND NOT EXISTS (
    SELECT FROM licenses WHERE holder_id = users.id AND voided_at IS NULL
    AND (expires_at IS NULL OR expires_at > $3)
)"""
FREE = """
SELECT id FROM licenses
WHERE company_id = $1 AND holder_id IS NULL AND voided_at IS NULL AND expires_at > $2
ORDER BY expires_at, id LIMIT $3 FOR NO KEY UPDATE"""
HAND_OVER = """
UPDATE licenses SET holder_id = given.holder, allocated_at = $3, updated_at = $3
FROM unnest($1::uuid[], $2::uuid[]) AS given (license, holder) WHERE licenses.id = given.license"""
STAYS = """
INSERT INTO allocations (id, license_id, user_id, allocated_at, allocated_by_id)
SELECT *, $4, $5 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[])"""
EVENT = """
WITH event AS (
    INSERT INTO audit_events (id, action, at, actor_id, company_id, path, count, facts)
    SELECT $1, 'license.allocated', $2, $3, id, path, $5, '{}' FROM companies WHERE id = $4
    RETURNING path
)
SELECT pg_notify('canopy_changes', json_build_object('by', '', 'path', path, 'orders', '[]')::text),
ARRAY (
    SELECT webhook_endpoints.id FROM webhook_endpoints
    JOIN companies ON companies.id = company_id AND NOT is_archived
    WHERE enabled AND events ? 'LICENSES_ALLOCATED' AND starts_with(event.path, companies.path)
) AS webhooks
FROM event"""


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """Nothing is left in a session that would have to be reset."""

    def get_reset_query(self) -> str:
        return ""


class Floor:
    """A page for each question."""

    pool: Any

    @asynccontextmanager
    async def opened(self, app: Starlette) -> AsyncIterator[None]:
        async with asyncpg.create_pool(
            app.state.url, min_size=CONNECTIONS, max_size=CONNECTIONS, connection_class=Connection
        ) as self.pool:
            settle()
            yield

    async def company_tree(self, request: Request) -> Response:
        told, now = orjson.loads(await request.body()), datetime.now(UTC)
        async with self.pool.acquire() as connection:
            children = await connection.fetch(COMPANY, UUID(told["id"]))
            ids = [child["id"] for child in children]
            beneath = dict(await connection.fetch(GRANDCHILDREN, ids))
            soon = now + timedelta(days=30)
            counts = {row[0]: row for row in await connection.fetch(COUNTS, ids, now, soon)}
        none = {"available": 0, "allocated": 0, "expiring": 0, "expired": 0}
        nodes = [
            {
                "node": {
                    "name": child["name"],
                    "licenseSummary": {name: counts.get(child["id"], none)[name] for name in none},
                    "children": {
                        "edges": [{"node": {"name": name}} for name in beneath.get(child["id"], ())]
                    },
                }
            }
            for child in children
        ]
        top = children[0]
        return answer(
            {
                "company": {
                    "name": top["above"],
                    "kind": top["kind"],
                    "children": {"edges": nodes},
                }
            }
        )

    async def orders(self, request: Request) -> Response:
        path = orjson.loads(await request.body())["path"]
        span = (path, path[:-1] + "0")
        async with self.pool.acquire() as connection:
            found = await connection.fetch(ORDERS, *span)
            total = await connection.fetchval(TOTAL, *span)
        edges = [
            {
                "node": {
                    "number": row["number"],
                    "status": row["status"],
                    "quantity": row["quantity"],
                    "requestedAt": instant(row["requested_at"]),
                    "company": {"name": row["company"]},
                    "requestedBy": {"name": name(row), "email": row["email"]},
                }
            }
            for row in found
        ]
        return answer({"orders": {"edges": edges, "totalCount": total}})

    async def licenses(self, request: Request) -> Response:
        company = UUID(orjson.loads(await request.body())["companyId"])
        found = await self.pool.fetch(LICENSES, company, datetime.now(UTC))
        edges = [
            {
                "node": {
                    "id": global_id("License", row["id"]),
                    "status": "ALLOCATED",
                    "expiresAt": instant(row["expires_at"]),
                    "user": {"name": name(row), "email": row["email"]},
                    "order": {"number": row["number"]},
                }
            }
            for row in found
        ]
        return answer({"licenses": {"edges": edges}})

    async def allocate(self, request: Request) -> Response:
        told, now = orjson.loads(await request.body()), datetime.now(UTC)
        company, by = UUID(told["companyId"]), UUID(told["by"])
        users = [UUID(id) for id in told["userIds"]]
        async with self.pool.acquire() as connection, connection.transaction():
            assert await connection.fetchval(LEARNERS, users, company, now) == len(users)
            free = [row[0] for row in await connection.fetch(FREE, company, now, len(users))]
            assert len(free) == len(users)
            await connection.execute(HAND_OVER, free, users, now)
            await connection.execute(STAYS, [new_id() for _ in free], free, users, now, by)
            [event] = await connection.fetch(EVENT, new_id(), now, by, company, len(free))
            assert not event["webhooks"]  # or else they were written down for each
        licenses = [{"id": global_id("License", id)} for id in free]
        return answer({"allocateLicenses": {"licenses": licenses, "shortage": 0, "errors": []}})


def answer(data: Any) -> Response:
    return Response(orjson.dumps({"data": data}), media_type="application/json")


def global_id(kind: str, id: UUID) -> str:
    return b64encode(f"{kind}:{id}".encode()).decode()


def name(row: Any) -> str:
    return f"{row['first_name']} {row['last_name']}".strip() or str(row["email"])


def instant(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


async def nothing(_: Request) -> Response:
    """What the load generator is held against."""
    return Response(b"{}", media_type="application/json")


def app() -> Starlette:
    floor = Floor()
    starlette = Starlette(
        routes=[
            Route("/Q1", floor.company_tree, methods=["POST"]),
            Route("/Q2", floor.orders, methods=["POST"]),
            Route("/Q3", floor.licenses, methods=["POST"]),
            Route("/allocate", floor.allocate, methods=["POST"]),
            Route("/nothing", nothing, methods=["POST"]),
        ],
        lifespan=floor.opened,
    )
    starlette.state.url = os.environ[URL]
    return starlette
