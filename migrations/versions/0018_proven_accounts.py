"""proven_accounts: whether an account's mailbox was proven, and the ways on which links go out

Links that set a password and are on their way become void: nobody knows any more who was shown them.
"""

import sqlalchemy as sa
from alembic import op

revision = "r0018"
down_revision = "r0017"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("accounts", sa.Column("proven_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "account_links", sa.Column("channel", sa.Text(), server_default=sa.text("'workspace'"), nullable=False)
    )
    op.execute("UPDATE account_links SET used_at = now() WHERE used_at IS NULL AND purpose IN ('invite', 'reset')")
    op.execute("UPDATE account_links SET channel = 'terminal' WHERE purpose = 'first_admin'")
    op.execute("UPDATE account_links SET purpose = 'invite' WHERE purpose = 'join'")
