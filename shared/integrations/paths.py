"""JSON paths: where in a sender's document a value stands. RFC 9535, less what takes more than one walk. Pure."""

from functools import lru_cache
from typing import Any

from jsonpath import JSONPathEnvironment
from jsonpath.exceptions import JSONPathError
from jsonpath.path import JSONPath

LONGEST = 255  # characters


class _Environment(JSONPathEnvironment):
    """Without functions: some match regular expressions, which can be made to take for ever."""

    def setup_function_extensions(self) -> None:
        pass


_ENVIRONMENT = _Environment(strict=True)


class InvalidPath(ValueError):
    """The text is no path, or one that is not taken. The message says why."""


@lru_cache(maxsize=1024)
def compiled(path: str) -> JSONPath:
    """The path, as `$.contact.email`, `$.answers[0].value` or `$.fields[?@.key == 'email'].value`. Raises InvalidPath.

    `..` and a second `$` (in a filter) are refused: their price grows with the square of the document, and the document
    is a stranger's.
    """
    if not path.startswith("$"):
        raise InvalidPath("it begins with $")
    if ".." in path or path.count("$") > 1:
        raise InvalidPath("'..' and a '$' within a path are not taken")
    try:
        return _ENVIRONMENT.compile(path)  # type: ignore[return-value]
    except (JSONPathError, RecursionError, ValueError, OverflowError) as error:
        raise InvalidPath(str(error.args[0])) from error  # its own text fails where the path is at its end


def values(path: str, document: Any) -> list[Any]:
    """All values that a path finds in a document, in their order. Raises InvalidPath."""
    return compiled(path).findall(document)
