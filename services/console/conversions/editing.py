"""The form of a connection to an ad platform: a new one, and one that exists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from services.console.conversions.conversion_changes import change_conversion, conversion_path
from services.console.conversions.event_rows import (
    EVENTS_PATH,
    EventRow,
    event_of_row,
    padded_rows,
    row_problems,
    sent_rows,
    stored_row,
    trigger_groups,
)
from services.console.conversions.list_page import CONVERSIONS_PAGE
from services.console.conversions.reads import find_conversion
from services.console.conversions.words import PLATFORM_WORDS, platform_name
from services.console.leads.reads import read_list_names
from services.console.sources.forms import credential_inputs, problem_words, read_credentials, read_texts
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.integrations.catalogue import INTEGRATION_TYPES
from shared.integrations.conversion_settings import (
    CONVERSION_TYPES,
    DEFAULT_CONSENT_KEYS,
    MAX_CONVERSION_EVENTS,
    complete_conversions,
)
from shared.integrations.integration_fields import NEW_INTEGRATION
from shared.integrations.integration_management import (
    IntegrationRow,
    create_integration,
    integration_record,
)
from shared.platform.errors import FieldErrors, NotFound, ValidationFailed
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

FIRST_EVENT: Final = EventRow("created", "Lead")
META_FIELDS: Final = ("lead_event_source", "test_event_code")


@dataclass(frozen=True)
class ConversionForm:
    """A form as it is shown: texts by field, the rows of events, and what is wrong, by field and by row."""

    texts: dict[str, str]
    rows: list[EventRow]
    problems: dict[str, str] = field(default_factory=dict)
    row_problems: dict[int, str] = field(default_factory=dict)


@workspace_page(Permission.SET_UP)
async def new(view: PageView) -> web.StreamResponse:
    """Show the form of a new connection to a platform. Raises NotFound for a type that is none."""
    type_ = _conversion_type(view.request.query.get("type", CONVERSION_TYPES[0]))
    texts = {"name": platform_name(type_), **_settings_texts({})}
    return await _render(view, type_, None, ConversionForm(texts, [FIRST_EVENT]))


@workspace_page(Permission.SET_UP)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Make a connection, and show it."""
    form = read_texts(await view.read_fields())
    type_ = _conversion_type(form.get("type", ""))
    changes = _sent_changes(type_, form, {})
    fields, errors = NEW_INTEGRATION.validate_fields({"type": type_, **changes})
    told = {"type": type_, "name": fields.get("name"), "credentials": sorted(changes["credentials"])}
    audit_details(view.request, after=told)
    workspace_id, cipher = view.workspace.workspace_id, view.console.cipher
    try:
        row: IntegrationRow = await view.console.writing(
            lambda connection: create_integration(connection, cipher, workspace_id, fields, errors)
        )
    except ValidationFailed as refused:
        return await _render(view, type_, None, _refused_form(view, type_, form, refused.errors or {}))
    audit_details(view.request, object=("integration", row["id"]))
    view.redirect(
        conversion_path(view, row["id"]), view.translate("The platform is connected. Send a test event to see it work.")
    )


@workspace_page(Permission.SET_UP)
async def edit(view: PageView) -> web.StreamResponse:
    """Show the form of a connection."""
    row = await _find(view)
    conversions = row["settings"].get("conversions") or {}
    rows = [stored_row(event) for event in complete_conversions(conversions)["events"]]
    form = ConversionForm({"name": row["name"], **_settings_texts(conversions)}, rows)
    return await _render(view, row["type"], row, form)


@workspace_page(Permission.SET_UP)
async def change(view: PageView) -> web.StreamResponse:
    """Change the name, the secrets and the events of a connection."""
    row, form = await _find(view), read_texts(await view.read_fields())
    changes = _sent_changes(row["type"], form, row["settings"].get("conversions") or {})
    try:
        await change_conversion(view, row["id"], changes)
    except ValidationFailed as refused:
        return await _render(view, row["type"], row, _refused_form(view, row["type"], form, refused.errors or {}))
    view.redirect(conversion_path(view, row["id"]), view.translate("The connection is saved."))


