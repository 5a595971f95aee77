"""few tags"""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'

# An entry of an index holds 2,704 bytes at most: names and sources of the longest fill most of that, and tags without end
# filled the rest, so that a lead could take no more. An index carries a lead's tags where they are few; else a list looks at
# the lead.
FEW = sa.Column('few_tags', sa.ARRAY(sa.BigInteger()), sa.Computed("CASE WHEN cardinality(tag_ids) <= 32 THEN tag_ids END", persisted=True))
ALONE = ['source', 'status', 'pipeline_id', 'pipeline_stage_id', 'assigned_user_id', 'starred']
SORTS = {
    'ix_leads_created_at': 'created_at',
    'ix_leads_lead_score': 'lead_score',
    'ix_leads_first_name': 'first_name_key',
    'ix_leads_last_name': 'last_name_key',
    'ix_leads_email': 'email_key',
}


def upgrade() -> None:
    drop()
    op.add_column('leads', FEW)
    create('few_tags')


def downgrade() -> None:
    drop()
    op.drop_column('leads', 'few_tags')
    create('tag_ids')


def drop() -> None:
    for name in (*SORTS, 'ix_leads_assigned', 'ix_leads_starred'):
        op.drop_index(name, table_name='leads')


def create(tags) -> None:
    carried = [*ALONE, tags]
    for name, column in SORTS.items():
        op.create_index(name, 'leads', ['workspace_id', column, 'id'], unique=False, postgresql_include=carried)
    others = [name for name in carried if name != 'assigned_user_id']
    op.create_index('ix_leads_assigned', 'leads', ['workspace_id', 'assigned_user_id', 'created_at', 'id'], unique=False, postgresql_include=others, postgresql_where=sa.text('assigned_user_id IS NOT NULL'))
    op.create_index('ix_leads_starred', 'leads', ['workspace_id', 'created_at', 'id'], unique=False, postgresql_include=carried, postgresql_where=sa.text('starred'))
