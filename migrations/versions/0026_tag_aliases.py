"""tag_aliases: a tag that was merged into another is another name of it"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "r0026"
down_revision = "r0025"

FUNCTIONS = Path(__file__).parent.parent / "functions.sql"


def upgrade() -> None:
    """Make the column, and have workers hear of its changes."""
    op.add_column("tags", sa.Column("alias_of", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_tags_alias_of",
        "tags",
        ["workspace_id", "alias_of"],
        postgresql_where=sa.text("alias_of IS NOT NULL"),
    )
    op.execute(FUNCTIONS.read_text())
