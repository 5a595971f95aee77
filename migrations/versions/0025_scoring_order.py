"""scoring_order: scoring rules have an order"""

import sqlalchemy as sa
from alembic import op

revision = "r0025"
down_revision = "r0024"

# The oldest rule comes first.
NUMBER_RULES_SQL = """
UPDATE scoring_rules r SET position = numbered.nr
FROM (SELECT id, row_number() OVER (PARTITION BY workspace_id ORDER BY id) AS nr FROM scoring_rules) numbered
WHERE r.id = numbered.id
"""


def upgrade() -> None:
    """Make the column, and number the rules that there are. A workspace has few."""
    op.add_column("scoring_rules", sa.Column("position", sa.BigInteger(), server_default="0", nullable=False))
    op.execute(NUMBER_RULES_SQL)
