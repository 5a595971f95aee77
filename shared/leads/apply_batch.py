"""Decide which rows a batch writes, from its submissions, their leads and the state of these leads. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.leads.deduplication import LeadResolution
from shared.leads.duplicate_policy import (
    MAX_CUSTOM_FIELDS_BYTES,
    MAX_NOTES_LENGTH,
    MergePolicy,
    append_notes,
    describe_changes,
    has_room_for_custom_fields,
    merge_duplicate,
)
from shared.leads.placement import WorkspaceSettings
from shared.leads.submission import (
    IMPORT_CHANNEL,
    KEPT_ENDING,
    LEFT_OUT_ENDING,
    MAX_LEAD_TAGS,
    TAGS_FULL_WARNING,
    AcceptedSubmission,
    join_names,
    without_visitor,
)

JsonRow = dict[str, Any]

# The columns of a lead that a merge needs, besides the time of its newest submission.
MERGED_LEAD_FIELDS = (
    "workspace_id id first_name last_name email email_as_given phone company job_title country notes custom_fields "
    "tag_ids"
).split()

CUSTOM_FIELDS_FULL_WARNING = (
    f"custom_fields: the lead would hold over {MAX_CUSTOM_FIELDS_BYTES >> 10} KB of them; kept on the submission alone."
)
NOTES_FULL_WARNING = (
    f"notes: the lead would hold over {MAX_NOTES_LENGTH:,} characters of them; kept on the submission alone."
)
WITHOUT_AUTOMATIONS = "without_automations"  # marks a timeline entry that has no event
DUPLICATE_PAIR_REASON = "email of one lead, phone of the other"


@dataclass(slots=True)
class BatchWrites:
    """The rows of one batch. Each is the JSON object that the write statement reads."""

    created: dict[int, JsonRow] = field(default_factory=dict)
    updated: dict[int, JsonRow] = field(default_factory=dict)
    resubmitted: dict[int, JsonRow] = field(default_factory=dict)  # leads of which only `submitted_at` changes
    submissions: list[JsonRow] = field(default_factory=list)
    possible_duplicates: list[JsonRow] = field(default_factory=list)
    counter_deltas: Counter[tuple[int, str, int]] = field(default_factory=Counter)  # by workspace, kind and id
    watched_workspaces: list[int] = field(default_factory=list)  # workspaces where something consumes events
    attributions: list[JsonRow] = field(default_factory=list)  # where leads came from, for submissions that say so
    spam: list[JsonRow] = field(default_factory=list)  # scores of visitors' submissions that have one
    has_quiet: bool = False  # some submissions write no event; their timeline entries say so


def build_batch_writes(
    submissions: Sequence[AcceptedSubmission],
    resolution: LeadResolution,
    states: Mapping[int, JsonRow],
    workspaces: Mapping[int, WorkspaceSettings],
    tags: Mapping[tuple[int, str], int],
    aliases: Mapping[tuple[int, str], str],
) -> BatchWrites:
    """Return the rows to write. `states` are the existing leads, under lock; they are changed in place.

    `aliases` are names that stand for another tag, with the name of that one.
    """
    written = BatchWrites()
    for submission, lead_id, matched in zip(submissions, resolution.lead_ids, resolution.matched_kinds, strict=True):
        w = submission.workspace_id
        names = {tags[w, name]: aliases.get((w, name), name) for name in submission.tags}
        state = written.created.get(lead_id) or states.get(lead_id)
        if state is None:
            _add_created(written, submission, lead_id, names)
        else:
            policy = submission.own_policy or workspaces[submission.workspace_id].policy
            _add_merged(written, submission, state, matched, names, policy)
    _note_joined(written, submissions, resolution)
    _add_possible_duplicates(written, resolution, states)
    return written


def _note_joined(written: BatchWrites, submissions: Sequence[AcceptedSubmission], resolution: LeadResolution) -> None:
    """Note on entries of imports by which kinds of contact their leads are known from now on as well."""
    for (_, kind, _), place in resolution.joined.items():
        if submissions[place].channel.startswith(IMPORT_CHANNEL):
            written.submissions[place]["data"].setdefault("joined", []).append(kind)


def _add_created(written: BatchWrites, submission: AcceptedSubmission, lead_id: int, tags: dict[int, str]) -> None:
    at, tags = submission.received_at, _tags_to_add(submission, [], tags)
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
    data: JsonRow = {"user_id": user} if (user := submission.fields.get("assigned_user_id")) else {}
    _add_submission(written, submission, lead_id, "lead.created", data, tags)


def _add_merged(
    written: BatchWrites,
    submission: AcceptedSubmission,
    state: JsonRow,
    matched: list[str],
    tags: dict[int, str],
    policy: MergePolicy,
) -> None:
    older = submission.received_at < (state["submitted_at"] or 0)
    changed = merge_duplicate(state, submission.fields, policy, older=older)
    if "custom_fields" in changed and not has_room_for_custom_fields(state["custom_fields"], changed["custom_fields"]):
        del changed["custom_fields"]
        submission.warnings.append(CUSTOM_FIELDS_FULL_WARNING)
    data: JsonRow = {"matched_on": matched, "policy": policy, "changes": describe_changes(state, changed)}
    if new_tags := _tags_to_add(submission, state["tag_ids"], tags):
        changed["tag_ids"] = [*state["tag_ids"], *new_tags]
    if notes := _merged_notes(submission, state):
        changed["notes"] = notes
        data["notes_added"] = True
    if not older:
        state["submitted_at"] = submission.received_at
    state.update(changed)
    _correct_endings(submission, state)
    _note_existing(written, state, is_changed=bool(changed), is_newest=not older)
    _add_submission(written, submission, state["id"], "lead.duplicate", data, new_tags)


def _correct_endings(submission: AcceptedSubmission, state: JsonRow) -> None:
    """Have the warning about a contact that cannot be read say so where the lead did not take its text."""
    for place, warning in enumerate(submission.warnings):
        column = "email_as_given" if warning.startswith("email:") else "phone"
        if warning.endswith(KEPT_ENDING) and state.get(column) != submission.fields[column]:
            submission.warnings[place] = warning.removesuffix(KEPT_ENDING) + LEFT_OUT_ENDING


def _note_existing(written: BatchWrites, state: JsonRow, *, is_changed: bool, is_newest: bool) -> None:
    """Note what has to be written of a merged lead: all of it, or only when it was last submitted."""
    id_ = state["id"]
    if id_ in written.created or id_ in written.updated:
        return  # `state` is the row that is written
    if is_changed:
        written.resubmitted.pop(id_, None)
        written.updated[id_] = state
    elif is_newest:
        written.resubmitted[id_] = state


def _tags_to_add(submission: AcceptedSubmission, borne: Sequence[int], tags: dict[int, str]) -> dict[int, str]:
    """Return the tags that the lead does not have yet, up to the limit. Add a warning for those left out."""
    held = set(borne)
    new = [id_ for id_ in tags if id_ not in held]
    room = max(MAX_LEAD_TAGS - len(borne), 0)
    if len(new) > room:
        submission.warnings.append(TAGS_FULL_WARNING.format(names=join_names([tags[id_] for id_ in new[room:]])))
    return {id_: tags[id_] for id_ in new[:room]}


def _merged_notes(submission: AcceptedSubmission, state: JsonRow) -> str | None:
    """Return the lead's notes with the sent notes appended, or None if nothing was sent or they do not fit."""
    new_notes = submission.fields.get("notes")
    if not new_notes:
        return None
    notes = append_notes(state.get("notes"), new_notes)
    if len(notes) <= MAX_NOTES_LENGTH:
        return notes
    submission.warnings.append(NOTES_FULL_WARNING)
    return None


