"""Requests to the readers and verifiers of providers, as their tests make them."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.integrations.provider import Provider
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import (
    FORM_MEDIA_TYPE,
    JSON_MEDIA_TYPE,
    CaseInsensitive,
    Credentials,
    SignatureRefused,
    WebhookRequest,
)
from tests.support.wider_samples import NO_SAMPLES, SAMPLES, sample_json

WEBHOOK_SAMPLES = SAMPLES / "webhooks"
NOW = 1_774_690_300.0
URL = "https://gw.example.com/api/inbound/webhooks/token"
SECRET = "a-made-up-secret"
MULTIPART = "multipart/form-data; boundary=X"  # of the bodies that `multipart` makes


def request_of(
    body: Any = b"",
    headers: dict[str, str] | None = None,
    media_type: str = JSON_MEDIA_TYPE,
    *,
    method: str = "POST",
    url: str = URL,
    now: float = NOW,
) -> WebhookRequest:
    """Return a request with a body: bytes as they are, other values as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(method, url, CaseInsensitive({"Content-Type": media_type, **(headers or {})}), raw, now)


def read(
    provider: Provider,
    body: Any,
    headers: dict[str, str] | None = None,
    credentials: Credentials | None = None,
    media_type: str = JSON_MEDIA_TYPE,
) -> list[SourceEvent]:
    """Return the events of a body."""
    return list(provider.read(request_of(body, headers, media_type), credentials or {}))


def read_one(
    provider: Provider, body: Any, headers: dict[str, str] | None = None, media_type: str = JSON_MEDIA_TYPE
) -> SourceEvent:
    """Return the only event of a body."""
    (event,) = read(provider, body, headers, media_type=media_type)
    return event


def read_form(provider: Provider, fields: Mapping[str, str] | None = None, /, **more: str) -> SourceEvent:
    """Return the only event of a form with these fields."""
    return read_one(provider, urlencode({**(fields or {}), **more}).encode(), media_type=FORM_MEDIA_TYPE)


def refusal(provider: Provider, request: WebhookRequest, credentials: Credentials) -> str:
    """Return the reason for which a request is refused, or an empty text."""
    try:
        provider.verify(request, credentials)
    except SignatureRefused as error:
        return error.reason
    return ""


def multipart(*parts: tuple[str, str | bytes, str]) -> bytes:
    """Return a form with the boundary X of names, values and file names."""
    lines: list[bytes] = []
    for name, value, file_name in parts:
        of_file = f'; filename="{file_name}"' if file_name else ""
        head = f'--X\r\nContent-Disposition: form-data; name="{name}"{of_file}\r\n\r\n'.encode()
        lines += [head, value.encode() if isinstance(value, str) else value, b"\r\n"]
    return b"".join([*lines, b"--X--\r\n"])


def sample_body(name: str) -> bytes:
    """Return a recorded body, or skip the test."""
    if not (WEBHOOK_SAMPLES / name).exists():
        pytest.skip(NO_SAMPLES)
    return (WEBHOOK_SAMPLES / name).read_bytes()


def sample_document(name: str) -> Any:
    """Return the JSON of a recorded body, or skip the test."""
    return json.loads(sample_body(name))


def recorded_vectors(folder: str) -> list[dict[str, Any]]:
    """Return the requests of a folder that are marked as valid or invalid. None where no samples are."""
    return list(sample_json(f"webhooks/{folder}/vectors.json").get("vectors", []))


def vector_request(vector: dict[str, Any]) -> WebhookRequest:
    """Return the request of a vector, at its time."""
    body = (WEBHOOK_SAMPLES / vector["body_file"]).read_bytes() if vector["body_file"] else b""
    headers = CaseInsensitive(vector["headers"])
    return WebhookRequest(vector["method"], vector["url"], headers, body, float(vector["now"] or NOW))
