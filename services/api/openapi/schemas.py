"""JSON schemas of requests and responses, made of the types that check them."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from services.api.openapi.component_names import REFERENCE_PREFIX, component_names, rename_references
from shared.platform.validation.schema import FieldsSchema
from shared.platform.web.openapi import OperationDescription

JsonSchema = dict[str, Any]
FORM_NOTE = "The same fields as a form sends them: lists as `tags[]`, objects as `custom_fields[budget]`."


class _UntitledJsonSchema(GenerateJsonSchema):
    """Leaves out field titles, which only repeat the field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class SchemaRegistry:
    """The schemas of all requests and responses of a set of handlers; `components` are those with a name."""

    def __init__(self, descriptions: Iterable[OperationDescription]) -> None:
        inputs: dict[tuple[str, JsonSchemaMode], TypeAdapter[Any]] = {}
        self._required: dict[str, set[tuple[str, ...]]] = {}  # the required fields of all endpoints, by type of body
        for description in descriptions:
            if description.body_schema:
                inputs[_type_key(description.body_schema.fields), "validation"] = description.body_schema.adapter
                required = self._required.setdefault(_type_key(description.body_schema.fields), set())
                required.add(description.body_schema.required)
            for shape in (description.response_type, *description.schemas_by_status.values()):
                if shape is not None:
                    inputs[_type_key(shape), "serialization"] = TypeAdapter(shape)
        json_schemas, defined = TypeAdapter.json_schemas(
            [(*key, adapter) for key, adapter in inputs.items()],
            ref_template=REFERENCE_PREFIX + "{model}",
            schema_generator=_UntitledJsonSchema,
            union_format="primitive_type_array",
        )
        schemas = defined.get("$defs", {})
        names = component_names(schemas)
        self._made: dict[tuple[str, JsonSchemaMode], JsonSchema] = rename_references(json_schemas, names)
        self.components: dict[str, JsonSchema] = {}
        for name, schema in schemas.items():  # in alphabetical order: `-Input` comes ahead of `-Output`
            self.components.setdefault(names[name], rename_references(schema, names) | {"title": names[name]})
        for schema in (*self._made.values(), *self.components.values()):
            _simplify_schema(schema)
        self._close_answers()
        self._tell_unions_apart()

    def request_schema(self, shape: FieldsSchema) -> JsonSchema:
        """Return the schema of a request body.

        If it requires more fields than another body of the same type, it is a component of its own.
        """
        schema = self._made[_type_key(shape.fields), "validation"]
        if not shape.required:
            return schema
        name = component_name(schema)
        stricter = name if len(self._required[_type_key(shape.fields)]) == 1 else f"New{name}"
        self.components[stricter] = with_required(self.components[name], shape.required) | {"title": stricter}
        return {"$ref": REFERENCE_PREFIX + stricter}

    def form_schema(self, shape: FieldsSchema, suffix: str) -> JsonSchema:
        """Return the schema of a body that is sent as a form: a component of its own, since generated clients choose
        the encoding by the class."""
        schema = self.request_schema(shape)
        name = f"{component_name(schema)}{suffix}"
        return self.add_component(name, {"description": FORM_NOTE, "allOf": [schema]})

    def add_component(self, name: str, schema: JsonSchema) -> JsonSchema:
        """Add a schema of the document's own under its name, and return a reference to it."""
        self.components[name] = {"title": name, **schema}
        return {"$ref": REFERENCE_PREFIX + name}

    def response_schema(self, record: Any) -> JsonSchema:
        """Return the schema of a record or a whole response."""
        return self._made[_type_key(record), "serialization"]

    def used_components(self, document: Any) -> dict[str, JsonSchema]:
        """Return the components that the document refers to, by name."""
        names: set[str] = set()
        ahead = set(referenced_names(document))
        while ahead:
            names |= ahead
            ahead = {found for name in ahead for found in referenced_names(self.components[name])} - names
        return {name: self.components[name] for name in sorted(names)}

    def _tell_unions_apart(self) -> None:
        """Say of each union without a discriminator which field tells its options apart."""
        for schema in [*self.components.values(), *self._made.values()]:
            for node in schema_nodes(schema):
                if "oneOf" in node and "discriminator" not in node and all("$ref" in each for each in node["oneOf"]):
                    node.setdefault("description", self._distinction(node["oneOf"]))

    def _distinction(self, options: list[JsonSchema]) -> str:
        parts, rest = [], []
        for option in options:
            name = component_name(option)
            others = {
                field
                for other in options
                if other != option
                for field in self.components[component_name(other)]["properties"]
            }
            own = [field for field in self.components[name].get("required", ()) if field not in others]
            parts += [f"{name} with `{own[0]}`"] if own else []
            rest += [] if own else [name]
        return f"{', '.join(parts)}, otherwise {rest[0]}." if rest else f"{', '.join(parts)}."

    def _close_answers(self) -> None:
        """Close the schemas of responses. Requests may have other fields, which are ignored."""
        shown = [schema for (_, mode), schema in self._made.items() if mode == "serialization"]
        for schema in [*shown, *self.used_components(shown).values()]:
            for node in schema_nodes(schema):
                if "properties" in node:
                    node.setdefault("additionalProperties", False)


