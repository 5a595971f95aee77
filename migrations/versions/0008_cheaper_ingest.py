"""cheaper ingest"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'

# What no plan depends on, or only as a key that is looked up whole: reading a sample of it cost a twentieth of all CPU
# while leads came fast.
UNASKED = {
    'leads': ['first_name', 'last_name', 'email', 'phone', 'company', 'job_title', 'country', 'notes', 'custom_fields', 'submitted_at'],
    'identities': ['kind', 'value'],
    'activities': ['type', 'data', 'created_at'],
}
ROUGH = {'identities': ['workspace_id', 'lead_id'], 'activities': ['workspace_id', 'lead_id', 'id']}
GROWING = ('leads', 'identities', 'activities', 'lead_search')


def upgrade() -> None:
    op.add_column('processes', sa.Column('died_at', sa.DateTime(timezone=True)))
    sample(UNASKED, 0)
    sample(ROUGH, 10)
    for table in GROWING:
        op.execute(f"ALTER TABLE {table} SET (autovacuum_analyze_scale_factor = 0.5)")


def downgrade() -> None:
    op.drop_column('processes', 'died_at')
    sample(UNASKED, -1)
    sample(ROUGH, -1)
    for table in GROWING:
        op.execute(f"ALTER TABLE {table} RESET (autovacuum_analyze_scale_factor)")


def sample(columns: dict[str, list[str]], target: int) -> None:
    for table, names in columns.items():
        changes = ', '.join(f"ALTER {name} SET STATISTICS {target}" for name in names)
        op.execute(f"ALTER TABLE {table} {changes}")
