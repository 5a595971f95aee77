"""tags in any case"""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'

# By way of upper case: of the Greek sigmas two are small, and only one of them is what lower() makes. Two tags that turn
# out to be one keep their leads apart under names of their own.
RENAME = """
UPDATE tags t SET name = left(name, 80) || ' ' || id WHERE EXISTS (
    SELECT FROM tags o WHERE o.workspace_id = t.workspace_id AND o.id < t.id AND lower(upper(o.name)) = lower(upper(t.name)))
"""


def upgrade() -> None:
    op.execute(RENAME)
    replace('lower(upper(name))')


def downgrade() -> None:
    replace('lower(name)')


def replace(name: str) -> None:
    op.drop_index('uq_tags_workspace_id_name', table_name='tags')
    op.create_index('uq_tags_workspace_id_name', 'tags', ['workspace_id', sa.literal_column(name)], unique=True)
