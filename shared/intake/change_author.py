"""The author of a change: an API key, a user of the console, or a command on the machine."""

from typing import Any, Literal, NamedTuple

AuthorKind = Literal["key", "user", "command"]


class ChangeAuthor(NamedTuple):
    """The author of a change, with the name that it had at the time. A command has no id."""

    kind: AuthorKind
    id: int | None
    name: str

    def to_json(self) -> dict[str, Any]:
        """Return the author as records show it: `{"kind", "id", "name"}`."""
        return self._asdict()


COMMAND_AUTHOR = ChangeAuthor("command", None, "leadhub replay")
