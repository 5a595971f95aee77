"""initial: all tables and their indexes; functions and triggers are in `migrations/functions.sql`"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from services.workers import partitions

# The letter tells this series of migrations from an earlier one, which went from 0001 to 0021: see `cli/schema.py`.
revision = "r0001"
down_revision = None

FUNCTIONS = Path(__file__).parents[1] / "functions.sql"

BIGINT, SMALLINT, TEXT, BOOLEAN, BYTES = sa.BigInteger(), sa.SmallInteger(), sa.Text(), sa.Boolean(), sa.LargeBinary()
UUID, JSON, TIME = sa.Uuid(), JSONB(), sa.DateTime(timezone=True)
BIGINTS, TEXTS, UUIDS = sa.ARRAY(BIGINT), sa.ARRAY(TEXT), sa.ARRAY(UUID)
TEXT_C = sa.Text(collation="C")  # sorted by code point, on every machine alike

# Defaults. `now()` is when the transaction began. The clock is read when the row is written: what happens to a lead is
# in order of time, since a writer waits for the lead's lock first.
NOW, CLOCK = sa.text("now()"), sa.text("clock_timestamp()")
TRUE, FALSE, ZERO = sa.text("true"), sa.text("false"), "0"
EMPTY_LIST, EMPTY_OBJECT, EMPTY_ARRAY = sa.text("'[]'"), sa.text("'{}'"), sa.text("'{}'")

# The columns by which lists filter. Indexes carry them, so that a list reads the index alone.
FILTERED = ("source", "status", "pipeline_id", "pipeline_stage_id", "assigned_user_id", "starred", "few_tags")

FILTERED_BESIDES_ASSIGNED = tuple(name for name in FILTERED if name != "assigned_user_id")
FEW = "cardinality(tag_ids) <= 32"

# A queue is nearly empty and rewritten all the time: with the default settings its dead rows pile up. Vacuum keeps the
# pages at its end: it would give them back every ten seconds, under a lock that stops every writer, and the next leads
# would make them again. The sweeper gives them back once an hour, where a queue has been long and is empty.
JOURNAL_VACUUM = {
    "autovacuum_vacuum_scale_factor": 0,
    "autovacuum_vacuum_threshold": 500,
    "autovacuum_vacuum_cost_delay": 0,
}
QUEUE_VACUUM = {**JOURNAL_VACUUM, "autovacuum_vacuum_threshold": 1000}
KEEP_PAGES = {"vacuum_truncate": "off"}

# While a table is young it grows by a fifth every few seconds. Vacuum would read all its indexes each time, and analyze
# would sample it again and again: together a twentieth of all CPU.
GROWING = {"autovacuum_analyze_scale_factor": 1, "autovacuum_vacuum_threshold": 20_000}
GROWING_INSERTS = {**GROWING, "autovacuum_vacuum_insert_threshold": 20_000}

# Columns that no plan depends on, or only as a key that is looked up whole: to sample them cost a twentieth of all CPU
# while leads came fast. 0 takes no sample, 10 a small one.
STATISTICS = {
    "leads": dict.fromkeys(
        (
            *("first_name", "last_name", "email", "phone", "company", "job_title", "country", "notes"),
            *("custom_fields", "submitted_at"),
        ),
        0,
    ),
    "identities": {"workspace_id": 10, "kind": 0, "value": 0, "lead_id": 10},
    "activities": {"workspace_id": 10, "lead_id": 10, "id": 10, "type": 0, "data": 0, "created_at": 0},
    # PostgreSQL estimates how many texts contain a term by a histogram of at least 100 entries. With a shorter one it
    # assumes one text in a thousand, and a search for few texts starts parallel workers. The embedded server samples
    # less of everything else.
    "lead_search": {"text": 100},
}

# lz4 costs a tenth of pglz. A server that was built without it keeps its default.
COMPRESS_WITH_LZ4 = """
DO $$ BEGIN
    ALTER TABLE submissions ALTER COLUMN payload SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN NULL;
