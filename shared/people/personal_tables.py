"""Every table and column in which a person may stand, how it is found, and what an erasure makes of it. Pure.

The report, the preview and the erasure work from these lists. A unit test compares them with `shared/models`: each
column of texts, documents or bytes is in one of them. So whoever adds a table decides whether it is about people.
"""

from dataclasses import dataclass
from typing import Final, Literal

FoundBy = Literal["lead", "submission", "delivery", "email"]
PersonalGroup = Literal[
    "leads",
    "identities",
    "submissions",
    "files",
    "timeline",
    "runs",
    "deliveries",
    "likeness",
    "imports",
    "suppressions",
    "audit_log",
]

GROUP_NAMES: Final[tuple[PersonalGroup, ...]] = (
    *("leads", "identities", "submissions", "files", "timeline", "runs", "deliveries", "likeness", "imports"),
    *("suppressions", "audit_log"),
)


@dataclass(frozen=True, slots=True)
class PersonalTable:
    """A table whose rows go with the person. `column` names the lead, submission, delivery or email of a row.

    A table that is not `counted` only repeats what others hold. `hidden` columns are in no report: secrets of
    receivers, digests, and who of the team added a row.
    """

    name: str
    group: PersonalGroup
    found_by: FoundBy
    column: str
    counted: bool = True
    hidden: tuple[str, ...] = ()

    @property
    def condition(self) -> str:
        """The condition that finds its rows, with the parameters of a person's scope."""
        return f"workspace_id = %(w)s AND {self.column} = ANY(%({self.found_by})s)"


# In the order in which they are shown. Those of deliveries precede the deliveries.
PERSONAL_TABLES: Final = (
    PersonalTable("leads", "leads", "lead", "id", hidden=("few_tags", "first_name_key", "last_name_key", "email_key")),
    PersonalTable("lead_attributions", "leads", "lead", "lead_id", counted=False),
    PersonalTable("lead_points", "leads", "lead", "lead_id", counted=False),
    PersonalTable("lead_search", "leads", "lead", "lead_id", counted=False),
    PersonalTable("identities", "identities", "lead", "lead_id"),
    PersonalTable("submission_versions", "submissions", "submission", "submission_id", counted=False),
    PersonalTable("submission_visitors", "submissions", "submission", "submission_id", counted=False),
    PersonalTable("source_fetches", "submissions", "submission", "id", hidden=("fetcher",)),
    PersonalTable("files", "files", "submission", "submission_id", hidden=("digest",)),
    PersonalTable("activities", "timeline", "lead", "lead_id"),
    PersonalTable("tasks", "timeline", "lead", "lead_id"),
    PersonalTable("events", "timeline", "lead", "lead_id", counted=False),
    PersonalTable("automation_runs", "runs", "lead", "lead_id"),
    PersonalTable("inactivity_timers", "runs", "lead", "lead_id", counted=False),
    PersonalTable("delivery_attempts", "deliveries", "delivery", "delivery_id"),
    PersonalTable("deliveries", "deliveries", "delivery", "id", hidden=("target", "sender")),
    PersonalTable("feed_events", "deliveries", "lead", "lead_id", counted=False),
    PersonalTable("conversions", "deliveries", "lead", "lead_id"),
    PersonalTable("possible_duplicates", "likeness", "lead", "lead_id"),
    PersonalTable("suppressions", "suppressions", "email", "email", hidden=("created_by",)),
)

# Their rows go as well, by the areas that know them: see `erase_person.py`.
TABLES_OF_OTHER_AREAS: Final = {
    "duplicate_pairs": "shared/likeness forgets the lead",
    "likeness_profiles": "shared/likeness forgets the lead",
    "lead_merges": "shared/leads/lead_redirects.py forgets the merges of the lead, snapshots included",
    "import_rows": "shared/imports empties the cells",
    "import_chunks": "shared/imports deletes files that wait; those of an import are deleted as they are read",
    "import_preview_keys": "the memory of a dry run, which goes when it ends",
    "journal": "pending_people.py takes the person's submissions out",
    "spam_rules": "rules about an email of the person go",
}

# Rows stay, without these columns.
BLANKED_COLUMNS: Final = {
    "submissions": ("state", "source", "matched_on", "payload", "changes", "warnings", "error", "spam"),
    "submission_keys": ("body_hash",),
    "job_items": ("error", "effect"),
}

