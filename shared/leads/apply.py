"""Decide which rows a batch writes, from its submissions, their leads and the state of these leads. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.leads.merge import MOST_CUSTOM, MOST_NOTES, Policy, append_notes, changes, has_room, merge
from shared.leads.places import Workspace
from shared.leads.resolve import Resolution
from shared.leads.submission import MOST_TAGS, NO_ROOM_FOR_TAGS, Submission, named

Record = dict[str, Any]

# The columns of a lead that a merge needs, besides the time of its newest submission.
MERGED = (
    "workspace_id id first_name last_name email phone company job_title country notes custom_fields tag_ids"
).split()

NO_ROOM_FOR_CUSTOM = (
    f"custom_fields: the lead would hold over {MOST_CUSTOM >> 10} KB of them; kept on the submission alone."
)
NO_ROOM_FOR_NOTES = f"notes: the lead would hold over {MOST_NOTES:,} characters of them; kept on the submission alone."
PAIRED = "email of one lead, phone of the other"


@dataclass(slots=True)
class Written:
    """The rows of one batch. Each is the JSON object that the write statement reads."""

    created: dict[int, Record] = field(default_factory=dict)
    updated: dict[int, Record] = field(default_factory=dict)
    submissions: list[Record] = field(default_factory=list)
    pairs: list[Record] = field(default_factory=list)
    tallies: Counter[tuple[int, str, int]] = field(default_factory=Counter)  # by workspace, kind and id
    watched: list[int] = field(default_factory=list)  # workspaces where something consumes events


def apply(
    submissions: Sequence[Submission],
    resolution: Resolution,
    states: Mapping[int, Record],
    workspaces: Mapping[int, Workspace],
    tags: Mapping[tuple[int, str], int],
) -> Written:
    """Return the rows to write. `states` are the existing leads, under lock; they are changed in place."""
    written = Written()
    for submission, lead_id, matched in zip(submissions, resolution.leads, resolution.matched, strict=True):
        names = {tags[submission.workspace_id, name]: name for name in submission.tags}
        state = written.created.get(lead_id) or states.get(lead_id)
        if state is None:
            _create(written, submission, lead_id, names)
        else:
            policy = (submission.form or {}).get("policy") or workspaces[submission.workspace_id].policy
            _merge(written, submission, state, matched, names, policy)
    _note_pairs(written, resolution, states)
    return written


def _create(written: Written, submission: Submission, lead_id: int, tags: dict[int, str]) -> None:
    at, tags = submission.received_at, _new_tags(submission, [], tags)
    written.created[lead_id] = {
        "status": "new",
        "starred": False,
        "custom_fields": {},
        **submission.fields,
        "workspace_id": submission.workspace_id,
        "id": lead_id,
        "tag_ids": list(tags),
        "created_at": at,
        "submitted_at": at,
    }
    data: Record = {"user_id": user} if (user := submission.fields.get("assigned_user_id")) else {}
    _finish(written, submission, lead_id, "lead.created", data, tags)


def _merge(
    written: Written, submission: Submission, state: Record, matched: list[str], tags: dict[int, str], policy: Policy
) -> None:
    older = submission.received_at < (state["submitted_at"] or 0)
    changed = merge(state, submission.fields, policy, older=older)
    if "custom_fields" in changed and not has_room(state["custom_fields"], changed["custom_fields"]):
        del changed["custom_fields"]
        submission.warnings.append(NO_ROOM_FOR_CUSTOM)
    data: Record = {"matched_on": matched, "policy": policy, "changes": changes(state, changed)}
    if new_tags := _new_tags(submission, state["tag_ids"], tags):
        changed["tag_ids"] = [*state["tag_ids"], *new_tags]
    if notes := _notes(submission, state):
        changed["notes"] = notes
        data["notes_added"] = True
    if not older:
        state["submitted_at"] = submission.received_at
    state.update(changed)
    if (changed or policy == "overwrite") and state["id"] not in written.created:
        written.updated[state["id"]] = state
    _finish(written, submission, state["id"], "lead.duplicate", data, new_tags)


def _new_tags(submission: Submission, borne: Sequence[int], tags: dict[int, str]) -> dict[int, str]:
    """Return the tags that the lead does not have yet, up to the limit. Add a warning for those left out."""
    held = set(borne)
    new = [id_ for id_ in tags if id_ not in held]
    room = max(MOST_TAGS - len(borne), 0)
    if len(new) > room:
        submission.warnings.append(NO_ROOM_FOR_TAGS.format(names=named([tags[id_] for id_ in new[room:]])))
    return {id_: tags[id_] for id_ in new[:room]}


def _notes(submission: Submission, state: Record) -> str | None:
    """Return the lead's notes with the sent notes appended, or None if nothing was sent or they do not fit."""
    sent = submission.fields.get("notes")
    if not sent:
        return None
    notes = append_notes(state.get("notes"), sent)
    if len(notes) <= MOST_NOTES:
        return notes
    submission.warnings.append(NO_ROOM_FOR_NOTES)
    return None


def _finish(
    written: Written, submission: Submission, lead_id: int, what: str, data: Record, tags: dict[int, str]
) -> None:
    """Add the submission in its final state, with its entry on the lead's timeline."""
    data |= {"submission_id": submission.id, "channel": submission.channel, "source": submission.source}
    if tags:
        data["tags_added"] = list(tags.values())
    if submission.warnings:
        data["warnings"] = submission.warnings
    if form := submission.form:
        data["form_id"] = form["id"]
        written.tallies[submission.workspace_id, "form", form["id"]] += 1
    record = final(submission)
    record["lead_id"] = lead_id
    record["activity"] = what
    record["data"] = data
    record["is_duplicate"] = what == "lead.duplicate"
    if record["is_duplicate"]:
        record["matched_on"] = data["matched_on"]
        record["changes"] = data["changes"]
    written.submissions.append(record)


def final(submission: Submission) -> Record:
    """Return the columns that every submission has, whatever its outcome. The statement reads a missing key as null."""
    record: Record = {
        "w": submission.workspace_id,
        "id": submission.id,
        "at": submission.received_at,
        "channel": submission.channel,
        "source": submission.source,
        "key_id": submission.key_id,
        "payload": submission.body,
        "attempts": submission.attempts + 1,
    }
    if submission.warnings:
        record["warnings"] = submission.warnings
    return record


def _note_pairs(written: Written, resolution: Resolution, states: Mapping[int, Record]) -> None:
    """Note on two leads that they may be one person, if one submission had contacts of both."""
    for pair in resolution.pairs:
        for lead_id, other in (pair, pair[::-1]):
            state = written.created.get(lead_id) or states[lead_id]
            written.pairs.append({"w": state["workspace_id"], "lead_id": lead_id, "other": other, "reason": PAIRED})
