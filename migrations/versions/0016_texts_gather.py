"""texts gather before they are sorted into their index"""

from alembic import op

revision = '0016'
down_revision = '0015'


def upgrade() -> None:
    op.execute("ALTER INDEX ix_lead_search_text SET (gin_pending_list_limit = 16384)")


def downgrade() -> None:
    op.execute("ALTER INDEX ix_lead_search_text SET (gin_pending_list_limit = 4096)")
