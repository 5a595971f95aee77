"""Make a lead of a row. Pure.

A row is checked as an inbound lead is, but for the email, which it needs not have. Where a name or another contact is
left, a row whose email or phone cannot be read is a lead all the same: ingest keeps the text as it was given.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import orjson
from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from shared.imports.column_mapping import CUSTOM_PREFIX, ColumnMapping
from shared.imports.tag_cells import split_tags
from shared.leads.duplicate_policy import MAX_NOTES_LENGTH
from shared.leads.full_name import split_name
from shared.leads.inbound import CustomFieldKey, EmailAddress, InvalidFields
from shared.leads.submission import MAX_LEAD_TAGS
from shared.platform.spreadsheet_cells import unguarded_text
from shared.platform.validation.messages import messages_by_field
from shared.platform.validation.types import RecordId, StrictFlag, Text100, Text255, text_constraints

NUMBER_TARGETS = ("pipeline_id", "pipeline_stage_id", "assigned_user_id")
TRUE_WORDS = frozenset("1 true yes y x ja oui si sí sim نعم ★".split())
FALSE_WORDS = frozenset("0 false no n nein non não nao لا".split())
CONTACT_FIELDS = frozenset(("email", "phone"))
TELLING_FIELDS = frozenset(("first_name", "last_name", *CONTACT_FIELDS))  # by which somebody can be told or reached
NO_VALUE_REASON = "The row has no value."
TOO_WIDE_REASON = "The row has {found} cells, the header {columns}."
NO_JSON_REASON = "The custom_fields cell must be a JSON object."


MAX_CUSTOM_FIELDS = 1_000

# A lead may hold more than one post may bring, and an export of it can be imported again.
ImportedNotes = Annotated[str, text_constraints(MAX_NOTES_LENGTH)]
ImportedTags = Annotated[list[Text100], Field(max_length=MAX_LEAD_TAGS)]
ImportedCustomFields = Annotated[dict[CustomFieldKey, Any], Field(max_length=MAX_CUSTOM_FIELDS)]


class ImportedLead(TypedDict, total=False):
    """A lead as a row brings it."""

    email: EmailAddress
    first_name: Text255
    last_name: Text255
    phone: Text255
    company: Text255
    job_title: Text255
    country: Text100
    source: Text255
    status: Text255
    notes: ImportedNotes
    tags: ImportedTags
    custom_fields: ImportedCustomFields
    pipeline_id: RecordId
    pipeline_stage_id: RecordId
    assigned_user_id: RecordId
    starred: StrictFlag


_validate_python = TypeAdapter(ImportedLead).validator.validate_python


class RowResult(NamedTuple):
    """The lead of a row, or the reasons why there is none."""

    lead: dict[str, Any] | None
    reasons: list[str]


class RowMapper:
    """Makes leads of the rows of one file. `source` is that of rows without one; each lead gets the `tags` as well.

    With `keeps_unread` an email or phone that cannot be read costs no row that has something else to tell.
    """

    def __init__(
        self,
        columns: Sequence[str],
        mapping: ColumnMapping,
        source: str | None = None,
        tags: Sequence[str] = (),
        *,
        keeps_unread: bool = True,
    ) -> None:
        self._width = len(columns)
        self._targets = [(place, target) for place, name in enumerate(columns) if (target := mapping.get(name))]
        self._source, self._tags, self._keeps_unread = source, list(tags), keeps_unread

    def lead_of(self, cells: Sequence[str]) -> RowResult:
        """Return the lead of a row, or why it is none."""
        if len(cells) > self._width and any(cell.strip() for cell in cells[self._width :]):
            return RowResult(None, [TOO_WIDE_REASON.format(found=len(cells), columns=self._width)])
        values, reasons = self._values_of(cells), list[str]()
        lead = _fields_of(values, reasons)
        if not lead and not reasons:
            return RowResult(None, [NO_VALUE_REASON])
        if self._source and "source" not in lead:
            lead["source"] = self._source
        if self._tags:
            lead["tags"] = [*lead.get("tags", ()), *self._tags]
        try:
            checked = self._checked_lead(lead)
        except InvalidFields as refusal:
            reasons += [message for messages in refusal.errors.values() for message in messages]
        return RowResult(None, reasons) if reasons else RowResult(checked, [])

    def _checked_lead(self, lead: dict[str, Any]) -> dict[str, Any]:
        """Return the lead with normalised values; contacts that are kept are as they were given. Raises InvalidFields.

        The errors name fields, custom fields by their path.
        """
        try:
            return dict(_validate_python(lead))
        except ValidationError as error:
            errors = messages_by_field(error)
        unread = {name: lead[name] for name in errors.keys() & CONTACT_FIELDS}
        rest = {name: value for name, value in lead.items() if name not in unread}
        if not (self._keeps_unread and errors.keys() == unread.keys() and rest.keys() & TELLING_FIELDS):
            raise InvalidFields(errors)
        return {**_validate_python(rest), **unread}

    def _values_of(self, cells: Sequence[str]) -> dict[str, list[str]]:
        """Return the texts that the row has, by target."""
        texts: dict[str, list[str]] = {}
        for place, target in self._targets:
            text = unguarded_text(cells[place]) if place < len(cells) else ""
            if text.strip():
                texts.setdefault(target, []).append(clean_text(text))
        return texts


def clean_text(text: str) -> str:
    """Return a text without what cannot be stored: NUL and lone surrogates become U+FFFD."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _fields_of(values: Mapping[str, list[str]], reasons: list[str]) -> dict[str, Any]:
    lead: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for target, texts in values.items():
        if target.startswith(CUSTOM_PREFIX):
            custom[target.removeprefix(CUSTOM_PREFIX)] = texts[0]
        elif target == "notes":
            lead["notes"] = "\n\n".join(texts)
        elif target == "tags":
            lead["tags"] = [tag for text in texts for tag in split_tags(text)]
        elif target not in ("full_name", "custom_fields"):
            lead[target] = _typed_value(target, texts[0], reasons)
    if "full_name" in values:
        _add_name(lead, values["full_name"][0])
    if "custom_fields" in values:
        custom |= _json_object(values["custom_fields"][0], reasons)
    if custom:
        lead["custom_fields"] = custom
    return lead


def _add_name(lead: dict[str, Any], full_name: str) -> None:
    """Split a full name. Columns of its parts go before it."""
    for field, part in zip(("first_name", "last_name"), split_name(full_name), strict=True):
        if part:
            lead.setdefault(field, part)


def _typed_value(target: str, text: str, reasons: list[str]) -> Any:
    word = text.strip().lower()
    if target == "starred":
        if word not in TRUE_WORDS | FALSE_WORDS:
            reasons.append("The starred cell must be yes or no.")
        return word in TRUE_WORDS
    if target in NUMBER_TARGETS and word.isascii() and word.isdigit() and len(word) < 20:
        return int(word)
    return word if target == "status" else text


def _json_object(text: str, reasons: list[str]) -> dict[str, Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        reasons.append(NO_JSON_REASON)
        return {}
    return document
