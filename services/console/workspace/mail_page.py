"""The mail server of a workspace: chosen and typed first, then seen with what it changes, then saved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.workspace import mail_words, words
from services.console.workspace.mail_form import mail_digest, sent_server, shown_server, without_password
from services.console.workspace.mail_presets import MAIL_PRESETS, find_preset
from services.console.workspace.workspace_page import WORKSPACE_PAGE
from shared.auth.roles import Permission
from shared.platform.errors import FieldErrors, ValidationFailed
from shared.platform.settings import Settings
from shared.service_app.audit import audit_as_continued, audit_details
from shared.workspace_changes.change_effects import preview_effects
from shared.workspace_changes.setting_effect import SettingEffect
from shared.workspace_changes.workspace_fields import check_fields
from shared.workspace_changes.workspace_record import (
    WorkspaceJson,
    audited_changes,
    change_workspace,
    read_workspace,
    with_changes,
)

MAIL_PAGE = f"{WORKSPACE_PAGE}/mail"
MAIL_ANCHOR = "#mail"


@dataclass
class MailReview:
    """A change of the mail server that is not saved, and what it would do. `after` is empty without one."""

    form: Mapping[str, str]
    before: WorkspaceJson
    after: WorkspaceJson = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    errors: FieldErrors = field(default_factory=dict)
    effects: list[SettingEffect] = field(default_factory=list)

    @property
    def digest(self) -> str:
        return mail_digest(self.before, self.after) if self.after else ""


@workspace_page(Permission.ADMINISTER)
async def show(view: PageView) -> web.StreamResponse:
    """Show the server. With a host in the query, or `disconnect`, say what the change would do."""
    review = await _review(view, view.request.query)
    review.errors = without_password(review.errors)
    return await _render(view, review)


@workspace_page(Permission.ADMINISTER)
async def save(view: PageView) -> web.StreamResponse:
    """Save the server, if the effects were seen. The password comes here alone, and is never shown."""
    form = await view.read_fields()
    review = await _review(view, form)
    audit_details(view.request, object=("workspace", view.workspace.workspace_id))
    if review.errors:
        return await _render(view, review)
    if form.get("seen") != review.digest or not review.digest:
        audit_as_continued(view.request)  # nothing is changed
        return await _render(view, review)
    settings, cipher, workspace_id = view.console.settings, view.console.cipher, view.workspace.workspace_id
    before, after = await view.console.writing(
        lambda connection: change_workspace(connection, cipher, settings, workspace_id, review.fields)
    )
    was, now = audited_changes(before, after)
    audit_details(view.request, before=was, after=now)
    sentence = view.translate("It is saved.")
    if after["mail"]["server"]:
        sentence = view.translate("It is saved. Send a test mail to see whether it works.")
    view.redirect(view.path(WORKSPACE_PAGE) + MAIL_ANCHOR, sentence)


async def _review(view: PageView, form: Mapping[str, str]) -> MailReview:
    settings, workspace_id = view.console.settings, view.workspace.workspace_id
    async with view.console.reading() as connection:
        before = await read_workspace(connection, view.console.cipher, settings, workspace_id)
        review = MailReview(form, before)
        if "host" not in form and not form.get("disconnect"):
            return review
        server = None if form.get("disconnect") else sent_server(form)
        review.fields, review.errors = check_fields({"mail": server})
        errors = review.errors
        if not errors:
            try:
                review.after = with_changes(before, review.fields, settings)
            except ValidationFailed as refused:
                review.errors = errors = refused.errors or {}
        if set(errors) == {"mail.password"}:  # the rest is told, and the password is asked for beside it
            review.after = _without_kept_password(before, server, settings)
        if review.after:
            review.effects = await preview_effects(connection, before, review.after, settings.keep_days)
    return review


def _without_kept_password(
    before: WorkspaceJson, server: Mapping[str, Any] | None, settings: Settings
) -> WorkspaceJson:
    return with_changes(before, {"mail": {**(server or {}), "password": None}}, settings)


async def _render(view: PageView, review: MailReview) -> web.Response:
    preset = find_preset(review.form.get("provider", ""))
    is_reviewed = bool(review.after) and not review.form.get("back")
    return await view.render(
        "workspace/mail.html",
        422 if review.errors else 200,
        mail=review.before["mail"],
        server=shown_server(review.form, review.before["mail"], preset),
        preset=preset,
        presets=MAIL_PRESETS,
        review=review,
        is_reviewed=is_reviewed,
        is_disconnecting=bool(review.form.get("disconnect")),
        errors=mail_words.error_sentences(view, review.errors),
        words=words,
        mail_words=mail_words,
        mail_page=MAIL_PAGE,
        workspace_page=WORKSPACE_PAGE,
    )
