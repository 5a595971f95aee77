"""The records of the demo's workspace, apart from its leads. Names stand where ids will be. Pure."""

from typing import Any

from demo.demo_receivers import FAILING_PATH, GONE_PATH, QUICK_PATH, SLACK_PATH, SLOW_PATH
from demo.sample_names import SEAT_CHOICES

USERS: tuple[tuple[str, str, str, bool], ...] = (  # name, the first part of the address, role, active
    ("Iben Solvang", "iben", "admin", True),
    ("Rasmus Kvisthave", "rasmus", "manager", True),
    ("ليلى البستاني", "layla", "manager", True),
    ("Yusuf Al-Rihani", "yusuf", "agent", True),
    ("Meera Chandrapur", "meera", "agent", True),
    ("Corentin Rivelaine", "corentin", "agent", True),
    ("Folasade Okonweze", "folasade", "agent", True),
    ("Jagoda Wiśnioletski", "jagoda", "agent", False),
    ("明慧 欧阳", "minghui", "agent", True),
    ("Clementine Thistlewick", "clementine", "read_only", True),
)
AGENTS = tuple(name for name, _, role, is_active in USERS if role == "agent" and is_active)

PIPELINES: tuple[dict[str, Any], ...] = (
    {
        "name": "Partners",
        "description": "Resellers and agencies",
        "stages": [
            {"name": "Applied", "color": "#3f6fd8"},
            {"name": "In talks", "color": "#8a5cd1"},
            {"name": "Contract sent", "color": "#c98a1b"},
            {"name": "Signed", "color": "#1f8a4c", "is_won": True},
            {"name": "Declined", "color": "#b3372f", "is_lost": True},
        ],
    },
)
TAGS = {
    "webinar": "#3f6fd8",
    "partner": "#8a5cd1",
    "campaign": "#c98a1b",
    "trade fair": "#1f8a4c",
    "newsletter": "#5b6770",
    "vip": "#b3372f",
    "known again": "#0f8b8d",
    "followed up": "#7a7f3a",
}
MADE_UP_SECRET = "made-up"  # noqa: S105 - it protects nothing
PRICING_FORM_NAME = "Pricing"
FORMS: tuple[dict[str, Any], ...] = (
    {
        "name": PRICING_FORM_NAME,
        "fields": [
            {"key": "full_name", "label": "Name", "type": "text", "required": True, "maps_to": "full_name"},
            {"key": "email", "label": "E-mail", "type": "email", "required": True, "maps_to": "email"},
            {"key": "phone", "label": "Phone", "type": "phone", "maps_to": "phone"},
            {"key": "company", "label": "Company", "type": "text", "maps_to": "company"},
            {
                "key": "seats",
                "label": "How many people would use it?",
                "type": "radio",
                "options": list(SEAT_CHOICES),
                "maps_to": "custom_fields.seats",
            },
            {"key": "message", "label": "What should we know?", "type": "textarea", "maps_to": "notes"},
            {
                "key": "consent",
                "label": "Consent",
                "type": "consent",
                "required": True,
                "consent_text": "I agree that Nordlys Trading keeps my answers in order to send me an offer.",
            },
        ],
        "settings": {
            "title": "Prices for your team",
            "intro": "Three questions, and an offer by tomorrow noon. A person reads every message.",
            "submit_label": "Ask for prices",
            "success_message": "Thank you. Iben Solvang reads this today, calls you tomorrow before noon, and sends "
            "the offer by mail. You can answer that mail at any time.",
            "source": "Website, pricing form",
            "tags": ["pricing"],
            "theme": {"accent": "#0b6e99"},
        },
    },
    {
        "name": "اتصل بنا",
        "fields": [
            {"key": "full_name", "label": "الاسم", "type": "text", "required": True, "maps_to": "full_name"},
            {"key": "email", "label": "البريد الإلكتروني", "type": "email", "required": True, "maps_to": "email"},
            {"key": "message", "label": "الرسالة", "type": "textarea", "maps_to": "notes"},
        ],
        "settings": {"language": "ar"},
    },
)
SCORING_RULES: tuple[dict[str, Any], ...] = (
    {"field": "phone", "operator": "is_not_empty", "points": 10},
    {"field": "custom_fields.budget", "operator": "greater_than", "value": 15_000, "points": 25},
    {"field": "custom_fields.seats", "operator": "greater_than", "value": 30, "points": 20},
    {"field": "tags", "operator": "contains", "value": "vip", "points": 30},
    {"field": "job_title", "operator": "in", "value": ["Founder", "CFO", "Sales director"], "points": 15},
    {"field": "custom_fields.attended", "operator": "equals", "value": True, "points": 10},
)
SLACK_NAME, OLD_SLACK_NAME, SMS_NAME = "Slack, sales", "Slack, the old workspace", "Twilio"


def _act(kind: str, **members: Any) -> dict[str, Any]:
    return {"action": {"type": kind, **members}}


