"""The endpoints as the OpenAPI document describes them, made of the same code as the running service."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs
from aiohttp import web

from services.api.app import DOWNLOAD_ROUTES
from services.api.app import ROUTES as API
from services.api.openapi.document import openapi_document
from services.api.openapi.handlers import ROUTES as PAGES
from services.gateway.app import GATEWAY_ROUTES as GATEWAY

Schema = dict[str, Any]

ROUTES: list[web.RouteDef] = [*API, *DOWNLOAD_ROUTES, *PAGES, *GATEWAY]
DOCUMENT = openapi_document(ROUTES)
JSON = "application/json"


def resolved(part: Schema) -> Schema:
    """What a part of the document says, where it may only refer to it."""
    while "$ref" in part:
        found: Any = DOCUMENT
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = {**found, **{name: value for name, value in part.items() if name != "$ref"}}
    return part


def faults(schema: Schema, value: Any) -> list[str]:
    """What is wrong with a value by a schema of the document."""
    found = _validator(json.dumps(schema)).iter_errors(value)
    return [f"{'.'.join(map(str, error.instance_path))}: {error.message[-200:]}" for error in found]


@cache
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    rooted = {**json.loads(schema), "components": DOCUMENT["components"]}  # where its references lead to
    return jsonschema_rs.Draft202012Validator(rooted, validate_formats=True)


@dataclass(frozen=True)
class Operation:
    """One endpoint."""

    method: str
    path: str
    said: Schema

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_public(self) -> bool:
        return not self.said["security"]

    @property
    def scopes(self) -> list[str]:
        """The scopes of which it needs one; none where any key will do, or nobody's."""
        return [scope for need in self.said["security"] for scopes in need.values() for scope in scopes]

    @property
    def path_names(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    @property
    def id_names(self) -> list[str]:
        """The parameters of the path that name a record. All workspaces have the same lanes and numbers of versions."""
        return [name for name in self.path_names if name not in ("lane", "version")]

    @property
    def media(self) -> list[str]:
        """The types of body that it takes."""
        return list(self.said.get("requestBody", {}).get("content", ()))

    @property
    def body(self) -> Schema | None:
        """The schema of its JSON body."""
        content = self.said.get("requestBody", {}).get("content", {})
        return content[JSON]["schema"] if JSON in content else None

    def parameters(self, place: str) -> Iterator[Schema]:
        """Those in `query`, `header` or `path`."""
        for parameter in map(resolved, self.said.get("parameters", ())):
            if parameter["in"] == place:
                yield parameter

    def answer(self, status: int) -> Schema | None:
        """What the document says of an answer of that status."""
        found = self.said["responses"].get(str(status))
        return None if found is None else resolved(found)


OPERATIONS = [
    Operation(method.upper(), path, said) for path, item in DOCUMENT["paths"].items() for method, said in item.items()
]


def operations(path: str) -> dict[str, Operation]:
    """The endpoints at a path, by method."""
    return {each.method: each for each in OPERATIONS if each.path == path}
