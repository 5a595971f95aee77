"""event_feeds: the events of a workspace, for readers that come with a cursor"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "r0031"
down_revision = "r0030"

FUNCTIONS = Path(__file__).parents[1] / "functions.sql"
TIME, TRANSACTION_TIME = sa.DateTime(timezone=True), sa.text("now()")


def upgrade() -> None:
    """Make the tables, and have workers hear of a feed that begins or ends. No workspace has one yet."""
    op.create_table(
        "event_feeds",
        sa.Column("workspace_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("is_recording", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("last_position", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expired_position", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("used_at", TIME, server_default=TRANSACTION_TIME, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_event_feeds"),
    )
    op.create_table(
        "feed_events",
        sa.Column("workspace_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIME, server_default=TRANSACTION_TIME, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "position", name="pk_feed_events"),
    )
    op.create_index("ix_feed_events_event", "feed_events", ["workspace_id", "event", "position"])
    op.create_index("ix_feed_events_lead", "feed_events", ["workspace_id", "lead_id"])
    op.execute(FUNCTIONS.read_text())
