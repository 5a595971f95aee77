"""Decide how an edit by a user, an API key or an automation changes a lead. Pure.

A submission of a source only adds (`merge.py`). An edit replaces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from shared.leads.contact import Invalid, normalise_email, normalise_phone
from shared.leads.merge import MOST_CUSTOM, changes, has_room
from shared.leads.places import Places, Workspace, find_place, user_problem
from shared.leads.submission import Key, State
from shared.validation import MESSAGES, Fields

PLAIN = ("first_name", "last_name", "company", "job_title", "country", "source", "notes", "status", "starred")
CONTACT = ("email", "phone")
BOARD = ("pipeline_id", "pipeline_stage_id")

NO_PHONE = "The phone field must be a possible phone number."
NO_ROOM = f"The custom_fields field must not bring the lead's custom fields above {MOST_CUSTOM >> 10} KB."
TAKEN = "The {field} has already been taken by lead {lead}."


@dataclass(frozen=True, slots=True)
class Cause:
    """The actor behind a change, such as `api` with the id of a key, or `automation` with its id.

    `depth` counts the automations between this change and the outside world. `run` is the automation's run.
    """

    kind: str
    id: int | None
    depth: int = 0
    run: int | None = None

    def said(self) -> dict[str, Any]:
        """Return the actor as the timeline stores it."""
        said: dict[str, Any] = {"kind": self.kind, "id": self.id}
        if self.depth:
            said["depth"] = self.depth
        if self.run is not None:
            said["run"] = self.run
        return said


@dataclass(frozen=True, slots=True)
class Change:
    """A requested change of one lead.

    The mapping holds fields by name. `custom_fields` is merged key by key: null removes a key, and null in place
    of the mapping removes all keys. `tags` replaces the tags. Any other field takes the value; null empties it.
    """

    workspace_id: int
    lead_id: int
    _: KW_ONLY
    cause: Cause
    set: Mapping[str, Any] = field(default_factory=dict)
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()
    add_score: int = 0


@dataclass(slots=True)
class Edit:
    """A checked change: normalised fields, the identities that they give the lead, and the errors.

    `holders` are the leads that own a contact already, by field.
    """

    change: Change
    fields: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)  # by field
    stage_status: str | None = None
    errors: Fields = field(default_factory=dict)
    holders: dict[str, int] = field(default_factory=dict)

    def take(self, name: str, holder: int) -> None:
        """Record that another lead owns a contact."""
        self.holders[name] = holder
        self.errors[name] = [TAKEN.format(field=name, lead=holder)]


def prepare(change: Change, workspace: Workspace, places: Places, *, new: bool = False) -> Edit:
    """Normalise and check a change without the lead's state. A new lead goes to the default pipeline by default."""
    edit = Edit(change)
    edit.fields = {name: change.set[name] for name in PLAIN if name in change.set}
    _contact(edit, workspace)
    _board(edit, workspace, places, new)
    if "assigned_user_id" in change.set:
        user = edit.fields["assigned_user_id"] = change.set["assigned_user_id"]
        _note(edit, user_problem(workspace, places, user))
    return edit


def _contact(edit: Edit, workspace: Workspace) -> None:
    for name in CONTACT:
        if name not in edit.change.set:
            continue
        sent = edit.change.set[name]
        edit.fields[name] = None
        if not sent:
            continue
        try:
            edit.fields[name], key = _normalised(name, sent, workspace)
        except Invalid:
            edit.errors[name] = [NO_PHONE if name == "phone" else MESSAGES["email"].format(field=name)]
        else:
            edit.keys[name] = (workspace.id, name, key)


def _normalised(name: str, sent: str, workspace: Workspace) -> tuple[str, str]:
    """Return a contact as it is stored, and the value that identifies its lead."""
    if name == "phone":
        phone = normalise_phone(sent, workspace.country).identity
        return phone, phone
    return normalise_email(sent), normalise_email(sent, fold_gmail=workspace.fold_gmail)


def _board(edit: Edit, workspace: Workspace, places: Places, new: bool) -> None:
    sent = {name: edit.change.set[name] for name in BOARD if name in edit.change.set}
    pipeline, stage = (sent.get(name) for name in BOARD)
    if pipeline or stage or new:
        place, problems = find_place(workspace, places, pipeline, stage)
        if stage and pipeline is None and "pipeline_id" in sent and not new:
            problems["pipeline_stage_id"] = f"there is no stage {stage} without a pipeline"
        _note(edit, problems)
        edit.fields |= dict(zip(BOARD, place, strict=False))
        edit.stage_status = place.status
    elif "pipeline_id" in sent:
        edit.fields |= dict.fromkeys(BOARD)
    if "pipeline_stage_id" in sent and stage is None and not new:
        edit.fields["pipeline_stage_id"] = None


def _note(edit: Edit, problems: Mapping[str, str]) -> None:
    for name, problem in problems.items():
        edit.errors[name] = [f"{problem[0].upper()}{problem[1:]}."]


def compare(edit: Edit, state: State) -> None:
    """Apply the checks that need the lead's current state."""
    for name in CONTACT:
        if state[name] and state[name] in (edit.change.set.get(name), edit.fields.get(name)):
            # The stored contact was sent again, perhaps in another spelling, so it does not change. It may be a phone
            # that cannot be read, or a phone that two leads share.
            for noted in (edit.fields, edit.keys, edit.errors, edit.holders):
                noted.pop(name, None)
    if "first_name" in edit.fields and not edit.fields["first_name"] and state["first_name"]:
        # A lead may arrive without a first name, but an edit must not remove one.
        edit.errors["first_name"] = [MESSAGES["missing"].format(field="first_name")]
    if custom := edit.change.set.get("custom_fields"):
        existing = state["custom_fields"]
        if not has_room(existing, merge_custom(existing, custom)):
            edit.errors["custom_fields"] = [NO_ROOM]


def changed(edit: Edit, state: State) -> dict[str, Any]:
    """Return the fields that change, with their new values. `custom_fields` is whole if one of its keys changes."""
    sent = edit.change.set
    wanted = dict(edit.fields)
    if "pipeline_stage_id" not in sent and wanted.get("pipeline_id") == state["pipeline_id"]:
        wanted.pop("pipeline_stage_id", None)  # the lead is in that pipeline already and keeps its stage
    if edit.stage_status and wanted.get("pipeline_stage_id", state["pipeline_stage_id"]) != state["pipeline_stage_id"]:
        wanted.setdefault("status", edit.stage_status)
    if "custom_fields" in sent:
        wanted["custom_fields"] = merge_custom(state["custom_fields"], sent["custom_fields"])
    if edit.change.add_score:
        wanted["lead_score"] = state["lead_score"] + edit.change.add_score
    names = {name.partition(".")[0] for name in changes(state, wanted)}
    return {name: value for name, value in wanted.items() if name in names}


def merge_custom(existing: Mapping[str, Any], sent: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the custom fields with the sent values. Null removes a key; None in place of a mapping removes all."""
    if sent is None:
        return {}
    return {name: value for name, value in {**existing, **sent}.items() if value is not None}


def keys_of(workspace_id: int, name: str, contact: str | None) -> set[Key]:
    """Return all identities that a stored contact may have: a Gmail address may be folded or not."""
    if not contact:
        return set()
    spelt = {contact}
    if name == "email":
        spelt.add(normalise_email(contact, fold_gmail=True))
    return {(workspace_id, name, one) for one in spelt}
