"""queues keep their pages"""

from alembic import op

revision = '0014'
down_revision = '0013'

# What vacuum finds empty at a queue's end it gave back to the disk, every ten seconds and under a lock that nobody else's
# write gets past, and the next leads made it anew, page by page. Where the lock was not to be had it tried for 5 s. The
# sweeper gives it back, once an hour, where a queue has been long and is empty.
QUEUES = ('lead_search_queue', 'lead_count_deltas', 'lead_time_deltas', 'ledger_deltas', 'tally_deltas')


def upgrade() -> None:
    op.execute("ALTER TABLE journal SET (vacuum_truncate = off, toast.vacuum_truncate = off)")
    for table in QUEUES:
        op.execute(f"ALTER TABLE {table} SET (vacuum_truncate = off)")


def downgrade() -> None:
    op.execute("ALTER TABLE journal RESET (vacuum_truncate, toast.vacuum_truncate)")
    for table in QUEUES:
        op.execute(f"ALTER TABLE {table} RESET (vacuum_truncate)")
