"""The ad platforms, by the type of their integrations. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from services.workers.conversions.conversion_eligibility import PlatformLimits
from services.workers.conversions.conversion_types import (
    ConversionPerson,
    LeadConversion,
    PlatformAccess,
    PlatformAnswer,
    PlatformCall,
    PlatformProblem,
)
from services.workers.conversions.google_conversions import google_call, google_skip_reason, judge_google
from services.workers.conversions.meta_conversions import judge_meta, meta_call, meta_skip_reason
from services.workers.conversions.person_hashes import sha256_hex
from shared.integrations.conversion_settings import complete_conversions

TEST_EVENT_NAME = "Test"
# A made-up person, with an address and a number that belong to nobody (RFC 2606, and 555-01xx).
TEST_PERSON = ConversionPerson("test@example.com", "+12015550123", "Test", "Person", "US")


class CallMaker(Protocol):
    """Makes the request that sends events. A test event is marked as one."""

    def __call__(
        self, access: PlatformAccess, conversions: Sequence[LeadConversion], *, is_test: bool
    ) -> PlatformCall: ...


@dataclass(frozen=True, slots=True)
class ConversionPlatform:
    """A platform. `url_setting` and `version_setting` name settings of the installation.

    `token_field` is the credential by which a token is asked for, if the platform wants one.
    """

    name: str
    limits: PlatformLimits
    make_call: CallMaker
    judge_answer: Callable[[PlatformAnswer], PlatformProblem | None]
    url_setting: str
    version_setting: str | None = None
    token_field: str | None = None


CONVERSION_PLATFORMS = {
    "meta_conversions": ConversionPlatform(
        "Meta", meta_skip_reason, meta_call, judge_meta, "meta_url", version_setting="meta_version"
    ),
    "google_data_manager": ConversionPlatform(
        "Google",
        google_skip_reason,
        google_call,
        judge_google,
        "google_data_manager_url",
        token_field="service_account_key",  # noqa: S106  # the name of a credential
    ),
}


def make_access(
    platform: ConversionPlatform, installation: Any, credentials: Mapping[str, str], settings: Mapping[str, Any]
) -> PlatformAccess:
    """Return how an integration with these settings reaches its platform. `installation` are the settings of all."""
    version = getattr(installation, platform.version_setting) if platform.version_setting else ""
    return PlatformAccess(
        getattr(installation, platform.url_setting),
        version,
        credentials,
        complete_conversions(settings.get("conversions")),
    )


def made_up_conversion(event: str | None, message_id: str, now: datetime) -> LeadConversion:
    """Return an event of a made-up lead."""
    at = now.astimezone(UTC)
    return LeadConversion(
        id=0,
        event=event or TEST_EVENT_NAME,
        event_id=f"test-{sha256_hex(f'{message_id}')[:27]}",
        occurred_at=at,
        lead_created_at=at,
        person=TEST_PERSON,
    )
