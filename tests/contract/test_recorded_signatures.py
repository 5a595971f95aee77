"""Recorded requests of every provider with the signatures that they were recorded with, posted as they are."""

import json
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.contract.service import Answer, ask
from tests.contract.workspaces import Workspace
from tests.support.provider_bodies import TYPES_BY_FOLDER
from tests.support.provider_requests import WEBHOOK_SAMPLES, recorded_vectors
from tests.support.provider_signing import CREDENTIALS
from tests.support.wider_samples import NO_SAMPLES

FOLDERS = sorted(path.parent.name for path in WEBHOOK_SAMPLES.glob("*/vectors.json"))
SECRET_FIELDS = {
    **{"meta": "app_secret", "whatsapp": "app_secret", "google_ads": "google_key", "linkedin": "client_secret"},
    **{"tiktok": "app_secret", "mailgun": "signing_key", "twilio": "auth_token", "typeform": "secret"},
    **{"calendly": "signing_key", "tally": "signing_secret", "webflow": "signing_secret", "wpforms": "secret"},
    **{"netlify": "jws_secret", "hubspot": "client_secret", "intercom": "client_secret", "shopify": "client_secret"},
    **{"standard_webhooks": "secret", "stripe_style": "secret", "slack_style": "secret"},
}
SIGNATURE_HEADERS = {"stripe_style": "Stripe-Signature", "slack_style": "X-Slack-Signature"}
BOUND_TO_ADDRESS = ("twilio", "hubspot-published_v2")  # they sign the address that they were recorded with

if not FOLDERS:
    pytest.skip(NO_SAMPLES, allow_module_level=True)


def vectors() -> list[Any]:
    return [
        pytest.param(folder, vector, id=f"{folder}-{vector['name']}")
        for folder in FOLDERS
        for vector in recorded_vectors(folder)
    ]


@pytest.mark.parametrize(("folder", "vector"), vectors())
async def test_recorded_signature_is_judged_at_the_time_of_the_request(
    folder: str, vector: dict[str, Any], ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    type_ = TYPES_BY_FOLDER.get(folder, folder)
    body = {"type": type_, "name": vector["name"], "credentials": credentials_of(folder, type_, vector)}
    integration = await ours.make("/integrations", body)
    answer = await send(provider, integration, vector)
    if "response" in vector:  # a handshake
        assert_handshake(answer, vector["response"])
        return
    is_bound = folder in BOUND_TO_ADDRESS or f"{folder}-{vector['name']}" in BOUND_TO_ADDRESS
    # A signature that was valid at another time is too old now.
    is_accepted = vector["expected"] != "invalid" and vector["now"] is None and not is_bound
    assert answer.status == (200 if is_accepted else 401), answer.raw
    if not is_accepted:
        stored = await ours.ask("GET", f"/submissions?channel=integration:{integration['id']}")
        assert stored.body["data"] == []


def credentials_of(folder: str, type_: str, vector: dict[str, Any]) -> dict[str, str]:
    """The credentials of an integration that has the vector's secret."""
    found = {} if vector["expected"] == "unsigned" else dict(CREDENTIALS[type_])
    if vector["secret"] and "response" in vector and folder != "linkedin":
        found["verify_token"] = vector["secret"]
    elif vector["secret"]:
        found[SECRET_FIELDS[folder]] = vector["secret"]
    if "public_key_der_base64" in vector:
        found["verification_key"] = vector["public_key_der_base64"]
    if folder in SIGNATURE_HEADERS:
        found["signature_header"] = SIGNATURE_HEADERS[folder]
    return found


async def send(provider: aiohttp.ClientSession, integration: dict[str, Any], vector: dict[str, Any]) -> Answer:
    path = "/api/" + integration["webhook_url"].partition("/api/")[2]
    query = urlsplit(vector["url"]).query
    body = (WEBHOOK_SAMPLES / vector["body_file"]).read_bytes() if vector["body_file"] else None
    address = f"{path}?{query}" if query else path
    return await ask(provider, vector["method"], address, data=body, headers=vector["headers"])


def assert_handshake(answer: Answer, expected: dict[str, Any]) -> None:
    assert answer.status == expected["status"]
    if "body" in expected:
        assert answer.raw.decode() == expected["body"]
    if "json" in expected:
        assert json.loads(answer.raw) == expected["json"]
    if "content_type" in expected:
        assert answer.headers["Content-Type"].startswith(expected["content_type"])