END $$
"""


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.execute("CREATE SEQUENCE lead_ids")
    create_workspaces_and_keys()
    create_boards()
    create_intake()
    create_leads()
    create_lead_indexes()
    create_read_models()
    create_automations()
    create_deliveries()
    create_forms_and_counters()
    for table, columns in STATISTICS.items():
        targets = ", ".join(f"ALTER {name} SET STATISTICS {target}" for name, target in columns.items())
        op.execute(f"ALTER TABLE {table} {targets}")
    op.get_bind().exec_driver_sql(FUNCTIONS.read_text())


def required(name: str, type_: Any, default: Any = None) -> sa.Column[Any]:
    return sa.Column(name, type_, server_default=default, nullable=False, autoincrement=False)


def optional(name: str, type_: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=True)


def identity() -> sa.Column[Any]:
    return sa.Column("id", BIGINT, sa.Identity(always=False), nullable=False)


def sort_key(name: str) -> sa.Column[Any]:
    """A text as lists sort it: without case, by code point, empty ones last. A column, since PostgreSQL reads no value
    from an index on an expression alone."""
    computed = sa.Computed(f"coalesce(' ' || lower(nullif({name}, '')), '!')", persisted=True)
    return sa.Column(f"{name}_key", TEXT_C, computed, nullable=False)


def references(table: str, column: str, other: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}", ondelete=ondelete)


def create_table(name: str, *parts: Any, primary_key: Sequence[str], **options: Any) -> None:
    op.create_table(name, *parts, sa.PrimaryKeyConstraint(*primary_key, name=f"pk_{name}"), **options)


def create_index(
    name: str, table: str, columns: Sequence[str], *, where: str = "", unique: bool = False, **options: Any
) -> None:
    """An element of `columns` may be an expression. `options` are PostgreSQL's, such as `include`, `using`, `with_`."""
    elements = [column if column.isidentifier() else sa.text(column) for column in columns]
    prefixed = {f"postgresql_{option.rstrip('_')}": value for option, value in options.items()}
    if where:
        prefixed["postgresql_where"] = sa.text(where)
    op.create_index(name, table, elements, unique=unique, **prefixed)


def set_storage(table: str, **parameters: object) -> None:
    """Set storage parameters; those of its TOAST table are written `toast__name`."""
    said = ", ".join(f"{name.replace('toast__', 'toast.')} = {value}" for name, value in parameters.items())
    op.execute(f"ALTER TABLE {table} SET ({said})")


def create_workspaces_and_keys() -> None:
    """Workspaces, their people and their API keys."""
    create_table(
        "workspaces",
        identity(),
        required("slug", TEXT),
        required("name", TEXT),
        optional("country", TEXT),
        required("merge_policy", TEXT, "fill_empty"),
        required("fold_gmail", BOOLEAN, FALSE),
        required("created_at", TIME, NOW),
        optional("mail_key", BYTES),
        required("timezone", TEXT, "UTC"),
        required("version", BIGINT, ZERO),
        sa.UniqueConstraint("slug", name="uq_workspaces_slug"),
        primary_key=("id",),
    )
    create_table(
        "api_keys",
        identity(),
        required("workspace_id", BIGINT),
        required("name", TEXT),
        required("prefix", TEXT),
        required("digest", BYTES),
        required("scopes", TEXTS),
        optional("rate_limit", BIGINT),
        optional("expires_at", TIME),
        optional("last_used_at", TIME),
        optional("revoked_at", TIME),
        required("created_at", TIME, NOW),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
        references("api_keys", "workspace_id", "workspaces"),
        primary_key=("id",),
    )
    create_index("ix_api_keys_workspace_id", "api_keys", ["workspace_id"])
    create_table(
        "users",
        identity(),
        required("workspace_id", BIGINT),
        required("name", TEXT),
        required("email", TEXT),
        required("role", TEXT, "agent"),
        required("is_active", BOOLEAN, TRUE),
        required("created_at", TIME, NOW),
        required("updated_at", TIME, NOW),
        references("users", "workspace_id", "workspaces"),
        primary_key=("id",),
    )
    create_index("uq_users_workspace_id_email", "users", ["workspace_id", "lower(email)"], unique=True)


