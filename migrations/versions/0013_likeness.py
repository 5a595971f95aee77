"""likeness: keys, profiles, counts and weights of leads that are alike, and the pairs"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "r0013"
down_revision = "r0012"

FUNCTIONS = Path(__file__).parents[1] / "functions.sql"

TIME = sa.DateTime(timezone=True)
CLOCK_TIME = sa.text("clock_timestamp()")
# An empty database of the earlier series may have the table under its earlier name still.
QUEUE_EXISTING_SQL = """
DO $$ BEGIN
    IF to_regclass('background_cleanups') IS NOT NULL THEN
        INSERT INTO background_cleanups (workspace_id, kind, ref_id) SELECT id, 'likeness', 0 FROM workspaces;
    END IF;
END $$
"""


def upgrade() -> None:
    """Make the tables, and ask the sweeper to look at the leads that exist. The functions feed the queue."""
    op.create_table(
        "likeness_queue",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("lead_ids", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("is_rescored", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", TIME, server_default=CLOCK_TIME, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_likeness_queue"),
    )
    op.execute("ALTER TABLE likeness_queue SET (vacuum_truncate = off)")
    op.create_table(
        "likeness_keys",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "key", "lead_id", name="pk_likeness_keys"),
    )
    op.create_table(
        "likeness_profiles",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("keys", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("counted", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "lead_id", name="pk_likeness_profiles"),
    )
    op.create_table(
        "likeness_counts",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("value_hash", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "value_hash", name="pk_likeness_counts"),
        postgresql_with={"fillfactor": "85"},
    )
    op.create_table(
        "likeness_weights",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("weights", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("leads", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("computed_at", TIME, nullable=True),
        sa.Column("requested_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_likeness_weights"),
    )
    _create_pairs()
    op.execute(QUEUE_EXISTING_SQL)
    op.get_bind().exec_driver_sql(FUNCTIONS.read_text())


def _create_pairs() -> None:
    op.create_table(
        "duplicate_pairs",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("lead_a", sa.BigInteger(), nullable=False),
        sa.Column("lead_b", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("bits", sa.Float(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("evidence", JSONB(), nullable=False),
        sa.Column("reasons", JSONB(), nullable=False),
        sa.Column("contacts_hash", sa.BigInteger(), nullable=False),
        sa.Column("engine_version", sa.BigInteger(), nullable=False),
        sa.Column("dismissed_bits", sa.Float(), nullable=True),
        sa.Column("dismissed_by", sa.Text(), nullable=True),
        sa.Column("dismissed_at", TIME, nullable=True),
        sa.Column("merge_id", sa.BigInteger(), nullable=True),
        sa.Column("before_merge", JSONB(), nullable=True),
        sa.Column("created_at", TIME, server_default=CLOCK_TIME, nullable=False),
        sa.Column("updated_at", TIME, server_default=CLOCK_TIME, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_duplicate_pairs"),
    )
    pair_key = ["workspace_id", "lead_a", "lead_b"]
    op.create_index("uq_duplicate_pairs_leads", "duplicate_pairs", pair_key, unique=True)
    op.create_index("ix_duplicate_pairs_lead_b", "duplicate_pairs", ["workspace_id", "lead_b", "lead_a"])
    op.create_index("ix_duplicate_pairs_list", "duplicate_pairs", ["workspace_id", "state", "bits", "id"])
    op.create_index(
        "ix_duplicate_pairs_merge",
        "duplicate_pairs",
        ["workspace_id", "merge_id"],
        postgresql_where=sa.text("merge_id IS NOT NULL"),
    )
