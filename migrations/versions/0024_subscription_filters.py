"""subscription filters: a webhook is narrowed to sources, a form, a tag or a stage"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0024"
down_revision = "r0023"


def upgrade() -> None:
    """Make the column. No subscription is narrowed yet."""
    op.add_column("webhook_subscriptions", sa.Column("filters", JSONB(), nullable=True))