def _add_submission(
    written: BatchWrites, submission: AcceptedSubmission, lead_id: int, what: str, data: JsonRow, tags: dict[int, str]
) -> None:
    """Add the submission in its final state, with its entry on the lead's timeline."""
    data |= {"submission_id": submission.id, "channel": submission.channel, "source": submission.source}
    if tags:
        data["tags_added"] = list(tags.values())
    if submission.warnings:
        data["warnings"] = submission.warnings
    if submission.is_quiet:
        data[WITHOUT_AUTOMATIONS] = written.has_quiet = True
    if (part := submission.source_part) and (attribution := part.get("attribution")):
        written.attributions.append(_attribution_row(submission, lead_id, attribution))
    if form := submission.form:
        data["form_id"] = form["id"]
        written.counter_deltas[submission.workspace_id, "form", form["id"]] += 1
        if attribution := form.get("attribution"):
            written.attributions.append(_attribution_row(submission, lead_id, attribution, form.get("first_touch")))
        if spam := form.get("spam"):
            written.spam.append({"w": submission.workspace_id, "id": submission.id, "spam": spam})
    record = submission_row(submission)
    record["lead_id"] = lead_id
    record["activity"] = what
    record["data"] = data
    record["is_duplicate"] = what == "lead.duplicate"
    if record["is_duplicate"]:
        record["matched_on"] = data["matched_on"]
        record["changes"] = data["changes"]
    written.submissions.append(record)


def _attribution_row(
    submission: AcceptedSubmission, lead_id: int, attribution: Mapping[str, Any], first: Any = None
) -> JsonRow:
    """Return where a lead came from. `first`: where from at the first of several visits, if that is known."""
    row = {"w": submission.workspace_id, "lead_id": lead_id, "at": submission.received_at, "attribution": attribution}
    return {**row, "first": first} if first else row


def submission_row(submission: AcceptedSubmission) -> JsonRow:
    """Return the columns that every submission has, whatever its outcome. The statement reads a missing key as null."""
    record: JsonRow = {
        "w": submission.workspace_id,
        "id": submission.id,
        "at": submission.received_at,
        "channel": submission.channel,
        "source": submission.source,
        "key_id": submission.key_id,
        "payload": without_visitor(submission.body),
        "attempts": submission.attempts + 1,
    }
    if submission.warnings:
        record["warnings"] = submission.warnings
    return record


def _add_possible_duplicates(written: BatchWrites, resolution: LeadResolution, states: Mapping[int, JsonRow]) -> None:
    """Note on two leads that they may be one person, if one submission had contacts of both."""
    for pair in resolution.pairs:
        for lead_id, other in (pair, pair[::-1]):
            state = written.created.get(lead_id) or states[lead_id]
            written.possible_duplicates.append(
                {"w": state["workspace_id"], "lead_id": lead_id, "other": other, "reason": DUPLICATE_PAIR_REASON}
            )
