"""order by receiver"""

import sqlalchemy as sa
from alembic import op

revision = '0019'
down_revision = '0018'

PENDING = sa.text("state = 'pending'")


# By lead alone, a look for an earlier delivery to one receiver passed over all that the lead's other receivers had.
def upgrade() -> None:
    op.drop_index('ix_deliveries_order', table_name='deliveries')
    op.create_index('ix_deliveries_order', 'deliveries', ['workspace_id', 'endpoint', 'lead_id', 'id'], unique=False, postgresql_where=PENDING)


def downgrade() -> None:
    op.drop_index('ix_deliveries_order', table_name='deliveries')
    op.create_index('ix_deliveries_order', 'deliveries', ['lead_id', 'id'], unique=False, postgresql_where=PENDING)
