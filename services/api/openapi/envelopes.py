"""What surrounds the records of an answer, named after them: LeadResponse, LeadPage, SourceList."""

from services.api.openapi.components import SpecObject, component_ref, object_schema
from services.api.openapi.schemas import SchemaRegistry, component_name

PAGE_META: SpecObject = {
    "description": "PageMeta with `page`, CursorMeta with `cursor`.",
    "oneOf": [component_ref("schemas", "PageMeta"), component_ref("schemas", "CursorMeta")],
}
PAGE_LINKS: SpecObject = {
    "description": "PageLinks with `page`, CursorLinks with `cursor`.",
    "oneOf": [component_ref("schemas", "PageLinks"), component_ref("schemas", "CursorLinks")],
}


def record_envelope(schemas: SchemaRegistry, record: SpecObject, *, with_meta: bool) -> SpecObject:
    """Return a reference to the schema of `{"data": record}`, or of `{"data": [record, ...]}` for an array."""
    if record.get("type") == "array":
        return _add_envelope(schemas, f"{component_name(record['items'])}List", object_schema({"data": record}))
    name = f"{component_name(record)}Response"
    if not with_meta and name in schemas.components:
        return component_ref("schemas", name)
    meta = {"meta": component_ref("schemas", "RecordMeta")} if with_meta else {}
    return _add_envelope(schemas, name, object_schema({"data": record, **meta}, *meta))


def page_envelope(schemas: SchemaRegistry, record: SpecObject) -> SpecObject:
    """Return a reference to the schema of a page of records, whether by number or by cursor."""
    fields = {"data": {"type": "array", "items": record}, "meta": PAGE_META, "links": PAGE_LINKS}
    return _add_envelope(schemas, f"{component_name(record)}Page", object_schema(fields))


def _add_envelope(schemas: SchemaRegistry, name: str, schema: SpecObject) -> SpecObject:
    known = schemas.components.get(name, schema)
    if known["properties"].get("data") != schema["properties"]["data"]:
        raise ValueError(f"Two schemas are named {name}.")
    return schemas.add_component(name, schema)
