"""Make the message of a delivery of events for an ad platform. Pure.

The body is made when it is sent, of what the leads are then. No delivery stores it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from services.workers.conversions.conversion_eligibility import judge_conversions
from services.workers.conversions.conversion_platforms import (
    CONVERSION_PLATFORMS,
    ConversionPlatform,
    made_up_conversion,
    make_access,
)
from services.workers.conversions.conversion_types import JudgedConversions, LeadConversion, PlatformCall
from services.workers.deliveries.types import (
    ClaimedDelivery,
    ConversionRequest,
    HttpRequest,
    PreparedConversions,
    SkippedDelivery,
)
from services.workers.deliveries.webhook_request import JSON_CONTENT_TYPE, USER_AGENT, recorded_request
from shared.platform.settings import Settings

WRONG_TYPE_MESSAGE = "The integration is of another type."
NOTHING_TO_SEND_MESSAGE = "None of its events may be sent: the timelines of their leads say why."


def conversion_message(
    claimed: ClaimedDelivery,
    settings: Settings,
    type_: str,
    credentials: Mapping[str, str],
    integration_settings: Mapping[str, Any],
    events: Sequence[LeadConversion],
) -> PreparedConversions:
    """Return the message of a delivery, and which of its events it has. Raises KeyError for a missing credential."""
    platform = CONVERSION_PLATFORMS.get(type_)
    if platform is None:
        return PreparedConversions(
            SkippedDelivery("failed", WRONG_TYPE_MESSAGE), JudgedConversions(claimed.workspace_id)
        )
    access = make_access(platform, settings, credentials, integration_settings)
    test = orjson.loads(claimed.payload).get("test")
    if test is not None:
        sample = made_up_conversion(test.get("event"), claimed.message_id, claimed.claimed_at)
        judged = JudgedConversions(claimed.workspace_id, [sample])
    else:
        judged = judge_conversions(claimed.workspace_id, events, access, platform.limits, claimed.claimed_at)
    if not judged.sendable:
        return PreparedConversions(SkippedDelivery("cancelled", NOTHING_TO_SEND_MESSAGE), judged)
    call = platform.make_call(access, judged.sendable, is_test=test is not None)
    key = credentials[platform.token_field] if platform.token_field else None
    return PreparedConversions(ConversionRequest(type_, _http_request(call, platform, settings), key), judged)


def is_operators_address(settings: Settings, name: str) -> bool:
    """Return whether an address is not the built-in one. Such an address may be private."""
    return bool(getattr(settings, name) != Settings.model_fields[name].default)


def _http_request(call: PlatformCall, platform: ConversionPlatform, settings: Settings) -> HttpRequest:
    shown = {"Content-Type": JSON_CONTENT_TYPE, "User-Agent": USER_AGENT}
    return HttpRequest(
        call.url,
        {**shown, **call.headers},
        call.body,
        recorded_request(call.url, shown),
        is_trusted=is_operators_address(settings, platform.url_setting),
    )
