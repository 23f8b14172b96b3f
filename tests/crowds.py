"""Very many rows at once, for tests of what is large: made by the database itself."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from models.base import new_id
from models.companies import Company
from models.database import is_sqlite, rows
from models.licenses import License, LicenseType
from models.orders import Order, OrderOrigin
from models.pool import Learner, hand_over, mint


async def crowd(company: Company, number: int, *, at: datetime) -> list[UUID]:
    """Learners of the company; their ids are in order."""
    ids = [new_id() for _ in range(number)]
    await rows(
        f"""
        INSERT INTO users (
            id, company_id, path, email, email_key, first_name, last_name, name_key, role,
            muted_templates, created_at, updated_at
        )
        SELECT id, $2, $3, CAST(id AS TEXT) || '@example.com', CAST(id AS TEXT) || '@example.com',
            'One', 'of many', 'one of many', 'LEARNER', '[]', $4, $4
        FROM ({_given()}) AS given
        """,
        orjson.dumps(ids, default=str).decode(),
        str(company.id),
        company.path,
        at,
    )
    return ids


async def licensed_crowd(
    company: Company, number: int, license_type: LicenseType, *, at: datetime
) -> None:
    """Learners who each have a license, assigned and allocated then."""
    order = Order.place(company, license_type, number, OrderOrigin.CUSTOMER_REQUEST, by=None, at=at)
    order.assign(None, by=None, at=at)
    await order.save(force_create=True)
    await mint(order, number)
    people = await crowd(company, number, at=at)
    licenses: Any = await License.filter(order_id=order.id).values_list("id", flat=True)
    await hand_over(licenses, [*map(Learner, people)], by=people[0], at=at)


def _given() -> str:
    if is_sqlite():
        return "SELECT value AS id FROM json_each($1)"
    return "SELECT value::uuid AS id FROM jsonb_array_elements_text($1::jsonb) AS value"
