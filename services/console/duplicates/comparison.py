"""Two leads side by side: what each has in every field, and what the merged lead would have."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.console.leads.words import field_label, shown_person_value, status_words
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.leads.submission import LeadState
from shared.merging.merge_plan import CUSTOM_PREFIX, FieldChoice, MergePlan, plan_merge
from shared.platform.db.connections import Connection

SHOWN_FIELDS = (
    *("first_name", "last_name", "email", "email_as_given", "phone", "company", "job_title", "country", "source"),
    *("status", "pipeline_stage_id", "assigned_user_id", "starred"),
)
CHOICE_PREFIX = "choice:"
NAMES_SQL = """
SELECT 'pipeline_stage_id', id, name FROM pipeline_stages WHERE workspace_id = %(w)s AND id = ANY(%(stages)s)
UNION ALL SELECT 'assigned_user_id', id, name FROM users WHERE workspace_id = %(w)s AND id = ANY(%(users)s)
UNION ALL SELECT 'tag', id, name FROM tags WHERE workspace_id = %(w)s AND id = ANY(%(tags)s)
"""
COUNTS_SQL = """
SELECT (SELECT count(*) FROM identities WHERE workspace_id = %(w)s AND lead_id = %(lead)s) AS identities,
       (SELECT count(*) FROM activities WHERE workspace_id = %(w)s AND lead_id = %(lead)s
        AND type IN ('lead.created', 'lead.duplicate') AND data ? 'submission_id') AS submissions,
       (SELECT count(*) FROM tasks WHERE workspace_id = %(w)s AND lead_id = %(lead)s) AS tasks,
       (SELECT count(*) FROM automation_runs WHERE workspace_id = %(w)s AND lead_id = %(lead)s
        AND state = 'waiting') AS runs,
       (SELECT count(*) FROM deliveries WHERE workspace_id = %(w)s AND lead_id = %(lead)s) AS deliveries
"""
COUNTED_KINDS = ("identities", "submissions", "tasks", "runs", "deliveries")
Names = Mapping[tuple[str, int], str]


@dataclass(frozen=True)
class ComparedField:
    """A row of the comparison. `choice` is the name of its radio buttons, empty where there is nothing to choose."""

    label: str
    ours: str | None
    theirs: str | None
    choice: str = ""
    is_theirs: bool = False  # the other lead's value is taken unless the reader chooses


async def read_names(connection: Connection, workspace_id: int, leads: Iterable[LeadState]) -> Names:
    """Return the names of the stages, users and tags of some leads."""
    leads = list(leads)
    values = {
        "w": workspace_id,
        "stages": [lead["pipeline_stage_id"] for lead in leads],
        "users": [lead["assigned_user_id"] for lead in leads],
        "tags": [tag for lead in leads for tag in lead["tag_ids"]],
    }
    rows = await (await connection.execute(NAMES_SQL, values)).fetchall()
    return {(row[0], row[1]): row[2] for row in rows}


async def count_belongings(connection: Connection, workspace_id: int, lead_id: int) -> dict[str, int]:
    """Return how much of each kind belongs to a lead."""
    row = (await (await connection.execute(COUNTS_SQL, {"w": workspace_id, "lead": lead_id})).fetchall())[0]
    return dict(zip(COUNTED_KINDS, row, strict=True))


def compare_leads(view: PageView, ours: LeadState, theirs: LeadState, names: Names) -> list[ComparedField]:
    """Return the rows: fields, custom fields, tags and notes. A field that is empty in both has no row."""
    plan = plan_merge(ours, theirs, {})
    rows = [_compared(view, name, ours[name], theirs[name], plan, names) for name in SHOWN_FIELDS]
    keys = dict.fromkeys([*ours["custom_fields"], *theirs["custom_fields"]])
    rows += [
        _compared(
            view, f"{CUSTOM_PREFIX}{key}", ours["custom_fields"].get(key), theirs["custom_fields"].get(key), plan, names
        )
        for key in keys
    ]
    rows.append(_joined_tags(view, ours, theirs, names))
    notes = [shown_person_value(view, "notes", lead["notes"]) for lead in (ours, theirs)]
    rows.append(ComparedField(field_label(view, "notes"), notes[0], notes[1]))
    return [row for row in rows if row.ours or row.theirs]


def read_choices(fields: Mapping[str, Any], ours: LeadState, theirs: LeadState) -> dict[str, FieldChoice]:
    """Return what the reader chose by field. A name that is no field of either lead is left out."""
    known = {*SHOWN_FIELDS, *(f"{CUSTOM_PREFIX}{key}" for lead in (ours, theirs) for key in lead["custom_fields"])}
    return dict(_sent_choices(fields, known))


def _sent_choices(sent: Mapping[str, Any], known: set[str]) -> Iterator[tuple[str, FieldChoice]]:
    for key, value in sent.items():
        name = key.removeprefix(CHOICE_PREFIX)
        if key.startswith(CHOICE_PREFIX) and name in known and value in ("ours", "theirs"):
            yield name, "theirs" if value == "theirs" else "ours"


def _compared(view: PageView, name: str, ours: Any, theirs: Any, plan: MergePlan, names: Names) -> ComparedField:
    label = field_label(view, name)
    first, second = (_shown(view, name, value, names) for value in (ours, theirs))
    if ours == theirs or (name == "first_name" and not (ours and theirs)):
        return ComparedField(label, first, second)
    return ComparedField(label, first, second, choice=f"{CHOICE_PREFIX}{name}", is_theirs=name in plan.changes)


def _shown(view: PageView, name: str, value: Any, names: Names) -> str | None:
    if name == "status":
        return str(status_words(view).get(value, value))
    if name == "starred":
        return view.translate(_("starred")) if value else None
    if name in ("pipeline_stage_id", "assigned_user_id"):
        return names.get((name, value)) if value else None
    return shown_person_value(view, name, value)


def _joined_tags(view: PageView, ours: LeadState, theirs: LeadState, names: Names) -> ComparedField:
    borne = [[names[("tag", id_)] for id_ in lead["tag_ids"] if ("tag", id_) in names] for lead in (ours, theirs)]
    first, second = (", ".join(tags) or None for tags in borne)
    return ComparedField(field_label(view, "tags"), first, second)
