"""conversions: what ad platforms are told of leads"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "r0011"
down_revision = "r0010"

FUNCTIONS = Path(__file__).parents[1] / "functions.sql"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table. The functions watch integrations too: their events are waited for."""
    op.create_table(
        "conversions",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("integration_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("conversion_action", sa.Text(), nullable=True),
        sa.Column("occurred_at", TIME, nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_conversions"),
    )
    event_key = ["workspace_id", "integration_id", "lead_id", "event"]
    op.create_index("uq_conversions_event", "conversions", event_key, unique=True)
    op.create_index("ix_conversions_lead", "conversions", ["workspace_id", "lead_id"])
    op.create_index(
        "ix_conversions_delivery",
        "conversions",
        ["workspace_id", "delivery_id"],
        postgresql_where=sa.text("state <> 'sent'"),
    )
    op.get_bind().exec_driver_sql(FUNCTIONS.read_text())
