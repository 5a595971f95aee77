"""console_lists: who added a suppression and why, and indexes by which suppressions and conversions are listed"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0028"
down_revision = "r0027"


def upgrade() -> None:
    """Make the columns and the indexes."""
    op.add_column("suppressions", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("suppressions", sa.Column("created_by", JSONB(), nullable=True))
    op.create_index("ix_suppressions_workspace_id_id", "suppressions", ["workspace_id", "id"])
    listed = ["workspace_id", "integration_id", "id"]
    op.create_index("ix_conversions_integration", "conversions", listed)
    op.create_index("ix_deliveries_conversion", "deliveries", listed, postgresql_where=sa.text("kind = 'conversion'"))
