"""Examples of the answers that most clients read, by operation and status."""

from typing import Any

from shared import __version__

EXAMPLE_SUBMISSION_ID = "01a21e3c-441e-77b7-bb7a-103167db2d9f"
EXAMPLE_LEAD: dict[str, Any] = {
    "id": 1842,
    "first_name": "Sarah",
    "last_name": "Johnson",
    "email": "sarah@example.com",
    "email_as_given": None,
    "phone": "+14155551234",
    "company": "Acme",
    "job_title": None,
    "country": "US",
    "source": "website",
    "status": "new",
    "lead_score": 20,
    "starred": False,
    "pipeline_id": 1,
    "pipeline_stage_id": 1,
    "assigned_user_id": None,
    "notes": None,
    "custom_fields": {"budget": "10000"},
    "tags": ["newsletter"],
    "possible_duplicate_of": None,
    "attribution": None,
    "created_at": "2026-03-28T09:15:00+00:00",
    "updated_at": "2026-03-28T09:15:00+00:00",
}
CREATED_LEAD = {
    "status": "created",
    "lead_id": 1842,
    "is_duplicate": False,
    "submission_id": EXAMPLE_SUBMISSION_ID,
}
ACCEPTED_LEAD = {
    "status": "accepted",
    "lead_id": None,
    "is_duplicate": None,
    "submission_id": EXAMPLE_SUBMISSION_ID,
}
LEADS_URL = "https://leads.example.com/api/v1/leads?cursor="
LEAD_PAGE = {
    "data": [EXAMPLE_LEAD],
    "meta": {"per_page": 1, "next_cursor": "eyJpZCI6MTg0Mn0"},
    "links": {"first": None, "last": None, "prev": None, "next": f"{LEADS_URL}eyJpZCI6MTg0Mn0", "self": LEADS_URL},
}
BATCH_RESULTS = [
    {
        "index": 0,
        "status": "created",
        "submission_id": EXAMPLE_SUBMISSION_ID,
        "lead_id": 1842,
        "is_duplicate": False,
    },
    {
        "index": 1,
        "status": "invalid",
        "submission_id": None,
        "lead_id": None,
        "is_duplicate": None,
        "errors": {"email": ["The email field must be a valid email address."]},
    },
]
ME_RECORD = {
    "id": 7,
    "name": "website",
    "scopes": ["submit:leads"],
    "rate_limit": 1000,
    "expires_at": None,
    "workspace": {"id": 1, "slug": "main", "name": "Main"},
}
RESPONSE_EXAMPLES: dict[tuple[str, int], Any] = {
    ("submit_lead", 201): CREATED_LEAD,
    ("submit_lead", 202): ACCEPTED_LEAD,
    ("submit_form", 201): CREATED_LEAD,
    ("submit_form", 202): ACCEPTED_LEAD,
    ("submit_leads", 200): {"data": BATCH_RESULTS},
    ("list_leads", 200): LEAD_PAGE,
    ("create_lead", 201): {"data": EXAMPLE_LEAD},
    ("get_lead", 200): {"data": EXAMPLE_LEAD},
    ("update_lead", 200): {"data": {**EXAMPLE_LEAD, "status": "qualified"}, "meta": {"ignored": ["lead_score"]}},
    ("get_me", 200): {"data": ME_RECORD},
    ("get_health", 200): {"status": "ok", "version": __version__, "timestamp": "2026-03-28T09:15:00+00:00"},
}