def create_boards() -> None:
    """Pipelines and their stages."""
    create_table(
        "pipelines",
        identity(),
        required("workspace_id", BIGINT),
        required("name", TEXT),
        optional("description", TEXT),
        required("is_default", BOOLEAN, FALSE),
        required("created_at", TIME, NOW),
        required("updated_at", TIME, NOW),
        references("pipelines", "workspace_id", "workspaces"),
        primary_key=("id",),
    )
    create_index("ix_pipelines_workspace_id", "pipelines", ["workspace_id"])
    create_index("uq_pipelines_default", "pipelines", ["workspace_id"], unique=True, where="is_default")
    create_table(
        "pipeline_stages",
        identity(),
        required("workspace_id", BIGINT),
        required("pipeline_id", BIGINT),
        required("name", TEXT),
        optional("color", TEXT),
        required("position", BIGINT),
        required("is_won", BOOLEAN, FALSE),
        required("is_lost", BOOLEAN, FALSE),
        required("created_at", TIME, NOW),
        required("updated_at", TIME, NOW),
        references("pipeline_stages", "pipeline_id", "pipelines", ondelete="CASCADE"),
        references("pipeline_stages", "workspace_id", "workspaces"),
        primary_key=("id",),
    )
    create_index(
        "ix_pipeline_stages_workspace_id_pipeline_id_position",
        "pipeline_stages",
        ["workspace_id", "pipeline_id", "position"],
    )


def create_intake() -> None:
    """The way of a submission: journal, submissions, their keys, and the ledger that counts them."""
    create_table(
        "journal",
        required("lane", SMALLINT),
        identity(),
        required("n", BIGINT),
        required("ids", UUIDS),
        required("attempts", SMALLINT, ZERO),
        required("due_at", TIME, NOW),
        required("stored_at", TIME, CLOCK),
        required("payload", BYTES),
        primary_key=("lane", "id"),
    )
    set_storage("journal", **JOURNAL_VACUUM, **{f"toast__{name}": value for name, value in JOURNAL_VACUUM.items()})
    set_storage("journal", vacuum_truncate="off", toast__vacuum_truncate="off")
    # A row lives for milliseconds: to compress it (by pglz, where the server has no lz4) costs 10 µs a lead.
    op.execute("ALTER TABLE journal ALTER COLUMN payload SET STORAGE EXTERNAL")
    create_table(
        "submissions",
        required("workspace_id", BIGINT),
        required("id", UUID),
        required("received_at", TIME),
        required("state", TEXT),
        required("channel", TEXT),
        optional("source", TEXT),
        optional("key_id", BIGINT),
        optional("lead_id", BIGINT),
        optional("is_duplicate", BOOLEAN),
        optional("matched_on", TEXTS),
        required("payload", BYTES),
        optional("changes", JSON),
        optional("warnings", TEXTS),
        optional("error", TEXT),
        required("attempts", SMALLINT),
        required("processed_at", TIME, NOW),
        primary_key=("workspace_id", "id", "received_at"),
        postgresql_partition_by="RANGE (received_at)",
    )
    create_index(
        "ix_submissions_channel",
        "submissions",
        ["workspace_id", "channel", "received_at"],
        where="channel <> 'inbound'",
    )
    create_index("ix_submissions_list", "submissions", ["workspace_id", "received_at"])
    create_index(
        "ix_submissions_undone", "submissions", ["workspace_id", "state", "received_at"], where="state <> 'done'"
    )
    op.execute("CREATE TABLE submissions_default PARTITION OF submissions DEFAULT")
    for statement in partitions.upcoming_partitions_sql(datetime.now(UTC)):
        op.execute(statement)
    op.execute(COMPRESS_WITH_LZ4)
    create_table(
        "submission_keys",
        required("workspace_id", BIGINT),
        required("id", UUID),
        required("received_at", TIME),
        required("body_hash", BYTES),
        primary_key=("workspace_id", "id"),
    )
    create_index("ix_submission_keys_received_at", "submission_keys", ["received_at"])
    create_table(
        "ledger",
        required("workspace_id", BIGINT),
        required("state", TEXT),
        required("n", BIGINT),
        primary_key=("workspace_id", "state"),
    )
    create_table(
        "ledger_deltas",
        identity(),
        required("workspace_id", BIGINT),
        required("state", TEXT),
        required("n", BIGINT),
        primary_key=("id",),
    )
    set_storage("ledger_deltas", **KEEP_PAGES)
    create_table(
        "processes",
        required("name", TEXT),
        required("kind", TEXT),
        required("host", TEXT),
        required("pid", BIGINT),
        required("started_at", TIME, NOW),
        required("seen_at", TIME, NOW),
        required("in_hand", BIGINTS, EMPTY_ARRAY),
        optional("died_at", TIME),
        required("fingerprints", JSON, EMPTY_OBJECT),
        primary_key=("name",),
    )
    set_storage("processes", fillfactor=50)  # heartbeats find room on the page, and write to no index


