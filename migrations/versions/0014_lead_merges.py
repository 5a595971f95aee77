"""lead_merges: merges that can be undone"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "r0014"
down_revision = "r0013"

TIME = sa.DateTime(timezone=True)


def _id_array(name: str, item: sa.types.TypeEngine) -> sa.Column:
    return sa.Column(name, postgresql.ARRAY(item), server_default=sa.text("'{}'"), nullable=False)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "lead_merges",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("winner_id", sa.BigInteger(), nullable=False),
        sa.Column("loser_id", sa.BigInteger(), nullable=False),
        sa.Column("cause", postgresql.JSONB(), nullable=False),
        sa.Column("merged_at", TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("changes", postgresql.JSONB(), nullable=False),
        sa.Column("loser", postgresql.JSONB(), nullable=False),
        _id_array("activity_ids", sa.BigInteger()),
        _id_array("submission_ids", postgresql.UUID()),
        _id_array("task_ids", sa.BigInteger()),
        _id_array("run_ids", sa.BigInteger()),
        _id_array("delivery_ids", sa.BigInteger()),
        _id_array("conversion_ids", sa.BigInteger()),
        sa.Column("undone_at", TIME, nullable=True),
        sa.Column("undone_by", postgresql.JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_lead_merges"),
    )
    op.create_index("ix_lead_merges_winner", "lead_merges", ["workspace_id", "winner_id", "id"])
    op.create_index("ix_lead_merges_loser", "lead_merges", ["workspace_id", "loser_id", "id"])
    op.create_table(
        "lead_redirects",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("winner_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "lead_id", name="pk_lead_redirects"),
    )
    op.create_index("ix_lead_redirects_winner", "lead_redirects", ["workspace_id", "winner_id"])
