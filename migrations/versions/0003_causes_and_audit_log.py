"""causes of failures, and the audit log"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0003"
down_revision = "r0002"

BIGINT, SMALLINT, TEXT, TIME = sa.BigInteger(), sa.SmallInteger(), sa.Text(), sa.DateTime(timezone=True)
CLOCK = sa.text("clock_timestamp()")
# Failed rows by their cause: counted, listed, and found where they have none yet.
FAILED_INDEXES = {
    "submissions": ("ix_submissions_cause", ["workspace_id", "cause_id", "received_at"], "state = 'dead'"),
    "deliveries": ("ix_deliveries_cause", ["workspace_id", "cause_id", "id"], "state = 'failed'"),
    "automation_runs": ("ix_automation_runs_cause", ["workspace_id", "cause_id", "id"], "state = 'failed'"),
}


def upgrade() -> None:
    for table, (name, columns, where) in FAILED_INDEXES.items():
        op.add_column(table, optional("cause_id", BIGINT))
        op.create_index(name, table, columns, postgresql_where=sa.text(where))
    create_causes()
    create_audit_log()


def required(name: str, type_: Any, default: Any = None) -> sa.Column[Any]:
    return sa.Column(name, type_, server_default=default, nullable=False, autoincrement=False)


def optional(name: str, type_: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=True)


def identity() -> sa.Column[Any]:
    return sa.Column("id", BIGINT, sa.Identity(always=False), nullable=False)


def create_causes() -> None:
    described = [(name, TEXT) for name in ("kind", "fingerprint", "error_type", "place", "title")]
    op.create_table(
        "causes",
        required("workspace_id", BIGINT),
        required("id", BIGINT),
        *(required(*column) for column in described),
        required("first_seen_at", TIME),
        required("last_seen_at", TIME),
        required("state", TEXT, "open"),
        optional("ignored_until", TIME),
        optional("reopened_at", TIME),
        optional("note", TEXT),
        optional("changed_by", TEXT),
        optional("changed_at", TIME),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_causes"),
    )
    op.create_index(
        "ix_causes_workspace_id_last_seen_at_id", "causes", ["workspace_id", "last_seen_at", "id"], unique=False
    )
    op.create_table(
        "cause_counts",
        required("workspace_id", BIGINT),
        required("cause_id", BIGINT),
        required("at", TIME),
        required("n", BIGINT),
        sa.PrimaryKeyConstraint("workspace_id", "cause_id", "at", name="pk_cause_counts"),
    )
    op.create_index("ix_cause_counts_at", "cause_counts", ["at"])
    op.create_table(
        "cause_deltas",
        identity(),
        required("workspace_id", BIGINT),
        required("cause_id", BIGINT),
        *(required(*column) for column in described),
        required("n", BIGINT),
        required("at", TIME, CLOCK),
        sa.PrimaryKeyConstraint("id", name="pk_cause_deltas"),
    )


def create_audit_log() -> None:
    op.create_table(
        "audit_log",
        identity(),
        optional("workspace_id", BIGINT),
        required("at", TIME),
        optional("actor_kind", TEXT),
        optional("actor_id", BIGINT),
        optional("actor_name", TEXT),
        required("action", TEXT),
        optional("route", TEXT),
        optional("object_kind", TEXT),
        optional("object_id", TEXT),
        optional("status", SMALLINT),
        required("outcome", TEXT),
        optional("reason", TEXT),
        optional("filter", JSONB()),
        optional("count", BIGINT),
        optional("before", JSONB()),
        optional("after", JSONB()),
        optional("address", TEXT),
        optional("request_id", TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_workspace_id_id", "audit_log", ["workspace_id", "id"])
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
