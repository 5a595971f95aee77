"""webhook_expressions: a subscription has a filter, a body of its own, and a rate"""

import sqlalchemy as sa
from alembic import op

revision = "r0032"
down_revision = "r0031"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the columns, and the table of what workers note of a subscription. No subscription has either yet."""
    op.add_column("webhook_subscriptions", sa.Column("filter_expression", sa.Text(), nullable=True))
    op.add_column("webhook_subscriptions", sa.Column("body_expression", sa.Text(), nullable=True))
    op.add_column("webhook_subscriptions", sa.Column("max_per_minute", sa.Integer(), nullable=True))
    op.create_table(
        "subscription_states",
        sa.Column("workspace_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("next_send_at", TIME, nullable=True),
        sa.Column("filter_failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("filter_error", sa.Text(), nullable=True),
        sa.Column("filter_failed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "subscription_id", name="pk_subscription_states"),
    )
