"""The groups of methods of the TypeScript client, such as `client.leads`, over the types of its schema module."""

from integrations.codegen.operations import ClientMethod, SpecObject, group_names, model_name

HEADER = """// The groups of methods of a client. Generated from docs/openapi.json by integrations/codegen; do not edit.

import type {{ Query }} from "./query.js";
import type {{
{models}
}} from "./schema.js";
import {{ type Pages, Resource, type Transport }} from "./transport.js";

"""
PLAIN_TYPES = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean"}
# What a method returns and which helper of its base makes it, by the kind of answer.
RETURNS = {
    "page": ("Pages<{model}>", "this.pages"),
    "list": ("Promise<{model}[]>", "this.data"),
    "record": ("Promise<{model}>", "this.data"),
    "bytes": ("Promise<Uint8Array>", "this.bytes"),
    "nothing": ("Promise<void>", "this.nothing"),
}


def resources_source(methods: list[ClientMethod]) -> str:
    """Return the module of all groups, and the base class of the client that has each of them as a member."""
    names = group_names(methods)
    groups = [_group_source(name, [each for each in methods if each.group == name]) for name in names]
    models = sorted({name for method in methods for name in (*method.models, *_body_models(method.body))})
    header = HEADER.format(models="\n".join(f"  {name}," for name in models))
    return header + "\n".join(groups) + "\n" + _groups_class(names)


def _groups_class(names: list[str]) -> str:
    members = "".join(f"  readonly {camel_case(name)}: {_class_name(name)};\n" for name in names)
    made = "".join(f"    this.{camel_case(name)} = new {_class_name(name)}(transport);\n" for name in names)
    return (
        "/** All groups of methods of a client. */\n"
        f"export class Groups {{\n{members}\n"
        f"  constructor(protected readonly transport: Transport) {{\n{made}  }}\n}}\n"
    )


def camel_case(name: str) -> str:
    """Return `addTag` for `add_tag`."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _class_name(group: str) -> str:
    return f"{''.join(word.capitalize() for word in group.split('_'))}Group"


def _group_source(group: str, methods: list[ClientMethod]) -> str:
    return f"export class {_class_name(group)} extends Resource {{\n" + "\n".join(map(_method_source, methods)) + "}\n"


def _method_source(method: ClientMethod) -> str:
    returned, helper = (part.format(model=_model_type(method)) for part in RETURNS[method.kind])
    arguments = [f"{camel_case(name)}: {PLAIN_TYPES[schema['type']]}" for name, schema in method.path_parameters]
    if method.body:
        arguments.append(f"fields{'' if method.body_is_required else '?'}: {_body_models(method.body)[0]}")
    if method.query_parameters:
        is_required = any(each.get("required") for each in method.query_parameters)
        arguments.append(f'query: Query<"{method.operation_id}">' + ("" if is_required else " = {}"))
    words = [] if method.kind == "page" else [f'"{method.http_method}"']
    words.append(_path_expression(method))
    words += ["query"] if method.query_parameters else (["{}"] if method.body else [])
    words += ["fields"] if method.body else []
    summary = method.summary.replace("*/", "* /")
    return (
        f"  /** {summary}. */\n"
        f"  {camel_case(method.name)}({', '.join(arguments)}): {returned} {{\n"
        f"    return {helper}({', '.join(words)});\n"
        "  }\n"
    )


def _path_expression(method: ClientMethod) -> str:
    if not method.path_parameters:
        return f'"{method.path}"'
    path = method.path
    for name, schema in method.path_parameters:
        value = camel_case(name) if schema["type"] == "integer" else f"encodeURIComponent({camel_case(name)})"
        path = path.replace(f"{{{name}}}", f"${{{value}}}")
    return f"`{path}`"


def _model_type(method: ClientMethod) -> str:
    return " | ".join((*method.models, *(["null"] if method.may_be_absent else [])))


def _body_models(body: SpecObject | None) -> list[str]:
    return [model_name(body)] if body and "$ref" in body else []
