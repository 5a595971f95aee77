"""accounts, their sessions and links, and counts of failed sign-ins"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0002"
down_revision = "r0001"

BIGINT, TEXT, BOOLEAN, BYTES, TIME = (
    sa.BigInteger(),
    sa.Text(),
    sa.Boolean(),
    sa.LargeBinary(),
    sa.DateTime(timezone=True),
)
NOW, FALSE = sa.text("now()"), sa.text("false")


def upgrade() -> None:
    create_accounts()
    create_sessions()
    create_links_and_failures()


def required(name: str, type_: sa.types.TypeEngine[object], default: sa.TextClause | None = None) -> sa.Column[object]:
    return sa.Column(name, type_, server_default=default, nullable=False)


def optional(name: str, type_: sa.types.TypeEngine[object]) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=True)


def row_id(table: str) -> tuple[sa.Column[int], sa.PrimaryKeyConstraint]:
    return sa.Column("id", BIGINT, sa.Identity(always=False), nullable=False), sa.PrimaryKeyConstraint(
        "id", name=f"pk_{table}"
    )


def create_accounts() -> None:
    op.create_table(
        "accounts",
        *row_id("accounts"),
        required("email", TEXT),
        required("name", TEXT),
        optional("password_hash", TEXT),
        optional("totp_secret", BYTES),
        optional("totp_pending_secret", BYTES),
        optional("totp_last_counter", BIGINT),
        required("recovery_digests", sa.ARRAY(BYTES), sa.text("'{}'")),
        required("is_operator", BOOLEAN, FALSE),
        required("preferences", JSONB(), sa.text("'{}'")),
        required("created_at", TIME, NOW),
        optional("password_changed_at", TIME),
        optional("last_signed_in_at", TIME),
    )
    op.create_index("uq_accounts_email", "accounts", [sa.text("lower(email)")], unique=True)
    op.add_column("users", optional("account_id", BIGINT))
    op.create_foreign_key("fk_users_account_id", "users", "accounts", ["account_id"], ["id"])
    op.create_index("ix_users_account_id", "users", ["account_id"])
    op.create_index("uq_users_workspace_id_account_id", "users", ["workspace_id", "account_id"], unique=True)


def create_sessions() -> None:
    op.create_table(
        "sessions",
        *row_id("sessions"),
        required("account_id", BIGINT),
        required("digest", BYTES),
        required("is_kept", BOOLEAN),
        required("address", TEXT),
        required("agent", TEXT),
        required("created_at", TIME, NOW),
        required("seen_at", TIME, NOW),
        required("confirmed_at", TIME, NOW),
        required("expires_at", TIME),
        required("ends_at", TIME),
        required("needs_renewal", BOOLEAN, FALSE),
        optional("revoked_at", TIME),
        sa.UniqueConstraint("digest", name="uq_sessions_digest"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_sessions_account_id"),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"])


def create_links_and_failures() -> None:
    op.create_table(
        "account_links",
        *row_id("account_links"),
        optional("account_id", BIGINT),
        required("purpose", TEXT),
        optional("user_id", BIGINT),
        required("digest", BYTES),
        required("created_at", TIME, NOW),
        required("expires_at", TIME),
        optional("used_at", TIME),
        sa.UniqueConstraint("digest", name="uq_account_links_digest"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_account_links_account_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_account_links_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_account_links_account_id", "account_links", ["account_id"])
    op.create_index("ix_account_links_user_id", "account_links", ["user_id"])
    op.create_table(
        "sign_in_failures",
        required("subject", TEXT),
        required("failures", BIGINT),
        required("last_failed_at", TIME),
        required("retry_at", TIME),
        sa.PrimaryKeyConstraint("subject", name="pk_sign_in_failures"),
    )
    op.create_index("ix_sign_in_failures_last_failed_at", "sign_in_failures", ["last_failed_at"])
