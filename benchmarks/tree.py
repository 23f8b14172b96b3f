"""A regular tree in plain SQL: partners beneath the vendor, each with as many customers."""

from typing import Final

PARTNERS: Final = 200
CUSTOMERS_EACH: Final = 100
COMPANIES: Final = f"""
INSERT INTO companies (id, kind, name, name_key, path, plan, is_archived, created_at, updated_at)
VALUES ('00000000-0000-0000-0000-000000000001', 'VENDOR', 'Vendor', 'vendor', '00000000/',
    'NONE', false, now(), now());
INSERT INTO companies
    (id, parent_id, kind, name, name_key, path, plan, is_archived, created_at, updated_at)
SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 'PARTNER', 'Partner ' || n,
    'partner ' || n, '00000000/' || lpad(n::text, 8, '0') || '/', 'NFR', false, now(), now()
FROM generate_series(1, {PARTNERS}) AS n;
INSERT INTO companies
    (id, parent_id, kind, name, name_key, path, plan, is_archived, created_at, updated_at)
SELECT gen_random_uuid(), partner.id, 'CUSTOMER', 'Customer ' || n, 'customer ' || n,
    partner.path || lpad(n::text, 8, '0') || '/', 'PREMIUM', false, now(), now()
FROM companies AS partner, generate_series(1, {CUSTOMERS_EACH}) AS n WHERE partner.kind = 'PARTNER';
"""
