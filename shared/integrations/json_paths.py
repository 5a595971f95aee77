"""JSON paths (RFC 9535), which locate values in a sender's document. Expensive constructs are refused. Pure."""

from functools import lru_cache
from typing import Any

from jsonpath import JSONPathEnvironment
from jsonpath.exceptions import JSONPathError
from jsonpath.path import JSONPath

MAX_PATH_LENGTH = 255  # characters


class _PathEnvironment(JSONPathEnvironment):
    """An environment without functions, because some match regular expressions, which can take unbounded time."""

    def setup_function_extensions(self) -> None:
        pass


_PATH_ENVIRONMENT = _PathEnvironment(strict=True)


class InvalidPath(ValueError):
    """The text is not a path, or a path that is refused. The message says why."""


@lru_cache(maxsize=1024)
def compile_path(path: str) -> JSONPath:
    """Compile a path such as `$.contact.email` or `$.fields[?@.key == 'email'].value`. Raises InvalidPath.

    `..` and a second `$` (in a filter) are refused: their cost grows with the square of the document, and the document
    is not trusted.
    """
    if not path.startswith("$"):
        raise InvalidPath("it begins with $")
    if ".." in path or path.count("$") > 1:
        raise InvalidPath("'..' and a '$' within a path are not taken")
    try:
        return _PATH_ENVIRONMENT.compile(path)  # type: ignore[return-value]
    except (JSONPathError, RecursionError, ValueError, OverflowError) as error:
        raise InvalidPath(str(error.args[0])) from error  # str(error) fails if the error is at the end of the path


def find_values(path: str, document: Any) -> list[Any]:
    """Return all values that a path finds in a document, in order. Raises InvalidPath."""
    return compile_path(path).findall(document)
