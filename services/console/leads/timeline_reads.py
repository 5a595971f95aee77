"""The timeline of a lead, a page at a time: its entries and the runs of automations, newest first."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.console.leads.related_records import RowDict, read_rows
from services.console.submissions.story import RUN_REMARK_SQL
from shared.platform.db.connections import Connection
from shared.platform.web.path_params import MAX_ID

TIMELINE_PAGE = 30  # entries
STORY_PAGE = 120  # entries, most of which are folded into few lines
MAX_NEWER = 1000  # new entries that are counted
STORY_GROUP: Final = ""  # the group whose runs of deliveries and scores are folded
# What the page can show alone, as conditions on entries. Runs of automations are changes.
GROUP_CONDITIONS = {
    STORY_GROUP: "true",
    "people": "(type LIKE '%%.logged' OR type LIKE 'lead.%%' AND data->'by'->>'kind' = 'user')",
    "intake": "type IN ('lead.created', 'lead.duplicate')",
    "changes": "type LIKE 'lead.%%' AND type NOT IN ('lead.created', 'lead.duplicate')",
    "deliveries": "(type LIKE 'delivery.%%' OR type LIKE 'conversion.%%')",
    "all": "true",
}
GROUPS_WITH_RUNS = (STORY_GROUP, "changes", "all")
ENTRIES_SQL = """
SELECT id, type, data, created_at FROM activities
WHERE workspace_id = %(workspace)s AND lead_id = %(lead)s AND id < %(before)s AND {condition} ORDER BY id DESC LIMIT {n}
"""
RUNS_SQL = f"""
SELECT r.id, r.state, r.created_at, r.finished_at, a.name, jsonb_array_length(r.steps) AS steps,
       {RUN_REMARK_SQL} AS error
FROM automation_runs r LEFT JOIN automations a ON a.workspace_id = r.workspace_id AND a.id = r.automation_id
WHERE r.workspace_id = %(workspace)s AND r.lead_id = %(lead)s AND r.id < %(before)s ORDER BY r.id DESC LIMIT {{n}}
"""
NAMES_SQL = """
SELECT 'form' AS kind, id, name FROM forms WHERE workspace_id = %(workspace)s AND id = ANY(%(form)s)
UNION ALL SELECT 'integration', id, name FROM integrations
    WHERE workspace_id = %(workspace)s AND id = ANY(%(integration)s)
UNION ALL SELECT 'automation', id, name FROM automations WHERE workspace_id = %(workspace)s AND id = ANY(%(automation)s)
UNION ALL SELECT 'api', id, name FROM api_keys WHERE workspace_id = %(workspace)s AND id = ANY(%(api)s)
UNION ALL SELECT 'stage', id, name FROM pipeline_stages WHERE workspace_id = %(workspace)s AND id = ANY(%(stage)s)
UNION ALL SELECT 'pipeline', id, name FROM pipelines WHERE workspace_id = %(workspace)s AND id = ANY(%(pipeline)s)
UNION ALL SELECT 'user', id, name FROM users WHERE workspace_id = %(workspace)s AND id = ANY(%(user)s)
UNION ALL SELECT 'subscription', id, coalesce(description, substring(url from '^https?://([^/?#]+)'))
    FROM webhook_subscriptions WHERE workspace_id = %(workspace)s AND id = ANY(%(subscription)s)
UNION ALL SELECT 'account', id, name FROM accounts WHERE id = ANY(%(account)s)
"""
NEWER_SQL = f"""
SELECT count(*) FROM (SELECT 1 FROM activities
    WHERE workspace_id = %s AND lead_id = %s AND id > %s LIMIT {MAX_NEWER}) newer
