"""Python types of the document's schemas: TypedDicts, which need no library and cost nothing at run time."""

import keyword
import textwrap
from typing import Any

from integrations.codegen.operations import ClientMethod, SpecObject

HEADER = '''"""The records and requests of LeadHub's API. Generated from docs/openapi.json; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

'''
PLAIN_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
DOC_WIDTH = 110


def models_source(document: SpecObject, methods: list[ClientMethod]) -> str:
    """Return the module of all models: those of the document, and the query of each method that has one."""
    schemas: dict[str, SpecObject] = document["components"]["schemas"]
    parts = [_model_source(name, schema) for name, schema in schemas.items()]
    parts += [_query_source(method) for method in methods if method.query_parameters]
    events = [message["post"]["requestBody"]["content"] for message in document["webhooks"].values()]
    names = [python_type(content["application/json"]["schema"]) for content in events]
    parts.append(f"WebhookEvent: TypeAlias = {_quoted(' | '.join(names))}\n")
    return HEADER + "\n".join(parts)


def query_name(method: ClientMethod) -> str:
    """Return the name of the type of a method's query: `ListLeadsQuery`."""
    return "".join(word.capitalize() for word in method.operation_id.split("_")) + "Query"


def python_type(schema: SpecObject) -> str:
    """Return the type of a schema as it is written in a hint."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            return " | ".join(dict.fromkeys(python_type(option) for option in schema[several]))
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds or []
    return " | ".join(_type_of_kind(kind, schema) for kind in kinds) or "Any"


def _type_of_kind(kind: str, schema: SpecObject) -> str:
    if kind == "array":
        return f"list[{python_type(schema.get('items', {}))}]"
    if kind == "object":
        values = schema.get("additionalProperties", {})
        return f"dict[str, {python_type(values if isinstance(values, dict) else {})}]"
    return PLAIN_TYPES[kind]


def _model_source(name: str, schema: SpecObject) -> str:
    properties = schema.get("properties")
    if not properties:
        return f"{name}: TypeAlias = {_quoted(python_type(schema))}\n"
    required = schema.get("required", ())
    return _typed_dict(name, properties, required, schema.get("description", ""))


def _query_source(method: ClientMethod) -> str:
    properties = {each["name"]: each["schema"] for each in method.query_parameters}
    # A filter that is null is a filter that is not sent.
    required = [each["name"] for each in method.query_parameters if each.get("required")]
    return _typed_dict(query_name(method), properties, required, "")


def _typed_dict(name: str, properties: SpecObject, required: Any, description: str) -> str:
    types = {
        field: python_type(schema) if field in required else f"NotRequired[{python_type(schema)}]"
        for field, schema in properties.items()
    }
    doc = _docstring(description)
    if all(field.isidentifier() and not keyword.iskeyword(field) for field in types):
        fields = "".join(f"    {field}: {type_}\n" for field, type_ in types.items())
        return f"class {name}(TypedDict):\n{doc}{fields}\n"
    fields = "".join(f"        {field!r}: {_quoted(type_)},\n" for field, type_ in types.items())
    return f'{name} = TypedDict(\n    "{name}",\n    {{\n{fields}    }},\n)\n'


def _docstring(description: str) -> str:
    if not description:
        return ""
    paragraphs = [textwrap.fill(part, DOC_WIDTH) for part in description.split("\n\n")]
    text = textwrap.indent("\n\n".join(paragraphs).replace("\\", "\\\\").replace('"""', "'''"), "    ")
    closing = "\n    " if "\n" in text else ""
    return f'    """{text.strip()}{closing}"""\n\n'


def _quoted(type_: str) -> str:
    return f'"{type_}"' if '"' not in type_ else repr(type_)
