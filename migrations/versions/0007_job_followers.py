"""job followers, who get a mail when a job ends; and when a row was handled"""

import sqlalchemy as sa
from alembic import op

revision = "r0007"
down_revision = "r0006"


def upgrade() -> None:
    """Make the table and the column."""
    op.add_column("job_items", sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "job_followers",
        sa.Column("workspace_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("job_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "job_id"],
            ["jobs.workspace_id", "jobs.id"],
            name="fk_job_followers_job",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_job_followers_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workspace_id", "job_id", "user_id", name="pk_job_followers"),
    )
    op.create_index("ix_job_followers_user_id", "job_followers", ["user_id"])
