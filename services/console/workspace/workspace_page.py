"""The page of a workspace's settings. Each section is saved by itself, after its effects were seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.country_words import country_choices
from services.console.web.form_marks import MARK_FIELD, mark_values, outdated_problem
from services.console.web.page_view import PageView
from services.console.web.password_confirmation import confirm_recently
from services.console.workspace import alarm_words, mail_words, reads, words
from services.console.workspace.alarm_forms import shown_texts
from services.console.workspace.section_forms import (
    SECTION_SETTINGS,
    change_digest,
    put_back_query,
    section_values,
    sent_changes,
)
from shared.auth.roles import Permission
from shared.operations.workspace_alarms import ALARM_MEASURES
from shared.outbound.mail_trials import read_mail_trial
from shared.platform.errors import FieldErrors, ValidationFailed
from shared.service_app.audit import audit_as_continued, audit_details
from shared.workspace_changes.alarm_readers import read_offered_users
from shared.workspace_changes.change_effects import preview_effects
from shared.workspace_changes.crowded_contacts import find_crowded
from shared.workspace_changes.setting_effect import SettingEffect
from shared.workspace_changes.workspace_fields import TIME_ZONES, changed_settings, check_fields
from shared.workspace_changes.workspace_record import (
    WorkspaceJson,
    audited_changes,
    change_workspace,
    changed_record,
    read_workspace,
)

WORKSPACE_PAGE = "settings/workspace"


@dataclass
class PendingChange:
    """A change of one section that is not saved: what was sent, and what it would make of the workspace.

    `outdated` says that somebody else has changed the section since its form was shown.
    """

    section: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    before: WorkspaceJson = field(default_factory=dict)
    after: WorkspaceJson = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    errors: FieldErrors = field(default_factory=dict)
    effects: list[SettingEffect] = field(default_factory=list)
    outdated: str = ""

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        return changed_settings(self.before, self.after) if self.after else {}

    @property
    def digest(self) -> str:
        return change_digest(self.before, self.after)


@workspace_page(Permission.ADMINISTER)
async def show(view: PageView) -> web.StreamResponse:
    """Show the settings. With a `section` its fields in the query are a change, whose effects are told."""
    return await _render(view, await _pending_change(view, view.request.query))


@workspace_page(Permission.ADMINISTER)
async def save(view: PageView) -> web.StreamResponse:
    """Save a change of one section, if its effects were seen. Otherwise they are shown first."""
    form = await view.read_fields()
    pending = await _pending_change(view, form)
    if pending.errors:
        return await _render(view, pending, 422)
    if pending.changes and pending.outdated:
        return await _render(view, pending, 409)
    if not pending.changes or form.get("seen") != pending.digest:
        audit_as_continued(view.request)  # nothing is changed
        return await _render(view, pending)
    audit_details(view.request, object=("workspace", view.workspace.workspace_id))
    problem = await confirm_recently(view, form) if pending.section == "retention" else None
    if problem:
        return await _render(view, pending, 422, problem)
    before, after = await _store(view, pending)
    was, now = audited_changes(before, after)
    audit_details(view.request, before=was, after=now)
    view.forget_session_cache()  # it has the workspace's name
    path, saved = view.path(WORKSPACE_PAGE), view.translate("It is saved.")
    if pending.section == "retention":
        view.redirect(path, view.translate("It is saved. What is older goes within the hour."))
    query = put_back_query(pending.section, before, after)
    view.redirect(
        path,
        saved,
        link=view.path(WORKSPACE_PAGE, section=pending.section, **query) + f"#{pending.section}",
        label=view.translate("Put back"),
    )


async def _store(view: PageView, pending: PendingChange) -> tuple[WorkspaceJson, WorkspaceJson]:
    settings, workspace_id, cipher = view.console.settings, view.workspace.workspace_id, view.console.cipher
    return await view.console.writing(
        lambda connection: change_workspace(connection, cipher, settings, workspace_id, pending.fields)
    )


async def _pending_change(view: PageView, form: Mapping[str, str]) -> PendingChange:
    """Return the change that a form or a query asks for, with its effects; none without a known section."""
    settings, workspace_id = view.console.settings, view.workspace.workspace_id
    section = next((name for name in SECTION_SETTINGS if name == form.get("section")), "")
    async with view.console.reading() as connection:
        before = await read_workspace(connection, view.console.cipher, settings, workspace_id)
        if not section:
            return PendingChange(before=before)
        pending = PendingChange(section, form, before)
        pending.outdated = outdated_problem(view, form.get(MARK_FIELD, ""), section_values(section, before))
        sent = sent_changes(section, form, before, pending.errors)
        pending.fields, wrong = check_fields(sent)
        pending.errors |= wrong
        if not pending.errors:
            try:
                pending.after = await changed_record(connection, before, pending.fields, settings)
            except ValidationFailed as refused:
                pending.errors |= refused.errors or {}
        if pending.changes:
            pending.effects = await preview_effects(connection, before, pending.after, settings.keep_days)
    return pending


async def _render(
    view: PageView, pending: PendingChange, status: int = 200, password_problem: str | None = None
) -> web.Response:
    workspace_id, record = view.workspace.workspace_id, pending.after or pending.before
    async with view.console.reading() as connection:
        listed = await reads.count_listed(connection, workspace_id, pending.before["never_join"])
        crowded = await find_crowded(connection, workspace_id)
        trial = await read_mail_trial(connection, workspace_id)
        users = await read_offered_users(connection, workspace_id)
        forms = await reads.count_forms(connection, workspace_id)
    return await view.render(
        "workspace/workspace.html",
        422 if pending.errors else status,
        saved=pending.before,
        record=record,
        pending=pending,
        changes=pending.changes,
        effects=pending.effects,
        errors=words.error_sentences(view, pending.errors),
        words=words,
        mail_words=mail_words,
        listed=listed,
        crowded=crowded[:3],
        trial=trial,
        forms=forms,
        users=users,
        marks={section: mark_values(section_values(section, pending.before)) for section in SECTION_SETTINGS},
        alarm_texts=shown_texts(pending.form if pending.section == "alarms" else {}, record["alarms"]),
        alarm_words=alarm_words,
        alarm_measures=ALARM_MEASURES,
        password_problem=password_problem,
        countries=country_choices(view),
        zones=sorted({*TIME_ZONES, record["timezone"]}),
        workspace_page=WORKSPACE_PAGE,
        keep_days=view.console.settings.keep_days,
    )
