"""Decide how an edit by a user, an API key or an automation changes a lead. Pure.

A submission of a source only adds (`duplicate_policy.py`). An edit replaces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from shared.leads.contact_text import InvalidContact
from shared.leads.duplicate_policy import (
    MAX_CUSTOM_FIELDS_BYTES,
    describe_changes,
    has_room_for_custom_fields,
    prefer_read_email,
)
from shared.leads.email_normalization import normalise_email
from shared.leads.phone_normalization import normalise_phone
from shared.leads.placement import Board, WorkspaceSettings, assignee_problem, find_placement
from shared.leads.submission import IdentityKey, LeadState
from shared.platform.errors import FieldErrors
from shared.platform.validation.messages import ERROR_MESSAGES

PLAIN_FIELDS = (
    *("first_name", "last_name", "email_as_given", "company", "job_title", "country", "source", "notes", "status"),
    "starred",
)
CONTACT_FIELDS = ("email", "phone")
PIPELINE_FIELDS = ("pipeline_id", "pipeline_stage_id")

INVALID_PHONE_MESSAGE = "The phone field must be a possible phone number."
CUSTOM_FIELDS_FULL_MESSAGE = (
    f"The custom_fields field must not bring the lead's custom fields above {MAX_CUSTOM_FIELDS_BYTES >> 10} KB."
)
CONTACT_TAKEN_MESSAGE = "The {field} has already been taken by lead {lead}."
CHANGED_MEANWHILE_MESSAGE = "The {field} was changed meanwhile."


@dataclass(frozen=True, slots=True)
class ChangeCause:
    """The actor behind a change, such as `api` with the id of a key, or `automation` with its id.

    `depth` counts the automations between this change and the outside world. `run` is the automation's run.
    """

    kind: str
    id: int | None
    depth: int = 0
    run: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the actor as the timeline stores it."""
        actor: dict[str, Any] = {"kind": self.kind, "id": self.id}
        if self.depth:
            actor["depth"] = self.depth
        if self.run is not None:
            actor["run"] = self.run
        return actor


@dataclass(frozen=True, slots=True)
class LeadChange:
    """A requested change of one lead.

    The mapping holds fields by name. `custom_fields` is merged key by key: null removes a key, and null in place
    of the mapping removes all keys. `tags` replaces the tags. Any other field takes the value; null empties it.
    `expected` maps fields, and `custom_fields.<key>`, to the values that the lead must still have: those that somebody
    saw who decided about them. A change that `is_quiet` stands on the timeline, and sets nothing off: no automation and
    no webhook. With `keeps_identities` the lead stays known by an email or phone that it shows no more.
    """

    workspace_id: int
    lead_id: int
    _: KW_ONLY
    cause: ChangeCause
    set_fields: Mapping[str, Any] = field(default_factory=dict)
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()
    add_score: int = 0
    expected: Mapping[str, Any] = field(default_factory=dict)
    is_quiet: bool = False
    keeps_identities: bool = False


@dataclass(slots=True)
class LeadEdit:
    """A checked change: normalised fields, the identities that they give the lead, and the errors.

    `holders` are the leads that own a contact already, by field. `conflicts` are the values now of fields that have not
    the expected one. `confirmed_keys` are identities of contacts that were sent as the lead has them.
    """

    change: LeadChange
    fields: dict[str, Any] = field(default_factory=dict)
    identity_keys: dict[str, IdentityKey] = field(default_factory=dict)  # by field
    stage_status: str | None = None
    errors: FieldErrors = field(default_factory=dict)
    holders: dict[str, int] = field(default_factory=dict)
    conflicts: dict[str, Any] = field(default_factory=dict)
    confirmed_keys: list[IdentityKey] = field(default_factory=list)

    def reject_taken(self, name: str, holder: int) -> None:
        """Record that another lead owns a contact."""
        self.holders[name] = holder
        self.errors[name] = [CONTACT_TAKEN_MESSAGE.format(field=name, lead=holder)]


def prepare_edit(change: LeadChange, workspace: WorkspaceSettings, board: Board, *, is_new: bool = False) -> LeadEdit:
    """Normalise and check a change without the lead's state. A new lead goes to the default pipeline by default."""
    edit = LeadEdit(change)
    edit.fields = {name: change.set_fields[name] for name in PLAIN_FIELDS if name in change.set_fields}
    _prepare_contacts(edit, workspace)
    _prepare_placement(edit, workspace, board, is_new)
    if "assigned_user_id" in change.set_fields:
        user = edit.fields["assigned_user_id"] = change.set_fields["assigned_user_id"]
        _add_errors(edit, assignee_problem(workspace, board, user))
    return edit


def _prepare_contacts(edit: LeadEdit, workspace: WorkspaceSettings) -> None:
    for name in CONTACT_FIELDS:
        if name not in edit.change.set_fields:
            continue
        text = edit.change.set_fields[name]
        edit.fields[name] = None
        if not text:
            continue
        try:
            edit.fields[name], key = _normalise_contact(name, text, workspace)
        except InvalidContact:
            edit.errors[name] = [
                INVALID_PHONE_MESSAGE if name == "phone" else ERROR_MESSAGES["email"].format(field=name)
            ]
        else:
            if not workspace.never_join.lists(name, key):
                edit.identity_keys[name] = (workspace.id, name, key)


