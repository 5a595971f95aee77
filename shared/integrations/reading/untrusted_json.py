"""Read members of JSON that nobody checked: a missing or strange member reads as an empty one. Pure."""

from typing import Any


def value_at(node: Any, *path: str | int) -> Any:
    """Return the value at a path of member names and positions, or None."""
    for step in path:
        if isinstance(node, dict):
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int) and -len(node) <= step < len(node):
            node = node[step]
        else:
            return None
    return node


def text_at(node: Any, *path: str | int) -> str:
    """Return a text or number at a path as text without outer spaces, or an empty text. Flags are no text."""
    value = value_at(node, *path)
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def dict_at(node: Any, *path: str | int) -> dict[str, Any]:
    """Return the object at a path, or an empty one."""
    value = value_at(node, *path)
    return value if isinstance(value, dict) else {}


def list_at(node: Any, *path: str | int) -> list[Any]:
    """Return the array at a path, or an empty one."""
    value = value_at(node, *path)
    return value if isinstance(value, list) else []


def is_true_at(node: Any, *path: str | int) -> bool:
    """Return whether a flag is set at a path: true, 1, or one of these as text."""
    value = value_at(node, *path)
    return value is True or str(value).strip().lower() in ("true", "1")
