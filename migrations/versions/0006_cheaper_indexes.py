"""cheaper indexes"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'

FILTERED = ['source', 'status', 'pipeline_id', 'pipeline_stage_id', 'assigned_user_id', 'starred', 'tag_ids']
FORMS = sa.text("channel <> 'inbound'")


def upgrade() -> None:
    replace(received_at='received_at')
    narrowed(assigned=[name for name in FILTERED if name != 'assigned_user_id'], starred=FILTERED)


def downgrade() -> None:
    replace(received_at=sa.literal_column('received_at DESC'))
    narrowed(assigned=None, starred=None)


def replace(received_at) -> None:
    op.drop_index('ix_submissions_channel', table_name='submissions')
    op.drop_index('ix_submissions_list', table_name='submissions')
    op.create_index('ix_submissions_channel', 'submissions', ['workspace_id', 'channel', received_at], unique=False, postgresql_where=FORMS)
    op.create_index('ix_submissions_list', 'submissions', ['workspace_id', received_at], unique=False)


def narrowed(assigned, starred) -> None:
    op.drop_index('ix_leads_assigned', table_name='leads')
    op.drop_index('ix_leads_starred', table_name='leads')
    op.create_index('ix_leads_assigned', 'leads', ['workspace_id', 'assigned_user_id', 'created_at', 'id'], unique=False, postgresql_include=assigned, postgresql_where=sa.text('assigned_user_id IS NOT NULL'))
    op.create_index('ix_leads_starred', 'leads', ['workspace_id', 'created_at', 'id'], unique=False, postgresql_include=starred, postgresql_where=sa.text('starred'))
