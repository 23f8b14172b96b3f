-- One row of each table as 0001_initial makes it, with what refers to it. It never changes.
INSERT INTO companies (id, parent_id, kind, name, name_key, path, plan, industry, is_archived, created_at, updated_at) VALUES
    ('01950000-0000-7000-8000-000000000001', NULL, 'VENDOR', 'Vendor', 'vendor', 'aaaaaaaa/', 'NONE', 'Software', FALSE, '2026-03-02 09:30:00+00:00', '2026-03-02 09:30:00+00:00'),
    ('01950000-0000-7000-8000-000000000002', '01950000-0000-7000-8000-000000000001', 'CUSTOMER', 'Customer', 'customer', 'aaaaaaaa/bbbbbbbb/', 'PREMIUM', NULL, FALSE, '2026-03-02 09:30:00+00:00', '2026-03-02 09:30:00+00:00');
INSERT INTO users (id, company_id, path, email, email_key, first_name, last_name, name_key, role, muted_templates, created_at, updated_at) VALUES
    ('01950000-0000-7000-8000-000000000003', '01950000-0000-7000-8000-000000000001', 'aaaaaaaa/', 'vic@example.com', 'vic@example.com', 'Vic', '', 'vic', 'ACCOUNT_MANAGER', '[]', '2026-03-02 09:30:00+00:00', '2026-03-02 09:30:00+00:00'),
    ('01950000-0000-7000-8000-000000000004', '01950000-0000-7000-8000-000000000002', 'aaaaaaaa/bbbbbbbb/', 'ann@example.com', 'ann@example.com', 'Ann', '', 'ann', 'LEARNER', '[]', '2026-03-02 09:30:00+00:00', '2026-03-02 09:30:00+00:00');
UPDATE companies SET account_manager_id = '01950000-0000-7000-8000-000000000003' WHERE parent_id IS NOT NULL;
INSERT INTO sessions (id, user_id, token_hash, started_at, expires_at) VALUES
    ('01950000-0000-7000-8000-000000000005', '01950000-0000-7000-8000-000000000003', 'first', '2026-03-02 09:30:00+00:00', '2026-03-02 21:30:00+00:00');
INSERT INTO sessions (id, user_id, token_hash, entered_from_id, company_id, started_at, expires_at) VALUES
    ('01950000-0000-7000-8000-000000000006', '01950000-0000-7000-8000-000000000003', 'second', '01950000-0000-7000-8000-000000000005', '01950000-0000-7000-8000-000000000002', '2026-03-02 09:30:00+00:00', '2026-03-02 10:30:00+00:00');
INSERT INTO password_links (id, user_id, purpose, token_hash, created_at, expires_at) VALUES
    ('01950000-0000-7000-8000-000000000007', '01950000-0000-7000-8000-000000000004', 'WELCOME', 'third', '2026-03-02 09:30:00+00:00', '2026-03-09 09:30:00+00:00');
INSERT INTO tallies (id, kind, subject, count, until) VALUES
    ('01950000-0000-7000-8000-000000000008', 'DUPLICATES', 'somebody', 1, '2026-03-03 09:30:00+00:00');
INSERT INTO orders (id, number, company_id, path, license_type, quantity, assigned_quantity, status, origin, requested_by_id, requested_at, updated_at, assigned_at, expires_at) VALUES
    ('01950000-0000-7000-8000-000000000009', 'ORD-00000001', '01950000-0000-7000-8000-000000000002', 'aaaaaaaa/bbbbbbbb/', 'PREMIUM', 1, 1, 'ASSIGNED', 'PARTNER_ON_BEHALF', '01950000-0000-7000-8000-000000000003', '2026-03-02 09:30:00+00:00', '2026-03-02 09:30:00+00:00', '2026-03-02 09:30:00+00:00', '2027-03-02 09:30:00+00:00');
INSERT INTO licenses (id, order_id, company_id, path, type, holder_id, assigned_at, allocated_at, expires_at, updated_at) VALUES
    ('01950000-0000-7000-8000-00000000000a', '01950000-0000-7000-8000-000000000009', '01950000-0000-7000-8000-000000000002', 'aaaaaaaa/bbbbbbbb/', 'PREMIUM', '01950000-0000-7000-8000-000000000004', '2026-03-02 09:30:00+00:00', '2026-03-02 09:30:00+00:00', '2027-03-02 09:30:00+00:00', '2026-03-02 09:30:00+00:00');
INSERT INTO allocations (id, license_id, user_id, allocated_at, allocated_by_id) VALUES
    ('01950000-0000-7000-8000-00000000000b', '01950000-0000-7000-8000-00000000000a', '01950000-0000-7000-8000-000000000004', '2026-03-02 09:30:00+00:00', '01950000-0000-7000-8000-000000000003');
INSERT INTO audit_events (id, action, at, actor_id, company_id, path, subject_type, subject_id, count, facts) VALUES
    ('01950000-0000-7000-8000-00000000000c', 'order.assigned', '2026-03-02 09:30:00+00:00', '01950000-0000-7000-8000-000000000003', '01950000-0000-7000-8000-000000000002', 'aaaaaaaa/bbbbbbbb/', 'Order', '01950000-0000-7000-8000-000000000009', 1, '{}');
INSERT INTO idempotency_keys (id, user_id, key, mutation, input_hash, result, created_at) VALUES
    ('01950000-0000-7000-8000-00000000000d', '01950000-0000-7000-8000-000000000003', 'once', 'assign_order', 'hash', '{}', '2026-03-02 09:30:00+00:00');
INSERT INTO notifications (id, template, status, company_id, path, order_id, user_id, actor_id, recipient, subject, facts, batch, attempts, next_attempt_at, created_at) VALUES
    ('01950000-0000-7000-8000-00000000000e', 'ORDER_ASSIGNED', 'QUEUED', '01950000-0000-7000-8000-000000000002', 'aaaaaaaa/bbbbbbbb/', '01950000-0000-7000-8000-000000000009', '01950000-0000-7000-8000-000000000004', '01950000-0000-7000-8000-000000000003', 'ann@example.com', '1 premium license', '{}', '01950000-0000-7000-8000-00000000000f', 0, '2026-03-02 09:30:00+00:00', '2026-03-02 09:30:00+00:00');
