"""The document: pure, in the order of the routes, the same for the same code."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from services.api.openapi import parts
from services.api.openapi.operations import SERVICE, noun, operation
from services.api.openapi.schemas import Schemas
from shared import __version__
from shared.web.describe import description

INTRODUCTION = Path(__file__).with_name("introduction.md")


def document(routes: Sequence[web.RouteDef], public_url: str = "") -> dict[str, Any]:
    """OpenAPI 3.1 of those routes."""
    schemas = Schemas(description(route.handler) for route in routes)
    schemas.components |= parts.SCHEMAS
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route, schemas)
    components = {
        "securitySchemes": parts.SECURITY,
        "parameters": parts.PARAMETERS,
        "headers": parts.HEADERS,
        "responses": parts.responses(),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "LeadHub",
            "version": __version__,
            "description": INTRODUCTION.read_text(encoding="utf-8"),
        },
        "servers": [{"url": public_url or "/"}],
        "tags": [{"name": name} for name in _nouns(routes)],
        "paths": paths,
        "components": {"schemas": schemas.used([paths, components]), **components},
    }


def _nouns(routes: Iterable[web.RouteDef]) -> list[str]:
    """In the order of the routes, but the inbound side first and the service itself last."""
    found = dict.fromkeys(noun(route.path) for route in routes)
    return sorted(found, key=lambda name: {"inbound": 0, SERVICE: 2}.get(name, 1))
