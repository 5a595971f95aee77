"""joined_contacts: an identity names the import that made its lead known by it"""

import sqlalchemy as sa
from alembic import op

revision = "r0029"
down_revision = "r0028"


def upgrade() -> None:
    """Make the column. Contacts that imports joined before have none, and stay."""
    op.add_column("identities", sa.Column("import_id", sa.BigInteger(), nullable=True))
