"""unconfirmed_submissions: an index of people who have not followed the link of a double opt-in"""

import sqlalchemy as sa
from alembic import op

revision = "r0019"
down_revision = "r0018"

UNCONFIRMED = (
    'state = \'quarantined\' AND rejected_at IS NULL AND spam @> \'{"reasons": [{"code": "unconfirmed"}]}\'::jsonb'
)


def upgrade() -> None:
    """Make the index on each partition."""
    op.create_index(
        "ix_submissions_unconfirmed",
        "submissions",
        ["workspace_id", "received_at"],
        postgresql_where=sa.text(UNCONFIRMED),
    )