def create_leads() -> None:
    """Leads, who they are, and what happens to them."""
    create_table(
        "leads",
        required("workspace_id", BIGINT),
        required("id", BIGINT),
        optional("first_name", TEXT),
        optional("last_name", TEXT),
        optional("email", TEXT),
        optional("phone", TEXT),
        optional("company", TEXT),
        optional("job_title", TEXT),
        optional("country", TEXT),
        optional("source", TEXT),
        required("status", TEXT, "new"),
        required("lead_score", BIGINT, ZERO),
        required("starred", BOOLEAN, FALSE),
        optional("pipeline_id", BIGINT),
        optional("pipeline_stage_id", BIGINT),
        optional("assigned_user_id", BIGINT),
        optional("notes", TEXT),
        required("custom_fields", JSON, EMPTY_OBJECT),
        required("tag_ids", BIGINTS, EMPTY_ARRAY),
        required("created_at", TIME, NOW),
        required("updated_at", TIME, NOW),
        optional("submitted_at", TIME),
        *(sort_key(name) for name in ("first_name", "last_name", "email")),
        # An index entry holds 2,704 bytes at most, and long names and sources take most of that. So an index carries
        # a lead's tags only where they are few; where they are not, a list looks at the lead itself.
        sa.Column("few_tags", BIGINTS, sa.Computed(f"CASE WHEN {FEW} THEN tag_ids END", persisted=True)),
        primary_key=("workspace_id", "id"),
    )
    # Updates that change no indexed column stay on the lead's page where it has room, and write to no index.
    set_storage("leads", **GROWING_INSERTS, fillfactor=85)
    create_table(
        "identities",
        required("workspace_id", BIGINT),
        required("kind", TEXT),
        required("value", TEXT_C),
        required("lead_id", BIGINT),
        primary_key=("workspace_id", "kind", "value"),
    )
    set_storage("identities", **GROWING_INSERTS)
    create_index("ix_identities_workspace_id_lead_id", "identities", ["workspace_id", "lead_id"])
    create_table(
        "possible_duplicates",
        required("workspace_id", BIGINT),
        required("lead_id", BIGINT),
        required("other_id", BIGINT),
        required("reason", TEXT),
        required("score", BIGINT),
        required("created_at", TIME, NOW),
        primary_key=("workspace_id", "lead_id", "other_id"),
    )
    # The order of updates, apart from `leads`: an index there on a column that changes would have each update of a lead
    # write to all of its indexes. Triggers keep it.
    create_table(
        "lead_updates",
        required("workspace_id", BIGINT),
        required("updated_at", TIME),
        required("id", BIGINT),
        primary_key=("workspace_id", "updated_at", "id"),
    )
    set_storage("lead_updates", **GROWING_INSERTS)
    create_table(
        "tags",
        identity(),
        required("workspace_id", BIGINT),
        required("name", TEXT),
        optional("color", TEXT),
        required("created_at", TIME, NOW),
        required("updated_at", TIME, NOW),
        primary_key=("id",),
    )
    create_index("uq_tags_workspace_id_name", "tags", ["workspace_id", "lower(upper(name))"], unique=True)
    create_table(
        "activities",
        required("workspace_id", BIGINT),
        required("lead_id", BIGINT),
        identity(),
        required("type", TEXT),
        required("data", JSON),
        required("created_at", TIME, CLOCK),
        primary_key=("workspace_id", "lead_id", "id"),
    )
    set_storage("activities", **GROWING_INSERTS)
    create_table(
        "events",
        identity(),
        required("workspace_id", BIGINT),
        required("type", TEXT),
        required("lead_id", BIGINT),
        required("activity_id", BIGINT),
        required("occurred_at", TIME, CLOCK),
        primary_key=("workspace_id", "id"),
    )
    create_table(
        "tasks",
        identity(),
        required("workspace_id", BIGINT),
        optional("lead_id", BIGINT),
        required("title", TEXT),
        optional("due_at", TIME),
        optional("user_id", BIGINT),
        optional("done_at", TIME),
        required("created_at", TIME, NOW),
        required("updated_at", TIME, NOW),
        references("tasks", "workspace_id", "workspaces"),
        primary_key=("id",),
    )
    create_index("ix_tasks_workspace_id_id", "tasks", ["workspace_id", "id"])
    create_index("ix_tasks_workspace_id_lead_id", "tasks", ["workspace_id", "lead_id"])
    create_index("ix_tasks_workspace_id_user_id", "tasks", ["workspace_id", "user_id"])


