"""Values as a person is shown them before agreeing: whole, and nothing in them is hidden."""

import json
import re
from collections.abc import Mapping
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError

from services.mcp_server.untrusted_text import clean_text, is_hidden

LABEL_LENGTH = 100
HIDDEN_MESSAGE = (
    "{name} has characters that nobody sees, such as U+{code:04X}: a person could not agree to them. Leave them out. "
    "Nothing was changed."
)
# What a client that renders Markdown or HTML would hide or turn into something else.
_MARKUP = re.compile(r"[<>\[\]`]|&(?=[#\w])")


def shown_value(value: Any) -> str:
    """Return a value as JSON in which each character that is not seen, or that marks up, stands as its code."""
    if isinstance(value, list):
        return ", ".join(map(shown_value, value)) or "none"
    escaped = "".join(
        f"\\u{code:04x}" if (code := ord(one)) > 0x7E and (is_hidden(one) or one.isspace()) else one
        for one in json.dumps(value, ensure_ascii=False)
    )
    return _MARKUP.sub(lambda match: f"\\u{ord(match[0]):04x}", escaped)


def lead_label(lead: Mapping[str, Any]) -> str:
    """Return what a person knows a lead by. It is cut: nothing of it is written."""
    names = (lead.get("first_name"), lead.get("last_name"), lead.get("email") or lead.get("phone"))
    return clean_text(" ".join(str(name) for name in names if name), LABEL_LENGTH)


def refuse_hidden(name: str, value: Any) -> None:
    """ToolError if a text, or one of a list, has what nobody sees."""
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and (hidden := next(filter(is_hidden, text), None)):
            raise ToolError(HIDDEN_MESSAGE.format(name=name, code=ord(hidden)))
