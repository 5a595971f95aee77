"""Leads in words: their name, fields and status. What a reader may not see of persons is masked."""

import re
from collections.abc import Mapping
from typing import Any

from services.console.web.page_view import PageView
from services.console.web.payload_text import VALUE_MASK, shown_value
from services.console.web.translations import mark_message as _
from shared.auth.roles import Permission
from shared.automations.fields import custom_key

STATUS_WORDS: Mapping[str, str] = {
    "new": _("new"),
    "contacted": _("contacted"),
    "qualified": _("qualified"),
    "converted": _("converted"),
    "lost": _("lost"),
}
FIELD_WORDS: Mapping[str, str] = {
    "first_name": _("First name"),
    "last_name": _("Last name"),
    "email": _("E-mail"),
    "email_as_given": _("E-mail as given"),
    "phone": _("Phone"),
    "company": _("Company"),
    "job_title": _("Job title"),
    "country": _("Country"),
    "source": _("Source"),
    "status": _("Status"),
    "lead_score": _("Score"),
    "starred": _("Star"),
    "pipeline_id": _("Pipeline"),
    "pipeline_stage_id": _("Stage"),
    "assigned_user_id": _("Owner"),
    "notes": _("Notes"),
    "tags": _("Tags"),
}
# Fields that tell of the person. The others are the team's work.
PERSON_FIELDS = frozenset(
    (
        *("first_name", "last_name", "email", "email_as_given", "phone", "company", "job_title", "country", "notes"),
        "custom_fields",
    )
)
_COUNTRY_CODE = re.compile(r"[A-Z]{2}")
_NOT_DIALLED = re.compile(r"[\s()./\u00a0-]")
_DIALLED = re.compile(r"\+?[0-9]{3,20}", re.ASCII)
MAX_NAME_LENGTH = 120  # characters of a name that a title or a card shows


def lead_name(view: PageView, record: Mapping[str, Any]) -> str:
    """Return the name of a lead, otherwise its email or phone, otherwise its id."""
    if not view.permits(Permission.SEE_PERSONS):
        return view.translate("hidden for your role")
    parts = (str(record.get(part) or "").strip() for part in ("first_name", "last_name"))
    name = " ".join(filter(None, parts)) or record.get("email") or record.get("phone") or f"#{record['id']}"
    return str(name)[:MAX_NAME_LENGTH]


def dialled_number(text: str | None) -> str:
    """Return a phone as a link dials it. Empty if it is none: what cannot be read stands as it was sent."""
    digits = _NOT_DIALLED.sub("", text or "")
    return digits if _DIALLED.fullmatch(digits) else ""


def times_words(view: PageView, times: int) -> str:
    """Return how often a lead came in."""
    if times == 1:
        return view.translate("Once")
    return view.translate_count("%(n)s time", "%(n)s times", times)


def short_id(lead_id: int) -> str:
    """Return the id of a lead as sentences say it."""
    return f"#{lead_id}"


def status_words(view: PageView) -> dict[str, str]:
    """Return the statuses of leads as people call them."""
    return {status: view.translate(word) for status, word in STATUS_WORDS.items()}


def field_label(view: PageView, field: str) -> str:
    """Return the name of a field. The key of a custom field stands for itself."""
    return custom_key(field) or view.translate_choice(FIELD_WORDS, field)


def shown_person_value(view: PageView, field: str, value: Any) -> str | None:
    """Return a value of a lead as text, masked where the reader may not see persons. None if it is empty."""
    if field == "country" and isinstance(value, str):
        value = country_name(view, value)
    return shown_value(field, value, hides_values=hides_values_of(view, field))


def hides_values_of(view: PageView, field: str) -> bool:
    """Return whether a field tells of a person, and the reader may not see persons."""
    return field.partition(".")[0] in PERSON_FIELDS and not view.permits(Permission.SEE_PERSONS)


def country_name(view: PageView, text: str) -> str:
    """Return a country by its name if it is given by its code."""
    code = text.strip().upper()
    return view.language.locale.territories.get(code, text) if _COUNTRY_CODE.fullmatch(code) else text


def masked_text(view: PageView, text: str) -> str:
    """Return a text that tells of a person, masked where the reader may not see it."""
    return text if view.permits(Permission.SEE_PERSONS) else VALUE_MASK
