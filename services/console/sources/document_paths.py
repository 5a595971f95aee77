"""A document as lines in which each value names its JSON path, with secrets masked. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from services.console.web.payload_text import PayloadLine, indented_lines, shown_tokens
from shared.integrations.json_paths import MAX_PATH_LENGTH, InvalidPath, compile_path

MAX_SHOWN_CHARS = 64 << 10  # characters of a document that are shown
MAX_SHOWN_LINES = 2_000
VALUE_KINDS = ("string", "number", "constant")
MAX_NAMED_ELEMENTS = 200  # elements of a list among which one is known by its name
# Members by which a form's answers are known, whatever their order.
NAMING_MEMBERS = (("key",), ("name",), ("column_id",), ("label",), ("ref",), ("field", "ref"), ("field", "id"))

_is_plain_name = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch


class PathToken(NamedTuple):
    """A piece of a document. `kind` is as in `payload_text`; a value has its `path`, others an empty one."""

    kind: str
    text: str
    path: str


def document_lines(document: Any, *, hides_values: bool) -> tuple[list[list[PathToken]], bool]:
    """Return the lines of a document, and whether they are not all of it."""
    try:
        tokens = shown_tokens(orjson.dumps(document), hides_values=hides_values)
        return _lines_with_paths(indented_lines(tokens), value_paths(document))
    except (orjson.JSONEncodeError, RecursionError):  # nested too deeply
        return [], True


def _lines_with_paths(written: Sequence[PayloadLine], paths: Iterator[str]) -> tuple[list[list[PathToken]], bool]:
    lines: list[list[PathToken]] = []
    room = MAX_SHOWN_CHARS
    for line in written[:MAX_SHOWN_LINES]:
        shown = [PathToken(*token, _valid(next(paths, "")) if token.kind in VALUE_KINDS else "") for token in line]
        room -= sum(len(token.text) for token in shown)
        if room < 0:
            return lines, True
        lines.append(shown)
    return lines, len(written) > MAX_SHOWN_LINES


def value_paths(document: Any, path: str = "$") -> Iterator[str]:
    """Yield the paths of all values that are no objects and no lists, in their order in the text."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from value_paths(value, f"{path}{_name_step(str(name))}")
    elif isinstance(document, list):
        for place, value in enumerate(document):
            yield from value_paths(value, f"{path}{_element_step(document, place)}")
    else:
        yield path


def _name_step(name: str) -> str:
    return f".{name}" if _is_plain_name(name) else f"[{_quoted(name)}]"


def _element_step(elements: Sequence[Any], place: int) -> str:
    """Return a step that finds an element by its name if it has one that no other has, else by its place."""
    if 1 < len(elements) <= MAX_NAMED_ELEMENTS:
        for members in NAMING_MEMBERS:
            named = [_member(element, members) for element in elements]
            if isinstance(named[place], str) and named.count(named[place]) == 1:
                return f"[?@.{'.'.join(members)} == {_quoted(named[place])}]"
    return f"[{place}]"


def _member(element: Any, members: Sequence[str]) -> Any:
    for name in members:
        element = element.get(name) if isinstance(element, dict) else None
    return element


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def _valid(path: str) -> str:
    """Return a path that a mapping takes, otherwise an empty text."""
    if not path or len(path) > MAX_PATH_LENGTH:
        return ""
    try:
        compile_path(path)
    except InvalidPath:
        return ""
    return path
