"""Events for Meta's Conversions API for CRM. Pure.

Sources: https://developers.facebook.com/documentation/ads-commerce/conversions-api/conversion-leads-integration/payload-specification
(payload, seven days), https://developers.facebook.com/documentation/ads-commerce/conversions-api/using-the-api (batches
of 1,000, of which one bad event discards all), https://developers.facebook.com/docs/graph-api/guides/error-handling.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from services.workers.conversions.conversion_eligibility import click_id, generated_at
from services.workers.conversions.conversion_types import (
    ConversionPerson,
    LeadConversion,
    PlatformAccess,
    PlatformAnswer,
    PlatformCall,
    PlatformProblem,
    SkipReason,
)
from services.workers.conversions.person_hashes import (
    country_code,
    normalise_address,
    normalise_person_name,
    phone_digits,
    sha256_hex,
)
from shared.integrations.providers.meta_lead_ads_fetching import (
    PERMISSION_CODES,
    RATE_LIMIT_CODES,
    TOKEN_CODES,
    VERSION_CODES,
)
from shared.integrations.reading.untrusted_json import dict_at, text_at

META_PLATFORMS = ("meta", "facebook", "instagram", "messenger")
# Meta refuses a batch with an event that is older. The hour is for clocks that differ, and for the time under way.
MAX_EVENT_AGE = timedelta(days=7) - timedelta(hours=1)
# Meta learns from stages that a lead of a lead ad reaches within this time.
MAX_AD_LEAD_AGE = timedelta(days=28)
MAX_CLOCK_DIFFERENCE = timedelta(minutes=5)
TRANSIENT_CODES = ("1", "2")
PARAMETER_CODE, OBJECT_SUBCODE = "100", "33"

_match_browser_id = re.compile(r"fb\.[0-9]\.[0-9]{10,13}\.[A-Za-z0-9_.~-]{1,500}").fullmatch
_match_lead_id = re.compile(r"[0-9]{15,17}").fullmatch  # of another length Meta refuses the whole batch


def meta_skip_reason(conversion: LeadConversion, now: datetime) -> SkipReason | None:
    """Return why Meta would not take the event, or learn nothing from it."""
    if now - _event_time(conversion) > MAX_EVENT_AGE:
        return "event_too_old"
    attribution = _ad_lead(conversion)
    if attribution and conversion.occurred_at - generated_at(conversion, attribution) > MAX_AD_LEAD_AGE:
        return "lead_too_old"
    return None if _user_data(conversion) else "no_identifier"


def meta_call(access: PlatformAccess, conversions: Sequence[LeadConversion], *, is_test: bool) -> PlatformCall:
    """Return the request that sends the events. The token stands in a header, never in the address or the body."""
    body: dict[str, Any] = {"data": [meta_event(one, access.settings["lead_event_source"]) for one in conversions]}
    if is_test:
        body["test_event_code"] = access.settings["test_event_code"]
    dataset = access.credentials["dataset_id"].replace("-", "")
    url = f"{access.base_url.rstrip('/')}/{quote(access.version, safe='')}/{quote(dataset, safe='')}/events"
    headers = {"Authorization": f"Bearer {access.credentials['access_token']}"}
    return PlatformCall(url, headers, json.dumps(body, separators=(",", ":")).encode())


def meta_event(conversion: LeadConversion, source_name: str) -> dict[str, Any]:
    """Return the event as Meta wants it."""
    custom: dict[str, Any] = {"event_source": "crm", "lead_event_source": source_name}
    if conversion.value is not None:
        custom |= {"value": conversion.value, "currency": conversion.currency}
    return {
        "event_name": conversion.event,
        "event_time": int(_event_time(conversion).timestamp()),
        "event_id": conversion.event_id,
        "action_source": "system_generated",
        "user_data": _user_data(conversion),
        "custom_data": custom,
    }


def judge_meta(answer: PlatformAnswer) -> PlatformProblem | None:
    """Return the problem that an answer tells of; None for a success, and where its status says enough.

    Nearly every error comes with the status 400. Its code says what it means.
    """
    if answer.status < 300:
        return None
    error = dict_at(_document(answer.body), "error")
    code, subcode = text_at(error, "code"), text_at(error, "error_subcode")
    named = f"error {code}, subcode {subcode}" if subcode else f"error {code}"
    if code in TOKEN_CODES:
        return PlatformProblem(f"Meta does not accept the access token ({named}). Enter a new one.")
    if code in PERMISSION_CODES or (code, subcode) == (PARAMETER_CODE, OBJECT_SUBCODE):
        return PlatformProblem(
            f"Meta does not let this access token send events to the dataset ({named}). Check the dataset's id, and "
            "make the token in its settings."
        )
    if code in VERSION_CODES:
        return PlatformProblem(f"Meta has ended the version of the Graph API that is set here ({named}).")
    if code in RATE_LIMIT_CODES or answer.status == 429:
        return PlatformProblem("Meta takes no more requests for a while.")
    if code in TRANSIENT_CODES or error.get("is_transient") is True:
        return PlatformProblem(f"Meta answered {answer.status} ({named}).")
    if answer.status == 400:
        said = f" ({named})" if code else ""
        return PlatformProblem(f"Meta refused the event{said}.", is_hopeless=True, is_divisible=True)
    return None


def _event_time(conversion: LeadConversion) -> datetime:
    """Return when it happened. Meta may drop an event from before its lead: clocks that differ make it look so."""
    attribution = _ad_lead(conversion)
    if attribution is None:
        return conversion.occurred_at
    generated = min(generated_at(conversion, attribution), conversion.occurred_at + MAX_CLOCK_DIFFERENCE)
    return max(conversion.occurred_at, generated)


def _ad_lead(conversion: LeadConversion) -> Mapping[str, Any] | None:
    """Return the newest attribution that names a lead of a lead ad."""
    for attribution in conversion.attributions:
        lead_id = attribution.get("provider_lead_id")
        if attribution.get("platform") in META_PLATFORMS and isinstance(lead_id, str) and _match_lead_id(lead_id):
            return attribution
    return None


def _user_data(conversion: LeadConversion) -> dict[str, Any]:
    """Return what identifies the lead; empty if nothing does. A name or a country alone identifies nobody."""
    person = conversion.person or ConversionPerson()
    user_data: dict[str, Any] = {}
    if attribution := _ad_lead(conversion):
        user_data["lead_id"] = int(attribution["provider_lead_id"])
    if click := _browser_id(conversion, "_fbc") or _clicked(conversion):
        user_data["fbc"] = click
    texts = {"em": normalise_address(person.email), "ph": phone_digits(person.phone)}
    user_data |= {name: [sha256_hex(text)] for name, text in texts.items() if text}
    if not user_data:
        return {}
    texts = {
        "fn": normalise_person_name(person.first_name),
        "ln": normalise_person_name(person.last_name),
        "country": country_code(person.country),
    }
    if browser := _browser_id(conversion, "_fbp"):
        user_data["fbp"] = browser
    return user_data | {name: [sha256_hex(text)] for name, text in texts.items() if text}


def _clicked(conversion: LeadConversion) -> str | None:
    """Return a click as Meta's own script writes it down: with its time in milliseconds."""
    click = click_id(conversion, "fbclid")
    if click is None:
        return None
    at = min(generated_at(conversion, click[1]), conversion.occurred_at)
    return f"fb.1.{int(at.timestamp() * 1000)}.{click[0]}"


def _browser_id(conversion: LeadConversion, name: str) -> str | None:
    """Return what Meta's script gave the visitor's browser."""
    for attribution in conversion.attributions:
        found = attribution.get("browser_ids")
        text = found.get(name) if isinstance(found, Mapping) else None
        if isinstance(text, str) and _match_browser_id(text):
            return text
    return None


def _document(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
