"""Examples of parameters: what a reader, a collection of requests or a fuzzer may send.

A required parameter has its `example` where documentation pages fill it in. Examples of optional ones stand in their
schema, which pages only show: a page that sent all filters at once would find nothing.
"""

from typing import Any

ParameterObject = dict[str, Any]

EXAMPLES_BY_NAME: dict[str, Any] = {
    "Idempotency-Key": "order-17",
    "Prefer": "respond-async",
    "action": "api_key.created",
    "actor": "key:7",
    "after": "now",
    "alias": "newsletter",
    "channel": "integration:7",
    "cursor": "",
    "days": 30,
    "email": "sarah@example.com",
    "lane": "bulk",
    "min_score": 0.8,
    "minutes": 60,
    "page": 1,
    "per_page": 50,
    "phone": "+14155551234",
    "search": "johnson",
    "source": "website",
    "tag": "vip-client",
    "tenant": "main",
    "types": "lead.created,lead.updated",
    "token": "a-token-from-the-address",
    "utm_campaign": "spring-sale",
    "utm_source": "google",
}
EXAMPLES_BY_TYPE: dict[str, Any] = {"integer": 1, "boolean": True}
EXAMPLES_BY_FORMAT = {"uuid": "01a21e3c-441e-77b7-bb7a-103167db2d9f", "date": "2026-03-28"}


def with_example(parameter: ParameterObject) -> ParameterObject:
    """Return the parameter with an example. Raises KeyError for a text without one in the table."""
    schema = parameter["schema"]
    example = _example_value(parameter["name"], schema)
    if parameter.get("required"):
        return {**parameter, "example": example}
    return {**parameter, "schema": {**schema, "examples": [example]}}


def _example_value(name: str, schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    option = schema["anyOf"][0] if "anyOf" in schema else schema
    if option.get("format") in EXAMPLES_BY_FORMAT:
        return EXAMPLES_BY_FORMAT[option["format"]]
    if name in EXAMPLES_BY_NAME:
        return EXAMPLES_BY_NAME[name]
    return EXAMPLES_BY_TYPE[option["type"]]