def create_lead_indexes() -> None:
    """The orders and filters of lists of leads."""
    for name, column in (
        ("ix_leads_created_at", "created_at"),
        ("ix_leads_lead_score", "lead_score"),
        ("ix_leads_first_name", "first_name_key"),
        ("ix_leads_last_name", "last_name_key"),
        ("ix_leads_email", "email_key"),
    ):
        create_index(name, "leads", ["workspace_id", column, "id"], include=FILTERED)
    for name, column in (
        ("ix_leads_source", "source"),
        ("ix_leads_status", "status"),
        ("ix_leads_pipeline", "pipeline_id"),
        ("ix_leads_stage", "pipeline_stage_id"),
    ):
        create_index(name, "leads", ["workspace_id", column, "created_at", "id"])
    create_index(
        "ix_leads_assigned",
        "leads",
        ["workspace_id", "assigned_user_id", "created_at", "id"],
        include=FILTERED_BESIDES_ASSIGNED,
        where="assigned_user_id IS NOT NULL",
    )
    create_index("ix_leads_starred", "leads", ["workspace_id", "created_at", "id"], include=FILTERED, where="starred")
    create_index("ix_leads_tag_ids", "leads", ["workspace_id", "tag_ids"], using="gin")


def create_read_models() -> None:
    """Counts and texts by which lists of leads are found. Triggers on `leads` append the deltas and the queue."""
    create_table(
        "lead_counts",
        required("workspace_id", BIGINT),
        required("tag_id", BIGINT),
        required("source", TEXT_C),
        required("status", TEXT_C),
        required("pipeline_id", BIGINT),
        required("pipeline_stage_id", BIGINT),
        required("assigned_user_id", BIGINT),
        required("starred", BOOLEAN),
        required("n", BIGINT),
        primary_key=(
            "workspace_id",
            "tag_id",
            "source",
            "status",
            "pipeline_id",
            "pipeline_stage_id",
            "assigned_user_id",
            "starred",
        ),
    )
    create_table(
        "lead_count_deltas",
        identity(),
        required("workspace_id", BIGINT),
        required("tag_ids", BIGINTS),
        required("source", TEXT),
        required("status", TEXT),
        required("pipeline_id", BIGINT),
        required("pipeline_stage_id", BIGINT),
        required("assigned_user_id", BIGINT),
        required("starred", BOOLEAN),
        required("n", BIGINT),
        primary_key=("id",),
    )
    set_storage("lead_count_deltas", **QUEUE_VACUUM, **KEEP_PAGES)
    create_table(
        "lead_counts_by_field",
        required("workspace_id", BIGINT),
        required("field", TEXT_C),
        required("value", TEXT_C),
        required("n", BIGINT),
        primary_key=("workspace_id", "field", "value"),
    )
    create_table(
        "lead_counts_by_time",
        required("workspace_id", BIGINT),
        required("kind", TEXT_C),
        required("grain", BIGINT),
        required("at", TIME),
        required("n", BIGINT),
        primary_key=("workspace_id", "kind", "grain", "at"),
    )
    create_table(
        "lead_time_deltas",
        identity(),
        required("workspace_id", BIGINT),
        required("kind", TEXT),
        required("at", TIME),
        required("n", BIGINT),
        primary_key=("id",),
    )
    set_storage("lead_time_deltas", **QUEUE_VACUUM, **KEEP_PAGES)
    create_table(
        "lead_search",
        required("workspace_id", BIGINT),
        required("lead_id", BIGINT),
        required("text", TEXT_C),
        primary_key=("workspace_id", "lead_id"),
    )
    set_storage("lead_search", autovacuum_vacuum_insert_threshold=-1, **GROWING)  # nothing reads its index alone
    create_index(
        "ix_lead_search_text",
        "lead_search",
        ["workspace_id", "text"],
        using="gin",
        ops={"text": "gin_trgm_ops"},
        with_={"gin_pending_list_limit": 16384},  # KiB of texts that gather before they are sorted into the index
    )
    create_table(
        "lead_search_queue",
        identity(),
        required("workspace_id", BIGINT),
        required("lead_ids", BIGINTS),
        primary_key=("id",),
    )
    set_storage("lead_search_queue", **QUEUE_VACUUM, **KEEP_PAGES)


