"""Decide what a merge of two leads makes of the winner's fields, and what its undoing takes back. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.leads.duplicate_policy import (
    MAX_CUSTOM_FIELDS_BYTES,
    MAX_NOTES_LENGTH,
    PERSON_FIELDS,
    append_notes,
    describe_changes,
    has_room_for_custom_fields,
    is_empty_value,
    merge_duplicate,
    prefer_read_email,
)
from shared.leads.submission import MAX_LEAD_TAGS, LeadState
from shared.platform.errors import FieldErrors

FieldChoice = Literal["ours", "theirs"]
ValueChanges = dict[str, dict[str, Any]]  # {field: {"from", "to"}}, custom fields as `custom_fields.<key>`

CUSTOM_PREFIX = "custom_fields."
PLACEMENT_FIELDS = ("pipeline_id", "pipeline_stage_id")  # chosen together: a stage belongs to its pipeline
TEAM_FIELDS = ("source", "assigned_user_id")  # an empty one takes the other's value as well
# What a caller may choose by name, besides `custom_fields.<key>`. The two last ones are joined unless they are chosen.
CHOOSABLE_FIELDS = (
    *PERSON_FIELDS,
    *TEAM_FIELDS,
    *PLACEMENT_FIELDS,
    "status",
    "starred",
    "custom_fields",
    "notes",
    "tags",
)

UNKNOWN_CHOICE_MESSAGE = "The {field} field is none of those that can be chosen."
EMPTY_NAME_MESSAGE = "The first_name field must not become empty."
CUSTOM_FULL_MESSAGE = (
    f"Together they hold over {MAX_CUSTOM_FIELDS_BYTES >> 10} KB of custom fields: choose ours or theirs."
)
NOTES_FULL_MESSAGE = f"Together they hold over {MAX_NOTES_LENGTH:,} characters of notes: choose ours or theirs."
TAGS_FULL_MESSAGE = f"Together they bear over {MAX_LEAD_TAGS:,} tags: choose ours or theirs."
EDITED_SINCE, TAKEN_SINCE = "edited since", "another merge took it"


@dataclass(slots=True)
class MergePlan:
    """What the winner becomes: its changed columns with their new values, and how each change can be taken back."""

    changed: dict[str, Any] = field(default_factory=dict)
    changes: ValueChanges = field(default_factory=dict)
    gained_tags: list[int] = field(default_factory=list)
    added_notes: str | None = None
    errors: FieldErrors = field(default_factory=dict)


@dataclass(slots=True)
class UndoPlan:
    """What the winner becomes again. `kept` says of each change that stays why. `later` are merges to correct."""

    changed: dict[str, Any] = field(default_factory=dict)
    changes: ValueChanges = field(default_factory=dict)
    lost_tags: list[int] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    later: dict[int, "StoredChanges"] = field(default_factory=dict)


@dataclass(slots=True)
class StoredChanges:
    """What a merge did to the winner, as it is stored."""

    id: int
    changes: ValueChanges
    gained_tags: list[int]
    added_notes: str | None
    loser_tags: list[int]


def plan_merge(winner: LeadState, loser: LeadState, choices: Mapping[str, FieldChoice]) -> MergePlan:
    """Return what becomes of the winner. Without a choice it keeps what it has, and takes what it lacks.

    The plan has errors by field for choices that cannot be made, and for what would be too large.
    """
    plan = MergePlan()
    _check_choices(plan, winner, loser, choices)
    plan.changed = merge_duplicate(winner, loser, "fill_empty", older=False)
    for name in TEAM_FIELDS:
        if is_empty_value(winner[name]) and not is_empty_value(loser[name]):
            plan.changed[name] = loser[name]
    if winner["pipeline_id"] is None and loser["pipeline_id"] is not None:
        plan.changed |= {name: loser[name] for name in PLACEMENT_FIELDS}
    _apply_choices(plan, winner, loser, choices)
    _check_custom_fields(plan, winner)
    plan.changes = describe_changes(winner, plan.changed)
    _plan_notes(plan, winner, loser, choices.get("notes"))
    _plan_tags(plan, winner, loser, choices.get("tags"))
    return plan


def _check_choices(plan: MergePlan, winner: LeadState, loser: LeadState, choices: Mapping[str, FieldChoice]) -> None:
    for name in choices:
        custom = name.removeprefix(CUSTOM_PREFIX)
        known = custom in winner["custom_fields"] or custom in loser["custom_fields"]
        if name not in CHOOSABLE_FIELDS and not (name.startswith(CUSTOM_PREFIX) and known):
            plan.errors[f"fields.{name}"] = [UNKNOWN_CHOICE_MESSAGE.format(field=name)]
    if choices.get("first_name") == "theirs" and winner["first_name"] and not loser["first_name"]:
        plan.errors["fields.first_name"] = [EMPTY_NAME_MESSAGE]


def _apply_choices(plan: MergePlan, winner: LeadState, loser: LeadState, choices: Mapping[str, FieldChoice]) -> None:
    custom: dict[str, Any] = {**(plan.changed.get("custom_fields") or winner["custom_fields"])}
    for name, choice in choices.items():
        source = loser if choice == "theirs" else winner
        if name in PLACEMENT_FIELDS:
            plan.changed |= {each: source[each] for each in PLACEMENT_FIELDS}
        elif name == "custom_fields":
            custom = dict(source["custom_fields"])
        elif name.startswith(CUSTOM_PREFIX):
            key = name.removeprefix(CUSTOM_PREFIX)
            custom.pop(key, None)
            if key in source["custom_fields"]:
                custom[key] = source["custom_fields"][key]
        elif name in source and name not in ("notes", "tags"):
            plan.changed[name] = source[name]
    plan.changed["custom_fields"] = custom
    prefer_read_email(winner, plan.changed)
    told = describe_changes(winner, plan.changed)
    changed = {name.partition(".")[0] for name in told}
    plan.changed = {name: value for name, value in plan.changed.items() if name in changed}


def _check_custom_fields(plan: MergePlan, winner: LeadState) -> None:
    custom = plan.changed.get("custom_fields")
    if custom is not None and not has_room_for_custom_fields(winner["custom_fields"], custom):
        plan.errors["custom_fields"] = [CUSTOM_FULL_MESSAGE]


def _plan_notes(plan: MergePlan, winner: LeadState, loser: LeadState, choice: FieldChoice | None) -> None:
    if choice == "theirs" and loser["notes"] != winner["notes"]:
        plan.changed["notes"] = loser["notes"]
        plan.changes["notes"] = {"from": winner["notes"], "to": loser["notes"]}
    if choice or is_empty_value(loser["notes"]) or loser["notes"] in (winner["notes"] or ""):
        return
    notes = append_notes(winner["notes"], loser["notes"])
    if len(notes) > MAX_NOTES_LENGTH:
        plan.errors["notes"] = [NOTES_FULL_MESSAGE]
    plan.changed["notes"], plan.added_notes = notes, loser["notes"]


def _plan_tags(plan: MergePlan, winner: LeadState, loser: LeadState, choice: FieldChoice | None) -> None:
    if choice == "ours":
        return
    borne = set(winner["tag_ids"])
    plan.gained_tags = [id_ for id_ in loser["tag_ids"] if id_ not in borne]
    if choice == "theirs":
        if loser["tag_ids"] != winner["tag_ids"]:
            plan.changed["tag_ids"] = list(loser["tag_ids"])
            plan.changes["tag_ids"] = {"from": winner["tag_ids"], "to": loser["tag_ids"]}
            plan.gained_tags = []
        return
    if plan.gained_tags:
        plan.changed["tag_ids"] = [*winner["tag_ids"], *plan.gained_tags]
        if len(plan.changed["tag_ids"]) > MAX_LEAD_TAGS:
            plan.errors["tags"] = [TAGS_FULL_MESSAGE]


def plan_undo(winner: LeadState, merge: StoredChanges, later: Sequence[StoredChanges]) -> UndoPlan:
    """Return how the winner loses what a merge gave it. `later` are its later merges that stand, the oldest first.

    A value that was edited since stays. Where a later merge replaced the value, that merge gets the value from before,
    so that undoing it brings nothing back of the lead that is gone.
    """
    plan = UndoPlan()
    standing = {one.id: one for one in later}
    for name, change in merge.changes.items():
        _undo_change(plan, winner, name, change, standing)
    if reasons := [plan.kept[name] for name in PLACEMENT_FIELDS if name in plan.kept]:
        for name in PLACEMENT_FIELDS:
            if plan.changed.pop(name, None) is not None or name in merge.changes:
                plan.kept[name] = reasons[0]
    _undo_notes(plan, winner, merge)
    _undo_tags(plan, winner, merge, standing)
    plan.changes |= {
        name: change
        for name, change in describe_changes(winner, plan.changed).items()
        if name not in ("notes", "tag_ids")
    }
    return plan


def _undo_change(
    plan: UndoPlan, winner: LeadState, name: str, change: dict[str, Any], standing: Mapping[int, StoredChanges]
) -> None:
    for merge in standing.values():
        replaced = merge.changes.get(name)
        if replaced is None:
            continue
        if replaced["from"] == change["to"]:
            replaced["from"] = change["from"]
            plan.later[merge.id] = merge
        plan.kept[name] = TAKEN_SINCE
        return
    if current_value(winner, name) != change["to"]:
        plan.kept[name] = EDITED_SINCE
    elif name.startswith(CUSTOM_PREFIX):
        custom = plan.changed.setdefault("custom_fields", dict(winner["custom_fields"]))
        custom.pop(name.removeprefix(CUSTOM_PREFIX), None)
        if change["from"] is not None:
            custom[name.removeprefix(CUSTOM_PREFIX)] = change["from"]
    else:
        plan.changed[name] = change["from"]


def current_value(lead: LeadState, name: str) -> Any:
    """Return a field of a lead by its name in changes, such as `company` or `custom_fields.budget`."""
    if name.startswith(CUSTOM_PREFIX):
        return lead["custom_fields"].get(name.removeprefix(CUSTOM_PREFIX))
    return lead[name]


def _undo_notes(plan: UndoPlan, winner: LeadState, merge: StoredChanges) -> None:
    if not merge.added_notes:
        return
    before, found, after = (winner["notes"] or "").rpartition(merge.added_notes)
    if not found:
        plan.kept["notes"] = EDITED_SINCE
        return
    before, after = before.removesuffix("\n\n"), after.removeprefix("\n\n")
    plan.changed["notes"] = "\n\n".join(part for part in (before, after) if part) or None


def _undo_tags(plan: UndoPlan, winner: LeadState, merge: StoredChanges, standing: Mapping[int, StoredChanges]) -> None:
    for tag in merge.gained_tags:
        other = next((one for one in standing.values() if tag in one.loser_tags), None)
        if other:  # another lead that merged has it too: it goes with that one
            other.gained_tags.append(tag)
            plan.later[other.id] = other
        elif tag in winner["tag_ids"]:
            plan.lost_tags.append(tag)
    if plan.lost_tags:
        borne = plan.changed["tag_ids"] if "tag_ids" in plan.changed else winner["tag_ids"]
        plan.changed["tag_ids"] = [id_ for id_ in borne if id_ not in plan.lost_tags]
