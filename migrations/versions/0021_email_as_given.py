"""email_as_given: a lead keeps what came as its email and cannot be read"""

import sqlalchemy as sa
from alembic import op

revision = "r0021"
down_revision = "r0020"


def upgrade() -> None:
    """Make the column and its index. No lead has such a text yet, so neither rewrites the table."""
    op.add_column("leads", sa.Column("email_as_given", sa.Text(), nullable=True))
    op.create_index(
        "ix_leads_email_as_given",
        "leads",
        ["workspace_id", "id"],
        postgresql_where=sa.text("email_as_given IS NOT NULL"),
    )
