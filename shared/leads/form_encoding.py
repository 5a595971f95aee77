"""Decode urlencoded bodies into nested values, by the bracket notation of web forms. Pure."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

MAX_FORM_FIELDS = 1000
MAX_NESTING_DEPTH = 32

JSON_AS_FORM_MESSAGE = (
    "The body is JSON, but its Content-Type is that of a form, as curl -d sends it. "
    "Send 'Content-Type: application/json': curl -H 'Content-Type: application/json' -d …"
)

# The beginning of a JSON object or list. An encoded form has no bare quotes, and no bare brace behind a bracket.
_JSON_START = re.compile(rb'\s*(?:\{\s*"|\[\s*[{"])').match
_BRACKETED_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)").fullmatch
_BRACKET_PARTS = re.compile(r"\[([^\[\]]*)\]").findall

_ID_DIGITS = re.compile(r"[0-9]{1,19}").fullmatch
_ID_FIELDS = {"pipeline_id", "pipeline_stage_id", "assigned_user_id"}
FLAG_WORDS = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}


class MalformedBody(ValueError):
    """The body cannot be read at all (400). The text is a sentence for the caller."""


def read_form(body: bytes) -> dict[str, Any]:
    """Return the object that a form such as `tags[]=a&custom_fields[budget]=10` means. Every leaf is a string.

    Raises `MalformedBody` for a body that is JSON or not UTF-8, has over 1,000 fields, or is nested over 32 levels.
    """
    if _JSON_START(body):
        raise MalformedBody(JSON_AS_FORM_MESSAGE)
    return parse_brackets(_decoded_pairs(body))


def parse_brackets(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object that names in bracket notation describe. Raises `MalformedBody` beyond 32 levels."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        _put_value(tree, _name_path(name), value)
    return {key: _with_lists(value) for key, value in tree.items()}


def typed_fields(form: dict[str, Any]) -> dict[str, Any]:
    """Return the fields from `read_form` in their JSON types. Blank fields count as not sent.

    A value that cannot be converted stays text, so that the validation refuses it by name.
    """
    fields = {name: _typed_value(name, value) for name, value in form.items()}
    return {name: value for name, value in fields.items() if value != ""}


def _typed_value(name: str, value: Any) -> Any:
    if name == "custom_fields":  # the keys 0, 1, 2 … became a list
        return {str(key): field for key, field in enumerate(value)} if isinstance(value, list) else value
    if name == "tags":
        return [value] if isinstance(value, str) else list(value.values()) if isinstance(value, dict) else value
    if isinstance(value, list):  # the last value of a repeated name counts, as with most web servers
        value = value[-1]
    if not isinstance(value, str):
        return value
    text = value.strip()
    if name in _ID_FIELDS and _ID_DIGITS(text):
        return int(text)
    return FLAG_WORDS.get(text.lower(), text) if name == "starred" else text


def _decoded_pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        text = body.decode()
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except UnicodeDecodeError as error:
        raise MalformedBody("The form is not valid UTF-8.") from error
    except ValueError as error:
        raise MalformedBody(f"The form has more than {MAX_FORM_FIELDS} fields.") from error


def _name_path(name: str) -> list[str]:
    """Return `["a", "b", ""]` for `a[b][]`. A name with unbalanced brackets is one part."""
    match = _BRACKETED_NAME(name)
    path = [match[1], *_BRACKET_PARTS(match[2])] if match else [name]
    if len(path) > MAX_NESTING_DEPTH:
        raise MalformedBody(f"The form is nested over {MAX_NESTING_DEPTH} levels.")
    return path


def _put_value(tree: dict[str, Any], path: list[str], value: Any) -> None:
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
        _put_value(node, [last, ""], value)
    else:
        node[last] = value


def _with_lists(value: Any) -> Any:
    """Turn objects with the keys 0, 1, 2 … into lists. `[]`, a repeated name and `[0]` all produce such keys."""
    if not isinstance(value, dict):
        return value
    children = {key: _with_lists(child) for key, child in value.items()}
    counts = all(key == str(index) for index, key in enumerate(children))
    return list(children.values()) if counts else children
