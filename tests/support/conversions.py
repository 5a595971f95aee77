"""Conversions in tests: made-up leads, an integration's settings, and a service account of one's own."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.workers.conversions.conversion_types import ConversionPerson, LeadConversion, PlatformAccess
from shared.integrations.conversion_settings import complete_conversions

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
META_LEAD_ID = "1234567890123456"
AD_LEAD = {"platform": "facebook", "provider_lead_id": META_LEAD_ID, "at": (NOW - timedelta(days=1)).isoformat()}
CONSENT = {"consent": {"ad_user_data": True}}
PERSON = ConversionPerson("Ada@Example.com", "+4915112345678", "Ada", "Lovelace", "DE")
META_CREDENTIALS = {"dataset_id": "100200300", "access_token": "token-of-the-dataset"}


def conversion(**changes: Any) -> LeadConversion:
    """An event of a lead that came yesterday from a lead ad, with consent."""
    known: dict[str, Any] = {
        "id": 7,
        "event": "Qualified",
        "event_id": "0f" * 16,
        "occurred_at": NOW - timedelta(hours=2),
        "lead_created_at": NOW - timedelta(days=1),
        "person": PERSON,
        "attributions": [AD_LEAD | CONSENT],
    }
    return LeadConversion(**(known | changes))


def meta_access(**settings: Any) -> PlatformAccess:
    return PlatformAccess("https://graph.facebook.com", "v26.0", META_CREDENTIALS, complete_conversions(settings))


@cache
def service_account_key() -> str:
    """The JSON key of a service account, as the Cloud console gives it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps(
        {
            "type": "service_account",
            "private_key_id": "key-1",
            "private_key": pem,
            "client_email": "leadhub@project-1.iam.gserviceaccount.com",
            "token_uri": "http://169.254.169.254/steal",
        }
    )


def google_credentials(**more: str) -> dict[str, str]:
    return {
        "customer_id": "123-456-7890",
        "conversion_action": "987654321",
        "service_account_key": service_account_key(),
        **more,
    }


def google_access(**settings: Any) -> PlatformAccess:
    credentials = google_credentials(login_customer_id="111-222-3333")
    return PlatformAccess("https://datamanager.googleapis.com", "", credentials, complete_conversions(settings))
