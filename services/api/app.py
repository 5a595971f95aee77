"""The REST API's routes and lifetime, to be mounted on an application."""

from collections.abc import Sequence
from types import ModuleType

from aiohttp import hdrs, web

from services.api.context import api_lifetime
from services.api.event_waiters import answer_waiting, event_waiters_lifetime
from services.api.openapi import event_catalogue
from services.api.openapi import handlers as openapi
from services.api.read_timeout import with_timeout
from services.api.resources import (
    api_keys,
    audit_log,
    automation_answers,
    automations,
    backfills,
    causes,
    conversion_trials,
    deliveries,
    duplicates,
    event_samples,
    events,
    files,
    form_numbers,
    form_versions,
    forms,
    identities,
    imports,
    integrations,
    jobs,
    lead_export,
    lead_list,
    leads,
    me,
    merges,
    operations,
    person_data,
    pipelines,
    retention,
    scoring,
    sources,
    spam_rules,
    stages,
    submission_actions,
    submissions,
    suppressions,
    tags,
    tasks,
    users,
    webhook_previews,
    webhooks,
    workspace,
    workspace_alarms,
    workspace_mail,
)
from shared.audit.agent_calls import AgentCallLimit
from shared.platform.settings import Settings
from shared.service_app.app import mount_routes


def resource_routes(path: str, handlers: ModuleType, id_name: str = "id") -> list[web.RouteDef]:
    """Return the six routes of a resource: index, create, show, update (by PUT and PATCH) and delete."""
    record_path = f"{path}/{{{id_name}}}"
    return [
        web.get(path, handlers.index),
        web.post(path, handlers.create),
        web.get(record_path, handlers.show),
        web.put(record_path, handlers.update),
        web.patch(record_path, handlers.update),
        web.delete(record_path, handlers.delete),
    ]


