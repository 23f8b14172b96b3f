"""The first tables.

Tortoise cuts the statements for SQLite at every semicolon: none may stand in a docstring's first line.
"""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from models.audit import Subject
from models.base import PathField, new_id
from models.companies import CompanyKind, CompanyPlan
from models.licenses import LicenseType, ReleaseReason
from models.orders import OrderOrigin, OrderStatus
from models.outbox import NotificationStatus, NotificationTemplate
from models.sessions import LinkPurpose, TallyKind
from models.users import UserRole


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Company",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "parent",
                    fields.ForeignKeyField(
                        "models.Company",
                        source_field="parent_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="children",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "kind",
                    fields.CharEnumField(
                        description="VENDOR: VENDOR\nDISTRIBUTOR: DISTRIBUTOR\nPARTNER: PARTNER\nCUSTOMER: CUSTOMER",
                        enum_type=CompanyKind,
                        max_length=16,
                    ),
                ),
                ("name", fields.TextField(unique=False)),
                ("name_key", fields.TextField(unique=False)),
                ("path", PathField(unique=False)),
                (
                    "plan",
                    fields.CharEnumField(
                        default=CompanyPlan.NONE,
                        description="NONE: NONE\nTRIAL: TRIAL\nPREMIUM: PREMIUM\nMANAGED: MANAGED\nNFR: NFR",
                        enum_type=CompanyPlan,
                        max_length=16,
                    ),
                ),
                ("industry", fields.TextField(null=True, unique=False)),
                ("employee_count", fields.IntField(null=True)),
                ("country", fields.TextField(null=True, unique=False)),
                ("language", fields.TextField(null=True, unique=False)),
                ("external_id", fields.TextField(null=True, unique=False)),
                (
                    "archived_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("is_archived", fields.BooleanField(default=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "companies", "app": "models", "pk_attr": "id"},
            bases=["Entity"],
        ),
        ops.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "company",
                    fields.ForeignKeyField(
                        "models.Company",
                        source_field="company_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="users",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("path", PathField(unique=False)),
                ("email", fields.TextField(unique=False)),
                ("email_key", fields.TextField(unique=False)),
                ("first_name", fields.TextField(default="", unique=False)),
                ("last_name", fields.TextField(default="", unique=False)),
                ("name_key", fields.TextField(default="", unique=False)),
                ("department", fields.TextField(null=True, unique=False)),
                ("external_id", fields.TextField(null=True, unique=False)),
                (
                    "role",
                    fields.CharEnumField(
                        default=UserRole.LEARNER,
                        description="LEARNER: LEARNER\nMANAGER: MANAGER\nACCOUNT_MANAGER: ACCOUNT_MANAGER",
                        enum_type=UserRole,
                        max_length=16,
                    ),
                ),
                ("password_hash", fields.TextField(null=True, unique=False)),
                ("muted_templates", fields.JSONField(default=list)),
                (
                    "last_sign_in_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("removed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("erased_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "users", "app": "models", "pk_attr": "id"},
            bases=["Entity"],
        ),
        ops.AddField(
            model_name="Company",
            name="account_manager",
            field=fields.ForeignKeyField(
                "models.User",
                source_field="account_manager_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="looks_after",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="sessions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("token_hash", fields.CharField(max_length=64)),
                (
                    "entered_from",
                    fields.ForeignKeyField(
                        "models.Session",
                        source_field="entered_from_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="entered",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "company",
                    fields.ForeignKeyField(
                        "models.Company",
                        source_field="company_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="manage_sessions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("reason", fields.TextField(null=True, unique=False)),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "sessions",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A sign-in, or with a `company` a stay in manage mode.",
            },
            bases=["Entity"],
        ),
        ops.CreateModel(
            name="PasswordLink",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="password_links",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "purpose",
                    fields.CharEnumField(
                        description="WELCOME: WELCOME\nRESET: RESET",
                        enum_type=LinkPurpose,
                        max_length=8,
                    ),
                ),
                ("token_hash", fields.CharField(max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "password_links",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A link that sets a password: works once, and ends when a newer one is made.",
            },
            bases=["Entity"],
        ),
        ops.CreateModel(
            name="Tally",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "kind",
                    fields.CharEnumField(
                        description="WRONG_PASSWORDS: WRONG_PASSWORDS\nDUPLICATES: DUPLICATES",
                        enum_type=TallyKind,
                        max_length=16,
                    ),
                ),
                ("subject", fields.CharField(max_length=64)),
                ("count", fields.IntField()),
                ("until", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "tallies",
                "app": "models",
                "pk_attr": "id",
                "table_description": "How often something was refused: what a refused call may leave behind.",
            },
            bases=["Entity"],
        ),
        ops.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                ("number", fields.CharField(max_length=12)),
                (
                    "company",
                    fields.ForeignKeyField(
                        "models.Company",
                        source_field="company_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="orders",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("path", PathField(unique=False)),
                (
                    "license_type",
                    fields.CharEnumField(
                        description="PREMIUM: PREMIUM\nMANAGED: MANAGED\nTRIAL: TRIAL\nNFR: NFR",
                        enum_type=LicenseType,
                        max_length=16,
                    ),
                ),
                ("quantity", fields.IntField()),
                ("assigned_quantity", fields.IntField(default=0)),
                (
                    "status",
                    fields.CharEnumField(
                        default=OrderStatus.REQUESTED,
                        description="REQUESTED: REQUESTED\nPARTIALLY_ASSIGNED: PARTIALLY_ASSIGNED\nASSIGNED: ASSIGNED\nDECLINED: DECLINED\nCANCELLED: CANCELLED\nRETURNED: RETURNED",
                        enum_type=OrderStatus,
                        max_length=24,
                    ),
                ),
                (
                    "origin",
                    fields.CharEnumField(
                        description="CUSTOMER_REQUEST: CUSTOMER_REQUEST\nPARTNER_ON_BEHALF: PARTNER_ON_BEHALF\nCOMPANY_CREATION: COMPANY_CREATION\nTRIAL_UPGRADE: TRIAL_UPGRADE\nRENEWAL: RENEWAL\nNFR_GRANT: NFR_GRANT",
                        enum_type=OrderOrigin,
                        max_length=24,
                    ),
                ),
                ("purchase_order", fields.TextField(null=True, unique=False)),
                ("note", fields.TextField(null=True, unique=False)),
                (
                    "requested_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="requested_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="requested",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "on_behalf_of",
                    fields.ForeignKeyField(
                        "models.Company",
                        source_field="on_behalf_of_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="requested_for",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("requested_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "assigned_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="assigned_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="assigned",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "assigned_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "decided_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="decided_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="decided",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("decided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("decision_reason", fields.TextField(null=True, unique=False)),
                (
                    "reminded_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={"table": "orders", "app": "models", "pk_attr": "id"},
            bases=["Entity"],
        ),
        ops.CreateModel(
            name="License",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "order",
                    fields.ForeignKeyField(
                        "models.Order",
                        source_field="order_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="licenses",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "company",
                    fields.ForeignKeyField(
                        "models.Company",
                        source_field="company_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="licenses",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("path", PathField(unique=False)),
                (
                    "type",
                    fields.CharEnumField(
                        description="PREMIUM: PREMIUM\nMANAGED: MANAGED\nTRIAL: TRIAL\nNFR: NFR",
                        enum_type=LicenseType,
                        max_length=16,
                    ),
                ),
                (
                    "holder",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="holder_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="licenses",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("assigned_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "allocated_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("voided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "licenses", "app": "models", "pk_attr": "id"},
            bases=["Entity"],
        ),
        ops.CreateModel(
            name="Allocation",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "license",
                    fields.ForeignKeyField(
                        "models.License",
                        source_field="license_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="allocations",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="allocations",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("allocated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "allocated_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="allocated_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="allocated",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "released_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                (
                    "release_reason",
                    fields.CharEnumField(
                        null=True,
                        description="RELEASED: RELEASED\nREALLOCATED: REALLOCATED\nUSER_REMOVED: USER_REMOVED\nEXPIRED: EXPIRED\nUPGRADED: UPGRADED",
                        enum_type=ReleaseReason,
                        max_length=16,
                    ),
                ),
            ],
            options={
                "table": "allocations",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One stay of a license with a learner, kept for good.",
            },
            bases=["Entity"],
        ),
        ops.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                ("action", fields.CharField(max_length=40)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "actor",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="actor_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="acts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "on_behalf_of",
                    fields.ForeignKeyField(
                        "models.Company",
                        source_field="on_behalf_of_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="acts_for",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "company",
                    fields.ForeignKeyField(
                        "models.Company",
                        source_field="company_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="events",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("path", PathField(unique=False)),
                (
                    "subject_type",
                    fields.CharEnumField(
                        null=True,
                        description="COMPANY: Company\nUSER: User\nORDER: Order\nLICENSE: License\nMANAGE_SESSION: ManageSession",
                        enum_type=Subject,
                        max_length=20,
                    ),
                ),
                ("subject_id", fields.UUIDField(null=True)),
                ("count", fields.IntField(null=True)),
                ("facts", fields.JSONField(default=dict)),
            ],
            options={
                "table": "audit_events",
                "app": "models",
                "pk_attr": "id",
                "table_description": "`count` and `facts` hold no names: the summary is made when asked, so erasure reaches it.",
            },
            bases=["Entity"],
        ),
        ops.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="idempotency_keys",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("key", fields.CharField(max_length=255)),
                ("mutation", fields.CharField(max_length=64)),
                ("input_hash", fields.CharField(max_length=64)),
                ("result", fields.JSONField(default=dict)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "idempotency_keys",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The first result of a call, by the key its sender gave it.",
            },
            bases=["Entity"],
        ),
        ops.CreateModel(
            name="Notification",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "template",
                    fields.CharEnumField(
                        description="ORDER_REQUESTED: ORDER_REQUESTED\nORDER_ASSIGNED: ORDER_ASSIGNED\nORDER_DECLINED: ORDER_DECLINED\nORDER_CANCELLED: ORDER_CANCELLED\nORDER_WAITING: ORDER_WAITING\nLICENSES_EXPIRING: LICENSES_EXPIRING\nLICENSES_EXPIRED: LICENSES_EXPIRED\nTRIAL_EXPIRING: TRIAL_EXPIRING\nTRIAL_EXPIRED: TRIAL_EXPIRED\nPARTNER_WELCOME: PARTNER_WELCOME\nMANAGER_WELCOME: MANAGER_WELCOME\nPASSWORD_RESET: PASSWORD_RESET\nWEBHOOK_DISABLED: WEBHOOK_DISABLED",
                        enum_type=NotificationTemplate,
                        max_length=24,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        default=NotificationStatus.QUEUED,
                        description="QUEUED: QUEUED\nSENT: SENT\nFAILED: FAILED",
                        enum_type=NotificationStatus,
                        max_length=8,
                    ),
                ),
                (
                    "company",
                    fields.ForeignKeyField(
                        "models.Company",
                        source_field="company_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="notifications",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("path", PathField(unique=False)),
                (
                    "order",
                    fields.ForeignKeyField(
                        "models.Order",
                        source_field="order_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="notifications",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="notifications",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "actor",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="actor_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="caused",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("recipient", fields.TextField(unique=False)),
                ("subject", fields.TextField(unique=False)),
                ("facts", fields.JSONField(default=dict)),
                ("token", fields.TextField(null=True, unique=False)),
                ("key", fields.CharField(null=True, max_length=255)),
                ("batch", fields.UUIDField()),
                ("attempts", fields.IntField(default=0)),
                ("next_attempt_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "leased_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("last_error", fields.TextField(null=True, unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("sent_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notifications",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One mail to one recipient.",
            },
            bases=["Entity"],
        ),
    ]
