"""alarms: conditions of the installation that need an operator"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0006"
down_revision = "r0005"


def upgrade() -> None:
    """Make the table. At most one alarm of a code rings at a time."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "alarms",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("raised_at", time, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("cleared_at", time, nullable=True),
        sa.Column("details", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alarms"),
    )
    op.create_index(
        "ix_alarms_ringing", "alarms", ["code"], unique=True, postgresql_where=sa.text("cleared_at IS NULL")
    )
    op.create_index("ix_alarms_raised_at", "alarms", ["raised_at"])
