"""Events for Google's Data Manager API: offline conversions of Google Ads. Pure.

Sources: https://developers.google.com/data-manager/api/reference/rest/v1/events/ingest (request, 2,000 events),
https://developers.google.com/data-manager/api/devguides/events/google-ads/offline/send-events (which members),
https://developers.google.com/data-manager/api/reference/rest/v1/ErrorReason (reasons),
https://support.google.com/google-ads/answer/7014069 (90 days after a click, 63 with what identifies the person alone).
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.workers.conversions.conversion_eligibility import click_id, generated_at, known_consent
from services.workers.conversions.conversion_types import (
    ConversionPerson,
    LeadConversion,
    PlatformAccess,
    PlatformAnswer,
    PlatformCall,
    PlatformProblem,
    SkipReason,
)
from services.workers.conversions.person_hashes import normalise_for_google, phone_digits, sha256_hex

CLICK_NAMES = ("gclid", "gbraid", "wbraid")
MAX_CLICK_AGE, MAX_PERSON_AGE = timedelta(days=90), timedelta(days=63)
PERSONALIZATION_KEY = "ad_personalization"
CONSENT_STATES = {True: "CONSENT_GRANTED", False: "CONSENT_DENIED"}
# Of the account or its conversion action. No other event would be taken either.
_find_account_reason = re.compile(
    r'"((?:INVALID_CONVERSION_ACTION|CONVERSION_ACTION|INVALID_DESTINATION|DESTINATION_ACCOUNT|OPERATING_ACCOUNT|'
    r"LINKED_ACCOUNT|UNSUPPORTED_OPERATING_ACCOUNT|MISMATCHED_ACCOUNT|NOT_ALLOWLISTED|TERMS_AND_CONDITIONS|"
    r'EVENT_SOURCE_AND_DESTINATION|EU_POLITICAL_ADVERTISING)[A-Z_]*)"'
).search
_find_event_field = re.compile(r'"field"\s*:\s*"[^"]*\bevents\b').search
_find_destination_field = re.compile(r'"field"\s*:\s*"[^"]*\bdestinations\b').search


def google_skip_reason(conversion: LeadConversion, now: datetime) -> SkipReason | None:
    """Return why Google would not take the event."""
    clicks = [found for name in CLICK_NAMES if (found := click_id(conversion, name))]
    age = now - min([generated_at(conversion, each) for _, each in clicks] or [generated_at(conversion)])
    if age > (MAX_CLICK_AGE if clicks else MAX_PERSON_AGE):
        return "lead_too_old"
    return None if clicks or _user_identifiers(conversion) else "no_identifier"


def google_call(access: PlatformAccess, conversions: Sequence[LeadConversion], *, is_test: bool) -> PlatformCall:
    """Return the request that sends the events, all for one conversion action. A test is checked and goes no further.

    The token is asked for later.
    """
    keys = access.settings["consent_keys"]
    body: dict[str, Any] = {
        "destinations": [_destination(access, conversions[0].conversion_action)],
        "events": [google_event(one, keys) for one in conversions],
        "encoding": "HEX",
        "validateOnly": is_test,
    }
    url = f"{access.base_url.rstrip('/')}/v1/events:ingest"
    return PlatformCall(url, {}, json.dumps(body, separators=(",", ":")).encode())


def google_event(conversion: LeadConversion, consent_keys: Sequence[str]) -> dict[str, Any]:
    """Return the event as Google wants it. What is not known is missing."""
    clicks = {name: found[0] for name in CLICK_NAMES if (found := click_id(conversion, name))}
    people = _user_identifiers(conversion)
    event: dict[str, Any] = {
        "transactionId": conversion.event_id,
        "eventTimestamp": conversion.occurred_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "eventSource": "WEB" if clicks or _came_from_a_page(conversion) else "OTHER",
        **({"adIdentifiers": clicks} if clicks else {}),
        **({"userData": {"userIdentifiers": people}} if people else {}),
    }
    consents = {"adUserData": consent_keys, "adPersonalization": (PERSONALIZATION_KEY,)}
    states = {name: known_consent(conversion.attributions, keys) for name, keys in consents.items()}
    if known := {name: CONSENT_STATES[state] for name, state in states.items() if state is not None}:
        event["consent"] = known
    if conversion.value is not None:
        event |= {"conversionValue": conversion.value, "currency": conversion.currency}
    return event


def judge_google(answer: PlatformAnswer) -> PlatformProblem | None:
    """Return the problem that an answer tells of; None for a success, and where its status says enough."""
    if answer.status == 401:
        return PlatformProblem("Google does not accept the token of the service account.")
    if answer.status == 403:
        return PlatformProblem(
            "Google does not let the service account send events. Switch the Data Manager API on in its project, and "
            "give its address access to the Google Ads account."
        )
    if answer.status == 404:
        return PlatformProblem("Google has no such account, or does not let the service account see it.")
    if answer.status != 400:
        return None
    reason = _find_account_reason(answer.body)
    if reason or (_find_destination_field(answer.body) and not _find_event_field(answer.body)):
        named = f" ({reason[1]})" if reason else ""
        return PlatformProblem(
            f"Google refused the account or its conversion action{named}. Check the ids in the settings."
        )
    return PlatformProblem("Google refused the event (INVALID_ARGUMENT).", is_hopeless=True, is_divisible=True)


def _destination(access: PlatformAccess, conversion_action: str | None) -> dict[str, Any]:
    """Return the conversion action, in its account. A manager account is named if the access is by that one."""
    destination = {"operatingAccount": _ads_account(access.credentials["customer_id"])}
    if manager := access.credentials.get("login_customer_id"):
        destination["loginAccount"] = _ads_account(manager)
    action = conversion_action or access.credentials["conversion_action"]
    return {**destination, "productDestinationId": action.replace("-", "")}


def _ads_account(number: str) -> dict[str, str]:
    return {"accountType": "GOOGLE_ADS", "accountId": number.replace("-", "")}


def _user_identifiers(conversion: LeadConversion) -> list[dict[str, str]]:
    """Return address and phone. A name counts at Google only with a postal code, which leads do not have."""
    person = conversion.person or ConversionPerson()
    identifiers: list[dict[str, str]] = []
    if address := normalise_for_google(person.email):
        identifiers.append({"emailAddress": sha256_hex(address)})
    if digits := phone_digits(person.phone):
        identifiers.append({"phoneNumber": sha256_hex(f"+{digits}")})
    return identifiers


def _came_from_a_page(conversion: LeadConversion) -> bool:
    names = ("page_url", "landing_page", "form_id", "ad_id", "campaign_id")
    return any(attribution.get(name) for attribution in conversion.attributions for name in names)
