"""what processes use"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0021'
down_revision = '0020'

# Fingerprints of spool, broker and secret key, by name: processes of one installation use the same ones.


def upgrade() -> None:
    op.add_column('processes', sa.Column('fingerprints', postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'")))


def downgrade() -> None:
    op.drop_column('processes', 'fingerprints')
