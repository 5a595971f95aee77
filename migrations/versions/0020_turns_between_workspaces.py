"""turns between workspaces"""

import sqlalchemy as sa
from alembic import op

revision = '0020'
down_revision = '0019'

# A batch takes from each workspace that has something: what it looks in begins with the workspace. What is found by time
# alone is still where it was: whether anything is due is asked ten times a second. Of runs that
# automations set off, a lead's last ones are counted: they are few, and others are in no way of them.


def upgrade() -> None:
    op.drop_constraint('pk_events', 'events')
    op.create_primary_key('pk_events', 'events', ['workspace_id', 'id'])
    op.create_index('ix_automation_runs_turn', 'automation_runs', ['workspace_id', 'due_at'],
                    postgresql_where=sa.text('due_at IS NOT NULL'))
    op.create_index('ix_automation_runs_chained', 'automation_runs', ['workspace_id', 'lead_id', 'id'],
                    postgresql_where=sa.text("chain <> '{}'"))
    op.create_index('ix_silences_workspace_id_due_at', 'silences', ['workspace_id', 'due_at'])


def downgrade() -> None:
    op.drop_index('ix_silences_workspace_id_due_at', table_name='silences')
    op.drop_index('ix_automation_runs_chained', table_name='automation_runs')
    op.drop_index('ix_automation_runs_turn', table_name='automation_runs')
    op.drop_constraint('pk_events', 'events')
    op.create_primary_key('pk_events', 'events', ['id'])
