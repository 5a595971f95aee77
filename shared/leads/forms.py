"""Decode urlencoded bodies into nested values, by the bracket notation of web forms. Pure."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

MAX_FIELDS = 1000
MAX_DEPTH = 32

JSON_AS_FORM = (
    "The body is JSON, but its Content-Type is that of a form, as curl -d sends it. "
    "Send 'Content-Type: application/json': curl -H 'Content-Type: application/json' -d …"
)

# The beginning of a JSON object or list. An encoded form has no bare quotes, and no bare brace behind a bracket.
_JSON = re.compile(rb'\s*(?:\{\s*"|\[\s*[{"])').match
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)").fullmatch
_BRACKETED = re.compile(r"\[([^\[\]]*)\]").findall

_DIGITS = re.compile(r"[0-9]{1,19}").fullmatch
_IDS = {"pipeline_id", "pipeline_stage_id", "assigned_user_id"}
FLAGS = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}


class Malformed(ValueError):
    """The body cannot be read at all (400). The text is a sentence for the caller."""


def read_form(body: bytes) -> dict[str, Any]:
    """Return the object that a form such as `tags[]=a&custom_fields[budget]=10` means. Every leaf is a string.

    Raises `MalformedBody` for a body that is JSON or not UTF-8, has over 1,000 fields, or is nested over 32 levels.
    """
    if _JSON(body):
        raise Malformed(JSON_AS_FORM)
    return nested(_pairs(body))


def nested(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object that names in bracket notation describe. Raises `MalformedBody` beyond 32 levels."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        _put(tree, _path(name), value)
    return {key: _listed(value) for key, value in tree.items()}


def typed_fields(form: dict[str, Any]) -> dict[str, Any]:
    """Return the fields from `read_form` in their JSON types. Blank fields count as not sent.

    A value that cannot be converted stays text, so that the validation refuses it by name.
    """
    fields = {name: _typed(name, value) for name, value in form.items()}
    return {name: value for name, value in fields.items() if value != ""}


def _typed(name: str, value: Any) -> Any:
    if name == "custom_fields":  # the keys 0, 1, 2 … became a list
        return {str(key): field for key, field in enumerate(value)} if isinstance(value, list) else value
    if name == "tags":
        return [value] if isinstance(value, str) else list(value.values()) if isinstance(value, dict) else value
    if isinstance(value, list):  # the last value of a repeated name counts, as with most web servers
        value = value[-1]
    if not isinstance(value, str):
        return value
    text = value.strip()
    if name in _IDS and _DIGITS(text):
        return int(text)
    return FLAGS.get(text.lower(), text) if name == "starred" else text


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        text = body.decode()
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except UnicodeDecodeError as error:
        raise Malformed("The form is not valid UTF-8.") from error
    except ValueError as error:
        raise Malformed(f"The form has more than {MAX_FIELDS} fields.") from error


def _path(name: str) -> list[str]:
    """Return `["a", "b", ""]` for `a[b][]`. A name with unbalanced brackets is one part."""
    match = _NAME(name)
    path = [match[1], *_BRACKETED(match[2])] if match else [name]
    if len(path) > MAX_DEPTH:
        raise Malformed(f"The form is nested over {MAX_DEPTH} levels.")
    return path


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    node = tree
    for part in path[:-1]:
        key = part or str(len(node))
        child = node.get(key)
        if not isinstance(child, dict):
            child = {} if child is None else {"0": child}
        node[key] = child
        node = child
    last = path[-1] or str(len(node))
    if last in node:
        _put(node, [last, ""], value)
    else:
        node[last] = value


def _listed(value: Any) -> Any:
    """Turn objects with the keys 0, 1, 2 … into lists. `[]`, a repeated name and `[0]` all produce such keys."""
    if not isinstance(value, dict):
        return value
    children = {key: _listed(child) for key, child in value.items()}
    counts = all(key == str(index) for index, key in enumerate(children))
    return list(children.values()) if counts else children
