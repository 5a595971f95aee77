"""heartbeat_backends: by its heartbeat's connection a process is known to be dead at once"""

import sqlalchemy as sa
from alembic import op

revision = "r0020"
down_revision = "r0019"


def upgrade() -> None:
    """Make the column."""
    op.add_column("processes", sa.Column("backend_pid", sa.Integer(), nullable=True))
