"""Leads and pipelines for the pages that show them, made over the API."""

import json
import secrets
import urllib.request
from typing import Any

from tests.support.stack import Stack


def call_api(stack: Stack, method: str, path: str, body: object = None) -> Any:
    """What the API answers, its `data` alone if it has one."""
    data = None if body is None else json.dumps(body).encode()
    headers = {**stack.headers, "Content-Type": "application/json", "Prefer": "wait=5"}
    request = urllib.request.Request(stack.base + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    found = json.loads(text) if text else {}
    return found.get("data", found)


def new_lead(stack: Stack, **fields: object) -> dict[str, Any]:
    """A lead of somebody new."""
    body = {"first_name": "Mary", "email": f"{secrets.token_hex(8)}@example.com", **fields}
    made: dict[str, Any] = call_api(stack, "POST", "/api/v1/leads", body)
    return made


def post_inbound(stack: Stack, **fields: object) -> int:
    """The id of the lead that a submission made or joined."""
    return int(call_api(stack, "POST", "/api/inbound/leads?tenant=main", fields)["lead_id"])


def new_pipeline(stack: Stack, *stages: dict[str, object]) -> dict[str, Any]:
    """A pipeline with those stages, by name."""
    body = {"name": f"Board {secrets.token_hex(4)}", "stages": list(stages)}
    made: dict[str, Any] = call_api(stack, "POST", "/api/v1/pipelines", body)
    return made
