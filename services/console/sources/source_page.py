"""One source: its state, the doctor, its address, its secrets and settings; and the list of all beside it."""

import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from services.console.sources.charts import source_chart
from services.console.sources.forms import credential_inputs
from services.console.sources.mapping_form import lead_rows
from services.console.sources.reads import (
    PlacementChoices,
    read_last_submissions,
    read_placement_choices,
    read_refused_hours,
)
from services.console.sources.setup_steps import setup_steps
from services.console.sources.words import (
    doctor_line,
    kind_word,
    reason_word,
    type_initials,
    type_name,
    type_note,
)
from services.console.submissions.words import submission_line
from services.console.web.access import workspace_page
from services.console.web.form_marks import mark_values
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.integrations.account_claims import APP_SECRET_FIELDS
from shared.integrations.catalogue import PROVIDERS_BY_TYPE
from shared.integrations.integration_check import CheckedStep, check_integration
from shared.integrations.integration_management import (
    DecryptedIntegration,
    IntegrationRow,
    decrypt_integration,
    find_integration,
    integration_record,
)
from shared.integrations.lead_fetchers import LEAD_FETCHERS
from shared.integrations.webhook_trial import sample_request, try_request
from shared.operations.source_report import SourceReport, read_source_reports
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.path_params import path_id

QUESTIONS = ("renew", "delete")
LONG_LIST = 12  # sources from which on the list has a field to filter it


@dataclass
class SentForm:
    """What a form of the page left behind: its texts, its problems by field, and secrets that are shown once."""

    form: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    part: str = ""  # the form that was sent: credentials, settings or backfill
    asked: str = ""
    conflict: str = ""


@dataclass(frozen=True)
class ReadSource:
    """An integration and what was read about it."""

    row: IntegrationRow
    opened: DecryptedIntegration
    report: SourceReport
    steps: list[CheckedStep]
    refused_hours: list[int]
    submissions: list[dict[str, Any]]
    choices: PlacementChoices


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show a source: with `sample` what the sample of its type would become, with `ask` a question."""
    asked = view.request.query.get("ask", "")
    is_asked = asked in QUESTIONS and view.permits(Permission.SET_UP)
    return await render_source(view, path_id(view.request), sent_form=SentForm(asked=asked if is_asked else ""))


async def render_source(
    view: PageView, source_id: int | None, status: int = 200, *, sent_form: SentForm | None = None
) -> web.Response:
    """Return the page of a source, or of all of them: then the most remarkable one is shown beside the list."""
    workspace_id = view.workspace.workspace_id
    async with view.console.reading() as connection:
        reports = sorted(
            (one for one in await read_source_reports(connection, workspace_id) if is_shown(one)), key=_rank
        )
        chosen = source_id or next((one.id for one in reports if one.kind == "integration"), None)
        source = await _read_source(connection, view, reports, chosen) if chosen else None
    return await view.render(
        "sources/list.html",
        status,
        reports=_filtered(view, reports),
        total=len(reports),
        silent=sum(one.is_silent for one in reports),
        refusing=sum(one.is_refusing for one in reports),
        is_long=len(reports) > LONG_LIST,
        search=view.request.query.get("q", "") if source_id is None else "",
        is_list=source_id is None,
        kind_word=lambda report: kind_word(view, report),
        sent_form=sent_form or SentForm(),
        source=source,
        **(_shown(view, source, sent_form or SentForm()) if source else {}),
    )


def is_shown(report: SourceReport) -> bool:
    """Return whether a report is of a source: integrations that only send are none."""
    return report.kind != "integration" or report.type in PROVIDERS_BY_TYPE


async def find_source(connection: Connection, workspace_id: int, id_: int) -> IntegrationRow:
    """Return the integration's row. Raises NotFound, also for one that receives nothing."""
    row = await find_integration(connection, workspace_id, id_)
    if row["type"] not in PROVIDERS_BY_TYPE:
        raise NotFound
    return row


def _rank(report: SourceReport) -> tuple[bool, bool, float]:
    """Refusing and silent ones first, then those that were heard last."""
    seen = report.last_received_at.timestamp() if report.last_received_at else 0.0
    return (not report.is_refusing, not report.is_silent, -seen)


def _filtered(view: PageView, reports: list[SourceReport]) -> list[SourceReport]:
    words = view.request.query.get("q", "").casefold().split()
    return [one for one in reports if all(w in f"{one.name} {kind_word(view, one)}".casefold() for w in words)]


