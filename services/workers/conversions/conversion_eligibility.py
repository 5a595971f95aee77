"""Decide whether an event may be sent: by consent, age, and by what identifies the lead. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.workers.conversions.conversion_types import (
    ConversionSkip,
    JudgedConversions,
    LeadConversion,
    PlatformAccess,
    SkipReason,
)

_match_click_id = re.compile(r"[A-Za-z0-9_.~-]{1,500}").fullmatch

PlatformLimits = Callable[[LeadConversion, datetime], SkipReason | None]


def known_consent(attributions: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> bool | None:
    """Return whether the lead consents, or None if nothing is known. The newest answer to a question counts.

    `attributions` begin with the newest. `keys` are the consents that count. A refusal of any of them is one of all.
    """
    answers: dict[str, bool] = {}
    for attribution in reversed(attributions):
        given = attribution.get("consent")
        if isinstance(given, Mapping):
            answers |= {_consent_name(name): answer for name, answer in given.items() if isinstance(answer, bool)}
    found = [answers[name] for name in map(_consent_name, keys) if name in answers]
    return all(found) if found else None


def judge_conversions(
    workspace_id: int,
    conversions: Sequence[LeadConversion],
    access: PlatformAccess,
    limits: PlatformLimits,
    now: datetime,
) -> JudgedConversions:
    """Return which events to send, and which to skip and why."""
    reasons = [skip_reason(one, access, limits, now) for one in conversions]
    return JudgedConversions(
        workspace_id,
        [one for one, reason in zip(conversions, reasons, strict=True) if reason is None],
        [
            ConversionSkip(one.id, reason)
            for one, reason in zip(conversions, reasons, strict=True)
            if reason is not None
        ],
    )


def skip_reason(
    conversion: LeadConversion, access: PlatformAccess, limits: PlatformLimits, now: datetime
) -> SkipReason | None:
    """Return why an event must not be sent, or None. Consent comes before everything else that is known of a lead."""
    if conversion.person is None:
        return "lead_deleted"
    consent = known_consent(conversion.attributions, access.settings["consent_keys"])
    if consent is False:
        return "consent_denied"
    if consent is None and access.settings["without_consent"] != "send":
        return "consent_unknown"
    return limits(conversion, now)


def generated_at(conversion: LeadConversion, attribution: Mapping[str, Any] | None = None) -> datetime:
    """Return when the lead came about: by the provider's clock, if its attribution says so."""
    text = (attribution or {}).get("at")
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        time = None
    if time is not None and time.tzinfo is not None:
        return time
    return conversion.lead_created_at or conversion.occurred_at


def click_id(conversion: LeadConversion, name: str) -> tuple[str, Mapping[str, Any]] | None:
    """Return the newest click id of that name, with the attribution that has it.

    Visitors can send anything as one. Texts that are none are passed over: one of them would spoil a whole batch.
    """
    for attribution in conversion.attributions:
        found = attribution.get("click_ids")
        if isinstance(found, Mapping) and isinstance(found.get(name), str) and _match_click_id(found[name]):
            return found[name], attribution
    return None


def _consent_name(name: str) -> str:
    return " ".join(name.split()).casefold()
