"""jobs, their items, versions of submissions, and what holds a submission as spam"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0005"
down_revision = "r0004"

BIGINT, TEXT, TIME, JSON = sa.BigInteger(), sa.Text(), sa.DateTime(timezone=True), JSONB()
NOW = sa.text("now()")


def required(name: str, type_: Any, default: Any = None) -> sa.Column[Any]:
    return sa.Column(name, type_, server_default=default, nullable=False, autoincrement=False)


def upgrade() -> None:
    op.add_column("submissions", sa.Column("spam", JSON))
    op.add_column("submissions", sa.Column("rejected_at", TIME))
    op.create_table(
        "jobs",
        required("workspace_id", BIGINT),
        sa.Column("id", BIGINT, sa.Identity(always=False), nullable=False),
        required("kind", TEXT),
        required("state", TEXT, "queued"),
        required("filter", JSON, sa.text("'{}'")),
        sa.Column("changes", JSON),
        required("with_automations", sa.Boolean(), sa.text("true")),
        sa.Column("reason", TEXT),
        required("created_by", JSON),
        required("total", BIGINT, "0"),
        required("done", BIGINT, "0"),
        required("failed", BIGINT, "0"),
        required("skipped", BIGINT, "0"),
        sa.Column("rate", BIGINT),
        sa.Column("error", TEXT),
        required("position", BIGINT, "0"),
        required("due_at", TIME, NOW),
        sa.Column("served_at", TIME),
        required("created_at", TIME, NOW),
        sa.Column("started_at", TIME),
        sa.Column("finished_at", TIME),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_jobs"),
    )
    op.create_index(
        "ix_jobs_active", "jobs", ["due_at"], postgresql_where=sa.text("state = ANY (ARRAY['queued', 'running'])")
    )
    op.create_index("ix_jobs_finished_at", "jobs", ["finished_at"], postgresql_where=sa.text("finished_at IS NOT NULL"))
    op.create_table(
        "job_items",
        required("workspace_id", BIGINT),
        required("job_id", BIGINT),
        required("id", BIGINT),
        sa.Column("submission_id", sa.Uuid()),
        sa.Column("received_at", TIME),
        sa.Column("delivery_id", BIGINT),
        sa.Column("outcome", TEXT),
        sa.Column("error", TEXT),
        sa.PrimaryKeyConstraint("workspace_id", "job_id", "id", name="pk_job_items"),
    )
    op.create_index(
        "ix_job_items_undone",
        "job_items",
        ["workspace_id", "job_id", "outcome", "id"],
        postgresql_where=sa.text("outcome <> 'done'"),
    )
    op.create_index(
        "ix_job_items_submission",
        "job_items",
        ["workspace_id", "submission_id"],
        postgresql_where=sa.text("submission_id IS NOT NULL"),
    )
    op.create_table(
        "submission_versions",
        required("workspace_id", BIGINT),
        required("submission_id", sa.Uuid()),
        required("version", BIGINT),
        required("received_at", TIME),
        required("payload", sa.LargeBinary()),
        required("changes", JSON, sa.text("'[]'")),
        sa.Column("author", JSON),
        sa.Column("reason", TEXT),
        required("created_at", TIME, NOW),
        sa.PrimaryKeyConstraint("workspace_id", "submission_id", "version", name="pk_submission_versions"),
    )
    op.create_index("ix_submission_versions_received_at", "submission_versions", ["received_at"])
