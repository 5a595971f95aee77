"""pauses of lanes, history by the minute, and what processes report of themselves"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0004"
down_revision = "r0003"

FUNCTIONS = Path(__file__).parents[1] / "functions.sql"

BIGINT, SMALLINT, TEXT, TIME = sa.BigInteger(), sa.SmallInteger(), sa.Text(), sa.DateTime(timezone=True)
COUNTS = sa.ARRAY(BIGINT)
CLOCK, ZERO, EMPTY_ARRAY = sa.text("clock_timestamp()"), "0", sa.text("'{}'")
STEP = ("step", SMALLINT)
STATISTIC_TABLES = ("minute_statistics", "lane_statistics", "source_statistics")
# Rows of the current minute change every second. Room on their pages keeps these updates off the index.
STATISTIC_OPTIONS = "fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1"
STARTED_SAMPLES_SQL = """
INSERT INTO ledger_samples (workspace_id, state, n)
SELECT workspace_id, state, sum(n) FROM (
    SELECT workspace_id, state, n FROM ledger UNION ALL SELECT workspace_id, state, n FROM ledger_deltas) counts
GROUP BY 1, 2
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(FUNCTIONS.read_text())
    op.create_table(
        "lane_pauses",
        *key(("workspace_id", BIGINT), ("lane", TEXT)),
        required("version", BIGINT),
        required("reason", TEXT),
        required("paused_by", JSONB()),
        required("since", TIME, CLOCK),
        sa.Column("until", TIME),
        sa.Column("resumed_at", TIME),
        sa.PrimaryKeyConstraint("workspace_id", "lane", name="pk_lane_pauses"),
    )
    counts = ("accepted", "done", "dead", "quarantined", "duplicates")
    op.create_table(
        "minute_statistics",
        *key(("workspace_id", BIGINT), STEP, ("at", TIME)),
        *[required(name, BIGINT, ZERO) for name in counts],
        required("verdict_ms", COUNTS, EMPTY_ARRAY),
        sa.PrimaryKeyConstraint("workspace_id", "step", "at", name="pk_minute_statistics"),
    )
    op.create_table(
        "lane_statistics",
        *key(("workspace_id", BIGINT), STEP, ("at", TIME), ("lane", TEXT)),
        sa.Column("depth", BIGINT),
        sa.Column("oldest_s", sa.Float()),
        sa.Column("sampled_at", TIME),
        required("out", BIGINT, ZERO),
        required("waiting_ms", COUNTS, EMPTY_ARRAY),
        required("work_ms", COUNTS, EMPTY_ARRAY),
        sa.PrimaryKeyConstraint("workspace_id", "step", "at", "lane", name="pk_lane_statistics"),
    )
    op.create_table(
        "source_statistics",
        *key(("workspace_id", BIGINT), ("channel", TEXT), ("source", TEXT), STEP, ("at", TIME)),
        required("received", BIGINT, ZERO),
        required("last_received_at", TIME),
        sa.PrimaryKeyConstraint("workspace_id", "channel", "source", "step", "at", name="pk_source_statistics"),
    )
    op.create_table(
        "ledger_samples",
        *key(("workspace_id", BIGINT), ("state", TEXT)),
        required("n", BIGINT),
        sa.PrimaryKeyConstraint("workspace_id", "state", name="pk_ledger_samples"),
    )
    for table in STATISTIC_TABLES:
        op.create_index(f"ix_{table}_step_at", table, ["step", "at"])
        op.execute(f"ALTER TABLE {table} SET ({STATISTIC_OPTIONS})")
    op.execute(STARTED_SAMPLES_SQL)
    op.add_column("processes", sa.Column("memory_bytes", BIGINT))
    op.add_column("processes", required("restarts", BIGINT, ZERO))
    op.add_column("processes", required("activity", TEXT, sa.text("'idle'")))
    op.add_column("processes", required("pauses_version", BIGINT, ZERO))


def key(*columns: tuple[str, sa.types.TypeEngine[object]]) -> list[sa.Column[object]]:
    return [required(name, type_) for name, type_ in columns]


def required(name: str, type_: sa.types.TypeEngine[object], default: object = None) -> sa.Column[object]:
    return sa.Column(name, type_, server_default=default, nullable=False, autoincrement=False)  # type: ignore[arg-type]