def create_automations() -> None:
    """Automations, scoring rules, and where the engine is with each lead."""
    create_table(
        "automations",
        identity(),
        required("workspace_id", BIGINT),
        required("name", TEXT),
        optional("description", TEXT),
        required("is_active", BOOLEAN, TRUE),
        required("trigger", JSON),
        required("trigger_type", TEXT),
        required("steps", JSON, EMPTY_LIST),
        optional("secrets", BYTES),
        required("created_at", TIME, NOW),
        required("updated_at", TIME, NOW),
        references("automations", "workspace_id", "workspaces"),
        primary_key=("id",),
    )
    create_index("ix_automations_trigger", "automations", ["workspace_id", "trigger_type"], where="is_active")
    create_index("ix_automations_workspace_id_id", "automations", ["workspace_id", "id"])
    create_table(
        "automation_runs",
        identity(),
        required("workspace_id", BIGINT),
        required("automation_id", BIGINT),
        required("trigger_key", TEXT),
        required("lead_id", BIGINT),
        required("state", TEXT),
        required("step", SMALLINT, ZERO),
        required("steps", JSON, EMPTY_LIST),
        optional("plan", JSON),
        required("chain", BIGINTS, EMPTY_ARRAY),
        optional("due_at", TIME),
        required("attempts", SMALLINT, ZERO),
        optional("error", TEXT),
        required("created_at", TIME, NOW),
        optional("finished_at", TIME),
        primary_key=("id",),
    )
    create_index(
        "ix_automation_runs_chained", "automation_runs", ["workspace_id", "lead_id", "id"], where="chain <> '{}'"
    )
    create_index("ix_automation_runs_due", "automation_runs", ["due_at"], where="due_at IS NOT NULL")
    create_index("ix_automation_runs_finished_at", "automation_runs", ["finished_at"], where="finished_at IS NOT NULL")
    create_index("ix_automation_runs_lead", "automation_runs", ["workspace_id", "lead_id"])
    create_index("ix_automation_runs_list", "automation_runs", ["workspace_id", "automation_id", "id"])
    create_index("ix_automation_runs_turn", "automation_runs", ["workspace_id", "due_at"], where="due_at IS NOT NULL")
    create_index(
        "uq_automation_runs_trigger", "automation_runs", ["workspace_id", "automation_id", "trigger_key"], unique=True
    )
    create_table(
        "round_robin_counters",
        required("workspace_id", BIGINT),
        required("automation_id", BIGINT),
        required("step", SMALLINT),
        required("n", BIGINT, ZERO),
        primary_key=("workspace_id", "automation_id", "step"),
    )
    create_table(
        "inactivity_timers",
        required("workspace_id", BIGINT),
        required("automation_id", BIGINT),
        required("lead_id", BIGINT),
        required("activity_id", BIGINT),
        required("due_at", TIME),
        primary_key=("workspace_id", "automation_id", "lead_id"),
    )
    create_index("ix_inactivity_timers_due_at", "inactivity_timers", ["due_at"])
    create_index("ix_inactivity_timers_workspace_id_due_at", "inactivity_timers", ["workspace_id", "due_at"])
    create_table(
        "scoring_rules",
        identity(),
        required("workspace_id", BIGINT),
        required("field", TEXT),
        required("operator", TEXT),
        optional("value", JSON),
        required("points", BIGINT),
        required("is_active", BOOLEAN, TRUE),
        required("created_at", TIME, NOW),
        required("updated_at", TIME, NOW),
        references("scoring_rules", "workspace_id", "workspaces"),
        primary_key=("id",),
    )
    create_index("ix_scoring_rules_workspace_id", "scoring_rules", ["workspace_id"])
    create_table(
        "lead_points",
        required("workspace_id", BIGINT),
        required("lead_id", BIGINT),
        required("points", BIGINT),
        primary_key=("workspace_id", "lead_id"),
    )
    create_table(
        "rule_versions",
        required("workspace_id", BIGINT),
        required("version", BIGINT),
        required("is_watched", BOOLEAN, FALSE),
        primary_key=("workspace_id",),
    )