async def _find(view: PageView) -> IntegrationRow:
    async with view.console.reading() as connection:
        return await find_conversion(connection, view.workspace.workspace_id, path_id(view.request))


def _conversion_type(name: str) -> str:
    if name not in CONVERSION_TYPES:
        raise NotFound
    return name


def _sent_changes(type_: str, form: Mapping[str, str], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a form as the API takes an integration. Settings that the form does not show stay as they are stored."""
    conversions: dict[str, Any] = {
        **{name: stored[name] for name in META_FIELDS if name in stored},
        "events": [event_of_row(row) for row in sent_rows(form)],
        "without_consent": "send" if form.get("without_consent") == "send" else "skip",
    }
    keys = [line.strip() for line in form.get("consent_keys", "").splitlines() if line.strip()]
    if keys:
        conversions["consent_keys"] = list(dict.fromkeys(keys))
    if type_ == "meta_conversions":
        conversions |= {name: form.get(name, "") for name in META_FIELDS}
    return {
        "name": form.get("name", ""),
        **read_credentials(INTEGRATION_TYPES[type_], form).fields,
        "settings": {"conversions": conversions},
    }


def _settings_texts(stored: Mapping[str, Any]) -> dict[str, str]:
    """Return stored settings as the fields of the form."""
    conversions = complete_conversions(stored)
    return {
        "without_consent": conversions["without_consent"],
        "consent_keys": "\n".join(conversions["consent_keys"]),
        "lead_event_source": str(stored.get("lead_event_source") or ""),
        "test_event_code": conversions["test_event_code"] or "",
    }


def _refused_form(view: PageView, type_: str, form: dict[str, str], errors: FieldErrors) -> ConversionForm:
    own = {path: messages for path, messages in errors.items() if path.startswith("settings.")}
    others = {path: messages for path, messages in errors.items() if path not in own}
    problems = problem_words(view, type_, others)
    for path in own:
        name = path.removeprefix("settings.conversions.").partition(".")[0]
        if name == "consent_keys":
            problems[name] = view.translate("At most 20 consents, each of at most 1,000 characters.")
        elif name in META_FIELDS:
            problems[name] = view.translate("At most %(n)s characters, and no control characters.", n=64)
        elif path == EVENTS_PATH:
            problems["events"] = view.translate("At most %(n)s events.", n=MAX_CONVERSION_EVENTS)
    texts = {"name": "", **dict.fromkeys(_settings_texts({}), ""), **form}
    return ConversionForm(texts, sent_rows(form), problems, row_problems(view, own))


async def _render(view: PageView, type_: str, row: IntegrationRow | None, form: ConversionForm) -> web.Response:
    async with view.console.reading() as connection:
        groups = trigger_groups(view, await read_list_names(connection, view.workspace.workspace_id))
    shown = integration_record(view.console.cipher, row, view.base_url)["credentials"] if row else {}
    has_problems = bool(form.problems or form.row_problems)
    path = conversion_path(view, row["id"]) if row else view.path(CONVERSIONS_PAGE)
    return await view.render(
        "conversions/form.html",
        422 if has_problems else 200,
        type=type_,
        row=row,
        platform=platform_name(type_),
        note=view.translate(PLATFORM_WORDS[type_].note),
        docs=INTEGRATION_TYPES[type_].docs,
        form=form.texts,
        event_rows=padded_rows(form.rows),
        problems=form.problems,
        row_problems=form.row_problems,
        trigger_groups=groups,
        known_triggers={trigger for _, choices in groups for trigger, _ in choices},
        inputs=credential_inputs(view, INTEGRATION_TYPES[type_], shown, form.texts),
        is_meta=type_ == "meta_conversions",
        has_actions=type_ == "google_data_manager",
        default_consents=", ".join(DEFAULT_CONSENT_KEYS),
        action=path,
    )
