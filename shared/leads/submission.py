"""An accepted submission, and its normalisation for matching. Pure."""

import contextlib
from dataclasses import dataclass, field
from typing import Any, cast

from shared.leads.contact_text import InvalidContact
from shared.leads.duplicate_policy import MergePolicy
from shared.leads.email_normalization import normalise_email
from shared.leads.never_join import NOTHING_LISTED, NeverJoin
from shared.leads.phone_normalization import PhoneTooSlow, normalise_phone
from shared.leads.source_part import SourcePart

LEAD_STATUSES = frozenset({"new", "contacted", "qualified", "converted", "lost"})
TEXT_FIELDS = ("first_name", "last_name", "company", "job_title", "country", "source", "notes")

OTHER_FIELDS = "email phone status custom_fields starred tags pipeline_id pipeline_stage_id assigned_user_id".split()
FORM_KEY = "_form"  # not a field of a lead: the part of a body that belongs to the form
VISITOR_KEY = "visitor"  # in that part: from where it was sent, which is kept apart from the submission
HOLD_KEYS = ("is_held", "is_unconfirmed")  # in that part: ingest keeps the submission for a decision, and makes no lead
SOURCE_KEY = "_source"  # not a field of a lead: what a provider's webhook says beside the lead (source_part.py)
PART_KEYS = (FORM_KEY, SOURCE_KEY)

KNOWN_FIELDS = frozenset({*TEXT_FIELDS, *OTHER_FIELDS, *PART_KEYS})  # all keys of a body that are used
QUIET_KEY = "quiet"  # in a journal item: ingest without events, so that no automation and no webhook acts on it

POLICY_KEY = "policy"  # in a journal item: the merge policy of an import
PHONE_COUNTRY_KEY = "phone_country"  # in a journal item: the country of an import's phones without a prefix
AGAIN_KEY = "again"  # in a journal item: when it was replayed or released, in milliseconds since the epoch

IMPORT_CHANNEL = "import:"  # of an import's submissions, with its id behind

EXTERNAL_KIND = "external"  # an identity: the person's id at a provider, as `<type>:<id>`

MAX_LEAD_TAGS = 1_000  # per lead: each duplicate reads and writes all of them
MAX_NAMED_FIELDS = 10  # unknown fields or tags that a warning lists
TAGS_FULL_WARNING = f"tags: the lead would bear over {MAX_LEAD_TAGS:,}; left out: {{names}}."

MAX_CONTACT_LENGTH = 255  # characters of a contact that cannot be read; the submission has all of it
# How warnings about contacts that cannot be read end: the lead has the text, or only the submission.
KEPT_ENDING, LEFT_OUT_ENDING = "kept as sent, identifies nobody.", "left out."

IdentityKey = tuple[int, str, str]  # workspace id, kind (email, phone or external), normalised value; unique
LeadKey = tuple[int, int]  # workspace id, lead id
TagKey = tuple[int, str]  # workspace id, name as sent
TagIds = dict[TagKey, int]  # ids by name
LeadState = dict[str, Any]  # a lead's fields as they are now


@dataclass(slots=True)
class AcceptedSubmission:
    """An accepted submission. `fields` are normalised; `keys` are its identities, email first.

    A quiet one is ingested without events: no automation, delivery or webhook acts on it.
    """

    id: str
    received_at: int  # milliseconds since the epoch
    workspace_id: int
    channel: str
    source: str | None
    key_id: int | None  # the API key that posted it
    body: dict[str, Any]
    body_hash: str | None
    gateway: str
    reply: int
    attempts: int
    is_quiet: bool = False
    policy: MergePolicy | None = None  # of an import
    accepted_again_at: int | None = None  # when it was replayed or released last, as `received_at`
    phone_country: str | None = None  # of an import: where phones without a prefix are dialled
    fields: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    keys: list[IdentityKey] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def waits_since(self) -> int:
        """When it was accepted for the verdict that it waits for: a replay does not count from its first receipt."""
        return self.accepted_again_at or self.received_at

    @property
    def form(self) -> dict[str, Any] | None:
        """The form of the submission, if it came from one: `id`, `values` as sent, and the merge `policy` or null.

        Of a visitor's also `version`, `language`, `consents`, `files`, `attribution`, `first_touch`, `spam`, `visitor`,
        and the flags of `HOLD_KEYS`, as far as they are known.
        """
        return self.body.get(FORM_KEY)

    @property
    def source_part(self) -> SourcePart | None:
        """What a provider's webhook says beside the lead, if it came from one: see `source_part.py`."""
        return self.body.get(SOURCE_KEY)

    @property
    def own_policy(self) -> MergePolicy | None:
        """The merge policy of the import, form or integration that it came from, if that has one."""
        if self.policy:
            return self.policy
        if form := self.form:
            return cast("MergePolicy | None", form.get("policy"))
        return part.get("policy") if (part := self.source_part) else None


def without_visitor(body: Any) -> Any:
    """Return a body as it is stored and shown: without the part that says from where a visitor sent it."""
    form = body.get(FORM_KEY) if isinstance(body, dict) else None
    if not form or VISITOR_KEY not in form:
        return body
    return {**body, FORM_KEY: {name: value for name, value in form.items() if name != VISITOR_KEY}}