def create_deliveries() -> None:
    """Messages to the outside, their attempts, and what is known of their receivers."""
    create_table(
        "webhook_subscriptions",
        identity(),
        required("workspace_id", BIGINT),
        required("url", TEXT),
        required("events", TEXTS),
        optional("description", TEXT),
        required("is_active", BOOLEAN, TRUE),
        required("secret", BYTES),
        optional("old_secret", BYTES),
        optional("old_secret_until", TIME),
        optional("disabled_reason", TEXT),
        optional("disabled_at", TIME),
        required("created_at", TIME, NOW),
        required("updated_at", TIME, NOW),
        references("webhook_subscriptions", "workspace_id", "workspaces"),
        primary_key=("id",),
    )
    create_index("ix_webhook_subscriptions_workspace_id", "webhook_subscriptions", ["workspace_id"])
    create_table(
        "integrations",
        identity(),
        required("workspace_id", BIGINT),
        required("type", TEXT),
        required("name", TEXT),
        required("is_active", BOOLEAN, TRUE),
        required("settings", JSON, EMPTY_OBJECT),
        required("credentials", BYTES),
        required("token", BYTES),
        required("token_digest", BYTES),
        optional("last_received_at", TIME),
        optional("last_error", TEXT),
        required("created_at", TIME, NOW),
        required("updated_at", TIME, NOW),
        sa.UniqueConstraint("token_digest", name="uq_integrations_token_digest"),
        references("integrations", "workspace_id", "workspaces"),
        primary_key=("id",),
    )
    create_index("ix_integrations_workspace_id", "integrations", ["workspace_id"])
    create_table(
        "deliveries",
        required("workspace_id", BIGINT),
        identity(),
        required("message_id", TEXT),
        required("kind", TEXT),
        optional("event", TEXT),
        optional("lead_id", BIGINT),
        optional("subscription_id", BIGINT),
        optional("integration_id", BIGINT),
        optional("user_id", BIGINT),
        optional("target", BYTES),
        required("endpoint", TEXT),
        required("payload", BYTES),
        required("state", TEXT, "pending"),
        required("attempts", SMALLINT, ZERO),
        required("attempts_before", SMALLINT, ZERO),
        required("due_at", TIME, NOW),
        optional("sending_since", TIME),
        optional("sender", BIGINT),
        optional("error", TEXT),
        required("created_at", TIME, NOW),
        optional("finished_at", TIME),
        primary_key=("workspace_id", "id"),
    )
    create_index(
        "ix_deliveries_due",
        "deliveries",
        ["workspace_id", "endpoint", "(attempts > attempts_before)", "due_at", "id"],
        where="state = 'pending'",
    )
    create_index("ix_deliveries_finished_at", "deliveries", ["finished_at"])
    create_index("ix_deliveries_lead", "deliveries", ["workspace_id", "lead_id", "id"])
    create_index(
        "ix_deliveries_order", "deliveries", ["workspace_id", "endpoint", "lead_id", "id"], where="state = 'pending'"
    )
    create_index("ix_deliveries_sending", "deliveries", ["workspace_id", "endpoint"], where="sending_since IS NOT NULL")
    create_index("ix_deliveries_subscription", "deliveries", ["workspace_id", "subscription_id", "id"])
    create_index("ix_deliveries_undone", "deliveries", ["workspace_id", "state", "id"], where="state <> 'sent'")
    create_table(
        "delivery_attempts",
        required("workspace_id", BIGINT),
        required("delivery_id", BIGINT),
        required("number", SMALLINT),
        required("started_at", TIME),
        optional("finished_at", TIME),
        optional("duration_ms", BIGINT),
        optional("request", JSON),
        optional("status", SMALLINT),
        optional("headers", JSON),
        optional("body", TEXT),
        optional("error", TEXT),
        primary_key=("workspace_id", "delivery_id", "number"),
    )
    create_table(
        "endpoints",
        required("workspace_id", BIGINT),
        required("endpoint", TEXT),
        required("failures", BIGINT, ZERO),
        required("slots", SMALLINT),
        optional("open_until", TIME),
        optional("succeeded_at", TIME),
        primary_key=("workspace_id", "endpoint"),
    )
    create_table(
        "suppressions",
        identity(),
        required("workspace_id", BIGINT),
        required("email", TEXT),
        required("reason", TEXT),
        required("created_at", TIME, NOW),
        primary_key=("id",),
    )
    create_index("uq_suppressions_workspace_id_email", "suppressions", ["workspace_id", "email"], unique=True)


