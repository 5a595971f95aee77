"""recipient_limits: mails to one recipient are limited"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "r0012"
down_revision = "r0011"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "recipient_limits",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sent_at", ARRAY(TIME), server_default="{}", nullable=False),
        sa.Column("last_sent_at", TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_recipient_limits"),
    )
    op.create_index("ix_recipient_limits_last_sent_at", "recipient_limits", ["last_sent_at"])
