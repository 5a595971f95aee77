"""texts gather before they are sorted into their index"""

from alembic import op

revision = '0016'
down_revision = '0015'

# How many texts a term fits is told by a histogram of at least 100; by a shorter one as one in a thousand, and a search for
# few takes processes of its own. Said here, since the embedded server samples less of all else.
HISTOGRAM = 100


def upgrade() -> None:
    op.execute(f"ALTER TABLE lead_search ALTER text SET STATISTICS {HISTOGRAM}")
    op.execute("ALTER INDEX ix_lead_search_text SET (gin_pending_list_limit = 16384)")


def downgrade() -> None:
    op.execute("ALTER TABLE lead_search ALTER text SET STATISTICS -1")
    op.execute("ALTER INDEX ix_lead_search_text SET (gin_pending_list_limit = 4096)")
