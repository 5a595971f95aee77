"""indexes from which the console counts and lists dead and held submissions without reading their rows"""

import sqlalchemy as sa
from alembic import op

revision = "r0009"
down_revision = "r0008"


def upgrade() -> None:
    """Make both indexes again, with the columns that are shown or counted beside their keys."""
    op.drop_index("ix_submissions_cause", "submissions")
    op.create_index(
        "ix_submissions_cause",
        "submissions",
        ["workspace_id", "cause_id", "received_at"],
        postgresql_where=sa.text("state = 'dead'"),
        postgresql_include=["source", "channel", "id"],
    )
    op.drop_index("ix_submissions_undone", "submissions")
    op.create_index(
        "ix_submissions_undone",
        "submissions",
        ["workspace_id", "state", "received_at"],
        postgresql_where=sa.text("state <> 'done'"),
        postgresql_include=["id", "source", "rejected_at"],
    )