def _normalise_contact(name: str, text: str, workspace: WorkspaceSettings) -> tuple[str, str]:
    """Return a contact as it is stored, and the value that identifies its lead."""
    if name == "phone":
        phone = normalise_phone(text, workspace.country).identity
        return phone, phone
    return normalise_email(text), normalise_email(text, fold_gmail=workspace.fold_gmail)


def _prepare_placement(edit: LeadEdit, workspace: WorkspaceSettings, board: Board, is_new: bool) -> None:
    placement = {name: edit.change.set_fields[name] for name in PIPELINE_FIELDS if name in edit.change.set_fields}
    pipeline, stage = (placement.get(name) for name in PIPELINE_FIELDS)
    if pipeline or stage or is_new:
        place, problems = find_placement(workspace, board, pipeline, stage)
        if stage and pipeline is None and "pipeline_id" in placement and not is_new:
            problems["pipeline_stage_id"] = f"there is no stage {stage} without a pipeline"
        _add_errors(edit, problems)
        edit.fields |= dict(zip(PIPELINE_FIELDS, place, strict=False))
        edit.stage_status = place.status
    elif "pipeline_id" in placement:
        edit.fields |= dict.fromkeys(PIPELINE_FIELDS)
    if "pipeline_stage_id" in placement and stage is None and not is_new:
        edit.fields["pipeline_stage_id"] = None


def _add_errors(edit: LeadEdit, problems: Mapping[str, str]) -> None:
    for name, problem in problems.items():
        edit.errors[name] = [f"{problem[0].upper()}{problem[1:]}."]


def compare_with_state(edit: LeadEdit, state: LeadState) -> None:
    """Apply the checks that need the lead's current state."""
    _check_expected(edit, state)
    for name in CONTACT_FIELDS:
        if state[name] and state[name] in (edit.change.set_fields.get(name), edit.fields.get(name)):
            # The stored contact was sent again, perhaps in another spelling, so it does not change. It may be a phone
            # that cannot be read, or a phone that two leads share.
            if name in edit.identity_keys:
                edit.confirmed_keys.append(edit.identity_keys[name])
            for noted in (edit.fields, edit.identity_keys, edit.errors, edit.holders):
                noted.pop(name, None)
    removes_name = "first_name" in edit.fields and not edit.fields["first_name"] and state["first_name"]
    if removes_name and edit.change.cause.kind != "import":
        # A lead may arrive without a first name, but an edit must not remove one. The undo of an import may.
        edit.errors["first_name"] = [ERROR_MESSAGES["missing"].format(field="first_name")]
    if custom := edit.change.set_fields.get("custom_fields"):
        existing = state["custom_fields"]
        if not has_room_for_custom_fields(existing, merge_custom_fields(existing, custom)):
            edit.errors["custom_fields"] = [CUSTOM_FIELDS_FULL_MESSAGE]


def _check_expected(edit: LeadEdit, state: LeadState) -> None:
    """Record the fields that somebody else changed since they were read."""
    for name, value in edit.change.expected.items():
        key = name.removeprefix("custom_fields.")
        now = state[name] if key == name else state["custom_fields"].get(key)
        if now != value:
            edit.conflicts[name] = now
            edit.errors[name] = [CHANGED_MEANWHILE_MESSAGE.format(field=name)]


def effective_changes(edit: LeadEdit, state: LeadState) -> dict[str, Any]:
    """Return the fields that change, with their new values. `custom_fields` is whole if one of its keys changes."""
    set_fields = edit.change.set_fields
    wanted = dict(edit.fields)
    if "pipeline_stage_id" not in set_fields and wanted.get("pipeline_id") == state["pipeline_id"]:
        wanted.pop("pipeline_stage_id", None)  # the lead is in that pipeline already and keeps its stage
    if edit.stage_status and wanted.get("pipeline_stage_id", state["pipeline_stage_id"]) != state["pipeline_stage_id"]:
        wanted.setdefault("status", edit.stage_status)
    if "custom_fields" in set_fields:
        wanted["custom_fields"] = merge_custom_fields(state["custom_fields"], set_fields["custom_fields"])
    if edit.change.add_score:
        wanted["lead_score"] = state["lead_score"] + edit.change.add_score
    prefer_read_email(state, wanted)
    names = {name.partition(".")[0] for name in describe_changes(state, wanted)}
    return {name: value for name, value in wanted.items() if name in names}


def merge_custom_fields(existing: Mapping[str, Any], changes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the custom fields with the sent values. Null removes a key; None in place of a mapping removes all."""
    if changes is None:
        return {}
    return {name: value for name, value in {**existing, **changes}.items() if value is not None}


def identity_keys_of(workspace_id: int, name: str, contact: str | None) -> set[IdentityKey]:
    """Return all identities that a stored contact may have: a Gmail address may be folded or not."""
    if not contact:
        return set()
    spelt = {contact}
    if name == "email":
        spelt.add(normalise_email(contact, fold_gmail=True))
    return {(workspace_id, name, one) for one in spelt}