def decode_submission(item: dict[str, Any], gateway: str, attempts: int) -> AcceptedSubmission:
    """Decode a submission from the document of a journal row."""
    return AcceptedSubmission(
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
        item.get(QUIET_KEY, False),
        item.get(POLICY_KEY),
        item.get(AGAIN_KEY),
        item.get(PHONE_COUNTRY_KEY),
    )


def encode_submission(submission: AcceptedSubmission) -> dict[str, Any]:
    """Encode a submission for a journal row of its own. No caller waits for it any more, so `reply` is left out."""
    item = {
        "id": submission.id,
        "at": submission.received_at,
        "w": submission.workspace_id,
        "ch": submission.channel,
        "src": submission.source,
        "k": submission.key_id,
        "body": submission.body,
        "hash": submission.body_hash,
    }
    marks = {
        QUIET_KEY: submission.is_quiet,
        POLICY_KEY: submission.policy,
        AGAIN_KEY: submission.accepted_again_at,
        PHONE_COUNTRY_KEY: submission.phone_country,
    }
    return item | {name: value for name, value in marks.items() if value}


def unique_tags(tags: list[str]) -> list[str]:
    """Return each tag once, in the order sent. Tags that differ in case are one tag, in its first spelling."""
    spelt: dict[str, str] = {}
    for tag in tags:
        spelt.setdefault(tag.lower(), tag)
    return list(spelt.values())


def normalise_submission(
    submission: AcceptedSubmission, *, country: str | None, fold_gmail: bool, never_join: NeverJoin = NOTHING_LISTED
) -> None:
    """Normalise the body into `fields`, `keys` and `warnings`. A lead is never refused here.

    A contact that `never_join` lists becomes a field and no key.
    """
    body, fields = submission.body, submission.fields
    country = submission.phone_country or country
    for name in TEXT_FIELDS:
        value = body.get(name)
        if value:
            fields[name] = value
    _prepare_email(submission, fold_gmail, never_join)
    _prepare_phone(submission, country, never_join)
    _add_source_identities(submission, country, never_join)
    status = body.get("status")
    if status in LEAD_STATUSES:
        fields["status"] = status
    elif status:
        submission.warnings.append(f"status: '{status}' is not a status; left out.")
    if custom := body.get("custom_fields"):
        fields["custom_fields"] = custom
    if body.get("starred"):
        fields["starred"] = True
    if tags := body.get("tags"):
        submission.tags = unique_tags(tags)
        if len(submission.tags) > MAX_LEAD_TAGS:  # a form may name any number of tags
            submission.warnings.append(TAGS_FULL_WARNING.format(names=join_names(submission.tags[MAX_LEAD_TAGS:])))
            del submission.tags[MAX_LEAD_TAGS:]
    if not body.keys() <= KNOWN_FIELDS:
        unknown = join_names([name for name in body if name not in KNOWN_FIELDS])
        submission.warnings.append(f"{unknown}: no field that can be sent; kept on the submission alone.")


def _add_source_identities(submission: AcceptedSubmission, country: str | None, never_join: NeverJoin) -> None:
    """Add the identities that a webhook names beside email and phone: the present ones first, then former ones."""
    part = submission.source_part
    if part is None:
        return
    ids = [part.get("external_id"), part.get("former_external_id")]
    keys = [(submission.workspace_id, EXTERNAL_KIND, id_) for id_ in ids if id_]
    if former_phone := part.get("former_phone"):
        with contextlib.suppress(InvalidContact):
            identity = normalise_phone(former_phone, country).identity
            if not never_join.lists_phone(identity):
                keys.append((submission.workspace_id, "phone", identity))
    submission.keys += [key for key in keys if key not in submission.keys]


def join_names(names: list[str]) -> str:
    """Return the first of the names as one text, for a warning."""
    more = f" and {len(names) - MAX_NAMED_FIELDS} more" if len(names) > MAX_NAMED_FIELDS else ""
    return ", ".join([name[:50] for name in names[:MAX_NAMED_FIELDS]]) + more


def _prepare_email(submission: AcceptedSubmission, fold_gmail: bool, never_join: NeverJoin) -> None:
    text = submission.body.get("email")
    if not text:
        return
    try:
        email = normalise_email(text)
        key = normalise_email(text, fold_gmail=True) if fold_gmail else email
    except InvalidContact:
        submission.fields["email_as_given"] = text.strip()[:MAX_CONTACT_LENGTH]
        submission.warnings.append(f"email: not a valid email address; {KEPT_ENDING}")
        return
    submission.fields["email"] = email
    if not never_join.lists_email(key):
        submission.keys.append((submission.workspace_id, "email", key))


def _prepare_phone(submission: AcceptedSubmission, country: str | None, never_join: NeverJoin) -> None:
    text = submission.body.get("phone")
    if not text:
        return
    try:
        phone = normalise_phone(text, country)
    except InvalidContact as error:
        why = "it takes too long to read" if isinstance(error, PhoneTooSlow) else "not a readable phone number"
        submission.fields["phone"] = text[:MAX_CONTACT_LENGTH]
        submission.warnings.append(f"phone: {why}; {KEPT_ENDING}")
        return
    submission.fields["phone"] = phone.identity
    if not never_join.lists_phone(phone.identity):
        submission.keys.append((submission.workspace_id, "phone", phone.identity))
