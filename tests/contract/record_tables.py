"""Which records, bodies and refusals the operations of the API have in the tests."""

from typing import Any

# Bodies whose sense a schema does not tell. All others are the least that their schema allows.
BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/lead-scoring-rules": {"field": "country", "operator": "equals", "value": "US"},
    "/api/v1/integrations": {"type": "webhook"},
    "/api/v1/spam-rules": {"kind": "word"},
    "/api/v1/automations": {
        "trigger": {"type": "manual"},
        "steps": [{"action": {"type": "add_tag", "tag": "sample"}}],
    },
    "/api/v1/automations/{id}/try": {"last": 1},
}

# Which records a field of a body or query, or a parameter of a path, speaks of.
STAGE = "/api/v1/pipelines/{pipeline_id}/stages/{stage_id}"
NOUNS = {
    "pipeline_id": "/api/v1/pipelines/{id}",
    "pipeline_stage_id": STAGE,
    "stage_id": STAGE,
    "from_stage_id": STAGE,
    "to_stage_id": STAGE,
    "assigned_user_id": "/api/v1/users/{id}",
    "user_id": "/api/v1/users/{id}",
    "round_robin": "/api/v1/users/{id}",
    "to": "/api/v1/users/{id}",
    "user_ids": "/api/v1/users/{id}",
    "users": "/api/v1/users/{id}",
    "form_id": "/api/v1/forms/{id}",
    "integration_id": "/api/v1/integrations/{id}",
    "lead_id": "/api/v1/leads/{id}",
    "merge_id": "/api/v1/leads/{id}/merges/{merge_id}",
    "cause": "/api/v1/operations/causes/{id}",
    "subscription_id": "/api/v1/webhooks/{id}",
    "ids": "/api/v1/deliveries/{id}",
    "into": "/api/v1/tags/{id}",
}
# In a query an event is an entry of a timeline, and leads go to a stage.
QUERY_NOUNS = {**NOUNS, "event": "/api/v1/leads/{id}/activities/{event}", "to": STAGE}

# What the least of all records cannot do: it is refused as it should be.
REFUSED = {
    **dict.fromkeys(
        (f"POST /api/v1/submissions/{{id}}/{action}" for action in ("replay", "release", "reject")),
        409,  # it is done
    ),
    **dict.fromkeys(
        (f"POST /api/v1/jobs/{{id}}/{action}" for action in ("pause", "resume", "cancel")),
        409,  # it has ended
    ),
    "PATCH /api/v1/jobs/{id}": 409,
    "POST /api/v1/tags/{id}/merge": 422,  # into itself
    "POST /api/v1/leads/import": 415,  # it is no form
    "POST /api/v1/imports/{id}/run": 409,  # it is no dry run
    "POST /api/v1/imports/{id}/cancel": 409,  # it has ended
    # Generic webhooks have no handshake, and are posted.
    **dict.fromkeys((f"{method} /api/inbound/webhooks/{{token}}" for method in ("GET", "PUT", "PATCH")), 405),
    "POST /api/v1/integrations/{id}/backfill": 409,  # they bring their leads along
    "POST /api/v1/forms/{id}/publish": 409,  # they have no draft
    "POST /api/v1/integrations/{id}/test-event": 409,  # they send no conversions
    "GET /api/v1/workspace/mail-test": 404,  # none was sent
    **dict.fromkeys((f"POST /api/v1/workspace/{kind}-test" for kind in ("mail", "alarm")), 409),  # there is no server
}
