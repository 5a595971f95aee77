"""The names of operations, after which generated clients call their methods: list_leads, create_lead.

A name is a verb and a noun in snake case, and stays when a handler is renamed: what the rule below would call otherwise
stands in the table.
"""

from aiohttp import web

from services.api.openapi.path_words import static_parts

OPERATION_NAMES = {
    "GET /api/v1/operations": "get_operations",
    "GET /api/v1/operations/history": "get_operations_history",
    "GET /api/v1/audit-log": "list_audit_entries",
    "GET /api/v1/identities/crowded": "list_crowded_contacts",
    "GET /api/v1/imports/{id}/rows": "list_import_rows",
    "GET /api/v1/imports/{id}/rows.csv": "download_import_rows",
    "POST /api/v1/leads/import": "import_leads",
    "GET /api/v1/leads/export": "export_leads",
    "POST /api/v1/leads/{id}/tags": "add_lead_tag",
    "DELETE /api/v1/leads/{id}/tags/{tag}": "remove_lead_tag",
    "GET /api/v1/leads/{id}/activities": "list_lead_activities",
    "POST /api/v1/leads/{id}/activities": "log_lead_activity",
    "GET /api/v1/leads/{id}/duplicates": "list_lead_duplicates",
    "GET /api/v1/leads/{id}/merges": "list_lead_merges",
    "GET /api/v1/leads/{id}/person": "get_person_report",
    "GET /api/v1/forms/{id}/submissions": "list_form_submissions",
    "POST /api/v1/forms/{id}/submissions": "submit_form",
    "GET /api/v1/forms/{id}/draft": "get_form_draft",
    "PUT /api/v1/forms/{id}/draft": "save_form_draft",
    "DELETE /api/v1/forms/{id}/draft": "discard_form_draft",
    "GET /api/v1/forms/{id}/versions": "list_form_versions",
    "GET /api/v1/forms/{id}/numbers": "get_form_numbers",
    "POST /api/v1/forms/{id}/versions/{version}/restore": "restore_form_version",
    "POST /api/v1/submissions/replay": "replay_submissions",
    "POST /api/v1/submissions/release": "release_submissions",
    "POST /api/v1/submissions/reject": "reject_submissions",
    "GET /api/v1/submissions/{id}/raw": "download_submission_body",
    "GET /api/v1/submissions/{id}/versions": "list_submission_versions",
    "GET /api/v1/jobs/{id}/items": "list_job_items",
    "DELETE /api/v1/tags/{id}/aliases/{alias}": "delete_tag_alias",
    "GET /api/v1/automations/{id}/runs": "list_automation_runs",
    "POST /api/v1/automations/{id}/try": "try_automation",
    "GET /api/v1/lead-scoring-rules": "list_scoring_rules",
    "POST /api/v1/lead-scoring-rules": "create_scoring_rule",
    "GET /api/v1/lead-scoring-rules/{id}": "get_scoring_rule",
    "PUT /api/v1/lead-scoring-rules/{id}": "put_scoring_rule",
    "PATCH /api/v1/lead-scoring-rules/{id}": "update_scoring_rule",
    "DELETE /api/v1/lead-scoring-rules/{id}": "delete_scoring_rule",
    "POST /api/v1/lead-scoring-rules/preview": "preview_scoring_rules",
    "POST /api/v1/lead-scoring-rules/recalculate": "recalculate_scores",
    "GET /api/v1/integrations/types": "list_integration_types",
    "POST /api/v1/integrations/{id}/rotate-url": "rotate_integration_url",
    "POST /api/v1/integrations/{id}/backfill": "backfill_integration",
    "POST /api/v1/integrations/{id}/test-event": "send_conversion_test",
    "POST /api/v1/integrations/{id}/try": "try_integration",
    "POST /api/v1/webhooks/{id}/rotate-secret": "rotate_webhook_secret",
    "POST /api/v1/webhooks/{id}/test": "test_webhook",
    "GET /api/v1/webhooks/samples": "list_event_samples",
    "GET /api/v1/webhooks/events": "list_event_types",
    "POST /api/v1/webhooks/preview": "preview_webhook",
    "GET /api/v1/webhooks/{id}/deliveries": "list_webhook_deliveries",
    "POST /api/v1/webhooks/{id}/resend": "resend_failed_deliveries",
    "POST /api/v1/deliveries/resend": "resend_deliveries",
    "GET /u/{token}": "show_unsubscribe_page",
    "POST /u/{token}": "unsubscribe_address",
    "GET /api/v1/openapi.json": "get_openapi_document",
    "GET /api/documentation": "show_documentation",
    "POST /api/inbound/leads": "submit_lead",
    "POST /api/inbound/leads/batch": "submit_leads",
    "GET /api/inbound/webhooks/{token}": "answer_handshake",
    "POST /api/inbound/webhooks/{token}": "receive_webhook",
    "PUT /api/inbound/webhooks/{token}": "put_received_webhook",
    "PATCH /api/inbound/webhooks/{token}": "patch_received_webhook",
    "GET /api/v1/health": "get_health",
}
VERBS_BY_HANDLER = {"index": "list", "show": "get"}


def operation_name(route: web.RouteDef) -> str:
    """Return the name of the operation at a route."""
    known = OPERATION_NAMES.get(f"{route.method} {route.path}")
    if known:
        return known
    handler, parts = route.handler.__name__, static_parts(route.path)
    nouns = [part.replace("-", "_") for part in parts if part.replace("-", "_") != handler] or [handler]
    noun = nouns[-1] if handler == "index" else _singular(nouns[-1])
    verb = "put" if is_twin(route) else VERBS_BY_HANDLER.get(handler, handler)
    return verb if "_" in verb else f"{verb}_{noun}"


def is_twin(route: web.RouteDef) -> bool:
    """Return whether the route does what another one with its path and handler does, so that a client needs one."""
    further_methods = {"update": ("PUT",), "receive_webhook": ("PUT", "PATCH")}
    return route.method in further_methods.get(route.handler.__name__, ())


def _singular(noun: str) -> str:
    return noun.removesuffix("ies") + "y" if noun.endswith("ies") else noun.removesuffix("s")
