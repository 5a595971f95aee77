"""The document as generators of clients, collections and pages read it: names, examples, bounds and keywords."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from docs.openapi_file import OPENAPI_FILE
from services.api.openapi.operation_names import OPERATION_NAMES
from services.api.openapi.path_words import static_parts
from services.api.openapi.schemas import referenced_names, schema_nodes
from shared.platform.validation.types import MAX_RECORD_ID
from tests.contract.operation_catalogue import DOCUMENT, JSON, OPERATIONS, Operation, faults, resolved

SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
SCHEMA_KEYWORDS = {
    *("$ref", "additionalProperties", "allOf", "anyOf", "const", "default", "description", "discriminator", "enum"),
    *("examples", "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems", "maxLength", "maxProperties"),
    *("maximum", "minItems", "minLength", "minProperties", "minimum", "oneOf", "pattern", "properties"),
    *("propertyNames", "required", "title", "type", "uniqueItems"),
}
OPENED_BY = re.compile(r"[a-z]+(_[a-z]+)+")


def schemas_within(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and those below it. Names of properties are no keywords."""
    if not isinstance(schema, dict):
        return
    yield schema
    below = [*schema.get("properties", {}).values(), *(schema.get(name) for name in ("items", "additionalProperties"))]
    below += [option for name in ("allOf", "anyOf", "oneOf") for option in schema.get(name, ())]
    for part in below:
        yield from schemas_within(part)


def all_schemas() -> Iterator[dict[str, Any]]:
    for schema in SCHEMAS.values():
        yield from schemas_within(schema)
    for node in schema_nodes(DOCUMENT["paths"]):
        yield from schemas_within(node.get("schema"))


def test_operations_have_short_names_of_their_own() -> None:
    names = [each.said["operationId"] for each in OPERATIONS]
    assert [name for name, times in Counter(names).items() if times > 1] == []
    assert [name for name in names if not OPENED_BY.fullmatch(name) or len(name) > 30] == []


def test_table_of_names_has_operations_alone() -> None:
    assert set(OPERATION_NAMES) - {str(each) for each in OPERATIONS} == set()


def test_twins_are_marked_for_generators() -> None:
    twins = [each for each in OPERATIONS if each.said.get("x-sdk-ignore")]
    assert {each.method for each in twins} == {"PUT", "PATCH"}
    assert all(each.said["operationId"].startswith(("put_", "patch_")) for each in twins)
    assert len([each for each in OPERATIONS if each.method == "PUT" and not each.said.get("x-sdk-ignore")]) == 1


def test_no_parameter_has_a_default_that_clients_would_send() -> None:
    parameters = [resolved(each) for operation in OPERATIONS for each in operation.said.get("parameters", ())]
    assert [each["name"] for each in parameters if "default" in each["schema"]] == []


def test_schemas_have_keywords_of_json_schema_alone() -> None:
    assert {keyword for schema in all_schemas() for keyword in schema} - SCHEMA_KEYWORDS == set()


def test_bounds_of_ids_are_safe_integers_of_javascript() -> None:
    bounds = [
        (each, parameter["schema"].get("maximum"))
        for each in OPERATIONS
        for place in ("path", "query")
        for parameter in each.parameters(place)
        if parameter["schema"].get("type") == "integer" and (parameter["name"] == "id" or "_id" in parameter["name"])
    ]
    assert len(bounds) > 100
    assert {bound for _, bound in bounds} == {MAX_RECORD_ID}


def test_a_form_has_another_schema_than_json() -> None:
    for each in OPERATIONS:
        content = each.said.get("requestBody", {}).get("content", {})
        shapes = [json.dumps(part["schema"]) for part in content.values()]
        assert len(shapes) == len(set(shapes)), each


def test_downloads_are_bytes() -> None:
    parts = [node["application/octet-stream"] for node in schema_nodes(DOCUMENT) if "application/octet-stream" in node]
    assert parts
    assert {json.dumps(part["schema"]) for part in parts} == {'{"type": "string", "format": "binary"}'}


def test_answers_in_json_are_named() -> None:
    unnamed = [
        str(each)
        for each in OPERATIONS
        for status, said in each.said["responses"].items()
        if status < "300" and "$ref" not in said.get("content", {}).get(JSON, {}).get("schema", {"$ref": ""})
    ]
    assert unnamed == ["GET /api/v1/openapi.json"]


def test_every_parameter_has_an_example_that_fits() -> None:
    for each in OPERATIONS:
        for parameter in map(resolved, each.said.get("parameters", ())):
            schema = parameter["schema"]
            (example,) = [parameter["example"]] if parameter.get("required") else schema["examples"]
            assert not faults(schema, example), (each, parameter["name"])


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.media], ids=str)
def test_every_request_has_an_example_that_fits(operation: Operation) -> None:
    for part in operation.said["requestBody"]["content"].values():
        assert not faults(part["schema"], part["example"])


def test_main_answers_have_examples_that_fit() -> None:
    shown = [
        (each, part)
        for each in OPERATIONS
        for said in each.said["responses"].values()
        for part in said.get("content", {}).values()
        if "example" in part
    ]
    assert len(shown) >= 10
    for each, part in shown:
        assert not faults(part["schema"], part["example"]), each


def test_options_of_a_union_can_be_told_apart() -> None:
    unions = [schema for schema in all_schemas() if "oneOf" in schema]
    assert [schema for schema in unions if "discriminator" not in schema and "description" not in schema] == []


def test_every_component_is_used() -> None:
    text = json.dumps(DOCUMENT)
    for kind in ("parameters", "headers", "responses"):
        for name in DOCUMENT["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text
    assert set(referenced_names([DOCUMENT["paths"], DOCUMENT["webhooks"], DOCUMENT["components"]])) == set(SCHEMAS)


def test_a_repeat_may_say_so_wherever_a_key_is_taken() -> None:
    for each in OPERATIONS:
        takes_key = any(parameter["name"] == "Idempotency-Key" for parameter in each.parameters("header"))
        answers = [said for status, said in each.said["responses"].items() if status < "300"]
        assert all(("Idempotent-Replayed" in said["headers"]) == takes_key for said in answers), each


def test_document_without_a_service_lets_its_reader_name_one() -> None:
    document = json.loads(OPENAPI_FILE.read_text(encoding="utf-8"))
    (server,) = document["servers"]
    assert server["url"] == "{base}"
    assert set(server["variables"]) == {"base"}
    assert document["info"]["contact"]["name"]


def test_events_stand_in_the_table_of_the_page_on_webhooks() -> None:
    page = (OPENAPI_FILE.parent / "webhooks.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `(\w+\.\w+)` \|", page, re.MULTILINE)
    assert set(table) == set(DOCUMENT["webhooks"])


def test_every_path_has_words() -> None:
    assert all(static_parts(each.path) for each in OPERATIONS)
