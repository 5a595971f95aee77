"""cheaper indexes"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'

FILTERED = ['source', 'status', 'pipeline_id', 'pipeline_stage_id', 'assigned_user_id', 'starred', 'tag_ids']
BARE = ('lead_score', 'first_name_key', 'last_name_key')
FORMS = sa.text("channel <> 'inbound'")


def upgrade() -> None:
    replace(include=None, received_at='received_at')


def downgrade() -> None:
    replace(include=FILTERED, received_at=sa.literal_column('received_at DESC'))


def replace(include, received_at) -> None:
    for column in BARE:
        name = f"ix_leads_{column.removesuffix('_key')}"
        op.drop_index(name, table_name='leads')
        op.create_index(name, 'leads', ['workspace_id', column, 'id'], unique=False, postgresql_include=include)
    op.drop_index('ix_submissions_channel', table_name='submissions')
    op.drop_index('ix_submissions_list', table_name='submissions')
    op.create_index('ix_submissions_channel', 'submissions', ['workspace_id', 'channel', received_at], unique=False, postgresql_where=FORMS)
    op.create_index('ix_submissions_list', 'submissions', ['workspace_id', received_at], unique=False)
