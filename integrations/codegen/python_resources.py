"""The groups of methods of the Python client, such as `client.leads`, in their asynchronous form."""

import keyword

from integrations.codegen.operations import ClientMethod, SpecObject, group_names
from integrations.codegen.python_models import python_type, query_name

HEADER = '''"""The groups of methods of a client. Generated from docs/openapi.json; do not edit."""

from __future__ import annotations

import builtins
from typing import Unpack, cast

from ._async_transport import AsyncPages, AsyncResource, quoted
from ._models import (
{models}
)


'''
# What a method returns and which helper of its base makes it, by the kind of answer.
RETURNS = {
    "page": ("AsyncPages[{model}]", "self._pages"),
    "list": ("builtins.list[{model}]", "await self._data"),
    "record": ("{model}", "await self._data"),
    "bytes": ("bytes", "await self._bytes"),
    "nothing": ("None", "await self._nothing"),
}


def resources_source(methods: list[ClientMethod]) -> str:
    """Return the module of all groups."""
    groups = [_group_source(group, [each for each in methods if each.group == group]) for group in group_names(methods)]
    models = sorted({name for method in methods for name in _model_names(method)})
    return HEADER.format(models="\n".join(f"    {name}," for name in models)) + "\n\n".join(groups)


def class_name(group: str) -> str:
    """Return the class of a group: `AsyncLeadsGroup`."""
    return f"Async{''.join(word.capitalize() for word in group.split('_'))}Group"


def _group_source(group: str, methods: list[ClientMethod]) -> str:
    return f"class {class_name(group)}(AsyncResource):\n" + "\n".join(map(_method_source, methods))


def _method_source(method: ClientMethod) -> str:
    returned, helper = (part.format(model=_model_type(method)) for part in RETURNS[method.kind])
    paged = method.kind == "page"
    arguments = ["self", *(f"{_argument(name)}: {python_type(schema)}" for name, schema in method.path_parameters)]
    if method.body:
        arguments.append(f"fields: {python_type(method.body)}" + ("" if method.body_is_required else " | None = None"))
    if method.query_parameters:
        arguments.append(f"**query: Unpack[{query_name(method)}]")
    words = [] if paged else [repr(method.http_method)]
    words.append(_path_expression(method))
    words += ["dict(query)"] if method.query_parameters else (["None"] if method.body and not paged else [])
    words += ["fields"] if method.body else []
    call = f"{helper}({', '.join(words)})"
    returns = call if paged or method.kind in ("bytes", "nothing") else f'cast("{returned}", {call})'
    statement = returns if method.kind == "nothing" else f"return {returns}"
    prefix = "def" if paged else "async def"
    return (
        f"    {prefix} {method.name}({', '.join(arguments)}) -> {returned}:\n"
        f'        """{method.summary}."""\n'
        f"        {statement}\n"
    )


def _path_expression(method: ClientMethod) -> str:
    if not method.path_parameters:
        return repr(method.path)
    path = method.path
    for name, schema in method.path_parameters:
        value = _argument(name) if python_type(schema) == "int" else f"quoted({_argument(name)})"
        path = path.replace(f"{{{name}}}", f"{{{value}}}")
    return f'f"{path}"'


def _argument(name: str) -> str:
    return {"id": "id_"}.get(name, f"{name}_" if keyword.iskeyword(name) else name)


def _model_type(method: ClientMethod) -> str:
    return " | ".join((*method.models, *(["None"] if method.may_be_absent else [])))


def _model_names(method: ClientMethod) -> list[str]:
    names = list(method.models)
    names += [query_name(method)] if method.query_parameters else []
    return names + _named_types(method.body)


def _named_types(schema: SpecObject | None) -> list[str]:
    return [str(schema["$ref"]).rpartition("/")[2]] if schema and "$ref" in schema else []
