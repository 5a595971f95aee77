"""Every table with rows of a workspace: how its rows move to another installation, or why they stay. Pure.

A test compares both lists with `shared/models`. So whoever adds a table decides whether it moves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Column, Table

from shared.models import Base

# Tables whose ids are unique in the whole installation. The file lists their ids, and taken ones become new ones.
NUMBERED_TABLES: Final = (
    *("pipelines", "pipeline_stages", "users", "tags", "forms", "integrations", "automations"),
    *("webhook_subscriptions", "scoring_rules", "spam_rules", "api_keys"),
)
# The same, of tables that may be large: all their ids move up by one distance.
SHIFTED_TABLES: Final = ("tasks", "automation_runs")
ACCOUNTS_MAP: Final = "accounts"  # accounts are found by their email


@dataclass(frozen=True, slots=True)
class MovedTable:
    """A table whose rows move.

    `references` names the columns with ids of numbered tables, also those that are arrays. `documents` are JSON columns
    that may hold such ids, `channels` columns with texts such as `form:7`. Columns that are `left_out` get their
    default. Only rows that meet `condition` move. `sequence` gives the ids of a table whose key starts with the
    workspace: these ids are kept, and the sequence moves on. A row stays behind if its `owners` do:
    without one it would be everybody's.
    """

    name: str
    references: Mapping[str, str] = field(default_factory=dict)
    documents: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    condition: str = "true"
    sequence: str = ""
    owners: tuple[str, ...] = ()

    @property
    def table(self) -> Table:
        """The table as it is declared."""
        return Base.metadata.tables[self.name]

    @property
    def columns(self) -> list[str]:
        """The columns that move: all but the workspace, what the database computes, and those that are left out."""
        return [
            column.name
            for column in self.table.columns
            if column.computed is None and column.name not in ("workspace_id", *self.left_out)
        ]

    @property
    def secrets(self) -> list[str]:
        """The columns that are encrypted."""
        return [name for name in self.columns if self.table.c[name].info.get("encrypted")]

    def column(self, name: str) -> Column[object]:
        """Return a column as it is declared."""
        return self.table.c[name]


_PLACEMENT: Final = {"pipeline_id": "pipelines", "pipeline_stage_id": "pipeline_stages", "assigned_user_id": "users"}
_IS_ENDED: Final = "finished_at IS NOT NULL AND state IN ('done', 'cancelled', 'failed')"
_ENDED_JOBS: Final = f"SELECT id FROM jobs WHERE workspace_id = {{w}} AND {_IS_ENDED}"

# In the order in which they are written: what others name comes first.
MOVED_TABLES: Final = (
    MovedTable("retention_settings"),
    MovedTable("pipelines", {"id": "pipelines"}),
    MovedTable("pipeline_stages", {"id": "pipeline_stages", "pipeline_id": "pipelines"}),
    MovedTable("users", {"id": "users", "account_id": ACCOUNTS_MAP}),
    MovedTable("tags", {"id": "tags", "alias_of": "tags"}),
    MovedTable("api_keys", {"id": "api_keys"}),
    MovedTable("forms", {"id": "forms"}, ("settings",)),
    MovedTable("form_versions", {"form_id": "forms"}, ("settings",)),
    MovedTable("form_drafts", {"form_id": "forms"}, ("settings",)),
    MovedTable("form_counts", {"form_id": "forms"}),
    MovedTable("spam_rules", {"id": "spam_rules", "form_id": "forms"}, owners=("form_id",)),
    MovedTable("integrations", {"id": "integrations"}, ("settings",), left_out=("last_error",)),
    MovedTable("integration_counts", {"integration_id": "integrations"}),
    MovedTable("automations", {"id": "automations"}, ("trigger", "steps")),
    MovedTable("automation_versions", {"automation_id": "automations"}, ("trigger", "steps")),
    MovedTable("automation_drafts", {"automation_id": "automations"}, ("trigger", "steps", "undo_steps")),
    MovedTable("round_robin_counters", {"automation_id": "automations"}),
    MovedTable("scoring_rules", {"id": "scoring_rules"}),  # ids in `value` follow: they are known by `field`
    MovedTable("webhook_subscriptions", {"id": "webhook_subscriptions"}, ("filters",)),
    MovedTable("suppressions", documents=("created_by",), left_out=("id",)),
    MovedTable(
        "saved_views",
        {"account_id": ACCOUNTS_MAP, "created_by": ACCOUNTS_MAP},
        ("query",),
        sequence="saved_views_id_seq",
        owners=("account_id",),
    ),
    MovedTable("leads", {**_PLACEMENT, "tag_ids": "tags"}, sequence="lead_ids"),
    MovedTable("identities"),
    MovedTable("lead_attributions"),
    MovedTable("lead_points"),
    MovedTable("lead_redirects"),
    MovedTable("possible_duplicates"),
    MovedTable("activities", documents=("data",), sequence="activities_id_seq"),
    MovedTable("tasks", {"id": "tasks", "user_id": "users"}),
    MovedTable("causes", channels=("changed_by",)),
    MovedTable(
        "submissions",
        {"key_id": "api_keys"},
        ("changes",),
        ("channel",),
        condition="state IN ('done', 'dead', 'quarantined')",
    ),
    MovedTable("submission_versions", documents=("author",)),
    MovedTable("submission_visitors"),
    MovedTable("files", {"form_id": "forms"}, left_out=("storage",)),
    MovedTable(
        "automation_runs",
        {"id": "automation_runs", "automation_id": "automations", "chain": "automations"},
        ("steps", "plan"),
        left_out=("due_at",),
        condition="finished_at IS NOT NULL AND state IN ('done', 'stopped', 'failed')",
    ),
    MovedTable(
        "lead_merges",
        {"task_ids": "tasks", "run_ids": "automation_runs"},
        ("cause", "changes", "loser", "undone_by"),
        left_out=("delivery_ids",),
        sequence="lead_merges_id_seq",
    ),
    MovedTable(
        "duplicate_pairs",
        documents=("before_merge",),
        channels=("dismissed_by",),
        sequence="duplicate_pairs_id_seq",
    ),
    MovedTable(
        "conversions",
        {"integration_id": "integrations"},
        left_out=("delivery_id",),
        condition="state IN ('sent', 'skipped', 'failed')",
        sequence="conversions_id_seq",
    ),
    MovedTable(
        "jobs",
        documents=("filter", "changes", "created_by", "cursor"),
        condition=_IS_ENDED,
        sequence="jobs_id_seq",
    ),
    MovedTable("job_items", documents=("effect",), left_out=("delivery_id",), condition=f"job_id IN ({_ENDED_JOBS})"),
    MovedTable(
        "imports",
        {"key_id": "api_keys"},
        left_out=("has_file",),
        condition=f"is_settled AND id IN ({_ENDED_JOBS})",
    ),
    MovedTable("import_rows", condition=f"import_id IN ({_ENDED_JOBS})"),
)

# Tables with rows of a workspace that stay where they are, by the reason.
LEFT_BEHIND: Final[Mapping[str, tuple[str, ...]]] = {
    "work under way: it would be done twice": (
        *("journal", "source_fetches", "source_polls", "events", "deliveries", "delivery_attempts"),
        *("inactivity_timers", "background_cleanups", "job_followers", "import_chunks"),
        *("import_preview_keys", "import_preview_leads"),
    ),
    "the key of a submission is a hash of the workspace's number": ("submission_keys",),
    "the other database makes them of the leads": (
        *("lead_updates", "lead_counts", "lead_count_deltas", "lead_counts_by_field", "lead_counts_by_time"),
        *("lead_time_deltas", "lead_search", "lead_search_queue", "likeness_queue", "likeness_keys"),
        *("likeness_profiles", "likeness_counts", "likeness_weights", "rule_versions"),
    ),
    "counts, which the file has as sums": (
        *("counters", "counter_deltas", "ledger", "ledger_deltas", "ledger_samples"),
    ),
    "the history and the state of this installation": (
        *("minute_statistics", "lane_statistics", "source_statistics", "cause_counts", "cause_deltas", "endpoints"),
        *("subscription_states", "workspace_alarms", "lane_pauses", "audit_log", "recipient_limits"),
    ),
    "readers begin again": ("event_feeds", "feed_events"),
    "backups of this installation are compared with them": ("erasures",),
    "an integration claims them when it is saved": ("source_accounts",),
    "the workspace's own row is in the head of the file": ("workspaces",),
    "they belong to people or to the installation, not to a workspace": (
        *("accounts", "account_links", "sessions", "sign_in_failures", "lead_list_settings", "alarms", "processes"),
    ),
}
# Of the workspace's own row: what the head of the file holds.
WORKSPACE_COLUMNS: Final = (
    *("name", "country", "merge_policy", "fold_gmail", "never_join", "timezone", "spam_threshold"),
    *("alarms", "created_at"),
)
