"""The form of a mapping: rows of a field and a JSON path, and the lead that would come of a payload."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from services.console.sources.reads import LastPayload
from services.console.sources.words import target_words
from services.console.web.page_view import PageView
from services.console.web.payload_text import shown_value
from shared.auth.roles import Permission
from shared.forms.field_definition import CUSTOM_PREFIX
from shared.intake.payload_changes import lead_fields
from shared.integrations.json_paths import MAX_PATH_LENGTH, InvalidPath, compile_path
from shared.integrations.mapping_settings import IntegrationSettingsRecord
from shared.integrations.provider import Provider
from shared.integrations.source_event import SourceEvent
from shared.integrations.submission_body import mapped_lead
from shared.integrations.webhook_exchange import CaseInsensitive, Credentials, WebhookRequest
from shared.integrations.webhook_trial import TRIED_ADDRESS, sample_request, try_request
from shared.leads.source_part import raw_bytes

CUSTOM_TARGET = "custom"  # in the form: a custom field, whose key stands beside it
BLANK_ROWS = 3  # rows that the form offers beyond those that are filled
MAX_ROWS = 200
MAX_KEY_LENGTH = 100  # characters of a custom field's key
PLACED_FIELDS = ("pipeline_id", "pipeline_stage_id", "assigned_user_id")  # the settings' matter, not the mapping's


@dataclass
class MappingRow:
    """A row as it was typed. `target` is a field of a lead, `custom` or empty; `problem` is a sentence."""

    target: str = ""
    key: str = ""
    path: str = ""
    problem: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed."""
        return not (self.target or self.key or self.path)

    @property
    def name(self) -> str:
        """The target as a mapping names it."""
        return f"{CUSTOM_PREFIX}{self.key}" if self.target == CUSTOM_TARGET else self.target


@dataclass(frozen=True)
class MappedOutcome:
    """What a payload would become: the kind of each item, its lead in rows, or why it cannot be read.

    `document` is what the paths look at.
    """

    kind: str
    rows: list[tuple[str, str]]
    problem: str | None
    document: Any


def rows_of_mapping(mapping: Mapping[str, str]) -> list[MappingRow]:
    """Return the rows of a stored mapping."""
    return [
        MappingRow(CUSTOM_TARGET, target.removeprefix(CUSTOM_PREFIX), path)
        if target.startswith(CUSTOM_PREFIX)
        else MappingRow(target, "", path)
        for target, path in mapping.items()
    ]


def read_rows(view: PageView, targets: Sequence[str], keys: Sequence[str], paths: Sequence[str]) -> list[MappingRow]:
    """Return the rows that were sent, blank ones too, with their problems."""
    rows = [
        MappingRow(target, key.strip(), path.strip())
        for target, key, path in zip(targets[:MAX_ROWS], keys, paths, strict=False)
    ]
    seen: set[str] = set()
    for row in rows:
        row.problem = "" if row.is_blank else _row_problem(view, row, seen)
        seen.add(row.name)
    return rows


def mapping_of(rows: Sequence[MappingRow]) -> dict[str, str]:
    """Return the mapping of the rows that have no problem."""
    return {row.name: row.path for row in rows if not row.problem and not row.is_blank}


def mapping_outcome(
    view: PageView,
    provider: Provider,
    settings: IntegrationSettingsRecord,
    credentials: Credentials,
    payload: LastPayload | None,
    now: float,
) -> MappedOutcome:
    """Return what a payload would become by these settings; without one the sample of the type."""
    items, problem = _read_again(provider, settings, credentials, payload, now)
    document = payload.document if payload else None
    item = next((one for one in items if document is None or one["document"] == document), None)
    if item is None or (payload and item["kind"] != "lead"):
        if payload is None or document is None:
            found = items[0] if items else {"kind": "ignored", "lead": {}, "document": document}
            return _outcome(view, found["kind"], found["lead"], problem, found["document"])
        event = SourceEvent(lead=lead_fields(payload.body), document=document)  # fetched, or fixed by hand
        return _outcome(view, "lead", mapped_lead(provider.type.type, settings, event), None, document)
    return _outcome(view, item["kind"], item["lead"], problem, item["document"])


def lead_rows(view: PageView, lead: Mapping[str, Any], *, hides_values: bool) -> list[tuple[str, str]]:
    """Return the fields of a lead with their names, as text. Secrets are masked."""
    words = target_words(view)
    rows = []
    for name, value in lead.items():
        if name == "custom_fields" and isinstance(value, dict):
            rows += [(key, _value_text(key, inner, hides_values)) for key, inner in value.items()]
        elif name == "tags" and isinstance(value, list):
            rows.append((words["tags"], ", ".join(map(str, value))))
        elif name not in PLACED_FIELDS:
            rows.append((words.get(name, name), _value_text(name, value, hides_values and name != "source")))
    return [(name, text) for name, text in rows if text]


def _outcome(view: PageView, kind: str, lead: Mapping[str, Any], problem: str | None, document: Any) -> MappedOutcome:
    rows = lead_rows(view, lead, hides_values=not view.permits(Permission.SEE_PERSONS)) if kind == "lead" else []
    return MappedOutcome(kind, rows, problem, document)


def _read_again(
    provider: Provider,
    settings: IntegrationSettingsRecord,
    credentials: Credentials,
    payload: LastPayload | None,
    now: float,
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the items of a request that was kept, as the provider's module reads it now."""
    if payload is None:
        request = sample_request(provider, now)
    elif payload.raw and not payload.raw.get("is_cut"):
        headers = CaseInsensitive(payload.raw.get("headers") or {})
        method = str(payload.raw.get("method") or "POST")
        request = WebhookRequest(method, TRIED_ADDRESS, headers, raw_bytes(payload.raw), now)
    else:
        return [], None
    tried = try_request(provider, settings, credentials, request)
    return tried["items"], tried["problem"]


def _row_problem(view: PageView, row: MappingRow, seen: set[str]) -> str:
    if not row.target or row.target not in (*target_words(view), CUSTOM_TARGET):
        return view.translate("Choose the field that it goes to.")
    if row.target == CUSTOM_TARGET and not 0 < len(row.key) <= MAX_KEY_LENGTH:
        return view.translate("Name the custom field, in 100 characters or fewer.")
    if row.name in seen:
        return view.translate("This field has a path already.")
    if not row.path:
        return view.translate("Say where the value stands, or choose no field.")
    if len(row.path) > MAX_PATH_LENGTH:
        return view.translate("A path has 255 characters or fewer.")
    try:
        compile_path(row.path)
    except InvalidPath:
        return view.translate("This is no JSON path, such as $.contact.email. “..” is not taken.")
    return ""


def _value_text(name: str, value: Any, hides_values: bool) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)  # of any size
    try:
        return shown_value(name, value, hides_values=hides_values) or ""
    except (orjson.JSONEncodeError, TypeError):
        return str(value)
