"""never_join: a workspace lists contacts by which nobody is recognised"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "r0023"
down_revision = "r0022"

FUNCTIONS = Path(__file__).parents[1] / "functions.sql"


def upgrade() -> None:
    """Make the column, and have a change of it raise the version that workers compare."""
    op.add_column(
        "workspaces",
        sa.Column("never_join", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.execute(FUNCTIONS.read_text())
