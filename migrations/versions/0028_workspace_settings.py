"""workspace_settings: from how many points a workspace holds submissions of its forms"""

import sqlalchemy as sa
from alembic import op

revision = "r0028"
down_revision = "r0026"

# The builder wrote the usual number into each form, chosen or not. What it means stays: the workspace has the same.
INHERIT_THRESHOLDS = """
UPDATE {table} SET settings = settings #- '{{spam,threshold}}' WHERE settings->'spam'->'threshold' = '50'
"""


def upgrade() -> None:
    """Make the columns, and have forms without a number of their own inherit it."""
    op.add_column("workspaces", sa.Column("spam_threshold", sa.Integer(), server_default="50", nullable=False))
    for table in ("forms", "form_drafts"):
        op.execute(INHERIT_THRESHOLDS.format(table=table))