"""
REFERENCE_FIELDS = {"pipeline_id": "pipeline", "pipeline_stage_id": "stage", "assigned_user_id": "user"}
NAMED_KINDS = ("form", "integration", "automation", "api", "stage", "pipeline", "user", "subscription", "account")
_POSITION = re.compile(r"(\d{1,19})\.(\d{1,19})", re.ASCII)

NameKey = tuple[str, int]


class TimelinePosition(NamedTuple):
    """Where a page ends: everything older has lower ids, of entries and of runs."""

    entry_id: int = MAX_ID
    run_id: int = MAX_ID

    def __str__(self) -> str:
        return f"{self.entry_id}.{self.run_id}"


@dataclass(frozen=True)
class TimelineRow:
    """An entry, or a run of an automation."""

    at: datetime
    row: RowDict
    is_run: bool = False


@dataclass(frozen=True)
class TimelinePage:
    """A page of the timeline, and the names of what its rows mention. `older` is None at the end."""

    rows: list[TimelineRow]
    names: Mapping[NameKey, str] = field(default_factory=dict)
    older: TimelinePosition | None = None

    @property
    def newest_id(self) -> int:
        """The id of the newest entry, 0 if there is none."""
        return max((row.row["id"] for row in self.rows if not row.is_run), default=0)


def read_timeline_position(text: str) -> TimelinePosition:
    """Return the position in an address, the beginning for any other text."""
    found = _POSITION.fullmatch(text)
    return TimelinePosition(*(min(int(part), MAX_ID) for part in found.groups())) if found else TimelinePosition()


async def read_timeline(
    connection: Connection, workspace_id: int, lead_id: int, group: str, before: TimelinePosition
) -> TimelinePage:
    """Return a page of a lead's timeline. `group` is one of `GROUP_CONDITIONS`."""
    values = {"workspace": workspace_id, "lead": lead_id}
    size = STORY_PAGE if group == STORY_GROUP else TIMELINE_PAGE
    statement = ENTRIES_SQL.format(condition=GROUP_CONDITIONS[group], n=size + 1)
    entries = await read_rows(connection, statement, {**values, "before": before.entry_id})
    runs = []
    if group in GROUPS_WITH_RUNS:
        runs_statement = RUNS_SQL.format(n=size + 1)
        runs = await read_rows(connection, runs_statement, {**values, "before": before.run_id})
    rows = merge_rows(entries, runs)
    page, older = rows[:size], None
    if len(rows) > size:
        older = TimelinePosition(
            min((row.row["id"] for row in page if not row.is_run), default=before.entry_id),
            min((row.row["id"] for row in page if row.is_run), default=before.run_id),
        )
    return TimelinePage(page, await read_names(connection, workspace_id, named_in(page)), older)


async def count_newer_entries(connection: Connection, workspace_id: int, lead_id: int, after: int) -> int:
    """Return how many entries are newer than one."""
    cursor = await connection.execute(NEWER_SQL, (workspace_id, lead_id, after))
    return int((await cursor.fetchall())[0][0])


def merge_rows(entries: Iterable[RowDict], runs: Iterable[RowDict]) -> list[TimelineRow]:
    """Return entries and runs in one order, newest first. At the same time a run is older: its changes follow."""
    rows = [TimelineRow(row["created_at"], row) for row in entries]
    rows += [TimelineRow(row["created_at"], row, is_run=True) for row in runs]
    return sorted(rows, key=lambda row: (row.at, not row.is_run, row.row["id"]), reverse=True)


def named_in(rows: Iterable[TimelineRow]) -> set[NameKey]:
    """Return what the rows mention by its id."""
    return {key for row in rows if not row.is_run for key in _mentions(row.row["data"])}


async def read_names(connection: Connection, workspace_id: int, keys: Iterable[NameKey]) -> dict[NameKey, str]:
    """Return names by kind and id. What was deleted is missing."""
    wanted: dict[str, list[int]] = {kind: [] for kind in NAMED_KINDS}
    for kind, id_ in keys:
        wanted[kind].append(id_)
    if not any(wanted.values()):
        return {}
    rows = await read_rows(connection, NAMES_SQL, {"workspace": workspace_id, **wanted})
    return {(row["kind"], row["id"]): row["name"] for row in rows if row["name"]}


def channel_key(channel: str) -> NameKey | None:
    """Return the form or integration that a channel such as `form:7` names."""
    kind, _, id_ = channel.partition(":")
    return (kind, int(id_)) if kind in ("form", "integration") and id_.isdigit() else None


def author_key(by: Mapping[str, Any]) -> NameKey | None:
    """Return who made a change. The author `user` is an account."""
    kind = {"user": "account", "api": "api", "automation": "automation"}.get(str(by.get("kind")))
    return (kind, by["id"]) if kind and isinstance(by.get("id"), int) else None


def _mentions(data: Mapping[str, Any]) -> Iterator[NameKey]:
    for key in (channel_key(str(data.get("channel") or "")), author_key(data.get("by") or {})):
        if key:
            yield key
    for name in ("form_id", "integration_id", "subscription_id", "user_id"):
        if isinstance(data.get(name), int):
            yield name.removesuffix("_id"), data[name]
    for field_name, kind in REFERENCE_FIELDS.items():
        change = (data.get("changes") or {}).get(field_name) or {}
        yield from ((kind, change[side]) for side in ("from", "to") if isinstance(change.get(side), int))
