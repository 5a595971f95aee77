"""joining_rows: a row of an import says whether its lead is known by a contact of it"""

import sqlalchemy as sa
from alembic import op

revision = "r0030"
down_revision = "r0029"


def upgrade() -> None:
    """Make the column. Rows of before have no value, and count by their state."""
    op.add_column("import_rows", sa.Column("has_joined", sa.Boolean(), nullable=True))