async def _read_source(connection: Connection, view: PageView, reports: list[SourceReport], id_: int) -> ReadSource:
    workspace_id = view.workspace.workspace_id
    row = await find_source(connection, workspace_id, id_)
    opened = decrypt_integration(view.console.cipher, row)
    report = next((one for one in reports if one.kind == "integration" and one.id == id_), None)
    if report is None:  # deleted meanwhile
        raise NotFound
    return ReadSource(
        row,
        opened,
        report,
        await check_integration(connection, workspace_id, row, opened, report),
        await read_refused_hours(connection, workspace_id, id_),
        await read_last_submissions(connection, workspace_id, f"integration:{id_}"),
        await read_placement_choices(connection, workspace_id),
    )


def _shown(view: PageView, source: ReadSource, sent_form: SentForm) -> dict[str, Any]:
    type_, may_change = source.row["type"], view.permits(Permission.SET_UP)
    record = integration_record(view.console.cipher, source.row, view.base_url)
    lines = [doctor_line(view, type_, step) for step in source.steps]
    credentials_form = sent_form.form if sent_form.part == "credentials" else {}
    return {
        "record": record,
        "report": source.report,
        "channel": f"integration:{source.row['id']}",
        "address": record["webhook_url"] if may_change else None,  # it is a secret
        "initials": type_initials(type_),
        "provider_name": type_name(type_),
        "provider_note": type_note(view, type_),
        "docs": PROVIDERS_BY_TYPE[type_].type.docs,
        "lines": lines,
        "well": sum(line.ok is not False for line in lines),
        "chart": source_chart(view, source.report.sparkline, source.refused_hours),
        "has_chart": any(source.report.sparkline) or any(source.refused_hours),
        "reasons": _reasons(view, source.report),
        "submissions": [submission_line(view, row) for row in source.submissions],
        "inputs": credential_inputs(view, PROVIDERS_BY_TYPE[type_].type, record["credentials"], credentials_form),
        "steps": setup_steps(view, type_),
        "settings": _settings_form(record, sent_form),
        "mark": mark_values(shown_settings(source.row)),
        "choices": source.choices,
        "takes_accounts": type_ in APP_SECRET_FIELDS,
        "fetches_leads": type_ in LEAD_FETCHERS,
        "sample": _sample(view, source) if "sample" in view.request.query else None,
        "may_change": may_change,
    }


def shown_settings(row: IntegrationRow) -> dict[str, Any]:
    """Return what the form of settings shows of an integration's row."""
    return {"name": row["name"], "settings": row["settings"]}


def _reasons(view: PageView, report: SourceReport) -> list[tuple[str, int, Any]]:
    """Return why requests were refused within a week: the reason, how often, and when last."""
    found = sorted(report.rejections.items(), key=lambda pair: -pair[1].count_7d)
    return [(reason_word(view, reason), one.count_7d, one.last_at) for reason, one in found]


def _settings_form(record: IntegrationRow, sent_form: SentForm) -> dict[str, str]:
    settings = record["settings"]
    stage, pipeline = settings["pipeline_stage_id"], settings["pipeline_id"]
    texts = ("source", "merge_policy", "event_id", "assigned_user_id", "rate_limit", "silence_after_minutes")
    stored = {
        "name": record["name"],
        **{name: "" if settings[name] is None else str(settings[name]) for name in texts},
        "has_alarm": "1" if settings["silence_after_minutes"] else "",
        "tags": ", ".join(settings["tags"]),
        "accounts": "\n".join(settings["accounts"]),
        "place": f"{pipeline}:{stage}" if stage else f"{pipeline}:" if pipeline else "",
    }
    return {**stored, "has_alarm": "", **sent_form.form} if sent_form.part == "settings" else stored


def _sample(view: PageView, source: ReadSource) -> dict[str, Any]:
    """Return what the sample of the type would become, by the settings and the mapping that are stored."""
    provider = PROVIDERS_BY_TYPE[source.row["type"]]
    record = integration_record(view.console.cipher, source.row, view.base_url)
    sent = sample_request(provider, time.time())
    tried = try_request(provider, record["settings"], source.opened.credentials, sent)
    items = [{**item, "rows": lead_rows(view, item["lead"], hides_values=False)} for item in tried["items"]]
    return {"items": items, "problem": tried["problem"]}
