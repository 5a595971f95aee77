"""lead_imports: imports of leads, their files, and what became of their rows"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "r0015"
down_revision = "r0014"

TIME = sa.DateTime(timezone=True)
# A server that was built without lz4 keeps its default.
COMPRESS_CHUNKS_SQL = """
DO $$ BEGIN
    ALTER TABLE import_chunks ALTER COLUMN data SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN NULL;
END $$
"""
COUNTS = ("rows_read", "rows_settled", "created", "merged", "unchanged", "invalid")


def upgrade() -> None:
    """Make the tables. None of them is on the path of an ordinary lead."""
    op.create_table(
        "imports",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("is_dry_run", sa.Boolean(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_size", sa.BigInteger(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("delimiter", sa.Text(), nullable=False),
        sa.Column("columns", ARRAY(sa.Text()), nullable=False),
        sa.Column("mapping", JSONB(), nullable=False),
        sa.Column("options", JSONB(), nullable=False),
        sa.Column("key_id", sa.BigInteger(), nullable=True),
        sa.Column("data_offset", sa.BigInteger(), nullable=False),
        sa.Column("read_offset", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in COUNTS),
        sa.Column("is_settled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("has_file", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("undo_job_id", sa.BigInteger(), nullable=True),
        sa.Column("undone_at", TIME, nullable=True),
        sa.Column("accepted_at", TIME, server_default=sa.text("date_trunc('milliseconds', now())"), nullable=False),
        sa.Column("due_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_imports"),
    )
    op.create_index("ix_imports_unsettled", "imports", ["due_at"], postgresql_where=sa.text("NOT is_settled"))
    op.create_index("ix_imports_accepted_at", "imports", ["accepted_at"])
    op.create_table(
        "import_chunks",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "import_id", "n", name="pk_import_chunks"),
    )
    op.execute(COMPRESS_CHUNKS_SQL)
    _create_row_tables()


def _create_row_tables() -> None:
    op.create_table(
        "import_rows",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=True),
        sa.Column("reasons", ARRAY(sa.Text()), nullable=True),
        sa.Column("cells", ARRAY(sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "import_id", "row", name="pk_import_rows"),
    )
    op.create_index(
        "ix_import_rows_cells",
        "import_rows",
        ["workspace_id", "import_id", "state", "row"],
        postgresql_where=sa.text("cells IS NOT NULL"),
    )
    op.create_index("ix_import_rows_lead", "import_rows", ["workspace_id", "lead_id"])
    op.create_table(
        "import_preview_keys",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "import_id", "kind", "value", name="pk_import_preview_keys"),
    )
    op.create_table(
        "import_preview_leads",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("state", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "import_id", "lead_id", name="pk_import_preview_leads"),
    )
