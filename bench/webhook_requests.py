"""Signed webhooks of one source, such as Typeform sends: each about another person, under an event id of its own."""

import base64
import hmac
from collections.abc import Iterator

import orjson

from bench.leads import FIRST_NAMES, LAST_NAMES

QUESTIONS = [
    {"id": "f1", "title": "What is your first name?", "type": "short_text"},
    {"id": "f2", "title": "Your last name", "type": "short_text"},
    {"id": "f3", "title": "Your email", "type": "email"},
    {"id": "f4", "title": "How many seats do you need?", "type": "number"},
]


def webhook_body(number: int) -> bytes:
    """Return the body of the response with that number."""
    answers = [
        {"type": "text", "text": FIRST_NAMES[number % len(FIRST_NAMES)], "field": {"id": "f1"}},
        {"type": "text", "text": LAST_NAMES[number % len(LAST_NAMES)], "field": {"id": "f2"}},
        {"type": "email", "email": f"source.{number}@example.com", "field": {"id": "f3"}},
        {"type": "number", "number": number % 50, "field": {"id": "f4"}},
    ]
    response = {
        "form_id": "bench",
        "token": f"response-{number}",
        "submitted_at": "2026-03-28T09:30:00Z",
        "hidden": {"utm_source": "newsletter", "utm_campaign": "spring"},
        "definition": {"fields": QUESTIONS},
        "answers": answers,
    }
    return orjson.dumps({"event_id": f"event-{number}", "event_type": "form_response", "form_response": response})


def webhook_requests(target: str, headers: dict[str, str], first: int, secret: str) -> Iterator[bytes]:
    """Yield endless signed requests, numbered from `first`."""
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    head = "\r\n".join([*lines, "Content-Type: application/json", ""]).encode()
    number = first
    while True:
        body = webhook_body(number)
        signature = base64.b64encode(hmac.digest(secret.encode(), body, "sha256"))
        yield b"%bTypeform-Signature: sha256=%b\r\nContent-Length: %d\r\n\r\n%b" % (head, signature, len(body), body)
        number += 1
