"""A submission as the worker holds it: what was accepted, made ready to be matched."""

from dataclasses import dataclass, field
from typing import Any

from shared.leads.contact import Invalid, TooSlow, normalise_email, normalise_phone

STATUSES = frozenset({"new", "contacted", "qualified", "converted", "lost"})
TEXT = ("first_name", "last_name", "company", "job_title", "country", "source", "notes")

OTHER = "email phone status custom_fields starred tags pipeline_id pipeline_stage_id assigned_user_id".split()
FORM = "_form"  # no lead's field: where a body keeps what belongs to the form

KNOWN = frozenset({*TEXT, *OTHER, FORM})  # all that a body holds which is looked at
MOST_TAGS = 1_000  # of a lead: each of its duplicates reads and writes them all
NAMED = 10  # unknown fields, or tags, that a warning names
NO_ROOM_FOR_TAGS = f"tags: the lead would bear over {MOST_TAGS:,}; left out: {{names}}."

Key = tuple[int, str, str]  # workspace id, kind (email, phone), normalised value: what an identity is unique by
LeadKey = tuple[int, int]  # workspace id, lead id
TagName = tuple[int, str]  # workspace id, name as sent
Tags = dict[TagName, int]  # ids of tags
State = dict[str, Any]  # a lead's fields as they are now


@dataclass(slots=True)
class Submission:
    """One accepted submission. `fields` are clean; `keys` are what it can be recognised by, email first."""

    id: str
    received_at: int  # milliseconds since the epoch
    workspace_id: int
    channel: str
    source: str | None
    key_id: int | None  # of the API key that posted it
    body: dict[str, Any]
    body_hash: str | None
    gateway: str
    reply: int
    attempts: int
    fields: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def form(self) -> dict[str, Any] | None:
        """Of one that a form was filled in with: `id`, the `values` as sent, and the form's `policy` or null."""
        return self.body.get(FORM)


def read(item: dict[str, Any], gateway: str, attempts: int) -> Submission:
    """A submission out of a journal row's document."""
    return Submission(
        item["id"],
        item["at"],
        item["w"],
        item["ch"],
        item["src"],
        item.get("k"),
        item["body"],
        item.get("hash"),
        gateway,
        item.get("reply", 0),
        attempts,
    )


def encode(submission: Submission) -> dict[str, Any]:
    """The item that `read` reads, for a journal row of its own. Nobody waits for it any more."""
    return {
        "id": submission.id,
        "at": submission.received_at,
        "w": submission.workspace_id,
        "ch": submission.channel,
        "src": submission.source,
        "k": submission.key_id,
        "body": submission.body,
        "hash": submission.body_hash,
    }


def once(tags: list[str]) -> list[str]:
    """Each tag once whatever its case, as it was spelt first, in the order sent."""
    spelt: dict[str, str] = {}
    for tag in tags:
        spelt.setdefault(tag.lower(), tag)
    return list(spelt.values())


def prepare(submission: Submission, *, country: str | None, fold_gmail: bool) -> None:
    """Normalises what was sent into `fields`, `keys` and `warnings`. Nothing here refuses a lead."""
    body, fields = submission.body, submission.fields
    for name in TEXT:
        value = body.get(name)
        if value:
            fields[name] = value
    _prepare_email(submission, fold_gmail)
    _prepare_phone(submission, country)
    status = body.get("status")
    if status in STATUSES:
        fields["status"] = status
    elif status:
        submission.warnings.append(f"status: '{status}' is not a status; left out.")
    if custom := body.get("custom_fields"):
        fields["custom_fields"] = custom
    if body.get("starred"):
        fields["starred"] = True
    if tags := body.get("tags"):
        submission.tags = once(tags)
        if len(submission.tags) > MOST_TAGS:  # of a form, which may name any number
            submission.warnings.append(NO_ROOM_FOR_TAGS.format(names=named(submission.tags[MOST_TAGS:])))
            del submission.tags[MOST_TAGS:]
    if not body.keys() <= KNOWN:
        unknown = named([name for name in body if name not in KNOWN])
        submission.warnings.append(f"{unknown}: no field that can be sent; kept on the submission alone.")


def named(names: list[str]) -> str:
    """The first of them, for a warning."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join([name[:50] for name in names[:NAMED]]) + more


def _prepare_email(submission: Submission, fold_gmail: bool) -> None:
    sent = submission.body.get("email")
    if not sent:
        return
    try:
        email = normalise_email(sent)
        key = normalise_email(sent, fold_gmail=True) if fold_gmail else email
    except Invalid:
        submission.warnings.append("email: not a valid email address; left out.")
        return
    submission.fields["email"] = email
    submission.keys.append((submission.workspace_id, "email", key))


def _prepare_phone(submission: Submission, country: str | None) -> None:
    sent = submission.body.get("phone")
    if not sent:
        return
    try:
        phone = normalise_phone(sent, country)
    except Invalid as error:
        why = "it takes too long to read" if isinstance(error, TooSlow) else "not a readable phone number"
        submission.fields["phone"] = sent
        submission.warnings.append(f"phone: {why}; kept as sent, identifies nobody.")
        return
    submission.fields["phone"] = phone.identity
    submission.keys.append((submission.workspace_id, "phone", phone.identity))