ROUTES = [
    web.get("/api/v1/me", me.show),
    web.get("/api/v1/leads", lead_list.index),
    web.post("/api/v1/leads", leads.create),
    web.post("/api/v1/leads/import", imports.create),
    web.get("/api/v1/imports", imports.index),
    web.get("/api/v1/imports/{id}", imports.show),
    web.get("/api/v1/imports/{id}/rows", imports.rows),
    web.post("/api/v1/imports/{id}/run", imports.run),
    web.post("/api/v1/imports/{id}/cancel", imports.cancel),
    web.post("/api/v1/imports/{id}/undo", imports.undo),
    web.get("/api/v1/leads/{id}", leads.show),
    web.put("/api/v1/leads/{id}", leads.update),
    web.patch("/api/v1/leads/{id}", leads.update),
    web.delete("/api/v1/leads/{id}", leads.delete),
    web.post("/api/v1/leads/{id}/tags", leads.add_tag),
    web.delete("/api/v1/leads/{id}/tags/{tag}", leads.remove_tag),
    web.get("/api/v1/leads/{id}/activities", leads.activities),
    web.post("/api/v1/leads/{id}/activities", leads.log),
    web.get("/api/v1/leads/{id}/duplicates", duplicates.of_lead),
    web.get("/api/v1/leads/{id}/person", person_data.report),
    web.post("/api/v1/leads/{id}/erase", person_data.erase),
    web.get("/api/v1/workspace", workspace.show),
    web.put("/api/v1/workspace", workspace.update),
    web.patch("/api/v1/workspace", workspace.update),
    web.get("/api/v1/workspace/mail-test", workspace_mail.show),
    web.post("/api/v1/workspace/mail-test", workspace_mail.send),
    web.post("/api/v1/workspace/alarm-test", workspace_alarms.send),
    web.get("/api/v1/identities/crowded", identities.crowded),
    web.get("/api/v1/retention", retention.show),
    web.put("/api/v1/retention", retention.update),
    web.patch("/api/v1/retention", retention.update),
    web.post("/api/v1/leads/{id}/merge", merges.merge),
    web.post("/api/v1/leads/{id}/unmerge", merges.unmerge),
    web.get("/api/v1/leads/{id}/merges", merges.index),
    web.get("/api/v1/duplicates", duplicates.index),
    web.post("/api/v1/duplicates/{id}/dismiss", duplicates.dismiss),
    web.post("/api/v1/duplicates/{id}/reopen", duplicates.reopen),
    web.get("/api/v1/operations", operations.show),
    web.get("/api/v1/operations/causes", causes.index),
    web.get("/api/v1/operations/causes/{id}", causes.show),
    web.patch("/api/v1/operations/causes/{id}", causes.update),
    web.get("/api/v1/audit-log", audit_log.index),
    web.get("/api/v1/operations/history", operations.history),
    web.post("/api/v1/operations/lanes/{lane}/pause", operations.pause),
    web.post("/api/v1/operations/lanes/{lane}/resume", operations.resume),
    *resource_routes("/api/v1/forms", forms),
    web.get("/api/v1/forms/{id}/submissions", forms.submissions),
    web.get("/api/v1/forms/{id}/draft", form_versions.show_draft),
    web.put("/api/v1/forms/{id}/draft", form_versions.save_draft),
    web.delete("/api/v1/forms/{id}/draft", form_versions.discard_draft),
    web.post("/api/v1/forms/{id}/publish", form_versions.publish),
    web.get("/api/v1/forms/{id}/versions", form_versions.versions),
    web.get("/api/v1/forms/{id}/numbers", form_numbers.show),
    web.post("/api/v1/forms/{id}/versions/{version}/restore", form_versions.restore),
    web.get("/api/v1/submissions", submissions.index),
    web.post("/api/v1/submissions/replay", submission_actions.replay_all),
    web.post("/api/v1/submissions/release", submission_actions.release_all),
    web.post("/api/v1/submissions/reject", submission_actions.reject_all),
    web.get("/api/v1/submissions/{id}", submissions.show),
    web.get("/api/v1/submissions/{id}/raw", submissions.raw),
    web.get("/api/v1/submissions/{id}/versions", submissions.versions),
    web.post("/api/v1/submissions/{id}/replay", submission_actions.replay),
    web.post("/api/v1/submissions/{id}/release", submission_actions.release),
    web.post("/api/v1/submissions/{id}/reject", submission_actions.reject),
    web.get("/api/v1/jobs", jobs.index),
    web.get("/api/v1/jobs/{id}", jobs.show),
    web.patch("/api/v1/jobs/{id}", jobs.update),
    web.get("/api/v1/jobs/{id}/items", jobs.items),
    web.post("/api/v1/jobs/{id}/pause", jobs.pause),
    web.post("/api/v1/jobs/{id}/resume", jobs.resume),
    web.post("/api/v1/jobs/{id}/cancel", jobs.cancel),
    *resource_routes("/api/v1/pipelines", pipelines),
    *resource_routes("/api/v1/pipelines/{pipeline_id}/stages", stages, "stage_id"),
    *resource_routes("/api/v1/tags", tags),
    web.post("/api/v1/tags/{id}/merge", tags.merge),
    web.delete("/api/v1/tags/{id}/aliases/{alias}", tags.delete_alias),
    *resource_routes("/api/v1/users", users),
    *resource_routes("/api/v1/api-keys", api_keys),
    *resource_routes("/api/v1/tasks", tasks),
    *resource_routes("/api/v1/automations", automations),
    web.get("/api/v1/automations/{id}/runs", automations.runs),
    web.post("/api/v1/automations/{id}/run", automations.run),
    web.get("/api/v1/automations/{id}/explain", automation_answers.explain),
    web.post("/api/v1/automations/{id}/try", automation_answers.try_out),
    web.post("/api/v1/lead-scoring-rules/preview", scoring.preview),
    web.post("/api/v1/lead-scoring-rules/recalculate", scoring.recalculate),
    *resource_routes("/api/v1/lead-scoring-rules", scoring),
    web.get("/api/v1/integrations/types", integrations.types),
    *resource_routes("/api/v1/integrations", integrations),
    web.post("/api/v1/integrations/{id}/rotate-url", integrations.rotate_url),
    web.post("/api/v1/integrations/{id}/backfill", backfills.create),
    web.post("/api/v1/integrations/{id}/test-event", conversion_trials.create),
    web.get("/api/v1/integrations/{id}/check", sources.check),
    web.post("/api/v1/integrations/{id}/try", sources.try_body),
    web.get("/api/v1/sources", sources.index),
    web.get("/api/v1/webhooks/samples", event_samples.index),
    web.get("/api/v1/webhooks/events", event_catalogue.index),
    web.post("/api/v1/webhooks/preview", webhook_previews.create),
    *resource_routes("/api/v1/webhooks", webhooks),
    web.post("/api/v1/webhooks/{id}/rotate-secret", webhooks.rotate_secret),
    web.post("/api/v1/webhooks/{id}/test", webhooks.send_test),
    web.get("/api/v1/webhooks/{id}/deliveries", deliveries.of_webhook),
    web.post("/api/v1/webhooks/{id}/resend", deliveries.resend_failed),
    web.get("/api/v1/deliveries", deliveries.index),
    web.post("/api/v1/deliveries/resend", deliveries.resend_all),
    web.get("/api/v1/deliveries/{id}", deliveries.show),
    web.post("/api/v1/deliveries/{id}/resend", deliveries.resend),
    web.get("/api/v1/spam-rules", spam_rules.index),
    web.post("/api/v1/spam-rules", spam_rules.create),
    web.delete("/api/v1/spam-rules/{id}", spam_rules.delete),
    web.get("/api/v1/suppressions", suppressions.index),
    web.post("/api/v1/suppressions", suppressions.create),
    web.delete("/api/v1/suppressions/{id}", suppressions.delete),
    web.get("/u/{token}", suppressions.ask),
    web.post("/u/{token}", suppressions.unsubscribe),
]


# Without the time limit of reads: who downloads may be slow, and who reads events may wait for them.
DOWNLOAD_ROUTES = [
    web.get("/api/v1/events", events.index),
    web.get("/api/v1/files/{id}", files.download),
    web.get("/api/v1/leads/export", lead_export.export),
    web.get("/api/v1/imports/{id}/rows.csv", imports.rows_csv),
]


def with_read_timeout(route: web.RouteDef) -> web.RouteDef:
    """Give a read a time limit. A write gets none, since its outcome would be unknown."""
    if route.method != hdrs.METH_GET:
        return route
    return web.RouteDef(route.method, route.path, with_timeout(route.handler), route.kwargs)


def mount_api(app: web.Application, settings: Settings, *, beside: Sequence[web.RouteDef] = ()) -> None:
    """Add the API to an application made by `make_app`. `beside` are routes that other services answer at the same
    address; the document describes them too."""
    routes = [*(with_read_timeout(route) for route in ROUTES), *DOWNLOAD_ROUTES, *openapi.ROUTES]
    mount_routes(app, [*routes, *openapi.FILE_ROUTES])
    app[me.AGENT_CALL_LIMIT] = AgentCallLimit()
    openapi.prepare_documentation(app, [*routes, *beside], settings.public_url)
    app.cleanup_ctx.append(api_lifetime(settings))
    app.cleanup_ctx.append(event_waiters_lifetime)
    app.on_shutdown.append(answer_waiting)
