"""Values that a schema of the document allows, and values that it forbids."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.contract.operation_catalogue import Schema, resolved
from tests.contract.service import new_email, new_phone

Fill = Callable[[str], Any]  # the id to put where a field names another record

LARGEST = 2**53 - 1
NULL = {"type": "null"}
WRONG_TYPES: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "integer": 7,
    "number": 1.5,
    "string": "text",
    "array": [[]],
    "object": {"a": {}},
}
FORMATS = {"date-time": "2026-03-28T09:15:00+00:00", "date": "2026-03-28", "uri": "https://example.com/x"}
TEXTS: dict[str, Callable[[], Any]] = {
    "email": new_email,
    "phone": new_phone,
    "country": lambda: "US",
    "field": lambda: "country",
}


class Leaf(NamedTuple):
    """A place in a body: its dotted name, its schema, and how to make a body with a value there."""

    name: str
    schema: Schema
    body: Callable[[Any], Any]

    @property
    def key(self) -> str:
        """The field's own name: `stage_id` of `steps.0.action.stage_id`."""
        return next(part for part in reversed(self.name.split(".")) if not part.isdigit())


def is_id(schema: Schema) -> bool:
    """Whether it is the id of a record."""
    return schema.get("minimum") == 1 and schema.get("maximum") == LARGEST


def options(schema: Schema) -> list[Schema]:
    """The schemas of which a value has to fit one; null is none of them."""
    schema = resolved(schema)
    several = schema.get("anyOf") or schema.get("oneOf")
    if not several:
        return [schema]
    return [option for each in several for option in options(each) if option != NULL]


def minimal(schema: Schema, fill: Fill, name: str = "") -> Any:
    """The least that fits."""
    schema = options(schema)[0]
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kinds = types(schema)
    if "object" in kinds:
        return {each: minimal(schema["properties"][each], fill, each) for each in schema.get("required", ())}
    if "array" in kinds:
        return [minimal(schema["items"], fill, name) for _ in range(schema.get("minItems", 0))]
    if "integer" in kinds or "number" in kinds:
        return fill(name) if is_id(schema) else schema.get("minimum", 1)
    if "string" in kinds:
        return text(schema, name)
    return "boolean" in kinds


def text(schema: Schema, name: str) -> str:
    """A text that fits, another one each time."""
    if name in TEXTS:
        return str(TEXTS[name]())
    made = FORMATS.get(schema.get("format", ""), f"sample {uuid.uuid4().hex[:12]}")
    return made[: schema.get("maxLength", 99)]


def types(schema: Schema) -> list[str]:
    """The JSON types that it allows."""
    if "type" not in schema:
        return ["object"] if "properties" in schema else list(WRONG_TYPES)
    return [schema["type"]] if isinstance(schema["type"], str) else list(schema["type"])


def leaves(schema: Schema, fill: Fill) -> Iterator[Leaf]:
    """Every field of a body, those within fields too, each reached by the least that leads to it. Every type of object
    is entered once: a condition may hold conditions without end."""
    yield from _within(schema, fill, "", lambda value: value, set())


def _within(schema: Schema, fill: Fill, name: str, body: Callable[[Any], Any], entered: set[str]) -> Iterator[Leaf]:
    for option in options(schema):
        if isinstance(option.get("items"), dict):
            yield from _below(option["items"], fill, f"{name}.0", _wrap(body), entered)
        mark = repr(option)
        if "properties" not in option or mark in entered:
            continue
        entered.add(mark)
        least = {each: minimal(option["properties"][each], fill, each) for each in option.get("required", ())}
        for field, part in option["properties"].items():
            yield from _below(part, fill, f"{name}.{field}".lstrip("."), _put(body, least, field), entered)


def _below(schema: Schema, fill: Fill, name: str, body: Callable[[Any], Any], entered: set[str]) -> Iterator[Leaf]:
    yield Leaf(name, schema, body)
    yield from _within(schema, fill, name, body, entered)


def _put(body: Callable[[Any], Any], least: dict[str, Any], field: str) -> Callable[[Any], Any]:
    return lambda value: body({**least, field: value})


def _wrap(body: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: body([value])


def bad_values(schema: Schema) -> Iterator[Any]:
    """Of every kind of fault one: each wrong type, and each bound passed by one."""
    several = options(schema)
    allowed = {kind for option in several for kind in types(option)}
    allowed |= {"null"} if NULL in (resolved(schema).get("anyOf") or ()) else set()
    allowed |= {"integer"} if "number" in allowed else set()
    yield from (value for kind, value in WRONG_TYPES.items() if kind not in allowed)
    if len(several) == 1:
        yield from _beyond(several[0])
    if "string" in allowed:
        yield from ("a\0b", "\ud800")


def _beyond(schema: Schema) -> Iterator[Any]:
    kinds = types(schema)
    if "string" in kinds:
        yield from _bad_texts(schema)
    if "integer" in kinds or "number" in kinds:
        yield from (schema[bound] + step for bound, step in (("minimum", -1), ("maximum", 1)) if bound in schema)
    if "array" in kinds and "maxItems" in schema:
        yield [minimal(schema["items"], lambda _: 1, "tag") for _ in range(schema["maxItems"] + 1)]
    if "array" in kinds and schema.get("minItems"):
        yield []
    if "object" in kinds and "maxProperties" in schema:
        yield {f"key {number}": 1 for number in range(schema["maxProperties"] + 1)}
    if "maxLength" in schema.get("propertyNames", {}):
        yield from ({"k" * (schema["propertyNames"]["maxLength"] + 1): 1}, {"": 1})


def _bad_texts(schema: Schema) -> Iterator[str]:
    if "enum" in schema:
        yield "no such value"
    if "const" in schema:
        yield f"{schema['const']} no more"
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)
    if schema.get("minLength") and "null" not in types(schema):
        yield from ("", "  ")
    if schema.get("pattern", r"\S") != r"\S":
        yield "\x7f\u2028"
    if schema.get("format") in ("date-time", "date", "email", "uri", "uuid"):
        yield f"no {schema['format']}"
