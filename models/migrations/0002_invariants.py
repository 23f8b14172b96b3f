"""What must always hold, in both databases; and the indexes that lists and look-ups go by.

Unique indexes are plain SQL, because a partial one cannot be had otherwise on SQLite. On SQLite a
check rebuilds its table and forgets the indexes, so that checks come first.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint

CHECKS = [
    ("Company", "companies_root_is_vendor", "(parent_id IS NULL) = (kind = 'VENDOR')"),
    ("Company", "companies_archived", "archived_at IS NULL OR is_archived"),
    ("User", "users_erased_are_removed", "erased_at IS NULL OR removed_at IS NOT NULL"),
    ("User", "users_removed_cannot_sign_in", "removed_at IS NULL OR password_hash IS NULL"),
    ("Session", "sessions_managed", "(company_id IS NULL) = (entered_from_id IS NULL)"),
    ("Order", "orders_quantity", "quantity BETWEEN 1 AND 100000"),
    ("Order", "orders_assigned_quantity", "assigned_quantity BETWEEN 0 AND quantity"),
    (
        "Order",
        "orders_status_fits_quantity",
        "CASE status WHEN 'PARTIALLY_ASSIGNED'"
        " THEN assigned_quantity > 0 AND assigned_quantity < quantity"
        " WHEN 'ASSIGNED' THEN assigned_quantity = quantity"
        " WHEN 'RETURNED' THEN assigned_quantity = quantity"
        " ELSE assigned_quantity = 0 END",
    ),
    ("License", "licenses_nfr_never_expire", "(type = 'NFR') = (expires_at IS NULL)"),
    ("License", "licenses_expire_after_assignment", "expires_at >= assigned_at"),
    ("License", "licenses_held_since", "(holder_id IS NULL) = (allocated_at IS NULL)"),
    ("License", "licenses_void_are_free", "voided_at IS NULL OR holder_id IS NULL"),
    ("Allocation", "allocations_end", "(released_at IS NULL) = (release_reason IS NULL)"),
    ("Allocation", "allocations_end_after_start", "released_at >= allocated_at"),
    ("Notification", "notifications_sent", "(status = 'SENT') = (sent_at IS NOT NULL)"),
]

INDEXES = [
    "CREATE UNIQUE INDEX companies_path ON companies (path)",
    "CREATE UNIQUE INDEX companies_one_root ON companies (kind) WHERE parent_id IS NULL",
    "CREATE INDEX companies_children ON companies (parent_id, name_key, id)",
    "CREATE INDEX companies_names ON companies (name_key, id)",
    "CREATE INDEX companies_account_manager ON companies (account_manager_id)",
    "CREATE INDEX companies_updated ON companies (updated_at)",
    "CREATE UNIQUE INDEX users_email ON users (email_key) WHERE removed_at IS NULL",
    "CREATE UNIQUE INDEX users_external_id ON users (company_id, external_id)"
    " WHERE removed_at IS NULL AND external_id IS NOT NULL",
    "CREATE INDEX users_of_company ON users (company_id, name_key, id)",
    "CREATE INDEX users_path ON users (path)",
    "CREATE INDEX users_names ON users (name_key, id)",
    "CREATE INDEX users_managers ON users (company_id) WHERE role <> 'LEARNER'",
    "CREATE INDEX users_updated ON users (updated_at)",
    "CREATE UNIQUE INDEX sessions_token ON sessions (token_hash)",
    "CREATE INDEX sessions_user ON sessions (user_id)",
    "CREATE INDEX sessions_company ON sessions (company_id)",
    "CREATE INDEX sessions_entered_from ON sessions (entered_from_id)",
    "CREATE UNIQUE INDEX password_links_token ON password_links (token_hash)",
    "CREATE UNIQUE INDEX password_links_newest ON password_links (user_id) WHERE ended_at IS NULL",
    "CREATE UNIQUE INDEX tallies_subject ON tallies (kind, subject)",
    "CREATE UNIQUE INDEX orders_number ON orders (number)",
    "CREATE INDEX orders_of_company ON orders (company_id, requested_at)",
    "CREATE INDEX orders_path ON orders (path)",
    "CREATE INDEX orders_status_path ON orders (status, path)",
    "CREATE INDEX orders_newest ON orders (requested_at, id)",
    "CREATE INDEX orders_updated ON orders (updated_at)",
    "CREATE INDEX licenses_of_order ON licenses (order_id)",
    "CREATE INDEX licenses_of_company ON licenses (company_id, expires_at, id)",
    "CREATE INDEX licenses_free ON licenses (company_id, expires_at, id)"
    " WHERE holder_id IS NULL AND voided_at IS NULL",
    "CREATE INDEX licenses_path ON licenses (path)",
    "CREATE INDEX licenses_holder ON licenses (holder_id)",
    "CREATE INDEX licenses_soonest ON licenses (expires_at, id)",
    "CREATE INDEX licenses_updated ON licenses (updated_at)",
    "CREATE UNIQUE INDEX allocations_one_holder ON allocations (license_id)"
    " WHERE released_at IS NULL",
    "CREATE UNIQUE INDEX allocations_one_license ON allocations (user_id)"
    " WHERE released_at IS NULL",
    "CREATE INDEX allocations_of_license ON allocations (license_id, allocated_at)",
    "CREATE INDEX allocations_of_user ON allocations (user_id, allocated_at)",
    "CREATE INDEX audit_events_path ON audit_events (path)",
    "CREATE INDEX audit_events_newest ON audit_events (at, id)",
    "CREATE INDEX audit_events_company ON audit_events (company_id, at)",
    "CREATE INDEX audit_events_subject ON audit_events (subject_id)",
    "CREATE INDEX audit_events_actor ON audit_events (actor_id)",
    "CREATE UNIQUE INDEX idempotency_keys_key ON idempotency_keys (user_id, key)",
    "CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at)",
    "CREATE UNIQUE INDEX notifications_key ON notifications (key)",
    "CREATE INDEX notifications_due ON notifications (next_attempt_at, id) WHERE status = 'QUEUED'",
    "CREATE INDEX notifications_batch ON notifications (batch, id) WHERE status = 'QUEUED'",
    "CREATE INDEX notifications_path ON notifications (path)",
    "CREATE INDEX notifications_newest ON notifications (created_at, id)",
    "CREATE INDEX notifications_user ON notifications (user_id)",
    "CREATE INDEX notifications_order ON notifications (order_id)",
]


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [
        *(
            ops.AddConstraint(model, CheckConstraint(check=check, name=name))
            for model, name, check in CHECKS
        ),
        *(
            ops.RunSQL(index, reverse_sql=f"DROP INDEX {index.split(' ON ')[0].split()[-1]}")
            for index in INDEXES
        ),
    ]
