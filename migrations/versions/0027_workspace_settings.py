"""workspace_settings: spam threshold and alarms of a workspace"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0027"
down_revision = "r0026"

TIME = sa.DateTime(timezone=True)
# The builder wrote the usual number into each form, chosen or not. What it means stays: the workspace has the same.
INHERIT_THRESHOLDS = """
UPDATE {table} SET settings = settings #- '{{spam,threshold}}' WHERE settings->'spam'->'threshold' = '50'
"""


def upgrade() -> None:
    """Make the columns, and have forms without a number of their own inherit it."""
    op.add_column("workspaces", sa.Column("spam_threshold", sa.BigInteger(), server_default="50", nullable=False))
    op.add_column("workspaces", sa.Column("alarms", JSONB(), server_default=sa.text("'{}'"), nullable=False))
    op.create_table(
        "workspace_alarms",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("raised_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("cleared_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "code", name="pk_workspace_alarms"),
    )
    for table in ("forms", "form_drafts"):
        op.execute(INHERIT_THRESHOLDS.format(table=table))