def query_schema(shape: FieldsSchema) -> JsonSchema:
    """Return the schema of query parameters or headers: `properties` and the required ones."""
    schema = shape.adapter.json_schema(schema_generator=_UntitledJsonSchema, union_format="primitive_type_array")
    _simplify_schema(schema)
    return with_required(schema, shape.required)


def with_required(schema: JsonSchema, required: Iterable[str]) -> JsonSchema:
    """Return the schema with more required fields, which may then be neither null nor blank."""
    stricter = deepcopy(schema)
    stricter["required"] = sorted({*schema.get("required", ()), *required})
    for name in required:
        field = stricter["properties"][name] = _without_null(stricter["properties"][name])
        if field.get("type") == "string" and "enum" not in field:
            field.setdefault("minLength", 1)
            _simplify_schema(field)
    return stricter


def schema_nodes(schema: Any) -> Iterator[JsonSchema]:
    """Yield every schema within a schema, itself first."""
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(part, dict | list):
            yield from schema_nodes(part)


def referenced_names(value: Any) -> Iterator[str]:
    """Yield the names of the schemas that a value refers to."""
    for node in schema_nodes(value):
        if isinstance(node.get("$ref"), str) and node["$ref"].startswith(REFERENCE_PREFIX):
            yield component_name(node)


def component_name(reference: JsonSchema) -> str:
    """Return the name of the schema that a reference leads to."""
    return str(reference["$ref"]).rpartition("/")[2]


def _type_key(type_: Any) -> str:
    return repr(type_)


def _simplify_schema(schema: JsonSchema) -> None:
    """Shorten nullable types, use oneOf for unions of objects, and require more than spaces in required text."""
    for node in schema_nodes(schema):
        options = node.get("anyOf")
        if isinstance(options, list) and len(options) == 2 and {"type": "null"} in options:
            _shorten_nullable(node, next(option for option in options if option != {"type": "null"}))
        elif isinstance(options, list) and all("$ref" in option for option in options):
            node["oneOf"] = node.pop("anyOf")  # no two of our objects have the same fields
        if "string" in node.get("type", ()) and node.get("minLength"):
            node.setdefault("pattern", r"\S")


def _shorten_nullable(node: JsonSchema, option: JsonSchema) -> None:
    if isinstance(option.get("type"), str) and not {"enum", "const"} & option.keys():
        del node["anyOf"]
        node |= {**option, "type": [option["type"], "null"]}


def _without_null(schema: JsonSchema) -> JsonSchema:
    if isinstance(schema.get("type"), list):
        types = [name for name in schema["type"] if name != "null"]
        return {**schema, "type": types[0] if len(types) == 1 else types}
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        return {**{name: part for name, part in schema.items() if name != "anyOf"}, **options[0]}
    return {**schema, "anyOf": options} if options else schema
