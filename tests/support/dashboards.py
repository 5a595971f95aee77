"""The dashboards of `deploy/grafana`, and the form that they must have."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from shared.platform.installation import PROJECT_ROOT

DASHBOARD_FILES = sorted((PROJECT_ROOT / "deploy" / "grafana").glob("*.json"))
DATASOURCE = {
    "type": "object",
    "required": ["type", "uid"],
    "properties": {"type": {"const": "prometheus"}, "uid": {"const": "${datasource}"}},
}
GRID_POSITION = {
    "type": "object",
    "required": ["h", "w", "x", "y"],
    "additionalProperties": False,
    "properties": {
        "h": {"type": "integer", "minimum": 1},
        "w": {"type": "integer", "minimum": 1, "maximum": 24},
        "x": {"type": "integer", "minimum": 0, "maximum": 23},
        "y": {"type": "integer", "minimum": 0},
    },
}
TARGET = {
    "type": "object",
    "required": ["refId", "expr", "datasource", "legendFormat"],
    "properties": {
        "refId": {"type": "string", "pattern": "^[A-Z]$"},
        "expr": {"type": "string", "pattern": "leadhub_"},
        "legendFormat": {"type": "string", "minLength": 1},
        "datasource": DATASOURCE,
    },
}
ROW = {"required": ["gridPos"], "properties": {"type": {"const": "row"}, "panels": {"maxItems": 0}}}
# A description says what to do, so it is a sentence.
CHART = {
    "required": ["description", "datasource", "targets", "fieldConfig", "gridPos"],
    "properties": {
        "type": {"enum": ["stat", "timeseries"]},
        "description": {"type": "string", "minLength": 20, "pattern": r"\.$"},
        "datasource": DATASOURCE,
        "targets": {"type": "array", "minItems": 1, "items": TARGET},
        "fieldConfig": {
            "type": "object",
            "required": ["defaults", "overrides"],
            "properties": {
                "defaults": {
                    "type": "object",
                    "required": ["unit"],
                    "properties": {"unit": {"enum": ["short", "s", "cps", "reqps", "percentunit"]}},
                }
            },
        },
    },
}
DASHBOARD_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["uid", "title", "description", "schemaVersion", "time", "refresh", "templating", "panels"],
    "properties": {
        "uid": {"type": "string", "pattern": "^leadhub-[a-z-]{1,32}$"},
        "title": {"type": "string", "minLength": 1},
        "description": {"type": "string", "minLength": 20},
        "schemaVersion": {"type": "integer", "minimum": 36},
        "id": {"type": "null"},
        "templating": {
            "type": "object",
            "properties": {
                "list": {
                    "type": "array",
                    "contains": {
                        "type": "object",
                        "required": ["name", "type", "query"],
                        "properties": {
                            "name": {"const": "datasource"},
                            "type": {"const": "datasource"},
                            "query": {"const": "prometheus"},
                        },
                    },
                }
            },
        },
        "panels": {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "required": ["id", "type", "title", "gridPos"],
                "properties": {
                    "id": {"type": "integer", "minimum": 1},
                    "title": {"type": "string", "minLength": 1},
                    "gridPos": GRID_POSITION,
                },
                "if": {"properties": {"type": {"const": "row"}}},
                "then": ROW,
                "else": CHART,
            },
        },
    },
}


def read_dashboard(path: Path) -> dict[str, Any]:
    found = orjson.loads(path.read_bytes())
    assert isinstance(found, dict)
    return found


def dashboard_queries() -> Iterator[tuple[str, str]]:
    """The place and the expression of each query, with Grafana's variables replaced."""
    for path in DASHBOARD_FILES:
        board = read_dashboard(path)
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                yield f"{board['uid']}: {panel['title']}", re.sub(r"\$__rate_interval", "1m", target["expr"])
