"""The registry of integrations is complete, and credentials are checked, merged and masked by it."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.integrations.catalogue import INTEGRATION_TYPES
from shared.integrations.credentials import mask_secret, merge_credentials, shown_credentials
from shared.integrations.integration_type import IntegrationType
from shared.integrations.webhook_keys import decode_webhook_key
from shared.platform.errors import FieldErrors
from shared.platform.masking import SECRET_MASK
from shared.platform.validation.types import is_url

pytestmark = pytest.mark.unit

PROMISED = (
    "meta_lead_ads google_ads linkedin tiktok microsoft_ads snapchat pinterest whatsapp telegram viber typeform "
    "jotform calendly tally webflow gravity_forms wpforms elementor unbounce netlify mailgun sendgrid hubspot intercom "
    "shopify twilio smtp slack zapier make n8n webhook standard_webhooks meta_conversions google_data_manager"
).split()
SECRET = "a-long-secret-1234"
SMTP = {"host": "mail.example.com", "port": "587", "from": "crm@example.com"}


def merge(type_: str, stored: dict[str, str], sent: dict[str, Any]) -> tuple[dict[str, str], FieldErrors]:
    errors: FieldErrors = {}
    return merge_credentials(INTEGRATION_TYPES[type_], stored, sent, errors), errors


@pytest.mark.parametrize("token", ["EAAB one", "EAAB\nX-Other: yes", "EAAB\rX", "EAAB\x7f", "EAAß"])
def test_token_of_a_header_is_one_line(token: str) -> None:
    sent = {"dataset_id": "123", "access_token": token}
    _, errors = merge("meta_conversions", {}, sent)
    assert errors.keys() == {"credentials.access_token"}
    assert merge("meta_conversions", {}, sent | {"access_token": "EAAB|one-2_3.4"})[1] == {}


def base64_of(size: int) -> str:
    return b64encode(bytes(range(255, 255 - size, -1))).decode()  # with both characters that the alphabets differ in


def test_every_type_that_is_promised_is_there_once() -> None:
    assert sorted(INTEGRATION_TYPES) == sorted(PROMISED)
    assert len({kind.name for kind in INTEGRATION_TYPES.values()}) == len(PROMISED)


@pytest.mark.parametrize("kind", INTEGRATION_TYPES.values(), ids=lambda kind: kind.type)
def test_integration_type_is_fully_described(kind: IntegrationType) -> None:
    keys = [field.key for field in kind.fields]
    assert len(keys) == len(set(keys))
    assert kind.direction in ("inbound", "outbound", "both")
    assert is_url(kind.docs)
    assert kind.verification.endswith(".")
    assert all(field.label for field in kind.fields)


def test_outbound_only_types_are_mail_chat_and_conversions() -> None:
    outbound = {kind.type for kind in INTEGRATION_TYPES.values() if not kind.is_inbound}
    assert outbound == {"smtp", "slack", "meta_conversions", "google_data_manager"}
    assert {kind.type for kind in INTEGRATION_TYPES.values() if kind.direction == "both"} == {"mailgun", "twilio"}


def test_missing_credentials_and_strangers_are_named_all_at_once() -> None:
    _, errors = merge("meta_lead_ads", {}, {"app_secret": SECRET, "color": "red", "verify_token": None})
    assert errors == {
        "credentials.color": ["The credentials.color field is no credential of the type meta_lead_ads."],
        "credentials.verify_token": ["The credentials.verify_token field is required."],
        "credentials.page_access_token": ["The credentials.page_access_token field is required."],
    }


def test_a_value_of_a_wrong_type_is_told_as_that_and_hides_nothing() -> None:
    _, errors = merge("meta_lead_ads", {}, {"app_secret": [SECRET], "verify_token": SECRET})
    assert errors == {
        "credentials.app_secret": ["The credentials.app_secret field must be a string."],
        "credentials.page_access_token": ["The credentials.page_access_token field is required."],
    }


def test_a_change_goes_key_by_key() -> None:
    stored = {**SMTP, "username": "crm", "password": SECRET}
    assert merge("smtp", stored, {"port": "25", "username": None, "password": "another"}) == (
        {"host": "mail.example.com", "port": "25", "from": "crm@example.com", "password": "another"},
        {},
    )
    assert merge("smtp", stored, {"password": None}) == ({**SMTP, "username": "crm"}, {})
    assert merge("smtp", SMTP, {"host": None})[1] == {"credentials.host": ["The credentials.host field is required."]}


@pytest.mark.parametrize(
    ("type_", "stored", "sent", "named"),
    [
        ("smtp", {**SMTP, "password": SECRET}, {"host": "127.0.0.1", "port": "8216"}, "host and port"),
        ("smtp", {**SMTP, "password": SECRET}, {"host": "127.0.0.1", "password": mask_secret(SECRET)}, "host"),
        ("smtp", {**SMTP, "username": "crm", "password": SECRET}, {"username": None}, "username"),
        ("twilio", {"account_sid": "AC1", "auth_token": SECRET}, {"account_sid": "AC2"}, "account_sid"),
    ],
)
def test_a_secret_is_not_kept_for_another_place_or_user(
    type_: str, stored: dict[str, str], sent: dict[str, Any], named: str
) -> None:
    _, errors = merge(type_, stored, sent)
    [(name, [said])] = errors.items()
    key = name.removeprefix("credentials.")
    assert stored[key] == SECRET
    assert f"must be sent again, since {named} changes" in said
    assert merge(type_, stored, {**sent, key: SECRET})[1] == {}


def test_a_secret_stays_where_nothing_beside_it_changes() -> None:
    stored = {**SMTP, "password": SECRET}
    assert merge("smtp", stored, {"host": SMTP["host"], "port": 587, "username": "crm"}) == (
        {**stored, "username": "crm"},
        {},
    )
    # It is compared with what comes, and goes nowhere.
    generic = {"secret": SECRET, "signature_header": "X-Signed"}
    assert merge("webhook", generic, {"signature_header": "X-Sum"}) == ({**generic, "signature_header": "X-Sum"}, {})


@pytest.mark.parametrize(
    ("type_", "key", "value"),
    [
        ("smtp", "port", "0"),
        ("smtp", "port", "65536"),
        ("smtp", "port", "http"),
        ("smtp", "from", "nobody"),
        ("slack", "webhook_url", "slack"),
        ("webhook", "signature_header", "two words"),
        ("standard_webhooks", "secret", "whsec_short"),
        ("standard_webhooks", "secret", "whsec_!!!"),
        ("standard_webhooks", "secret", f"whsec_{base64_of(23)}"),
        ("standard_webhooks", "secret", f"whsec_{base64_of(65)}"),
        ("standard_webhooks", "secret", f"whpk_{base64_of(31)}"),
        ("standard_webhooks", "secret", f"whpk_{base64_of(33)}"),
        ("standard_webhooks", "secret", "whpk_é"),
        ("telegram", "secret_token", SECRET_MASK),
        ("telegram", "secret_token", f"{SECRET_MASK}9999"),
    ],
)
def test_a_credential_that_cannot_be_one_is_refused(type_: str, key: str, value: str) -> None:
    name = f"credentials.{key}"
    assert merge(type_, {"secret_token": SECRET}, {key: value})[1][name][0].startswith(f"The {name} field must be")


@pytest.mark.parametrize("text", [*(f"whsec_{base64_of(size)}" for size in (24, 25, 26, 64)), f"whpk_{base64_of(32)}"])
def test_a_key_of_standard_webhooks_may_be_a_secret_or_a_public_key_and_needs_no_padding(text: str) -> None:
    head, _, encoded = text.partition("_")
    for value in (text, text.rstrip("="), f"{head}_{encoded.replace('+', '-').replace('/', '_')}"):
        assert merge("standard_webhooks", {}, {"secret": value}) == ({"secret": value}, {})
        key = decode_webhook_key(value)
        assert key.is_public == text.startswith("whpk_")
        assert b64encode(key.data).decode() == encoded


def test_secrets_are_masked_and_the_rest_is_shown() -> None:
    assert shown_credentials(INTEGRATION_TYPES["smtp"], {**SMTP, "password": SECRET}) == {
        **SMTP,
        **dict.fromkeys(("username", "security", "from_name")),
        "password": f"{SECRET_MASK}1234",
    }


@given(st.text(min_size=1, max_size=60))
def test_a_mask_shows_at_most_the_end_of_a_long_secret(secret: str) -> None:
    found = mask_secret(secret)
    assert found == SECRET_MASK + (secret[-4:] if len(secret) >= 12 else "")


@given(st.text(min_size=1, max_size=60))
def test_a_masked_secret_that_comes_back_changes_nothing(secret: str) -> None:
    kind = INTEGRATION_TYPES["google_ads"]
    stored, errors = merge("google_ads", {}, {"google_key": secret})  # trimmed, as whatever is stored
    assume(not errors)
    assert merge("google_ads", stored, shown_credentials(kind, stored)) == (stored, {})
