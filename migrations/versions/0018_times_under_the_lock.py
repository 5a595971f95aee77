"""times under the lock"""

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'

# `now()` is when a transaction began: one that then waited for a lead wrote a time before that of what it waited for.
TIMES = (('activities', 'created_at'), ('events', 'occurred_at'))


def upgrade() -> None:
    for table, column in TIMES:
        op.alter_column(table, column, server_default=sa.text('clock_timestamp()'))


def downgrade() -> None:
    for table, column in TIMES:
        op.alter_column(table, column, server_default=sa.text('now()'))
