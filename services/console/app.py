"""The console's routes and lifetime, to be mounted on an application."""

from aiohttp import web

from services.console.access import anonymous_page
from services.console.context import console_lifetime
from services.console.live_updates import LIVE_UPDATES, LiveUpdates
from services.console.page_view import PageView
from services.console.pages import (
    account,
    api_keys,
    audit_log,
    cause_fix,
    dead_letter_causes,
    dead_letter_list,
    files,
    form_builder,
    form_embedding,
    form_history,
    form_numbers_page,
    form_preview,
    form_publishing,
    forms,
    held_rules,
    job_confirmation,
    job_page,
    job_steering,
    jobs,
    now,
    preferences,
    quarantine,
    queues,
    sign_in,
    site_search,
    source_changes,
    source_connect,
    source_mapping,
    source_page,
    sources,
    submission_page,
    submission_steering,
    submissions,
    system,
    users,
    welcome,
    workspaces,
)
from services.console.static_files import STATIC_ROUTES
from shared.errors import NotFound
from shared.settings import Settings
from shared.web.app import mount_routes
from shared.web.audit import AUDITED_PREFIXES

WORKSPACE_PREFIX = "/console/{workspace}"


@anonymous_page
async def to_console(view: PageView) -> web.StreamResponse:
    """Send a visitor of the root to the console."""
    view.redirect("/console/")


@anonymous_page
async def nothing_here(view: PageView) -> web.StreamResponse:
    """Answer an address below `/console/` that does not exist."""
    raise NotFound