# Rows stay. Where a column quotes the person (a search in a filter, a reason), the quotation is replaced.
QUOTING_COLUMNS: Final = {
    "audit_log": ("reason", "filter", "before", "after"),
    "jobs": ("filter", "changes", "reason", "error"),
    "causes": ("note",),
    "imports": ("file_name", "options"),
    "saved_views": ("name", "query"),
    "tags": ("name",),
}
# Those columns that are JSON.
DOCUMENT_COLUMNS: Final = frozenset({"after", "before", "changes", "filter", "options", "query"})

# Columns of texts, documents or bytes that hold nothing of a person who is a lead, by the reason.
IMPERSONAL_COLUMNS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "accounts and members of the team, who are no leads": {
        "accounts": (
            *("email", "name", "password_hash", "totp_secret", "totp_pending_secret", "recovery_digests"),
            "preferences",
        ),
        "account_links": ("purpose", "channel", "digest"),
        "api_keys": ("name", "prefix", "digest", "scopes"),
        "audit_log": (
            *("actor_kind", "actor_name", "action", "route", "object_kind", "object_id", "outcome", "address"),
            "request_id",
        ),
        "causes": ("changed_by",),
        "jobs": ("created_by",),
        "lane_pauses": ("reason", "paused_by"),
        "lead_list_settings": ("columns",),
        "saved_views": ("columns",),
        "sessions": ("digest", "address", "agent"),
        "sign_in_failures": ("subject",),
        "users": ("name", "email", "role"),
    },
    "the set-up of a workspace": {
        "automation_drafts": ("name", "description", "trigger", "steps", "undo_steps", "secrets", "updated_by"),
        "automation_versions": ("name", "description", "trigger", "steps", "published_by"),
        "automations": ("name", "description", "trigger", "trigger_type", "steps", "secrets"),
        "form_drafts": ("name", "fields", "settings", "updated_by"),
        "form_versions": ("name", "fields", "settings", "published_by"),
        "forms": ("name", "public_id", "fields", "settings"),
        "integrations": ("type", "name", "settings", "credentials", "token", "token_digest", "last_error"),
        "pipeline_stages": ("name", "color"),
        "pipelines": ("name", "description"),
        "scoring_rules": ("field", "operator", "value"),
        "source_accounts": ("type", "secret_digest", "account_id"),
        "source_polls": ("cursor",),
        "tags": ("color",),
        "webhook_subscriptions": (
            *("url", "events", "description", "filters", "filter_expression", "body_expression"),
            *("secret", "old_secret", "disabled_reason"),
        ),
        "subscription_states": ("filter_error",),
        "workspaces": ("slug", "name", "country", "merge_policy", "never_join", "timezone", "mail_key", "alarms"),
        "imports": ("encoding", "delimiter", "columns", "mapping"),
    },
    "names of states and kinds": {
        "background_cleanups": ("kind",),
        "import_preview_leads": ("state",),
        "job_items": ("outcome",),
        "jobs": ("kind", "state", "cursor"),
        "submissions": ("channel",),
    },
    "counts and figures": {
        "alarms": ("code", "details"),
        "workspace_alarms": ("code",),
        "cause_deltas": ("kind", "fingerprint", "error_type", "place", "title"),
        "causes": ("kind", "fingerprint", "error_type", "place", "title", "state"),
        "counter_deltas": ("kind",),
        "counters": ("kind",),
        "endpoints": ("endpoint",),
        "form_counts": ("outcome", "source"),
        "integration_counts": ("outcome",),
        "lane_pauses": ("lane",),
        "lane_statistics": ("lane",),
        "lead_count_deltas": ("source", "status"),
        "lead_counts": ("source", "status"),
        "lead_counts_by_field": ("field", "value"),
        "lead_counts_by_time": ("kind",),
        "lead_time_deltas": ("kind",),
        "ledger": ("state",),
        "ledger_deltas": ("state",),
        "ledger_samples": ("state",),
        "likeness_weights": ("weights",),
        "processes": ("name", "kind", "host", "fingerprints", "activity"),
        "source_statistics": ("channel", "source"),
    },
    "keyed hashes": {
        "recipient_limits": ("subject",),  # gone after a day
        "erasures": ("identity_hashes", "hash_key", "identities", "reason", "requested_by", "removed"),
    },
    "addresses of pages": {"job_followers": ("url",)},
}
