"""The table of the API's writable fields: where each is set in the console, or why nowhere."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.platform.installation import PROJECT_ROOT

TABLE_PATH = Path(__file__).with_name("writable_fields.toml")
DOCUMENT_PATH = PROJECT_ROOT / "docs" / "openapi.json"
REASON_MARK = "- "
SAME_AS = "same_as"
REF_PREFIX = "#/components/schemas/"


@dataclass(frozen=True)
class FieldEntry:
    """An entry of the table: a page and a control, or a reason, each by the name that the table gives it."""

    schema: str
    field: str
    text: str

    @property
    def reason(self) -> str:
        return self.text.removeprefix(REASON_MARK) if self.text.startswith(REASON_MARK) else ""

    @property
    def page(self) -> str:
        return "" if self.reason else self.text.partition(" ")[0]

    @property
    def control(self) -> str:
        return "" if self.reason else self.text.partition(" ")[2]


@dataclass(frozen=True)
class WritableFields:
    """The table. `pages` are addresses below the workspace, with names of records in braces."""

    entries: list[FieldEntry]
    reasons: Mapping[str, str]
    pages: Mapping[str, str]


def read_table() -> WritableFields:
    """The table as its file has it."""
    table = tomllib.loads(TABLE_PATH.read_text(encoding="utf-8"))
    reasons, pages = table.pop("reasons"), table.pop("pages")
    entries = [
        FieldEntry(schema, field, text)
        for schema, fields in table.items()
        for field, text in table[fields.get(SAME_AS, schema)].items()
    ]
    return WritableFields(entries, reasons, pages)


def document_fields() -> set[tuple[str, str]]:
    """Each field of each schema that a request's body may hold, of any depth."""
    document = json.loads(DOCUMENT_PATH.read_text(encoding="utf-8"))
    schemas = document["components"]["schemas"]
    operations = [one for path in document["paths"].values() for one in path.values() if isinstance(one, dict)]
    waiting = [name for one in operations if "requestBody" in one for name in named_schemas(one["requestBody"])]
    found: dict[str, list[str]] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = list(schemas[name].get("properties", {}))
            waiting += named_schemas(schemas[name])
    return {(name, field) for name, fields in found.items() for field in fields}


def named_schemas(part: Any) -> Iterator[str]:
    """The schemas that a part of the document names."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str) and part["$ref"].startswith(REF_PREFIX):
            yield part["$ref"].removeprefix(REF_PREFIX)
        for value in part.values():
            yield from named_schemas(value)
    elif isinstance(part, list):
        for value in part:
            yield from named_schemas(value)