CONSOLE_ROUTES = [
    web.get("/", to_console),
    web.get("/console", to_console),
    web.get("/console/", workspaces.first_page),
    web.get("/console/workspaces", workspaces.index),
    web.get("/console/sign-in", sign_in.show),
    web.post("/console/sign-in", sign_in.submit),
    web.post("/console/sign-out", sign_in.sign_out),
    web.get("/console/forgotten", welcome.ask_reset),
    web.post("/console/forgotten", welcome.request_reset),
    web.get("/console/welcome/{token}", welcome.show),
    web.post("/console/welcome/{token}", welcome.submit),
    web.get("/console/me/account", account.show),
    web.post("/console/me/name", account.rename),
    web.post("/console/me/password", account.change_password),
    web.post("/console/me/second-factor", account.begin_second_factor),
    web.post("/console/me/second-factor/confirm", account.confirm_second_factor),
    web.post("/console/me/second-factor/disable", account.disable_second_factor),
    web.post("/console/me/sessions/{id}/end", account.end_session),
    web.post("/console/me/sessions/end-others", account.end_other_sessions),
    web.post("/console/me/preferences", preferences.change),
    web.get(f"{WORKSPACE_PREFIX}/now", now.show),
    web.get(f"{WORKSPACE_PREFIX}/now/live", now.live),
    web.get(f"{WORKSPACE_PREFIX}/search", site_search.show),
    web.get(f"{WORKSPACE_PREFIX}/palette", site_search.palette),
    web.get(f"{WORKSPACE_PREFIX}/submissions", submissions.show),
    web.get(f"{WORKSPACE_PREFIX}/submissions/live", submissions.live),
    web.get(f"{WORKSPACE_PREFIX}/submissions/selected", submissions.selected),
    web.get(f"{WORKSPACE_PREFIX}/dead-letters", dead_letter_causes.show),
    web.get(f"{WORKSPACE_PREFIX}/dead-letters/live", dead_letter_list.live),
    web.post(f"{WORKSPACE_PREFIX}/dead-letters/{{id}}", dead_letter_causes.change),
    web.get(f"{WORKSPACE_PREFIX}/dead-letters/{{id}}/fix", cause_fix.show),
    web.post(f"{WORKSPACE_PREFIX}/dead-letters/{{id}}/try", cause_fix.try_one),
    web.post(f"{WORKSPACE_PREFIX}/dead-letters/{{id}}/deliveries/{{delivery}}/resend", dead_letter_causes.resend),
    web.get(f"{WORKSPACE_PREFIX}/quarantine", quarantine.show),
    web.get(f"{WORKSPACE_PREFIX}/quarantine/selected", quarantine.confirm_selected),
    web.get(f"{WORKSPACE_PREFIX}/quarantine/rules", held_rules.show),
    web.post(f"{WORKSPACE_PREFIX}/quarantine/rules", held_rules.create),
    web.post(f"{WORKSPACE_PREFIX}/quarantine/rules/{{id}}/delete", held_rules.delete),
    web.post(f"{WORKSPACE_PREFIX}/quarantine/{{id}}/release", quarantine.release),
    web.post(f"{WORKSPACE_PREFIX}/quarantine/{{id}}/reject", quarantine.reject),
    web.get(f"{WORKSPACE_PREFIX}/submissions/{{id}}", submission_page.show),
    web.get(f"{WORKSPACE_PREFIX}/submissions/{{id}}/raw", submission_page.raw),
    web.get(f"{WORKSPACE_PREFIX}/files/{{id}}", files.download),
    web.post(f"{WORKSPACE_PREFIX}/submissions/{{id}}/replay", submission_steering.replay),
    web.post(f"{WORKSPACE_PREFIX}/submissions/{{id}}/release", submission_steering.release),
    web.post(f"{WORKSPACE_PREFIX}/submissions/{{id}}/spam", submission_steering.spam),
    web.post(f"{WORKSPACE_PREFIX}/submissions/{{id}}/fix", submission_steering.fix),
    web.get(f"{WORKSPACE_PREFIX}/queues", queues.show),
    web.get(f"{WORKSPACE_PREFIX}/queues/live", queues.live),
    web.post(f"{WORKSPACE_PREFIX}/queues/{{lane}}/pause", queues.pause),
    web.post(f"{WORKSPACE_PREFIX}/queues/{{lane}}/resume", queues.resume),
    web.get(f"{WORKSPACE_PREFIX}/sources", sources.show),
    web.post(f"{WORKSPACE_PREFIX}/sources", source_connect.create),
    web.get(f"{WORKSPACE_PREFIX}/sources/connect", source_connect.gallery),
    web.get(f"{WORKSPACE_PREFIX}/sources/new", source_connect.new),
    web.get(f"{WORKSPACE_PREFIX}/sources/{{id}}", source_page.show),
    web.post(f"{WORKSPACE_PREFIX}/sources/{{id}}/switch", source_changes.switch),
    web.post(f"{WORKSPACE_PREFIX}/sources/{{id}}/credentials", source_changes.credentials),
    web.post(f"{WORKSPACE_PREFIX}/sources/{{id}}/settings", source_changes.settings),
    web.post(f"{WORKSPACE_PREFIX}/sources/{{id}}/renew", source_changes.renew),
    web.post(f"{WORKSPACE_PREFIX}/sources/{{id}}/delete", source_changes.delete),
    web.get(f"{WORKSPACE_PREFIX}/sources/{{id}}/mapping", source_mapping.show),
    web.post(f"{WORKSPACE_PREFIX}/sources/{{id}}/mapping", source_mapping.save),
    web.post(f"{WORKSPACE_PREFIX}/sources/{{id}}/mapping/preview", source_mapping.preview),
    web.get(f"{WORKSPACE_PREFIX}/forms", forms.show),
    web.post(f"{WORKSPACE_PREFIX}/forms", forms.create),
    web.get(f"{WORKSPACE_PREFIX}/forms/new", forms.new),
    web.get(f"{WORKSPACE_PREFIX}/forms/{{id}}", form_builder.show),
    web.post(f"{WORKSPACE_PREFIX}/forms/{{id}}/draft", form_builder.save),
    web.get(f"{WORKSPACE_PREFIX}/forms/{{id}}/preview", form_preview.show),
    web.get(f"{WORKSPACE_PREFIX}/forms/{{id}}/preview/{{mode}}/form.css", form_preview.stylesheet),
    web.post(f"{WORKSPACE_PREFIX}/forms/{{id}}/publish", form_publishing.publish),
    web.post(f"{WORKSPACE_PREFIX}/forms/{{id}}/discard", form_publishing.discard),
    web.post(f"{WORKSPACE_PREFIX}/forms/{{id}}/switch", form_publishing.switch),
    web.post(f"{WORKSPACE_PREFIX}/forms/{{id}}/delete", form_publishing.delete),
    web.get(f"{WORKSPACE_PREFIX}/forms/{{id}}/embed", form_embedding.show),
    web.get(f"{WORKSPACE_PREFIX}/forms/{{id}}/qr.svg", form_embedding.download_code),
    web.get(f"{WORKSPACE_PREFIX}/forms/{{id}}/test", form_embedding.test),
    web.get(f"{WORKSPACE_PREFIX}/forms/{{id}}/visits/live", form_embedding.live),
    web.get(f"{WORKSPACE_PREFIX}/forms/{{id}}/numbers", form_numbers_page.show),
    web.get(f"{WORKSPACE_PREFIX}/forms/{{id}}/versions", form_history.show),
    web.post(f"{WORKSPACE_PREFIX}/forms/{{id}}/versions/{{version}}/restore", form_history.restore),
    web.get(f"{WORKSPACE_PREFIX}/settings/keys", api_keys.show),
    web.post(f"{WORKSPACE_PREFIX}/settings/keys", api_keys.create),
    web.post(f"{WORKSPACE_PREFIX}/settings/keys/{{id}}/revoke", api_keys.revoke),
    web.get(f"{WORKSPACE_PREFIX}/settings/users", users.show),
    web.post(f"{WORKSPACE_PREFIX}/settings/users", users.invite),
    web.post(f"{WORKSPACE_PREFIX}/settings/users/{{id}}", users.manage),
    web.get(f"{WORKSPACE_PREFIX}/settings/audit-log", audit_log.show),
    web.get(f"{WORKSPACE_PREFIX}/settings/audit-log.csv", audit_log.download),
    web.get(f"{WORKSPACE_PREFIX}/settings/system", system.show),
    web.get(f"{WORKSPACE_PREFIX}/jobs", jobs.show),
    web.get(f"{WORKSPACE_PREFIX}/jobs/live", jobs.live),
    web.get(f"{WORKSPACE_PREFIX}/jobs/confirm", job_confirmation.show),
    web.post(f"{WORKSPACE_PREFIX}/jobs/confirm", job_confirmation.submit),
    web.get(f"{WORKSPACE_PREFIX}/jobs/{{id}}", job_page.show),
    web.get(f"{WORKSPACE_PREFIX}/jobs/{{id}}/live", job_page.live),
    web.get(f"{WORKSPACE_PREFIX}/jobs/{{id}}/outcomes.csv", job_page.download),
    web.post(f"{WORKSPACE_PREFIX}/jobs/{{id}}/follow", job_steering.follow),
    web.post(f"{WORKSPACE_PREFIX}/jobs/{{id}}/rate", job_steering.set_rate),
    web.post(f"{WORKSPACE_PREFIX}/jobs/{{id}}/pause", job_steering.pause),
    web.post(f"{WORKSPACE_PREFIX}/jobs/{{id}}/resume", job_steering.resume),
    web.post(f"{WORKSPACE_PREFIX}/jobs/{{id}}/cancel", job_steering.cancel),
    web.get(f"{WORKSPACE_PREFIX}/more", workspaces.more),
]
FALLBACK_ROUTES = [web.route("*", "/console/{tail:.*}", nothing_here)]


def mount_console(app: web.Application, settings: Settings) -> None:
    """Add the console to an application made by `shared.web.app.make_app`."""
    mount_routes(app, [*STATIC_ROUTES, *CONSOLE_ROUTES, *FALLBACK_ROUTES])
    app[AUDITED_PREFIXES].append("/console/")
    updates = app[LIVE_UPDATES] = LiveUpdates()
    app.on_shutdown.append(updates.end_streams)
    app.cleanup_ctx.append(console_lifetime(settings))