def create_forms_and_counters() -> None:
    """Forms, counters of any kind, and work that is done in the background."""
    create_table(
        "forms",
        identity(),
        required("workspace_id", BIGINT),
        required("name", TEXT),
        required("public_id", TEXT),
        required("is_active", BOOLEAN, TRUE),
        required("fields", JSON, EMPTY_LIST),
        required("settings", JSON, EMPTY_OBJECT),
        required("created_at", TIME, NOW),
        required("updated_at", TIME, NOW),
        sa.UniqueConstraint("public_id", name="uq_forms_public_id"),
        references("forms", "workspace_id", "workspaces"),
        primary_key=("id",),
    )
    create_index("ix_forms_workspace_id", "forms", ["workspace_id"])
    create_table(
        "counters",
        required("workspace_id", BIGINT),
        required("kind", TEXT),
        required("ref_id", BIGINT),
        required("n", BIGINT),
        primary_key=("workspace_id", "kind", "ref_id"),
    )
    create_table(
        "counter_deltas",
        identity(),
        required("workspace_id", BIGINT),
        required("kind", TEXT),
        required("ref_id", BIGINT),
        required("n", BIGINT),
        primary_key=("id",),
    )
    set_storage("counter_deltas", **KEEP_PAGES)
    create_table(
        "background_cleanups",
        identity(),
        required("workspace_id", BIGINT),
        required("kind", TEXT),
        required("ref_id", BIGINT),
        required("after_id", BIGINT, ZERO),
        required("created_at", TIME, NOW),
        primary_key=("id",),
    )
