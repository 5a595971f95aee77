"""Writes docs/event-catalogue.md, the events and their schemas: `.venv/bin/python -m docs.event_catalogue_page`."""

import json
from pathlib import Path
from typing import Any

from services.api.openapi.event_catalogue import event_catalogue

PAGE = Path(__file__).with_name("event-catalogue.md")
HEAD = """# Events

What LeadHub tells of by [webhooks](webhooks.md), by [cursor](events.md) and with `leadhub listen`.
Each message is one of these objects, unless a subscription has a body of its own.
`GET /api/v1/webhooks/events` answers the same, with one JSON Schema for each event that needs no other file.

The samples are of a made-up lead, whose ids are 0.
This page is made by `.venv/bin/python -m docs.event_catalogue_page`.

| event | |
|---|---|
"""
SHARED_HEAD = """## Shared schemas

The events refer to these, as to `#/$defs/Lead`.
"""


def page() -> str:
    """The page's text."""
    catalogue = event_catalogue()
    rows = [
        f"| [`{one['name']}`](#{_anchor(one['name'])}) | {_first_sentence(one['description'])} |" for one in catalogue
    ]
    shared = {name: schema for one in catalogue for name, schema in sorted(_definitions(one).items())}
    parts = [
        HEAD + "\n".join(rows) + "\n",
        *map(_section, catalogue),
        SHARED_HEAD,
        *map(_definition, sorted(shared.items())),
    ]
    return "\n".join(parts)


def _section(event: dict[str, Any]) -> str:
    note = "" if event["is_subscribable"] else "It needs no subscription.\n"
    own = event["schema"]["$ref"].rpartition("/")[2]
    schema = event["schema"]["$defs"][own]
    return (
        f"## {event['name']}\n\n{_lines(event['description'])}\n{note}\n"
        f"{_code(event['sample'])}\n<details>\n<summary>JSON Schema</summary>\n\n{_code(schema)}\n</details>\n"
    )


def _definition(named: tuple[str, dict[str, Any]]) -> str:
    name, schema = named
    return f"### {name}\n\n<details>\n<summary>JSON Schema</summary>\n\n{_code(schema)}\n</details>\n"


def _definitions(event: dict[str, Any]) -> dict[str, Any]:
    """The schemas that an event refers to, without its own."""
    own = event["schema"]["$ref"].rpartition("/")[2]
    return {name: schema for name, schema in event["schema"]["$defs"].items() if name != own}


def _code(value: Any) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```\n"


def _lines(text: str) -> str:
    return text.replace(". ", ".\n")


def _first_sentence(text: str) -> str:
    return f"{text.partition('. ')[0].rstrip('.')}."


def _anchor(name: str) -> str:
    return name.replace(".", "")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
