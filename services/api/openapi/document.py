"""Makes the OpenAPI document: pure, in the order of the routes, and the same for the same code."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from services.api.openapi import components as parts
from services.api.openapi.operations import operation_object
from services.api.openapi.path_words import SERVICE_TAG, tag_of_path
from services.api.openapi.schemas import SchemaRegistry, schema_nodes
from services.api.openapi.webhook_operations import MESSAGE_DESCRIPTIONS, webhook_operations
from shared import __version__
from shared.platform.web.openapi import operation_description

INTRODUCTION_FILE = Path(__file__).with_name("introduction.md")
TAG_DESCRIPTIONS = {
    "inbound": "Where leads come in: single ones, batches, form submissions, and the webhooks of other services.",
    "leads": "The leads of the workspace: filter, search and edit them, tag them, read their timeline.",
    "operations": "What waits, which processes are alive, and what was given up.",
    "sources": "Integrations, forms and keys that leads come from: what came, and what was refused.",
    "forms": "Forms with fields of their own, and the addresses at which websites submit them.",
    "spam-rules": "Senders and words that public forms always allow or always hold.",
    "submissions": "Everything that was received, and what became of it. Failed ones can be processed again.",
    "files": "Files that visitors sent with forms.",
    "jobs": "What takes long: replays, releases, rejections and resent deliveries of many, watched and steered.",
    "duplicates": "Pairs of leads that are probably one person, with the reasons.",
    "imports": "Files of leads: what would become of each row, what became of it, and how to take it back.",
    "pipelines": "Sales pipelines and their stages.",
    "tags": "The tags of the workspace.",
    "users": "The people that leads and tasks are assigned to.",
    "audit-log": "Who changed what, and was refused what.",
    "api-keys": "Keys of this API: scopes, rate limits and expiry.",
    "tasks": "To-dos, about a lead or for a user.",
    "automations": "Rules that act on events: a trigger and the steps that follow. Each run is recorded.",
    "lead-scoring-rules": "Conditions that add points to a lead's score or take points away.",
    "integrations": "Connections to other services: sources of leads, and providers of mail, SMS and chat.",
    "webhooks": "Subscriptions of your addresses to events. The messages are described under Webhooks.",
    "events": "What happened in the workspace, read by cursor: for clients that no webhook can reach.",
    "deliveries": "Every outgoing message with its attempts. Messages can be sent again.",
    "retention": "For how many days a workspace keeps submissions, held ones, timelines and messages.",
    "workspace": "The settings of the workspace, and what a change of them would do.",
    "identities": "The emails and phones by which people are recognised.",
    "suppressions": "Addresses that get no mail, and the page on which people unsubscribe.",
    SERVICE_TAG: "The service itself: its health, this document, and what your key may do.",
}


# For a document that no service serves: a client is told where its LeadHub is.
ANY_SERVER = {
    "url": "{base}",
    "description": "Where your LeadHub is.",
    "variables": {"base": {"default": "http://127.0.0.1:8000"}},
}


def openapi_document(
    routes: Sequence[web.RouteDef], public_url: str = "", server: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the routes, for the host that serves it unless a `server` is given."""
    described = [operation_description(route.handler) for route in routes]
    schemas = SchemaRegistry([*described, *MESSAGE_DESCRIPTIONS.values()])
    schemas.components |= parts.COMMON_SCHEMAS
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = operation_object(route, schemas)
    webhooks = webhook_operations(schemas)
    common = {
        "securitySchemes": parts.SECURITY_SCHEMES,
        "parameters": parts.PARAMETER_COMPONENTS,
        "headers": parts.HEADER_COMPONENTS,
        "responses": parts.error_responses(),
    }
    components = {kind: _used_parts(kind, named, [paths, common]) for kind, named in common.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "LeadHub",
            "version": __version__,
            "description": INTRODUCTION_FILE.read_text(encoding="utf-8"),
            "contact": {"name": "Whoever runs this LeadHub"},
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [server or {"url": public_url or "/"}],
        "tags": [{"name": name, "description": TAG_DESCRIPTIONS[name]} for name in _tag_names(routes)],
        "paths": paths,
        "webhooks": webhooks,
        "components": {"schemas": schemas.used_components([paths, webhooks, components]), **components},
    }


def _used_parts(kind: str, named: dict[str, Any], document: Any) -> dict[str, Any]:
    """Return the components that the document refers to. Schemes of security are referred to by their bare names."""
    references = {node.get("$ref") for node in schema_nodes(document)}
    return {
        name: part
        for name, part in named.items()
        if kind == "securitySchemes" or f"#/components/{kind}/{name}" in references
    }


def _tag_names(routes: Iterable[web.RouteDef]) -> list[str]:
    """Return the tags in the order of the routes, with the inbound side first and the service itself last."""
    found = dict.fromkeys(tag_of_path(route.path) for route in routes)
    return sorted(found, key=lambda name: {"inbound": 0, SERVICE_TAG: 2}.get(name, 1))