# Automations that name no other record.
WELCOME_AUTOMATION = {
    "name": "Welcome mail",
    "description": "For people who asked for something, not for uploads",
    "trigger": {"type": "lead_created", "sources": ["Webinar tool", "Zapier, ads"]},
    "steps": [
        {"condition": {"field": "email", "operator": "is_not_empty"}},
        _act("send_email", to="lead", subject="Hello {{ first_name }}", body="Thank you for your interest."),
    ],
}
WEBINAR_AUTOMATION = {
    "name": "Webinar follow-up",
    "trigger": {"type": "tag_added", "tag": "webinar"},
    "steps": [
        {"delay": {"minutes": 2}},
        _act("send_email", to="lead", subject="The recording", body="Here it is, {{ first_name }}."),
        _act("add_tag", tag="followed up"),
    ],
}
REPEAT_AUTOMATION = {
    "name": "Known again",
    "trigger": {"type": "duplicate_received"},
    "steps": [_act("add_tag", tag="known again"), _act("adjust_score", points=5)],
}
INACTIVITY_AUTOMATION = {
    "name": "Forgotten leads",
    "trigger": {"type": "no_activity", "minutes": 3 * 24 * 60},
    "steps": [_act("create_task", title="{{ first_name }} waits for an answer", due_in_hours=8)],
}


def integrations(receiver_url: str) -> list[dict[str, Any]]:
    """Return integrations whose messages go to the demo's receivers."""
    twilio = {"account_sid": "AC00000000000000000000000000000000", "auth_token": "made-up", "from": "+15555550100"}
    return [
        {"type": "slack", "name": SLACK_NAME, "credentials": {"webhook_url": receiver_url + SLACK_PATH}},
        {"type": "slack", "name": OLD_SLACK_NAME, "credentials": {"webhook_url": receiver_url + GONE_PATH}},
        {"type": "twilio", "name": SMS_NAME, "credentials": twilio},
        {"type": "typeform", "name": "Typeform, customer survey", "credentials": {"secret": MADE_UP_SECRET}},
    ]


def webhooks(receiver_url: str) -> list[dict[str, Any]]:
    """Return subscriptions to the demo's receivers, one of each temper."""
    return [
        {
            "url": receiver_url + QUICK_PATH,
            "description": "Data warehouse: answers at once",
            "events": ["lead.created", "lead.updated", "lead.duplicate"],
        },
        {
            "url": receiver_url + SLOW_PATH,
            "description": "Old ERP: takes four seconds to answer",
            "events": ["lead.assigned"],
        },
        {
            "url": receiver_url + FAILING_PATH,
            "description": "Mailing list: mostly answers 503",
            "events": ["form.submitted", "lead.stage_changed"],
        },
    ]


def automations(receiver_url: str, ids: dict[str, int]) -> list[dict[str, Any]]:
    """Return automations. `ids` are those of users, forms and integrations by name, and of stages by `stage:` name."""
    return [
        WELCOME_AUTOMATION,
        _budget_automation(ids),
        _pricing_automation(receiver_url, ids),
        WEBINAR_AUTOMATION,
        _score_automation(ids),
        REPEAT_AUTOMATION,
        _fair_automation(ids),
        _partner_automation(ids),
        INACTIVITY_AUTOMATION,
    ]


def _budget_automation(ids: dict[str, int]) -> dict[str, Any]:
    has_budget = {"field": "custom_fields.budget", "operator": "greater_than", "value": 10_000}
    return {
        "name": "Large budgets",
        "description": "To an agent in turn, with a task for tomorrow",
        "trigger": {"type": "lead_created"},
        "steps": [
            {"condition": {"all": [has_budget, {"field": "company", "operator": "is_not_empty"}]}},
            _act("assign_user", round_robin=_agent_ids(ids)),
            _act("notify_slack", integration_id=ids[SLACK_NAME], text="{{ company }} has a large budget"),
            _act("create_task", title="Call {{ first_name }}", due_in_hours=24),
        ],
    }


def _pricing_automation(receiver_url: str, ids: dict[str, int]) -> dict[str, Any]:
    return {
        "name": "Pricing requests",
        "trigger": {"type": "form_submitted", "form_id": ids[PRICING_FORM_NAME]},
        "steps": [
            _act("assign_user", round_robin=_agent_ids(ids)),
            _act("send_webhook", url=f"{receiver_url}{QUICK_PATH}?crm=1", secret=MADE_UP_SECRET),
            _act("notify_users", to="assigned", text="{{ first_name }} asks for prices"),
        ],
    }


def _score_automation(ids: dict[str, int]) -> dict[str, Any]:
    return {
        "name": "Warm leads",
        "trigger": {"type": "lead_score_crossed", "threshold": 30, "direction": "above"},
        "steps": [_act("set_status", status="qualified"), _act("move_stage", stage_id=ids["stage:Qualified"])],
    }


def _fair_automation(ids: dict[str, int]) -> dict[str, Any]:
    return {
        "name": "Text to visitors of the fair",
        "trigger": {"type": "tag_added", "tag": "trade fair"},
        "steps": [
            {"condition": {"field": "phone", "operator": "is_not_empty"}},
            _act("send_sms", integration_id=ids[SMS_NAME], body="See you in hall {{ custom_fields.hall }}!"),
        ],
    }


def _partner_automation(ids: dict[str, int]) -> dict[str, Any]:
    return {
        "name": "Partners to the old Slack",
        "description": "Its receiver is gone: these deliveries fail",
        "trigger": {"type": "tag_added", "tag": "partner"},
        "steps": [_act("notify_slack", integration_id=ids[OLD_SLACK_NAME], text="{{ company }} is a new partner")],
    }


def _agent_ids(ids: dict[str, int]) -> list[int]:
    return [ids[name] for name in AGENTS]
